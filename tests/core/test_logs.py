"""Log lines are JSON, and say what failed and where, never what was in it."""

import json
import logging
from typing import Any

from django.db import IntegrityError

from core.logs import Formatter, log_failure

SECRET = "told me about the accident"


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    text = Formatter().format(record)
    assert "\n" not in text
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def record(
    name: str, message: str, args: Any = (), *, exc_info: Any = None, **extra: Any
) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.ERROR, "x.py", 1, message, args, exc_info)
    made.__dict__.update(extra)
    return made


def failing() -> Any:
    try:
        try:
            raise IntegrityError(f"Failing row contains ({SECRET})")
        except IntegrityError as error:
            raise ValueError(SECRET) from error
    except ValueError as error:
        return type(error), error, error.__traceback__


def test_a_line_has_its_moment_level_logger_and_message() -> None:
    line = line_of(record("safety.services", "Alert %s: nobody is on call", ("7",)))
    assert set(line) == {"at", "level", "logger", "message"}
    assert (line["level"], line["message"]) == ("ERROR", "Alert 7: nobody is on call")


def test_an_exception_is_told_without_its_message() -> None:
    text = Formatter().format(record("django.request", "%s: %s", ("Error", "/x"), exc_info=failing()))
    assert SECRET not in text
    told = json.loads(text)["exc_info"]
    assert "ValueError" in told
    assert "IntegrityError" in told
    assert "in failing" in told


def test_a_failed_task_is_told_without_its_arguments_and_message() -> None:
    message = "Task %(name)s raised unexpected: %(exc)s %(args)s"
    words = {"name": "core.tasks.tick", "exc": SECRET, "args": SECRET}
    made = record("celery.app.trace", message, (words,), exc_info=failing(), data=words)
    assert SECRET not in Formatter().format(made)


def test_what_hangs_on_a_record_is_left_out() -> None:
    assert SECRET not in Formatter().format(record("django.request", "x", request=SECRET, status_code=500))


def test_a_failure_is_logged_by_kind_and_place(caplog: Any) -> None:
    log_failure(logging.getLogger("x"), "The watch stumbled", failing()[1])
    text = Formatter().format(caplog.records[0])
    assert SECRET not in text
    assert json.loads(text)["message"] == "The watch stumbled"
    assert "ValueError" in text


def test_the_old_way_tells_everything() -> None:
    """The twin: the standard formatter shows what ours keeps back."""
    made = record("django.request", "%s: %s", ("Error", "/x"), exc_info=failing())
    assert SECRET in logging.Formatter().format(made)
