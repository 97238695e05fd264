from django.db import models
from django.db.models import F, Q

from accounts.models import Signature, User
from core.ids import new_id
from safety.models import Screening


class ExclusionOverride(models.Model):
    """A clinician's signed word that somebody whom the policy excludes may be treated. Append-only.

    It counts with another clinician's acceptance of the same screening alone: a deferred trigger looks at
    that. From `screen_again_on` the patient answers anew, from `ends_on` it is over.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="overrides")
    clinician = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    screen_again_on = models.DateField()
    ends_on = models.DateField()
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["screening", "clinician"], name="override_once_per_clinician"),
            models.CheckConstraint(condition=~Q(reason=""), name="override_gives_a_reason"),
            models.CheckConstraint(
                condition=Q(screen_again_on__lte=F("ends_on")), name="override_asks_again_before_it_ends"
            ),
        ]
