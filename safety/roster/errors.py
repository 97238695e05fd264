from core.errors import Conflict, InvalidInput


class NotAShift(InvalidInput):
    """Nobody can be on duty like that."""

    code = "not_a_shift"


class AlreadyCancelled(Conflict):
    """This shift has been called off already."""

    code = "already_cancelled"
