from collections.abc import Callable
from logging import getLogger

from core.encryption import Undecipherable
from core.logs import log_failure

logger = getLogger(__name__)


def readable(read: Callable[[], str], *, of: str) -> str:
    """Return the address that `read` finds, or nothing where no key opens it, which is written to the log.

    `of` says in the log whose it is, by its row's id.
    """
    try:
        return read()
    except Undecipherable as error:
        log_failure(logger, f"The address of {of} cannot be deciphered", error)
        return ""
