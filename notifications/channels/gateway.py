"""Texts and calls, through any gateway that takes one POST for each, as docs/operations.md asks of it."""

import json

from django.conf import settings

from notifications.channels.http import NOT_NOW, TIMEOUT, Heard, post
from notifications.channels.interface import HandedOver, Letter
from notifications.rules import Answer

_NOBODY = 422
"""The number is none."""


def is_set_up() -> bool:
    """Tell whether the clinic has a gateway."""
    return bool(settings.PAGING_GATEWAY_URL)


class Gateway:
    """One POST for each message, with its id as `Idempotency-Key`: told twice, the gateway sends once."""

    def hand_over(self, letter: Letter) -> HandedOver:
        """Try once. An answer that makes no sense is doubt: what it was about may have been taken."""
        heard = post(
            settings.PAGING_GATEWAY_URL,
            timeout=TIMEOUT,
            json={"id": str(letter.id), "to": letter.to, "text": letter.body},
            headers={
                "Authorization": f"Bearer {settings.PAGING_GATEWAY_KEY}",
                "Idempotency-Key": str(letter.id),
            },
        )
        return heard if isinstance(heard, HandedOver) else _understood(heard)


def _understood(heard: Heard) -> HandedOver:
    if 200 <= heard.status < 300:
        if _accepts(heard.body):
            return HandedOver(Answer.TAKEN)
        return HandedOver(Answer.DOUBT, f"answered {heard.status} and no sense", broke=True)
    if heard.status in NOT_NOW:
        return HandedOver(Answer.NOT_NOW, f"refused with {heard.status}", broke=True)
    if heard.status == _NOBODY:
        return HandedOver(Answer.NOBODY, f"recipient refused with {heard.status}")
    if 300 <= heard.status < 500:
        return HandedOver(Answer.NEVER, f"refused with {heard.status}")
    return HandedOver(Answer.DOUBT, f"failed with {heard.status}", broke=True)


def _accepts(body: bytes) -> bool:
    """Tell whether an answer says in JSON that the message is accepted."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(said, dict) and said.get("accepted") is True
