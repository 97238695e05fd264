"""Questionnaires as data: one TOML file each, read once, checked strictly. No questionnaire's wording."""

from assessments.instruments.definition import CrisisRule, Finding, Instrument, Item, Scale
from assessments.instruments.loader import instruments, parse_instrument
from assessments.instruments.tables import InstrumentError
from assessments.instruments.wording import Wording, answer_labels, item_text, load_wording

__all__ = [
    "CrisisRule",
    "Finding",
    "Instrument",
    "InstrumentError",
    "Item",
    "Scale",
    "Wording",
    "answer_labels",
    "instruments",
    "item_text",
    "load_wording",
    "parse_instrument",
]
