from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.enums import STATES
from accounts.models import Patient, Signature, User
from core.ids import new_id
from core.models import ActedModel, DocumentVersion
from programs.models import Enrollment
from safety.enums import (
    AlertClass,
    AlertStatus,
    Ascertainment,
    Grade,
    HoldReason,
    IdentityDocument,
    IdentityMethod,
    IdentityOutcome,
    MonitoringResult,
    ProfileSection,
    ProfileSource,
    ProfileState,
    ReviewOutcome,
    ScreeningOutcome,
    Seriousness,
)
from safety.events.enums import Flag
from safety.events.rules import ReportFacts, flags


class Screening(ActedModel):
    """A person's answers, and what one version of the policy said of them. Append-only.

    `profile_sha256` is the hash of the health profile as it stood; empty from before there were profiles.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="screenings")
    policy = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="+")
    answers = models.JSONField()
    answers_sha256 = models.CharField(max_length=64)
    profile_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    outcome = models.CharField(max_length=14, choices=ScreeningOutcome.choices)
    decision = models.JSONField()
    submitted_at = models.DateTimeField()

    class Meta:
        ordering = ["submitted_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=ScreeningOutcome.values), name="screening_outcome_is_known"
            )
        ]


class ScreeningReview(models.Model):
    """A clinician's signed decision on one screening. Append-only.

    Who is declined is told what to do instead, and from which day on to ask again, if there is one.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    screening = models.OneToOneField(Screening, on_delete=models.PROTECT, related_name="review")
    outcome = models.CharField(max_length=10, choices=ReviewOutcome.choices)
    reason = models.TextField()
    instead = models.TextField(blank=True, default="", db_default="")
    ask_again_on = models.DateField(null=True)
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome=ReviewOutcome.DECLINED) | Q(instead="", ask_again_on=None),
                name="review_advice_is_for_who_is_declined",
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=ReviewOutcome.values), name="review_outcome_is_known"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="review_gives_a_reason"),
        ]


class Alert(models.Model):
    """Somebody must look now; it pages until acknowledged, and closes only by a clinician's signature."""

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="alerts")
    alert_class = models.CharField(max_length=20, choices=AlertClass.choices)
    source = models.CharField(max_length=120)
    status = models.CharField(max_length=14, choices=AlertStatus.choices, default=AlertStatus.OPEN)
    opened_at = models.DateTimeField()
    pages_sent = models.PositiveSmallIntegerField(default=0)
    next_page_at = models.DateTimeField(null=True)
    ladder = models.JSONField(null=True)
    """By which it pages, as it was in force when it opened; null from before that was kept."""
    last_signal = models.UUIDField(null=True)
    """Made when its source spoke again while it stood; null where that spoke once."""
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    close_reason = models.TextField(blank=True)
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(alert_class__in=AlertClass.values), name="alert_class_is_known"
            ),
            models.CheckConstraint(condition=Q(status__in=AlertStatus.values), name="alert_status_is_known"),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None, acknowledged_by=None)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="alert_acknowledged_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(status=AlertStatus.CLOSED, signature__isnull=False)
                | ~Q(status=AlertStatus.CLOSED) & Q(signature=None),
                name="alert_closed_by_signature",
            ),
            models.CheckConstraint(
                condition=~Q(status=AlertStatus.OPEN) | Q(next_page_at__isnull=False),
                name="alert_open_means_a_page_is_to_come",
            ),
            models.UniqueConstraint(
                fields=["source"], condition=~Q(status=AlertStatus.CLOSED), name="alert_one_open_per_source"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_page_at"], condition=Q(status=AlertStatus.OPEN), name="alert_open_by_next_page"
            ),
            # A timeline takes the newest and stops.
            models.Index(fields=["patient", "-opened_at", "-id"], name="alert_newest"),
        ]


class Hold(ActedModel):
    """Treatment stands still while this row is not lifted."""

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="holds")
    reason = models.CharField(max_length=16, choices=HoldReason.choices)
    note = models.TextField(blank=True)
    placed_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.TextField(blank=True)
    lift_signature = models.OneToOneField(Signature, on_delete=models.PROTECT, null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(reason__in=HoldReason.values), name="hold_reason_is_known"),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lift_signature=None, lift_reason="")
                | Q(lifted_at__isnull=False, lift_signature__isnull=False) & ~Q(lift_reason=""),
                name="hold_lifted_by_signature_with_reason",
            ),
        ]


class AdverseEvent(ActedModel):
    """Something that went wrong, in the words of whoever reported it. Append-only.

    Written whole or incomplete, never refused. A serious one cannot be stored without its hold and its alert:
    a deferred trigger looks at them (ADR 0019). `answers` are the closed questions about seriousness that
    were asked, each true, false, or null for "I don't know"; `seriousness` those that say yes.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="adverse_events")
    description = models.TextField(blank=True)
    action_taken = models.TextField(blank=True)
    onset_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    is_serious = models.BooleanField()
    seriousness = ArrayField(models.CharField(max_length=24, choices=Seriousness.choices), default=list)
    answers = models.JSONField(default=dict, db_default={})
    grade = models.PositiveSmallIntegerField(choices=Grade.choices, null=True)
    ascertainment = models.CharField(max_length=12, choices=Ascertainment.choices)
    reported_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, related_name="+")
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["reported_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_serious=False) | Q(hold__isnull=False), name="event_serious_means_held"
            ),
            models.CheckConstraint(
                condition=Q(grade=None) | Q(grade__in=Grade.values), name="event_grade_is_1_to_5"
            ),
            models.CheckConstraint(
                condition=Q(ascertainment__in=Ascertainment.values), name="event_ascertainment_is_known"
            ),
        ]
        # A timeline takes the newest and stops.
        indexes = [models.Index(fields=["patient", "-reported_at", "-id"], name="event_newest")]

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Return what the report leaves open."""
        facts = ReportFacts(
            description=self.description,
            onset_at=self.onset_at,
            ended_at=self.ended_at,
            reported_at=self.reported_at,
            counts_as_serious=self.is_serious,
            names_why_serious=bool(self.seriousness) or (self.grade or 0) >= Grade.LIFE_THREATENING,
        )
        return flags(facts)


class IdentityCheck(models.Model):
    """That somebody compared a patient with a document: who, how and when. Append-only.

    Name and birth date are kept as they were compared; once the chart says others, the check is of the past.
    `is_adult` is what the screening policy then in force said of the age on that day.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="identity_checks")
    checked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    checked_at = models.DateTimeField()
    method = models.CharField(max_length=10, choices=IdentityMethod.choices)
    document = models.CharField(max_length=16, choices=IdentityDocument.choices)
    outcome = models.CharField(max_length=14, choices=IdentityOutcome.choices)
    legal_name = models.CharField(max_length=120)
    birth_on = models.DateField()
    is_adult = models.BooleanField()
    policy = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(method__in=IdentityMethod.values), name="identity_method_is_known"
            ),
            models.CheckConstraint(
                condition=Q(document__in=IdentityDocument.values), name="identity_document_is_known"
            ),
            models.CheckConstraint(
                condition=Q(outcome__in=IdentityOutcome.values), name="identity_outcome_is_known"
            ),
            models.CheckConstraint(
                condition=Q(checked_at__lte=models.F("recorded_at")), name="identity_checked_before_recorded"
            ),
        ]

    @property
    def is_current(self) -> bool:
        """Tell whether the chart still has the name and birth date that were compared."""
        return (self.legal_name, self.birth_on) == (self.patient.legal_name, self.patient.birth_on)


class MonitoringQuery(models.Model):
    """That somebody asked states' registers of controlled prescriptions (PDMP) about a patient. Append-only.

    State law asks for the time, the states, the reviewer and the result with each prescription; not verified
    state by state. The note is encrypted for this row.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="monitoring_queries")
    states = ArrayField(models.CharField(max_length=2))
    queried_at = models.DateTimeField()
    reviewer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    result = models.CharField(max_length=10, choices=MonitoringResult.choices)
    note = models.BinaryField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(states__len__gt=0, states__contained_by=list(STATES)),
                name="monitoring_query_names_states",
            ),
            models.CheckConstraint(
                condition=Q(result__in=MonitoringResult.values), name="monitoring_result_is_known"
            ),
            models.CheckConstraint(
                condition=Q(queried_at__lte=models.F("recorded_at")),
                name="monitoring_queried_before_recorded",
            ),
        ]


class HealthFact(ActedModel):
    """One version of one statement about somebody's health; the newest counts, older ones stay. Append-only.

    `text` names a condition, medicine or allergy in the words of whoever reported it; codings are lists of
    system and code. A measurement has its vital, value, unit (by UCUM) and moment, nothing else has.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="health_facts")
    section = models.CharField(max_length=12, choices=ProfileSection.choices)
    state = models.CharField(max_length=16, choices=ProfileState.choices)
    text = models.CharField(max_length=200, blank=True)
    codings = models.JSONField(default=list)
    vital = models.CharField(max_length=16, blank=True)
    value = models.FloatField(null=True)
    unit = models.CharField(max_length=12, blank=True)
    measured_at = models.DateTimeField(null=True)
    source = models.CharField(max_length=10, choices=ProfileSource.choices)
    external_id = models.CharField(max_length=120, blank=True)
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(section__in=ProfileSection.values), name="profile_section_is_known"
            ),
            models.CheckConstraint(condition=Q(state__in=ProfileState.values), name="profile_state_is_known"),
            models.CheckConstraint(
                condition=Q(source__in=ProfileSource.values), name="profile_source_is_known"
            ),
            models.CheckConstraint(
                condition=Q(section="vital", value__isnull=False, measured_at__isnull=False)
                & ~Q(vital="")
                & ~Q(unit="")
                | ~Q(section="vital") & Q(value=None, measured_at=None, vital="", unit=""),
                name="profile_measurement_is_whole",
            ),
            models.CheckConstraint(
                condition=~Q(section__in=["condition", "medication", "allergy"])
                | Q(state=ProfileState.NONE, text="")
                | ~Q(state=ProfileState.NONE) & ~Q(text=""),
                name="profile_entry_has_a_name",
            ),
        ]


class ProgramResult(ActedModel):
    """One value that was measured or asked in this program, as the room above wrote it down. Append-only.

    `about` is an instrument's code, or `vitals` for what was measured on the body, in the first of the units
    in `VITAL_UNITS`. A word stands for what is no number; neither means that it is not known. Of each name
    the newest counts.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="program_results")
    about = models.CharField(max_length=20)
    name = models.CharField(max_length=40)
    value = models.FloatField(null=True)
    word = models.CharField(max_length=40, blank=True)
    taken_at = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(about="") & ~Q(name=""), name="program_result_says_what_it_is"
            ),
            models.CheckConstraint(
                condition=Q(value=None) | Q(word=""), name="program_result_is_number_or_word"
            ),
            models.CheckConstraint(
                condition=Q(taken_at__lte=models.F("recorded_at")),
                name="program_result_taken_then_recorded",
            ),
        ]
        indexes = [
            # Screening and the gate take the newest of each name.
            models.Index(
                fields=["patient", "about", "name", "-taken_at", "-id"], name="program_result_newest"
            )
        ]


# The models of a subject that is a package of its own; they refer to those above.
from safety.drafts import models as draft_models  # noqa: E402, F401
from safety.events import models as event_models  # noqa: E402, F401
from safety.identity import models as identity_models  # noqa: E402, F401
from safety.overrides import models as override_models  # noqa: E402, F401
from safety.roster import models as roster_models  # noqa: E402, F401
