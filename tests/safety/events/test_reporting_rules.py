"""Whether a report counts as serious, and what it leaves open."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

import pytest

from safety.enums import Grade, Seriousness
from safety.events.enums import Flag
from safety.events.rules import AS_GIVEN, ReportFacts, flags, is_serious

NO_TO_ALL = dict.fromkeys(Seriousness, False)
counts = partial(is_serious, answered=None, criteria=(), grade=None, answers={})


def test_only_a_no_that_nothing_contradicts_is_a_no() -> None:
    assert not counts(answered=False)
    assert not counts(answered=False, grade=Grade.SEVERE)
    assert not counts(answers=NO_TO_ALL)
    assert not counts(answered=False, answers={Seriousness.DEATH: False})


@pytest.mark.parametrize("answered", [None, True])
@pytest.mark.parametrize("grade", [None, Grade.MILD])
def test_not_known_counts_as_serious(answered: bool | None, grade: Grade | None) -> None:
    assert counts(answered=answered, grade=grade)


def test_a_yes_outweighs_six_times_no() -> None:
    assert counts(answered=True, answers=NO_TO_ALL)


@pytest.mark.parametrize(("question", "answer"), list(product(Seriousness, [None, True])))
def test_one_question_that_is_not_answered_with_no_outweighs_every_no(
    question: Seriousness, answer: bool | None
) -> None:
    assert counts(answered=False, answers=NO_TO_ALL | {question: answer})


@pytest.mark.parametrize("left_out", Seriousness)
def test_five_times_no_is_not_six_times(left_out: Seriousness) -> None:
    assert counts(answers={question: False for question in Seriousness if question != left_out})


@pytest.mark.parametrize("criterion", Seriousness)
def test_a_criterion_outweighs_a_no(criterion: Seriousness) -> None:
    assert counts(answered=False, criteria=(criterion,))


@pytest.mark.parametrize("grade", [Grade.LIFE_THREATENING, Grade.DEATH])
def test_danger_to_life_outweighs_a_no(grade: Grade) -> None:
    assert counts(answered=False, grade=grade)
    assert counts(answers=NO_TO_ALL, grade=grade)


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
WHOLE = ReportFacts(
    description="Fell.",
    onset_at=NOON,
    ended_at=NOON + timedelta(hours=1),
    reported_at=NOON + timedelta(hours=2),
    counts_as_serious=True,
    names_why_serious=True,
)


def test_a_whole_report_leaves_nothing_open() -> None:
    assert flags(WHOLE) == ()


@pytest.mark.parametrize(
    ("changed", "flag"),
    [
        ({"description": ""}, Flag.NO_WORDS),
        ({"description": " \n"}, Flag.NO_WORDS),
        ({"onset_at": None}, Flag.NO_ONSET),
        ({"onset_at": NOON + timedelta(hours=3), "ended_at": None}, Flag.ONSET_TO_COME),
        ({"ended_at": NOON - timedelta(seconds=1)}, Flag.ENDS_BEFORE_IT_BEGAN),
        ({"names_why_serious": False}, Flag.SERIOUSNESS_OPEN),
        ({"description": f"Fell. [grade{AS_GIVEN}bad]"}, Flag.PARTLY_UNREADABLE),
    ],
)
def test_each_gap_is_named(changed: dict[str, object], flag: Flag) -> None:
    assert flags(replace(WHOLE, **changed)) == (flag,)  # type: ignore[arg-type]


def test_what_was_not_serious_needs_no_reason_why() -> None:
    assert flags(replace(WHOLE, counts_as_serious=False, names_why_serious=False)) == ()
