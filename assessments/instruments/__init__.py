"""Questionnaires as data: one TOML file each, read once, checked strictly. No questionnaire's wording."""

from assessments.instruments.at_hand import instruments, licensed_folder, use_folder
from assessments.instruments.definition import CrisisRule, Finding, Instrument, Item, Scale
from assessments.instruments.licensed import Slot, parse_licensed, slots
from assessments.instruments.loader import parse_instrument
from assessments.instruments.tables import InstrumentError
from assessments.instruments.wording import Wording, answer_labels, item_text, load_wording

__all__ = [
    "CrisisRule",
    "Finding",
    "Instrument",
    "InstrumentError",
    "Item",
    "Scale",
    "Slot",
    "Wording",
    "answer_labels",
    "instruments",
    "item_text",
    "licensed_folder",
    "load_wording",
    "parse_instrument",
    "parse_licensed",
    "slots",
    "use_folder",
]
