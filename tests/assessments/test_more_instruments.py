"""What ships beyond PHQ-9, GAD-7 and CBI, against the published vectors and rules worked out by hand."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from assessments.checks import data_is_sound
from assessments.enums import LicenceClass, NoScoreReason
from assessments.errors import LicenceForbids
from assessments.instruments import Instrument, instruments, parse_instrument
from assessments.rules import crisis_flags, licence_refusal, missing_required, score
from assessments.schedule import schedule
from assessments.services import check_licence

CADSS6, CSSRS, OLBI, PCL5, PC_PTSD5, PROQOL5 = (
    instruments()[code] for code in ("cadss6", "cssrs", "olbi", "pcl5", "pc_ptsd5", "proqol5")
)
CLUSTERS = {"b": range(1, 6), "c": range(6, 8), "d": range(8, 15), "e": range(15, 21)}


def values(instrument: Instrument, answers: dict[str, int]) -> dict[str, object]:
    return {result.key: result.value for result in score(instrument, answers).scales}


def every(instrument: Instrument, answer: int) -> dict[str, int]:
    return dict.fromkeys(instrument.items, answer)


def pcl5(**twos: int) -> dict[str, int]:
    """Noughts, but for 2 at the items given per cluster."""
    chosen = {f"pcl5_{n}" for cluster, count in twos.items() for n in list(CLUSTERS[cluster])[:count]}
    return {key: 2 if key in chosen else 0 for key in PCL5.items}


def risk(**answers: int) -> tuple[str | None, bool]:
    result = score(CSSRS, {f"cssrs_{item[1:]}": answer for item, answer in answers.items()}).finding("risk")
    return result.label, result.complete


# PCL-5


def test_pcl5_published_vector_is_provisional_by_symptoms_and_not_by_total() -> None:
    answers = every(PCL5, 0) | {f"pcl5_{n}": 2 for n in (1, 6, 8, 9, 15, 16)}
    scores = score(PCL5, answers)
    assert scores.scale("total").value == 12
    assert [(each.label, each.complete) for each in scores.findings] == [("met", True), ("below", True)]


def test_pcl5_clusters_hold_each_item_once() -> None:
    for kind in ("cluster", "symptoms"):
        keys = [item.key for c in CLUSTERS for item in PCL5.scale(f"{kind}_{c}").items]
        assert keys == list(PCL5.items)


@pytest.mark.parametrize("counts", list(product(range(2), range(2), range(3), range(3))))
def test_pcl5_needs_one_one_two_and_two_symptoms(counts: tuple[int, ...]) -> None:
    answers = pcl5(**dict(zip(CLUSTERS, counts, strict=True)))
    label = score(PCL5, answers).finding("by_symptoms").label
    assert label == ("met" if counts == (1, 1, 2, 2) else "not met")


def test_pcl5_counts_an_answer_from_two() -> None:
    assert score(PCL5, every(PCL5, 1)).finding("by_symptoms").label == "not met"
    assert score(PCL5, every(PCL5, 2)).finding("by_symptoms").label == "met"


@pytest.mark.parametrize(
    ("total", "label"),
    [(30, "below"), (31, "within the cut's range"), (32, "within the cut's range"), (33, "above")],
)
def test_pcl5_says_what_lies_within_the_cuts_range(total: int, label: str) -> None:
    answers = {key: min(4, max(0, total - 4 * n)) for n, key in enumerate(PCL5.items)}
    scores = score(PCL5, answers)
    assert (scores.scale("total").value, scores.finding("by_cut").label) == (total, label)


def test_pcl5_decides_nothing_with_a_gap_and_has_no_bands() -> None:
    answers = every(PCL5, 4)
    del answers["pcl5_20"]
    scores = score(PCL5, answers)
    assert [each.label for each in scores.findings] == [None, None]
    assert not any(scale.bands for scale in PCL5.scales)


def test_pcl5_is_not_met_for_certain_once_a_whole_cluster_is_empty() -> None:
    assert score(PCL5, {"pcl5_6": 0, "pcl5_7": 0}).finding("by_symptoms") == ("by_symptoms", "not met", True)


# PC-PTSD-5


def test_pc_ptsd5_is_nought_without_an_event() -> None:
    result = score(PC_PTSD5, {"pc_ptsd5_event": 0}).scale("total")
    assert (result.value, result.band, result.reason) == (0, "below the cut", None)
    assert missing_required(PC_PTSD5, {"pc_ptsd5_event": 0}) == ()


def test_pc_ptsd5_waits_for_the_gate_and_then_for_all_five() -> None:
    assert score(PC_PTSD5, {}).scale("total").reason is NoScoreReason.APPLICABILITY_UNKNOWN
    assert missing_required(PC_PTSD5, {}) == ("pc_ptsd5_event",)
    assert len(missing_required(PC_PTSD5, {"pc_ptsd5_event": 1})) == 5


@pytest.mark.parametrize("answers", list(product(range(2), repeat=5)))
def test_pc_ptsd5_every_form(answers: tuple[int, ...]) -> None:
    given = {"pc_ptsd5_event": 1} | {f"pc_ptsd5_{n}": each for n, each in enumerate(answers, start=1)}
    result = score(PC_PTSD5, given).scale("total")
    band = "at or above the cut" if sum(answers) >= 4 else "below the cut"
    assert (result.value, result.band) == (sum(answers), band)


# OLBI, ProQOL 5, CADSS-6


def test_olbi_all_ones() -> None:
    assert values(OLBI, every(OLBI, 1)) == {"total": 40, "disengagement": 2.5, "exhaustion": 2.5}


def test_olbi_worst_and_best() -> None:
    worst = {key: 1 if item.reversed else 4 for key, item in OLBI.items.items()}
    best = {key: 5 - answer for key, answer in worst.items()}
    assert values(OLBI, worst) == {"total": 64, "disengagement": 4, "exhaustion": 4}
    assert values(OLBI, best) == {"total": 16, "disengagement": 1, "exhaustion": 1}


@pytest.mark.parametrize(("answer", "expected"), [(1, (10, 30, 10)), (3, (30, 30, 30)), (5, (50, 30, 50))])
def test_proqol5_published_vectors(answer: int, expected: tuple[int, ...]) -> None:
    assert tuple(values(PROQOL5, every(PROQOL5, answer)).values()) == expected


def test_compassion_satisfaction_alone_is_worse_when_lower() -> None:
    assert [scale.worsens for scale in PROQOL5.scales] == ["down", "up", "up"]


@pytest.mark.parametrize("instrument", [OLBI, PROQOL5], ids=["olbi", "proqol5"])
def test_parts_hold_each_item_once(instrument: Instrument) -> None:
    parts = [item.key for scale in instrument.scales if scale.key != "total" for item in scale.items]
    assert sorted(parts) == sorted(instrument.items)


def test_cadss6_keeps_the_numbers_of_the_full_scale() -> None:
    assert list(CADSS6.items) == [f"cadss_{n}" for n in (1, 2, 6, 7, 15, 22)]
    assert values(CADSS6, every(CADSS6, 4)) == {"total": 24}


# C-SSRS screener


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"q1": 0, "q2": 0, "q6": 0}, ("none", True)),
        ({"q1": 1, "q2": 0, "q6": 0}, ("low", True)),
        ({"q1": 1, "q2": 1, "q3": 0, "q4": 0, "q5": 0, "q6": 0}, ("low", True)),
        ({"q1": 1, "q2": 1, "q3": 1, "q4": 0, "q5": 0, "q6": 0}, ("moderate", True)),
        ({"q1": 0, "q2": 0, "q6": 1, "q6b": 0}, ("moderate", True)),
        ({"q1": 0, "q2": 0, "q6": 1, "q6b": 1}, ("high", True)),
        ({"q1": 0, "q2": 0, "q6": 1}, ("high", True)),
        ({"q1": 0, "q2": 1, "q3": 0, "q4": 1, "q5": 0, "q6": 0}, ("high", True)),
        ({"q1": 0, "q2": 1, "q3": 0, "q4": 0, "q5": 1, "q6": 0}, ("high", True)),
        # The highest counts, not the last: a later no takes nothing back.
        ({"q5": 1, "q6": 0}, ("high", True)),
        # What is not known yet could still raise it.
        ({}, (None, False)),
        ({"q1": 0}, (None, False)),
        ({"q1": 0, "q2": 0}, (None, False)),
        ({"q1": 1, "q2": 0}, ("low", False)),
        ({"q1": 0, "q2": 1, "q3": 1}, ("moderate", False)),
        # A yes that should not have been asked for is still a yes.
        ({"q1": 0, "q2": 0, "q4": 1, "q6": 0}, ("high", True)),
    ],
)
def test_cssrs_triage(answers: dict[str, int], expected: tuple[str | None, bool]) -> None:
    assert risk(**answers) == expected


def test_cssrs_has_no_sum() -> None:
    assert CSSRS.scales == ()


@pytest.mark.parametrize("item", list(CSSRS.items))
def test_each_yes_on_the_cssrs_alone_raises_the_flag(item: str) -> None:
    (flag,) = crisis_flags(CSSRS, {item: 1})
    assert (flag.item, flag.answer) == (item, 1)
    assert crisis_flags(CSSRS, dict.fromkeys(CSSRS.items, 0)) == ()


def test_cssrs_asks_what_its_answers_call_for() -> None:
    assert missing_required(CSSRS, {}) == ("cssrs_1", "cssrs_2", "cssrs_6")
    assert missing_required(CSSRS, {"cssrs_1": 0, "cssrs_2": 0, "cssrs_6": 0}) == ()
    asked = missing_required(CSSRS, {"cssrs_1": 0, "cssrs_2": 1, "cssrs_6": 1})
    assert asked == ("cssrs_3", "cssrs_4", "cssrs_5", "cssrs_6b")


# Licences


def test_who_has_to_be_asked_first_is_named() -> None:
    kinds = {code: each.licence.kind for code, each in instruments().items()}
    assert {code for code, kind in kinds.items() if kind is LicenceClass.PERMISSION} == {"cadss6", "olbi"}
    assert all(instruments()[code].licence.holder for code in ("cadss6", "olbi", "cssrs", "proqol5"))


def test_what_was_not_verified_is_empty() -> None:
    """No LOINC code for any of these, no recall window, no band."""
    for instrument in (CADSS6, OLBI, PCL5):
        assert (instrument.loinc, instrument.recall) == (None, None)
    banded = [i.code for i in (CADSS6, CSSRS, OLBI, PCL5, PROQOL5) if any(s.bands for s in i.scales)]
    assert banded == []


@pytest.mark.parametrize("code", ["cadss6", "olbi"])
def test_what_wants_permission_is_refused_with_the_reason_until_it_is_given(code: str) -> None:
    instrument = instruments()[code]
    reason = licence_refusal(instrument, permitted=["phq9"])
    assert reason is not None
    assert instrument.licence.holder is not None
    assert instrument.licence.holder in reason
    assert licence_refusal(instrument, permitted=[code]) is None


@pytest.mark.parametrize("code", ["phq9", "gad7", "cbi", "pcl5", "pc_ptsd5", "cssrs", "proqol5"])
def test_what_is_free_with_or_without_conditions_may_be_asked(code: str) -> None:
    assert licence_refusal(instruments()[code], permitted=[]) is None


def test_what_is_free_outside_commerce_only_is_refused_to_a_paid_program() -> None:
    path = Path(__file__).parent / "instruments" / "audit.toml"
    audit = parse_instrument(path.read_bytes(), file=path.name)
    assert audit.licence.kind is LicenceClass.NON_COMMERCIAL
    assert licence_refusal(audit, permitted=[]) is not None


def test_assigning_what_the_licence_forbids_is_a_403_with_the_reason(settings: Any) -> None:
    settings.INSTRUMENT_PERMISSIONS = []
    with pytest.raises(LicenceForbids, match=r"needs the permission of E\. Demerouti") as caught:
        check_licence(OLBI)
    assert (caught.value.status, caught.value.code) == (403, "licence_forbids")
    settings.INSTRUMENT_PERMISSIONS = ["olbi"]
    check_licence(OLBI)


def test_a_server_does_not_start_with_a_forbidden_instrument_in_its_schedule(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_olbi = replace(schedule(), instruments=("phq9", "olbi"))
    monkeypatch.setattr("assessments.checks.schedule", lambda: with_olbi)
    settings.INSTRUMENT_PERMISSIONS = []
    assert [error.id for error in data_is_sound(None)] == ["assessments.E005"]
    settings.INSTRUMENT_PERMISSIONS = ["olbi"]
    assert data_is_sound(None) == []
    settings.INSTRUMENT_PERMISSIONS = ["olbi", "oldi"]
    assert [error.id for error in data_is_sound(None)] == ["assessments.E004"]
