from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from notifications.enums import DeliveryStatus
from notifications.models import Delivery
from notifications.queries import how_far
from safety import queries as safety
from safety.enums import AlertClass
from safety.ladders import Ladder, Whom
from safety.models import Alert
from sessions.drills.models import Drill
from sessions.drills.rules import CALLED, FOUND, Call, Step
from sessions.models import CheckInDeadline, TreatmentSession

WAITS = (DeliveryStatus.DUE, DeliveryStatus.LEASED)


def drills() -> QuerySet[Drill]:
    """Return every report, newest first; no chart of anybody's is in one."""
    return Drill.objects.select_related("run_by__clinician")


def unreported() -> list[TreatmentSession]:
    """Return the drills that began and have no report: one runs, or was ended from outside."""
    found = TreatmentSession.objects.filter(enrollment__patient__is_drill=True, drill=None)
    return list(found.order_by("scheduled_at", "id"))


def by_step(pages: Iterable[Delivery]) -> dict[int, list[Delivery]]:
    """Sort pages by the step that wrote them, the number in their key; what is no step's is left out."""
    found: dict[int, list[Delivery]] = defaultdict(list)
    for page in pages:
        number = page.dedupe_key.split(":")[2]
        if number.isdigit():
            found[int(number)].append(page)
    return found


def found_step(deadline: CheckInDeadline) -> Step:
    """Return how soon a missed deadline was found."""
    deadline.refresh_from_db()
    calls = () if deadline.missed_at is None else (Call(deadline.missed_at, arrived=1),)
    return Step(FOUND, deadline.due_at, 1, calls)


def called_step(deadline: CheckInDeadline) -> Step:
    """Return what became of the calls to patient and monitor."""
    return Step(CALLED, deadline.due_at, 2, _calls(how_far(f"check-in:{deadline.pk}:")))


def page_step(alert: Alert, page: int, *, at: datetime) -> Step:
    """Return what became of page number `page` (from 0): an e-mail to each who is on call, and texts beside.

    Its moment is the ladder's, not what the alert says of itself; whoever is to be called is read at `at`.
    """
    ladder, rows = safety.ladder_of(alert), how_far(f"alert:{alert.pk}:{page}:")
    # Nobody on call is a fault too.
    called = max(1, len(ladder.step(page).called(safety.on_call(alert, at=at))))
    texts = sum(row.dedupe_key.endswith(":text") for row in rows)
    programmed_at = alert.opened_at + ladder.since_opening(page)
    return Step(page_name(page, ladder), programmed_at, called + texts, _calls(rows))


def missing_page(deadline: CheckInDeadline, page: int, *, at: datetime) -> Step:
    """Return a page that can't come, because there is no alert."""
    ladder = _of_silence(at=at)
    return Step(page_name(page, ladder), deadline.due_at + ladder.since_opening(page), 1, ())


def length(pages: int, *, at: datetime) -> timedelta:
    """Return how long a drill of so many pages takes from the missed check-in."""
    return _of_silence(at=at).since_opening(pages - 1)


def page_name(page: int, ladder: Ladder) -> str:
    """Say which page of a silence's ladder one is (from 0), and to whom."""
    step = ladder.step(page)
    what = f"page {page + 1}" + (", the emergency packet" if step.hands_packet else "")
    return f"{what}, to {'who is first' if step.calls == Whom.FIRST else 'everybody'} on call"


def _of_silence(*, at: datetime) -> Ladder:
    return safety.ladder_in_force(AlertClass.MISSED_CHECK_IN, at=at)


def _calls(rows: Iterable[Delivery]) -> tuple[Call, ...]:
    return tuple(Call(row.finished_at, arrived=1) if _left(row) else Call(None, arrived=0) for row in rows)


def _left(row: Delivery) -> bool:
    return row.status == DeliveryStatus.SENT
