"""What an operator does to have a clinic at all: colleagues, and the patients there were before."""

from datetime import datetime

from accounts import services as accounts
from accounts.enums import Role
from accounts.models import StaffInvitation, User
from accounts.services import INVITATION_LASTS
from core.database import atomic
from notifications import messages
from notifications import services as notifications
from notifications.enums import MessageKind

ROUTE = "invitation"


def invite(email: str, role: Role, *, by: User, at: datetime) -> StaffInvitation:
    """Ask somebody by e-mail to work here; the link's token is in the message alone.

    Raises `CannotGrant` or `AddressTaken`.
    """
    with atomic():
        invitation, token = accounts.invite_staff(email, role, by=by, at=at)
        notifications.schedule(
            MessageKind.STAFF_INVITATION,
            dedupe_key=f"staff-invitation:{invitation.pk}",
            due_at=at,
            expires_at=at + INVITATION_LASTS,
            address=invitation.email,
            words={"link": messages.link(ROUTE, token)},
        )
        return invitation


def call_back(invitation: StaffInvitation, *, at: datetime) -> None:
    """Call an offer back, and its message, if that has not left yet."""
    with atomic():
        accounts.revoke_invitation(invitation, at=at)
        notifications.cancel(f"staff-invitation:{invitation.pk}", at=at)


def first_operator_link(email: str, *, at: datetime) -> str:
    """Return the link that makes the first operator; raises `OperatorExists` or `AddressTaken`."""
    _, token = accounts.invite_first_operator(email, at=at)
    return messages.link(ROUTE, token)
