"""Which two charts may be one person's, by what they say alone."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.likeness.rules import Likeness, Person, days_near, home, likeness
from accounts.rules import Address

ADA = Person("Ada Luisa Moreno", date(1984, 5, 17), "ada@example.org")
HOME = Address(("12 Example Street", "Apt 4"), "Albany", "NY", "12207", "US", date(2020, 1, 1))
BORN_OTHERWISE = date(1961, 11, 30)
DAYS = st.dates(date(1900, 1, 1), date(2010, 12, 31))
NAMES = st.text(st.sampled_from("abcdeéñ -'4."), max_size=12)


def compared(legal_name: str, birth_on: date = ADA.birth_on, email: str = "other@example.org") -> Likeness:
    return likeness(ADA, Person(legal_name, birth_on, email))


@pytest.mark.parametrize(
    "name",
    [
        "Ada Luisa Moreno",
        "ÁDA  luisa MORÉNO",
        "Ada Mo'reno",
        "Moreno, Ada",
        "Ada L. Moreno",
        "Ada Moreno",
        "Ada Luisa Moreno Ruiz",
        "Adaluisa Moreno",
        "Ada-Luisa Moreno",
        "Ada Luisa Morneo",
        "Ada Luisa Moren",
        "Ada Luisa Morenno",
        "Ada Luisa Motenp",
        "Ad Luisa Moreno",
    ],
)
def test_the_whole_name_agrees(name: str) -> None:
    assert compared(name, date(1984, 5, 18)) is Likeness.ALIKE


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Ada Example",
        "Eva Luisa Example",
        "Ada Example Luisa Ruiz",
        "A. L. M.",
        "Ada L.",
        "Ada L. M.",
        "Ad Lu",
        "",
    ],
)
def test_the_whole_name_does_not(name: str) -> None:
    assert compared(name, date(1984, 5, 18), ADA.email) is Likeness.UNLIKE


def test_born_on_any_other_day_it_takes_the_same_name_and_the_contact() -> None:
    assert compared("Ada Luisa Moreno", BORN_OTHERWISE) is Likeness.IF_AT_ONE_HOME
    assert compared("Ada Luisa Moreno", BORN_OTHERWISE, "A.da+again@Example.org") is Likeness.ALIKE
    assert compared("ADA Luisa Moren", BORN_OTHERWISE, ADA.email) is Likeness.UNLIKE


@pytest.mark.parametrize("name", ["Ada Example", "Eve Moreno-Ruiz", "Luiza Example", "Eve Mor"])
def test_born_on_one_day_a_name_in_common_is_enough(name: str) -> None:
    assert compared(name) is Likeness.ALIKE


@pytest.mark.parametrize("name", ["Eve Example", "A. L. M.", "Mo Lu", "4 12", ""])
def test_born_on_one_day_without_one_it_takes_the_contact(name: str) -> None:
    assert compared(name) is Likeness.IF_AT_ONE_HOME
    assert compared(name, email=ADA.email) is Likeness.ALIKE


@pytest.mark.parametrize(
    ("one", "other"), [("Person 17", "Person 18"), ("Ada1 Example", "Ada2 Example"), ("Li Wu", "Lo Wa")]
)
def test_short_words_and_numbers_are_not_misspelt(one: str, other: str) -> None:
    at = replace(ADA, legal_name=one)
    assert likeness(at, Person(other, date(1984, 5, 18), "o@example.org")) is Likeness.UNLIKE


@pytest.mark.parametrize(
    "day",
    [
        date(1984, 5, 17),
        date(1984, 5, 16),
        date(1984, 5, 31),
        date(1984, 12, 17),
        date(1985, 5, 17),
        date(1974, 5, 17),
        date(1994, 5, 17),
        date(1948, 5, 17),
        date(1884, 5, 17),
        date(2084, 5, 17),
    ],
)
def test_days_that_are_soon_mistaken(day: date) -> None:
    assert day in days_near(date(1984, 5, 17))


def test_month_and_day_change_places_and_months_end() -> None:
    assert date(1984, 7, 5) in days_near(date(1984, 5, 7))
    assert date(1984, 4, 30) in days_near(date(1984, 5, 1))
    assert date(1985, 1, 1) in days_near(date(1984, 12, 31))
    assert date(2000, 12, 31) in days_near(date(1990, 12, 31))
    assert all(day in days_near(day) for day in (date.min, date.max, date(2024, 2, 29)))


@pytest.mark.parametrize("day", [date(1977, 5, 17), date(1985, 6, 17), date(1984, 6, 20), date(1961, 5, 11)])
def test_days_that_are_not(day: date) -> None:
    assert day not in days_near(date(1984, 5, 17))


@given(DAYS, DAYS)
def test_of_two_days_each_is_mistaken_for_the_other(one: date, other: date) -> None:
    assert one in days_near(one)
    assert all(one in days_near(near) for near in days_near(one))
    assert (one in days_near(other)) == (other in days_near(one))


@given(NAMES, NAMES, DAYS)
def test_whichever_chart_is_looked_at_the_other_is_as_like(one: str, other: str, day: date) -> None:
    first, second = Person(one, ADA.birth_on, "a@example.org"), Person(other, day, "b@example.org")
    assert likeness(first, second) is likeness(second, first)


@pytest.mark.parametrize(
    "changed",
    [
        {"lines": ("12 EXAMPLE ST.",)},
        {"lines": ("No. 12, Example Street #4",)},
        {"postal_code": "12207-1234"},
        {"city": "Colonie"},
        {"starts_on": date(2024, 1, 1)},
    ],
)
def test_a_home_written_otherwise_is_one_home(changed: dict[str, object]) -> None:
    assert home(replace(HOME, **changed)) == home(HOME)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"lines": ("14 Example Street", "Apt 4")},
        {"lines": ("Example Street",)},
        {"postal_code": "12208"},
        {"country": "CA"},
    ],
)
def test_another_home_is_another(changed: dict[str, object]) -> None:
    assert home(replace(HOME, **changed)) != home(HOME)  # type: ignore[arg-type]


def test_a_home_without_a_number_goes_by_its_name() -> None:
    manor = replace(HOME, lines=("The Old Manor",), country="GB", postal_code="AB1 2CD")
    assert home(manor) == home(replace(manor, lines=("the old  manor.",), postal_code="ab12cd"))
    assert home(manor) != home(replace(manor, lines=("The New Manor",)))
