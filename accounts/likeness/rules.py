"""Whether two charts may be one person's: name, birth date and contact, as people and clerks get them wrong.

Nothing follows from it but that somebody has to look. What counts as alike is ours, from no source.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import lru_cache

from rapidfuzz.distance import OSA

from accounts.rules import US, Address

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+")
_LEFT_OUT = str.maketrans("", "", "'`\u00b4\u02bc\u2019")
"""What stands inside a word and is as often left out."""
_KEPT_DAYS = 512
_SHORT, _LONG = 3, 8
"""From how many letters on one wrong letter, or two, make no other name of it."""


class Likeness(Enum):
    """How like two charts are."""

    ALIKE = "alike"
    """Perhaps one person's."""
    IF_AT_ONE_HOME = "if at one home"
    """Perhaps one person's if they have ever given the same home."""
    UNLIKE = "unlike"
    """Nothing speaks for one person."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who a chart is of, as they say."""

    legal_name: str
    birth_on: date
    email: str
    letters: str = field(init=False)
    words: tuple[str, ...] = field(init=False)
    """The name's letters in one, and its words, the longest first: each is compared with many."""

    def __post_init__(self) -> None:
        """Take the name apart."""
        words = _words(self.legal_name)
        object.__setattr__(self, "letters", "".join(words))
        object.__setattr__(self, "words", tuple(sorted(words, key=len, reverse=True)))


def likeness(one: Person, other: Person) -> Likeness:
    """Compare two charts.

    Born on one day, one name in common is enough (people marry, drop one of two family names and go by short
    ones), or else the contact. Born on days that are soon mistaken for each other, the whole name has to
    agree. Born on any other, the very same name and the contact: a mailbox or a home.
    """
    if one.birth_on == other.birth_on:
        is_alike, may_be = _share_a_name(one.words, other.words), True
    elif other.birth_on in days_near(one.birth_on):
        is_alike = may_be = _is_one_name(one, other)
    else:
        is_alike, may_be = False, one.legal_name == other.legal_name
    if is_alike or (may_be and _mailbox(one.email) == _mailbox(other.email)):
        return Likeness.ALIKE
    return Likeness.IF_AT_ONE_HOME if may_be else Likeness.UNLIKE


# --- days ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=_KEPT_DAYS)
def days_near(day: date) -> frozenset[date]:
    """Return `day` and every other that is soon mistaken for it, or for which it is; some sixty.

    Another day of that month, that day of another month, one digit of the year wrong or two in each other's
    place, month and day in each other's place, the day before and the day after.
    """
    return frozenset(found for parts in _near(day) if (found := _day(*parts)) is not None)


def _near(day: date) -> Iterator[tuple[int, int, int]]:
    tens, units = divmod(day.year % 100, 10)
    century = day.year - day.year % 100
    for digit in range(10):
        yield century + 10 * digit + units, day.month, day.day
        yield century + 10 * tens + digit, day.month, day.day
    for year in (day.year - 100, day.year - 10, day.year + 10, day.year + 100, century + 10 * units + tens):
        yield year, day.month, day.day
    for month in range(1, 13):
        yield day.year, month, day.day
    for number in range(1, 32):
        yield day.year, day.month, number
    yield day.year, day.day, day.month
    for ordinal in (day.toordinal() - 1, day.toordinal() + 1):
        if date.min.toordinal() <= ordinal <= date.max.toordinal():
            beside = date.fromordinal(ordinal)
            yield beside.year, beside.month, beside.day


def _day(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number)
    except ValueError:
        return None


# --- names -----------------------------------------------------------------------------------------------


def _words(legal_name: str) -> tuple[str, ...]:
    """Return the words of a text without case, accents and punctuation."""
    plain = unicodedata.normalize("NFKD", legal_name.translate(_LEFT_OUT)).casefold()
    return tuple(_WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter))))


def _share_a_name(words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Tell whether two people have a word of their names in common; an initial is none."""
    return any(
        _is_one_word(word, other) for word in words for other in others if len(word) > 1 and len(other) > 1
    )


def _is_one_name(one: Person, other: Person) -> bool:
    """Tell whether each word of the shorter name is in the longer, in any order and however it is split.

    Two of them have to be more than an initial.
    """
    few, many = sorted((one.words, other.words), key=len)
    if _is_close(one.letters, other.letters):
        return True
    return _are_among(few, many) or (len(few) == len(many) and _are_among(many, few))


def _are_among(few: tuple[str, ...], many: tuple[str, ...]) -> bool:
    """Tell whether each word finds another to itself, and two of them are more than initials."""
    left, whole = list(many), 0
    for word in few:
        found = next((other for other in left if _is_one_word(word, other)), None)
        if found is None:
            return False
        left.remove(found)
        whole += len(word) > 1 and len(found) > 1
    return whole > 1


def _is_one_word(word: str, other: str) -> bool:
    """Tell whether two words are one: misspelt, cut short, or an initial."""
    short, long = (word, other) if len(word) < len(other) else (other, word)
    is_cut = long.startswith(short) and len(short) != _SHORT - 1 and short.isalpha()
    return is_cut or _is_close(short, long)


def _is_close(word: str, other: str) -> bool:
    """Tell whether so few letters are left out, added, changed or in each other's place as in a slip."""
    shorter = min(len(word), len(other))
    most = 0 if shorter < _SHORT or not (word + other).isalpha() else 1 if shorter < _LONG else 2
    return int(OSA.distance(word, other, score_cutoff=most)) <= most


# --- contact ---------------------------------------------------------------------------------------------


def home(address: Address) -> tuple[str, ...]:
    """Return what tells a home from others however its street is written: postal code and house number."""
    numbers = [number for line in address.lines for number in _NUMBER.findall(line)]
    house = numbers[0] if numbers else " ".join(word for line in address.lines for word in _words(line))
    postal_code = "".join(_WORD.findall(address.postal_code)).casefold()
    return address.country, postal_code[:_ZIP_DIGITS] if address.country == US else postal_code, house


_ZIP_DIGITS = 5


def _mailbox(email: str) -> str:
    """Return where mail to an address arrives, whatever dots and what follows a plus sign say."""
    local, _, domain = email.casefold().rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"
