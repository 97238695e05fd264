from collections.abc import Sequence

from assessments.rules import OFFLINE_CONFLICTS, AnswerProblem
from core.errors import Conflict, InputError, InvalidInput, NotAllowed, Reason, Refused


class NotOpen(Conflict):
    """This cannot be answered now."""

    code = "assessment_not_open"


class LicenceForbids(NotAllowed):
    """The licence of this questionnaire does not let us ask it."""

    code = "licence_forbids"


class AlreadySubmitted(Conflict):
    """This was submitted before; what was submitted stays."""

    code = "assessment_submitted"


class AlertAnswersIt(Conflict):
    """Somebody was called about this; take that alert in hand and close it instead."""

    code = "worse_form_has_alert"


class LookedAtAlready(Conflict):
    """Somebody else has looked at this, and said what they did."""

    code = "worse_form_looked_at"


class OfflineConflict(Conflict):
    """What you filled in is kept, and does not count as it is."""

    code = "offline_conflict"

    def __init__(self, conflict: str) -> None:
        super().__init__(reasons=[Reason(conflict, OFFLINE_CONFLICTS[conflict])])


class TooManyKept(Conflict):
    """This form has come too often from apps without a connection. Call us."""

    code = "too_many_kept"


class InvalidAnswers(InvalidInput):
    """Some answers cannot be taken; each is listed, and none was saved."""

    code = "invalid_answers"

    def __init__(self, problems: Sequence[AnswerProblem]) -> None:
        super().__init__(errors=[_at(problem.item, problem.code, problem.detail) for problem in problems])


class AnswersMissing(Refused):
    """Some answers are still needed; each is listed."""

    code = "answers_missing"

    def __init__(self, items: Sequence[str]) -> None:
        super().__init__(errors=[_at(item, "required", "Please answer this one.") for item in items])


def _at(item: str, code: str, detail: str) -> InputError:
    key = item.replace("~", "~0").replace("/", "~1")
    return InputError(pointer=f"/answers/{key}", code=code, detail=detail)
