"""One table of a policy document, read key by key, with every fault named by its place."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NoReturn, TypeVar

MAX_NUMBER = 10**9
KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")

_E = TypeVar("_E", bound=StrEnum)


class PolicyError(ValueError):
    """A policy document is not acceptable; says where in it and why."""

    def __init__(self, place: str, problem: str) -> None:
        self.place, self.problem = place, problem
        super().__init__(f"{place}: {problem}")


def refuse_doubles(names: list[str], *, place: str) -> None:
    """Raise PolicyError for the first name that is there twice."""
    for index, name in enumerate(names):
        if name in names[:index]:
            raise PolicyError(f"{place}[{index}]", f"{name} is there twice")


class Table:
    """One table of a policy, read key by key, so that `finish` finds what nobody knows."""

    def __init__(self, content: object, *, place: str) -> None:
        if not isinstance(content, Mapping):
            raise PolicyError(place, "has to be a table")
        self._left = dict(content)
        self.place = place

    def within(self, key: str) -> str:
        """Return where a key of this table stands."""
        return key if self.place == "policy" else f"{self.place}.{key}"

    def refuse(self, problem: str, *, key: str = "") -> NoReturn:
        """Refuse this table, or one key of it."""
        raise PolicyError(self.within(key) if key else self.place, problem)

    def has(self, key: str) -> bool:
        """Tell whether a key is there and was not read yet."""
        return key in self._left

    def _take(self, key: str) -> object:
        if key not in self._left:
            self.refuse("is missing", key=key)
        return self._left.pop(key)

    def text(self, key: str) -> str:
        """Take a text that is not blank."""
        value = self._take(key)
        if not isinstance(value, str) or not value.strip():
            self.refuse("has to be a text", key=key)
        return value.strip()

    def name(self, key: str, pattern: re.Pattern[str]) -> str:
        """Take a text that looks like a name."""
        value = self.text(key)
        if not pattern.fullmatch(value):
            self.refuse(f"has to look like {pattern.pattern}", key=key)
        return value

    def one_of(self, key: str, choices: type[_E]) -> _E:
        """Take one word of an enumeration."""
        value = self.text(key)
        if value not in list(choices):
            self.refuse(f"has to be one of {', '.join(choices)}", key=key)
        return choices(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """Take true or false."""
        value = self._left.pop(key, default)
        if not isinstance(value, bool):
            self.refuse("has to be true or false", key=key)
        return value

    def number(self, key: str) -> float:
        """Take a number that is not absurd."""
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_NUMBER:
            self.refuse("has to be a number", key=key)
        return value

    def whole(self, key: str) -> int:
        """Take a whole number from 1 on."""
        value = self.number(key)
        if not isinstance(value, int) or value < 1:
            self.refuse("has to be a whole number from 1 on", key=key)
        return value

    def table(self, key: str) -> "Table":
        """Take a table within this one."""
        return Table(self._take(key), place=self.within(key))

    def tables(self, key: str) -> "list[Table]":
        """Take a list of tables that is not empty."""
        entries = self._take(key)
        if not isinstance(entries, list) or not entries:
            self.refuse("has to be a list of tables", key=key)
        return [Table(entry, place=f"{self.within(key)}[{index}]") for index, entry in enumerate(entries)]

    def names(
        self, key: str, pattern: re.Pattern[str], *, default: tuple[str, ...] | None = None
    ) -> tuple[str, ...]:
        """Take a list of names, none of them twice; without a default it has to be there and not be empty."""
        if default is not None and key not in self._left:
            return default
        entries = self._take(key)
        if not isinstance(entries, list) or not (entries or default is not None):
            self.refuse("has to be a list of words", key=key)
        for index, entry in enumerate(entries):
            if not isinstance(entry, str) or not pattern.fullmatch(entry):
                raise PolicyError(f"{self.within(key)}[{index}]", f"has to look like {pattern.pattern}")
        refuse_doubles(entries, place=self.within(key))
        return tuple(entries)

    def finish(self) -> None:
        """Refuse what nobody has read."""
        if self._left:
            self.refuse(f"unknown key {', '.join(sorted(map(str, self._left)))}")
