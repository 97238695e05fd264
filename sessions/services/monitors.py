"""The link by which somebody without an account keeps watch over one session."""

from datetime import datetime, timedelta

from accounts import services as accounts
from accounts.enums import CapabilityScope
from core.actors import Actor
from core.database import atomic
from core.encryption import encrypt
from core.errors import InputError
from core.ids import new_id
from notifications import messages
from notifications import services as notifications
from notifications.enums import MessageKind
from sessions import errors, queries
from sessions.enums import BOOKED_STATUSES
from sessions.models import MonitorInvitation, TreatmentSession
from sessions.services.steps import lock, require_status

LINK_OUTLASTS_BOOKING = timedelta(days=2)
"""Longer than a session can begin late and last: the link never runs out under somebody's hands."""


def invite_monitor(
    session: TreatmentSession, *, first_name: str, address: str, actor: Actor, at: datetime
) -> MonitorInvitation:
    """Send somebody the link to one session; whoever was asked before can no longer use theirs.

    The link's token is in the message alone. Locks the enrollment, then the session. Raises
    `WrongSessionState` once it has started, or `MonitorIsPatient`.
    """
    with atomic():
        locked = lock(session)
        require_status(locked, BOOKED_STATUSES)
        patient = locked.enrollment.patient
        if _mailbox(address) in {_mailbox(own) for own in queries.addresses_of(patient)}:
            detail = "Give the address of whoever stays with you."
            raise errors.MonitorIsPatient(errors=[InputError("/email", "monitor_is_patient", detail)])
        revoke_links(locked, at=at)
        expires_at = max(at, locked.scheduled_at) + LINK_OUTLASTS_BOOKING
        capability, token = accounts.issue_capability(
            CapabilityScope.MONITOR, target_id=locked.pk, actor=actor, at=at, expires_at=expires_at
        )
        accounts.give_code(capability.pk)
        invitation_id = new_id()
        notifications.schedule(
            MessageKind.MONITOR_INVITATION,
            dedupe_key=f"{_mail_key(locked)}{invitation_id}",
            due_at=at,
            expires_at=expires_at,
            address=address,
            words={"first_name": queries.first_name(patient), "link": messages.link("monitor", token)},
        )
        return MonitorInvitation.objects.create(
            id=invitation_id,
            session=locked,
            first_name=first_name,
            address=encrypt(address, place=queries.address_place(invitation_id)),
            capability=capability,
            invited_at=at,
        )


def release_monitor(session: TreatmentSession, *, at: datetime) -> MonitorInvitation:
    """Let the link go from the device that has it, for another one that enters the new code.

    For a phone that is broken or lost, also while the session runs: its deadlines stand, and whoever binds
    the link says again that they are there. Locks the enrollment, then the session. Raises `NobodyInvited`.
    """
    with atomic():
        locked = lock(session)
        link = queries.current_link(locked.pk, at=at)
        if link is None:
            raise errors.NobodyInvited
        accounts.give_code(link.capability_id)
        link.capability.refresh_from_db()
        return link


def extend_links(session: TreatmentSession, *, from_moment: datetime) -> None:
    """Let the session's link last long enough for a session that begins at that moment."""
    for invitation in queries.links_of(session.pk):
        accounts.extend_capability(invitation.capability_id, until=from_moment + LINK_OUTLASTS_BOOKING)


def end_links(session: TreatmentSession, *, until: datetime) -> None:
    """Let the session's link last until that moment and no longer."""
    for invitation in queries.links_of(session.pk):
        accounts.extend_capability(invitation.capability_id, until=until)


def revoke_links(session: TreatmentSession, *, at: datetime) -> None:
    """Make every link to the session open nothing, and call back what has not been sent."""
    for invitation in queries.links_of(session.pk):
        accounts.revoke_capability(invitation.capability_id, at=at)
    notifications.cancel(_mail_key(session), at=at)


def _mailbox(address: str) -> str:
    """Return whose mailbox an address is: quotes, a tag after a plus and capitals do not make another one."""
    name, _, domain = address.rpartition("@")
    bare = name.replace('"', "").replace("\\", "")
    return f"{bare.partition('+')[0]}@{domain}".casefold()


def _mail_key(session: TreatmentSession) -> str:
    return f"monitor-invitation:{session.pk}:"
