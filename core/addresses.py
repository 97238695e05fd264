"""Where a request comes from, as far as it can be known."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

IPV6_PREFIX = 64
"""What one household or machine is given: whoever has one address of it has them all."""


def client_address(request: HttpRequest) -> str:
    """Return the caller's address; of an IPv6 address, its /64 network.

    Behind our proxy (`BEHIND_PROXY`) it is the last in `X-Forwarded-For`, which that proxy added itself. What
    stands before it, and the whole header where there is no proxy, is whatever the caller wrote, and ignored.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = request.headers.get("X-Forwarded-For", "") if settings.BEHIND_PROXY else ""
    return _network(forwarded.rpartition(",")[2].strip()) or _network(peer) or peer


def _network(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address.packed, IPV6_PREFIX), strict=False))
