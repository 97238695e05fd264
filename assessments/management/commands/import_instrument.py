import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from assessments.errors import LicenceForbids
from assessments.instruments import (
    Instrument,
    InstrumentError,
    Slot,
    Wording,
    instruments,
    load_wording,
    parse_licensed,
    slots,
)
from assessments.instruments.fhir import wording_from_fhir
from assessments.instruments.licensed import KEYS, NORMS
from assessments.profiles import parse_norms
from assessments.services import check_licence

LARGEST_BYTES = 1_000_000


class Command(BaseCommand):
    """Puts a licence holder's words, key or norms into the folder for them."""

    help = (
        "Fill INSTRUMENT_WORDING_DIR from a FHIR Questionnaire (R4, R5) that you may show to patients. "
        "It has to be the same instrument, item by item and answer by answer, or is refused with the reason. "
        "Of an instrument that ships without items, FILE has its items and key, or with --norms its norm set."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the code of the instrument and the file."""
        parser.add_argument("instrument", choices=sorted({*instruments(), *slots()}))
        parser.add_argument("--norms", action="store_true", help="FILE is a licensed norm set.")
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Write the words; words that are there already stay, and have to be taken away first."""
        if not settings.INSTRUMENT_WORDING_DIR:
            raise CommandError("Set INSTRUMENT_WORDING_DIR to the folder for such words first.")
        slot = slots().get(options["instrument"])
        if slot is not None:
            self._keep_licensed(slot, options["file"], folder=NORMS if options["norms"] else KEYS)
            return
        if options["norms"]:
            raise CommandError(f"{options['instrument']} has no norms.")
        instrument = instruments()[options["instrument"]]
        try:
            check_licence(instrument)
            words = _in_our_format(_read(instrument, options["file"]))
            _check(instrument, words)
        except (InstrumentError, LicenceForbids) as refusal:
            raise CommandError(str(refusal)) from refusal
        path = Path(settings.INSTRUMENT_WORDING_DIR) / f"{instrument.code}.json"
        if path.with_suffix(".toml").exists():
            raise CommandError(f"{path.with_suffix('.toml')} is there already.")
        _write(path, words.encode())
        self.stdout.write(f"{path}: {instrument.title}. Restart the server to show it.")

    def _keep_licensed(self, slot: Slot, file: Path, *, folder: str) -> None:
        """Copy a licensed file as it is, once it has been read as the server will."""
        if slot.code not in settings.INSTRUMENT_PERMISSIONS:
            raise CommandError(
                f"{slot.title} needs the permission of {slot.licence.holder}. {slot.licence.note}"
                f" With it, name {slot.code} in INSTRUMENT_PERMISSIONS."
            )
        content, path = _content(file), Path(settings.INSTRUMENT_WORDING_DIR) / folder / f"{slot.code}.toml"
        try:
            if folder == NORMS:
                parse_norms(slot, content, file=path.name)
            else:
                parse_licensed(slot, content, file=path.name)
        except InstrumentError as refusal:
            raise CommandError(str(refusal)) from refusal
        path.parent.mkdir(exist_ok=True)
        _write(path, content)
        self.stdout.write(f"{path}: {folder} of {slot.title}. Restart the server to use it.")


def _write(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    if len(content) > LARGEST_BYTES:
        raise CommandError(f"{path} is larger than {LARGEST_BYTES} bytes.")
    return content


def _read(instrument: Instrument, path: Path) -> Wording:
    try:
        return wording_from_fhir(instrument, json.loads(_content(path)), file=path.name)
    except (ValueError, RecursionError) as error:
        if isinstance(error, InstrumentError):
            raise
        raise CommandError(f"{path} is no JSON.") from error


def _in_our_format(wording: Wording) -> str:
    answers = {
        key: {str(value): label for value, label in each.items()} for key, each in wording.answers.items()
    }
    words = {
        "instrument": wording.instrument,
        "version": wording.version,
        "items": dict(wording.items),
        "answers": answers,
    }
    return json.dumps(words, indent=1, ensure_ascii=False) + "\n"


def _check(instrument: Instrument, words: str) -> None:
    """Read the words as the server will; raises InstrumentError."""
    with TemporaryDirectory() as folder:
        (Path(folder) / f"{instrument.code}.json").write_text(words)
        load_wording(instrument, Path(folder))
