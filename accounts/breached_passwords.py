"""Whether a password has been in a breach: looked up in a file on this machine, so that nobody is asked."""

import hashlib
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Info, Tags, register
from django.core.exceptions import ImproperlyConfigured, ValidationError

_LINE = re.compile(rb"([0-9A-Fa-f]{40})(?::\d{1,18})?")
_LONGEST_LINE = 64
"""Bytes, more than a hash, a colon, a count and the end of a line take."""
_LOOKED_AT = 64
"""Places at which a file is looked at when a process starts."""


class BreachedPasswords:
    """A file of SHA-1 hashes in ascending order, one a line, each with or without `:` and a count.

    That is how Have I Been Pwned hands out its list (some 40 GB; not verified here). It is searched by
    bisection where it lies: some 36 short reads for a thousand million lines, and none of it is kept. Raises
    `ImproperlyConfigured` for a file that cannot be read or is not of that shape at the places looked at.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Open for as long as the process lives; reads at an offset need no lock between threads.
            self._file = os.open(path, os.O_RDONLY)
            self._size = os.fstat(self._file).st_size
            step = max(1, self._size // _LOOKED_AT)
            seen = [self._at(place)[1] for place in range(0, self._size, step)]
            seen.append(self._at(max(0, self._size - 1))[1])
        except OSError as error:
            raise ImproperlyConfigured(f"BREACHED_PASSWORDS_FILE: {error}") from error
        if seen != sorted(seen):
            raise ImproperlyConfigured(f"BREACHED_PASSWORDS_FILE: {path} is not sorted by hash.")

    def __contains__(self, password: str) -> bool:
        """Tell whether `password` is in the list."""
        wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
        first, after = 0, self._size
        while first < after:
            begins, digest, ends = self._at((first + after) // 2)
            if digest == wanted:
                return True
            if digest < wanted:
                first = ends
            else:
                after = begins
        return False

    def _at(self, place: int) -> tuple[int, bytes, int]:
        """Return the hash on the line that holds the byte at `place`, and where that line begins and ends."""
        start = max(0, place - _LONGEST_LINE)
        read = os.pread(self._file, 2 * _LONGEST_LINE, start)
        begins = read.rfind(b"\n", 0, place - start) + 1
        ends = read.find(b"\n", place - start)
        line = read[begins : ends if ends >= 0 else len(read)].removesuffix(b"\r")
        match = _LINE.fullmatch(line)
        if match is None:
            raise ImproperlyConfigured(
                f"BREACHED_PASSWORDS_FILE: {self.path} holds no SHA-1 hash at byte {start + begins}."
            )
        return start + begins, match[1].upper(), start + (ends + 1 if ends >= 0 else len(read))


@lru_cache(maxsize=1)
def listed(path: str) -> BreachedPasswords:
    """Return the list at `path`, opened once a process."""
    return BreachedPasswords(Path(path))


class BreachedPasswordValidator:
    """Refuses a password that is in the list, wherever one is chosen; without a list it lets all pass."""

    def validate(self, password: str, user: Any = None) -> None:  # noqa: ARG002 - the signature is Django's
        """Raise `ValidationError` for a password that was in a breach."""
        path = settings.BREACHED_PASSWORDS_FILE
        if path and password in listed(path):
            raise ValidationError(self.get_help_text(), code="password_breached")

    def get_help_text(self) -> str:
        """Say what is asked for."""
        return "This password is on a list of stolen ones. Choose another."


@register(Tags.security, deploy=True)
def checks_breaches(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:  # noqa: ARG001
    """Say where only the twenty thousand commonest passwords are refused."""
    if settings.BREACHED_PASSWORDS_FILE:
        return []
    said = "BREACHED_PASSWORDS_FILE is not set: only Django's list of common passwords is looked at."
    return [Info(said, hint="docs/operations.md says how to get the list.", id="accounts.I001")]
