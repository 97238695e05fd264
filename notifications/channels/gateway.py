"""Texts and calls, through any gateway that takes one POST for each, as docs/operations.md asks of it."""

import json

import httpx
from django.conf import settings

from notifications.channels.interface import HandedOver, Letter
from notifications.rules import Answer

TIMEOUT = httpx.Timeout(5.0)
MOST_BYTES = 16 * 1024
"""Of an answer that are read: enough for a few words, too little to keep a worker busy."""
_NOT_NOW = frozenset({401, 403, 408, 425, 429, 503})
"""It did not take the message and may take it later; a key that is wrong today is mended tomorrow."""
_NOBODY = 422
"""The number is none."""


def is_set_up() -> bool:
    """Tell whether the clinic has a gateway."""
    return bool(settings.PAGING_GATEWAY_URL)


class Gateway:
    """One POST for each message, with its id as `Idempotency-Key`: told twice, the gateway sends once."""

    def hand_over(self, letter: Letter) -> HandedOver:
        """Try once. An answer that makes no sense is doubt: what it was about may have been taken."""
        try:
            # Neither redirects nor a proxy of the environment: the number goes where the settings say.
            with (
                httpx.Client(timeout=TIMEOUT, trust_env=False) as client,
                client.stream(
                    "POST",
                    settings.PAGING_GATEWAY_URL,
                    json={"id": str(letter.id), "to": letter.to, "text": letter.body},
                    headers={
                        "Authorization": f"Bearer {settings.PAGING_GATEWAY_KEY}",
                        "Idempotency-Key": str(letter.id),
                    },
                ) as answer,
            ):
                return _heard(answer.status_code, _beginning(answer))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return HandedOver(Answer.NOT_NOW, f"no connection: {type(error).__name__}", broke=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return HandedOver(Answer.DOUBT, f"connection broke: {type(error).__name__}", broke=True)


def _beginning(answer: httpx.Response) -> bytes:
    read = b""
    for part in answer.iter_bytes(MOST_BYTES):
        read += part
        if len(read) >= MOST_BYTES:
            break
    return read


def _heard(status: int, body: bytes) -> HandedOver:
    if 200 <= status < 300:
        if _accepts(body):
            return HandedOver(Answer.TAKEN)
        return HandedOver(Answer.DOUBT, f"answered {status} and no sense", broke=True)
    if status in _NOT_NOW:
        return HandedOver(Answer.NOT_NOW, f"refused with {status}", broke=True)
    if status == _NOBODY:
        return HandedOver(Answer.NOBODY, f"recipient refused with {status}")
    if 300 <= status < 500:
        return HandedOver(Answer.NEVER, f"refused with {status}")
    return HandedOver(Answer.DOUBT, f"failed with {status}", broke=True)


def _accepts(body: bytes) -> bool:
    """Tell whether an answer says in JSON that the message is accepted."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("accepted") is True
