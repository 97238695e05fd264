from django.db import models
from django.db.models import F, Q

from accounts.models import User
from core.ids import new_id


class Drill(models.Model):
    """The report of one drill: when each step of the escalation was to come, and when it came. Append-only.

    `steps` are in their order, each with `what`, `programmed_at`, `wanted`, `left_at` of each call, and
    `faults`; `passed` says that all came, in time and once. Times are by our own clock. `run_by` is whoever
    said that it was them; by a timer it is nobody. What the drill made is left as it was, in a chart that is
    nobody's: `session`.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    session = models.OneToOneField(
        "treatment_sessions.TreatmentSession", on_delete=models.PROTECT, related_name="drill"
    )
    run_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    passed = models.BooleanField()
    steps = models.JSONField()

    class Meta:
        ordering = ["-began_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(ended_at__gte=F("began_at")), name="drill_ends_after_it_began")
        ]

    def __str__(self) -> str:
        return f"Drill of {self.began_at:%Y-%m-%d %H:%M} UTC"
