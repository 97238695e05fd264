from django.db.models import TextChoices


class Flag(TextChoices):
    """What a report of harm leaves open; it is taken and acted on all the same."""

    NO_WORDS = "no_words"
    """Nobody has said what happened."""
    NO_ONSET = "no_onset"
    """When it began is not known."""
    ONSET_TO_COME = "onset_to_come"
    """It is said to begin after it was reported."""
    ENDS_BEFORE_IT_BEGAN = "ends_before_it_began"
    """One of the two times is wrong."""
    SERIOUSNESS_OPEN = "seriousness_open"
    """Nobody has said that it was not serious, so it counts as serious."""
    PARTLY_UNREADABLE = "partly_unreadable"
    """Something was said in a form that could not be read; it stands below the words as it was given."""
