"""The one reader of what strangers send: strict JSON bodies, strict query strings, names of time zones."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import IO, Any, NoReturn
from zoneinfo import available_timezones

from django.conf import settings
from rest_framework.parsers import BaseParser

from core.errors import Malformed, TooLarge

MAX_DEPTH = 20
MAX_INTEGER_DIGITS = 18

# Control characters (NUL above all), lone surrogates, and the marks that make text read in another order
# than it is stored. Tab and line breaks are allowed.
_FORBIDDEN_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")

# A string, closed or not, or a bracket. Possessive, so that a string nobody closed is read once and not again
# from each of its characters: that would let one small request keep a process busy for minutes.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def check_text(text: str) -> str:
    """Return `text` unchanged, or raise `Malformed` if it hides something or cannot be stored."""
    if _FORBIDDEN_TEXT.search(text):
        raise Malformed("Text contains a control character, a broken character or a direction override.")
    return text


def loads_strictly(body: bytes) -> Any:
    """Parse one JSON document, refusing what JSON leaves open.

    Refused with `Malformed`: other encodings than UTF-8, duplicate keys, NaN and infinities, integers over
    18 digits, nesting deeper than 20, and text that `check_text` refuses.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8.") from None
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except ValueError as error:
        raise Malformed(f"The body is not JSON: {error}.") from None
    _check_strings(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Malformed("An object names the same key twice.")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not a number in JSON.")


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise Malformed("A number has too many digits.")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise Malformed("A number is too large.")
    return value


def _check_depth(text: str) -> None:
    """Count brackets outside strings: the parser itself would exhaust the stack first."""
    depth = 0
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Malformed(f"The body is nested deeper than {MAX_DEPTH}.")
        elif first in "]}":
            depth -= 1


def _check_strings(value: Any) -> None:
    if isinstance(value, str):
        check_text(value)
    elif isinstance(value, list):
        for item in value:
            _check_strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key)
            _check_strings(item)


class StrictJSONParser(BaseParser):
    """DRF's door to `loads_strictly`: an object of at most `most_bytes`."""

    media_type = "application/json"
    most_bytes = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,  # noqa: ARG002 - the signature is DRF's
        parser_context: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return the JSON object in `stream`; an empty body counts as an empty object."""
        body = stream.read(self.most_bytes + 1)
        if len(body) > self.most_bytes:
            raise TooLarge
        value = loads_strictly(body) if body.strip() else {}
        if not isinstance(value, dict):
            raise Malformed("The body must be a JSON object.")
        return value


class ReportParser(StrictJSONParser):
    """The same for reports of harm: 50,000 emoji pass, each escaped as two units of UTF-16, twelve bytes."""

    most_bytes = 2**20


@cache
def timezones() -> frozenset[str]:
    """Return the names of the IANA list; read once, since reading it walks folders."""
    return frozenset(available_timezones())
