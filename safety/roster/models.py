from django.db import models
from django.db.models import F, Q

from accounts.models import User
from core.ids import new_id
from safety.roster.rules import LONGEST_SHIFT


class OnCallShift(models.Model):
    """That a clinician is called first from one instant until another; called off, never changed."""

    id = models.UUIDField(primary_key=True, default=new_id)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="on_call_shifts")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at"), ends_at__lte=F("starts_at") + LONGEST_SHIFT),
                name="shift_ends_within_a_week",
            )
        ]
        indexes = [
            models.Index(fields=["ends_at"], condition=Q(cancelled_at=None), name="shift_standing_by_its_end")
        ]
