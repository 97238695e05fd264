"""A draft of the policy against everybody who was screened: who would change, and equal to brute force."""

import copy
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.actors import Actor
from core.documents import digest
from programs.models import Enrollment
from safety import queries, rules
from safety.dry_run import UNREADABLE, Change, changes, summary
from safety.models import Screening
from safety.screening.files import write_policy
from safety.screening.policy import Policy, example_policy, parse_policy
from tests.safety.conftest import answered
from tests.safety.screening_people import anybody

pytestmark = pytest.mark.django_db
SEED = 20261122
PEOPLE = 150


def draft(**levels: str) -> dict[str, Any]:
    """Return the policy that ships with some rules at another level."""
    policy = copy.deepcopy(example_policy())
    for rule in policy["rules"]:
        rule["level"] = levels.get(rule["id"], rule["level"])
    return policy


def stored(enrollment: Enrollment, at: Any, count: int) -> list[Screening]:
    """Store made-up people's screenings as they were decided by the policy in force."""
    document, policy = queries.screening_policy(at=at)
    rng = Random(SEED)  # noqa: S311
    rows = []
    for _ in range(count):
        answers, facts = anybody(policy, rng)
        answers = {key: said for key, said in answers.items() if said == said}
        age_years = rng.choice([17, 44, 70])
        decision = rules.decide_screening(policy, answers, age_years=age_years, facts=facts)
        kept = {**decision.as_json(), "chart": {rules.AGE: age_years}, rules.FACTS: facts.as_json()}
        rows.append(
            Screening(
                enrollment=enrollment,
                policy=document,
                answers=answers,
                answers_sha256=digest(answers),
                outcome=decision.outcome,
                decision=kept,
                submitted_at=at,
                actor_kind="service",
                actor_id="tester",
            )
        )
    return Screening.objects.bulk_create(rows)


def by_brute_force(policy: Policy) -> list[Change | None]:
    """Decide each with every word, the way a screening is decided, and compare."""
    found: list[Change | None] = []
    for row in Screening.objects.order_by("id"):
        if rules.answer_faults(policy, row.answers):
            found.append(Change(row.pk, row.outcome, UNREADABLE, (), ()))
            continue
        age_years, facts = row.decision["chart"][rules.AGE], rules.pinned_facts(row.decision)
        again = rules.decide_screening(policy, row.answers, age_years=age_years, facts=facts).as_json()
        now = {(each["rule"], str(each["certainty"])) for each in again["reasons"]}  # type: ignore[attr-defined]
        then = {(each["rule"], each["certainty"]) for each in row.decision["reasons"]}
        begin, cease = (tuple(sorted(rule for rule, _ in one)) for one in (now - then, then - now))
        same = (again["outcome"], begin, cease) == (row.outcome, (), ())
        found.append(None if same else Change(row.pk, row.outcome, str(again["outcome"]), begin, cease))
    return found


@pytest.mark.parametrize(
    "content",
    [
        draft(),
        draft(glaucoma="exclude", age_65_or_over="note", takes_opioid="exclude"),
        example_policy(1),
    ],
    ids=["as it is", "three rules otherwise", "the first version"],
)
def test_it_equals_brute_force(enrollment, at, content):
    stored(enrollment, at, PEOPLE)
    policy = parse_policy(content)
    found = list(changes(policy))
    assert len(found) == PEOPLE
    assert found == by_brute_force(policy)
    comes_to = {change.after for change in found if change is not None} - {UNREADABLE}
    assert bool(comes_to) is (content["version"] == 2 and content != draft())


def test_who_said_another_age_than_the_charts_is_decided_alike(enrollment, at):
    answered(enrollment, at=at, age_years=20)
    assert list(changes(parse_policy(draft()))) == [None]


def test_it_says_which_rules_do_it(enrollment, at):
    screening = answered(enrollment, at=at, glaucoma="yes")
    answered(enrollment, at=at)
    strict = parse_policy(draft(glaucoma="exclude"))
    change, none = list(changes(strict))
    assert (change, none) == (Change(screening.pk, "needs_review", "ineligible", (), ()), None)
    counted = summary(changes(strict))
    assert (counted.total, counted.moves) == (2, {("needs_review", "ineligible"): 1})


def test_a_rule_that_is_new_begins_and_one_that_is_gone_ceases(enrollment, at):
    screening = answered(enrollment, at=at, glaucoma="yes")
    content = draft()
    rule = next(rule for rule in content["rules"] if rule["id"] == "glaucoma")
    rule["id"] = "eyes"
    assert list(changes(parse_policy(content))) == [
        Change(screening.pk, "needs_review", "needs_review", ("eyes",), ("glaucoma",))
    ]


def test_it_stores_nothing(enrollment, at):
    screening = answered(enrollment, at=at, glaucoma="yes")
    list(changes(parse_policy(draft(glaucoma="exclude"))))
    assert Screening.objects.get().decision == Screening.objects.get(pk=screening.pk).decision
    assert queries.replays(screening)


class TestTheCommand:
    def run(self, path: Any, **options: Any) -> list[str]:
        out = StringIO()
        call_command("dry_run_policy", path, stdout=out, **options)
        return out.getvalue().splitlines()

    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "draft.toml"
        path.write_text(write_policy(draft(glaucoma="exclude") | {"version": 3}))
        return path

    def test_prints_who_would_change(self, enrollment, at, file):
        screening = answered(enrollment, at=at, glaucoma="yes")
        answered(enrollment, at=at)
        assert self.run(file) == [
            "2 screenings decided once more, 1 would change.",
            "1\tneeds_review -> ineligible",
            f"{screening.pk}\tneeds_review\tineligible",
        ]

    def test_names_no_more_than_asked(self, enrollment, at, file):
        for _ in range(3):
            answered(enrollment, at=at, glaucoma="yes")
        lines = self.run(file, most=1)
        assert len(lines) == 4
        assert lines[-1] == "and 2 more; --most names them"

    def test_a_faulty_file_is_refused_with_its_line(self, tmp_path):
        path = tmp_path / "draft.toml"
        path.write_text(write_policy(draft()).replace('level = "review"', 'level = "perhaps"', 1))
        with pytest.raises(CommandError, match=r"line \d+, rules"):
            self.run(path)

    def test_what_is_no_file_is_refused(self, tmp_path):
        with pytest.raises(CommandError, match="can't be read"):
            self.run(tmp_path / "none.toml")


def test_somebody_who_sees_no_chart_is_told_of_all(enrollment, at, ben):
    from core.acting import acting_as

    answered(enrollment, at=at)
    with acting_as(Actor.service("visitor")):  # type: ignore[arg-type]
        assert len(list(changes(parse_policy(draft())))) == 1
