"""How messages leave: one small interface, a module for each provider behind it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from django.conf import settings

from notifications.channels import gateway
from notifications.channels.gateway import Gateway
from notifications.channels.interface import HandedOver, Letter, Provider
from notifications.channels.mail import Mail
from notifications.channels.push import Apns, Fcm, WebPush
from notifications.channels.record import Record
from notifications.channels.stand_in import StandIn
from notifications.enums import Channel

PROVIDERS: Mapping[Channel, Callable[[], Provider]] = MappingProxyType(
    {
        Channel.EMAIL: Mail,
        Channel.TEXT: Gateway,
        Channel.FCM: Fcm,
        Channel.APNS: Apns,
        Channel.WEB: WebPush,
        Channel.RECORD: Record,
    }
)


def provider(channel: Channel) -> Provider:
    """Return who carries messages of a channel."""
    stands_in = settings.CHANNEL_STAND_IN and channel not in (Channel.EMAIL, Channel.RECORD)
    return StandIn(channel) if stands_in else PROVIDERS[channel]()


def offered() -> frozenset[Channel]:
    """Return the channels that this clinic has set up; mail is always one."""
    if settings.CHANNEL_STAND_IN:
        return frozenset(Channel) - {Channel.RECORD}
    set_up = {
        Channel.EMAIL: True,
        Channel.TEXT: gateway.is_set_up(),
        Channel.FCM: bool(settings.FCM_ACCOUNT),
        Channel.APNS: bool(settings.APNS_KEY),
        Channel.WEB: bool(settings.WEB_PUSH_KEY),
    }
    return frozenset(channel for channel, is_set_up in set_up.items() if is_set_up)


__all__ = [
    "PROVIDERS",
    "Gateway",
    "HandedOver",
    "Letter",
    "Mail",
    "Provider",
    "gateway",
    "offered",
    "provider",
]
