"""What an account still needs."""

import pytest
from allauth.account.models import EmailAddress

from tests.conftest import give_factor, make_user

pytestmark = pytest.mark.django_db


def needs(client) -> list[str]:
    return list(client.get("/api/v1/me").json()["needs"])


def test_a_patient_with_a_chart_needs_nothing(ada, client_of):
    client = client_of(ada.user)
    assert needs(client) == []
    assert client.get("/api/v1/me").json()["patient"]["timezone"] == "America/New_York"
    assert client.get("/api/v1/me").json()["patient"]["language"] == "en-US"


def test_a_new_account_needs_a_profile_and_an_address_that_is_theirs(client_of):
    user = make_user("new@example.org")
    assert needs(client_of(user)) == ["profile"]
    EmailAddress.objects.filter(user=user).update(verified=False)
    assert needs(client_of(user)) == ["verify_email", "profile"]


def test_whoever_works_here_needs_a_second_factor(ben, app):
    app.password(ben)
    assert needs(app.client) == ["enroll_second_factor"]
    give_factor(ben)
    assert needs(app.client) == ["use_second_factor"]


def test_and_then_nothing(ben, client_of):
    assert needs(client_of(ben)) == []
