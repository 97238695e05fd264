"""Strict reading of TOML and JSON tables: every key is taken once, whatever is left over is refused."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import NoReturn, TypeVar, cast

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class InstrumentError(ValueError):
    """An instrument's or a wording's file is not acceptable; says which file, where in it, and why.

    `line` counts from 1, where the text that was read is at hand.
    """

    def __init__(self, file: str, place: str, problem: str, *, line: int | None = None) -> None:
        self.file, self.place, self.problem, self.line = file, place, problem, line
        super().__init__(f"{file}: {place}: {problem}" + (f" (at line {line})" if line else ""))


class Table:
    """One table of a file, read key by key; call `finish` once nothing more is expected in it."""

    def __init__(self, values: Mapping[str, object], *, file: str, place: str = "top level") -> None:
        self._left = dict(values)
        self.file, self.place = file, place

    def refuse(self, problem: str) -> NoReturn:
        """Raise InstrumentError for this table."""
        raise InstrumentError(self.file, self.place, problem)

    def check(self, holds: bool, problem: str) -> None:
        """Refuse with `problem` unless it holds."""
        if not holds:
            self.refuse(problem)

    def optional(self, key: str, kind: type[T]) -> T | None:
        """Take a value of exactly this type (true is no number), or None where the key is absent."""
        if key not in self._left:
            return None
        value = self._left.pop(key)
        if type(value) is not kind:
            self.refuse(f"{key} has to be of type {kind.__name__}, not {type(value).__name__}")
        if isinstance(value, str) and not value.strip():
            self.refuse(f"{key} is empty")
        return value

    def take(self, key: str, kind: type[T]) -> T:
        """Take a value of exactly this type; refuse where the key is absent."""
        value = self.optional(key, kind)
        if value is None:
            self.refuse(f"{key} is missing")
        return value

    def number(self, key: str) -> Decimal | None:
        """Take a finite number, written as text so that nothing is rounded; None where the key is absent."""
        written = self.optional(key, str)
        if written is None:
            return None
        try:
            value = Decimal(written)
        except InvalidOperation:
            self.refuse(f"{key} has to be a number, in quotes")
        self.check(value.is_finite(), f"{key} has to be a finite number")
        return value

    def choice(self, key: str, choices: type[E]) -> E:
        """Take one of an enum's values."""
        value = self.take(key, str)
        if value not in list(choices):
            self.refuse(f"{key} has to be one of {', '.join(choices)}, not {value!r}")
        return choices(value)

    def verified(self) -> bool:
        """Take the flag of an unverified fact; a fact without it counts as verified."""
        return self.optional("verified", bool) is not False

    def optional_table(self, key: str) -> "Table | None":
        """Take a table inside this one, or None where the key is absent."""
        values = self.optional(key, dict)
        return None if values is None else Table(values, file=self.file, place=self._within(key))

    def table(self, key: str) -> "Table":
        """Take a table inside this one; refuse where the key is absent."""
        return self.optional_table(key) or self.refuse(f"{key} is missing")

    def tables(self, key: str) -> "list[Table]":
        """Take a list of tables; an absent key is an empty list."""
        found = []
        for index, values in enumerate(self.optional(key, list) or ()):
            place = f"{self._within(key)}[{index}]"
            if type(values) is not dict:
                raise InstrumentError(self.file, place, "has to be a table")
            found.append(Table(values, file=self.file, place=place))
        return found

    def list_of(self, key: str, kind: type[T]) -> list[T]:
        """Take a list whose members are all of exactly this type, without repeats."""
        members = self.take(key, list)
        for member in members:
            if type(member) is not kind:
                self.refuse(f"{key} may hold {kind.__name__} only, not {member!r}")
        if len(set(members)) != len(members):
            self.refuse(f"{key} names something twice")
        return cast("list[T]", members)

    def keys(self) -> list[str]:
        """Return the keys not taken yet."""
        return list(self._left)

    def finish(self) -> None:
        """Refuse whatever nobody took."""
        if self._left:
            self.refuse(f"unknown key: {', '.join(sorted(self._left))}")

    def _within(self, key: str) -> str:
        return key if self.place == "top level" else f"{self.place}.{key}"
