"""Patients that a clinic had before, from a CSV file: all of them or none."""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from accounts import queries as accounts
from accounts import services as accounts_services
from accounts.rules import address_faults
from core.actors import Actor, ServiceName
from core.database import atomic
from core.errors import Malformed
from core.parsing import check_text
from desk.clinic.serializers import PatientRow

COLUMNS = (
    "email",
    "legal_name",
    "preferred_name",
    "birth_on",
    "timezone",
    "language",
    "street",
    "street_2",
    "city",
    "state",
    "postal_code",
    "country",
)
OPTIONAL = frozenset({"preferred_name", "language"})
"""Columns whose empty cells are left out; the others' are refused or mean nothing further."""
DUPLICATE = "Somebody with this name and birth date"


@dataclass(frozen=True)
class Fault:
    """What is wrong in the file and where; never what stands there."""

    line: int
    column: str
    detail: str


@dataclass(frozen=True)
class Line:
    """One patient, read without fault so far."""

    number: int
    row: PatientRow


def read(file: Iterable[str], *, today: date) -> tuple[list[Line], list[Fault]]:
    """Return every line that can be imported, and every fault of the others and between them."""
    lines: list[Line] = []
    faults: list[Fault] = []
    try:
        for number, cells in _records(file):
            row, found = _parse(number, cells, today=today)
            faults += found
            if row is not None:
                lines.append(Line(number, row))
    except (csv.Error, UnicodeDecodeError) as error:
        return [], [Fault(1, "", f"This is no CSV file in UTF-8: {type(error).__name__}.")]
    except _WrongHeader:
        return [], [Fault(1, "", f"The first line names these columns: {', '.join(COLUMNS)}.")]
    return lines, sorted([*faults, *_clashes(lines)], key=lambda fault: fault.line)


def store(lines: list[Line], *, at: datetime, tell: Callable[[int], None]) -> None:
    """Make every account and chart in one transaction, calling `tell` with how many are done.

    Raises `AddressTaken` where somebody signed up with one of the addresses meanwhile: then nothing is kept.
    """
    actor = Actor.service(ServiceName.INSTALL)
    with atomic():
        for done, line in enumerate(lines, start=1):
            accounts_services.import_patient(
                line.row.validated_data["email"],
                profile=line.row.person(),
                address=line.row.home(starts_on=at.date()),
                actor=actor,
                at=at,
            )
            tell(done)


class _WrongHeader(Exception):
    pass


def _records(file: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(file, strict=True)
    if sorted(header := next(reader, [])) != sorted(COLUMNS):
        raise _WrongHeader
    places = [header.index(column) for column in COLUMNS]
    for cells in reader:
        whole = len(cells) == len(COLUMNS)
        yield reader.line_num, [cells[place].strip() for place in places] if whole else []


def _parse(number: int, cells: list[str], *, today: date) -> tuple[PatientRow | None, list[Fault]]:
    if not cells:
        return None, [Fault(number, "", f"A line has {len(COLUMNS)} cells.")]
    said = dict(zip(COLUMNS, cells, strict=True))
    for column, text in said.items():
        try:
            check_text(text)
        except Malformed as malformed:
            return None, [Fault(number, column, malformed.detail)]
    row = PatientRow(data={name: text for name, text in said.items() if text or name not in OPTIONAL})
    if not row.is_valid():
        faults = row.errors.items()
        return None, [Fault(number, column, str(fault)) for column, found in faults for fault in found]
    wrong = [
        Fault(number, fault.pointer.rpartition("/")[2], fault.detail)
        for fault in address_faults(row.home(starts_on=today))
    ]
    return None if wrong else row, wrong


def _clashes(lines: list[Line]) -> Iterator[Fault]:
    """Find who is in the file twice, or on file already: reported, never merged."""
    people = [(line, _identity(line)) for line in lines]
    on_file = accounts.charts_by_person(born_on={identity[1] for _, identity in people})
    emails = Counter(line.row.validated_data["email"] for line in lines)
    names = Counter(identity for _, identity in people)
    known = accounts.addresses_known(emails)
    for line, identity in people:
        email = line.row.validated_data["email"]
        if emails[email] > 1:
            yield Fault(line.number, "email", "This address is in the file more than once.")
        if email in known:
            yield Fault(line.number, "email", "There is an account with this address already.")
        if names[identity] > 1:
            yield Fault(line.number, "legal_name", f"{DUPLICATE} is in the file more than once.")
        if identity in on_file:
            yield Fault(line.number, "legal_name", f"{DUPLICATE} has a chart already.")


def _identity(line: Line) -> tuple[str, date]:
    said = line.row.validated_data
    return accounts.name_and_birth(said["legal_name"], said["birth_on"])
