from core.errors import Conflict, InvalidInput, Refused, Unavailable


class WrongEnrollmentState(Conflict):
    """The enrollment is not at the step for this."""

    code = "wrong_enrollment_state"


class AlreadyEnrolled(Conflict):
    """There is an open enrollment already; finish or leave it first."""

    code = "already_enrolled"


class NotOffered(Refused):
    """That program is not offered."""

    code = "program_not_offered"


class PlanOutOfBounds(Refused):
    """The plan goes beyond what the program or the policy allows."""

    code = "plan_out_of_bounds"


class NotUnderstoodYet(Refused):
    """Answer the questions under this text first; you can try as often as you like."""

    code = "not_understood_yet"


class UnknownAnswer(InvalidInput):
    """The answers do not fit the questions of this text."""

    code = "unknown_answer"


class WrongDocument(Conflict):
    """This is not the text that is to be agreed to now; read it again."""

    code = "wrong_document"


class NoSessionPolicy(Unavailable):
    """No session policy is in force, so no session can be booked or started."""

    code = "no_session_policy"
