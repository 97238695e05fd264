from django.db import models
from django.db.models import Q

from accounts.models import User
from core.ids import new_id


class TextNumber(models.Model):
    """The telephone number at which a patient wants texts, and the code that proves it, both encrypted.

    Empty: taken back. `stopped_at` is when they answered STOP to a text, `replied_at` when their last answer
    came, by the gateway's clock.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="text_number")
    number = models.BinaryField(default=b"")
    code = models.BinaryField(default=b"")
    code_ends_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    replied_at = models.DateTimeField(null=True)
    set_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_at=None) | ~Q(number=b"") & Q(code=b""),
                name="text_number_confirmed_is_one",
            )
        ]
