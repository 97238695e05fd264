from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from sessions.rules import (
    booking_faults,
    clock_fault,
    deadlines,
    far_enough,
    is_news,
    meets,
    no_drive_until,
)
from tests.sessions.facts import NOON, POLICY, booking

NEW_YORK = ZoneInfo("America/New_York")


def test_deadlines_come_every_interval_to_the_end_of_the_longest_watch() -> None:
    expected = [NOON + timedelta(minutes=minutes) for minutes in range(15, 151, 15)]
    assert deadlines(NOON, POLICY) == expected


def test_the_last_deadline_is_the_end_even_where_the_interval_does_not_divide() -> None:
    policy = replace(POLICY, check_in_interval=timedelta(minutes=20))
    assert deadlines(NOON, policy)[-2:] == [NOON + timedelta(minutes=140), NOON + timedelta(minutes=150)]


@pytest.mark.parametrize(
    ("heard", "met"), [(0, False), (0.1, True), (15, True), (15.01, False), (30, False), (-1, False)]
)
def test_a_check_in_meets_the_deadline_whose_interval_it_falls_in(heard: float, met: bool) -> None:
    due = NOON + timedelta(minutes=15)
    assert meets(due, heard_at=NOON + timedelta(minutes=heard), policy=POLICY) is met


@pytest.mark.parametrize(("waited", "news"), [(-60, True), (0, True), (15, True), (15.01, False)])
def test_all_is_well_is_news_for_an_interval(waited: float, news: bool) -> None:
    assert is_news(NOON, heard_at=NOON + timedelta(minutes=waited), policy=POLICY) is news


@pytest.mark.parametrize(
    ("ended", "until"),
    [
        # An afternoon session: the next morning at eight.
        ("2026-03-02T15:00-05:00", "2026-03-03T08:00-05:00"),
        # Late at night: twelve hours outlast the next morning at eight.
        ("2026-03-02T23:30-05:00", "2026-03-03T11:30-05:00"),
        # After midnight, the next day is not the day it has just become.
        ("2026-03-03T00:30-05:00", "2026-03-04T08:00-05:00"),
        # The night in which the clocks go forward: eight is eight in the new time.
        ("2026-03-07T18:00-05:00", "2026-03-08T08:00-04:00"),
        # The night in which they go back: twelve real hours.
        ("2026-10-31T22:00-04:00", "2026-11-01T09:00-05:00"),
    ],
)
def test_no_drive_until(ended: str, until: str) -> None:
    assert no_drive_until(datetime.fromisoformat(ended), NEW_YORK, POLICY) == datetime.fromisoformat(until)


def test_a_day_that_never_came_is_no_next_day() -> None:
    """Apia went from the 29th to the 31st of December 2011: the next day is the 31st."""
    ended = datetime(2011, 12, 29, 15, 0, tzinfo=ZoneInfo("Pacific/Apia"))
    until = no_drive_until(ended, ZoneInfo("Pacific/Apia"), POLICY)
    assert until.astimezone(ZoneInfo("Pacific/Apia")).isoformat() == "2011-12-31T08:00:00+14:00"


def test_nobody_drives_earlier_than_either_bound_in_any_zone() -> None:
    """The two bounds by themselves, in every zone, at moments around a year's clock changes."""
    moments = [
        datetime(2026, month, day, 1, 30, tzinfo=UTC) for month in (3, 4, 9, 10, 11) for day in (1, 8, 29)
    ]
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for ended in moments:
            until = no_drive_until(ended, zone, POLICY)
            assert until - ended >= timedelta(hours=12)
            local = until.astimezone(zone)
            assert local.date() > ended.astimezone(zone).date()
            assert local.hour >= 8 or local.date() > ended.astimezone(zone).date() + timedelta(days=1)


def test_a_booking_that_may_be_made() -> None:
    assert booking_faults(booking()) == []


@pytest.mark.parametrize(
    ("reason", "facts"),
    [
        ("all_sessions_used", booking(number=7)),
        ("in_the_past", booking(scheduled_at=NOON)),
        ("in_the_past", booking(scheduled_at=NOON - timedelta(hours=1))),
        ("too_far_ahead", booking(scheduled_at=NOON + timedelta(days=365, seconds=1))),
        ("too_soon", booking(last_dosed_at=NOON - timedelta(days=4))),
        # Eleven in the evening of the first of March where the patient is, though the second in UTC.
        ("too_soon", booking(at=NOON - timedelta(days=3), scheduled_at=datetime(2026, 3, 2, 4, tzinfo=UTC))),
    ],
)
def test_a_booking_is_refused_with_its_own_reason(reason: str, facts: object) -> None:
    assert [fault.code for fault in booking_faults(facts)] == [reason]  # type: ignore[arg-type]


def test_days_are_counted_in_one_zone_and_hours_beside_them() -> None:
    """A dose late on the last day in Pago Pago, and hours later it is the day after next in Kiritimati."""
    dosed = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    for zone in ("Pacific/Pago_Pago", "Pacific/Kiritimati"):
        assert not far_enough(dosed + timedelta(hours=24), last_dosed_at=dosed, zone=ZoneInfo(zone), days=3)
    # A night shortened by a clock change: the day has come, two whole days have not passed.
    late = datetime(2026, 3, 6, 23, 30, tzinfo=NEW_YORK)
    for midnight, enough in ((0, False), (1, True)):
        early = datetime(2026, 3, 9, midnight, 0, tzinfo=NEW_YORK)
        assert far_enough(early, last_dosed_at=late, zone=NEW_YORK, days=3) is enough


def test_a_first_booking_has_nothing_to_be_spaced_from() -> None:
    assert booking_faults(booking(number=1, last_dosed_at=None)) == []


@pytest.mark.parametrize("minutes", [2.01, 60, 60 * 24 * 365, -60 * 24 - 1, -60 * 24 * 365 * 56])
def test_a_phone_with_a_wrong_clock_is_told_so(minutes: float) -> None:
    assert "clock" in clock_fault(NOON + timedelta(minutes=minutes), received_at=NOON)


@pytest.mark.parametrize("minutes", [2, 0, -60, -60 * 24])
def test_a_phone_a_little_off_or_long_offline_is_believed(minutes: float) -> None:
    assert clock_fault(NOON + timedelta(minutes=minutes), received_at=NOON) == ""
