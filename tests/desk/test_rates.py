"""How often, out of how many, and how sure that is: against published tables of exact Poisson limits."""

from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Patient, User
from accounts.services import grant_role
from core.actors import Actor
from desk.rates.rules import band, poisson_interval
from safety.enums import Ascertainment
from safety.services import EventReport
from sessions import services
from sessions.enums import EffectAnswer, ExpectedEffect
from tests.conftest import make_user
from tests.sessions import stages


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (0, 0.0, 3.6889),
        (1, 0.0253, 5.5716),
        (2, 0.2422, 7.2247),
        (3, 0.6187, 8.7673),
        (5, 1.6235, 11.6683),
        (10, 4.7954, 18.3904),
        (100, 81.3640, 121.6270),
    ],
)
def test_limits_are_the_published_ones(count: int, low: float, high: float) -> None:
    found = poisson_interval(count, exposure=1)
    assert found.low == pytest.approx(low, abs=6e-4)
    assert found.high == pytest.approx(high, abs=6e-4)


def test_more_exposure_is_a_smaller_rate() -> None:
    assert poisson_interval(5, exposure=100).high == pytest.approx(0.116683, abs=1e-5)


def test_without_exposure_anything_is_possible() -> None:
    assert poisson_interval(0, exposure=0).high == inf


@pytest.mark.parametrize(
    ("dose_mg", "name"),
    [(300.0, "201-300 mg"), (300.5, "301-400 mg"), (201.0, "201-300 mg"), (0.1, "1-100 mg")],
)
def test_bands(dose_mg: float, name: str) -> None:
    assert band(dose_mg) == name


@pytest.fixture
def officer(db: None, at: datetime) -> User:
    """She follows events, and sees no chart."""
    user = make_user("sue@clinic.example")
    grant_role(user, Role.SAFETY_OFFICER, granted_by=None, at=at)
    return user


def report(patient: Patient, session: Any, at: datetime, *, serious: bool) -> None:
    told = EventReport(description="Sick.", is_serious=serious)
    actor = Actor.person(patient.user_id)
    services.report_event(patient.pk, report=told, session=session, actor=actor, at=at)


def test_of_two_who_were_dosed_one_had_two_events(
    ada: Patient, cyd: Patient, ben: User, officer: User, at: datetime, client_of: Callable[[User], APIClient]
) -> None:
    session, _ = stages.dosed(ada, at=at)
    stages.dosed(cyd, at=at)
    report(ada, session, at, serious=True)
    report(ada, session, at, serious=False)
    report(cyd, None, at, serious=True)
    rows = client_of(officer).get("/api/v1/event-rates").json()
    assert {row["group"] for row in rows} == {"all", "burnout-6", "sublingual", "sublingual, 201-300 mg"}
    found = {(row["what"], row["per"]): row for row in rows if row["group"] == "all"}
    events = found["adverse events", "dosed session"]
    assert (events["count"], events["exposure"], events["rate"]) == (2, 2, 1.0)
    # Hers names no session: it counts for her, and for her course, not for a session.
    assert found["adverse events", "participant who was dosed"]["count"] == 3
    assert found["serious adverse events", "participant who was dosed"]["count"] == 2
    assert found["serious adverse events", "course with a dose"]["count"] == 2
    assert found["serious adverse events", "dosed session"]["count"] == 1
    assert (events["low"], events["high"]) == (
        pytest.approx(0.1211, abs=1e-3),
        pytest.approx(3.6123, abs=1e-3),
    )


def by_name(officer: User, client_of: Callable[[User], APIClient], group: str = "all") -> dict[Any, Any]:
    rows = client_of(officer).get("/api/v1/event-rates").json()
    return {(row["what"], row["per"]): row for row in rows if row["group"] == group}


def test_what_was_reported_before_any_dose_is_no_rate_of_doses(
    ada: Patient, ben: User, officer: User, at: datetime, client_of: Callable[[User], APIClient]
) -> None:
    stages.dosed(ada, at=at)
    report(ada, None, at - timedelta(days=1), serious=False)
    assert by_name(officer, client_of)["adverse events", "participant who was dosed"]["count"] == 0


def test_without_a_session_it_counts_with_the_last_dose_before_it(
    ada: Patient, ben: User, officer: User, at: datetime, client_of: Callable[[User], APIClient]
) -> None:
    stages.dosed(ada, at=at)
    report(ada, None, at, serious=False)
    route = by_name(officer, client_of, "sublingual")
    assert route["adverse events", "participant who was dosed"]["count"] == 1
    assert route["adverse events", "dosed session"]["count"] == 0


def test_what_was_volunteered_stands_beside_what_was_asked(
    ada: Patient, cyd: Patient, ben: User, officer: User, at: datetime, client_of: Callable[[User], APIClient]
) -> None:
    """Of two sessions one was asked about: a tick there, twice, is one in one."""
    session, _ = stages.dosed(ada, at=at)
    stages.dosed(cyd, at=at)
    answers = {ExpectedEffect.DIZZINESS: EffectAnswer.YES, ExpectedEffect.HEADACHE: EffectAnswer.NO}
    actor = Actor.person(ada.user_id)
    for _ in range(2):
        services.note_effects(session, answers=answers, other="", actor=actor, at=at)
    for how in (Ascertainment.ASKED, Ascertainment.VOLUNTEERED, Ascertainment.VOLUNTEERED):
        told = EventReport(description="Sick.", is_serious=False, ascertainment=how)
        services.report_event(ada.pk, report=told, session=session, actor=actor, at=at)
    found = by_name(officer, client_of)
    figures = {key: (row["count"], row["exposure"]) for key, row in found.items()}
    asked = "dosed session that was asked about it"
    assert figures["expected effect: dizziness", asked] == (1, 1)
    assert figures["expected effect: headache", asked] == (0, 1)
    # Nobody said anything of nausea: no figure, rather than one out of none.
    assert ("expected effect: nausea", asked) not in figures
    assert figures["adverse events found by asking", "dosed session that was asked"] == (1, 1)
    assert figures["adverse events volunteered", "dosed session"] == (2, 2)
    assert figures["adverse events observed", "dosed session"] == (0, 2)


def test_not_for_others(ada: Patient, ben: User, client_of: Callable[[User], APIClient]) -> None:
    for user in (ada.user, ben):
        assert client_of(user).get("/api/v1/event-rates").status_code == 403
