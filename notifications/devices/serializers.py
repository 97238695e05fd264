from typing import Any

from rest_framework import serializers

from core.errors import InputError, InvalidInput
from core.fields import InputSerializer
from notifications.devices.rules import Address, NoAddress, by_subscription, by_token
from notifications.enums import PUSH_CHANNELS, Channel


class SubscriptionKeysInput(InputSerializer):
    """What a browser's notices are encrypted with, as its `PushSubscription` gives them."""

    p256dh = serializers.CharField(max_length=100)
    auth = serializers.CharField(max_length=40)


class SubscriptionInput(InputSerializer):
    """Where a browser's notices are handed in."""

    endpoint = serializers.CharField(max_length=1000)
    keys = SubscriptionKeysInput()


class PushDeviceInput(InputSerializer):
    """Where this device is reached: an app's `token`, or a browser's `subscription`."""

    channel = serializers.ChoiceField(choices=PUSH_CHANNELS)
    token = serializers.CharField(required=False, max_length=1000)
    subscription = SubscriptionInput(required=False)

    def address(self) -> Address:
        """Return it checked; raises `InvalidInput` for one that is none, or of another channel."""
        said = self.validated_data
        channel = Channel(said["channel"])
        needed, other = ("subscription", "token") if channel == Channel.WEB else ("token", "subscription")
        if needed not in said or other in said:
            raise _fault(needed, f"{channel} takes {needed}, and no {other}.")
        try:
            if channel != Channel.WEB:
                return by_token(channel, said["token"])
            keys = said["subscription"]["keys"]
            return by_subscription(said["subscription"]["endpoint"], p256dh=keys["p256dh"], auth=keys["auth"])
        except NoAddress as error:
            raise _fault(needed, str(error)) from None


def _fault(field: str, detail: str) -> InvalidInput:
    return InvalidInput(errors=[InputError(f"/{field}", "invalid", detail)])


class PushDeviceOutput(serializers.Serializer[Any]):
    """A phone or browser that is told something; not where."""

    id = serializers.UUIDField()
    channel = serializers.ChoiceField(choices=PUSH_CHANNELS)
    registered_at = serializers.DateTimeField()


class PushDevicesOutput(serializers.Serializer[Any]):
    """Somebody's devices, ten at most, newest first, and which kinds of them the clinic can reach."""

    offered = serializers.ListField(child=serializers.ChoiceField(choices=PUSH_CHANNELS))
    web_push_key = serializers.CharField(help_text="What a browser subscribes with; empty without.")
    devices = PushDeviceOutput(many=True)
