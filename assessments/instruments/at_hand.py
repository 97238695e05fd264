"""The instruments at hand: those that ship, and those whose licensed files are in the clinic's folder."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from assessments.instruments.definition import Instrument
from assessments.instruments.licensed import licensed
from assessments.instruments.loader import shipped

_folders: list[Path] = []


@cache
def instruments() -> Mapping[str, Instrument]:
    """Return every instrument at hand, by code. Raises InstrumentError for the first unsound file."""
    return MappingProxyType({**shipped(), **licensed(licensed_folder())})


def use_folder(folder: Path | None) -> None:
    """Look for licensed files there from now on; done once, as the process starts."""
    _folders[:] = [folder] if folder else []
    instruments.cache_clear()


def licensed_folder() -> Path | None:
    """Return where licensed files are looked for, or None where nowhere."""
    return _folders[0] if _folders else None
