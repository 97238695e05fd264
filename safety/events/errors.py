from core.errors import Conflict, InvalidInput, Refused


class NotTheNewest(Conflict):
    """Somebody has assessed this event since you read it; read their version first."""

    code = "not_the_newest"


class ClockHasEnded(Conflict):
    """This clock has ended already."""

    code = "clock_has_ended"


class NotEarlier(InvalidInput):
    """That somebody knew earlier says a time before what is known."""

    code = "not_earlier"


class DoesNotFit(InvalidInput):
    """What is said of the event does not fit together."""

    code = "does_not_fit"


class FollowUpHasEnded(Conflict):
    """This follow-up has ended already."""

    code = "follow_up_has_ended"


class NotAFollowUp(InvalidInput):
    """Nobody can follow up like that."""

    code = "not_a_follow_up"


class IncompleteReport(Refused):
    """This report cannot leave the house yet; each thing that it lacks is listed."""

    code = "incomplete_report"
