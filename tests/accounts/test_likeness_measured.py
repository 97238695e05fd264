"""How many second charts are noticed, and how many strangers are taken for one person."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import combinations, islice
from random import Random
from uuid import UUID

import pytest

from accounts.likeness.queries import charts_like, pairs_alike
from accounts.likeness.rules import Likeness, Person, days_near, home, likeness
from accounts.models import Patient
from accounts.rules import Address
from accounts.services import save_address, save_profile
from core import clock
from core.acting import seeing_all_charts
from core.actors import Actor
from tests.accounts.second_charts import KINDS, Chart, people, second
from tests.conftest import make_user

PAIRS, CLINIC = 5_000, 3_000


def address(chart: Chart) -> Address:
    return Address((chart.street,), "Albany", "NY", chart.postal_code, "US", date(2020, 1, 1))


def second_charts(count: int) -> list[tuple[Chart, Chart, str]]:
    """Return people's first charts, their second ones, and what is otherwise in these."""
    rng, pairs = Random(20261123), []  # noqa: S311
    for first in islice(people(rng), count):
        kind, other = second(first, rng)
        pairs.append((first, other, kind))
    return pairs


def noticed(one: Chart, other: Chart) -> bool:
    said = [Person(each.legal_name, each.birth_on, each.email) for each in (one, other)]
    found = likeness(*said)
    return found is Likeness.ALIKE or (
        found is Likeness.IF_AT_ONE_HOME and home(address(one)) == home(address(other))
    )


def test_of_five_thousand_second_charts_at_most_one_in_a_hundred_is_missed() -> None:
    made, missed = Counter[str](), Counter[str]()
    for first, other, kind in second_charts(PAIRS):
        made[kind] += 1
        missed[kind] += not noticed(first, other)
    assert made.total() == PAIRS
    assert set(made) == set(KINDS)
    shares = {kind: f"{missed[kind]} of {made[kind]}" for kind in made if missed[kind]}
    assert missed.total() <= PAIRS / 100, shares


def test_twin_an_equal_name_and_birth_date_alone_would_miss_more_than_half() -> None:
    pairs = second_charts(PAIRS)
    equal = sum(
        (first.legal_name.casefold(), first.birth_on) == (other.legal_name.casefold(), other.birth_on)
        for first, other, _ in pairs
    )
    assert equal < PAIRS / 2


def test_of_strangers_in_a_clinic_fewer_than_one_in_fifty_is_like_another() -> None:
    """Here are fewer names than in life, so that in life they are fewer."""
    by_day = defaultdict(list)
    for chart in islice(people(Random(20261123)), CLINIC):  # noqa: S311
        by_day[chart.birth_on].append(chart)
    alike = [pair for pair in _born_near(by_day) if noticed(*pair)]
    assert len({chart for pair in alike for chart in pair}) < CLINIC / 50, alike[:5]


def _born_near(by_day: dict[date, list[Chart]]) -> Iterator[tuple[Chart, Chart]]:
    """Yield every two who were born on days that are near; the others are alike by their contact alone."""
    for day, charts in by_day.items():
        yield from combinations(charts, 2)
        for other in days_near(day) & by_day.keys():
            yield from ((one, another) for one in charts for another in by_day[other] if day < other)


@pytest.mark.django_db
def test_looking_in_the_database_finds_what_comparing_each_with_each_finds() -> None:
    pairs = second_charts(60)
    charts = [chart for first, other, _ in pairs for chart in (first, other)]
    stored = {keep(chart): chart for chart in charts}
    wanted = {
        (one, other) for one, other in combinations(sorted(stored), 2) if noticed(stored[one], stored[other])
    }
    assert len(wanted) > 50
    with seeing_all_charts():
        assert pairs_alike() == wanted
        for patient in Patient.objects.filter(pk__in=stored):
            others = {pk for pair in wanted if patient.pk in pair for pk in pair} - {patient.pk}
            assert charts_like(patient) == others


def keep(chart: Chart) -> UUID:
    patient = save_profile(
        make_user(chart.email),
        legal_name=chart.legal_name,
        preferred_name="",
        birth_on=chart.birth_on,
        timezone="America/New_York",
    )
    save_address(patient, address(chart), actor=Actor.person(patient.user_id), at=clock.now())
    return patient.pk
