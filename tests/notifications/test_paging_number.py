"""Where somebody who works here is paged, and what operators see of pages that reached nobody, on the API."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import User
from accounts.services import grant_role
from notifications.enums import MessageKind
from notifications.models import Delivery, PagingNumber
from tests.conftest import make_clinician, make_patient, make_user
from tests.notifications.conftest import Due

ClientOf = Callable[[User], APIClient]
PATH = "/api/v1/me/paging-number"


@pytest.fixture
def ben(db: None, at: datetime) -> User:
    """The clinician, who can sign in."""
    return make_clinician(make_user("ben@clinic.example", is_staff=True), "Ben Example", at=at)


@pytest.fixture
def olga(db: None, at: datetime) -> User:
    """Who runs the clinic."""
    user = make_user("olga@clinic.example")
    grant_role(user, Role.OPERATOR, granted_by=None, at=at - timedelta(days=1))
    return user


def put(client: APIClient, number: Any) -> Any:
    return client.put(PATH, {"number": number}, format="json")


def test_a_number_is_given_shown_and_taken_back(ben: User, olga: User, client_of: ClientOf) -> None:
    client = client_of(ben)
    assert client.get(PATH).json() == {"number": ""}
    assert put(client, "+15550123").json() == {"number": "+15550123"}
    assert client.get(PATH).json() == {"number": "+15550123"}
    assert client_of(olga).get(PATH).json() == {"number": ""}
    assert put(client, "").json() == {"number": ""}
    assert bytes(PagingNumber.objects.get(user=ben).number) == b""


@pytest.mark.parametrize(
    "number",
    ["5550123", "+0155501234", "+1 555 0123", "+1555012345678901", "+1555\n0123", None],
)
def test_what_is_no_number_is_refused(number: Any, ben: User, client_of: ClientOf) -> None:
    assert put(client_of(ben), number).status_code == 400
    assert not PagingNumber.objects.exists()


def test_a_patient_has_none(db: None, client_of: ClientOf) -> None:
    ada = make_patient("ada@example.org", "Ada Example").user
    assert client_of(ada).get(PATH).status_code == 403
    assert put(client_of(ada), "+15550123").status_code == 403


def test_operators_see_what_reached_nobody_and_nobody_else_does(
    ben: User, olga: User, client_of: ClientOf, due: Due, at: datetime
) -> None:
    page = due(MessageKind.ALERT_PAGE, user=ben)
    Delivery.objects.filter(pk=page.pk).update(status="failed", finished_at=at, outcome="Not taken at try 1.")
    (shown,) = client_of(olga).get("/api/v1/unheard-pages").json()["results"]
    assert (shown["id"], shown["channel"], shown["status"]) == (str(page.pk), "email", "failed")
    assert (shown["user"], shown["outcome"]) == (str(ben.pk), "Not taken at try 1.")
    assert client_of(ben).get("/api/v1/unheard-pages").status_code == 403
