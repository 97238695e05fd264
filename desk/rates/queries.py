"""Counts what went wrong, and out of how many."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import BooleanField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from core.acting import seeing_all_charts
from desk.rates import rules
from desk.rates.rules import Interval
from safety.enums import Ascertainment
from safety.events.models import EventAssessment
from safety.models import AdverseEvent
from sessions.enums import EffectAnswer, ExpectedEffect
from sessions.models import EffectsChecklist, TreatmentSession


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
    at: datetime

    def groups(self) -> list[str]:
        return ["all", self.program, self.route, f"{self.route}, {rules.band(self.dose_mg)}"]


@dataclass(frozen=True)
class _Event:
    """An event, and the dosed session that it counts with: its own, or the last one before it (`is_tied`)."""

    session: UUID
    is_tied: bool
    serious: bool
    how: Ascertainment


Said = dict[UUID, dict[ExpectedEffect, bool]]
"""For each session that was asked about: which effects there were, and which not."""


def event_rates() -> list[Rate]:
    """Return how often events happened where somebody was dosed: all, by program, route and dose band.

    An event that is tied to a dosed session counts for it; one that is not, for the participant and the
    course of the last dose before its report, and before any dose for nobody. One is serious if its newest
    assessment says so, or the report where nobody has assessed it. What was asked has its own denominator:
    the sessions after which somebody said what the medicine did. Names nobody, so that it is for eyes that
    see no chart.
    """
    with seeing_all_charts():
        sessions = _dosed()
        events = _events(sessions)
        said = _said()
    groups: defaultdict[str, list[_Dosed]] = defaultdict(list)
    for session in sessions:
        for group in session.groups():
            groups[group].append(session)
    return [rate for group, dosed in sorted(groups.items()) for rate in _rates(group, dosed, events, said)]


def _dosed() -> list[_Dosed]:
    columns = ("pk", "enrollment_id", "enrollment__patient_id", "enrollment__program__slug")
    found = TreatmentSession.objects.filter(dose__isnull=False)
    return [
        _Dosed(session, enrollment, patient, program, route, float(dose_mg), at)
        for session, enrollment, patient, program, route, dose_mg, at in found.values_list(
            *columns, "dose__route", "dose__dose_mg", "dose__taken_at"
        )
    ]


def _events(sessions: list[_Dosed]) -> dict[UUID, list[_Event]]:
    """Return, by session, the events that count with it."""
    newest = EventAssessment.objects.filter(event=OuterRef("pk")).order_by("-version")
    said = Subquery(newest.values("is_serious")[:1], output_field=BooleanField())
    rows = AdverseEvent.objects.annotate(serious=Coalesce(said, "is_serious")).values_list(
        "patient_id", "reported_at", "session_link__session_id", "serious", "ascertainment"
    )
    known = {one.session for one in sessions}
    by_patient: defaultdict[UUID, list[_Dosed]] = defaultdict(list)
    for one in sorted(sessions, key=lambda one: one.at):
        by_patient[one.patient].append(one)
    found: defaultdict[UUID, list[_Event]] = defaultdict(list)
    for patient, reported_at, session, serious, how in rows:
        before = [one.session for one in by_patient[patient] if one.at <= reported_at]
        counts_with = session if session in known else before[-1] if before else None
        if counts_with is not None:
            is_tied = session in known
            found[counts_with].append(_Event(counts_with, is_tied, serious, Ascertainment(how)))
    return found


def _said() -> Said:
    """Return what was said of each session's effects; a yes stands, whoever says no."""
    found: defaultdict[UUID, dict[ExpectedEffect, bool]] = defaultdict(dict)
    for session, answers in EffectsChecklist.objects.values_list("session_id", "answers"):
        known = found[session]
        for effect in ExpectedEffect:
            if (answer := answers.get(effect)) in (EffectAnswer.YES, EffectAnswer.NO):
                known[effect] = known.get(effect, False) or answer == EffectAnswer.YES
    return found


def _rates(group: str, dosed: list[_Dosed], events: dict[UUID, list[_Event]], said: Said) -> Iterator[Rate]:
    there = [event for one in dosed for event in events.get(one.session, [])]
    tied = [event for event in there if event.is_tied]
    exposures = {
        "dosed session": (len(dosed), tied),
        "participant who was dosed": (len({one.patient for one in dosed}), there),
        "course with a dose": (len({one.enrollment for one in dosed}), there),
    }
    for per, (exposure, counted) in exposures.items():
        yield _rate(group, "adverse events", per, len(counted), exposure)
        yield _rate(group, "serious adverse events", per, sum(event.serious for event in counted), exposure)
    by_how = Counter(event.how for event in tied)
    for how in (Ascertainment.VOLUNTEERED, Ascertainment.OBSERVED):
        yield _rate(group, f"adverse events {how}", "dosed session", by_how[how], len(dosed))
    yield from _asked(group, [said[one.session] for one in dosed if one.session in said], tied, said)


def _asked(
    group: str, answered: list[dict[ExpectedEffect, bool]], tied: list[_Event], said: Said
) -> Iterator[Rate]:
    """Give what came of asking; no figure of what nobody was asked."""
    if answered:
        found = sum(event.how == Ascertainment.ASKED and event.session in said for event in tied)
        what, per = "adverse events found by asking", "dosed session that was asked"
        yield _rate(group, what, per, found, len(answered))
    for effect in ExpectedEffect:
        answers = [one[effect] for one in answered if effect in one]
        if answers:
            what = f"expected effect: {effect.label.lower()}"
            yield _rate(group, what, "dosed session that was asked about it", sum(answers), len(answers))


def _rate(group: str, what: str, per: str, count: int, exposure: int) -> Rate:
    return Rate(group, what, per, count, exposure, rules.poisson_interval(count, exposure=exposure))
