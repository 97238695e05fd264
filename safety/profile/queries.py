"""Reads: what is known of somebody's health now, and what was said before."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.queries import current_state
from core.documents import digest
from programs.queries import current_route
from safety.enums import ProfileSection, ProfileSource, ProfileState
from safety.models import HealthFact, ProgramResult
from safety.screening.health import (
    VITAL_UNITS,
    ClinicalStatus,
    CodeSystem,
    Coding,
    FactSource,
    HealthEntry,
    HealthFacts,
    InstrumentFact,
    Lactation,
    Pregnancy,
    Vital,
    VitalFact,
)

VITALS = "vitals"
"""What a program result is about that was measured on the body."""
EMPTY_PROFILE = digest({"profile": []})
"""The hash of a profile in which nobody has said anything."""


def statements(patient_id: UUID) -> QuerySet[HealthFact]:
    """Return every statement of a chart, those that were replaced too."""
    return HealthFact.objects.filter(patient_id=patient_id)


def current(patient_id: UUID) -> QuerySet[HealthFact]:
    """Return what holds: replaced by nothing newer, and not entered by mistake."""
    return statements(patient_id).filter(replaced_by=None).exclude(state=ProfileState.WITHDRAWN)


def latest(patient_id: UUID, section: ProfileSection) -> HealthFact | None:
    """Return the newest statement of a section that holds one at a time."""
    return statements(patient_id).filter(section=section, replaced_by=None).order_by("-id").first()


def latest_by_others(patient_id: UUID, section: ProfileSection) -> HealthFact | None:
    """Return the newest statement of a section that is not the patient's own, replaced or not."""
    theirs = statements(patient_id).filter(section=section).exclude(source=ProfileSource.PATIENT)
    return theirs.order_by("-id").first()


def imported(patient_id: UUID) -> list[HealthFact]:
    """Return what records elsewhere said, oldest first, what somebody here has replaced since too."""
    found = statements(patient_id).filter(source=ProfileSource.IMPORT)
    return list(found.select_related("replaced_by").order_by("id"))


def profile_digest(patient_id: UUID) -> str:
    """Return the hash of what a clearance rests on: conditions, medicines, allergies, pregnancy, lactation.

    Who says so plays no part: what a clinician confirms is not new. Nor do measurements and instruments'
    results: those void by what the policy says of them (`measured`), a good one voids nothing.
    """
    return _digest(current(patient_id).exclude(section=ProfileSection.VITAL))


def is_unchanged(patient_id: UUID, *, since: UUID, was: str) -> bool:
    """Tell whether nothing was said after `since`, the id of what was made then, and the hash is as it was.

    What was said and taken back is news too: whoever decided did not know of it, and by the hash alone the
    word of a medicine that somebody unsays on the next morning had never been there.
    """
    rows = list(statements(patient_id).exclude(section=ProfileSection.VITAL))
    by_id = {row.pk: row for row in rows}
    replaced = {row.replaces_id for row in rows}
    stand = [row for row in rows if row.pk not in replaced and row.state != ProfileState.WITHDRAWN]
    new = (row for row in rows if row.pk > since)
    if any(row.replaces_id is None or _content(row) != _content(by_id[row.replaces_id]) for row in new):
        return False
    return _digest(stand) == was


def _digest(rows: Iterable[HealthFact]) -> str:
    return digest({"profile": sorted(_content(row) for row in rows)})


def _content(row: HealthFact) -> list[Any]:
    """Return what a statement says, whoever says it."""
    return [row.section, row.state, row.text, sorted([one["system"], one["code"]] for one in row.codings)]


def health_facts(patient_id: UUID, *, enrollment_id: UUID | None, at: datetime) -> HealthFacts:
    """Return a chart's profile as a policy reads it; a section of which nobody spoke is None."""
    rows = list(current(patient_id))
    state = current_state(patient_id, at=at)
    found = _measured(rows, newest_results(patient_id, at=at))
    return HealthFacts(
        at=at,
        conditions=_listed(rows, ProfileSection.CONDITION),
        medications=_listed(rows, ProfileSection.MEDICATION),
        allergies=_listed(rows, ProfileSection.ALLERGY),
        pregnancy=_word(rows, ProfileSection.PREGNANCY, Pregnancy),
        lactation=_word(rows, ProfileSection.LACTATION, Lactation),
        vitals=found.vitals,
        instruments=found.instruments,
        location=f"US-{state}" if state else None,
        route=current_route(enrollment_id) if enrollment_id else None,
    )


def newest_results(patient_id: UUID, *, at: datetime) -> QuerySet[ProgramResult]:
    """Return the newest result of each name that this program has taken of somebody by `at`."""
    taken = ProgramResult.objects.filter(patient_id=patient_id, taken_at__lte=at)
    return taken.order_by("about", "name", "-taken_at", "-id").distinct("about", "name")


def measured(patient_id: UUID, *, at: datetime) -> HealthFacts:
    """Return what was measured and asked of somebody by `at`, and nothing else of what is known."""
    said = current(patient_id).filter(section=ProfileSection.VITAL)
    return _measured(said, newest_results(patient_id, at=at), at=at)


def _measured(
    said: Iterable[HealthFact], results: Iterable[ProgramResult], *, at: datetime | None = None
) -> HealthFacts:
    """Return the vitals that were said beside those taken here, and the instruments' results."""
    taken = list(results)
    vitals = [_vital(row) for row in said if row.section == ProfileSection.VITAL]
    return HealthFacts(
        at=at,
        vitals=(*vitals, *(_vital_here(row) for row in taken if row.about == VITALS)),
        instruments=tuple(_result(row) for row in taken if row.about != VITALS),
    )


def _vital_here(row: ProgramResult) -> VitalFact:
    vital = Vital(row.name)
    if row.value is None:
        raise ValueError("a measurement has a value")
    return VitalFact(vital, row.value, next(iter(VITAL_UNITS[vital])), row.taken_at, FactSource.PROGRAM)


def _result(row: ProgramResult) -> InstrumentFact:
    return InstrumentFact(row.about, row.name, row.word or row.value, row.taken_at)


def _listed(rows: list[HealthFact], section: ProfileSection) -> tuple[HealthEntry, ...] | None:
    """Return what is listed: nothing only where somebody said that there is nothing."""
    here = [row for row in rows if row.section == section]
    listed = [row for row in here if row.state not in (ProfileState.NONE, ProfileState.STOPPED)]
    if not listed and not any(row.state == ProfileState.NONE for row in here):
        return None
    return tuple(_entry(row) for row in listed)


def _entry(row: HealthFact) -> HealthEntry:
    known = row.state in list(ClinicalStatus)
    return HealthEntry(
        text=row.text,
        codings=tuple(Coding(CodeSystem(one["system"]), one["code"]) for one in row.codings),
        status=ClinicalStatus(row.state) if known else None,
        source=FactSource(row.source),
    )


def _word(rows: list[HealthFact], section: ProfileSection, words: Any) -> Any:
    said = [row.state for row in rows if row.section == section]
    return words(said[-1]) if said and said[-1] in list(words) else None


def _vital(row: HealthFact) -> VitalFact:
    if row.value is None or row.measured_at is None:
        raise ValueError("a measurement has a value and a moment")
    return VitalFact(Vital(row.vital), row.value, row.unit, row.measured_at, FactSource(row.source))
