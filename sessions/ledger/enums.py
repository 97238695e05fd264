from django.db.models import TextChoices


class StockKind(TextChoices):
    """What became of units of the medicine."""

    DISPENSED = "dispensed"
    """They came from a pharmacy."""
    TAKEN = "taken"
    """They are a session's dose."""
    LOST = "lost"
    """Spilled, spat out, stolen, or not found any more."""
    RETURNED = "returned"
    """They went back to where controlled medicine is taken back."""
    DESTROYED = "destroyed"
    """They were made unusable."""
    FOUND = "found"
    """They were written down as gone, and are there after all."""


COMES = (StockKind.DISPENSED, StockKind.FOUND)
"""What adds to a lot; a clinician alone writes it down."""
LEAVES = (StockKind.LOST, StockKind.RETURNED, StockKind.DESTROYED)
"""What patient and clinician write down by themselves; a dose is written with its session."""
