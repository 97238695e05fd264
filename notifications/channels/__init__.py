"""How messages leave: one small interface, a module for each provider behind it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from notifications.channels import gateway
from notifications.channels.gateway import Gateway
from notifications.channels.interface import HandedOver, Letter, Provider
from notifications.channels.mail import Mail
from notifications.channels.record import Record
from notifications.enums import Channel

PROVIDERS: Mapping[Channel, Callable[[], Provider]] = MappingProxyType(
    {Channel.EMAIL: Mail, Channel.TEXT: Gateway, Channel.RECORD: Record}
)

__all__ = ["PROVIDERS", "Gateway", "HandedOver", "Letter", "Mail", "Provider", "Record", "gateway"]
