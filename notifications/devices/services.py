from datetime import datetime
from uuid import UUID

from django.db import transaction
from rest_framework.exceptions import NotAuthenticated

from accounts.models import SignIn, User
from core.acting import seeing_all_charts
from core.encryption import encrypt
from core.errors import NotFound
from notifications.devices import queries
from notifications.devices.models import Device
from notifications.devices.rules import MOST_DEVICES, Address
from notifications.services import reroute


def register(user: User, session_key: str, *, address: Address, at: datetime) -> Device:
    """Let somebody be reached on the device on which they are signed in; again is harmless.

    Whoever was reached there before is not any more: a device is one account's. Locks the account and the
    sign-in. Raises `NotAuthenticated` where that has just ended.
    """
    # Another account's row gives way, and whoever registers may not see it.
    with transaction.atomic(), seeing_all_charts():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        if not SignIn.objects.select_for_update(of=("self",)).filter(pk=session_key, user=user).exists():
            raise NotAuthenticated
        device = Device(
            id=address.id,
            user=user,
            sign_in_id=session_key,
            channel=address.channel,
            address=encrypt(address.text, place=queries.place(address.id)),
            password_sha256=queries.hash_of(user.get_session_auth_hash()),
            registered_at=at,
        )
        Device.objects.bulk_create(
            [device],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["user", "sign_in", "channel", "address", "password_sha256", "registered_at"],
        )
        too_many = queries.devices_of(user).values("pk")[MOST_DEVICES:]
        Device.objects.filter(pk__in=list(too_many.values_list("pk", flat=True))).delete()
        reroute(user)
    return device


def remove(user: User, device_id: UUID) -> None:
    """Reach somebody on a device no more; raises `NotFound`."""
    with transaction.atomic():
        if not Device.objects.filter(user=user, pk=device_id).delete()[0]:
            raise NotFound
        reroute(user)
