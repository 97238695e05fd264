from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from accounts.enums import Role
from accounts.models import CareTeamMembership, Clinician, Patient, RoleGrant, User
from core.actors import Actor, ActorKind


def roles_of(user_id: UUID, *, at: datetime) -> frozenset[Role]:
    """Return the roles that somebody holds at `at`."""
    grants = RoleGrant.objects.filter(_in_force(at), user_id=user_id)
    return frozenset(Role(role) for role in grants.values_list("role", flat=True))


def patient_of(user_id: UUID) -> Patient | None:
    """Return the chart of a signed-in person, if they have one."""
    return Patient.objects.filter(user_id=user_id).first()


def clinician_of(user_id: UUID) -> Clinician | None:
    """Return somebody's name and credentials as a clinician, if they are one."""
    return Clinician.objects.filter(user_id=user_id).first()


def visible_patients(actor: Actor, *, at: datetime) -> QuerySet[Patient]:
    """Return the charts that `actor` may see at `at`: one's own, and those in one's care.

    With the two it is made of, the one place that says so: every room narrows its reads by them. The holder
    of a link sees no chart.
    """
    return own_chart(actor) | patients_in_care(actor, at=at)


def own_chart(actor: Actor) -> QuerySet[Patient]:
    """Return the signed-in person's own chart: what a patient does, they do to this one."""
    if actor.kind != ActorKind.PERSON:
        return Patient.objects.none()
    return Patient.objects.filter(user_id=actor.id)


def patients_in_care(actor: Actor, *, at: datetime) -> QuerySet[Patient]:
    """Return the charts in a clinician's care at `at`, never their own: nobody treats themselves."""
    if actor.kind != ActorKind.PERSON:
        return Patient.objects.none()
    practising = RoleGrant.objects.filter(_in_force(at), user_id=actor.id, role=Role.CLINICIAN)
    in_care = CareTeamMembership.objects.filter(
        _in_force(at), role=Role.CLINICIAN, member_id__in=practising.values("user_id")
    )
    return Patient.objects.filter(id__in=in_care.values("patient_id")).exclude(user_id=actor.id)


def current_clinician(patient_id: UUID) -> User | None:
    """Return the clinician in whose care a patient is."""
    membership = CareTeamMembership.objects.filter(patient_id=patient_id, role=Role.CLINICIAN, ends_at=None)
    found = membership.select_related("member").first()
    return found.member if found else None


def on_call(patient_id: UUID, *, at: datetime) -> list[User]:
    """Return whom to call about a patient, first the clinician in whose care they are, then every other."""
    practising = User.objects.filter(
        id__in=RoleGrant.objects.filter(_in_force(at), role=Role.CLINICIAN).values("user_id"), is_active=True
    )
    own = current_clinician(patient_id)
    return sorted(practising, key=lambda user: (own is None or user.pk != own.pk, user.pk))


def least_busy_clinician(*, at: datetime) -> User | None:
    """Return the active clinician with the fewest patients in their care."""
    return (
        User.objects.filter(
            id__in=RoleGrant.objects.filter(_in_force(at), role=Role.CLINICIAN).values("user_id"),
            clinician__isnull=False,
            is_active=True,
        )
        .annotate(patients=Count("care_team_memberships", filter=Q(care_team_memberships__ends_at=None)))
        .order_by("patients", "id")
        .first()
    )


def _in_force(at: datetime) -> Q:
    return Q(starts_at__lte=at) & (Q(ends_at=None) | Q(ends_at__gt=at))
