from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from django.db.models import CharField, Exists, F, Model, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from accounts.enums import Role
from accounts.queries import charts_in_care, charts_owned, charts_read, one, within
from core.actors import Actor
from programs.enums import Route
from safety.events.queries import roles_in_triage
from sessions.deviations.enums import DeviationKind
from sessions.deviations.models import Deviation
from sessions.enums import SessionStatus
from sessions.models import CheckInDeadline, Dose, TreatmentSession, UnattributedDose

_Row = TypeVar("_Row", bound=Model)
MOST_AT_ONCE = 500
"""So many of each kind are written down by one look; the next takes the rest."""


@dataclass(frozen=True)
class Found:
    """A deviation that the record shows, and the row that shows it."""

    session: TreatmentSession
    kind: DeviationKind
    expected: str
    happened: str
    occurred_at: datetime
    found_by: str


def deviations_for(actor: Actor, *, at: datetime) -> QuerySet[Deviation]:
    """Return the deviations of charts that a clinician reads; for a safety officer all, but their own."""
    found = Deviation.objects.prefetch_related("assessments__signature")
    if Role.SAFETY_OFFICER in roles_in_triage(actor, at=at):
        # Without a join: the patient's own row is behind a wall for them.
        return found.exclude(within(charts_owned(actor), "patient_id"))
    return found.filter(within(charts_read(actor, at=at), "patient_id"))


def deviation_in_care(actor: Actor, deviation_id: UUID, *, at: datetime) -> Deviation:
    """Return one of a patient in a clinician's care, who may sign about it; raises `NotFound`."""
    return one(Deviation.objects.filter(within(charts_in_care(actor, at=at), "patient_id")), deviation_id)


def not_written_down() -> Iterator[Found]:
    """Find what the record shows and nobody has written down, however long ago it was; no drill's.

    Looked for anew each time, with no mark of how far the last look came: none can be lost by a crash, by an
    outage, or by a row that was committed late.
    """
    yield from _check_ins()
    yield from _doses()
    yield from _sessions()


def _check_ins() -> Iterator[Found]:
    missed = CheckInDeadline.objects.filter(missed_at__isnull=False).select_related("session__enrollment")
    for row in _new(missed, "deadline", chart="session__enrollment__patient"):
        yield Found(
            session=row.session,
            kind=DeviationKind.MISSED_CHECK_IN,
            expected=f"A check-in by {_time(row.due_at)}.",
            happened=f"None had come by then; found at {_time(row.missed_at or row.due_at)}.",
            occurred_at=row.due_at,
            found_by=f"deadline:{row.pk}",
        )


def _doses() -> Iterator[Found]:
    # Only a dose that was reported late can differ from its order, and each of those has its alert.
    late = Dose.objects.filter(alert__isnull=False).select_related("gate__plan", "session__enrollment")
    as_ordered = Q(route=F("gate__plan__route"), dose_mg=F("gate__plan__dose_mg"))
    for dose in _new(late.exclude(as_ordered), "dose", chart="session__enrollment__patient"):
        plan = dose.gate.plan
        yield Found(
            session=dose.session,
            kind=DeviationKind.WRONG_DOSE,
            expected=f"{_dose(plan.route, plan.dose_mg)}, by version {plan.version} of the plan.",
            happened=f"{_dose(dose.route, dose.dose_mg)} at {_time(dose.taken_at)}.",
            occurred_at=dose.taken_at,
            found_by=f"dose:{dose.pk}",
        )
    beside = UnattributedDose.objects.select_related("session__enrollment")
    for taken in _new(beside, "unattributed-dose", chart="session__enrollment__patient"):
        yield Found(
            session=taken.session,
            kind=DeviationKind.WRONG_DOSE,
            expected="One dose, in the window that opens when a session starts.",
            happened=f"{_dose(taken.route, taken.dose_mg)} at {_time(taken.taken_at)}, as somebody said.",
            occurred_at=taken.taken_at,
            found_by=f"unattributed-dose:{taken.pk}",
        )


def _sessions() -> Iterator[Found]:
    missed = TreatmentSession.objects.filter(status=SessionStatus.MISSED).select_related("enrollment")
    for session in _new(missed, "session", chart="enrollment__patient"):
        yield Found(
            session=session,
            kind=DeviationKind.LATE_SESSION,
            expected=f"A beginning at {_time(session.scheduled_at)}.",
            happened="It was not begun, and was written off.",
            occurred_at=session.scheduled_at,
            found_by=f"session:{session.pk}",
        )


def _new(rows: QuerySet[_Row], name: str, *, chart: str) -> QuerySet[_Row]:
    """Narrow to the rows that no deviation names, of charts that are somebody's, the oldest first."""
    key = Concat(Value(f"{name}:"), Cast(OuterRef("pk"), CharField()))
    written = Exists(Deviation.objects.filter(found_by=key).exclude(found_by=""))
    return rows.filter(~written, **{f"{chart}__is_drill": False}).order_by("pk")[:MOST_AT_ONCE]


def _dose(route: str, dose_mg: Decimal) -> str:
    return f"{dose_mg:.1f} mg {Route(route).label.lower()}"


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
