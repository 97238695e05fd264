"""What the rehearsal makes of what it found: a call that is missing, doubled or late is told."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from assessments.instruments import instruments
from assessments.rules import crisis_flags
from assessments.schedule import schedule
from desk.rehearsal.client import Client
from desk.rehearsal.cohort import Participant
from desk.rehearsal.course import Reminders, choose
from desk.rehearsal.people import Person, answer_anew, calls_for_help
from notifications.enums import DeliveryStatus, MessageKind
from notifications.models import Delivery
from sessions.drills.rules import LATEST, Call, Step, faults

DUE_AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
IN_TIME = Call(DUE_AT + timedelta(seconds=4), arrived=1)
PHQ9 = instruments()["phq9"]


def step(*calls: Call, wanted: int = 1) -> Step:
    return Step("page 1", DUE_AT, wanted, calls)


def test_a_call_in_time_is_no_fault() -> None:
    assert list(faults(step(IN_TIME, IN_TIME, wanted=2))) == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (step(), "0 were called, not 1"),
        (step(IN_TIME, IN_TIME), "2 were called, not 1"),
        (step(Call(None, arrived=0)), "a call did not come"),
        (step(Call(IN_TIME.sent_at, arrived=0)), "a call did not come"),
        (step(Call(IN_TIME.sent_at, arrived=2)), "a call came 2 times"),
        (step(Call(DUE_AT + LATEST + timedelta(seconds=1), arrived=1)), "31.0 s late"),
    ],
)
def test_a_step_that_failed_is_told(found: Step, told: str) -> None:
    assert list(faults(found)) == [f"page 1: {told}"]


def test_reminders_are_counted_by_what_became_of_them() -> None:
    ends = ["sent", "sent", "sent", "cancelled", "expired"]
    rows = [Delivery(kind=MessageKind.ASSESSMENT_DUE, status=DeliveryStatus(end)) for end in ends]
    once, twice, never = rows[:3]
    found = Reminders(rows, Counter({str(once.pk): 1, str(twice.pk): 2}))
    assert str(found) == "5 / 1 / 1 / 3 / 1"
    assert never not in found.received


def test_later_answers_call_nobody_and_come_out_the_same_again() -> None:
    answers = [answer_anew([PHQ9], rng=Random(seed)) for seed in range(300)]  # noqa: S311 - made up
    assert not any(crisis_flags(PHQ9, given["phq9"]) for given in answers)
    assert len({sum(given["phq9"].values()) for given in answers}) > 5
    assert answers[7] == answer_anew([PHQ9], rng=Random(7))  # noqa: S311


def treated(*, submitted: int, phq9_9: int = 0, left_out: str = "") -> Participant:
    """Return somebody with so many forms of the baseline submitted, who never answers one item."""
    asked = [instruments()[code] for code in schedule().instruments]
    answers = answer_anew(asked, rng=Random(1))  # noqa: S311 - made up
    answers["phq9"]["phq9_9"] = phq9_9
    answers["phq9"].pop(left_out, None)
    person = Person("survey", "1", None, answers={}, responses=answers)
    forms: dict[str, Any] = {code: {} for code in schedule().instruments[:submitted]}
    return Participant(person, person, Client("http://127.0.0.1"), "burnout-6", submitted=forms)


def test_a_fifth_of_a_course_is_late_with_its_baseline() -> None:
    whole, late, alarmed, refusing = (
        [treated(submitted=3) for _ in range(12)],
        [treated(submitted=1) for _ in range(4)],
        [treated(submitted=3, phq9_9=1), treated(submitted=1, phq9_9=2)],
        treated(submitted=1, left_out="phq9_3"),
    )
    assert choose([*alarmed, refusing, *whole, *late], size=10) == (whole[:8], late[:2])


def test_the_last_of_those_treated_goes_through_no_course() -> None:
    early, last = treated(submitted=3), treated(submitted=1)
    assert choose([early, last], size=10) == ([early], [])


@pytest.mark.parametrize(("item", "calls"), [(0, False), (1, True)])
def test_who_calls_for_help_goes_through_no_course(item: int, calls: bool) -> None:
    person = Person("survey", "1", None, answers={}, responses={"phq9": {"phq9_9": item}})
    assert calls_for_help(person, [PHQ9]) is calls
