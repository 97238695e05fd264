"""What the clock does: ask by weeks and months and where called for; put off what a pause or a hold does."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import Min

from assessments import queries, services
from assessments.models import Assessment
from assessments.schedule import (
    MONTH,
    Anchor,
    CauseKind,
    Lifespan,
    Point,
    Schedule,
    calendar_points,
    schedule,
    schedules,
)
from assessments.stillness import opening
from core.logs import log_failure
from programs import queries as programs
from programs.enums import EnrollmentStatus
from programs.models import Enrollment
from programs.services import lock_enrollment

AT_ONCE = 500
"""How many enrollments one turn deals with at most; the next turn goes on."""

CALLS_FOR = timedelta(days=7)
"""How long something may still call for a form: a clinic that updates asks nobody about last year."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """What one turn did: sets asked for or called for, and sets put off or back."""

    opened: int
    moved: int


def keep_schedule(*, at: datetime) -> Kept:
    """Ask what the calendar asks now, and what something calls for; put off what stands still.

    May run twice, or at once elsewhere.

    Each enrollment in a transaction of its own, under its lock; one that fails is logged, the others go on.
    """
    opened = _count(partial(_open, *due, at=at) for due in islice(_due(at=at), AT_ONCE))
    opened += _count(partial(_call, *cause, at=at) for cause in _causes(at=at)[:AT_ONCE])
    moved = _count(partial(_put_off, enrollment_id, at=at) for enrollment_id in _unopened(at=at))
    return Kept(opened, moved)


def _count(acts: Iterable[Callable[[], bool]]) -> int:
    return sum(safely(act) for act in acts)


def safely(act: Callable[[], bool]) -> bool:
    """Do one thing in a transaction of its own; what fails is logged, undone, and counts as not done."""
    try:
        with transaction.atomic():
            return act()
    except Exception as error:
        log_failure(logger, "A schedule could not be kept", error)
        return False


def _due(*, at: datetime) -> Iterator[tuple[UUID, Point, datetime]]:
    """Find whom the calendar asks now, and is not asking yet."""
    asked = queries.asked_by_the_calendar(at=at)
    lifespans = programs.lifespans(completed_since=at - _longest(schedule()))
    for enrollment_id, started_at, completed_at in lifespans:
        lifespan = Lifespan(started_at, completed_at)
        for point, counted_from in calendar_points(schedule(), lifespan, at=at):
            if (enrollment_id, point) not in asked:
                yield enrollment_id, point, counted_from


def _longest(asked: Schedule) -> timedelta:
    """Return how long after its completion a program may still be asked about."""
    months = asked.series.get(Anchor.MONTH)
    return months.window.closes_after + MONTH * max(months.numbers) if months else timedelta(0)


def _open(enrollment_id: UUID, point: Point, counted_from: datetime, *, at: datetime) -> bool:
    enrollment = lock_enrollment(enrollment_id)
    lasts = EnrollmentStatus.ACTIVE if point.anchor == Anchor.WEEK else EnrollmentStatus.COMPLETED
    here = Assessment.objects.filter(enrollment=enrollment, **point.columns)
    if enrollment.status != lasts or here.exists():
        return False
    services.open_set(enrollment, point, counted_from=counted_from, at=at)
    return here.exists()


def _causes(*, at: datetime) -> list[tuple[UUID, CauseKind, str]]:
    """Find what calls for a form and has not; what is older than `CALLS_FOR` is past."""
    series = schedule().series.get(Anchor.AS_NEEDED)
    if series is None:
        return []
    found = queries.called_for(since=at - CALLS_FOR)
    return [each for each in found if each[1] in series.causes]


def _call(enrollment_id: UUID, kind: CauseKind, source: str, *, at: datetime) -> bool:
    enrollment = lock_enrollment(enrollment_id)
    is_treated = enrollment.status == EnrollmentStatus.ACTIVE
    return is_treated and services.call_for_form(enrollment, kind=kind, source=source, at=at)


def _unopened(*, at: datetime) -> list[UUID]:
    """Find who has forms that have not opened yet, those first that open soonest."""
    waiting = queries.put_off().filter(opens_at__gt=at).values("enrollment_id")
    soonest = waiting.annotate(soonest=Min("opens_at")).order_by("soonest", "enrollment_id")
    return [row["enrollment_id"] for row in soonest[:AT_ONCE]]


def _put_off(enrollment_id: UUID, *, at: datetime) -> bool:
    """Let what has not opened yet open later by what has stood still; tell whether anything moved."""
    enrollment = lock_enrollment(enrollment_id)
    rows = queries.put_off().filter(enrollment=enrollment, opens_at__gt=at)
    sets = {queries.point_of(row): row for row in rows}
    return any(_put_off_set(enrollment, point, row, at=at) for point, row in sets.items())


def _put_off_set(enrollment: Enrollment, point: Point, row: Assessment, *, at: datetime) -> bool:
    start = row.counted_from_at
    if start is None:
        return False
    window = schedules()[row.schedule_version].series[point.anchor].window
    stills = queries.stills(enrollment, since=start)
    opens_at = opening(row.opens_at, start, window.opens_after, stills, at=at)
    counted_from = opens_at - window.opens_after
    return services.move_set(enrollment, point, window=window, counted_from=counted_from, at=at)
