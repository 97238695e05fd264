"""Opening a chart in an emergency, and calling those who review it: at once, and when it is overdue."""

from datetime import datetime, timedelta
from logging import getLogger

from accounts import queries as accounts
from accounts.break_glass import services as break_glass
from accounts.break_glass.queries import overdue_calls
from accounts.break_glass.services import Asked
from accounts.enums import Role
from accounts.models import BreakGlass, User
from core.database import atomic
from notifications import messages
from notifications import services as notifications
from notifications.enums import MessageKind

CALL_LIFE = timedelta(days=1)

logger = getLogger(__name__)


def open_chart(clinician: User, *, asked: Asked, at: datetime) -> BreakGlass:
    """Let a clinician read one person's chart for an hour, and tell the privacy officers in the same breath.

    Raises what `accounts.break_glass.services.open_chart` does.
    """
    with atomic():
        opening = break_glass.open_chart(clinician, asked=asked, at=at)
        _call(opening, at=at)
        return opening


def call_for_overdue_reviews(*, at: datetime) -> int:
    """Call the privacy officers for every review that is overdue, once a day each; return how many.

    Any number of processes may do this at once.
    """
    called = 0
    for opening_id in overdue_calls(at=at):
        with atomic():
            opening = break_glass.claim_overdue(opening_id, at=at)
            if opening is not None:
                _call(opening, at=at)
                called += 1
    return called


def _call(opening: BreakGlass, *, at: datetime) -> None:
    """Write the messages: to every privacy officer but the one it is about, or else to the operators."""
    officers = _others(Role.PRIVACY_OFFICER, opening, at=at)
    if not officers:
        logger.error("Break-glass %s: there is no privacy officer to review it", opening.pk)
    for user in officers or _others(Role.OPERATOR, opening, at=at):
        notifications.schedule(
            MessageKind.TRIAGE_PAGE,
            dedupe_key=f"break-glass:{opening.pk}:{at:%Y%m%dT%H%M}:{user.pk}",
            user=user,
            due_at=at,
            expires_at=at + CALL_LIFE,
            words={"link": messages.staff_link(f"accounts/breakglass/{opening.pk}")},
            about=opening.patient_id,
        )


def _others(role: Role, opening: BreakGlass, *, at: datetime) -> list[User]:
    return [user for user in accounts.holders(role, at=at) if user.pk != opening.user_id]
