from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from accounts.enums import (
    STATES,
    BreakGlassFinding,
    BreakGlassPurpose,
    CapabilityScope,
    Language,
    Profession,
    Role,
    SignatureMeaning,
)
from core.ids import new_id
from core.models import ActedModel, DocumentVersion

if TYPE_CHECKING:
    from accounts.sign_ins import SessionStore


class UserManager(BaseUserManager["User"]):
    """Makes users; an e-mail address is the name one signs in with."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user; without a password nobody can sign in as them."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user who may do everything in the admin; for one's own machine."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who can sign in."""

    id = models.UUIDField(primary_key=True, default=new_id)
    email = models.EmailField(max_length=254, unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(db_default=Now())

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_is_lower_case")
        ]

    def __str__(self) -> str:
        return self.email


class RoleGrant(models.Model):
    """A role somebody holds from one moment to another."""

    id = models.UUIDField(primary_key=True, default=new_id)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="role_grants")
    role = models.CharField(max_length=20, choices=Role.choices)
    granted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="role_is_known"),
            models.CheckConstraint(
                condition=~Q(granted_by=models.F("user")), name="nobody_grants_to_themselves"
            ),
            models.UniqueConstraint(
                fields=["user", "role"], condition=Q(ends_at=None), name="role_held_once"
            ),
        ]


class Patient(models.Model):
    """A chart: one person, whatever they enroll in.

    `is_drill` marks the one chart that is nobody's: whatever is to be sent about it goes nowhere. It is set
    when the chart is made and never changes.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="patient")
    legal_name = models.CharField(max_length=120)
    preferred_name = models.CharField(max_length=60, blank=True)
    birth_on = models.DateField()
    timezone = models.CharField(max_length=64)
    language = models.CharField(max_length=12, choices=Language.choices, db_default=Language.ENGLISH)
    is_drill = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["is_drill"], condition=Q(is_drill=True), name="patient_one_drill"
            ),
            models.CheckConstraint(
                condition=Q(language__in=Language.values), name="patient_language_is_known"
            ),
        ]
        # Asked at each clearance: is there another chart of this person?
        indexes = [
            models.Index(fields=["birth_on"], name="patient_by_birth_date"),
            models.Index(fields=["legal_name"], name="patient_by_name"),
        ]

    def __str__(self) -> str:
        return self.preferred_name or self.legal_name


class PatientAddress(ActedModel):
    """Where a patient lives from a day on; a move and a correction are new rows. Append-only.

    Street, city and postal code are encrypted for this row; the state stays readable, because a licence is
    good for a state. Outside the United States it is empty, and nobody's licence is good for that.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="addresses")
    country = models.CharField(max_length=2)
    state = models.CharField(max_length=2, blank=True)
    details = models.BinaryField()
    starts_on = models.DateField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(country="US", state__in=STATES) | ~Q(country="US") & Q(state=""),
                name="address_in_the_us_has_a_state",
            ),
            models.CheckConstraint(
                condition=Q(country__regex=r"^[A-Z]{2}$"), name="address_country_is_a_code"
            ),
        ]
        indexes = [
            # The address of a day is the last that began by then: read wherever a clinician reads a chart.
            models.Index(fields=["patient", "-starts_on", "-id"], name="address_of_a_day")
        ]


class Clinician(models.Model):
    """A licensed person's name and credentials, as a signature shows them.

    An empty profession or prescriber number (DEA) was never given.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="clinician")
    full_name = models.CharField(max_length=120)
    credentials = models.CharField(max_length=40)
    profession = models.CharField(max_length=24, choices=Profession.choices, blank=True, db_default="")
    dea_number = models.CharField(max_length=9, blank=True, db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(profession__in=["", *Profession.values]), name="clinician_profession_is_known"
            ),
            models.CheckConstraint(
                condition=Q(dea_number="") | Q(dea_number__regex=r"^[A-Z][A-Z9][0-9]{7}$"),
                name="clinician_dea_number_has_its_form",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.full_name}, {self.credentials}"


class Licence(models.Model):
    """That a clinician may practise in one state, from one day to another, both included (by UTC)."""

    id = models.UUIDField(primary_key=True, default=new_id)
    clinician = models.ForeignKey(Clinician, on_delete=models.PROTECT, related_name="licences")
    state = models.CharField(max_length=2)
    number = models.CharField(max_length=40)
    starts_on = models.DateField()
    ends_on = models.DateField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["state", "starts_on", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="licence_state_is_known"),
            models.CheckConstraint(
                condition=Q(ends_on__gte=models.F("starts_on")), name="licence_ends_after_it_begins"
            ),
            models.CheckConstraint(condition=~Q(number=""), name="licence_has_a_number"),
            models.UniqueConstraint(
                fields=["clinician", "state", "number", "starts_on"], name="licence_recorded_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.number}, {self.starts_on} to {self.ends_on}"


class ServedState(models.Model):
    """A state in which the clinic takes patients, from one day to another, both included (by UTC)."""

    id = models.UUIDField(primary_key=True, default=new_id)
    state = models.CharField(max_length=2)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)
    set_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["state", "starts_on", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="served_state_is_known"),
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=models.F("starts_on")),
                name="served_state_ends_after_it_begins",
            ),
            models.UniqueConstraint(
                fields=["state"], condition=Q(ends_on=None), name="served_state_open_once"
            ),
        ]


class CareTeamMembership(models.Model):
    """Who cares for a patient, as what, from when to when."""

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="care_team")
    member = models.ForeignKey(User, on_delete=models.PROTECT, related_name="care_team_memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "role"],
                condition=Q(ends_at=None),
                name="care_team_one_current_member_per_role",
            ),
            models.CheckConstraint(
                condition=Q(role__in=[Role.CLINICIAN, Role.GUIDE]), name="care_team_role_gives_care"
            ),
        ]


class SignIn(AbstractBaseSession):
    """One device's way in, by cookie or by app token; nobody's until somebody has signed in on it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sign_ins")
    signed_in_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    @classmethod
    def get_session_store_class(cls) -> "type[SessionStore]":
        """Return the engine that keeps these rows."""
        from accounts.sign_ins import SessionStore  # the engine needs this model

        return SessionStore


class Capability(ActedModel):
    """A link that lets whoever holds it do one thing, without an account; only its token's hash is kept.

    One with a `code` (encrypted) waits for the first device on which that is entered, and then opens on that
    device alone. Without a code and a device it opens wherever it is held.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    scope = models.CharField(max_length=20, choices=CapabilityScope.choices)
    target_id = models.UUIDField()
    token_sha256 = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    code = models.BinaryField(null=True)
    device_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    bound_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(scope__in=CapabilityScope.values), name="capability_scope_is_known"
            ),
            models.CheckConstraint(
                condition=Q(device_sha256="", bound_at=None)
                | ~Q(device_sha256="") & Q(bound_at__isnull=False, code=None),
                name="capability_bound_to_one_device",
            ),
        ]

    def is_live(self, at: datetime) -> bool:
        """Tell whether the link still opens anything at `at`."""
        return self.revoked_at is None and at < self.expires_at

    @property
    def is_held(self) -> bool:
        """Tell whether somebody can use the link: it waits for no code."""
        return self.code is None


class StaffInvitation(models.Model):
    """That somebody is asked to work here, as what and by whom; its capability is the link to an account.

    Without `invited_by` it is the installation's own, for the first operator.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=20, choices=Role.choices)
    invited_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    capability = models.OneToOneField(Capability, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField()
    accepted_by = models.OneToOneField(User, on_delete=models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="invitation_role_is_known"),
            models.CheckConstraint(condition=Q(email=Lower("email")), name="invitation_email_is_lower_case"),
            models.CheckConstraint(
                condition=Q(accepted_at=None, accepted_by=None)
                | Q(accepted_at__isnull=False, accepted_by__isnull=False),
                name="invitation_accepted_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(invited_by__isnull=False) | Q(role=Role.OPERATOR),
                name="invitation_of_the_installation_is_for_an_operator",
            ),
        ]


class Signature(models.Model):
    """A name, a time and a meaning, bound to exactly one text by its hash. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    signer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="signatures")
    signer_name = models.CharField(max_length=180)
    meaning = models.CharField(max_length=12, choices=SignatureMeaning.choices)
    signed_at = models.DateTimeField()
    document_sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(meaning__in=SignatureMeaning.values), name="signature_meaning_is_known"
            ),
            models.CheckConstraint(
                condition=Q(document_sha256__regex=r"^[0-9a-f]{64}$"),
                name="signature_is_bound_to_a_hash",
            ),
        ]


class BreakGlass(models.Model):
    """That a clinician opened the chart of somebody who is not in their care, to read, for an hour at most.

    `reason` and `note`, in the words of clinician and reviewer, are encrypted for this row.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=10, choices=BreakGlassPurpose.choices)
    reason = models.BinaryField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    next_call_at = models.DateTimeField(null=True)
    reviewed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    finding = models.CharField(max_length=14, choices=BreakGlassFinding.choices, blank=True)
    note = models.BinaryField(default=b"")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=BreakGlassPurpose.values), name="break_glass_purpose_is_known"
            ),
            models.CheckConstraint(condition=~Q(reason=b""), name="break_glass_gives_a_reason"),
            models.CheckConstraint(
                condition=Q(ends_at__gte=models.F("starts_at"))
                & Q(ends_at__lte=models.F("starts_at") + timedelta(minutes=60)),
                name="break_glass_lasts_an_hour_at_most",
            ),
            models.CheckConstraint(
                condition=~Q(reviewed_by=models.F("user")), name="break_glass_reviewed_by_another"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by=None, reviewed_at=None, finding="", next_call_at__isnull=False)
                | Q(
                    reviewed_by__isnull=False,
                    reviewed_at__isnull=False,
                    finding__in=BreakGlassFinding.values,
                    next_call_at=None,
                ),
                name="break_glass_called_for_until_reviewed",
            ),
        ]


class PolicySignature(models.Model):
    """One person's signature under exactly one version of a policy. Append-only.

    A trigger compares it with the version's hash, and a director's with the role on that day.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    document = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="policy_signatures")
    signer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, related_name="+")
    as_director = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "signer"], name="policy_signed_once_by_each")
        ]


class PolicyEnactment(models.Model):
    """That a version of a policy holds from a moment on, until another does. Append-only.

    A row without signatures held before signatures were asked for; a trigger lets nobody make another. One
    with a rollback, the director's signature, takes the place of everything that was enacted before it.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    document = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="enactments")
    director = models.ForeignKey(PolicySignature, on_delete=models.PROTECT, null=True, related_name="+")
    other = models.ForeignKey(PolicySignature, on_delete=models.PROTECT, null=True, related_name="+")
    effective_at = models.DateTimeField()
    enacted_at = models.DateTimeField()
    rollback = models.OneToOneField(Signature, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["enacted_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(director=None, other=None) | Q(director__isnull=False, other__isnull=False),
                name="policy_enacted_by_both_signatures",
            ),
            models.CheckConstraint(
                condition=~Q(director=models.F("other")), name="policy_enacted_by_two_signatures"
            ),
            models.CheckConstraint(
                condition=Q(effective_at__gte=models.F("enacted_at")), name="policy_enacted_for_no_past"
            ),
            models.CheckConstraint(
                condition=Q(rollback=None, reason="")
                | Q(rollback__isnull=False, director__isnull=False) & ~Q(reason=""),
                name="policy_rolled_back_with_reason",
            ),
        ]
