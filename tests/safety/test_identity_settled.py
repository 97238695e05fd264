"""Who has been compared with a document: their name and birth date change by another document alone."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Patient, User
from safety.models import IdentityCheck
from tests.api import post

ClientOf = Callable[[User], APIClient]
PROFILE = {
    "legal_name": "Ada Example",
    "preferred_name": "Ada",
    "birth_on": "1984-05-17",
    "timezone": "America/New_York",
}
CHANGES = [{"legal_name": "Ada Other"}, {"birth_on": "1984-05-18"}]


def put(client: APIClient, **changed: Any) -> Any:
    return client.put("/api/v1/me", PROFILE | changed, format="json")


def check(client: APIClient, patient: Patient, at: datetime, **said: Any) -> Any:
    body = {"method": "video", "document": "passport", "outcome": "confirmed", "checked_at": at.isoformat()}
    return post(client, f"patients/{patient.pk}/identity-checks", body | said)


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_confirmed_check_the_patient_changes_neither(
    ada: Patient, ben: User, at: datetime, client_of: ClientOf, change: dict[str, str]
) -> None:
    assert check(client_of(ben), ada, at).status_code == 201
    client = client_of(ada.user)
    answer = put(client, preferred_name="Addie", **change)
    assert (answer.status_code, answer.json()["code"]) == (422, "identity_settled")
    ada.refresh_from_db()
    assert (ada.legal_name, str(ada.birth_on), ada.preferred_name) == ("Ada Example", "1984-05-17", "Ada")
    assert put(client, preferred_name="Addie").status_code == 200


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("outcome", ["", "not_confirmed"])
def test_before_it_they_may(
    ada: Patient,
    ben: User,
    at: datetime,
    client_of: ClientOf,
    outcome: str,
    change: dict[str, str],
) -> None:
    if outcome:
        assert check(client_of(ben), ada, at, outcome=outcome, legal_name="Eve").status_code == 201
    assert put(client_of(ada.user), **change).status_code == 200


def test_a_clinician_corrects_them_from_a_document(
    ada: Patient, ben: User, cyd: Patient, at: datetime, client_of: ClientOf
) -> None:
    as_ben = client_of(ben)
    check(as_ben, ada, at)
    assert check(client_of(cyd.user), ada, at, legal_name="Eve").status_code == 403
    assert check(as_ben, cyd, at, legal_name="Eve").status_code == 404
    assert check(as_ben, ada, at, birth_on="2999-01-01").status_code == 400
    assert check(as_ben, ada, at, legal_name="Ada Other", birth_on="1984-05-18").status_code == 201
    ada.refresh_from_db()
    assert (ada.legal_name, str(ada.birth_on)) == ("Ada Other", "1984-05-18")
    assert [one.is_current for one in IdentityCheck.objects.order_by("id")] == [False, True]
    assert put(client_of(ada.user)).json()["code"] == "identity_settled"
