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


class Causality(TextChoices):
    """How likely the medicine did it, by the categories of WHO-UMC."""

    CERTAIN = "certain"
    PROBABLE = "probable"
    POSSIBLE = "possible"
    UNLIKELY = "unlikely"
    CONDITIONAL = "conditional"
    """More is needed to say, and is being asked for."""
    UNASSESSABLE = "unassessable"
    """It can't be said, and nothing more is to be had."""


class NaranjoAnswer(TextChoices):
    """An answer to one of Naranjo's ten questions."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class NaranjoCategory(TextChoices):
    """What Naranjo's score means."""

    DEFINITE = "definite"
    PROBABLE = "probable"
    POSSIBLE = "possible"
    DOUBTFUL = "doubtful"


class Expectedness(TextChoices):
    """Whether a named reference document, in a named version, tells of such an event."""

    EXPECTED = "expected"
    UNEXPECTED = "unexpected"


class EventOutcome(TextChoices):
    """How it ended, by the categories of ICH E2B(R3)."""

    RECOVERED = "recovered"
    RECOVERING = "recovering"
    NOT_RECOVERED = "not_recovered"
    RECOVERED_WITH_SEQUELAE = "recovered_with_sequelae"
    FATAL = "fatal"
    UNKNOWN = "unknown"


class ActionTaken(TextChoices):
    """What was done about the medicine, by the categories of ICH E2B(R3)."""

    WITHDRAWN = "withdrawn"
    DOSE_REDUCED = "dose_reduced"
    DOSE_INCREASED = "dose_increased"
    DOSE_NOT_CHANGED = "dose_not_changed"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


class Challenge(TextChoices):
    """Whether it went away without the medicine (dechallenge), or came back with it (rechallenge)."""

    YES = "yes"
    NO = "no"
    NOT_TRIED = "not_tried"
    UNKNOWN = "unknown"


class ClockStart(TextChoices):
    """Why a clock began to run."""

    REPORTED = "reported"
    """The event was reported."""
    ASSESSED = "assessed"
    """A clinician's assessment made a rule hold."""
    NEW_INFORMATION = "new_information"
    """Something new came to be known, and the rule says that it counts anew."""
    KNOWN_EARLIER = "known_earlier"
    """Somebody here knew before the report."""


class ClockEnd(TextChoices):
    """How a clock ended."""

    REPORTED = "reported"
    """What was due was done."""
    NOT_REQUIRED = "not_required"
    """A clinician signed why it is not."""
    REPLACED = "replaced"
    """Another clock runs for the same rule."""


class NewsKind(TextChoices):
    """What came to be known after the report."""

    NEW_INFORMATION = "new_information"
    """Something about the event that nobody here knew."""
    KNOWN_EARLIER = "known_earlier"
    """That somebody here knew of the event before it was reported: day 0 is then."""


class FollowUpKind(TextChoices):
    """What a follow-up asks."""

    OUTCOME = "outcome"
    """How the event ended; there is one until that is known."""
    DETAIL = "detail"
    """Something else that is not known yet."""


class FollowUpEnd(TextChoices):
    """How a follow-up ended."""

    DONE = "done"
    """It was found out, or asked; while the outcome is not known, the next one begins."""
    SETTLED = "settled"
    """An assessment says how the event ended."""
    NOT_TO_BE_HAD = "not_to_be_had"
    """A clinician signed that nothing more can be found out."""
