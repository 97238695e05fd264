"""Where a session is on its day: what help needs to know, from the patient alone."""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Patient
from core.actors import Actor
from sessions import queries, services
from sessions.errors import WrongSessionState
from sessions.models import SessionPlace, TreatmentSession
from sessions.views.places import HERE
from tests.api import post
from tests.sessions import stages
from tests.sessions.test_constraints import refused_by


def path(session: TreatmentSession) -> str:
    return f"sessions/{session.pk}/places"


def test_what_is_given_can_be_read_again(session: TreatmentSession, as_ada: APIClient) -> None:
    given = post(as_ada, path(session), HERE)
    assert given.status_code == 201, given.content
    assert {name: given.json()[name] for name in HERE} == HERE
    there = deepcopy(HERE)
    there["address"]["lines"] = ["3 Other Street"]  # type: ignore[index]
    post(as_ada, path(session), there)
    listed = as_ada.get(f"/api/v1/{path(session)}").json()
    lines = [row["address"]["lines"] for row in listed]
    assert lines == [["3 Other Street"], HERE["address"]["lines"]]  # type: ignore[index]


def test_her_clinician_reads_it(session: TreatmentSession, as_ada: APIClient, as_ben: APIClient) -> None:
    post(as_ada, path(session), HERE)
    (listed,) = as_ben.get(f"/api/v1/{path(session)}").json()
    assert listed["contact"] == HERE["contact"]


def test_nobody_else_says_where_she_is(
    session: TreatmentSession, as_ben: APIClient, as_cyd: APIClient, as_dan: APIClient
) -> None:
    answers = [post(client, path(session), HERE).status_code for client in (as_ben, as_dan, as_cyd)]
    assert answers == [403, 403, 404]
    assert as_dan.get(f"/api/v1/{path(session)}").status_code == 403
    assert not SessionPlace.objects.exists()


@pytest.mark.parametrize(
    ("where", "what", "pointer"),
    [
        ("address", {"state": "XX"}, "/address/state"),
        ("address", {"state": ""}, "/address/state"),
        ("address", {"postal_code": "1220"}, "/address/postal_code"),
        ("address", {"lines": []}, "/address/lines"),
        ("address", {"lines": ["a", "b", "c", "d"]}, "/address/lines"),
        ("address", {"country": "CA"}, "/address/country"),
        ("contact", {"phone": "none"}, "/contact/phone"),
        ("contact", {"name": ""}, "/contact/name"),
        ("", {"phone": "911"}, "/phone"),
        ("", {"phone": "+1 518 555 0100 ask for Dan"}, "/phone"),
        ("", {"contact": None}, "/contact"),
    ],
)
def test_what_help_could_not_use_is_refused(
    session: TreatmentSession, as_ada: APIClient, where: str, what: dict[str, Any], pointer: str
) -> None:
    body: dict[str, Any] = deepcopy(HERE)
    (body[where] if where else body).update(what)
    answer = post(as_ada, path(session), body)
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert not SessionPlace.objects.exists()


def test_it_is_taken_while_a_session_runs(ada: Patient, at: datetime) -> None:
    """Who is moved while it runs is found where they are, and what was said before stays."""
    running, _ = stages.dosed(ada, at=at)
    actor = Actor.person(ada.user_id)
    services.give_place(running, place=stages.HERE, actor=actor, at=at + timedelta(minutes=1))
    assert len(queries.places(running)) == 2
    assert queries.places(running)[0].given_at == at + timedelta(minutes=1)


def test_it_is_not_taken_once_a_session_is_off(ada: Patient, at: datetime) -> None:
    session = stages.reached(ada, "cancelled", at=at)
    with stages.refused(WrongSessionState):
        services.give_place(session, place=stages.HERE, actor=Actor.person(ada.user_id), at=at)


def test_a_state_that_does_not_exist_is_not_stored(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    with refused_by("session_place_state_is_known"):
        SessionPlace.objects.create(
            session=session, state="XX", details=b"", given_at=at, actor_kind="person", actor_id="1"
        )


def test_the_address_itself_cannot_be_read_in_the_database(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    services.give_place(session, place=stages.HERE, actor=Actor.person(ada.user_id), at=at)
    assert b"Example" not in bytes(SessionPlace.objects.get().details)
