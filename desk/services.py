from datetime import datetime, timedelta
from logging import getLogger

from accounts import queries as accounts
from accounts.enums import Role
from core import trail
from core.trail import AnchorsUnreadable
from notifications import services as notifications
from notifications.enums import MessageKind

ANSWER_FOR_THE_TRAIL = (Role.PRIVACY_OFFICER, Role.OPERATOR)
ALARM_LIFE = timedelta(days=1)

logger = getLogger(__name__)


def verify_trail(*, at: datetime) -> bool:
    """Check the audit trail and tell whether it is as written; if not, log where, and call somebody.

    The message says that there is news and nothing more; which chains, the log and `verify_audit` say.
    """
    try:
        faults = [str(fault) for fault in trail.verify()]
    except AnchorsUnreadable as changed:
        faults = [f"anchors: {changed}"]
    for fault in faults:
        logger.critical("The audit trail is not as it was written: %s", fault)
    if faults:
        for user in accounts.holders(*ANSWER_FOR_THE_TRAIL, at=at):
            notifications.schedule(
                MessageKind.NEWS,
                dedupe_key=f"trail:{at.date()}:{user.pk}",
                user=user,
                due_at=at,
                expires_at=at + ALARM_LIFE,
            )
    return not faults
