"""What a report of an event to an authority says, and what it may not lack.

The blocks are those of the FDA's form 3500 (A patient, B event, D product, F other products, G reporter); the
codes beside them are ICH E2B(R3)'s, as its element table has them, so that a case report can follow. What a
valid report needs: ICH E2D and GVP module VI.B.2: an identifiable patient and reporter, a reaction and a
product; E2B adds qualification and country. That a report is signed and tells what happened is this clinic's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from accounts.enums import Profession
from core.errors import Reason
from safety.enums import Seriousness
from safety.events.enums import ActionTaken, EventOutcome

Content = Mapping[str, Any]

OUTCOME_CODES: Mapping[EventOutcome, int] = {
    EventOutcome.UNKNOWN: 0,
    EventOutcome.RECOVERED: 1,
    EventOutcome.RECOVERING: 2,
    EventOutcome.NOT_RECOVERED: 3,
    EventOutcome.RECOVERED_WITH_SEQUELAE: 4,
    EventOutcome.FATAL: 5,
}
"""E.i.7."""
ACTION_CODES: Mapping[ActionTaken, int] = {
    ActionTaken.UNKNOWN: 0,
    ActionTaken.WITHDRAWN: 1,
    ActionTaken.DOSE_REDUCED: 2,
    ActionTaken.DOSE_INCREASED: 3,
    ActionTaken.DOSE_NOT_CHANGED: 4,
    ActionTaken.NOT_APPLICABLE: 9,
}
"""G.k.8."""
PHYSICIAN, OTHER_PROFESSIONAL = 1, 3
SUSPECT = 1
"""C.2.r.4 and G.k.1."""


@dataclass(frozen=True)
class Element:
    """Something that a report may not lack: its name, where it stands, and what to do about it."""

    name: str
    block: str
    field: str
    detail: str


ELEMENTS = (
    Element("patient", "a_patient", "identifier", "Say who the patient is: initials, or the chart's number."),
    Element("reaction", "b_event", "term", "Say what it was: sign an assessment with a term."),
    Element("narrative", "b_event", "narrative", "Nobody has said what happened: note it as news."),
    Element("outcome", "b_event", "outcome_code", "Say how it went on: sign an assessment."),
    Element("product", "d_product", "name", "Name the medicine: sign an assessment with it."),
    Element("reporter", "g_reporter", "name", "Somebody has to report it under their name."),
    Element(
        "reporter_qualification",
        "g_reporter",
        "qualification_code",
        "Say what the reporter's profession is; an operator records it with their licence.",
    ),
    Element("reporter_country", "g_reporter", "country", "Say in which country the reporter works."),
    Element("signature", "signed", "document_sha256", "Only what is signed, and unchanged since, is final."),
)


def missing(content: Content) -> list[Reason]:
    """Return each element that a report lacks, by name; none if it can leave the house."""
    return [
        Reason(element.name, element.detail)
        for element in ELEMENTS
        if _is_blank((content.get(element.block) or {}).get(element.field))
    ]


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


@dataclass(frozen=True)
class Told:
    """Words that came in about an event: when, who said them, and what."""

    at: datetime
    by: str
    words: str


@dataclass(frozen=True)
class Case:
    """What a chart says of whom it happened to."""

    number: str
    legal_name: str
    birth_on: date
    weight_kg: float | None
    conditions: Sequence[str] | None
    medicines: Sequence[str] | None
    allergies: Sequence[str] | None


def initials(legal_name: str) -> str:
    """Return the first letters of a name's parts: who is reported about is named no further."""
    return "".join(part[0].upper() for part in legal_name.split())


def age_years(birth_on: date, on: date) -> int:
    """Return the age in whole years on a day."""
    return on.year - birth_on.year - ((on.month, on.day) < (birth_on.month, birth_on.day))


def patient_block(case: Case, *, on: date) -> dict[str, Any]:
    """Return block A; sex is not recorded here, and what nobody was asked stays unknown."""
    return {
        "identifier": initials(case.legal_name),
        "case_number": case.number,
        "birth_on": case.birth_on.isoformat(),
        "age_years": age_years(case.birth_on, on),
        "sex": None,
        "weight_kg": case.weight_kg,
    }


def narrative(told: Sequence[Told]) -> str:
    """Return the story as it was told, each part with its moment and its teller."""
    parts = [
        f"{one.at:%Y-%m-%d %H:%M} UTC, {one.by}: {one.words.strip()}" for one in told if one.words.strip()
    ]
    return "\n\n".join(parts)


def outcomes(seriousness: Sequence[str]) -> list[str]:
    """Return what of block B2 is ticked."""
    return [Seriousness(criterion).label for criterion in seriousness]


def qualification_code(profession: str) -> int | None:
    """Return the reporter's qualification in E2B's codes; none where no profession is on file."""
    if not profession:
        return None
    return PHYSICIAN if profession == Profession.PHYSICIAN else OTHER_PROFESSIONAL
