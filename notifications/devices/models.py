from django.db import models
from django.db.models import Q

from accounts.models import SignIn, User
from notifications.enums import PUSH, PUSH_CHANNELS


class Device(models.Model):
    """A phone or browser on which somebody is signed in, and may be reached; its address is encrypted.

    `id` is made of the address, so that each is one account's. The database deletes the row with the sign-in
    it belongs to. `password_sha256` is the hash of what a sign-in is bound to: with a new password it is
    another, and no device from before is told anything.
    """

    id = models.UUIDField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="devices")
    # The constraint is the migration's: `ON DELETE CASCADE`, whoever ends the sign-in, and however.
    sign_in = models.ForeignKey(SignIn, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    channel = models.CharField(max_length=8, choices=PUSH_CHANNELS)
    address = models.BinaryField()
    password_sha256 = models.CharField(max_length=64)
    registered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(channel__in=sorted(PUSH)), name="device_channel_is_a_push")
        ]
