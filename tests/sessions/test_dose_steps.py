"""By how much a dose may rise from the last one that was taken the same way."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Patient, User
from core.enums import DocumentKind
from programs import services as programs
from safety.screening.policy import PolicyError
from sessions import services
from sessions.policy import parse_policy
from sessions.rules import decide_start
from tests import steps
from tests.policies import enact
from tests.sessions import stages
from tests.sessions.facts import GOOD, POLICY, STEPPED, stepped_policy
from tests.sessions.test_gate import ada_of, refusal

WEEK = timedelta(days=7)


def codes(**changed: Any) -> list[str]:
    return [reason.code for reason in decide_start(replace(GOOD, **changed), STEPPED).reasons]


@pytest.mark.parametrize("before", [(), ("225",), ("50", "225"), ("450",)])
def test_a_step_up_and_any_step_down_may_be_taken(before: tuple[str, ...]) -> None:
    assert codes(doses_before_mg=tuple(map(Decimal, before))) == []


@pytest.mark.parametrize("before", [("224.9",), ("450", "224")])
def test_the_last_dose_counts_not_the_highest(before: tuple[str, ...]) -> None:
    assert codes(doses_before_mg=tuple(map(Decimal, before))) == ["dose_rises_too_far"]


def test_a_policy_without_a_step_asks_for_none() -> None:
    assert decide_start(replace(GOOD, doses_before_mg=(Decimal(50),)), POLICY).allowed


@pytest.mark.parametrize("step", [0, 1001, "75", None])
def test_an_implausible_step_is_refused(step: Any) -> None:
    policy = stepped_policy()
    policy["dose_bounds"]["sublingual"]["max_step_mg"] = step
    with pytest.raises(PolicyError, match="max_step_mg"):
        parse_policy(policy)


def test_a_step_without_bounds_is_refused() -> None:
    policy = stepped_policy()
    for end in ("min_mg", "max_mg"):
        del policy["dose_bounds"]["sublingual"][end], policy["sources"][f"dose_bounds.sublingual.{end}"]
    with pytest.raises(PolicyError, match="must have min_mg"):
        parse_policy(policy)


@pytest.mark.from_the_start
@pytest.mark.parametrize(("dose_mg", "reasons"), [(375, set()), (376, {"dose_rises_too_far"}), (50, set())])
def test_a_dose_that_rises_too_far_does_not_start(
    ada: Patient, ben: User, at: datetime, dose_mg: int, reasons: set[str]
) -> None:
    """Three hundred were taken a week ago; a step is seventy-five."""
    enact(DocumentKind.SESSION_POLICY, version=5, content=stepped_policy(), effective_at=at, at=at)
    before, _ = stages.ended(ada, at=at - WEEK)
    stages.at_home(before, at=at - timedelta(days=5))
    stages.review(before, at=at - timedelta(days=5))
    order = replace(steps.ORDER, dose_mg=Decimal(dose_mg))
    programs.sign_plan(before.enrollment_id, order=order, clinician=ben, at=at)
    session = stages.fetch(stages.book_regardless(before.enrollment, at=at))
    stages.fill_in(before.enrollment, at=at)
    stages.prepared(session, at=at)
    if reasons:
        assert refusal(session, at=at) == reasons
    else:
        assert services.start_session(session, actor=ada_of(session), at=at).status == "in_progress"
