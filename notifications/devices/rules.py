"""What the address of a device looks like, and which push services we hand anything to."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from notifications.channels.push import unpadded
from notifications.enums import Channel

MOST_DEVICES = 10
"""Registered by one person; with one more, the one registered longest ago is forgotten."""
TOKENS: Mapping[Channel, re.Pattern[str]] = {
    Channel.FCM: re.compile(r"[A-Za-z0-9_:.-]{20,1000}"),
    Channel.APNS: re.compile(r"[0-9a-fA-F]{64,200}"),
}
PUSH_SERVICES = re.compile(
    r"(fcm\.googleapis\.com|updates\.push\.services\.mozilla\.com|([a-z0-9-]+\.)*push\.apple\.com"
    r"|([a-z0-9-]+\.)*notify\.windows\.com)"
)
"""Hosts of the browsers' makers (Chrome and its kin, Firefox, Safari, Edge): a subscription names where we
send it, and nobody may name a host of their own."""
LONGEST_ENDPOINT = 1000


class NoAddress(ValueError):
    """What was said is no address of a device."""


@dataclass(frozen=True)
class Address:
    """Where a device is reached: by which channel, and what its provider needs to know."""

    channel: Channel
    where: Mapping[str, str]

    @property
    def id(self) -> UUID:
        """Return what stands for the address: alike for the same, and of no use to find it."""
        named = self.where.get("token") or self.where["endpoint"]
        return UUID(bytes=hashlib.sha256(f"{self.channel}:{named}".encode()).digest()[:16], version=5)

    @property
    def text(self) -> str:
        """Return it as it is kept, and as a channel reads it."""
        return json.dumps(dict(self.where), sort_keys=True)


def by_token(channel: Channel, token: str) -> Address:
    """Return the address of an app on a phone; raises `NoAddress`."""
    if not TOKENS[channel].fullmatch(token):
        raise NoAddress("This is no token of that service.")
    return Address(channel, {"token": token})


def by_subscription(endpoint: str, *, p256dh: str, auth: str) -> Address:
    """Return the address of a browser; raises `NoAddress` for a push service or keys that are none."""
    if not _is_push_service(endpoint):
        raise NoAddress("This is no push service that we know.")
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpadded(p256dh))
        is_whole = len(unpadded(p256dh)) == 65 and len(unpadded(auth)) == 16
    except ValueError:
        is_whole = False
    if not is_whole:
        raise NoAddress("These are no keys of a subscription.")
    return Address(Channel.WEB, {"endpoint": endpoint, "p256dh": p256dh, "auth": auth})


def _is_push_service(endpoint: str) -> bool:
    if len(endpoint) > LONGEST_ENDPOINT or not re.fullmatch(r"[!-~]+", endpoint):
        return False
    try:
        there = urlsplit(endpoint)
    except ValueError:
        return False
    return there.scheme == "https" and PUSH_SERVICES.fullmatch(there.netloc) is not None
