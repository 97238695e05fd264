"""Starts, restarts and ends the clocks by which events are reported; nobody has to remember to.

Nothing here calls anybody: `safety.events.watching` does that.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from accounts import services as accounts
from accounts.enums import SignatureMeaning
from accounts.models import User
from core.acting import seeing_all_charts
from core.actors import Actor
from core.database import atomic
from core.documents import digest
from core.errors import InputError
from core.ids import new_id
from programs.services import lock_open_enrollments
from safety.enums import Grade, Seriousness
from safety.errors import NotYet
from safety.events import clocks
from safety.events.clocks import Known, Need, Rule
from safety.events.enums import Causality, ClockEnd, ClockStart, Expectedness, NewsKind
from safety.events.errors import ClockHasEnded, NotEarlier
from safety.events.models import EventAssessment, EventNews, ReportingClock
from safety.models import AdverseEvent


def known_of(event: AdverseEvent, assessment: EventAssessment | None) -> Known:
    """Return what is known of an event: by its newest assessment, or else by the report alone."""
    if assessment is None:
        dangerous = _is_dangerous(event.seriousness, event.grade)
        # Whoever reported may not know why it counts as serious.
        said = True if dangerous else None if not event.seriousness else False
        return {Need.SERIOUS: event.is_serious, Need.FATAL_OR_LIFE_THREATENING: said}
    return {
        Need.SERIOUS: assessment.is_serious,
        Need.UNEXPECTED: assessment.expectedness == Expectedness.UNEXPECTED,
        Need.SUSPECTED: assessment.causality != Causality.UNLIKELY,
        Need.FATAL_OR_LIFE_THREATENING: _is_dangerous(assessment.seriousness, assessment.grade),
    }


def _is_dangerous(seriousness: Collection[str], grade: int | None) -> bool:
    fatal = {Seriousness.DEATH.value, Seriousness.LIFE_THREATENING.value}
    return bool(fatal & set(seriousness)) or (grade or 0) >= Grade.LIFE_THREATENING


def start_clocks(
    event: AdverseEvent, *, assessment: EventAssessment | None, start: ClockStart, at: datetime
) -> None:
    """Start a clock for every rule that holds for an event and for which there never was one.

    Day 0 is that of the report, or of what was known before it. A clock that runs goes on, whatever is found
    later: that nothing is due any more is for a clinician to sign. The caller has the lock.
    """
    known = known_of(event, assessment)
    have = set(ReportingClock.objects.filter(event=event).values_list("rule_code", flat=True))
    aware_at = _aware_at(event)
    for rule in _rules(at):
        if rule.code not in have and clocks.holds(rule, known):
            _start(event, rule, start=start, aware_at=aware_at, at=at)


def _rules(at: datetime) -> list[Rule]:
    return [rule for rule in clocks.in_force(at).rules if rule.role in settings.REPORTING_ROLES]


def _aware_at(event: AdverseEvent) -> datetime:
    """Return when anybody here came to know of an event, as far as it was told."""
    earlier = EventNews.objects.filter(event=event, kind=NewsKind.KNOWN_EARLIER)
    return min([event.reported_at, *earlier.values_list("aware_at", flat=True)])


def _start(event: AdverseEvent, rule: Rule, *, start: ClockStart, aware_at: datetime, at: datetime) -> None:
    ReportingClock.objects.create(
        id=new_id(),
        event=event,
        patient_id=event.patient_id,
        rule_code=rule.code,
        rule=rule.as_json(),
        table_version=clocks.in_force(at).version,
        start=start,
        aware_at=aware_at,
        due_at=clocks.due_at(rule, aware_at=aware_at),
        started_at=at,
    )


@dataclass(frozen=True)
class News:
    """What came to be known of an event after its report, and when anybody here knew."""

    kind: NewsKind
    text: str
    aware_at: datetime


def note_news(event: AdverseEvent, *, news: News, actor: Actor, at: datetime) -> EventNews:
    """Store what came to be known, and let the clocks run from it that have to.

    New information restarts the rules that say so, those that were done with too. That somebody knew earlier
    moves day 0 of every clock that runs. Locks the patient's open enrollments. Raises `NotYet`, or
    `NotEarlier` for knowledge from before that is not.
    """
    if news.aware_at > at:
        raise NotYet(errors=[InputError("/aware_at", "in_the_future", "Give a time that has been.")])
    with atomic():
        lock_open_enrollments(event.patient_id)
        if news.kind == NewsKind.KNOWN_EARLIER and news.aware_at >= _aware_at(event):
            raise NotEarlier(errors=[InputError("/aware_at", "not_earlier", "It was known by then.")])
        row = EventNews.objects.create(
            id=new_id(),
            event=event,
            patient_id=event.patient_id,
            kind=news.kind,
            text=news.text,
            aware_at=news.aware_at,
            noted_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
        _restart(event, row, at=at)
        return row


def _restart(event: AdverseEvent, news: EventNews, *, at: datetime) -> None:
    anew = news.kind == NewsKind.NEW_INFORMATION
    mine = ReportingClock.objects.filter(event=event)
    running = {clock.rule_code: clock for clock in mine.filter(ended_at=None).select_for_update()}
    have = set(mine.exclude(end=ClockEnd.NOT_REQUIRED).values_list("rule_code", flat=True))
    for rule in _rules(at):
        if rule.code not in (have if anew and rule.restarts else () if anew else running):
            continue
        if (clock := running.get(rule.code)) is not None:
            ReportingClock.objects.filter(pk=clock.pk).update(
                ended_at=at, end=ClockEnd.REPLACED, end_reason=f"{news.get_kind_display()}: another runs."
            )
        start = ClockStart.NEW_INFORMATION if anew else ClockStart.KNOWN_EARLIER
        _start(event, rule, start=start, aware_at=news.aware_at, at=at)


def end_clock(clock: ReportingClock, *, end: ClockEnd, reason: str, by: User, at: datetime) -> ReportingClock:
    """Sign that what was due was done, or why it is not due. Locks the clock.

    Raises `ClockHasEnded`, or `MayNotTreat`.
    """
    with atomic():
        locked = ReportingClock.objects.select_for_update().get(pk=clock.pk)
        if locked.ended_at is not None:
            raise ClockHasEnded
        # Who is on call doesn't see where somebody lives; their licence is for there all the same.
        with seeing_all_charts():
            accounts.require_may_treat(by, locked.patient_id, at=at)
        signed = digest({"clock": str(locked.pk), "rule": locked.rule, "end": end.value, "reason": reason})
        locked.signature = accounts.sign(by, meaning=SignatureMeaning.CLOSED, document_sha256=signed, at=at)
        locked.ended_at, locked.end, locked.end_reason = at, end, reason
        locked.save(update_fields=["ended_at", "end", "end_reason", "signature"])
        return locked
