"""People, and the second charts that people and clerks make of them: to measure what is noticed.

The slips are those that generators for record linkage make (as Febrl and GeCo do) and that hospitals find
in their duplicate charts: a letter wrong, names dropped, swapped or changed by marriage, nicknames, a wrong
digit in the birth date. How often each occurs is a guess of ours, written below.
"""

import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

GIVEN = """
James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan
Joseph Jessica Thomas Sarah Charles Karen Christopher Lisa Daniel Nancy Matthew Betty Anthony Sandra
Mark Ana José María Wei Linh Priya Fatima Luis Minh Mei Arjun Omar Zofia Piotr Siobhán Björn Zoë Renée
Aoife Jürgen Noor Hye-jin Mary-Ann D'Andre Guadalupe Nguyet Kwame Adaeze Ivan Olga Hui Emily Kevin Laura
Brian Rachel Steven Amy Andrew Megan Joshua Nicole Timothy Helen Walter Ruth Carmen Diego Sofía Tariq
Leila Chiara Hans Greta
""".split()  # noqa: SIM905 - a column of two hundred lines else
FAMILY = """
Smith Johnson Williams Brown Jones García Miller Davis Rodríguez Martínez Hernández López González
Wilson Anderson Thomas Taylor Moore Jackson Martin Lee Pérez Thompson White Harris Sánchez Clark Ramírez
Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker
Hall Rivera Campbell Mitchell Carter Roberts O'Brien McDonald Kowalczyk Müller Schröder Patel Singh Chen
Li Wu Tran Pham al-Masri Haddad Okafor Ivanova Petrov Smith-Jones Vásquez Núñez Fitzgerald Chowdhury Kim
Park Yamamoto Reyes Cook Morgan Bell Murphy Bailey Cooper Reed Howard Ward Cox Gray Ramos Watson Brooks
Kelly Sanders Price Bennett Wood Barnes Ross Mendoza Jenkins Perry Powell Long Foster Gupta Khan Weber
Fischer Rossi Nowak Lindqvist Dubois
""".split()  # noqa: SIM905 - a column of two hundred lines else
TWO_WORDS = ("de la Cruz", "van der Berg", "St. Clair", "Del Rio")
NICKNAMES = {
    "James": "Jim",
    "Robert": "Bob",
    "Patricia": "Trish",
    "John": "Jack",
    "Jennifer": "Jenny",
    "Michael": "Mike",
    "Elizabeth": "Liz",
    "William": "Bill",
    "Richard": "Dick",
    "Susan": "Sue",
    "Thomas": "Tom",
    "Charles": "Chuck",
    "Christopher": "Kit",
    "José": "Pepe",
    "Guadalupe": "Lupe",
}
"""Of the others a nickname is how the name begins."""
STREETS = ("Main Street", "Oak Avenue", "2nd Street", "Elm Road", "Washington Boulevard", "Park Lane")
BORN_FROM, BORN_DAYS = date(1940, 1, 1), 24_000


@dataclass(frozen=True)
class Chart:
    """What somebody says of themselves as they sign up."""

    given: str
    middle: str
    family: str
    birth_on: date
    email: str
    street: str
    postal_code: str

    @property
    def legal_name(self) -> str:
        """Return the whole name."""
        return " ".join(part for part in (self.given, self.middle, self.family) if part)


def people(rng: Random) -> Iterator[Chart]:
    """Yield one person after the other, each in a home of their own; some names are commoner than others."""
    number = 0
    while True:
        number += 1
        family = _common(FAMILY, rng) if rng.random() < 0.97 else rng.choice(TWO_WORDS)
        if rng.random() < 0.1:
            family += f" {_common(FAMILY, rng)}"
        yield Chart(
            given=_common(GIVEN, rng),
            middle=rng.choice(("", _common(GIVEN, rng), f"{rng.choice(string.ascii_uppercase)}.")),
            family=family,
            birth_on=_born(rng),
            email=f"p{number}@example.org",
            street=f"{number} {rng.choice(STREETS)}",
            postal_code="12207",
        )


def second(chart: Chart, rng: Random) -> tuple[str, Chart]:
    """Return what went otherwise the second time, and the chart that came of it, with another mailbox."""
    kind = rng.choices(list(KINDS), [often for often, _ in KINDS.values()])[0]
    other = KINDS[kind][1](chart, rng)
    if rng.random() < 0.4 and kind != "a false birth date":
        other = replace(other, street=f"{rng.randint(1, 9_999)} {rng.choice(STREETS)}", postal_code="94110")
    elif rng.random() < 0.3:
        other = replace(other, street=other.street.upper().replace("STREET", "ST.").replace("AVENUE", "AVE"))
    return kind, replace(other, email=f"again-{chart.email}")


def _common(names: list[str], rng: Random) -> str:
    return rng.choices(names, [1 / (rank + 4) for rank in range(len(names))])[0]


def _born(rng: Random) -> date:
    return BORN_FROM + timedelta(days=rng.randrange(BORN_DAYS))


# --- what goes wrong -------------------------------------------------------------------------------------


def _slip(word: str, rng: Random) -> str:
    """Leave a letter out, write one twice, press a wrong one, or change the places of two."""
    at = rng.randrange(len(word))
    before, letter, after = word[:at], word[at], word[at + 1 :]
    wrong = rng.choice(string.ascii_lowercase)
    swapped = before + after[:1] + letter + after[1:]
    return rng.choice((before + after, before + 2 * letter + after, before + wrong + after, swapped))


def _slip_in_name(chart: Chart, rng: Random) -> Chart:
    if rng.random() < 0.5:
        return replace(chart, given=_slip(chart.given, rng))
    return replace(chart, family=_slip(chart.family, rng))


def _slip_in_date(chart: Chart, rng: Random) -> Chart:
    """Write one digit of the birth date wrongly, two in each other's place, or month and day."""
    while True:
        digits = list(chart.birth_on.strftime("%Y%m%d"))
        at, what = rng.randrange(2, 8), rng.random()
        if what < 0.6:
            digits[at] = rng.choice(string.digits)
        elif what < 0.8 and at in (2, 4, 6):
            digits[at], digits[at + 1] = digits[at + 1], digits[at]
        elif what > 0.8:
            digits[4:] = [*digits[6:], *digits[4:6]]
        try:
            day = date.fromisoformat("".join(digits))
        except ValueError:
            continue
        if day != chart.birth_on:
            return replace(chart, birth_on=day)
        if chart.birth_on.month == chart.birth_on.day:
            return chart


def _plainly_written(chart: Chart, rng: Random) -> Chart:
    plain = str.maketrans("áéíóúñüöëø", "aeiounuoeo", "'-.")
    given, family = (part.translate(plain) for part in (chart.given, chart.family))
    return replace(chart, given=given.upper() if rng.random() < 0.5 else given, family=family)


def _married(chart: Chart, rng: Random) -> Chart:
    taken = _common(FAMILY, rng)
    return replace(chart, family=rng.choice((taken, f"{chart.family}-{taken}", f"{chart.family} {taken}")))


def _other_middle(chart: Chart, rng: Random) -> Chart:
    shorter = ("", f"{chart.middle[0]}.") if chart.middle else (_common(GIVEN, rng), "Q.")
    return replace(chart, middle=rng.choice(shorter))


def _nickname(chart: Chart, rng: Random) -> Chart:
    return replace(chart, given=NICKNAMES.get(chart.given, chart.given[: rng.randint(3, 4)]))


def _swapped(chart: Chart, _: Random) -> Chart:
    return replace(chart, given=chart.family, family=chart.given)


def _one_family_name(chart: Chart, rng: Random) -> Chart:
    return replace(chart, family=rng.choice(chart.family.replace("-", " ").split()))


def _false_date(chart: Chart, rng: Random) -> Chart:
    return replace(chart, birth_on=_born(rng))


def _same(chart: Chart, _: Random) -> Chart:
    return chart


KINDS: dict[str, tuple[int, Callable[[Chart, Random], Chart]]] = {
    "the same": (20, _same),
    "without accents, case and punctuation": (10, _plainly_written),
    "a slip in the name": (15, _slip_in_name),
    "two slips in the name": (3, lambda chart, rng: _slip_in_name(_slip_in_name(chart, rng), rng)),
    "another middle name": (12, _other_middle),
    "a nickname": (8, _nickname),
    "married": (8, _married),
    "given and family name swapped": (3, _swapped),
    "one of two family names": (3, _one_family_name),
    "a slip in the birth date": (10, _slip_in_date),
    "a slip in the birth date, another middle name": (
        3,
        lambda chart, rng: _other_middle(_slip_in_date(chart, rng), rng),
    ),
    "a slip in birth date and name": (2, lambda chart, rng: _slip_in_name(_slip_in_date(chart, rng), rng)),
    "a false birth date": (3, _false_date),
}
"""Each way, and in how many of a hundred second charts."""
