from notifications.channels.interface import HandedOver, Letter
from notifications.rules import Answer


class Record:
    """Nobody: what a drill would send is written down as sent, and goes no further than this line."""

    def hand_over(self, letter: Letter) -> HandedOver:  # noqa: ARG002
        """Take it, and do nothing."""
        return HandedOver(Answer.TAKEN, "a drill: nothing left")
