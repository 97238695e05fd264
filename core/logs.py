"""What may be written to a log: a line of JSON each, and nothing that a row or a person said."""

import logging
import traceback
from typing import Any

from pythonjsonlogger.json import JsonFormatter


def log_failure(logger: logging.Logger, what: str, error: BaseException) -> None:
    """Log the kind of error and its place in the code, never its message, which may hold a row's values."""
    logger.error("%s", what, exc_info=error)


class Formatter(JsonFormatter):
    """Writes a record as one line of JSON, and of an exception its kind and places in the code.

    An exception's message may hold a row's values, or what somebody sent. The frameworks put it, or a task's
    arguments, among what they log with an exception, so there only text of the code itself is kept.
    """

    def __init__(self) -> None:
        super().__init__(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "at", "levelname": "level", "name": "logger"},
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        if record.exc_info and not _says_only_where(record):
            record = logging.makeLogRecord(record.__dict__ | {"msg": str(record.msg).strip(), "args": None})
        return super().format(record)

    def formatException(self, ei: Any) -> str:
        """Return the kind of exception and where it was raised, each cause included, without any message."""
        kind, error, _ = ei
        return "\n".join(_told(error)) if error else str(kind)

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        """Keep the fields that are named above: what else hangs on a record may be a whole request."""
        super().add_fields(log_data, record, message_dict)
        for name in set(log_data) - {"at", "level", "logger", "message", "exc_info"}:
            del log_data[name]


def _says_only_where(record: logging.LogRecord) -> bool:
    """Tell whether a record's arguments are ours, or Django's path of a request."""
    return not record.name.startswith(("celery", "kombu", "amqp", "gunicorn"))


def _told(error: BaseException | None) -> list[str]:
    told: list[str] = []
    while error is not None and len(told) < _MOST_CAUSES:
        frames = "".join(traceback.format_tb(error.__traceback__))
        told.append(f"{frames}{type(error).__name__}")
        error = error.__cause__ or error.__context__
    return told


_MOST_CAUSES = 5
