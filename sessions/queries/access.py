"""Which sessions somebody may see, and the links to them."""

from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db.models import QuerySet

from accounts.enums import CapabilityScope
from accounts.models import Capability, Patient
from accounts.queries import charts_in_care, one, patients_in_care, visible_charts, within
from core.actors import Actor, ActorKind
from core.encryption import decrypt
from programs.models import Enrollment
from sessions.models import MonitorInvitation, TreatmentSession


def sessions_for(actor: Actor, *, at: datetime) -> QuerySet[TreatmentSession]:
    """Return the sessions that `actor` may see: of one's own chart, in one's care, or the one of a link."""
    if actor.kind == ActorKind.CAPABILITY:
        links = Capability.objects.filter(
            pk=actor.id, scope=CapabilityScope.MONITOR, revoked_at=None, expires_at__gt=at
        )
        found = TreatmentSession.objects.filter(pk__in=links.values("target_id"))
    else:
        found = TreatmentSession.objects.filter(
            within(visible_charts(actor, at=at), "enrollment__patient_id")
        )
    return found.select_related("enrollment__patient")


def session_for(actor: Actor, session_id: UUID, *, at: datetime) -> TreatmentSession:
    """Return one session that `actor` may see; somebody else's is as absent as none (`NotFound`)."""
    return one(sessions_for(actor, at=at), session_id)


def session_to_show(actor: Actor, session_id: UUID, *, at: datetime) -> TreatmentSession:
    """Return what `session_for` does, with the policy that a session was started under: one statement."""
    return one(sessions_for(actor, at=at).select_related("gate__policy"), session_id)


def sessions_of(enrollment: Enrollment) -> QuerySet[TreatmentSession]:
    """Return an enrollment's sessions."""
    return TreatmentSession.objects.filter(enrollment=enrollment)


def sessions_in_care(actor: Actor, *, at: datetime) -> QuerySet[TreatmentSession]:
    """Return the sessions of patients in a clinician's care, the newest first."""
    found = TreatmentSession.objects.filter(within(charts_in_care(actor, at=at), "enrollment__patient_id"))
    return found.select_related("enrollment__patient", "enrollment__program").order_by("-scheduled_at")


def cares_for(actor: Actor, session: TreatmentSession, *, at: datetime) -> bool:
    """Tell whether a clinician has the session's patient in their care, and so may write what happens."""
    return patients_in_care(actor, at=at).filter(pk=session.enrollment.patient_id).exists()


def first_name(patient: Patient) -> str:
    """Return what a patient is called by, and nothing more of their name."""
    return patient.preferred_name or patient.legal_name.split()[0]


def links_of(session_id: UUID) -> QuerySet[MonitorInvitation]:
    """Return a session's invitations whose links have not been called back, the newest first."""
    found = MonitorInvitation.objects.filter(session_id=session_id, capability__revoked_at=None)
    return found.select_related("capability").order_by("-invited_at", "-id")


def current_link(session_id: UUID, *, at: datetime) -> MonitorInvitation | None:
    """Return the invitation whose link opens the session now, if there is one."""
    return links_of(session_id).filter(capability__expires_at__gt=at).first()


def address_of(invitation: MonitorInvitation) -> str:
    """Return the address that an invitation went to."""
    return str(decrypt(bytes(invitation.address), place=address_place(invitation.pk)))


def addresses_of(patient: Patient) -> list[str]:
    """Return every mail address that a patient has given as their own."""
    given = EmailAddress.objects.filter(user=patient.user_id).values_list("email", flat=True)
    return [patient.user.email, *given]


def address_place(invitation_id: UUID) -> str:
    """Return the place that an invitation's address is encrypted for."""
    return f"treatment_sessions_monitorinvitation.address:{invitation_id}"
