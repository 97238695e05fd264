from django.db import models
from django.db.models import F, Q

from accounts.models import User
from core.ids import new_id
from core.models import DocumentVersion


class PolicyDraft(models.Model):
    """A screening policy that somebody writes, before anybody is asked to sign it; faults and all.

    `head` is what the policy says but for its rules; `rules` is a list of `{"key", "rule"}`, where the key
    stays with a rule whatever is done to it. `version` counts how often it was saved. A draft that was put
    up to be signed, or put aside, is closed.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    head = models.JSONField()
    rules = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    began_from = models.ForeignKey(DocumentVersion, null=True, on_delete=models.PROTECT, related_name="+")
    begun_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    begun_at = models.DateTimeField()
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    became = models.ForeignKey(DocumentVersion, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(became=None) | Q(closed_at__isnull=False), name="draft_put_up_is_closed"
            ),
            models.CheckConstraint(
                condition=Q(changed_at__gte=F("begun_at")), name="draft_changes_after_it_began"
            ),
        ]
        ordering = ["-changed_at", "-id"]

    def __str__(self) -> str:
        return f"{self.head.get('title', 'Screening policy')}, version {self.head.get('version', '')}"
