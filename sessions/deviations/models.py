from django.db import models
from django.db.models import F, Q

from accounts.models import Patient, Signature
from core.ids import new_id
from core.models import ActedModel
from sessions.deviations.enums import DeviationFinding, DeviationKind


class Deviation(ActedModel):
    """That the protocol was not kept in a session: what was expected, and what happened. Append-only.

    Both in words with their units. `found_by` names the row by which the system found it, so that it is
    written once; it is empty where somebody wrote it down.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    session = models.ForeignKey(
        "treatment_sessions.TreatmentSession", on_delete=models.PROTECT, related_name="deviations"
    )
    kind = models.CharField(max_length=16, choices=DeviationKind.choices)
    expected = models.TextField()
    happened = models.TextField()
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    found_by = models.CharField(max_length=80, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=DeviationKind.values), name="deviation_kind_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(expected="") & ~Q(happened=""), name="deviation_says_what_was_and_what_should"
            ),
            models.CheckConstraint(
                condition=Q(occurred_at__lte=F("recorded_at")), name="deviation_occurred_before_recorded"
            ),
            models.UniqueConstraint(
                fields=["found_by"], condition=~Q(found_by=""), name="deviation_found_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.occurred_at:%Y-%m-%d %H:%M} UTC"


class DeviationAssessment(models.Model):
    """What a clinician signed about a deviation; a correction is the next version. Append-only."""

    id = models.UUIDField(primary_key=True, default=new_id)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    deviation = models.ForeignKey(Deviation, on_delete=models.PROTECT, related_name="assessments")
    version = models.PositiveSmallIntegerField()
    finding = models.CharField(max_length=8, choices=DeviationFinding.choices)
    assessment = models.TextField()
    corrective_action = models.TextField()
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["version"]
        constraints = [
            models.UniqueConstraint(fields=["deviation", "version"], name="deviation_assessed_by_versions"),
            models.CheckConstraint(condition=Q(version__gte=1), name="deviation_versions_from_one"),
            models.CheckConstraint(
                condition=Q(finding__in=DeviationFinding.values), name="deviation_finding_is_known"
            ),
            models.CheckConstraint(
                condition=~Q(assessment="") & ~Q(corrective_action=""), name="deviation_assessment_is_whole"
            ),
        ]
