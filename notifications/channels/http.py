"""One POST to a provider: what it answered, or what is known where it did not."""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx

from notifications.channels.interface import HandedOver
from notifications.rules import Answer

TIMEOUT = httpx.Timeout(5.0)
MOST_BYTES = 16 * 1024
"""Of an answer that are read: enough for a few words, too little to keep a worker busy."""
NOT_NOW = frozenset({401, 403, 408, 425, 429, 503})
"""It did not take the message and may take it later; a key that is wrong today is mended tomorrow."""


@dataclass(frozen=True)
class Heard:
    """A provider's answer, as far as it is read."""

    status: int
    body: bytes


def post(url: str, *, timeout: httpx.Timeout, keeps_open: bool = False, **sent: Any) -> Heard | HandedOver:
    """Ask once; raises nothing that the network or the provider causes.

    Neither redirects nor a proxy of the environment: what is sent goes where `url` says. `keeps_open` is for
    providers that take it ill when every message comes on a connection of its own (APNs).
    """
    try:
        with (
            nullcontext(_kept_open()) if keeps_open else httpx.Client(trust_env=False) as client,
            client.stream("POST", url, timeout=timeout, **sent) as answer,
        ):
            return Heard(answer.status_code, _beginning(answer))
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        return HandedOver(Answer.NOT_NOW, f"no connection: {type(error).__name__}", broke=True)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return HandedOver(Answer.DOUBT, f"connection broke: {type(error).__name__}", broke=True)


@cache
def _kept_open() -> httpx.Client:
    """Return this process's own client, which speaks HTTP/2 where the other side does."""
    return httpx.Client(trust_env=False, http2=True)


def _beginning(answer: httpx.Response) -> bytes:
    read = b""
    for part in answer.iter_bytes(MOST_BYTES):
        read += part
        if len(read) >= MOST_BYTES:
            break
    return read
