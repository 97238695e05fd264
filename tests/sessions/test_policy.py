import json
from typing import Any

import pytest

from core.documents import digest
from safety.screening.policy import PolicyError
from sessions.policy import PLAUSIBLE, left_out, parse_policy
from tests.sessions.facts import POLICY, example_policy, stepped_policy

Policy = dict[str, Any]


def numbers(content: Policy, prefix: str = "") -> set[str]:
    """Return the dotted place of every number in a policy."""
    found = set()
    for key, value in content.items():
        if isinstance(value, dict):
            found |= numbers(value, f"{prefix}{key}.")
        elif isinstance(value, int) and key != "version":
            found.add(f"{prefix}{key}")
    return found


def put(content: Policy, place: str, value: Any) -> None:
    *path, last = place.split(".")
    for key in path:
        content = content[key]
    content[last] = value


def test_the_example_says_what_the_session_needs() -> None:
    assert POLICY.watched_after_dose.total_seconds() == 120 * 60
    assert (POLICY.readings.required, POLICY.readings.hold_above.systolic_mmhg) == (2, 140)
    assert {question.key for question in POLICY.today_questions} == {
        "alcohol_or_intoxication",
        "fever_or_vomiting",
        "sedatives_or_stimulants",
        "new_medicine",
        "pregnancy_possible",
    }
    assert {item.key for item in POLICY.preparation} == {
        "intention",
        "space",
        "fasting",
        "supplies",
        "monitor_briefed",
    }


def test_every_number_has_its_source_and_is_marked_an_example() -> None:
    content = example_policy()
    assert numbers({key: value for key, value in content.items() if key != "sources"}) == set(
        content["sources"]
    )
    assert {row["status"] for row in content["sources"].values()} == {"example, confirm before use"}


def test_words_for_a_patient_are_few() -> None:
    for item in POLICY.preparation:
        assert item.text.count(".") <= 2


def test_the_policy_is_the_same_after_a_round_through_the_database() -> None:
    content = example_policy()
    again = json.loads(json.dumps(content))
    assert parse_policy(again) == POLICY
    assert digest(again) == digest(content)


@pytest.mark.parametrize("place", sorted(PLAUSIBLE))
@pytest.mark.parametrize(("end", "slip"), [(0, -1), (1, 1)])
def test_an_implausible_number_is_refused(place: str, end: int, slip: int) -> None:
    content = example_policy()
    put(content, place, PLAUSIBLE[place][end] + slip)
    with pytest.raises(PolicyError, match=place):
        parse_policy(content)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("readings.hold_above.systolic_mmhg", 14, "between 100 and 179"),
        ("readings.hold_above.systolic_mmhg", "140", "whole number"),
        ("readings.hold_above.systolic_mmhg", 140.0, "whole number"),
        ("readings.required", True, "whole number"),
        ("min_days_between", None, "whole number"),
        ("no_drive_until_hours", 8, "is not known"),
        ("readings.hold_above.oxygen_saturation_pct", 94, "is not known"),
        ("dose_bounds.nasal", {"min_mg": 1, "max_mg": 2}, "is not known"),
        ("dose_bounds.sublingual.max_mg", 4500, "between 1 and 1000"),
        ("dose_bounds.sublingual.max_mg", 49, "not below"),
        ("readings.crisis_from.systolic_mmhg", 140, "below the crisis level"),
        ("readings.crisis_from.diastolic_mmhg", 90, "below the crisis level"),
        ("readings.crisis_from.heart_rate_bpm", 110, "below the crisis level"),
        ("title", "", "must be a text"),
        ("today_questions", [], "not empty"),
        ("preparation", [{"key": "space", "title": "A room"}], "key, title, text"),
        ("emergency.signs", [], "not empty"),
        ("sources.timer_minutes", {"source": "", "status": "confirmed"}, "source and a status"),
        ("sources.timer_minutes", {"source": "somewhere", "status": "fine"}, "status that is none of"),
    ],
)
def test_a_faulty_policy_is_refused(place: str, value: Any, said: str) -> None:
    content = example_policy()
    put(content, place, value)
    with pytest.raises(PolicyError, match=said):
        parse_policy(content)


def test_a_diastolic_limit_above_the_systolic_one_is_refused() -> None:
    content = example_policy()
    put(content, "readings.hold_above.systolic_mmhg", 100)
    put(content, "readings.hold_above.diastolic_mmhg", 110)
    with pytest.raises(PolicyError, match="diastolic limit"):
        parse_policy(content)


def test_a_longest_gap_that_is_no_longer_than_the_shortest_is_refused() -> None:
    content = example_policy()
    put(content, "min_days_between", 14)
    put(content, "max_gap_days", 14)
    with pytest.raises(PolicyError, match="less than max_gap_days"):
        parse_policy(content)


@pytest.mark.parametrize("place", sorted(set(example_policy()) - {"version", "id", "note", "title"}))
def test_nothing_may_be_left_out(place: str) -> None:
    content = example_policy()
    del content[place]
    with pytest.raises(PolicyError):
        parse_policy(content)


def test_a_number_without_a_source_is_refused() -> None:
    content = example_policy()
    del content["sources"]["observation_minutes"]
    with pytest.raises(PolicyError, match=r"sources\.observation_minutes: is missing"):
        parse_policy(content)


def test_a_source_without_its_number_is_refused() -> None:
    content = example_policy()
    content["sources"]["observation_hours"] = {"source": "?", "status": "confirmed"}
    with pytest.raises(PolicyError, match="belongs to no number"):
        parse_policy(content)


def test_a_question_asked_twice_is_refused() -> None:
    content = example_policy()
    content["today_questions"].append(content["today_questions"][0])
    with pytest.raises(PolicyError, match="twice"):
        parse_policy(content)


def test_a_version_from_before_more_was_listened_to_is_read_as_it_was() -> None:
    content = example_policy()
    for name in ("heart_rate_bpm", "oxygen_saturation_pct"):
        del content["readings"]["crisis_from"][name]
        del content["sources"][f"readings.crisis_from.{name}"]
    crisis = parse_policy(content).readings.crisis_from
    assert (crisis.systolic_mmhg, crisis.heart_rate_bpm, crisis.oxygen_saturation_pct) == (180, None, None)


def without(*places: str) -> Policy:
    """Return the newest policy a clinic could sign, with nothing said at those places."""
    content = stepped_policy()
    for place in places:
        *path, last = place.split(".")
        part = content
        for key in path:
            part = part[key]
        del part[last]
    for place in [one for one in content["sources"] if one.startswith(places)]:
        del content["sources"][place]
    return content


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("review", "No clinician reviews a session"),
        ("recovery", "A session ends by the time alone"),
        ("max_doses_in_7_days", "Any number of doses fits into a week"),
        ("morning_answer_hours", "Nobody is called where a patient does not say in the morning"),
        ("readings.crisis_from.heart_rate_bpm", "No heart rate calls anybody"),
        ("readings.crisis_from.oxygen_saturation_pct", "No oxygen saturation calls anybody"),
        (
            "dose_bounds.sublingual.max_step_mg",
            "A dose may rise to the most there is in one step (sublingual)",
        ),
    ],
)
def test_a_guard_that_a_version_leaves_out_is_named(place: str, said: str) -> None:
    (sentence,) = left_out(without(place))
    assert sentence.startswith(said)
    assert place.rpartition(".")[2] in sentence


def test_a_version_that_leaves_nothing_out_is_silent() -> None:
    assert left_out(stepped_policy()) == ()


def test_one_that_cannot_be_read_says_so() -> None:
    (sentence,) = left_out({"version": 4})
    assert "cannot be read" in sentence
