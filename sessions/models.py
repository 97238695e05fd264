from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.enums import STATES
from accounts.models import Capability, Patient, Signature, User
from core.actors import ActorKind
from core.ids import new_id
from core.models import ActedModel, DocumentVersion, Transition
from programs.enums import Route
from programs.models import Enrollment, TreatmentPlan
from safety.models import AdverseEvent, Alert
from sessions.enums import (
    BOOKED_STATUSES,
    VOID_STATUSES,
    Alertness,
    AttestationKind,
    Audience,
    EffectsOutcome,
    ObservationKind,
    OutcomeKind,
    ProposalAnswer,
    SessionEvent,
    SessionStatus,
)
from sessions.plausible import (
    COMFORT,
    DIASTOLIC_MMHG,
    DISSOCIATION,
    HEART_RATE_BPM,
    OXYGEN_SATURATION_PCT,
    SYSTOLIC_MMHG,
)


class TreatmentSession(models.Model):
    """One session of an enrollment, from its booking to the morning after.

    `call_url` is the link to the guide's video call, encrypted for this row; empty where there is none.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="sessions")
    number = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=12, choices=SessionStatus.choices, default=SessionStatus.SCHEDULED)
    scheduled_at = models.DateTimeField()
    timezone = models.CharField(max_length=64)
    started_at = models.DateTimeField(null=True)
    dosed_at = models.DateTimeField(null=True)
    dosed_on = models.DateField(null=True)
    gate = models.OneToOneField("GateDecision", on_delete=models.PROTECT, null=True, related_name="opened")
    ended_at = models.DateTimeField(null=True)
    no_drive_until = models.DateTimeField(null=True)
    review_due_at = models.DateTimeField(null=True)
    """By when a clinician has to have read its log and signed; null where the policy asks for none."""
    morning_due_at = models.DateTimeField(null=True)
    """Until when the answer of the morning after is waited for; null once it came, or somebody was called."""
    call_url = models.BinaryField(default=b"", db_default=b"")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=SessionStatus.values), name="session_status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1, number__lte=18), name="session_number_is_1_to_18"
            ),
            models.UniqueConstraint(
                fields=["enrollment", "number"],
                condition=~Q(status__in=VOID_STATUSES),
                name="session_number_booked_once",
            ),
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=Q(status__in=["scheduled", "ready", "in_progress"]),
                name="session_one_open_per_enrollment",
            ),
            models.UniqueConstraint(fields=["enrollment", "dosed_on"], name="session_one_dose_a_day"),
            models.CheckConstraint(
                condition=Q(started_at=None, gate=None) | Q(started_at__isnull=False, gate__isnull=False),
                name="session_started_through_a_gate",
            ),
            models.CheckConstraint(
                condition=Q(dosed_at=None, dosed_on=None)
                | Q(dosed_at__isnull=False, dosed_on__isnull=False, started_at__isnull=False)
                & Q(dosed_at__gte=F("started_at")),
                name="session_dosed_after_it_started",
            ),
            models.CheckConstraint(
                condition=~Q(status="aborted") | Q(dosed_at=None), name="session_dosed_is_never_aborted"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["scheduled", "ready", "cancelled", "missed"], started_at=None)
                | Q(
                    status__in=["in_progress", "recovering", "completed", "aborted"], started_at__isnull=False
                ),
                name="session_status_agrees_with_start",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["recovering", "completed"])
                | Q(dosed_at__isnull=False, ended_at__isnull=False, no_drive_until__isnull=False),
                name="session_recovers_from_a_dose",
            ),
            models.CheckConstraint(
                condition=Q(no_drive_until=None) | Q(ended_at=None) | Q(no_drive_until__gt=F("ended_at")),
                name="session_nobody_drives_before_its_end",
            ),
            models.CheckConstraint(
                condition=Q(review_due_at=None) | Q(ended_at__isnull=False, review_due_at__gt=F("ended_at")),
                name="session_review_is_due_after_its_end",
            ),
        ]
        indexes = [
            # The watch asks for these; past sessions stay out of its way.
            models.Index(
                fields=["no_drive_until"],
                condition=Q(status=SessionStatus.RECOVERING),
                name="session_recovering_by_its_end",
            ),
            models.Index(
                fields=["scheduled_at"],
                condition=Q(status__in=BOOKED_STATUSES),
                name="session_booked_by_day",
            ),
            # The log of deviations asks for these, few among many.
            models.Index(
                fields=["scheduled_at"], condition=Q(status=SessionStatus.MISSED), name="session_missed"
            ),
            # Few ask for a review; the gate and a clinician's list look at those alone.
            models.Index(
                fields=["morning_due_at"],
                condition=Q(morning_due_at__isnull=False),
                name="session_morning_by_due",
            ),
            models.Index(
                fields=["review_due_at"],
                condition=Q(review_due_at__isnull=False),
                name="session_review_by_due",
            ),
        ]

    def __str__(self) -> str:
        return f"Session {self.number} of {self.enrollment}"


class SessionTransition(Transition):
    """One step of a session."""

    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="transitions")

    class Meta(Transition.Meta):
        constraints = [
            models.CheckConstraint(condition=Q(event__in=SessionEvent.values), name="session_event_is_known")
        ]
        # A timeline takes the newest of each session and stops.
        indexes = [models.Index(fields=["session", "-at", "-id"], name="session_step_newest")]


class SessionProposal(ActedModel):
    """A time for a session that the care team proposes; the patient confirms or declines it, once.

    Nothing is booked by it. `session` is what was booked, or moved, as it was confirmed: that this is of the
    same enrollment, and that an answer stays, is checked by a trigger too.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="session_proposals")
    scheduled_at = models.DateTimeField()
    timezone = models.CharField(max_length=64)
    note = models.TextField(blank=True)
    proposed_at = models.DateTimeField()
    answer = models.CharField(max_length=10, choices=ProposalAnswer.choices, blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.TextField(blank=True)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(answer="", answered_at=None, answered_by=None, reason="", session=None)
                | Q(answered_at__isnull=False, answered_by__isnull=False)
                & (
                    Q(answer=ProposalAnswer.CONFIRMED, reason="", session__isnull=False)
                    | Q(answer=ProposalAnswer.DECLINED, session=None)
                    | Q(answer__in=["withdrawn", "superseded"], reason="", session=None)
                ),
                name="proposal_answer_is_whole",
            ),
            models.UniqueConstraint(
                fields=["enrollment", "scheduled_at"],
                condition=Q(answer=""),
                name="proposal_open_once_per_moment",
            ),
        ]


class GateDecision(ActedModel):
    """Every question the gate asked before a dose, and that it was passed. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="gate_decisions")
    plan = models.ForeignKey(TreatmentPlan, on_delete=models.PROTECT, related_name="+")
    policy = models.ForeignKey(DocumentVersion, on_delete=models.PROTECT, related_name="+")
    facts = models.JSONField()
    decided_at = models.DateTimeField()
    dose_by = models.DateTimeField()


class MonitorInvitation(models.Model):
    """Who was asked to watch a session, and the link that lets them. The address is kept encrypted."""

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="invitations")
    first_name = models.CharField(max_length=60)
    address = models.BinaryField()
    capability = models.OneToOneField(Capability, on_delete=models.PROTECT, related_name="+")
    invited_at = models.DateTimeField()

    class Meta:
        ordering = ["invited_at"]


class Attestation(ActedModel):
    """Somebody vouched for something before a session. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="attestations")
    kind = models.CharField(max_length=16, choices=AttestationKind.choices)
    answers = models.JSONField(default=dict)
    attested_at = models.DateTimeField()

    class Meta:
        ordering = ["attested_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=AttestationKind.values), name="attestation_kind_is_known"
            )
        ]


class Overrule(models.Model):
    """That a clinician signed: a yes to one of today's questions was a mistake. Append-only.

    For the day it was given on, this session, and what was answered until then.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="overrules")
    question = models.SlugField(max_length=40)
    reason = models.TextField()
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField()

    class Meta:
        ordering = ["given_at", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="overrule_gives_a_reason"),
        ]


class SessionPlace(ActedModel):
    """Where the patient is on the day of a session, and whom else to call. Append-only; the newest counts.

    `details` is encrypted: address, the telephone there, and somebody's name and telephone. The state alone
    is readable: who may treat there depends on it.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="places")
    state = models.CharField(max_length=2)
    details = models.BinaryField()
    given_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="session_place_state_is_known"),
        ]
        # Help asks for the newest of one session.
        indexes = [models.Index(fields=["session", "-id"], name="session_place_newest")]


class Observation(ActedModel):
    """One thing seen or measured, as it was given. Append-only; a newer version of one names it and says why.

    `client_id` and `client_seq` number the entries of one device, so that sending twice stores once. That a
    version is of the same session and kind is checked by a trigger too.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="observations")
    kind = models.CharField(max_length=20, choices=ObservationKind.choices)
    systolic_mmhg = models.PositiveSmallIntegerField(null=True)
    diastolic_mmhg = models.PositiveSmallIntegerField(null=True)
    heart_rate_bpm = models.PositiveSmallIntegerField(null=True)
    oxygen_saturation_pct = models.PositiveSmallIntegerField(null=True)
    alertness = models.CharField(max_length=24, choices=Alertness.choices, blank=True)
    comfort = models.PositiveSmallIntegerField(null=True)
    dissociation = models.PositiveSmallIntegerField(null=True)
    note = models.TextField(blank=True)
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    reason = models.TextField(blank=True, default="", db_default="")
    client_id = models.UUIDField()
    client_seq = models.PositiveIntegerField()
    observed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    after_seal = models.BooleanField(default=False, db_default=False)
    """The database says so itself, of what comes after the log was sealed."""

    class Meta:
        ordering = ["observed_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(replaces=None, reason="") | Q(replaces__isnull=False) & ~Q(reason=""),
                name="observation_is_replaced_for_a_reason",
            ),
            models.UniqueConstraint(
                fields=["session", "client_id", "client_seq"], name="observation_stored_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=ObservationKind.values), name="observation_kind_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(kind="blood_pressure")
                | Q(systolic_mmhg__isnull=False, diastolic_mmhg__isnull=False)
                & Q(systolic_mmhg__gt=F("diastolic_mmhg"), systolic_mmhg__range=SYSTOLIC_MMHG)
                & Q(diastolic_mmhg__range=DIASTOLIC_MMHG),
                name="observation_blood_pressure_is_plausible",
            ),
            models.CheckConstraint(
                condition=Q(heart_rate_bpm=None) & ~Q(kind="heart_rate")
                | Q(heart_rate_bpm__isnull=False, heart_rate_bpm__range=HEART_RATE_BPM),
                name="observation_heart_rate_is_plausible",
            ),
            models.CheckConstraint(
                condition=~Q(kind="oxygen_saturation")
                | Q(oxygen_saturation_pct__isnull=False, oxygen_saturation_pct__range=OXYGEN_SATURATION_PCT),
                name="observation_oxygen_is_plausible",
            ),
            models.CheckConstraint(
                condition=~Q(kind="alertness") | Q(alertness__in=Alertness.values),
                name="observation_alertness_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(kind="comfort") | Q(comfort__isnull=False, comfort__range=COMFORT),
                name="observation_comfort_is_0_to_10",
            ),
            # No lay monitor is given a clinical scale; the link of one is no person.
            models.CheckConstraint(
                condition=Q(dissociation=None) & ~Q(kind="dissociation")
                | Q(
                    kind="dissociation",
                    dissociation__isnull=False,
                    dissociation__range=DISSOCIATION,
                    actor_kind=ActorKind.PERSON,
                ),
                name="observation_dissociation_is_the_persons_own",
            ),
            models.CheckConstraint(
                condition=~Q(kind="note") | ~Q(note=""), name="observation_note_says_something"
            ),
        ]


class ReadingOverride(models.Model):
    """That a clinician signed: two blood pressures above the limits do not hold a session back. Append-only.

    For those two and no other; whether it holds is asked again each time the limits are. That both are blood
    pressures of this session, the second measured after the first, is checked by a trigger too.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="reading_overrides")
    first_reading = models.ForeignKey(Observation, on_delete=models.PROTECT, related_name="+")
    second_reading = models.ForeignKey(Observation, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField()

    class Meta:
        ordering = ["given_at", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="reading_override_gives_a_reason"),
        ]


class Dose(ActedModel):
    """The dose that was taken, as it was reported. Append-only; one a session.

    One that was reported late names the alert that told a clinician so. That its gate is the session's own
    is a foreign key too (`dose_passed_its_own_gate`).
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.OneToOneField(TreatmentSession, on_delete=models.PROTECT, related_name="dose")
    gate = models.OneToOneField(GateDecision, on_delete=models.PROTECT, related_name="dose")
    route = models.CharField(max_length=20, choices=Route.choices)
    dose_mg = models.DecimalField(max_digits=6, decimal_places=1)
    taken_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(dose_mg__gt=0), name="dose_is_positive"),
            models.CheckConstraint(condition=Q(route__in=Route.values), name="dose_route_is_known"),
            models.CheckConstraint(
                condition=Q(recorded_at__gte=F("taken_at")), name="dose_taken_before_it_is_recorded"
            ),
            models.CheckConstraint(
                condition=Q(recorded_at__lte=F("taken_at")) | Q(alert__isnull=False),
                name="dose_reported_late_means_alert",
            ),
        ]

    @property
    def is_late(self) -> bool:
        """Tell whether the dose was reported after it was taken."""
        return self.recorded_at > self.taken_at


class UnattributedDose(ActedModel):
    """A dose that somebody says was taken, and that no session can take as its own. Append-only.

    Taken before a start, after the window, in a session without one, or beside the dose that is known. It is
    no step of a session and opens nothing; the next dose keeps as far from it as from any other.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="unattributed_doses")
    route = models.CharField(max_length=20, choices=Route.choices)
    dose_mg = models.DecimalField(max_digits=6, decimal_places=1)
    taken_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, related_name="+")
    after_seal = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ["taken_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(dose_mg__gt=0), name="unattributed_dose_is_positive"),
            models.CheckConstraint(
                condition=Q(route__in=Route.values), name="unattributed_dose_route_is_known"
            ),
            models.CheckConstraint(
                condition=Q(recorded_at__gte=F("taken_at")), name="unattributed_dose_taken_before_recorded"
            ),
            models.UniqueConstraint(
                fields=["session", "actor_kind", "actor_id", "route", "dose_mg", "taken_at"],
                name="unattributed_dose_told_once",
            ),
        ]


class DoseOutcome(ActedModel):
    """That a session's dose was refused, or came up again: none is taken in it after that. Append-only.

    It changes nothing of what was recorded: a dose that came up again counts, for the days to the next one,
    for the sessions of the plan and in the ledger, as any other.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="dose_outcomes")
    kind = models.CharField(max_length=10, choices=OutcomeKind.choices)
    note = models.TextField(blank=True)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=OutcomeKind.values), name="dose_outcome_is_known"),
            models.CheckConstraint(
                condition=~Q(kind=OutcomeKind.VOMITED) | Q(alert__isnull=False),
                name="dose_vomited_means_alert",
            ),
            models.UniqueConstraint(fields=["session", "kind"], name="dose_outcome_recorded_once"),
        ]


class EmergencyPacket(models.Model):
    """What help asks for about one running session, as it stood at `written_at`; sealed. Append-only.

    Written by the system, with what it tells of: at the start, and again with each dose, with what became of
    it, and with each place; the newest counts. `details` is all of it, encrypted for this row, so that who is
    on call needs no other table; `sha256` is the hash of its canonical JSON. Why no person signs: ADR 0027.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="emergency_packets")
    version = models.PositiveIntegerField()
    details = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["session", "version"]
        constraints = [
            models.UniqueConstraint(fields=["session", "version"], name="emergency_packet_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="emergency_packet_versions_from_one"),
            models.CheckConstraint(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="emergency_packet_is_bound_to_a_hash"
            ),
        ]


class CheckInDeadline(models.Model):
    """By when the monitor must be heard from; written when the session starts."""

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="deadlines")
    due_at = models.DateTimeField()
    met_at = models.DateTimeField(null=True)
    waived_at = models.DateTimeField(null=True)
    missed_at = models.DateTimeField(null=True)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["due_at"]
        constraints = [
            models.UniqueConstraint(fields=["session", "due_at"], name="deadline_once_per_moment"),
            models.CheckConstraint(
                condition=Q(missed_at=None) | Q(alert__isnull=False), name="deadline_missed_means_alert"
            ),
            models.CheckConstraint(
                condition=Q(met_at=None, waived_at=None)
                | Q(met_at=None, missed_at=None)
                | Q(waived_at=None, missed_at=None),
                name="deadline_ends_one_way",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(met_at=None, waived_at=None, missed_at=None),
                name="deadline_open_by_due_at",
            ),
            # The log of deviations asks for these, few among many.
            models.Index(fields=["missed_at"], condition=Q(missed_at__isnull=False), name="deadline_missed"),
        ]


class CheckIn(ActedModel):
    """The monitor said that all is well, or that help is wanted. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="check_ins")
    all_well = models.BooleanField()
    client_id = models.UUIDField()
    client_seq = models.PositiveIntegerField()
    observed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    after_seal = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ["received_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "client_id", "client_seq"], name="check_in_stored_once"
            )
        ]


class PreparationItem(models.Model):
    """One thing to do before a session, ticked or not."""

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="preparation")
    key = models.SlugField(max_length=40)
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["session", "key"], name="preparation_item_once_per_session")
        ]


class Reflection(models.Model):
    """What surfaced, in the patient's words, encrypted; private unless they share it. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="reflections")
    text = models.BinaryField()
    shared_with = models.CharField(max_length=12, choices=Audience.choices, default=Audience.PRIVATE)
    written_at = models.DateTimeField()

    class Meta:
        ordering = ["written_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(shared_with__in=Audience.values), name="reflection_audience_is_known"
            )
        ]


class SessionEventLink(models.Model):
    """That an adverse event was reported in, or about, a session, or a line of its log. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="event_links")
    event = models.OneToOneField(AdverseEvent, on_delete=models.PROTECT, related_name="session_link")
    observation = models.ForeignKey(Observation, on_delete=models.PROTECT, null=True, related_name="+")


class SessionReview(models.Model):
    """That a clinician read a session's log and signed: the seal on it. Append-only; one a session.

    `log_sha256` is the hash of what the log said (`queries.log_sha256`); the signature binds it with the
    session and the note.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.OneToOneField(TreatmentSession, on_delete=models.PROTECT, related_name="review")
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, related_name="+")
    log_sha256 = models.CharField(max_length=64)
    note = models.TextField()
    reviewed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(log_sha256__regex=r"^[0-9a-f]{64}$"), name="session_review_is_bound_to_a_hash"
            ),
            models.CheckConstraint(condition=~Q(note=""), name="session_review_says_something"),
        ]


class MorningAnswer(ActedModel):
    """That the person slept, or did not, and feels awake, or does not, the morning after. Append-only.

    The newest counts: only one that says both lets them drive again.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="morning_answers")
    slept = models.BooleanField()
    is_alert = models.BooleanField()
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="+")
    given_at = models.DateTimeField()
    after_seal = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_alert=True) | Q(alert__isnull=False), name="morning_not_awake_means_alert"
            )
        ]


class EffectsChecklist(ActedModel):
    """Which expected effects there were after a session, as somebody who was there says. Append-only.

    A tick is no adverse event until a clinician makes it one.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="effects_checklists")
    answers = models.JSONField()
    other = models.TextField(blank=True)
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="+")
    given_at = models.DateTimeField()

    class Meta:
        ordering = ["given_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(other="") | Q(alert__isnull=False), name="effects_other_words_mean_alert"
            )
        ]


class EffectsTriage(ActedModel):
    """What a clinician made of a checklist, once. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.ForeignKey(TreatmentSession, on_delete=models.PROTECT, related_name="+")
    checklist = models.OneToOneField(EffectsChecklist, on_delete=models.PROTECT, related_name="triage")
    outcome = models.CharField(max_length=14, choices=EffectsOutcome.choices)
    reason = models.TextField()
    event = models.OneToOneField(AdverseEvent, on_delete=models.PROTECT, null=True, related_name="+")
    triaged_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome=EffectsOutcome.EXPECTED, event=None)
                | Q(outcome=EffectsOutcome.ADVERSE_EVENT, event__isnull=False),
                name="effects_triage_makes_an_event_or_none",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="effects_triage_gives_a_reason"),
        ]


# A subject of its own keeps its tables in its own package; Django looks for them here.
from sessions.deviations import models as deviation_models  # noqa: E402, F401
from sessions.drills import models as drill_models  # noqa: E402, F401
from sessions.ledger import models as ledger_models  # noqa: E402, F401
