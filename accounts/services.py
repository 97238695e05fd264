import hashlib
import secrets
from datetime import date, datetime
from uuid import UUID
from zoneinfo import available_timezones

from accounts import errors, queries
from accounts.enums import CapabilityScope, Role, SignatureMeaning
from accounts.models import Capability, CareTeamMembership, Clinician, Patient, RoleGrant, Signature, User
from core.actors import Actor
from core.database import atomic
from core.errors import InputError

TOKEN_BYTES = 32


def save_profile(
    user: User, *, legal_name: str, preferred_name: str, birth_on: date, timezone: str
) -> Patient:
    """Store who a patient is; raises `UnknownTimezone`.

    Saying the same twice changes nothing.
    """
    if timezone not in available_timezones():
        detail = "Use a name such as America/New_York."
        raise errors.UnknownTimezone(
            errors=[InputError(pointer="/timezone", code="unknown_timezone", detail=detail)]
        )
    fields = {
        "legal_name": legal_name,
        "preferred_name": preferred_name,
        "birth_on": birth_on,
        "timezone": timezone,
    }
    patient, _ = Patient.objects.update_or_create(user=user, defaults=fields)
    return patient


def grant_role(user: User, role: Role, *, granted_by: User | None, at: datetime) -> RoleGrant:
    """Give somebody a role from `at` on; holding it already is not an error.

    The database refuses a grant to oneself; only the installation itself grants without a grantor.
    """
    grant, _ = RoleGrant.objects.get_or_create(
        user=user, role=role, ends_at=None, defaults={"granted_by": granted_by, "starts_at": at}
    )
    return grant


def register_clinician(user: User, *, full_name: str, credentials: str) -> Clinician:
    """Store the name and credentials that a clinician signs with."""
    clinician, _ = Clinician.objects.update_or_create(
        user=user, defaults={"full_name": full_name, "credentials": credentials}
    )
    return clinician


def assign_clinician(patient: Patient, *, at: datetime) -> User:
    """Put a patient into the care of the least busy clinician, unless they are in somebody's already.

    Raises `NobodyToAssign`: an enrollment that no clinician would see must not be taken.
    """
    if current := queries.current_clinician(patient.pk):
        return current
    clinician = queries.least_busy_clinician(at=at)
    if clinician is None:
        raise errors.NobodyToAssign
    CareTeamMembership.objects.create(patient=patient, member=clinician, role=Role.CLINICIAN, starts_at=at)
    return clinician


def issue_capability(
    scope: CapabilityScope, *, target_id: UUID, actor: Actor, at: datetime, expires_at: datetime
) -> tuple[Capability, str]:
    """Make a link for one thing; return it with its token, which is nowhere else and cannot be read again."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    capability = Capability.objects.create(
        scope=scope,
        target_id=target_id,
        token_sha256=hash_token(token),
        actor_kind=actor.kind,
        actor_id=actor.id,
        created_at=at,
        expires_at=expires_at,
    )
    return capability, token


def hash_token(token: str) -> str:
    """Return what is kept of a capability's token. It is random, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def revoke_capability(capability_id: UUID, *, at: datetime) -> None:
    """Make a link open nothing from now on; revoking twice keeps the first time."""
    Capability.objects.filter(pk=capability_id, revoked_at=None).update(revoked_at=at)


def extend_capability(capability_id: UUID, *, until: datetime) -> None:
    """Move a link's end, when what it belongs to has moved."""
    Capability.objects.filter(pk=capability_id).update(expires_at=until)


def sign(signer: User, *, meaning: SignatureMeaning, document_sha256: str, at: datetime) -> Signature:
    """Sign the document with that hash; raises `NoName` for an account that has no person's name.

    The name is stored as it is today: a later change of name does not rewrite what was signed.
    """
    with atomic():
        person = queries.clinician_of(signer.pk) or queries.patient_of(signer.pk)
        if person is None:
            raise errors.NoName
        name = str(person) if isinstance(person, Clinician) else person.legal_name
        return Signature.objects.create(
            signer=signer, signer_name=name, meaning=meaning, signed_at=at, document_sha256=document_sha256
        )
