"""When somebody may drive again, against an implementation in whole numbers over the zones' own data."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo, available_timezones

import pytest

from sessions.policy import SessionPolicy
from sessions.rules import no_drive_until
from tests.figures import record
from tests.sessions.clocks import DAY, HOUR, Clock, data_of, read_clock, tzif
from tests.sessions.facts import POLICY

Rule = Callable[[datetime, ZoneInfo, SessionPolicy], datetime]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER = 15 * 60
FROM, TO = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2026, 2028))
POLICIES = (
    POLICY,
    replace(POLICY, no_drive_until_hour=5, no_drive_min=timedelta(hours=8)),
    replace(POLICY, no_drive_until_hour=12, no_drive_min=timedelta(hours=26)),
)
INVENTED = (
    "AAA0BBB,M3.5.0/8,M10.5.0/9",  # eight o'clock never comes, and comes twice
    "AAA0BBB,M3.5.0/7:30,M10.5.0/8:30",  # in the middle of it
    "AAA5BBB,M3.5.0/0,M10.5.0/0",  # a day without a midnight, a day with two
    "<+13>-13<+15>-15,M9.5.0/23,M4.1.0/1",  # two hours, across midnight, in the south
    "AAA12BBB-12,M3.5.0/0,M10.5.0/24",  # a day that never comes, a day that comes twice
    "AAA-5:45BBB-6:15,M3.1.0/7:45,M10.4.3/8:15",  # half an hour
)


def wanted(ends: Iterable[int], clock: Clock, policy: SessionPolicy) -> Iterator[int]:
    """Give from when somebody may drive after each end: whole numbers only, each morning looked up once."""
    hour, least = policy.no_drive_until_hour * HOUR, int(policy.no_drive_min.total_seconds())
    mornings: dict[int, int] = {}
    for end in ends:
        day = clock.day(end)
        if day not in mornings:
            mornings[day] = clock.moment((day + 1) * DAY + hour)
        yield max(end + least, mornings[day])


def differences(
    rule: Rule, ends: list[int], *, data: bytes, zone: ZoneInfo, policy: SessionPolicy = POLICY
) -> list[datetime]:
    """Return after which ends the rule answers otherwise."""
    moments = [EPOCH + timedelta(seconds=end) for end in ends]
    return [
        ended
        for ended, until in zip(moments, wanted(ends, read_clock(data), policy), strict=True)
        if rule(ended, zone, policy).timestamp() != until
    ]


def around(data: bytes) -> list[int]:
    """Return the quarter hours within 36 hours of each change in two years, and of their beginning."""
    changes = [FROM, *(change for change in read_clock(data).changes if FROM <= change < TO)]
    return sorted({change + step for change in changes for step in range(-36 * HOUR, 36 * HOUR + 1, QUARTER)})


def differing(ends_of: Callable[[bytes], list[int]]) -> dict[str, list[datetime]]:
    """Return the zones, by one of their names, in which the rule answers otherwise, and when.

    Zones whose clocks go alike in these two years, and a week before and after, are asked once.
    """
    alike = {
        read_clock(data_of(name)).between(FROM - 7 * DAY, TO + 7 * DAY): name
        for name in sorted(available_timezones())
    }
    assert len(alike) > 50
    found = {
        name: differences(no_drive_until, ends_of(data), data=data, zone=ZoneInfo(name))
        for name, data in ((name, data_of(name)) for name in alike.values())
    }
    return {name: when for name, when in found.items() if when}


def test_around_every_change_of_every_zone() -> None:
    assert differing(around) == {}


def test_every_zone_is_read_as_python_reads_it() -> None:
    """Else zones that go alike as read here might not go alike for the rule."""
    for name in sorted(available_timezones()):
        zone, clock = ZoneInfo(name), read_clock(data_of(name))
        for change in (FROM, TO, *(change for change in clock.changes if FROM <= change < TO)):
            for moment in (change - 1, change):
                shown = (EPOCH + timedelta(seconds=moment)).astimezone(zone).utcoffset()
                assert shown == timedelta(seconds=clock.offset(moment)), (name, moment)


@pytest.mark.full
def test_every_quarter_hour_of_two_years_in_every_zone() -> None:
    ends = list(range(FROM, TO, QUARTER))
    wrong = differing(lambda _: ends)
    record("driving.differences", sum(map(len, wrong.values())))
    assert wrong == {}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("rule", INVENTED)
def test_clocks_that_change_when_it_matters_most(rule: str, policy: SessionPolicy) -> None:
    data = tzif(rule)
    zone = ZoneInfo.from_file(BytesIO(data))
    assert differences(no_drive_until, around(data), data=data, zone=zone, policy=policy) == []


def next_morning(ended: datetime, zone: ZoneInfo, policy: SessionPolicy, *, fold: int = 0) -> datetime:
    day = ended.astimezone(zone) + timedelta(days=1)
    return day.replace(hour=policy.no_drive_until_hour, minute=0, second=0, fold=fold).astimezone(UTC)


def hours_only(ended: datetime, zone: ZoneInfo, policy: SessionPolicy) -> datetime:
    return ended + policy.no_drive_min


def morning_only(ended: datetime, zone: ZoneInfo, policy: SessionPolicy) -> datetime:
    return max(next_morning(ended, zone, policy, fold=fold) for fold in (0, 1))


def day_in_utc(ended: datetime, zone: ZoneInfo, policy: SessionPolicy) -> datetime:
    day = ended.astimezone(UTC) + timedelta(days=1)
    morning = datetime(day.year, day.month, day.day, policy.no_drive_until_hour, tzinfo=zone)
    return max(morning, hours_only(ended, zone, policy))


def next_time_it_is_eight(ended: datetime, zone: ZoneInfo, policy: SessionPolicy) -> datetime:
    morning = ended.astimezone(zone).replace(hour=policy.no_drive_until_hour, minute=0, second=0)
    while morning <= ended:
        morning += timedelta(days=1)
    return max(morning, hours_only(ended, zone, policy))


def hours_on_the_wall(ended: datetime, zone: ZoneInfo, policy: SessionPolicy) -> datetime:
    by_wall = (ended.astimezone(zone) + policy.no_drive_min).astimezone(UTC)
    return max(by_wall, morning_only(ended, zone, policy))


def offset_of_the_end(ended: datetime, zone: ZoneInfo, policy: SessionPolicy) -> datetime:
    offset = ended.astimezone(zone).utcoffset() or timedelta()
    local = ended + offset + timedelta(days=1)
    morning = local.replace(hour=policy.no_drive_until_hour, minute=0, second=0) - offset
    return max(morning, hours_only(ended, zone, policy))


def earlier_reading(ended: datetime, zone: ZoneInfo, policy: SessionPolicy) -> datetime:
    morning = min(next_morning(ended, zone, policy, fold=fold) for fold in (0, 1))
    return max(morning, hours_only(ended, zone, policy))


def a_day_in_hours(ended: datetime, zone: ZoneInfo, policy: SessionPolicy) -> datetime:
    local = (ended + timedelta(hours=24)).astimezone(zone)
    morning = local.replace(hour=policy.no_drive_until_hour, minute=0, second=0, fold=1)
    return max(morning.astimezone(UTC), hours_only(ended, zone, policy))


@pytest.mark.parametrize(
    ("planted", "place"),
    [
        (hours_only, "America/New_York"),
        (morning_only, "America/New_York"),
        (day_in_utc, "America/New_York"),
        (next_time_it_is_eight, "America/New_York"),
        (hours_on_the_wall, "America/New_York"),
        (offset_of_the_end, "America/New_York"),
        (a_day_in_hours, "America/New_York"),
        (earlier_reading, INVENTED[0]),
    ],
)
def test_a_planted_error_is_seen(planted: Rule, place: str) -> None:
    invented = place in INVENTED
    data = tzif(place) if invented else data_of(place)
    zone = ZoneInfo.from_file(BytesIO(data)) if invented else ZoneInfo(place)
    assert differences(planted, around(data), data=data, zone=zone) != []
