"""Many people of a rehearsal go by one clock: none of them takes back what another has let pass."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from core import clock as demo_clock
from desk.rehearsal.day import Clock
from desk.rehearsal.story import _advance
from tests.races.together import together

MOMENTS, AT_ONCE = 10, 6


@pytest.mark.django_db(transaction=True)
def test_nobodys_morning_is_taken_back_by_another_who_wakes_earlier(settings: Any) -> None:
    settings.DEMO = True
    clock = Clock(_advance)
    begun = clock.now()

    def wakes(hours: list[int]) -> list[datetime]:
        early = []
        for hour in hours:
            moment = begun + timedelta(hours=hour)
            clock.until(moment)
            if clock.now() < moment:
                early.append(moment)
        return early

    def sleeper(number: int) -> Any:
        hours = sorted(Random(number).sample(range(1000), MOMENTS))  # noqa: S311 - made up
        return lambda: wakes(hours)

    assert together(*[sleeper(number) for number in range(AT_ONCE)]) == [[]] * AT_ONCE
    assert demo_clock.now() < begun + timedelta(hours=1001)
