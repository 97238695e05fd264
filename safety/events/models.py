from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from accounts.models import Patient, Signature, User
from core.ids import new_id
from core.models import ActedModel
from safety.enums import Grade, Seriousness
from safety.events.enums import (
    ActionTaken,
    Causality,
    Challenge,
    ClockEnd,
    ClockStart,
    EventOutcome,
    Expectedness,
    FollowUpEnd,
    FollowUpKind,
    NewsKind,
)


class EventAssessment(models.Model):
    """One version of what a clinician makes of an event, signed; a correction is the next. Append-only.

    The signature is bound to every column (`queries.assessment_digest`). `term` is in our own words; the
    MedDRA code is a slot, because the dictionary is licensed. `product` is what was suspected: name,
    strength, compounder, lot, dose and when it was taken, as far as known. One that finds serious what was
    not reported so names the hold and the alert that came with it.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    event = models.ForeignKey("safety.AdverseEvent", on_delete=models.PROTECT, related_name="assessments")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveSmallIntegerField()
    why_again = models.TextField(blank=True)
    term = models.CharField(max_length=200)
    meddra_code = models.CharField(max_length=8, blank=True)
    meddra_version = models.CharField(max_length=8, blank=True)
    is_serious = models.BooleanField()
    seriousness = ArrayField(models.CharField(max_length=24, choices=Seriousness.choices), default=list)
    grade = models.PositiveSmallIntegerField(choices=Grade.choices)
    causality = models.CharField(max_length=12, choices=Causality.choices)
    naranjo = models.JSONField(default=dict)
    naranjo_score = models.SmallIntegerField(null=True)
    expectedness = models.CharField(max_length=10, choices=Expectedness.choices)
    reference = models.CharField(max_length=200)
    reference_version = models.CharField(max_length=60)
    outcome = models.CharField(max_length=24, choices=EventOutcome.choices)
    action_taken = models.CharField(max_length=16, choices=ActionTaken.choices)
    dechallenge = models.CharField(max_length=10, choices=Challenge.choices)
    rechallenge = models.CharField(max_length=10, choices=Challenge.choices)
    product = models.JSONField(default=dict)
    hold = models.ForeignKey("safety.Hold", on_delete=models.PROTECT, null=True, related_name="+")
    alert = models.ForeignKey("safety.Alert", on_delete=models.PROTECT, null=True, related_name="+")
    assessed_at = models.DateTimeField()
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT)

    class Meta:
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(fields=["event", "version"], name="assessment_version_once"),
            models.CheckConstraint(
                condition=Q(version=1, why_again="") | Q(version__gt=1) & ~Q(why_again=""),
                name="assessment_again_gives_a_reason",
            ),
            models.CheckConstraint(condition=~Q(term=""), name="assessment_has_a_term"),
            models.CheckConstraint(
                condition=Q(meddra_code="", meddra_version="")
                | Q(meddra_code__regex=r"^[0-9]{8}$") & ~Q(meddra_version=""),
                name="assessment_code_has_its_version",
            ),
            models.CheckConstraint(
                condition=Q(is_serious=True) & ~Q(seriousness=[]) | Q(is_serious=False, seriousness=[]),
                name="assessment_serious_by_a_criterion",
            ),
            models.CheckConstraint(
                condition=Q(grade__in=Grade.values)
                & (Q(is_serious=True) | Q(grade__lt=Grade.LIFE_THREATENING)),
                name="assessment_grade_4_and_5_are_serious",
            ),
            models.CheckConstraint(
                condition=Q(grade=Grade.DEATH, outcome=EventOutcome.FATAL, seriousness__contains=["death"])
                | ~Q(grade=Grade.DEATH)
                & ~Q(outcome=EventOutcome.FATAL)
                & ~Q(seriousness__contains=["death"]),
                name="assessment_death_is_death_throughout",
            ),
            models.CheckConstraint(
                condition=Q(causality__in=Causality.values)
                & Q(expectedness__in=Expectedness.values)
                & Q(outcome__in=EventOutcome.values)
                & Q(action_taken__in=ActionTaken.values)
                & Q(dechallenge__in=Challenge.values)
                & Q(rechallenge__in=Challenge.values),
                name="assessment_words_are_known",
            ),
            models.CheckConstraint(
                condition=~Q(reference="") & ~Q(reference_version=""),
                name="assessment_expected_by_a_document",
            ),
            models.CheckConstraint(
                condition=Q(naranjo_score=None, naranjo={}) | Q(naranjo_score__range=(-4, 13)),
                name="assessment_naranjo_is_in_range",
            ),
        ]


class EventNews(ActedModel):
    """What came to be known of an event after it was reported, and when anybody here knew. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    event = models.ForeignKey("safety.AdverseEvent", on_delete=models.PROTECT, related_name="news")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=NewsKind.choices)
    text = models.TextField()
    aware_at = models.DateTimeField()
    noted_at = models.DateTimeField()

    class Meta:
        ordering = ["noted_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=NewsKind.values), name="news_kind_is_known"),
            models.CheckConstraint(condition=~Q(text=""), name="news_says_something"),
            models.CheckConstraint(condition=Q(aware_at__lte=F("noted_at")), name="news_known_before_noted"),
        ]


class ReportingClock(models.Model):
    """By when one rule asks for an event to be reported. What it says stays; it ends once, and why is said.

    `rule` is the whole rule as it was. `warned_pct` is the last step of its time at which somebody was
    called. Day 0 is `aware_at`, when anybody in the organisation came to know.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    event = models.ForeignKey("safety.AdverseEvent", on_delete=models.PROTECT, related_name="clocks")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    rule_code = models.CharField(max_length=40)
    rule = models.JSONField()
    table_version = models.PositiveIntegerField()
    start = models.CharField(max_length=16, choices=ClockStart.choices)
    aware_at = models.DateTimeField()
    due_at = models.DateTimeField()
    started_at = models.DateTimeField()
    warned_pct = models.PositiveSmallIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=12, choices=ClockEnd.choices, blank=True)
    end_reason = models.TextField(blank=True)
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, null=True)

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["event", "rule_code"], condition=Q(ended_at=None), name="clock_one_runs_per_rule"
            ),
            models.CheckConstraint(condition=Q(due_at__gt=F("aware_at")), name="clock_due_after_day_0"),
            models.CheckConstraint(condition=Q(aware_at__lte=F("started_at")), name="clock_day_0_has_been"),
            models.CheckConstraint(condition=Q(start__in=ClockStart.values), name="clock_start_is_known"),
            models.CheckConstraint(
                condition=Q(ended_at=None, end="", end_reason="", signature=None)
                | Q(ended_at__isnull=False, end=ClockEnd.REPLACED, signature=None) & ~Q(end_reason="")
                | Q(
                    ended_at__isnull=False,
                    end__in=[ClockEnd.REPORTED, ClockEnd.NOT_REQUIRED],
                    signature__isnull=False,
                )
                & ~Q(end_reason=""),
                name="clock_ends_with_a_reason_and_a_name",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(ended_at=None), name="clock_running_by_due_at")
        ]


class FollowUp(ActedModel):
    """What must still be found out about an event, by whom and by when; it ends once, and all of it stays.

    It belongs to the event and outlives the program. `called_at` is when somebody was last called because it
    is overdue. `ended_by` is whoever found out; that nothing more is to be had is a clinician's signature.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    event = models.ForeignKey("safety.AdverseEvent", on_delete=models.PROTECT, related_name="follow_ups")
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=FollowUpKind.choices)
    what = models.TextField()
    assignee = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField()
    set_at = models.DateTimeField()
    called_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end = models.CharField(max_length=14, choices=FollowUpEnd.choices, blank=True)
    found = models.TextField(blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, null=True)

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=FollowUpKind.values), name="follow_up_kind_is_known"),
            models.CheckConstraint(condition=~Q(what=""), name="follow_up_asks_something"),
            models.CheckConstraint(
                condition=Q(due_at__gt=F("set_at")), name="follow_up_due_after_it_was_set"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, end="", found="", ended_by=None, signature=None)
                | Q(ended_at__isnull=False, ended_by__isnull=False, signature=None)
                & Q(end__in=[FollowUpEnd.DONE, FollowUpEnd.SETTLED])
                & ~Q(found="")
                | Q(ended_at__isnull=False, ended_by__isnull=False, signature__isnull=False)
                & Q(end=FollowUpEnd.NOT_TO_BE_HAD)
                & ~Q(found=""),
                name="follow_up_ends_with_what_was_found",
            ),
            models.UniqueConstraint(
                fields=["event"],
                condition=Q(ended_at=None, kind=FollowUpKind.OUTCOME),
                name="follow_up_asks_for_the_outcome_once",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(ended_at=None), name="follow_up_open_by_due_at")
        ]
