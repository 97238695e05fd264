from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from notifications.rules import Answer


@dataclass(frozen=True)
class Letter:
    """What is handed over: `id` is the same for every try, by it a provider can tell that two are one.

    `link` is for channels that carry it beside the words.
    """

    id: UUID
    to: str
    subject: str
    body: str
    link: str = ""


@dataclass(frozen=True)
class HandedOver:
    """What is known after a try. `broke`: the provider itself did not answer, whoever the message was to."""

    answer: Answer
    detail: str = ""
    broke: bool = False


class Provider(Protocol):
    """Somebody who carries messages of one channel."""

    def hand_over(self, letter: Letter) -> HandedOver:
        """Try once, and say what is known then; raises nothing that the network or the provider causes.

        `detail` is kept and shown to operators: it names neither address nor words, and no key.
        """
