"""Somebody whom the policy excludes: treated by the word of two clinicians, where the policy lets it be."""

import copy
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.enums import Role
from accounts.models import User
from core.enums import DocumentKind
from safety import errors, queries, services
from safety.enums import ReviewOutcome
from safety.models import Screening
from safety.overrides import queries as overrides
from safety.overrides.models import ExclusionOverride
from safety.overrides.rules import Term, term_faults
from safety.screening.policy import example_policy, parse_policy
from safety.screening.tables import PolicyError
from tests import steps
from tests.api import post
from tests.conftest import make_clinician, make_user
from tests.policies import enact
from tests.safety.conftest import answered, code

pytestmark = pytest.mark.django_db

THYROID = {"overactive_thyroid": "not_controlled"}
YES = ReviewOutcome.ACCEPTED


def with_overridable(*ids: str, version: int = 3) -> dict[str, Any]:
    """Return the policy that ships, in which two clinicians may override some rules."""
    policy = copy.deepcopy(example_policy()) | {"version": version}
    for rule in policy["rules"]:
        if rule["id"] in ids:
            rule["overridable"] = True
    return policy


@pytest.fixture
def lenient(at: datetime) -> None:
    """The policy in force lets an overactive thyroid be overridden."""
    enact_lenient("thyroid_not_controlled", version=3, at=at)


def enact_lenient(*ids: str, version: int, at: datetime) -> None:
    content = with_overridable(*ids, version=version)
    enact(DocumentKind.SCREENING_POLICY, version=version, content=content, effective_at=at, at=at)


@pytest.fixture
def dora(db: None, at: datetime) -> User:
    """A colleague of Ben's."""
    return make_clinician(make_user("dora@clinic.example", is_staff=True), "Dora Example", at=at)


@pytest.fixture
def excluded(lenient: None, ada: Any, at: datetime) -> Screening:
    return answered(steps.enrolled(ada, at=at), at=at, **THYROID)


def term(at: datetime, *, again: int = 30, ends: int = 90) -> Term:
    return Term(at.date() + timedelta(days=again), at.date() + timedelta(days=ends))


def sign(screening: Screening, by: User, at: datetime, **changed: Any) -> ExclusionOverride:
    said: dict[str, Any] = {"reason": "A specialist agrees.", "term": term(at)} | changed
    return services.override_exclusion(screening.pk, clinician=by, at=at, **said)


def accept(screening: Screening, by: User, at: datetime) -> None:
    services.review(screening.pk, outcome=YES, reason="I agree.", reviewer=by, at=at)


def given_over(screening: Screening, to: User, by: User, at: datetime) -> None:
    """The chart goes into a colleague's care, who then decides."""
    patient = screening.enrollment.patient
    patient.care_team.filter(member=by).update(ends_at=at)
    patient.care_team.create(member=to, role=Role.CLINICIAN, starts_at=at)


def reasons(screening: Screening, at: datetime) -> list[str]:
    return [reason.code for reason in queries.clearance(screening.enrollment_id, at=at).reasons]


def two(screening: Screening, first: User, second: User, at: datetime) -> None:
    sign(screening, first, at)
    given_over(screening, second, first, at)
    accept(screening, second, at)


class TestTwo:
    def test_together_clear(self, excluded, ben, dora, at):
        assert excluded.outcome == "ineligible"
        two(excluded, ben, dora, at)
        assert reasons(excluded, at) == []

    def test_until_the_patient_is_to_be_asked_again(self, excluded, ben, dora, at):
        two(excluded, ben, dora, at)
        ends_at = datetime.combine(term(at).screen_again_on, time.min, tzinfo=UTC)
        assert queries.clearance(excluded.enrollment_id, at=at).expires_at == ends_at
        assert reasons(excluded, ends_at - timedelta(seconds=1)) == []
        assert reasons(excluded, ends_at) == ["override_ended"]

    def test_show_on_every_later_gate(self, excluded, ben, dora, at):
        assert queries.override_signers(excluded.enrollment_id) == []
        two(excluded, ben, dora, at)
        assert queries.override_signers(excluded.enrollment_id) == ["Ben Example, MD", "Dora Example, MD"]

    def test_new_answers_ask_both_anew(self, excluded, ben, dora, at):
        two(excluded, ben, dora, at)
        again = answered(excluded.enrollment, at=at, **THYROID)
        with pytest.raises(errors.TakesTwo):
            accept(again, dora, at)

    def test_not_once_the_policy_forbids_it(self, excluded, ben, dora, at):
        two(excluded, ben, dora, at)
        later = at + timedelta(days=1)
        enact(
            DocumentKind.SCREENING_POLICY,
            version=4,
            content=with_overridable(version=4),
            effective_at=later,
            at=at,
        )
        assert reasons(excluded, later) == ["excluded"]

    def test_what_was_signed_stays_what_the_review_rests_on(self, excluded, ben, dora, at):
        two(excluded, ben, dora, at)
        row = ExclusionOverride.objects.get()
        row.ends_on += timedelta(days=1)
        assert overrides.signed_content(row) != overrides.signed_content(ExclusionOverride.objects.get())


class TestOne:
    def test_does_not_clear_alone(self, excluded, ben, at):
        with pytest.raises(errors.TakesTwo) as refused:
            accept(excluded, ben, at)
        assert [reason.code for reason in refused.value.reasons] == ["thyroid_not_controlled"]

    def test_nor_by_signing_both(self, excluded, ben, at):
        sign(excluded, ben, at)
        with pytest.raises(errors.TakesTwo), transaction.atomic():
            accept(excluded, ben, at)
        assert reasons(excluded, at) == ["not_reviewed"]

    def test_nor_twice_the_same(self, excluded, ben, at):
        sign(excluded, ben, at)
        with pytest.raises(errors.OverriddenByYou):
            sign(excluded, ben, at)

    def test_twin_unless_it_is_asked_one_is_enough_for_the_service(self, excluded, ben, at, monkeypatch):
        monkeypatch.setattr(overrides, "overridden_by_another", lambda screening, reviewer_id: True)
        sign(excluded, ben, at)
        with transaction.atomic():
            accept(excluded, ben, at)
            transaction.set_rollback(True)

    def test_the_database_asks_too(self, excluded, ben, at, monkeypatch):
        monkeypatch.setattr(overrides, "overridden_by_another", lambda screening, reviewer_id: True)
        sign(excluded, ben, at)
        with transaction.atomic(), connection.cursor() as cursor:
            accept(excluded, ben, at)
            with pytest.raises(DatabaseError, match="exclusion_takes_two"), transaction.atomic():
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)

    def test_and_the_clearance_a_third_time(self, excluded, ben, at, monkeypatch):
        monkeypatch.setattr(overrides, "overridden_by_another", lambda screening, reviewer_id: True)
        sign(excluded, ben, at)
        with transaction.atomic():
            accept(excluded, ben, at)
            assert reasons(excluded, at) == ["excluded"]
            transaction.set_rollback(True)

    def test_declining_takes_one(self, excluded, ben, at):
        services.review(excluded.pk, outcome=ReviewOutcome.DECLINED, reason="Too risky.", reviewer=ben, at=at)


class TestWhatNobodyOverrides:
    def test_no_rule_that_ships(self):
        assert not any(rule.overridable for rule in parse_policy(example_policy()).rules)

    def test_a_rule_that_the_policy_does_not_name(self, lenient, ada, ben, at):
        screening = answered(steps.enrolled(ada, at=at), at=at, aneurysm_or_avm="yes", **THYROID)
        for tried in (sign, accept):
            with pytest.raises(errors.Ineligible) as refused, transaction.atomic():
                tried(screening, ben, at)
            assert [reason.code for reason in refused.value.reasons] == ["aneurysm_or_avm"]

    def test_one_whom_nothing_excludes(self, lenient, ada, ben, at):
        with pytest.raises(errors.NothingExcludes):
            sign(answered(steps.enrolled(ada, at=at), at=at, glaucoma="yes"), ben, at)

    def test_older_answers(self, excluded, ben, at):
        answered(excluded.enrollment, at=at, **THYROID)
        with pytest.raises(errors.SupersededScreening):
            sign(excluded, ben, at)

    def test_what_was_decided(self, excluded, ben, at):
        services.review(excluded.pk, outcome=ReviewOutcome.DECLINED, reason="No.", reviewer=ben, at=at)
        with pytest.raises(errors.AlreadyReviewed):
            sign(excluded, ben, at)

    def test_somebody_elses_policy(self, excluded, ben, at):
        enact_lenient("thyroid_not_controlled", version=4, at=at)
        with pytest.raises(errors.PolicyChanged):
            sign(excluded, ben, at)

    @pytest.mark.parametrize("rule", ["suicide_risk_high", "glaucoma", "takes_lamotrigine"])
    def test_a_cry_for_help_or_what_excludes_nobody_is_no_policy(self, rule):
        with pytest.raises(PolicyError, match="overridden"):
            parse_policy(with_overridable(rule))


class TestOverTheApi:
    def body(self, at: datetime, **changed: Any) -> dict[str, Any]:
        days = {name: value.isoformat() for name, value in vars_of(term(at)).items()}
        return {"reason": "A specialist agrees.", **days} | changed

    def test_it_is_signed(self, excluded, as_ben, at):
        answer = post(as_ben, f"screenings/{excluded.pk}/overrides", self.body(at))
        assert answer.status_code == 201
        assert answer.json()["signature"]["signer_name"] == "Ben Example, MD"

    def test_by_nobody_else(self, excluded, as_ada, as_cyd, client_of, dora, at):
        path = f"screenings/{excluded.pk}/overrides"
        assert post(as_ada, path, self.body(at)).status_code == 403
        assert post(client_of(dora), path, self.body(at)).status_code == 404

    @pytest.mark.parametrize(
        "changed",
        [
            {"reason": ""},
            {"ends_on": None},
            {"screen_again_on": "soon"},
            {"screen_again_on": "2020-01-01"},
            {"ends_on": "2020-01-01"},
            {"more": 1},
        ],
    )
    def test_what_makes_no_sense_is_refused(self, excluded, as_ben, at, changed):
        answer = post(as_ben, f"screenings/{excluded.pk}/overrides", self.body(at, **changed))
        assert code(answer) == (400, "invalid_input")
        assert not ExclusionOverride.objects.exists()


def vars_of(term: Term) -> dict[str, date]:
    return {"screen_again_on": term.screen_again_on, "ends_on": term.ends_on}


@pytest.mark.parametrize(
    ("again", "ends", "pointers"),
    [(1, 1, []), (1, 9, []), (0, 9, ["/screen_again_on"]), (2, 1, ["/ends_on"]), (-1, -2, None)],
)
def test_a_term_is_to_come_and_asks_before_it_ends(again: int, ends: int, pointers: Any) -> None:
    today = date(2026, 3, 2)
    said = Term(today + timedelta(days=again), today + timedelta(days=ends))
    wanted = ["/screen_again_on", "/ends_on"] if pointers is None else pointers
    assert [fault.pointer for fault in term_faults(said, today=today)] == wanted


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"reason": ""}, "override_gives_a_reason"),
        ({"ends_on": date(2020, 1, 1)}, "override_asks_again_before_it_ends"),
    ],
)
def test_no_row_says_nothing(excluded, ben, at, change, constraint):
    row = sign(excluded, ben, at)
    fields = {"reason": row.reason, **vars_of(term(at)), "signature": row.signature} | change
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        ExclusionOverride.objects.create(screening=excluded, clinician=ben, **fields)
