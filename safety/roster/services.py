"""Writes the roster, calls people before it has a gap, and lets who is on it try whether a page arrives."""

from datetime import datetime, timedelta
from logging import getLogger
from uuid import UUID

from accounts import queries as accounts
from accounts.enums import Role
from accounts.models import User
from core.database import atomic
from core.errors import InputError
from notifications import messages
from notifications import services as notifications
from notifications.enums import MessageKind
from notifications.rules import Nobody
from safety.roster import queries, rules
from safety.roster.errors import AlreadyCancelled, NotAShift
from safety.roster.models import OnCallShift

CALL_LIFE = timedelta(days=1)
TEST_LIFE = timedelta(minutes=30)
PAGE = "roster"

logger = getLogger(__name__)


def enter_shift(
    user_id: UUID, *, starts_at: datetime, ends_at: datetime, by: User, at: datetime
) -> OnCallShift:
    """Put a practising clinician on duty; shifts may overlap. Raises `NotAShift` with every fault."""
    if faults := _faults(user_id, starts_at=starts_at, ends_at=ends_at, at=at):
        raise NotAShift(errors=faults)
    return OnCallShift.objects.create(
        user_id=user_id, starts_at=starts_at, ends_at=ends_at, entered_by=by, entered_at=at
    )


def _faults(user_id: UUID, *, starts_at: datetime, ends_at: datetime, at: datetime) -> list[InputError]:
    faults = []
    if Role.CLINICIAN not in accounts.roles_of(user_id, at=at):
        faults.append(InputError("/user", "does_not_practise", "Nobody who practises here has this id."))
    if not starts_at < ends_at <= starts_at + rules.LONGEST_SHIFT:
        faults.append(InputError("/ends_at", "no_span", "A shift ends after it starts, within a week."))
    if ends_at <= at:
        faults.append(InputError("/ends_at", "is_over", "This shift is over already."))
    return faults


def cancel_shift(shift: OnCallShift, *, at: datetime) -> OnCallShift:
    """Call a shift off; who runs the roster is called about the gap. Locks it. Raises `AlreadyCancelled`."""
    with atomic():
        locked = OnCallShift.objects.select_for_update(of=("self",)).get(pk=shift.pk)
        if locked.cancelled_at is not None:
            raise AlreadyCancelled
        locked.cancelled_at = at
        locked.save(update_fields=["cancelled_at"])
        return locked


def call_for_gaps(*, at: datetime) -> int:
    """Call who runs the roster about every gap of the coming day, once for each; return how many there are.

    Meanwhile alerts page everybody who practises, so that a gap leaves nobody unheard. Any number of
    processes may do this at once.
    """
    found = queries.gaps_ahead(at=at, ahead=rules.LOOKS_AHEAD)
    for starts_at, ends_at in found:
        logger.error("Nobody is on duty from %s until %s", starts_at.isoformat(), ends_at.isoformat())
        # A gap that has begun starts at `at`, later each time: it is known by its end.
        name = ends_at if starts_at == at else starts_at
        for user in accounts.holders(Role.OPERATOR, Role.MEDICAL_DIRECTOR, at=at):
            notifications.schedule(
                MessageKind.TRIAGE_PAGE,
                dedupe_key=f"roster-gap:{name:%Y%m%dT%H%M%S}:{user.pk}",
                user=user,
                due_at=at,
                expires_at=at + CALL_LIFE,
                words={"link": messages.link(PAGE)},
                about=Nobody.CHART,
            )
    return len(found)


def page_myself(user: User, *, at: datetime) -> None:
    """Send a page to whoever asks, by the way that alerts take; once a minute at most."""
    notifications.schedule(
        MessageKind.ALERT_PAGE,
        dedupe_key=f"test-page:{at:%Y%m%dT%H%M}:{user.pk}",
        user=user,
        due_at=at,
        expires_at=at + TEST_LIFE,
        words={"link": messages.link(PAGE)},
        about=Nobody.CHART,
    )
