"""A stored screening decided once more on what it was made on: the same, or somebody is told."""

import json
from random import Random
from typing import Any

import pytest

from safety import queries, services
from safety.checks import mapping_is_sound
from safety.enums import AlertClass
from safety.models import Alert
from safety.rules import AGE, FACTS, decide_screening, pinned_facts, replay
from safety.screening.health import NOTHING_KNOWN
from safety.screening.policy import EXAMPLES, Policy, example_policy, parse_policy
from tests.figures import record
from tests.safety.conftest import answered
from tests.safety.screening_people import WELL, anybody

SEED = 20261122
REPLAYS = 10_000


def stored(policy: Policy, rng: Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return somebody's answers and what is stored of them, as the database gives it back."""
    answers, facts = anybody(policy, rng)
    answers = {key: said for key, said in answers.items() if said == said}  # no stored answer is a NaN
    age_years = rng.choice([17, 44, 70])
    decision = decide_screening(policy, answers, age_years=age_years, facts=facts).as_json()
    kept = {**decision, "chart": {AGE: age_years}, FACTS: facts.as_json()}
    return json.loads(json.dumps(answers, sort_keys=True)), json.loads(json.dumps(kept, sort_keys=True))


def differing(count: int, version: int) -> int:
    policy = parse_policy(json.loads(json.dumps(example_policy(version), sort_keys=True)))
    made, rng = parse_policy(example_policy(version)), Random(SEED)  # noqa: S311
    return sum(bool(replay(policy, *stored(made, rng))) for _ in range(count))


@pytest.mark.parametrize("version", EXAMPLES)
def test_what_is_stored_comes_out_the_same(version: int) -> None:
    assert differing(100, version) == 0


@pytest.mark.full
def test_ten_thousand_stored_decisions_come_out_the_same() -> None:
    record("screening.replay_differences", differing(REPLAYS, 2), seed=SEED)
    record("screening.replays", REPLAYS, seed=SEED)


@pytest.mark.parametrize(
    ("changed", "parts"),
    [
        ({"outcome": "eligible"}, ["outcome"]),
        ({"crisis": True}, ["crisis"]),
        ({"reasons": []}, ["reasons"]),
        ({"missing": ["pregnant"]}, ["missing"]),
        ({"policy": {"id": "home-ketamine-screening", "version": 1}}, ["policy"]),
        ({"chart": {AGE: 17}}, ["outcome", "reasons"]),
        ({FACTS: NOTHING_KNOWN.as_json() | {"pregnancy": "pregnant"}}, ["outcome", "reasons"]),
    ],
)
def test_what_was_changed_comes_out_otherwise(changed: dict[str, Any], parts: list[str]) -> None:
    policy, answers = parse_policy(example_policy()), WELL | {"glaucoma": "yes"}
    kept = {**decide_screening(policy, answers, age_years=44).as_json(), "chart": {AGE: 44}}
    assert replay(policy, answers, kept) == []
    assert replay(policy, answers, kept | changed) == parts


def test_before_there_were_health_facts_none_are_pinned() -> None:
    assert pinned_facts({"chart": {}}) == NOTHING_KNOWN


@pytest.mark.django_db
def test_a_stored_screening_replays_and_nobody_is_called(enrollment, at):
    assert queries.replays(answered(enrollment, at=at))
    assert services.replay_screenings(sample=10, at=at) == 0
    assert not Alert.objects.exists()


@pytest.mark.django_db
def test_a_difference_calls_somebody_once(enrollment, at, monkeypatch):
    screening = answered(enrollment, at=at)
    monkeypatch.setattr("safety.rules.replay", lambda *stored: ["outcome"])
    assert [services.replay_screenings(sample=10, at=at) for _ in range(2)] == [1, 1]
    alert = Alert.objects.get()
    assert (alert.alert_class, alert.source) == (AlertClass.REPLAY_DIFFERS, f"replay:{screening.pk}")


@pytest.mark.django_db
def test_other_answers_or_another_policy_than_is_stored_do_not_replay(enrollment, at):
    screening = answered(enrollment, at=at)
    screening.answers = screening.answers | {"glaucoma": "yes"}
    assert not queries.replays(screening)
    screening.refresh_from_db()
    screening.policy.content["title"] = "Another"
    assert not queries.replays(screening)


def test_a_mapping_that_cannot_be_read_keeps_the_clinic_from_starting(settings, tmp_path):
    path = tmp_path / "mapping.csv"
    settings.TERMINOLOGY_FILE = str(path)
    assert [error.id for error in mapping_is_sound(None)] == ["safety.E001"]
    path.write_text("system,code,to_system,to_code\n")
    assert mapping_is_sound(None) == []
    settings.TERMINOLOGY_FILE = ""
    assert mapping_is_sound(None) == []
