from functools import reduce
from operator import and_, or_

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User
from assessments.enums import WorseningLevel
from assessments.schedule import CauseKind
from core.ids import new_id
from programs.models import Enrollment
from safety.models import Alert

_CSSRS = ("1", "2", "3", "4", "5", "6", "6b")

_NO_YES = reduce(
    and_, (Q((f"answers__cssrs_{item}", None)) | Q((f"answers__cssrs_{item}", 0)) for item in _CSSRS)
)
"""No item of the C-SSRS screener is answered yes."""


_ONCE_PER_POINT = [
    models.UniqueConstraint(
        fields=["enrollment", "instrument", column],
        condition=Q((f"{column}__isnull", False)),
        name=f"assessment_once_per_{column}",
    )
    for column in ("before_session", "week", "month", "as_needed")
]

_POINTS = ("after_session", "before_session", "week", "month", "as_needed")
_AT_ONE_POINT = reduce(
    or_, (Q(*((f"{column}__isnull", column != one) for column in _POINTS)) for one in _POINTS)
)
"""Of the columns that say when it is asked, one is filled in."""


class Assessment(models.Model):
    """One instrument asked of one person at one point of their program, with draft, answers and scores.

    Exactly one of `after_session` (0 is the baseline), `before_session`, `week`, `month` and `as_needed` says
    at which point (`assessments.schedule.Anchor`). `counted_from_at` is what its days are counted from where
    a pause or a hold stops the count until it opens; null where neither does. Its status (upcoming, open,
    submitted, expired, not applicable) is derived from its moments. `answers` maps item keys to whole
    numbers; `scores` is what `assessments.rules.score` made of them, stored with the instrument's version
    when submitted.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="assessments")
    instrument = models.CharField(max_length=20)
    instrument_version = models.CharField(max_length=20)
    schedule_version = models.PositiveSmallIntegerField(default=1, db_default=1)
    after_session = models.PositiveSmallIntegerField(null=True)
    before_session = models.PositiveSmallIntegerField(null=True)
    week = models.PositiveSmallIntegerField(null=True)
    month = models.PositiveSmallIntegerField(null=True)
    as_needed = models.PositiveSmallIntegerField(null=True)
    counted_from_at = models.DateTimeField(null=True)
    opens_at = models.DateTimeField()
    due_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    answers = models.JSONField(default=dict)
    submitted_at = models.DateTimeField(null=True)
    scores = models.JSONField(null=True)
    safety_alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["due_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment", "instrument", "after_session"], name="assessment_once_per_timepoint"
            ),
            *_ONCE_PER_POINT,
            models.CheckConstraint(condition=_AT_ONE_POINT, name="assessment_at_one_point"),
            models.CheckConstraint(
                condition=Q(opens_at__lte=models.F("due_at"), due_at__lte=models.F("closes_at")),
                name="assessment_opens_then_is_due_then_closes",
            ),
            models.CheckConstraint(
                condition=Q(submitted_at=None, scores=None)
                | Q(submitted_at__isnull=False, scores__isnull=False),
                name="assessment_submitted_means_scored",
            ),
            # Saved or submitted, by whatever path: a positive answer to the self-harm item has its alert.
            models.CheckConstraint(
                condition=~Q(instrument="phq9")
                | Q(answers__phq9_9=None)
                | Q(answers__phq9_9=0)
                | Q(safety_alert__isnull=False),
                name="assessment_self_harm_means_alert",
            ),
            models.CheckConstraint(
                condition=~Q(instrument="cssrs") | _NO_YES | Q(safety_alert__isnull=False),
                name="assessment_suicide_risk_means_alert",
            ),
        ]
        indexes = [
            # A timeline takes the newest and stops.
            models.Index(
                fields=["enrollment", "-submitted_at", "-id"],
                condition=Q(submitted_at__isnull=False),
                name="assessment_newest_submitted",
            ),
            # The clock looks for what a pause or a hold may still put off.
            models.Index(
                fields=["opens_at"],
                condition=Q(submitted_at=None, counted_from_at__isnull=False),
                name="assessment_may_be_put_off",
            ),
        ]


class Rescoring(models.Model):
    """What a later file of its instrument makes of submitted answers; the first scores stay. Append-only.

    `scores` is null where that version does not take the answers.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    assessment = models.ForeignKey(Assessment, on_delete=models.PROTECT, related_name="rescorings")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="+")
    version = models.CharField(max_length=20)
    content_sha256 = models.CharField(max_length=64)
    scores = models.JSONField(null=True)
    scored_at = models.DateTimeField()

    class Meta:
        ordering = ["scored_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["assessment", "content_sha256"], name="rescoring_once_per_file")
        ]


class OfflineSubmission(models.Model):
    """A whole form that was filled in without a connection, as it arrived; told again it is one. Append-only.

    `client_id` is the app's own name for it, `filled_in_at` when that was by the app's clock. `conflict` says
    why it does not count (`assessments.rules.OFFLINE_CONFLICTS`); empty: the form was submitted by it.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    assessment = models.ForeignKey(Assessment, on_delete=models.PROTECT, related_name="offline_submissions")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="+")
    client_id = models.UUIDField()
    answers = models.JSONField()
    filled_in_at = models.DateTimeField()
    received_at = models.DateTimeField()
    conflict = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["received_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["assessment", "client_id"], name="offline_submission_taken_once"),
            models.CheckConstraint(
                condition=Q(conflict__in=["", "changed_meanwhile", "submitted_before", "not_open"]),
                name="offline_submission_conflict_is_known",
            ),
        ]


class WorseForm(models.Model):
    """That a submitted form came to so much worse than an earlier one that somebody has to look; once a form.

    `found` says which scales, from what to what, since which form, by which threshold of which source;
    `thresholds_sha256` pins their file. A hard one has its alert, and so has one that nobody cares for; the
    others wait until somebody of the care team has looked.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    assessment = models.OneToOneField(Assessment, on_delete=models.PROTECT, related_name="worse")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="+")
    level = models.CharField(max_length=4, choices=[(level.value, level.value) for level in WorseningLevel])
    found = models.JSONField()
    thresholds_version = models.PositiveSmallIntegerField()
    thresholds_sha256 = models.CharField(max_length=64)
    instrument_sha256 = models.CharField(max_length=64)
    noticed_at = models.DateTimeField()
    alert = models.ForeignKey(Alert, on_delete=models.PROTECT, null=True, related_name="+")
    looked_at = models.DateTimeField(null=True)
    looked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["noticed_at", "id"]
        verbose_name = "form that came to worse"
        verbose_name_plural = "forms that came to worse"
        constraints = [
            models.CheckConstraint(
                condition=Q(level__in=[level.value for level in WorseningLevel]),
                name="worse_form_level_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(level=WorseningLevel.HARD.value) | Q(alert__isnull=False),
                name="worse_form_hard_means_alert",
            ),
            models.CheckConstraint(
                condition=Q(looked_at=None, looked_by=None, note="")
                | Q(looked_at__isnull=False, looked_by__isnull=False, alert=None) & ~Q(note=""),
                name="worse_form_looked_at_by_somebody_who_says_what",
            ),
        ]
        indexes = [
            models.Index(fields=["noticed_at"], condition=Q(looked_at=None), name="worse_form_not_looked_at"),
        ]


class FormCause(models.Model):
    """What called for a form that is asked only where needed; several may call for one. Append-only.

    `source` names what it was, as `hold:<id>`; `as_needed` is the number of the form that answers it.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in CauseKind])
    source = models.CharField(max_length=60)
    as_needed = models.PositiveSmallIntegerField()
    noted_at = models.DateTimeField()

    class Meta:
        ordering = ["noted_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in CauseKind]), name="form_cause_kind_is_known"
            ),
            # However often it is looked for, one cause calls once.
            models.UniqueConstraint(fields=["enrollment", "source"], name="form_cause_calls_once"),
        ]
