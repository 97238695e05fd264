from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from notifications.enums import MessageKind
from notifications.models import Delivery
from tests.notifications.conftest import Due

LIST = "/admin/notifications/delivery/"


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("op@clinic.example"))
    return client


@pytest.fixture
def delivery(db: None, due: Due) -> Delivery:
    return due(MessageKind.VERIFY_EMAIL, address="ada@example.org", words={"code": "ABCD-2345"})


def test_operators_see_how_far_each_came(operator: Client, delivery: Delivery) -> None:
    for address in (LIST, f"{LIST}{delivery.pk}/change/"):
        page = operator.get(address)
        assert page.status_code == 200
        text = page.content.decode()
        assert "verify_email" in text.lower().replace(" ", "_")
        assert "ada@example.org" not in text
        assert "ABCD-2345" not in text
        assert "payload" not in text


@pytest.mark.parametrize("page", ["add/", "{}/change/", "{}/delete/"])
def test_nobody_writes_here(page: str, operator: Client, delivery: Delivery) -> None:
    before = Delivery.objects.values().get()
    answer: Any = operator.post(LIST + page.format(delivery.pk), {"post": "yes", "status": "sent"})
    assert answer.status_code == 403
    assert Delivery.objects.values().get() == before


def test_ada_sees_nothing(ada: User, delivery: Delivery) -> None:
    client = Client()
    client.force_login(ada)
    assert client.get(LIST).status_code == 302
