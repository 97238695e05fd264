import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts import errors, queries, rules
from accounts.enums import STAFF, CapabilityScope, Language, Profession, Role, SignatureMeaning
from accounts.models import (
    Capability,
    CareTeamMembership,
    Clinician,
    Licence,
    Patient,
    PatientAddress,
    RoleGrant,
    ServedState,
    Signature,
    SignIn,
    StaffInvitation,
    User,
)
from core.actors import Actor, ServiceName
from core.database import atomic, takes_writes
from core.encryption import encrypt
from core.errors import InputError, InvalidInput, NotFound
from core.ids import new_id
from core.parsing import timezones

TOKEN_BYTES = 32
CODE_DIGITS = 6
"""Read aloud, and worth nothing without the link; tries are counted (`monitor_code` in LIMITS)."""
DRILL_NAME, DRILL_DOMAIN = "Drill, not a person", "drill.invalid"
DRILL_BORN_ON = date(1900, 1, 1)

# --- who somebody is -------------------------------------------------------------------------------------


def save_profile(
    user: User,
    *,
    legal_name: str,
    preferred_name: str,
    birth_on: date,
    timezone: str,
    language: Language | None = None,
) -> Patient:
    """Store who a patient is; raises `UnknownTimezone`.

    Saying the same twice changes nothing. Without a language the one on file stays, at first English.
    """
    if timezone not in timezones():
        detail = "Use a name such as America/New_York."
        raise errors.UnknownTimezone(
            errors=[InputError(pointer="/timezone", code="unknown_timezone", detail=detail)]
        )
    fields: dict[str, str | date] = {
        "legal_name": legal_name,
        "preferred_name": preferred_name,
        "birth_on": birth_on,
        "timezone": timezone,
    }
    if language is not None:
        fields["language"] = language
    patient, _ = Patient.objects.update_or_create(user=user, defaults=fields)
    return patient


def drill_chart() -> Patient:
    """Return the chart that is nobody's, locked; made where there is none. Nobody can sign in as it."""
    chart = Patient.objects.select_for_update(no_key=True).filter(is_drill=True).first()
    if chart is not None:
        return chart
    # An address that nobody can guess: one that a stranger had signed up with would keep every drill away.
    email = f"{secrets.token_hex(TOKEN_BYTES)}@{DRILL_DOMAIN}"
    return Patient.objects.create(
        user=User.objects.create_user(email, is_active=False),
        legal_name=DRILL_NAME,
        birth_on=DRILL_BORN_ON,
        timezone="UTC",
        is_drill=True,
    )


def save_me(
    user: User, *, profile: Mapping[str, Any], address: rules.Address | None, at: datetime
) -> Patient:
    """Store what a person says of themselves, the address too if they give one: all of it or nothing.

    Raises `UnknownTimezone` or `UnfitAddress`.
    """
    if address is not None:
        _require_fit(address)
    with atomic():
        patient = save_profile(user, **profile)
        if address is not None:
            save_address(patient, address, actor=Actor.person(user.pk), at=at)
        return patient


def save_address(patient: Patient, address: rules.Address, *, actor: Actor, at: datetime) -> None:
    """Store where a patient lives from a day on; what was on file stays in the history.

    Where they are known to live there that day, nothing changes. Locks the patient. Raises `UnfitAddress`
    with every fault.
    """
    _require_fit(address)
    with atomic():
        Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
        known = queries.address_on(patient, address.starts_on)
        if known is not None and replace(known, starts_on=address.starts_on) == address:
            return
        row = PatientAddress(
            patient=patient,
            country=address.country,
            state=address.state,
            starts_on=address.starts_on,
            recorded_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
        details = {"lines": address.lines, "city": address.city, "postal_code": address.postal_code}
        row.details = encrypt(details, place=queries.address_place(row.pk))
        row.save(force_insert=True)


def _require_fit(address: rules.Address) -> None:
    if faults := rules.address_faults(address):
        raise errors.UnfitAddress(errors=faults)


def register_clinician(
    user: User, *, full_name: str, credentials: str, profession: Profession, dea_number: str = ""
) -> Clinician:
    """Store what a clinician signs with and, if they have one, their prescriber (DEA) number.

    Raises `UnfitPrescriberNumber`.
    """
    if dea_number and not rules.is_dea_number(dea_number):
        fault = InputError("/dea_number", "unfit_prescriber_number", "Two letters, seven digits that fit.")
        raise errors.UnfitPrescriberNumber(errors=[fault])
    fields = {
        "full_name": full_name,
        "credentials": credentials,
        "profession": profession,
        "dea_number": dea_number,
    }
    clinician, _ = Clinician.objects.update_or_create(user=user, defaults=fields)
    return clinician


# --- where treating is allowed ---------------------------------------------------------------------------


def add_licence(
    clinician: Clinician,
    *,
    state: str,
    number: str,
    starts_on: date,
    ends_on: date,
    recorded_by: User | None,
    at: datetime,
) -> Licence:
    """Record that a clinician may practise in a state; recording the same again is harmless.

    Nobody records their own (`CannotGrant`); only the installation itself does without a name.
    """
    _not_ones_own(clinician, recorded_by)
    licence, _ = Licence.objects.get_or_create(
        clinician=clinician,
        state=state,
        number=number,
        starts_on=starts_on,
        defaults={"ends_on": ends_on, "recorded_by": recorded_by, "recorded_at": at},
    )
    return licence


def end_licence(licence: Licence, *, ends_on: date, ended_by: User | None) -> Licence:
    """Record the last day on which a licence is good, when it was given up, taken away or renewed.

    Nobody records their own (`CannotGrant`).
    """
    _not_ones_own(licence.clinician, ended_by)
    licence.ends_on = max(ends_on, licence.starts_on)
    licence.save(update_fields=["ends_on"])
    return licence


def _not_ones_own(clinician: Clinician, by: User | None) -> None:
    if by is not None and by.pk == clinician.user_id:
        raise errors.CannotGrant("Nobody records their own licence; ask another operator.")


def import_patient(
    email: str, *, profile: Mapping[str, Any], address: rules.Address, actor: Actor, at: datetime
) -> Patient:
    """Make the account and the chart of a patient from elsewhere; they choose a password by resetting it.

    The address is not verified: the first sign-in asks for a code. Raises `AddressTaken`.
    """
    with atomic():
        _require_free(email)
        user = User.objects.create_user(email)
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
        patient = save_profile(user, **profile)
        save_address(patient, address, actor=actor, at=at)
        return patient


def require_person(user_id: UUID) -> User:
    """Return an active account; raises `NoSuchPerson`."""
    user = queries.person(user_id)
    if user is None:
        raise errors.NoSuchPerson
    return user


def require_clinician(user_id: UUID) -> Clinician:
    """Return somebody's name and credentials; raises `NoSuchPerson` where nobody has any under that id."""
    clinician = queries.clinician_of(user_id)
    if clinician is None:
        raise errors.NoSuchPerson
    return clinician


def serve_state(state: str, *, starts_on: date, set_by: User | None) -> ServedState:
    """Let the clinic take patients in a state from a day on; one that is served already stays as it is."""
    served, _ = ServedState.objects.get_or_create(
        state=state, ends_on=None, defaults={"starts_on": starts_on, "set_by": set_by}
    )
    return served


def stop_serving_state(served: ServedState, *, ends_on: date) -> ServedState:
    """Record the last day on which the clinic takes patients in a state."""
    served.ends_on = max(ends_on, served.starts_on)
    served.save(update_fields=["ends_on"])
    return served


def require_served(patient_id: UUID, *, at: datetime) -> None:
    """Raise `NotServed` where a patient is known to live outside the states that the clinic serves."""
    state = queries.current_state(patient_id, at=at)
    if state is not None and state not in queries.served_states(at=at):
        raise errors.NotServed


def require_may_treat(clinician: User, patient_id: UUID, *, at: datetime) -> None:
    """Raise `MayNotTreat` with every reason why a clinician may not sign for a patient at `at`."""
    if faults := rules.treating_faults(queries.treating_facts(clinician, patient_id, at=at)):
        raise errors.MayNotTreat(reasons=faults)


# --- roles -----------------------------------------------------------------------------------------------


def grant_role(user: User, role: Role, *, granted_by: User | None, at: datetime) -> RoleGrant:
    """Give somebody a role from `at` on; holding it already is not an error.

    Operators grant, and never to themselves; only the installation itself grants without a grantor. Raises
    `CannotGrant` with every reason.
    """
    facts = rules.GrantFacts(
        role=role,
        to_themselves=granted_by is not None and granted_by.pk == user.pk,
        grantor_roles=None if granted_by is None else queries.roles_of(granted_by.pk, at=at),
        is_clinician=queries.clinician_of(user.pk) is not None,
        is_licensed=bool(queries.licensed_states(user.pk, at=at)),
    )
    if faults := rules.grant_faults(facts):
        raise errors.CannotGrant(reasons=faults)
    grant, _ = RoleGrant.objects.get_or_create(
        user=user, role=role, ends_at=None, defaults={"granted_by": granted_by, "starts_at": at}
    )
    return grant


def end_role(user: User, role: Role, *, at: datetime) -> RoleGrant:
    """Take a role from somebody at once; raises `RoleNotHeld`.

    Memberships of care teams stay on paper and show nothing any more, until somebody takes over.
    """
    with atomic():
        held = RoleGrant.objects.select_for_update().filter(user=user, role=role, ends_at=None)
        grant = held.first()
        if grant is None:
            raise errors.RoleNotHeld
        grant.ends_at = max(at, grant.starts_at)
        grant.save(update_fields=["ends_at"])
        return grant


# --- becoming one of the staff ---------------------------------------------------------------------------

INVITATION_LASTS = timedelta(days=3)


def invite_staff(email: str, role: Role, *, by: User, at: datetime) -> tuple[StaffInvitation, str]:
    """Offer somebody an account with a role; return the offer with its link's token, which is nowhere else.

    An earlier offer to the same address can no longer be taken. Raises `CannotGrant` or `AddressTaken`.
    """
    if Role.OPERATOR not in queries.roles_of(by.pk, at=at):
        raise errors.CannotGrant("Operators invite.")
    if faults := rules.invitation_faults(role):
        raise errors.CannotGrant(reasons=faults)
    with atomic():
        return _invite(email.lower(), role, by=by, actor=Actor.person(by.pk), at=at)


def invite_first_operator(email: str, *, at: datetime) -> tuple[StaffInvitation, str]:
    """Offer somebody to be the first operator; raises `OperatorExists`, or `AddressTaken`."""
    with atomic():
        if queries.operator_exists(at=at):
            raise errors.OperatorExists
        install = Actor.service(ServiceName.INSTALL)
        return _invite(email.lower(), Role.OPERATOR, by=None, actor=install, at=at)


def revoke_invitation(invitation: StaffInvitation, *, at: datetime) -> None:
    """Call an offer back; one that was taken stays taken."""
    revoke_capability(invitation.capability_id, at=at)


@dataclass(frozen=True)
class Newcomer:
    """What somebody says who takes an offer; a clinician also how they sign."""

    password: str
    full_name: str = ""
    credentials: str = ""
    profession: Profession | None = None
    dea_number: str = ""


def accept_invitation(invitation_id: UUID, *, newcomer: Newcomer, at: datetime) -> StaffInvitation:
    """Make the account that was offered, with its role, given by whoever offered it; once.

    The link came by e-mail, or from whoever holds the server, so the address counts as verified. Locks the
    invitation, and with it every other of the installation, so that there is one first operator. Raises
    `InvitationSpent`, `AddressTaken`, `OperatorExists`, `UnfitPassword`, or `CannotGrant` where whoever
    offered it is no operator any more.
    """
    with atomic():
        mine = Q(pk=invitation_id) | Q(invited_by=None)
        locked = StaffInvitation.objects.select_for_update(of=("self",)).filter(mine).order_by("pk")
        invitation = {row.pk: row for row in locked.select_related("capability")}[invitation_id]
        if invitation.accepted_at is not None or not invitation.capability.is_live(at):
            raise errors.InvitationSpent
        if invitation.invited_by is None and queries.operator_exists(at=at):
            raise errors.OperatorExists
        role = Role(invitation.role)
        user = _make_staff(invitation.email, role, password=newcomer.password)
        if role == Role.CLINICIAN:
            if not (newcomer.full_name and newcomer.credentials and newcomer.profession):
                detail = "A clinician gives full_name, credentials and profession."
                raise InvalidInput(errors=[InputError("/full_name", "required", detail)])
            register_clinician(
                user,
                full_name=newcomer.full_name,
                credentials=newcomer.credentials,
                profession=newcomer.profession,
                dea_number=newcomer.dea_number,
            )
        grant_role(user, role, granted_by=invitation.invited_by, at=at)
        invitation.accepted_by, invitation.accepted_at = user, at
        invitation.save(update_fields=["accepted_by", "accepted_at"])
        return invitation


def _invite(
    email: str, role: Role, *, by: User | None, actor: Actor, at: datetime
) -> tuple[StaffInvitation, str]:
    _require_free(email)
    earlier = StaffInvitation.objects.filter(email=email, accepted_at=None)
    Capability.objects.filter(pk__in=earlier.values("capability"), revoked_at=None).update(revoked_at=at)
    invitation_id = new_id()
    capability, token = issue_capability(
        CapabilityScope.INVITATION,
        target_id=invitation_id,
        actor=actor,
        at=at,
        expires_at=at + INVITATION_LASTS,
    )
    invitation = StaffInvitation.objects.create(
        id=invitation_id, email=email, role=role, invited_by=by, capability=capability, invited_at=at
    )
    return invitation, token


def _require_free(email: str) -> None:
    if queries.addresses_known([email.lower()]):
        raise errors.AddressTaken


def _make_staff(email: str, role: Role, *, password: str) -> User:
    _require_free(email)
    user = User(email=email, is_staff=role in STAFF)
    try:
        validate_password(password, user)
    except ValidationError as error:
        faults = [InputError("/password", "unfit_password", message) for message in error.messages]
        raise errors.UnfitPassword(errors=faults) from None
    user.set_password(password)
    user.save()
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    return user


# --- care ------------------------------------------------------------------------------------------------


def assign_clinician(patient: Patient, *, at: datetime) -> User:
    """Put a patient into the care of the least busy clinician, unless they are in somebody's already.

    Whoever cannot see the chart any more (no role, no licence there) gives way. Raises `NobodyToAssign`: an
    enrollment that no clinician would see must not be taken. The caller has locked the patient.
    """
    current = queries.current_membership(patient.pk, Role.CLINICIAN)
    if current is not None and queries.cares_for(current.member, patient.pk, at=at):
        return current.member
    clinician = queries.least_busy_clinician(patient, at=at)
    if clinician is None:
        raise errors.NobodyToAssign
    _succeed(patient, Role.CLINICIAN, current=current, to=clinician, at=at)
    return clinician


@dataclass(frozen=True)
class Succession:
    """Who looks after a patient now, and who did until then; `began` is whether anything changed."""

    membership: CareTeamMembership
    predecessor_id: UUID | None
    began: bool


def hand_over(patient_id: UUID, role: Role, *, to: User, by: User, at: datetime) -> Succession:
    """Put a patient into somebody's care from `at` on, and end the membership of whoever had them.

    What was written and signed keeps its author. Doing it again changes nothing. Locks the patient, so that
    two cannot pass each other. Raises `NotFound`, or `CannotHandOver` with every reason. What waits for the
    patient's clinician goes along by `safety.services.hand_over`, the one caller.
    """
    with atomic():
        patient = Patient.objects.select_for_update(no_key=True).filter(pk=patient_id).first()
        if patient is None:
            raise NotFound
        facts = rules.HandoverFacts(
            role=role,
            by_roles=queries.roles_of(by.pk, at=at),
            to_themselves=by.pk == to.pk,
            is_patient=patient.user_id == to.pk,
            takes_roles=queries.roles_of(to.pk, at=at),
            takes_part=to.is_active,
            patient_state=queries.current_state(patient_id, at=at),
            licensed=queries.licensed_states(to.pk, at=at),
        )
        if faults := rules.handover_faults(facts):
            raise errors.CannotHandOver(reasons=faults)
        current = queries.current_membership(patient_id, role)
        if current is not None and current.member_id == to.pk:
            return Succession(current, predecessor_id=None, began=False)
        begun = _succeed(patient, role, current=current, to=to, at=at)
        return Succession(begun, predecessor_id=current.member_id if current else None, began=True)


def _succeed(
    patient: Patient, role: Role, *, current: CareTeamMembership | None, to: User, at: datetime
) -> CareTeamMembership:
    """End one membership and begin the next at the same moment."""
    if current is not None:
        current.ends_at = max(at, current.starts_at)
        current.save(update_fields=["ends_at"])
    return CareTeamMembership.objects.create(patient=patient, member=to, role=role, starts_at=at)


# --- links, signatures -----------------------------------------------------------------------------------


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


def close_account(user: User, *, at: datetime) -> None:
    """Let nobody sign in as `user` any more, and end every sign-in they have; again is harmless.

    Nothing is erased: the rows stay for as long as the law asks, and the audit trail has who closed it and
    when. Raises `WorksHere` for somebody who holds a role: patients may wait for them.
    """
    if queries.roles_of(user.pk, at=at):
        raise errors.WorksHere
    with atomic():
        User.objects.filter(pk=user.pk, is_active=True).update(is_active=False)
        SignIn.objects.filter(user=user).delete()


def saw(sign_in: SignIn, *, at: datetime) -> None:
    """Note that a device was in use at `at`; not where nothing can be written: that keeps nobody out."""
    if takes_writes():
        SignIn.objects.filter(pk=sign_in.pk).update(last_seen_at=at)


def hash_token(token: str) -> str:
    """Return what is kept of a capability's token. It is random, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def give_code(capability_id: UUID) -> None:
    """Let a link open on one device, the first on which its new code is entered, and on no other any more."""
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    Capability.objects.filter(pk=capability_id).update(
        code=encrypt(code, place=queries.code_place(capability_id)), device_sha256="", bound_at=None
    )


def bind_device(capability_id: UUID, *, code: str, device: str, at: datetime) -> None:
    """Bind a link to the device that shows its code; again from the same device is harmless.

    A compare-and-set: of two devices that show it at once, one gets the link. Raises `OtherDevice`, or
    `InvalidInput` for a code that is not the link's.
    """
    link = Capability.objects.get(pk=capability_id)
    if link.is_held or not secrets.compare_digest(queries.code_of(link).encode(), code.encode()):
        detail = "This is not the code. Ask for it once more."
        raise InvalidInput(errors=[InputError("/code", "wrong_code", detail)])
    bond = {"code": None, "device_sha256": hash_token(device), "bound_at": at}
    if not Capability.objects.filter(pk=link.pk, code=link.code).update(**bond):
        link.refresh_from_db()
        if link.device_sha256 != hash_token(device):
            raise errors.OtherDevice


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
    return sign_each(signer, meaning=meaning, documents_sha256=[document_sha256], at=at)[0]


def sign_each(
    signer: User, *, meaning: SignatureMeaning, documents_sha256: Sequence[str], at: datetime
) -> list[Signature]:
    """Sign several documents as `sign` does one: a signature for each, in their order."""
    with atomic():
        person = queries.clinician_of(signer.pk) or queries.patient_of(signer.pk)
        if person is None:
            raise errors.NoName
        name = str(person) if isinstance(person, Clinician) else person.legal_name
        return Signature.objects.bulk_create(
            Signature(signer=signer, signer_name=name, meaning=meaning, signed_at=at, document_sha256=sha256)
            for sha256 in documents_sha256
        )
