from django.db.models import TextChoices


class DeviationKind(TextChoices):
    """In what the protocol was not kept."""

    LATE_SESSION = "late_session"
    """A session that did not begin when it was booked for."""
    WRONG_DOSE = "wrong_dose"
    """Another dose than was ordered, or one outside the window of a session."""
    MISSED_CHECK_IN = "missed_check_in"
    """A check-in that did not come by its time."""
    MISSED_READING = "missed_reading"
    """Something that was to be measured, and was not."""
    OTHER = "other"


class DeviationFinding(TextChoices):
    """What a clinician makes of one."""

    MINOR = "minor"
    """It could neither have hurt somebody nor changed what is measured."""
    MAJOR = "major"
    """It could have."""
    NONE = "none"
    """It was none: written down by mistake, or explained."""
