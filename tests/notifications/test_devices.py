"""Notices on a phone: whose it is, when it is told nothing any more, and what else is tried then."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import Patient, SignIn, User
from accounts.services import close_account
from accounts.sign_ins import SessionStore
from core.acting import VISITOR, acting_as
from core.actors import Actor
from notifications import messages, queries, rules, services
from notifications.channels import HandedOver, Letter, provider
from notifications.devices.models import Device
from notifications.devices.queries import reachable
from notifications.devices.rules import MOST_DEVICES, NoAddress, by_subscription, by_token
from notifications.enums import Channel, MessageKind
from notifications.models import Delivery, ReminderPreference
from notifications.rules import Answer
from notifications.services import deliver_due, suppress
from tests.api import post
from tests.conftest import make_patient
from tests.notifications.conftest import Due, Sink

FORM, CALL = MessageKind.ASSESSMENT_DUE, MessageKind.CHECK_IN_MISSED
HOUR = timedelta(hours=1)
TOKEN = "the-token-of-adas-phone-0001"
PHONE = {"channel": "fcm", "token": TOKEN}
DEVICES = "me/devices"


@pytest.fixture
def ada(db: None) -> Patient:
    return make_patient("ada@example.org", "Ada Example")


@pytest.fixture
def cyd(db: None) -> Patient:
    return make_patient("cyd@example.org", "Cyd Example")


@pytest.fixture
def noon(at: datetime) -> datetime:
    """When nobody is left alone."""
    return at.replace(hour=17, minute=0)


@dataclass
class Service:
    """A push service that says what it is told to say."""

    says: HandedOver = field(default_factory=lambda: HandedOver(Answer.TAKEN))
    told: list[Letter] = field(default_factory=list)

    def hand_over(self, letter: Letter) -> HandedOver:
        self.told.append(letter)
        return self.says


@pytest.fixture
def service(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Firebase, set up."""
    settings.FCM_ACCOUNT = "{}"
    service = Service()
    monkeypatch.setattr(
        services, "provider", lambda channel: service if channel == Channel.FCM else provider(channel)
    )
    return service


@pytest.fixture
def as_ada(ada: Patient, client_of: Callable[[User], APIClient], service: Service) -> APIClient:
    """Ada, on her phone."""
    client = client_of(ada.user)
    assert post(client, DEVICES, PHONE).status_code == 201
    return client


def listed(client: APIClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/v1/{DEVICES}").json()["devices"]
    return found


# --- registering -------------------------------------------------------------------------------------------


def test_a_device_is_registered_listed_and_removed(as_ada: APIClient) -> None:
    (device,) = listed(as_ada)
    assert (device["channel"], set(device)) == ("fcm", {"id", "channel", "registered_at"})
    assert as_ada.delete(f"/api/v1/{DEVICES}/{device['id']}").json()["devices"] == []
    assert listed(as_ada) == []
    assert as_ada.delete(f"/api/v1/{DEVICES}/{device['id']}").status_code == 404


def test_where_it_is_does_not_lie_readable(as_ada: APIClient) -> None:
    kept = Device.objects.get()
    assert TOKEN.encode() not in bytes(kept.address)
    assert TOKEN not in json.dumps(as_ada.get(f"/api/v1/{DEVICES}").json())


def test_again_it_is_one(as_ada: APIClient) -> None:
    assert post(as_ada, DEVICES, PHONE).status_code == 201
    assert len(listed(as_ada)) == 1


def test_a_phone_is_one_accounts(
    as_ada: APIClient, ada: Patient, cyd: Patient, client_of: Callable[[User], APIClient]
) -> None:
    as_cyd = client_of(cyd.user)
    (device,) = listed(as_ada)
    assert as_cyd.delete(f"/api/v1/{DEVICES}/{device['id']}").status_code == 404
    with acting_as(VISITOR):
        assert post(as_cyd, DEVICES, PHONE).status_code == 201
    assert (listed(as_ada), len(listed(as_cyd))) == ([], 1)


def test_nobody_sees_anothers(as_ada: APIClient, cyd: Patient) -> None:
    with acting_as(Actor.person(cyd.user_id)):
        assert not Device.objects.exists()


def test_the_oldest_gives_way(as_ada: APIClient) -> None:
    first = listed(as_ada)[0]["id"]
    for number in range(MOST_DEVICES):
        post(as_ada, DEVICES, PHONE | {"token": f"another-token-of-hers-{number:04}"})
    found = [device["id"] for device in listed(as_ada)]
    assert len(found) == MOST_DEVICES
    assert first not in found


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"channel": "fcm"},
        {"channel": "email", "token": TOKEN},
        {"channel": "fcm", "token": "short"},
        {"channel": "fcm", "token": "x" * 1001},
        {"channel": "fcm", "token": "with a space and so no token"},
        {"channel": "fcm", "token": TOKEN, "more": 1},
        {"channel": "web", "token": TOKEN},
        {"channel": "fcm", "token": TOKEN, "subscription": {"endpoint": "x", "keys": {}}},
        {"channel": "web", "subscription": {"endpoint": "https://evil.example/", "keys": 1}},
        {"channel": "apns", "token": "ab" * 32},
    ],
)
def test_what_is_no_device_or_not_offered_is_refused(as_ada: APIClient, body: dict[str, Any]) -> None:
    assert post(as_ada, DEVICES, body).status_code == 400
    assert len(listed(as_ada)) == 1


def test_it_says_what_can_be_registered(as_ada: APIClient, settings: Any) -> None:
    settings.WEB_PUSH_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAU"
    answer = as_ada.get(f"/api/v1/{DEVICES}").json()
    assert answer["offered"] == ["fcm", "web"]
    assert len(answer["web_push_key"]) == 87


KEY = ec.derive_private_key(7, ec.SECP256R1()).public_key()
POINT = (
    urlsafe_b64encode(KEY.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)).decode().rstrip("=")
)
SECRET = "MDEyMzQ1Njc4OWFiY2RlZg"


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:def",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://web.push.apple.com/QGuQyavXutnMH",
        "https://wns2-par02p.notify.windows.com/w/?token=BQYAAA",
    ],
)
def test_the_makers_of_browsers_are_known(endpoint: str) -> None:
    assert by_subscription(endpoint, p256dh=POINT, auth=SECRET).channel == Channel.WEB


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/abc",
        "https://fcm.googleapis.com:8080/x",
        "https://fcm.googleapis.com@evil.example/x",
        "https://user@fcm.googleapis.com/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://evil.example/?fcm.googleapis.com",
        "https://push.apple.com.evil/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest",
        "https://fcm.googleapis.com\\@evil.example/x",
        "https://fcm.googleapis.com/\r\nHost: evil",
        "https://evil.example\tpush.apple.com/",
        "https://fcm。googleapis.com/x",
        "//fcm.googleapis.com/x",
        "file:///etc/passwd",
        "https://[fcm.googleapis.com/x",
        "",
        "https://fcm.googleapis.com/" + "x" * 1000,
    ],
)
def test_nobody_names_a_host_of_their_own(endpoint: str) -> None:
    with pytest.raises(NoAddress, match="push service"):
        by_subscription(endpoint, p256dh=POINT, auth=SECRET)


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [("", SECRET), (POINT, ""), (POINT[:-2], SECRET), ("A" * 87, SECRET), (POINT, "AAAA"), ("é", "é")],
)
def test_keys_that_are_none_are_refused(p256dh: str, auth: str) -> None:
    with pytest.raises(NoAddress, match="keys"):
        by_subscription("https://fcm.googleapis.com/x", p256dh=p256dh, auth=auth)


def test_an_address_is_known_again_and_no_other(settings: Any) -> None:
    assert by_token(Channel.FCM, TOKEN).id == by_token(Channel.FCM, TOKEN).id
    assert by_token(Channel.FCM, TOKEN).id != by_token(Channel.FCM, f"{TOKEN}x").id


# --- the end of it -----------------------------------------------------------------------------------------


def by_sign_out(client: APIClient, user: User) -> None:
    key = client._credentials["HTTP_X_SESSION_TOKEN"]  # type: ignore[attr-defined]
    assert client.delete("/api/v1/auth/app/v1/auth/session").status_code == 401
    assert not SignIn.objects.filter(pk=key).exists()


def by_closing(client: APIClient, user: User) -> None:
    close_account(user, at=timezone.now())


def everywhere(client: APIClient, user: User) -> None:
    for row in SignIn.objects.filter(user=user):
        SessionStore(row.session_key).delete()


def by_sql(client: APIClient, user: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM accounts_signin WHERE user_id = %s", [user.pk])


@pytest.mark.parametrize("end", [by_sign_out, by_closing, everywhere, by_sql])
def test_with_the_sign_in_the_device_is_gone(
    end: Callable[[APIClient, User], None], as_ada: APIClient, ada: Patient
) -> None:
    end(as_ada, ada.user)
    assert not Device.objects.exists()


def test_another_devices_sign_in_ends_alone(
    as_ada: APIClient, ada: Patient, client_of: Callable[[User], APIClient]
) -> None:
    other = client_of(ada.user)
    post(other, DEVICES, PHONE | {"token": "another-token-of-hers-0000"})
    by_sign_out(other, ada.user)
    assert len(listed(as_ada)) == 1


# --- being told --------------------------------------------------------------------------------------------


def reminded(due: Due, patient: Patient, noon: datetime) -> Delivery:
    return due(FORM, user=patient.user, due_at=noon, expires_at=noon + 2 * HOUR)


def ended(reminder: Delivery) -> tuple[str, str]:
    reminder.refresh_from_db()
    return reminder.status, reminder.channel


def test_a_reminder_goes_to_the_phone_and_by_no_other_way(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    reminder = reminded(due, ada, noon)
    deliver_due(at=noon)
    assert ended(reminder) == ("sent", "fcm")
    (letter,) = service.told
    assert json.loads(letter.to) == {"token": TOKEN}
    assert letter.link == messages.link("today")
    assert sink.taken == []
    assert as_ada.get("/api/v1/inbox").json()["unread"] == 1


def test_a_phone_that_is_gone_is_forgotten_and_the_mail_goes(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    service.says = HandedOver(Answer.NOBODY, "device gone (404)")
    reminder = reminded(due, ada, noon)
    deliver_due(at=noon)
    assert ended(reminder) == ("sent", "email")
    assert (len(service.told), len(sink.taken)) == (1, 1)
    assert listed(as_ada) == []


def test_one_registered_anew_meanwhile_is_kept(as_ada: APIClient, ada: Patient) -> None:
    services._forget(Device.objects.get().pk, address="another")
    assert len(listed(as_ada)) == 1


def test_a_service_that_cannot_is_tried_for_a_while_and_then_the_mail_goes(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    service.says = HandedOver(Answer.NOT_NOW, "refused with 503")
    reminder = reminded(due, ada, noon)
    for minute in range(10):
        deliver_due(at=noon + timedelta(minutes=minute))
    assert ended(reminder) == ("sent", "email")
    assert (len(service.told), len(sink.taken)) == (rules.PATIENCE, 1)


def test_what_may_have_arrived_goes_by_no_other_way(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    service.says = HandedOver(Answer.DOUBT, "connection broke")
    reminder = reminded(due, ada, noon)
    for minute in range(10):
        deliver_due(at=noon + timedelta(minutes=minute))
    assert ended(reminder) == ("unknown", "fcm")
    assert (len(service.told), len(sink.taken)) == (1, 0)


def left_by_a_dead_worker(reminder: Delivery, noon: datetime, channel: Channel) -> None:
    Delivery.objects.filter(pk=reminder.pk).update(
        status="leased", leased_until=noon - timedelta(days=9), channel=channel, fence=1
    )


def test_after_a_crash_it_goes_by_no_other_way(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service, settings: Any
) -> None:
    settings.EMAIL_KEY_HEADER = "Idempotency-Key"
    ReminderPreference.objects.create(user=ada.user, ways="email push", changed_at=noon)
    reminder = reminded(due, ada, noon)
    left_by_a_dead_worker(reminder, noon, Channel.FCM)
    deliver_due(at=noon)
    assert ended(reminder) == ("unknown", "fcm")
    assert (sink.taken, service.told) == ([], [])


def test_twin_without_that_memory_it_goes_by_two(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service, settings: Any
) -> None:
    settings.EMAIL_KEY_HEADER = "Idempotency-Key"
    ReminderPreference.objects.create(user=ada.user, ways="email push", changed_at=noon)
    reminder = reminded(due, ada, noon)
    left_by_a_dead_worker(reminder, noon, Channel.EMAIL)
    deliver_due(at=noon)
    assert len(sink.taken) == 1


def test_who_wants_no_reminders_gets_none_there(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    reminded(due, ada, noon)
    suppress(ada.user, kinds=rules.REMINDERS, cause="opted out", at=noon)
    deliver_due(at=noon)
    assert (service.told, sink.taken) == ([], [])


def test_with_a_new_password_no_device_from_before_is_told(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    reminded(due, ada, noon)
    User.objects.filter(pk=ada.user_id).update(password="another")
    deliver_due(at=noon)
    assert (service.told, len(sink.taken)) == ([], 1)


def test_the_phone_used_last_is_told_alone(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, service: Service
) -> None:
    post(as_ada, DEVICES, PHONE | {"token": "another-token-of-hers-0000"})
    post(as_ada, DEVICES, PHONE | {"token": TOKEN})
    reminded(due, ada, noon)
    deliver_due(at=noon)
    assert [json.loads(letter.to)["token"] for letter in service.told] == [TOKEN]


def test_one_device_that_is_refused_keeps_no_others_notice_waiting(
    as_ada: APIClient,
    ada: Patient,
    cyd: Patient,
    client_of: Callable[[User], APIClient],
    noon: datetime,
    due: Due,
    sink: Sink,
    service: Service,
) -> None:
    post(client_of(cyd.user), DEVICES, PHONE | {"token": "the-token-of-cyds-phone-0001"})
    service.says = HandedOver(Answer.NEVER, "this device refused with 403")
    for _ in range(rules.BREAKS_AT + 1):
        due(MessageKind.NEWS, user=ada.user, due_at=noon)
    deliver_due(at=noon)
    assert len(sink.taken) == rules.BREAKS_AT + 1
    service.says = HandedOver(Answer.TAKEN)
    hers = reminded(due, cyd, noon)
    deliver_due(at=noon)
    assert ended(hers) == ("sent", "fcm")


def test_a_device_that_no_key_opens_is_passed_over_for_the_next_way(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    post(as_ada, DEVICES, PHONE | {"token": "another-token-of-hers-0000"})
    for token, left in ((b"another", 1), (b"", 0)):
        reminded(due, ada, noon)
        newest = reachable(ada.user, by=[Channel.FCM])[1 - left]
        Device.objects.filter(pk=newest.pk).update(address=b"no key opens this" + token)
        deliver_due(at=noon)
        noon += timedelta(days=1)
    assert ([json.loads(letter.to)["token"] for letter in service.told], len(sink.taken)) == ([TOKEN], 1)


def test_a_dead_mail_server_keeps_no_notice_waiting(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, service: Service
) -> None:
    assert reminded(due, ada, noon).channel == Channel.FCM


# --- how somebody wants it ---------------------------------------------------------------------------------


def wish(client: APIClient, channels: Any) -> Any:
    return client.patch(
        "/api/v1/me/reminders", {"channels": channels}, format="json", headers={"If-Match": '"v1"'}
    )


def test_who_likes_mail_better_gets_mail(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    reminder = reminded(due, ada, noon)
    assert wish(as_ada, ["email", "push"]).json()["channels"] == ["email", "push"]
    assert ended(reminder) == ("due", "email")
    deliver_due(at=noon)
    assert (service.told, len(sink.taken)) == ([], 1)


@pytest.mark.parametrize("channels", [[], ["push", "push"], ["pigeon"], "push", [None], ["push"] * 9])
def test_a_wish_that_is_none_is_refused(as_ada: APIClient, channels: Any) -> None:
    assert wish(as_ada, channels).status_code == 400


def test_what_is_not_offered_cannot_be_wished_for(as_ada: APIClient, settings: Any) -> None:
    settings.FCM_ACCOUNT = ""
    assert wish(as_ada, ["push"]).status_code == 400
    assert as_ada.get("/api/v1/me/reminders").json()["channels"] == ["email"]


def test_who_wants_it_on_the_phone_alone_gets_mail_once_that_is_gone(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    wish(as_ada, ["push"])
    reminder = reminded(due, ada, noon)
    assert as_ada.delete(f"/api/v1/{DEVICES}/{listed(as_ada)[0]['id']}").status_code == 200
    deliver_due(at=noon)
    assert ended(reminder) == ("sent", "email")
    assert (service.told, len(sink.taken)) == ([], 1)


# --- a missed check-in -------------------------------------------------------------------------------------


def test_a_call_goes_by_every_way_whatever_was_said(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    midnight = noon.replace(hour=4)
    wish(as_ada, ["email"])
    suppress(ada.user, kinds=rules.REMINDERS, cause="opted out", at=noon)
    due(CALL, user=ada.user, due_at=midnight, expires_at=midnight + HOUR)
    deliver_due(at=midnight)
    assert (len(service.told), len(sink.taken)) == (1, 1)
    assert len(as_ada.get("/api/v1/inbox").json()["results"]) == 1


@pytest.fixture
def call_key(as_ada: APIClient) -> str:
    """The key of a call to Ada, who has two phones."""
    assert post(as_ada, DEVICES, PHONE | {"token": "another-token-of-hers-0000"}).status_code == 201
    return f"check-in:{uuid4()}:patient"


def test_every_device_is_called_once(
    call_key: str, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    due(CALL, user=ada.user, due_at=noon, expires_at=noon + HOUR, dedupe_key=call_key)
    deliver_due(at=noon)
    told = [json.loads(letter.to)["token"] for letter in service.told]
    assert (sorted(told), len(sink.taken)) == (["another-token-of-hers-0000", TOKEN], 1)


def test_a_device_that_no_key_opens_keeps_no_other_from_being_called(
    call_key: str, ada: Patient, noon: datetime, due: Due, sink: Sink, service: Service
) -> None:
    newest = Device.objects.order_by("registered_at").last()
    assert newest is not None
    Device.objects.filter(pk=newest.pk).update(address=b"no key opens this")
    due(CALL, user=ada.user, due_at=noon, expires_at=noon + HOUR, dedupe_key=call_key)
    deliver_due(at=noon)
    assert ([json.loads(letter.to)["token"] for letter in service.told], len(sink.taken)) == ([TOKEN], 1)


def test_every_call_is_called_back_by_one_key(call_key: str, ada: Patient, noon: datetime, due: Due) -> None:
    due(CALL, user=ada.user, due_at=noon, expires_at=noon + HOUR, dedupe_key=call_key)
    assert services.cancel(call_key, at=noon) == 3
    assert {row.status for row in Delivery.objects.all()} == {"cancelled"}


def test_nobody_else_is_told_twice(ada: Patient, at: datetime, due: Due, service: Service) -> None:
    due(CALL, address="monitor@example.org")
    due(CALL, user=ada.user)
    assert set(Delivery.objects.values_list("channel", flat=True)) == {Channel.EMAIL}


# --- words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(rules.BY_WISH | rules.ABOUT_A_LIFE))
def test_a_lock_screen_tells_nothing(kind: MessageKind) -> None:
    for kinds in ([kind], [kind, MessageKind.SESSION_TOMORROW]):
        notice = messages.on_a_lock_screen(kinds)
        assert not messages.telling(notice.subject + notice.body)
        assert "{" not in notice.subject
        assert 0 < len(notice.subject) <= 40
        assert 0 < len(notice.body) <= 110


def test_ids_of_devices_are_not_the_addresses() -> None:
    assert TOKEN not in str(by_token(Channel.FCM, TOKEN).id)
    assert by_token(Channel.FCM, TOKEN).id != uuid4()
    assert queries.ways_offered() == {"email"}
