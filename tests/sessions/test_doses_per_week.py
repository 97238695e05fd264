"""How many doses there may be in seven days, by the patient's calendar."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from accounts.models import Patient
from core.enums import DocumentKind
from safety.screening.policy import PolicyError
from sessions import services
from sessions.errors import NotBookable
from sessions.models import TreatmentSession
from sessions.policy import parse_policy
from sessions.rules import booking_faults, decide_start, dose_faults
from tests.policies import enact
from tests.sessions import stages
from tests.sessions.facts import GOOD, GOOD_DOSE, NOON, POLICY, WEEKLY, booking, stepped_policy
from tests.sessions.test_gate import ada_of, refusal

DAY = timedelta(days=1)


def days_ago(*days: float) -> tuple[datetime, ...]:
    return tuple(NOON - ago * DAY for ago in days)


@pytest.mark.parametrize(
    ("doses_at", "codes"),
    [
        ((), []),
        (days_ago(6), []),
        (days_ago(6, 7, 7.4, 8), []),
        (days_ago(6, 1), ["too_many_in_a_week"]),
        (days_ago(6.4, 6), ["too_many_in_a_week"]),
        (None, ["too_many_in_a_week"]),
    ],
)
def test_the_gate_and_the_dose_count_the_day_and_the_six_before_it(
    doses_at: tuple[datetime, ...] | None, codes: list[str]
) -> None:
    """It is noon in New York: 6.4 days ago is still the first day of seven."""
    reasons = decide_start(replace(GOOD, doses_at=doses_at), WEEKLY).reasons
    assert [reason.code for reason in reasons] == codes
    faults = dose_faults(replace(GOOD_DOSE, doses_at=doses_at), WEEKLY)
    assert [fault.code for fault in faults] == codes


def test_days_are_the_patients() -> None:
    """Half past midnight in UTC is still the evening before in New York, a week ago."""
    facts = replace(GOOD, doses_at=(datetime(2026, 2, 24, 0, 30, tzinfo=UTC), NOON - DAY))
    assert decide_start(facts, WEEKLY).allowed
    there = replace(facts, chart_timezone="UTC")
    assert [reason.code for reason in decide_start(there, WEEKLY).reasons] == ["too_many_in_a_week"]


def test_a_policy_that_does_not_say_counts_none() -> None:
    assert decide_start(replace(GOOD, doses_at=days_ago(1, 2, 3)), POLICY).allowed
    assert decide_start(replace(GOOD, doses_at=None), POLICY).allowed


@pytest.mark.parametrize(("days", "codes"), [(2, ["too_many_in_a_week"]), (4, [])])
def test_a_booking_counts_the_week_that_it_ends(days: int, codes: list[str]) -> None:
    said: dict[str, Any] = {"doses_at": days_ago(3, 4), "max_doses_in_7_days": 2, "min_days_between": 1}
    facts = booking(**said, last_dosed_at=NOON - 3 * DAY, scheduled_at=NOON + days * DAY)
    assert facts.zone == ZoneInfo("America/New_York")
    assert [fault.code for fault in booking_faults(facts)] == codes


@pytest.mark.parametrize("most", [0, 8, "2", None, 1.5])
def test_an_implausible_number_is_refused(most: Any) -> None:
    with pytest.raises(PolicyError, match="max_doses_in_7_days"):
        parse_policy(stepped_policy() | {"max_doses_in_7_days": most})


# --- with real rows --------------------------------------------------------------------------------------


@pytest.mark.from_the_start
def test_neither_booked_nor_started_is_one_too_many(ada: Patient, at: datetime) -> None:
    """One a week; the last was five days ago, in a program whose plan would let it be every day."""
    content = stepped_policy() | {"max_doses_in_7_days": 1, "min_days_between": 1}
    enact(DocumentKind.SESSION_POLICY, version=5, content=content, effective_at=at - 9 * DAY, at=at)
    before = dosed_before(ada, at=at, days=(5,))
    with stages.refused(NotBookable) as refused:
        services.book(
            before.enrollment_id,
            scheduled_at=at + timedelta(hours=1),
            timezone=ada.timezone,
            actor=ada_of(before),
            at=at,
        )
    assert "too_many_in_a_week" in {reason.code for reason in refused.value.reasons}
    session = stages.book_regardless(before.enrollment, at=at)
    stages.fill_in(before.enrollment, at=at)
    stages.prepared(session, at=at)
    assert "too_many_in_a_week" in refusal(session, at=at)


def dosed_before(patient: Patient, *, at: datetime, days: Sequence[int]) -> TreatmentSession:
    """They were dosed so many days ago, and are at home and looked after since."""
    for ago in days:
        session, _ = stages.ended(patient, at=at - ago * DAY)
        stages.at_home(session, at=at - (ago - 2) * DAY)
        stages.review(session, at=at - (ago - 2) * DAY)
    return stages.fetch(session)
