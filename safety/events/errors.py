from core.errors import Conflict, InvalidInput


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
