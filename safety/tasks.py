from celery import shared_task

from core import clock
from core.acting import acting_as
from core.actors import Actor, ServiceName
from safety import services
from safety.break_glass import services as break_glass
from safety.events import watching
from safety.identity import services as identity
from safety.roster import services as roster

REPLAYED_NIGHTLY = 1_000
"""How many stored screenings are decided once more each night."""


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
@acting_as(Actor.service(ServiceName.WATCH))
def call_for_overdue_reviews() -> None:
    """Call for the reviews of opened charts that are overdue; may run twice."""
    break_glass.call_for_overdue_reviews(at=clock.now())


@shared_task  # type: ignore[untyped-decorator]
@acting_as(Actor.service(ServiceName.WATCH))
def watch_clocks() -> None:
    """Call people before a report of an event is late, and when a follow-up is; may run twice."""
    at = clock.now()
    watching.watch_clocks(at=at)
    watching.watch_follow_ups(at=at)


@shared_task  # type: ignore[untyped-decorator]
@acting_as(Actor.service(ServiceName.WATCH))
def call_for_duplicates() -> None:
    """Tell operators that charts wait for somebody to say whose they are; may run twice."""
    identity.call_for_duplicates(at=clock.now())


@shared_task  # type: ignore[untyped-decorator]
@acting_as(Actor.service(ServiceName.WATCH))
def call_for_roster_gaps() -> None:
    """Call who runs the roster before nobody is on duty; may run twice."""
    roster.call_for_gaps(at=clock.now())


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
@acting_as(Actor.service(ServiceName.WATCH))
def replay_screenings() -> None:
    """Decide a sample of stored screenings once more, and raise an alert on any difference; may run twice."""
    services.replay_screenings(sample=REPLAYED_NIGHTLY, at=clock.now())


@shared_task  # type: ignore[untyped-decorator]
@acting_as(Actor.service(ServiceName.WATCH))
def warn_of_the_end() -> None:
    """Tell directors and operators that the law by which we prescribe ends soon; may run twice."""
    services.warn_of_the_end(at=clock.now())
