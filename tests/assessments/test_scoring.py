"""Scores against published vectors, an independent implementation's, and real people's answers."""

import csv
import os
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assessments.enums import AnswerProblemCode, NoScoreReason
from assessments.instruments import Instrument, instruments
from assessments.rules import (
    InvalidAnswersError,
    ScaleScore,
    crisis_flags,
    missing_required,
    score,
    validate_answers,
)

PHQ9, GAD7, CBI = (instruments()[code] for code in ("phq9", "gad7", "cbi"))
CBI_WORK = [item.key for item in CBI.scale("work").items]
WITH_CLIENTS = {"cbi_gate_clients": 1}


def numbered(code: str, answers: list[int]) -> dict[str, int]:
    """Answers given in the form's order, keyed by item."""
    return {f"{code}_{n}": answer for n, answer in enumerate(answers, start=1)}


def total(instrument: Instrument, answers: list[int]) -> ScaleScore:
    return score(instrument, numbered(instrument.code, answers)).scale("total")


def adding_up_to(points: int, *, items: int) -> list[int]:
    """Answers of 0 to 3 with a given sum."""
    return [min(3, max(0, points - 3 * n)) for n in range(items)]


# Published vectors


def test_phq9_published_vector_is_nine_and_mild() -> None:
    result = total(PHQ9, [1, 2, 1, 2, 1, 1, 0, 0, 1])
    assert (result.value, result.band) == (9, "mild")


def test_phq9_published_vector_raises_the_flag() -> None:
    (flag,) = crisis_flags(PHQ9, numbered("phq9", [1, 2, 1, 2, 1, 1, 0, 0, 1]))
    assert (flag.item, flag.answer, flag.code) == ("phq9_9", 1, "self_harm_thoughts")


def test_phq9_all_threes_is_twenty_seven() -> None:
    assert total(PHQ9, [3] * 9).value == 27


def test_phq9_item_nine_alone_is_one_point_and_a_flag() -> None:
    answers = numbered("phq9", [0] * 8 + [1])
    assert score(PHQ9, answers).scale("total").value == 1
    assert len(crisis_flags(PHQ9, answers)) == 1


@pytest.mark.parametrize(("answer", "value", "band"), [(1, 7, "mild"), (2, 14, "moderate")])
def test_gad7_published_vectors(answer: int, value: int, band: str) -> None:
    result = total(GAD7, [answer] * 7)
    assert (result.value, result.band) == (value, band)


def test_cbi_work_published_vector_turns_the_energy_item_round() -> None:
    result = score(CBI, dict.fromkeys(CBI_WORK, 100)).scale("work")
    assert result.value == Decimal("85.714")


def test_cbi_work_with_three_answers_has_no_value() -> None:
    result = score(CBI, dict.fromkeys(CBI_WORK[:3], 100)).scale("work")
    assert (result.value, result.answered, result.reason) == (None, 3, NoScoreReason.TOO_FEW_ANSWERED)


# Bands: every total, against the published ranges written out

PHQ9_BANDS = {
    "minimal": range(5),
    "mild": range(5, 10),
    "moderate": range(10, 15),
    "moderately severe": range(15, 20),
    "severe": range(20, 28),
}
GAD7_BANDS = {
    "minimal": range(5),
    "mild": range(5, 10),
    "moderate": range(10, 15),
    "severe": range(15, 22),
}


@pytest.mark.parametrize(("label", "points"), [(b, n) for b, span in PHQ9_BANDS.items() for n in span])
def test_phq9_band_of_every_total(label: str, points: int) -> None:
    result = total(PHQ9, adding_up_to(points, items=9))
    assert (result.value, result.band) == (points, label)


@pytest.mark.parametrize(("label", "points"), [(b, n) for b, span in GAD7_BANDS.items() for n in span])
def test_gad7_band_of_every_total(label: str, points: int) -> None:
    result = total(GAD7, adding_up_to(points, items=7))
    assert (result.value, result.band) == (points, label)


# Gaps


@pytest.mark.parametrize("gap", [f"phq9_{n}" for n in range(1, 10)])
def test_phq9_has_no_total_with_any_item_missing(gap: str) -> None:
    answers = numbered("phq9", [3] * 9)
    del answers[gap]
    result = score(PHQ9, answers).scale("total")
    assert (result.value, result.band, result.missing, result.complete) == (None, None, (gap,), False)


@pytest.mark.parametrize("gap", [f"gad7_{n}" for n in range(1, 8)])
def test_gad7_has_no_total_with_any_item_missing(gap: str) -> None:
    answers = numbered("gad7", [3] * 7)
    del answers[gap]
    assert score(GAD7, answers).scale("total").reason is NoScoreReason.TOO_FEW_ANSWERED


def test_nothing_answered_is_no_score_and_not_nought() -> None:
    scores = [score(instrument, {}) for instrument in instruments().values()]
    assert {result.value for each in scores for result in each.scales} == {None}
    assert {result.label for each in scores for result in each.findings} == {None}


def test_phq9_function_item_changes_no_score() -> None:
    answers = numbered("phq9", [1] * 9)
    assert score(PHQ9, answers | {"phq9_10": 3}) == score(PHQ9, answers)


@pytest.mark.parametrize(("scale", "minimum"), [("personal", 3), ("work", 4), ("client", 3)])
def test_cbi_scale_counts_from_its_minimum_and_not_below(scale: str, minimum: int) -> None:
    keys = [item.key for item in CBI.scale(scale).items if not item.reversed]
    enough = score(CBI, WITH_CLIENTS | dict.fromkeys(keys[:minimum], 75)).scale(scale)
    too_few = score(CBI, WITH_CLIENTS | dict.fromkeys(keys[: minimum - 1], 75)).scale(scale)
    assert (enough.value, enough.complete, enough.reason) == (Decimal(75), False, None)
    assert (too_few.value, too_few.reason) == (None, NoScoreReason.TOO_FEW_ANSWERED)


def test_cbi_client_scale_is_empty_not_nought_without_client_contact() -> None:
    keys = [item.key for item in CBI.scale("client").items]
    result = score(CBI, {"cbi_gate_clients": 0} | dict.fromkeys(keys, 0)).scale("client")
    assert (result.value, result.reason) == (None, NoScoreReason.NOT_APPLICABLE)


def test_cbi_client_scale_waits_for_the_gate() -> None:
    keys = [item.key for item in CBI.scale("client").items]
    result = score(CBI, dict.fromkeys(keys, 50)).scale("client")
    assert (result.value, result.reason) == (None, NoScoreReason.APPLICABILITY_UNKNOWN)


def test_cbi_client_scale_of_noughts_with_client_contact_is_nought() -> None:
    keys = [item.key for item in CBI.scale("client").items]
    result = score(CBI, WITH_CLIENTS | dict.fromkeys(keys, 0)).scale("client")
    assert (result.value, result.reason) == (Decimal(0), None)


def test_cbi_has_no_band_and_no_overall_total() -> None:
    results = score(CBI, WITH_CLIENTS | dict.fromkeys(list(CBI.items)[1:], 100))
    assert [(result.key, result.band) for result in results.scales] == [
        ("personal", None),
        ("work", None),
        ("client", None),
    ]


def test_means_are_rounded_half_up_to_three_places() -> None:
    keys = [item.key for item in CBI.scale("personal").items]
    two_thirds = dict(zip(keys, [100, 100, 0], strict=False))
    assert score(CBI, two_thirds).scale("personal").value == Decimal("66.667")


def test_an_unknown_scale_is_an_error() -> None:
    with pytest.raises(KeyError):
        score(PHQ9, {}).scale("anxiety")
    with pytest.raises(KeyError):
        PHQ9.scale("anxiety")


# What is needed before submitting


def test_phq9_asks_for_the_function_item_only_above_nought() -> None:
    assert missing_required(PHQ9, numbered("phq9", [0] * 9)) == ()
    assert missing_required(PHQ9, numbered("phq9", [0] * 8 + [1])) == ("phq9_10",)


def test_phq9_asks_for_the_function_item_as_soon_as_it_is_certain() -> None:
    assert missing_required(PHQ9, {"phq9_1": 1})[-1] == "phq9_10"
    assert "phq9_10" not in missing_required(PHQ9, {"phq9_1": 0})


def test_phq9_with_function_answered_needs_nothing_more() -> None:
    assert missing_required(PHQ9, numbered("phq9", [1] * 10)) == ()


def test_phq9_names_each_gap_in_the_order_of_asking() -> None:
    answers = numbered("phq9", [0] * 9)
    del answers["phq9_9"], answers["phq9_2"]
    assert missing_required(PHQ9, answers) == ("phq9_2", "phq9_9")


def test_cbi_needs_no_client_item_without_client_contact() -> None:
    answers = {"cbi_gate_clients": 0}
    keys = [item.key for name in ("personal", "work") for item in CBI.scale(name).items]
    assert missing_required(CBI, answers | dict.fromkeys(keys, 25)) == ()


def test_cbi_needs_the_gate_first() -> None:
    assert missing_required(CBI, {})[0] == "cbi_gate_clients"
    assert not any("client_" in key for key in missing_required(CBI, {}))


def test_cbi_needs_client_items_with_client_contact() -> None:
    assert sum("client_" in key for key in missing_required(CBI, WITH_CLIENTS)) == 6


def test_cbi_lets_a_scale_go_once_it_has_enough() -> None:
    keys = [item.key for item in CBI.scale("personal").items]
    needed = missing_required(CBI, dict.fromkeys(keys[:3], 25))
    assert not any("personal" in key for key in needed)


# The crisis rule


@pytest.mark.parametrize("answer", [1, 2, 3])
def test_item_nine_alone_on_a_partial_form_raises_the_flag(answer: int) -> None:
    (flag,) = crisis_flags(PHQ9, {"phq9_9": answer})
    assert flag.answer == answer


def test_item_nine_at_nought_raises_nothing_even_at_the_worst_total() -> None:
    assert crisis_flags(PHQ9, numbered("phq9", [3] * 8 + [0])) == ()


def test_item_nine_unanswered_raises_nothing() -> None:
    assert crisis_flags(PHQ9, numbered("phq9", [3] * 8)) == ()


def test_gad7_and_cbi_have_no_crisis_rule() -> None:
    assert GAD7.crisis == CBI.crisis == ()


# Answers that cannot be taken


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (4, AnswerProblemCode.NOT_ALLOWED),
        (-1, AnswerProblemCode.NOT_ALLOWED),
        (10**400, AnswerProblemCode.NOT_ALLOWED),
        (True, AnswerProblemCode.NOT_A_WHOLE_NUMBER),
        (False, AnswerProblemCode.NOT_A_WHOLE_NUMBER),
        (1.0, AnswerProblemCode.NOT_A_WHOLE_NUMBER),
        (float("nan"), AnswerProblemCode.NOT_A_WHOLE_NUMBER),
        ("1", AnswerProblemCode.NOT_A_WHOLE_NUMBER),
        (None, AnswerProblemCode.NOT_A_WHOLE_NUMBER),
        ([1], AnswerProblemCode.NOT_A_WHOLE_NUMBER),
        ({"value": 1}, AnswerProblemCode.NOT_A_WHOLE_NUMBER),
    ],
)
def test_an_answer_that_is_not_on_the_form_is_named(answer: object, code: AnswerProblemCode) -> None:
    (problem,) = validate_answers(PHQ9, {"phq9_1": 0, "phq9_9": answer})
    assert (problem.item, problem.code) == ("phq9_9", code)


def test_an_item_of_another_instrument_is_unknown() -> None:
    (problem,) = validate_answers(PHQ9, {"gad7_1": 1})
    assert problem.code is AnswerProblemCode.UNKNOWN_ITEM


def test_a_value_between_two_cbi_answers_is_not_allowed() -> None:
    (problem,) = validate_answers(CBI, {"cbi_personal_tired": 60})
    assert problem.detail == "An answer has to be one of 0, 25, 50, 75, 100."


def test_every_fault_is_named_at_once() -> None:
    problems = validate_answers(PHQ9, {"phq9_1": 9, "phq9_2": None, "mood": 1})
    assert [problem.item for problem in problems] == ["phq9_1", "phq9_2", "mood"]


def test_scoring_unchecked_answers_raises_with_the_problems() -> None:
    with pytest.raises(InvalidAnswersError, match="phq9_1: An answer has to be one of") as caught:
        score(PHQ9, {"phq9_1": 4})
    assert [problem.item for problem in caught.value.problems] == ["phq9_1"]


# Properties

each_instrument = st.sampled_from([PHQ9, GAD7, CBI])


@st.composite
def some_answers(draw: st.DrawFn) -> tuple[Instrument, dict[str, int]]:
    """Any valid answers to any part of any instrument, given in any order."""
    instrument = draw(each_instrument)
    keys = draw(st.lists(st.sampled_from(list(instrument.items)), unique=True))
    return instrument, {key: draw(st.sampled_from(instrument.items[key].values)) for key in keys}


@given(case=some_answers(), random=st.randoms(use_true_random=False))
def test_the_order_of_answering_changes_nothing(
    case: tuple[Instrument, dict[str, int]], random: Random
) -> None:
    instrument, answers = case
    shuffled = list(answers.items())
    random.shuffle(shuffled)
    assert score(instrument, dict(shuffled)) == score(instrument, answers)
    assert crisis_flags(instrument, dict(shuffled)) == crisis_flags(instrument, answers)
    assert missing_required(instrument, dict(shuffled)) == missing_required(instrument, answers)


@given(case=some_answers())
def test_a_scale_has_no_value_exactly_when_too_few_are_answered_or_it_does_not_apply(
    case: tuple[Instrument, dict[str, int]],
) -> None:
    instrument, answers = case
    for scale in instrument.scales:
        result = score(instrument, answers).scale(scale.key)
        enough = len(answers.keys() & {item.key for item in scale.items}) >= scale.minimum.answered
        applies = scale.key != "client" or answers.get("cbi_gate_clients") == 1
        assert (result.value is not None) == (enough and applies)
        assert (result.reason is None) == (result.value is not None)


@given(case=some_answers())
def test_a_value_stays_on_its_scale_and_gaps_and_answers_make_the_whole(
    case: tuple[Instrument, dict[str, int]],
) -> None:
    instrument, answers = case
    for result in score(instrument, answers).scales:
        highest = {"phq9": 27, "gad7": 21, "cbi": 100}[instrument.code]
        assert result.value is None or 0 <= result.value <= highest
        assert result.answered + len(result.missing) == len(instrument.scale(result.key).items)
        assert result.complete == (result.missing == ())


@given(case=some_answers())
def test_a_form_that_needs_nothing_more_has_a_value_on_every_scale_that_applies(
    case: tuple[Instrument, dict[str, int]],
) -> None:
    instrument, answers = case
    reasons = {result.reason for result in score(instrument, answers).scales}
    if not missing_required(instrument, answers):
        assert reasons <= {None, NoScoreReason.NOT_APPLICABLE}


@given(st.lists(st.sampled_from([0, 25, 50, 75, 100]), min_size=7, max_size=7))
def test_turning_the_energy_answer_twice_gives_it_back(answers: list[int]) -> None:
    energy = CBI.items["cbi_work_energy_left"]
    for answer in answers:
        assert energy.contribution(answer) in energy.values
        assert energy.contribution(energy.contribution(answer)) == answer
    given_answers = dict(zip(CBI_WORK, answers, strict=True))
    plain = Fraction(sum(answers) - 2 * given_answers["cbi_work_energy_left"] + 100, 7)
    value = score(CBI, given_answers).scale("work").value
    assert value is not None
    assert abs(Fraction(value) - plain) <= Fraction(1, 2000)


anything = st.one_of(
    st.integers(), st.booleans(), st.floats(), st.text(), st.none(), st.lists(st.integers()), st.binary()
)


@given(case=some_answers(), key=st.text(), answer=anything)
def test_an_unknown_item_is_refused_whatever_its_answer(
    case: tuple[Instrument, dict[str, int]], key: str, answer: object
) -> None:
    instrument, answers = case
    if key not in instrument.items:
        assert [p.item for p in validate_answers(instrument, {**answers, key: answer})] == [key]


@given(case=some_answers(), answer=anything, data=st.data())
def test_an_answer_is_taken_exactly_when_it_is_a_whole_number_of_the_item(
    case: tuple[Instrument, dict[str, int]], answer: object, data: st.DataObject
) -> None:
    instrument, answers = case
    key = data.draw(st.sampled_from(list(instrument.items)))
    taken = not validate_answers(instrument, {**answers, key: answer})
    assert taken == (type(answer) is int and answer in instrument.items[key].values)


@given(case=some_answers())
def test_the_flag_depends_on_item_nine_alone(case: tuple[Instrument, dict[str, int]]) -> None:
    instrument, answers = case
    assert bool(crisis_flags(instrument, answers)) == (answers.get("phq9_9", 0) >= 1)


def test_answers_are_not_touched() -> None:
    frozen = MappingProxyType(numbered("phq9", [1] * 9))
    score(PHQ9, frozen)
    missing_required(PHQ9, frozen)


# Real records


@pytest.fixture(scope="module")
def records() -> Path:
    """The folder of real records: REKINDLE_RECORDS, or shared/real beside the project."""
    beside = Path(__file__).parents[3] / "shared" / "real"
    folder = Path(os.environ.get("REKINDLE_RECORDS", beside))
    if not folder.is_dir():
        pytest.skip(f"NOT RUN: no real records at {folder} (set REKINDLE_RECORDS)")
    return folder


def rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def answers_of(row: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, int]:
    """One row's answers by item key; a blank stays unanswered."""
    return {key: int(row[column]) for key, column in columns.items() if row[column] != ""}


@pytest.mark.records
@pytest.mark.parametrize(
    ("code", "letter", "mean", "sd"),
    [("phq9", "D", 8.825112, 6.172512), ("gad7", "A", 5.748879, 5.409342)],
)
def test_mean_and_spread_of_223_students(
    records: Path, code: str, letter: str, mean: float, sd: float
) -> None:
    scale = instruments()[code].scale("total")
    columns = {item.key: f"{letter}{n}" for n, item in enumerate(scale.items, start=1)}
    values = []
    for row in rows(records / "questionnaires" / "ukm_phq9_gad7_pss10.csv"):
        value = score(instruments()[code], answers_of(row, columns)).scale("total").value
        assert value is not None
        values.append(float(value))
    assert len(values) == 223
    assert statistics.mean(values) == pytest.approx(mean, abs=5e-7)
    assert statistics.stdev(values) == pytest.approx(sd, abs=5e-7)


@pytest.fixture(scope="module")
def adults(records: Path) -> list[dict[str, int]]:
    columns = {f"phq9_{n}": f"phq9_q{n}" for n in range(1, 11)}
    return [answers_of(row, columns) for row in rows(records / "people" / "nhanes_2017_2018_adults.csv")]


@pytest.mark.records
def test_phq9_of_500_adults(adults: list[dict[str, int]]) -> None:
    totals = [score(PHQ9, answers).scale("total") for answers in adults]
    values = [float(result.value) for result in totals if result.value is not None]
    assert (len(totals), len(values)) == (500, 498)
    assert statistics.mean(values) == pytest.approx(3.307229, abs=5e-7)
    assert statistics.stdev(values) == pytest.approx(4.377093, abs=5e-7)
    bands = Counter(result.band for result in totals)
    assert [bands[label] for label in PHQ9_BANDS] == [366, 82, 33, 12, 5]


@pytest.mark.records
def test_self_harm_item_of_500_adults(adults: list[dict[str, int]]) -> None:
    assert sum(bool(crisis_flags(PHQ9, answers)) for answers in adults) == 16


@pytest.mark.records
def test_the_surveys_skip_logic_is_ours(adults: list[dict[str, int]]) -> None:
    """The survey asked about daily life exactly above a total of nought: nobody complete lacks anything."""
    assert sum(not missing_required(PHQ9, answers) for answers in adults) == 498
    asked = [("phq9_10" in answers) for answers in adults]
    due = [(score(PHQ9, answers).scale("total").value or 0) > 0 for answers in adults]
    assert asked == due
