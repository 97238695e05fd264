import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from assessments.errors import LicenceForbids
from assessments.instruments import Instrument, InstrumentError, Wording, instruments, load_wording
from assessments.instruments.fhir import wording_from_fhir
from assessments.services import check_licence

LARGEST_BYTES = 1_000_000


class Command(BaseCommand):
    """Puts an instrument's own words into the folder for them, from a FHIR Questionnaire."""

    help = (
        "Fill INSTRUMENT_WORDING_DIR from a FHIR Questionnaire (R4, R5) that you may show to patients. "
        "It has to be the same instrument, item by item and answer by answer, or is refused with the reason."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the code of the instrument and the file."""
        parser.add_argument("instrument", choices=sorted(instruments()))
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Write the words; words that are there already stay, and have to be taken away first."""
        instrument = instruments()[options["instrument"]]
        if not settings.INSTRUMENT_WORDING_DIR:
            raise CommandError("Set INSTRUMENT_WORDING_DIR to the folder for such words first.")
        try:
            check_licence(instrument)
            words = _in_our_format(_read(instrument, options["file"]))
            _check(instrument, words)
        except (InstrumentError, LicenceForbids) as refusal:
            raise CommandError(str(refusal)) from refusal
        path = Path(settings.INSTRUMENT_WORDING_DIR) / f"{instrument.code}.json"
        if path.with_suffix(".toml").exists():
            raise CommandError(f"{path.with_suffix('.toml')} is there already.")
        try:
            with path.open("x") as file:
                file.write(words)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        self.stdout.write(f"{path}: {instrument.title}. Restart the server to show it.")


def _read(instrument: Instrument, path: Path) -> Wording:
    try:
        content = path.read_bytes()
        if len(content) > LARGEST_BYTES:
            raise CommandError(f"{path} is larger than {LARGEST_BYTES} bytes.")
        return wording_from_fhir(instrument, json.loads(content), file=path.name)
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
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
