"""Counts what went wrong, and out of how many."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import BooleanField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from core.acting import seeing_all_charts
from desk.rates import rules
from desk.rates.rules import Interval
from safety.events.models import EventAssessment
from sessions.models import SessionEventLink, TreatmentSession


@dataclass(frozen=True)
class Rate:
    """How often `what` happened in a group, per one of `per`: both are named in words."""

    group: str
    what: str
    per: str
    count: int
    exposure: int
    interval: Interval

    @property
    def rate(self) -> float | None:
        """Return how many there were for each; `None` where there was nobody."""
        return self.count / self.exposure if self.exposure else None


@dataclass(frozen=True)
class _Dosed:
    session: UUID
    enrollment: UUID
    patient: UUID
    program: str
    route: str
    dose_mg: float

    def groups(self) -> list[str]:
        return ["all", self.program, self.route, f"{self.route}, {rules.band(self.dose_mg)}"]


def event_rates() -> list[Rate]:
    """Return how often events happened in dosed sessions, all of them and by program, route and dose band.

    Counted are events that are tied to a dosed session; one is serious if its newest assessment says so, or
    the report where nobody has assessed it. Names nobody, so that it is for eyes that see no chart.
    """
    with seeing_all_charts():
        sessions = _dosed()
        events = _events()
    groups: defaultdict[str, list[_Dosed]] = defaultdict(list)
    for session in sessions:
        for group in session.groups():
            groups[group].append(session)
    return [rate for group, dosed in sorted(groups.items()) for rate in _rates(group, dosed, events)]


def _dosed() -> list[_Dosed]:
    columns = ("pk", "enrollment_id", "enrollment__patient_id", "enrollment__program__slug")
    found = TreatmentSession.objects.filter(dose__isnull=False)
    return [
        _Dosed(session, enrollment, patient, program, route, float(dose_mg))
        for session, enrollment, patient, program, route, dose_mg in found.values_list(
            *columns, "dose__route", "dose__dose_mg"
        )
    ]


def _events() -> dict[UUID, list[bool]]:
    """Return for each session whether each of its events is serious."""
    newest = EventAssessment.objects.filter(event=OuterRef("event")).order_by("-version")
    said = Subquery(newest.values("is_serious")[:1], output_field=BooleanField())
    links = SessionEventLink.objects.annotate(serious=Coalesce(said, "event__is_serious"))
    found: defaultdict[UUID, list[bool]] = defaultdict(list)
    for session, serious in links.values_list("session_id", "serious"):
        found[session].append(serious)
    return found


def _rates(group: str, dosed: list[_Dosed], events: dict[UUID, list[bool]]) -> Iterator[Rate]:
    there = [serious for one in dosed for serious in events.get(one.session, [])]
    exposures = {
        "dosed session": len(dosed),
        "participant who was dosed": len({one.patient for one in dosed}),
        "course with a dose": len({one.enrollment for one in dosed}),
    }
    for what, count in (("adverse events", len(there)), ("serious adverse events", sum(there))):
        for per, exposure in exposures.items():
            interval = rules.poisson_interval(count, exposure=exposure)
            yield Rate(group, what, per, count, exposure, interval)
