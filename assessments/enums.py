"""Stored values of what was measured. Plain string enums: the rules use them without Django."""

from enum import StrEnum


class LicenceClass(StrEnum):
    """What an instrument's owner lets others do with it."""

    PUBLIC_DOMAIN = "public_domain"
    """Free to reproduce, in a paid program too."""
    WITH_CONDITIONS = "with_conditions"
    """Free as long as stated conditions, such as credit, are kept."""
    NON_COMMERCIAL = "non_commercial"
    """Free outside commerce only; a paid program needs permission."""
    PERMISSION = "permission"
    """Nothing without the owner's permission, usually for a fee."""


class ScoreMethod(StrEnum):
    """How the answers of a scale become its value."""

    SUM = "sum"
    """The answers added up."""
    MEAN = "mean"
    """The answers added up, divided by how many there are."""
    COUNT = "count"
    """How many answers, turned round where reversed, reach a stated one."""


class MissingRule(StrEnum):
    """What a scale does with items nobody answered."""

    COMPLETE = "complete"
    """No value unless every item is answered."""
    MEAN_OF_ANSWERED = "mean_of_answered"
    """The mean of what was answered, once enough was."""


class Worsening(StrEnum):
    """Which way a scale's value moves when the person does worse."""

    UP = "up"
    """A higher value is worse."""
    DOWN = "down"
    """A lower value is worse."""


class NoScoreReason(StrEnum):
    """Why a scale has no value; never to be read as nought."""

    TOO_FEW_ANSWERED = "too_few_answered"
    """Fewer items are answered than the scale needs."""
    NOT_APPLICABLE = "not_applicable"
    """The scale is about something that this person's life does not contain."""
    APPLICABILITY_UNKNOWN = "applicability_unknown"
    """The question that decides whether the scale applies is not answered."""


class AnswerProblemCode(StrEnum):
    """What is wrong with one answer."""

    UNKNOWN_ITEM = "unknown_item"
    """The instrument has no such item."""
    NOT_A_WHOLE_NUMBER = "not_a_whole_number"
    """Text, a fraction, true, false or null where a whole number belongs."""
    NOT_ALLOWED = "not_allowed"
    """A whole number that is none of the item's answers."""
    NOT_ASKED = "not_asked"
    """An answer to what other answers let one skip."""


class GapReason(StrEnum):
    """Why a trend has no value at a point, beside what `NoScoreReason` says of a scale."""

    NOT_ANSWERED = "not_answered"
    """The form was asked, and nobody submitted it."""
    NOT_MEASURED = "not_measured"
    """The form was submitted in a version that did not have this scale."""


class ChangeKind(StrEnum):
    """What a published figure says about a change."""

    RELIABLE_CHANGE = "reliable_change"
    """More than chance explains."""
    MINIMAL_IMPORTANT_DIFFERENCE = "minimal_important_difference"
    """Enough to matter to somebody."""


class ChangeDirection(StrEnum):
    """What a change is for the person; some scales are worse when they rise, others when they fall."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"


class WorseningLevel(StrEnum):
    """What becomes of a form that came to worse than an earlier one."""

    SOFT = "soft"
    """Somebody who cares for the patient looks at it."""
    HARD = "hard"
    """Somebody is called."""


class Earlier(StrEnum):
    """What a form is compared with."""

    FIRST = "first"
    """The first of the program that has a value."""
    PREVIOUS = "previous"
    """The last before it that has one."""
