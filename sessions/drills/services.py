"""Lets a monitor who does not exist fall silent in the running system, and measures what comes of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts import services as accounts
from accounts.enums import CapabilityScope
from accounts.models import User
from core.actors import Actor, ServiceName
from core.database import atomic
from core.encryption import encrypt
from core.ids import new_id
from notifications import services as notifications
from notifications.queries import NOBODYS
from programs.enums import EnrollmentStatus
from programs.models import Enrollment, Program
from safety import services as safety
from safety.enums import AlertStatus
from safety.models import Alert
from sessions.drills import queries
from sessions.drills.models import Drill
from sessions.drills.rules import Step, faults, told
from sessions.enums import SessionStatus
from sessions.models import CheckInDeadline, MonitorInvitation, TreatmentSession
from sessions.queries import address_place
from sessions.services.monitors import revoke_links

BEGINS_IN = timedelta(seconds=15)
"""From the beginning to the check-in that does not come."""
PATIENCE = timedelta(seconds=60)
"""More than a step may take, so that a late one is seen to be late."""
LOOKS_EVERY = timedelta(seconds=0.5)
OVER_AFTER = timedelta(hours=2)
"""A drill without a report that began so long ago was ended from outside."""
DRILL = Actor.service(ServiceName.DRILL)
CLOSED = "A drill: nobody was in danger, and nobody was paged."


class DrillRefused(Exception):
    """No drill can begin; says why, and what to do."""


@dataclass(frozen=True)
class Hands:
    """What a drill needs of the world: the time, a way to wait, and somebody to tell how far it is."""

    now: Callable[[], datetime]
    wait: Callable[[timedelta], None]
    say: Callable[[str], None]


def run(*, pages: int, run_by: User | None, hands: Hands, steps: list[Step]) -> Drill:
    """Hold one drill of so many pages, in real time, and file its report, however it ends; fills `steps`.

    The calls and pages are written down by the processes that always do, and go nowhere: the database lets
    nothing about a drill's chart be of another channel. Raises `DrillRefused`.
    """
    deadline = begin(at=hands.now())
    try:
        for step in _steps(deadline, pages=pages, hands=hands):
            steps.append(step)
            hands.say(": ".join(told(step, since=deadline.due_at)))
    finally:
        report = end(deadline.session, steps, whole=len(steps) == pages + 2, run_by=run_by, at=hands.now())
    return report


def begin(*, at: datetime) -> CheckInDeadline:
    """Make a session that was called off before it began, with a monitor and one check-in that is due.

    It can't be started or dosed, and nothing that counts sessions counts it; its deadline is like any other.
    Reports first what an earlier drill left. Locks the drill's chart. Raises `DrillRefused` while one runs,
    or where there is no program.
    """
    with atomic():
        patient = accounts.drill_chart()
        for left in queries.unreported():
            if left.scheduled_at > at - OVER_AFTER:
                raise DrillRefused(f"One began at {left.scheduled_at:%H:%M} UTC. Wait until it is over.")
            end(left, [], whole=False, run_by=None, at=at)
        program = Program.objects.first()
        if program is None:
            raise DrillRefused("There is no program yet: run `manage.py load_catalogue` first.")
        # Over from its beginning: nothing is asked of it, and nobody has to take care of it.
        enrollment, _ = Enrollment.objects.get_or_create(
            patient=patient, defaults={"program": program, "status": EnrollmentStatus.WITHDRAWN}
        )
        session = TreatmentSession.objects.create(
            enrollment=enrollment,
            number=1,
            status=SessionStatus.CANCELLED,
            scheduled_at=at,
            timezone=patient.timezone,
        )
        _invite(session, at=at)
        return CheckInDeadline.objects.create(session=session, due_at=at + BEGINS_IN)


def end(
    session: TreatmentSession, steps: list[Step], *, whole: bool, run_by: User | None, at: datetime
) -> Drill:
    """Close what a drill opened, and file its report; one that is not `whole` has not passed."""
    with atomic():
        session.deadlines.filter(missed_at=None, waived_at=None).update(waived_at=at)
        for deadline in session.deadlines.exclude(alert=None).select_related("alert"):
            if deadline.alert is not None:
                _close(deadline.alert, by=session.enrollment.patient.user, at=at)
            notifications.cancel(f"check-in:{deadline.pk}:", at=at)
        revoke_links(session, at=at)
        return Drill.objects.create(
            session=session,
            run_by=run_by,
            began_at=session.scheduled_at,
            ended_at=max(at, session.scheduled_at),
            passed=whole and not any(fault for step in steps for fault in faults(step)),
            steps=[_kept(step) for step in steps],
        )


def _close(alert: Alert, *, by: User, at: datetime) -> None:
    """Answer an alert as the drill itself, in one step: whoever has one in hand has to practise."""
    if alert.status == AlertStatus.OPEN:
        alert = safety.acknowledge(alert, by=by, at=at)
    if alert.status == AlertStatus.ACKNOWLEDGED:
        safety.close(alert, by=by, reason=CLOSED, at=at)


def _invite(session: TreatmentSession, *, at: datetime) -> None:
    """Let there be a monitor to call, by a link that nobody holds and an address that is nobody's."""
    capability, _ = accounts.issue_capability(
        CapabilityScope.MONITOR, target_id=session.pk, actor=DRILL, at=at, expires_at=at + OVER_AFTER
    )
    invitation_id = new_id()
    MonitorInvitation.objects.create(
        id=invitation_id,
        session=session,
        first_name="Drill",
        address=encrypt(NOBODYS, place=address_place(invitation_id)),
        capability=capability,
        invited_at=at,
    )


def _steps(deadline: CheckInDeadline, *, pages: int, hands: Hands) -> Iterator[Step]:
    """Wait for each step, and return what came of it; without an alert the pages are not waited for."""
    hands.say(f"the check-in is due at {deadline.due_at:%H:%M:%S} UTC, and nobody will give it")
    yield _seen(lambda: queries.found_step(deadline), hands)
    yield _seen(lambda: queries.called_step(deadline), hands)
    for page in range(pages):
        alert = deadline.alert
        if alert is None:
            yield queries.missing_page(deadline, page, at=hands.now())
            continue
        yield _seen(lambda n=page, a=alert: queries.page_step(a, n, at=hands.now()), hands)  # type: ignore[misc]


def _seen(look: Callable[[], Step], hands: Hands) -> Step:
    """Look until everything a step is to bring has left, or it is too late for it."""
    step = look()
    if step.programmed_at > hands.now():
        hands.say(f"waiting until {step.programmed_at:%H:%M:%S} UTC for: {step.what}")
    while not _is_whole(step) and hands.now() < step.programmed_at + PATIENCE:
        hands.wait(LOOKS_EVERY)
        step = look()
    return step


def _is_whole(step: Step) -> bool:
    return 0 < step.wanted <= len(step.calls) and all(call.sent_at for call in step.calls)


def _kept(step: Step) -> dict[str, object]:
    return {
        "what": step.what,
        "programmed_at": step.programmed_at.isoformat(),
        "wanted": step.wanted,
        "left_at": [call.sent_at.isoformat() if call.sent_at else None for call in step.calls],
        "faults": list(faults(step)),
    }
