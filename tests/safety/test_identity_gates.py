"""Nobody is cleared, planned for or treated before it is settled who they are, and that it is one chart."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Patient, User
from accounts.services import grant_role, save_address, save_profile
from core import clock
from core.actors import Actor
from safety import errors, queries, services
from safety.enums import ComparisonOutcome, HoldReason, ReviewOutcome
from safety.identity import queries as identity
from safety.identity.models import ChartComparison
from safety.identity.rules import IdentityFacts, identity_faults
from safety.identity.services import compare_charts
from tests import steps
from tests.api import post
from tests.conftest import HOME, make_patient, make_user
from tests.safety.conftest import ABSENT, answered, code
from tests.safety.test_identity_settled import check

pytestmark = pytest.mark.django_db


ACCEPTED = {"outcome": "accepted", "reason": "Well."}


@pytest.fixture
def olga(at: datetime) -> User:
    """The operator."""
    user = make_user("olga@clinic.example", is_staff=True)
    grant_role(user, Role.OPERATOR, granted_by=None, at=at)
    return user


@pytest.fixture
def again(db: None) -> Patient:
    """Somebody with Ada's name and birth date, in another account."""
    return make_patient("ada2@example.org", "ADA  Example")


ALIKE: list[dict[str, Any]] = [
    {"legal_name": "Ada Exampel"},
    {"legal_name": "Ada Moreno"},
    {"legal_name": "Example, Ada M."},
    {"birth_on": "1984-05-18"},
    {"birth_on": "1984-11-17"},
    {"birth_on": "1948-05-17"},
    {"birth_on": "1948-05-17", "legal_name": "Ada Exampel", "lines": ("9 Other Road",)},
    {"birth_on": "1961-11-30"},
    {"birth_on": "1961-11-30", "lines": ("12 EXAMPLE ST.", "Apt 4")},
    {"birth_on": "1961-11-30", "lines": ("9 Other Road",), "email": "ada+2@example.org"},
    {"legal_name": "Eve Moreno"},
]
UNLIKE: list[dict[str, Any]] = [
    {"birth_on": "1961-11-30", "lines": ("9 Other Road",)},
    {"birth_on": "1961-11-30", "legal_name": "Eve Example"},
    {"birth_on": "1984-05-18", "legal_name": "Ada Moreno"},
    {"legal_name": "Eve Moreno", "lines": ("9 Other Road",)},
]
"""What is otherwise with somebody who signs up beside Ada, at the same home unless it says so."""


def alike(
    *,
    email: str = "ada2@example.org",
    legal_name: str = "Ada Example",
    birth_on: str = "1984-05-17",
    lines: tuple[str, ...] = HOME.lines,
) -> Patient:
    patient = save_profile(
        make_user(email),
        legal_name=legal_name,
        preferred_name="",
        birth_on=date.fromisoformat(birth_on),
        timezone="America/New_York",
    )
    live(patient, lines)
    return patient


def live(patient: Patient, lines: tuple[str, ...], *, starts_on: date = HOME.starts_on) -> None:
    home = replace(HOME, lines=lines, starts_on=starts_on)
    save_address(patient, home, actor=Actor.person(patient.user_id), at=clock.now())


def reasons(enrollment: Any, at: datetime) -> list[str]:
    return [reason.code for reason in queries.clearance(enrollment.pk, at=at).reasons]


def compare(client: APIClient, one: Any, another: Any, **changed: Any) -> Any:
    body = {"kept": str(one), "other": str(another), "outcome": "different", "reason": "Called both."}
    return post(client, "possible-duplicates/decisions", body | changed)


def plan(client: APIClient, enrollment: Any) -> Any:
    order = vars(steps.ORDER) | {"route": str(steps.ORDER.route), "dose_mg": str(steps.ORDER.dose_mg)}
    return post(client, f"enrollments/{enrollment.pk}/treatment-plans", order)


def refusals(answer: Any) -> tuple[int, str, list[str]]:
    said = answer.json()
    return answer.status_code, said["code"], [reason["code"] for reason in said["reasons"]]


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        (IdentityFacts(), []),
        (IdentityFacts(joined_by=uuid4()), []),
        (IdentityFacts(refuted=True), ["identity_not_confirmed"]),
        (IdentityFacts(has_unsettled_twin=True), ["possible_duplicate"]),
        (IdentityFacts(is_second_chart=True), ["second_chart"]),
        (IdentityFacts(twin_stands_still=True), ["other_chart_held"]),
        (IdentityFacts(refuted=True, is_second_chart=True), ["identity_not_confirmed", "second_chart"]),
    ],
)
def test_each_fact_alone_is_a_fault(facts: IdentityFacts, codes: list[str]) -> None:
    found = identity_faults(facts)
    assert [reason.code for reason in found] == codes
    assert all(reason.detail.count(". ") == 1 for reason in found)


class TestANegativeCheck:
    def test_ends_a_clearance_until_a_better_one(self, ada, as_ben, at):
        enrollment = steps.planned(ada, at=at)
        assert check(as_ben, ada, at, outcome="not_confirmed").status_code == 201
        assert reasons(enrollment, at) == ["identity_not_confirmed"]
        check(as_ben, ada, at)
        assert reasons(enrollment, at) == []

    def test_keeps_anybody_from_being_accepted(self, ada, as_ben, screening, at):
        check(as_ben, ada, at, outcome="not_confirmed")
        answer = post(as_ben, f"screenings/{screening.pk}/reviews", ACCEPTED)
        assert refusals(answer) == (422, "identity_open", ["identity_not_confirmed"])

    def test_but_not_from_being_declined(self, ada, ben, as_ben, screening, at):
        check(as_ben, ada, at, outcome="not_confirmed")
        services.review(
            screening.pk, outcome=ReviewOutcome.DECLINED, reason="Somebody else.", reviewer=ben, at=at
        )

    def test_keeps_a_plan_from_being_signed(self, ada, as_ben, at):
        enrollment = steps.accepted(ada, at=at)
        check(as_ben, ada, at, outcome="not_confirmed")
        assert refusals(plan(as_ben, enrollment)) == (422, "identity_open", ["identity_not_confirmed"])
        check(as_ben, ada, at)
        assert plan(as_ben, enrollment).status_code == 201

    def test_an_older_yes_does_not_outlast_it(self, ada, as_ben, at):
        enrollment = steps.accepted(ada, at=at)
        for outcome in ("confirmed", "not_confirmed"):
            check(as_ben, ada, at, outcome=outcome)
        assert reasons(enrollment, at) == ["identity_not_confirmed"]

    def test_somebody_elses_is_not_ones_own(self, ada, cyd, as_ben, at):
        enrollment = steps.accepted(ada, at=at)
        steps.enrolled(cyd, at=at)
        check(as_ben, ada, at, outcome="not_confirmed")
        assert reasons(enrollment, at) == ["identity_not_confirmed"]
        assert identity_faults(identity.identity_facts(cyd)) == ()

    def test_twin_unless_it_is_asked_for_she_stays_cleared(self, ada, as_ben, at, monkeypatch):
        monkeypatch.setattr(identity, "_is_refuted", lambda patient: False)
        enrollment = steps.accepted(ada, at=at)
        check(as_ben, ada, at, outcome="not_confirmed")
        assert reasons(enrollment, at) == []
        assert plan(as_ben, enrollment).status_code == 201


class TestTwoCharts:
    def test_block_each_other_from_the_moment_there_are_two(self, ada, at):
        enrollment = steps.planned(ada, at=at)
        assert reasons(enrollment, at) == []
        other = make_patient("ada2@example.org", "ADA  Example")
        assert reasons(enrollment, at) == ["possible_duplicate"]
        assert [fault.code for fault in identity_faults(identity.identity_facts(other))] == [
            "possible_duplicate"
        ]

    def test_the_patient_herself_is_told_though_she_sees_no_other_chart(self, ada, again, as_ben, at):
        enrollment = steps.enrolled(ada, at=at)
        screening = answered(enrollment, at=at)
        answer = post(as_ben, f"screenings/{screening.pk}/reviews", ACCEPTED)
        assert refusals(answer) == (422, "identity_open", ["possible_duplicate"])

    def test_keep_a_plan_from_being_signed(self, ada, as_ben, at):
        enrollment = steps.accepted(ada, at=at)
        make_patient("ada2@example.org", "Ada Example")
        assert refusals(plan(as_ben, enrollment)) == (422, "identity_open", ["possible_duplicate"])

    def test_two_people_are_treated_again(self, ada, olga, client_of, at):
        enrollment = steps.planned(ada, at=at)
        again = make_patient("ada2@example.org", "Ada Example")
        answer = compare(client_of(olga), ada.pk, again.pk)
        assert (answer.status_code, answer.json()["outcome"]) == (201, "different")
        assert reasons(enrollment, at) == []
        assert client_of(olga).get("/api/v1/possible-duplicates").json() == {"groups": []}

    def test_of_one_person_one_chart_goes_on_after_a_new_screening(
        self, ada, ben, olga, again, client_of, at
    ):
        enrollment = steps.enrolled(ada, at=at)
        compare(client_of(olga), ada.pk, again.pk)
        services.review(
            answered(enrollment, at=at).pk,
            outcome=ReviewOutcome.ACCEPTED,
            reason="Well.",
            reviewer=ben,
            at=at,
        )
        assert reasons(enrollment, at) == []
        compare(client_of(olga), ada.pk, again.pk, outcome="same")
        assert reasons(enrollment, at) == ["charts_joined"]
        assert [fault.code for fault in identity_faults(identity.identity_facts(again))] == ["second_chart"]
        services.review(
            answered(enrollment, at=at).pk,
            outcome=ReviewOutcome.ACCEPTED,
            reason="Seen both.",
            reviewer=ben,
            at=at,
        )
        assert reasons(enrollment, at) == []

    def test_what_stands_still_on_the_other_keeps_the_first_still(self, ada, ben, again, olga, at):
        enrollment = steps.enrolled(ada, at=at)
        hold = services.place_hold(
            again.pk, reason=HoldReason.CLINICAL, note="", actor=Actor.person(ben.pk), at=at
        )
        compare_charts(ada.pk, again.pk, outcome=ComparisonOutcome.SAME, reason="One.", by=olga, at=at)
        with pytest.raises(errors.IdentityOpen) as refused:
            services.review(
                answered(enrollment, at=at).pk,
                outcome=ReviewOutcome.ACCEPTED,
                reason="Well.",
                reviewer=ben,
                at=at,
            )
        assert [reason.code for reason in refused.value.reasons] == ["other_chart_held"]
        assert hold.lifted_at is None

    def test_the_newest_word_counts(self, ada, again, olga, at):
        for outcome in (ComparisonOutcome.SAME, ComparisonOutcome.DIFFERENT):
            compare_charts(again.pk, ada.pk, outcome=outcome, reason="Asked.", by=olga, at=at)
        assert identity_faults(identity.identity_facts(ada)) == ()

    def test_a_third_one_waits_by_itself(self, ada, again, olga, client_of, at):
        compare(client_of(olga), ada.pk, again.pk)
        third = make_patient("ada3@example.org", "ada example")
        groups = client_of(olga).get("/api/v1/possible-duplicates").json()["groups"]
        assert [len(group["charts"]) for group in groups] == [3]
        for chart in (ada, again, third):
            assert identity.identity_facts(chart).has_unsettled_twin

    @pytest.mark.parametrize("other", ALIKE)
    def test_who_signs_up_again_a_little_otherwise_is_noticed(self, ada, olga, client_of, at, other):
        enrollment = steps.planned(ada, at=at)
        again = alike(**other)
        assert reasons(enrollment, at) == ["possible_duplicate"]
        assert identity.identity_facts(again).has_unsettled_twin
        groups = client_of(olga).get("/api/v1/possible-duplicates").json()["groups"]
        assert [[chart["id"] for chart in group["charts"]] for group in groups] == [
            [str(ada.pk), str(again.pk)]
        ]

    @pytest.mark.parametrize("other", UNLIKE)
    def test_who_is_somebody_else_is_not(self, ada, olga, client_of, at, other):
        enrollment = steps.planned(ada, at=at)
        again = alike(**other)
        assert reasons(enrollment, at) == []
        assert not identity.identity_facts(again).has_unsettled_twin
        assert client_of(olga).get("/api/v1/possible-duplicates").json() == {"groups": []}

    def test_a_home_of_long_ago_is_remembered(self, ada, at):
        again = alike(birth_on="1961-11-30", lines=("9 Other Road",))
        assert not identity.identity_facts(again).has_unsettled_twin
        live(again, ("12 Example St.",), starts_on=date(2001, 1, 1))
        assert identity.identity_facts(again).has_unsettled_twin
        assert identity.identity_facts(ada).has_unsettled_twin

    def test_two_who_are_like_a_third_wait_together(self, ada, olga, client_of):
        alike(birth_on="1984-05-18")
        alike(birth_on="1984-05-16", email="ada3@example.org")
        groups = client_of(olga).get("/api/v1/possible-duplicates").json()["groups"]
        assert [len(group["charts"]) for group in groups] == [3]

    def test_twin_unless_they_are_looked_for_she_stays_cleared(self, ada, as_ben, at, monkeypatch):
        monkeypatch.setattr("safety.identity.queries.charts_like", lambda patient: set())
        enrollment = steps.accepted(ada, at=at)
        make_patient("ada2@example.org", "Ada Example")
        assert reasons(enrollment, at) == []
        assert plan(as_ben, enrollment).status_code == 201


class TestSaying:
    @pytest.mark.parametrize("who", ["patient", "clinician"])
    def test_is_the_operators(self, who, ada, ben, again, client_of):
        user = {"patient": ada.user, "clinician": ben}[who]
        assert compare(client_of(user), ada.pk, again.pk).status_code == 403
        assert not ChartComparison.objects.exists()

    def test_not_about_oneself(self, ada, again, client_of, at):
        grant_role(again.user, Role.OPERATOR, granted_by=None, at=at)
        assert code(compare(client_of(again.user), ada.pk, again.pk)) == (403, "not_allowed")

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({"other": str(ABSENT)}, 404),
            ({"outcome": "perhaps"}, 400),
            ({"reason": ""}, 400),
            ({"reason": " "}, 400),
            ({"reason": None}, 400),
            ({"kept": "me"}, 400),
            ({"more": 1}, 400),
        ],
    )
    def test_wrong_input_is_refused_and_nothing_is_stored(self, ada, again, olga, client_of, changed, status):
        assert compare(client_of(olga), ada.pk, again.pk, **changed).status_code == status
        assert not ChartComparison.objects.exists()

    def test_one_chart_twice_is_refused(self, ada, olga, client_of):
        assert code(compare(client_of(olga), ada.pk, ada.pk)) == (400, "invalid_input")


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"outcome": "perhaps"}, "comparison_outcome_is_known"),
        ({"reason": ""}, "comparison_gives_a_reason"),
        ({"other": "kept"}, "comparison_is_of_two_charts"),
    ],
)
def test_no_row_says_nothing(ada, again, ben, at, change, constraint):
    row = {"outcome": "same", "reason": "One.", "decided_by": ben, "decided_at": at} | change
    row["other"] = ada if "other" in change else again
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        ChartComparison.objects.create(kept=ada, **row)
