from django.db import models
from django.db.models import F, Q

from accounts.models import Patient, User
from core.ids import new_id
from safety.enums import ComparisonOutcome


class ChartComparison(models.Model):
    """What somebody found out about two charts that may be one person's: of a pair the newest. Append-only.

    Where they are one person's, `kept` is the chart that goes on.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    kept = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=10, choices=ComparisonOutcome.choices)
    reason = models.TextField()
    decided_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=ComparisonOutcome.values), name="comparison_outcome_is_known"
            ),
            models.CheckConstraint(condition=~Q(kept=F("other")), name="comparison_is_of_two_charts"),
            models.CheckConstraint(condition=~Q(reason=""), name="comparison_gives_a_reason"),
        ]


class PossibleDuplicate(Patient):
    """A chart that may be somebody's second one: no table of its own, a page in the admin."""

    class Meta:
        proxy = True
