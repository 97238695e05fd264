import hashlib
from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from core.encryption import decrypt
from notifications.devices.models import Device
from notifications.enums import Channel


def devices_of(user: User) -> QuerySet[Device]:
    """Return the devices on which somebody is signed in, the one registered last first."""
    return Device.objects.filter(user=user).order_by("-registered_at", "-id")


def reachable(user: User, *, by: Collection[Channel]) -> list[Device]:
    """Return those that may be told something: registered under the password that holds now."""
    held = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return list(devices_of(user).filter(channel__in=by, password_sha256__in=[hash_of(one) for one in held]))


def hash_of(session_auth_hash: str) -> str:
    """Return what is kept of the hash that a sign-in is bound to."""
    return hashlib.sha256(session_auth_hash.encode()).hexdigest()


def address_of(device: Device) -> str:
    """Return where a device is reached, as its channel reads it."""
    return str(decrypt(device.address, place=place(device.pk)))


def place(device_id: UUID) -> str:
    """Return the place that an address is encrypted for."""
    return f"notifications_device.address:{device_id}"
