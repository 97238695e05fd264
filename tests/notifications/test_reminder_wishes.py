"""How somebody wants to be reminded, on the API; and the link that ends reminders without a sign-in."""

import re
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core import mail
from rest_framework.test import APIClient

from accounts.models import Patient, User
from notifications import stops
from notifications.enums import MessageKind
from notifications.messages import render, telling, with_stop
from notifications.models import Delivery, ReminderPreference, Suppression
from notifications.rules import REMINDERS
from notifications.services import deliver_due, schedule, suppress
from tests.conftest import make_clinician, make_patient, make_user

FORM = MessageKind.ASSESSMENT_DUE
PATH = "/api/v1/me/reminders"


@pytest.fixture
def ada(db: None) -> Patient:
    """The patient, with a chart: this room's other tests need none."""
    return make_patient("ada@example.org", "Ada Example")


@pytest.fixture
def cyd(db: None) -> Patient:
    return make_patient("cyd@example.org", "Cyd Example")


@pytest.fixture
def ben(db: None, at: datetime) -> User:
    return make_clinician(make_user("ben@clinic.example", is_staff=True), "Ben Example", at=at)


@pytest.fixture
def as_ada(ada: Patient, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(ada.user)


def change(client: APIClient, body: Any, *, match: str | None = '"v1"') -> Any:
    headers = {"If-Match": match} if match else {}
    return client.patch(PATH, body, format="json", headers=headers)


def test_the_usual_until_somebody_says_otherwise(as_ada: APIClient) -> None:
    answer = as_ada.get(PATH)
    assert answer.json() == {
        "quiet_from": "21:00",
        "quiet_until": "08:00",
        "timezone": "America/New_York",
        "wanted": True,
        "come": True,
        "channels": ["email"],
    }
    assert answer["ETag"] == '"v1"'


def test_what_is_named_changes_and_the_rest_stays(as_ada: APIClient, ada: Patient) -> None:
    answer = change(as_ada, {"quiet_until": "10:30"})
    assert (answer.status_code, answer["ETag"]) == (200, '"v2"')
    assert (answer.json()["quiet_from"], answer.json()["quiet_until"]) == ("21:00", "10:30")
    kept = ReminderPreference.objects.get(user=ada.user)
    assert (kept.quiet_from, kept.quiet_until) == (time(21), time(10, 30))


def test_no_more_and_again(as_ada: APIClient, ada: Patient) -> None:
    assert change(as_ada, {"wanted": False}).json()["come"] is False
    kinds = set(Suppression.objects.filter(user=ada.user, lifted_at=None).values_list("kind", flat=True))
    assert kinds == set(REMINDERS)
    assert change(as_ada, {"wanted": True}, match='"v2"').json()["come"] is True


def test_wanting_them_does_not_undo_what_else_stops_them(
    as_ada: APIClient, ada: Patient, at: datetime
) -> None:
    suppress(ada.user, kinds=REMINDERS, cause="pause:1", at=at)
    answer = change(as_ada, {"wanted": True}).json()
    assert (answer["wanted"], answer["come"]) == (True, False)


@pytest.mark.parametrize(
    ("body", "match", "status"),
    [
        ({"quiet_from": "09:00", "quiet_until": "08:00"}, '"v1"', 400),
        ({"quiet_from": "25:00"}, '"v1"', 400),
        ({"quiet_from": None}, '"v1"', 400),
        ({"quiet_from": 21}, '"v1"', 400),
        ({"wanted": "perhaps"}, '"v1"', 400),
        ({"channel": "sms"}, '"v1"', 400),
        ({"wanted": False}, None, 428),
        ({"wanted": False}, '"v7"', 412),
    ],
)
def test_refused(body: Any, match: str | None, status: int, as_ada: APIClient, ada: Patient) -> None:
    assert change(as_ada, body, match=match).status_code == status
    assert not Suppression.objects.filter(user=ada.user).exists()
    assert not ReminderPreference.objects.filter(user=ada.user).exists()


def test_ben_has_none(ben: User, client_of: Callable[[User], APIClient]) -> None:
    assert client_of(ben).get(PATH).status_code == 403


# --- the link -----------------------------------------------------------------------------------------------


def stop(token: Any) -> Any:
    return APIClient().post("/api/v1/reminder-stops", {"token": token}, format="json")


def remind(user: User, *, at: datetime, key: str) -> str:
    """Return where the link under a reminder leads, after it has been sent."""
    schedule(FORM, dedupe_key=key, due_at=at, expires_at=at + timedelta(days=3), user=user)
    mail.outbox.clear()
    deliver_due(at=at)
    found = re.search(r"#stop/(\S+)", str(mail.outbox[-1].body)) if mail.outbox else None
    return found[1] if found else ""


@pytest.fixture
def awake(ada: Patient, at: datetime) -> datetime:
    """A moment at which Ada may be reminded: any, because she leaves no hour out."""
    ReminderPreference.objects.create(user=ada.user, quiet_from=time(0), quiet_until=time(0), changed_at=at)
    return at


def test_the_link_in_a_reminder_ends_them(ada: Patient, awake: datetime) -> None:
    token = remind(ada.user, at=awake, key="one")
    assert stop(token).status_code == 204
    assert remind(ada.user, at=awake + timedelta(days=1), key="two") == ""
    assert Delivery.objects.get(dedupe_key="two").outcome == "Reminders are stopped (opted out)."


def test_again_is_harmless_and_it_is_undone_where_one_signs_in(
    ada: Patient, as_ada: APIClient, at: datetime
) -> None:
    token = stops.token_for(ada.user.pk)
    assert [stop(token).status_code for _ in range(2)] == [204, 204]
    assert as_ada.get(PATH).json()["wanted"] is False
    assert change(as_ada, {"wanted": True}).json()["wanted"] is True


def test_it_stops_nobody_else(ada: Patient, cyd: Patient) -> None:
    stop(stops.token_for(ada.user.pk))
    assert set(Suppression.objects.values_list("user", flat=True)) == {ada.user.pk}


def test_every_token_gets_the_same_answer(ada: Patient, cyd: Patient) -> None:
    good = stops.token_for(ada.user.pk)
    forged = [
        "x",
        ada.user.pk.hex,
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        f"{cyd.user.pk.hex}.{good.partition('.')[2]}",
        "not-a-uuid." + good.partition(".")[2],
    ]
    answers = [stop(token) for token in [good, *forged]]
    seen = {
        (answer.status_code, answer.content, tuple(sorted(set(answer.headers) - {"RateLimit"})))
        for answer in answers
    }
    assert len(seen) == 1
    assert set(Suppression.objects.values_list("user", flat=True)) == {ada.user.pk}


@pytest.mark.parametrize("token", ["", None, ["x"], {"x": 1}, "x" * 201])
def test_what_is_no_token_is_refused(token: Any, db: None) -> None:
    assert stop(token).status_code == 400


def test_it_ends_no_page(ada: Patient, awake: datetime) -> None:
    stop(stops.token_for(ada.user.pk))
    schedule(
        MessageKind.CHECK_IN_MISSED,
        dedupe_key="call",
        due_at=awake,
        expires_at=awake + timedelta(hours=1),
        user=ada.user,
        about=ada.pk,
    )
    mail.outbox.clear()
    deliver_due(at=awake)
    assert [message.subject for message in mail.outbox] == ["Please answer now"]
    assert "#stop/" not in str(mail.outbox[0].body)


def test_the_line_under_a_reminder_tells_nothing_and_leaves_the_way_to_a_human_last() -> None:
    text = with_stop(render(FORM, {}), token=stops.token_for(uuid4()))
    assert telling(re.sub(r"\S+#\S+", "", text.body)) is False
    assert text.body.rstrip().endswith(f"Call {settings.CLINIC_PHONE}.")
