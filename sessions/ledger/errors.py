from core.errors import Conflict, InvalidInput, Refused


class NotAPrescription(InvalidInput):
    """No prescription of a controlled medicine can be like that."""

    code = "not_a_prescription"


class NotDispensable(Refused):
    """This cannot be dispensed on this prescription."""

    code = "not_dispensable"


class NeverGone(Refused):
    """More cannot be found of a lot than was written down as gone without being taken."""

    code = "never_gone"


class NotInStock(Conflict):
    """There is not so much left of that lot. Count what is there, and write down the count."""

    code = "not_in_stock"
