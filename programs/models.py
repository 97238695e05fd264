from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Patient, Signature
from core.ids import new_id
from core.models import ActedModel, DocumentVersion, Transition
from programs.enums import OPEN_STATUSES, EnrollmentEvent, EnrollmentStatus, Route


class Program(models.Model):
    """Something a person can choose: so many sessions for a condition, at a price from so much each."""

    id = models.UUIDField(primary_key=True, default=new_id)
    slug = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=80)
    condition = models.CharField(max_length=40)
    session_count = models.PositiveSmallIntegerField()
    price_per_session_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, default="USD")
    is_offered = models.BooleanField(default=True)

    class Meta:
        ordering = ["session_count"]
        constraints = [
            models.CheckConstraint(
                condition=Q(session_count__in=[6, 12, 18]), name="program_has_6_12_or_18_sessions"
            )
        ]

    def __str__(self) -> str:
        return self.title


class Enrollment(models.Model):
    """One person in one program. Its row is locked first by whatever changes what may happen to them."""

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="enrollments")
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="enrollments")
    status = models.CharField(
        max_length=20, choices=EnrollmentStatus.choices, default=EnrollmentStatus.SCREENING
    )
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=EnrollmentStatus.values), name="enrollment_status_is_known"
            ),
            models.UniqueConstraint(
                fields=["patient"],
                condition=Q(status__in=OPEN_STATUSES),
                name="enrollment_one_open_per_patient",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.patient} in {self.program}"


class EnrollmentTransition(Transition):
    """One step of an enrollment."""

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="transitions")

    class Meta(Transition.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(event__in=EnrollmentEvent.values), name="enrollment_event_is_known"
            )
        ]
        # A timeline takes the newest and stops.
        indexes = [models.Index(fields=["enrollment", "-at", "-id"], name="enrollment_step_newest")]


class TreatmentPlan(models.Model):
    """What a clinician orders for one enrollment; a change is a new version. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="plans")
    version = models.PositiveIntegerField()
    route = models.CharField(max_length=20, choices=Route.choices)
    dose_mg = models.DecimalField(max_digits=6, decimal_places=1)
    session_count = models.PositiveSmallIntegerField()
    min_days_between = models.PositiveSmallIntegerField()
    notes = models.TextField(blank=True)
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT)

    class Meta:
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "version"], name="plan_version_is_unique"),
            models.CheckConstraint(condition=Q(dose_mg__gt=0), name="plan_dose_is_positive"),
            models.CheckConstraint(
                condition=Q(session_count__gte=1, session_count__lte=18), name="plan_has_1_to_18_sessions"
            ),
            models.CheckConstraint(condition=Q(route__in=Route.values), name="plan_route_is_known"),
            models.CheckConstraint(condition=Q(min_days_between__gte=1), name="plan_spaces_sessions"),
        ]


class Consent(models.Model):
    """A patient's signature under one version of one document. Append-only.

    `after` is the withdrawal that it takes back, where the same text was agreed to before.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="consents")
    document = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="+")
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT)
    after = models.OneToOneField("ConsentWithdrawal", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "document"],
                condition=Q(after=None),
                name="consent_once_per_document_unless_withdrawn",
            )
        ]


class ConsentWithdrawal(ActedModel):
    """That a patient takes one agreement back; it counts from `withdrawn_at` on. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    consent = models.OneToOneField(Consent, on_delete=models.PROTECT, related_name="withdrawal")
    withdrawn_at = models.DateTimeField()


class Pause(ActedModel):
    """That a patient rests: while the row stands no session is booked, started or dosed.

    Beside the enrollment's status, like a hold, but the patient's own: they alone end it.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="pauses")
    paused_at = models.DateTimeField()
    resumed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["paused_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment"], condition=Q(resumed_at=None), name="pause_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(resumed_at=None) | Q(resumed_at__gte=models.F("paused_at")),
                name="pause_ends_after_it_began",
            ),
        ]


class ComprehensionAttempt(models.Model):
    """A patient's answers to the questions that stand in one text, and how many were right. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(
        Enrollment, on_delete=models.PROTECT, related_name="comprehension_attempts"
    )
    document = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="+")
    answers = models.JSONField()
    right_count = models.PositiveSmallIntegerField()
    passed = models.BooleanField()
    attempted_at = models.DateTimeField()

    class Meta:
        ordering = ["attempted_at", "id"]
