"""What stands in for every provider but the mail server where software is developed: nothing leaves."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

from notifications.channels.interface import HandedOver, Letter
from notifications.enums import Channel
from notifications.rules import Answer

CONSOLE, SINK = "console", "sink"


@dataclass(frozen=True)
class StandIn:
    """Shows what a provider would have got, on the terminal or as a file, and takes it."""

    channel: Channel

    def hand_over(self, letter: Letter) -> HandedOver:
        """Take it; told again, it is the same file."""
        told = json.dumps({"channel": self.channel, **asdict(letter), "id": str(letter.id)}, indent=1)
        if settings.CHANNEL_STAND_IN == SINK:
            folder = Path(settings.STATE_DIR) / "messages"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{letter.id}-{self.channel}.json").write_text(told + "\n")
        else:
            sys.stderr.write(told + "\n")
        return HandedOver(Answer.TAKEN)
