"""Texts to patients: to a number that they have shown to be theirs, until they answer STOP."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from time import time
from typing import Any

import httpx
import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.enums import Language
from accounts.models import Patient, User
from core.acting import acting_as
from core.actors import Actor
from core.encryption import decrypt
from notifications import messages, rules
from notifications.channels import gateway as module
from notifications.enums import Channel, MessageKind
from notifications.models import Delivery, ReminderPreference, Suppression
from notifications.queries import reader_of
from notifications.services import cancel, deliver_due, receive, suppress, unsuppress
from notifications.texts import services
from notifications.texts.errors import WrongCode
from notifications.texts.models import TextNumber
from notifications.texts.queries import place
from tests.conftest import make_patient
from tests.notifications.conftest import Due, Sink
from tests.notifications.gateway_sink import GatewaySink, gateway

FORM, NEWS, CALL = MessageKind.ASSESSMENT_DUE, MessageKind.NEWS, MessageKind.CHECK_IN_MISSED
NUMBER, PATH = "+15550123", "/api/v1/me/text-number"
HOUR = timedelta(hours=1)
GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ!\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The alphabet in which a text holds 160 characters (3GPP TS 23.038, without its extension)."""


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


@pytest.fixture
def sms(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewaySink]:
    """The clinic's gateway, which sends texts to patients too."""
    with gateway() as sink:
        settings.PAGING_GATEWAY_URL, settings.PAGING_GATEWAY_KEY = sink.url, "key-for-the-gateway"
        settings.PAGING_GATEWAY_CALLBACK_KEY, settings.PATIENT_TEXTS = "key-for-answers", True
        monkeypatch.setattr(module, "TIMEOUT", httpx.Timeout(0.5))
        yield sink


@pytest.fixture
def as_ada(ada: Patient, client_of: Callable[[User], APIClient], sms: GatewaySink) -> APIClient:
    return client_of(ada.user)


def code_of(user: User) -> str:
    row = TextNumber.objects.get(user=user)
    return str(decrypt(row.code, place=place(row, "code")))


def give_number(patient: Patient, at: datetime, number: str = NUMBER) -> None:
    services.set_number(patient.user, number, at=at)
    services.confirm(patient.user, code_of(patient.user), at=at)


def sent(sms: GatewaySink) -> list[str]:
    return [body["text"] for body in sms.sent.values()]


def reminded(due: Due, patient: Patient, noon: datetime, kind: MessageKind = FORM) -> Delivery:
    return due(kind, user=patient.user, due_at=noon, expires_at=noon + 2 * HOUR)


def ended(reminder: Delivery) -> tuple[str, str]:
    reminder.refresh_from_db()
    return reminder.status, reminder.channel


# --- the number --------------------------------------------------------------------------------------------


def test_a_number_is_confirmed_by_the_code_that_came_there(
    as_ada: APIClient, ada: Patient, sms: GatewaySink, at: datetime
) -> None:
    said = as_ada.put(PATH, {"number": NUMBER}, format="json").json()
    assert said == {"offered": True, "number": NUMBER, "is_confirmed": False, "is_stopped": False}
    deliver_due(at=at + timedelta(minutes=1))
    (text,) = sent(sms)
    assert text.startswith(f"Your code is {code_of(ada.user)}. ")
    answer = as_ada.post(f"{PATH}/confirmation", {"code": code_of(ada.user)}, format="json")
    assert answer.json()["is_confirmed"] is True
    again = as_ada.post(f"{PATH}/confirmation", {"code": "000000"}, format="json")
    assert again.status_code == 400


def test_neither_number_nor_code_lies_readable(ada: Patient, at: datetime) -> None:
    services.set_number(ada.user, NUMBER, at=at)
    row, code = TextNumber.objects.get(), code_of(ada.user)
    kept = bytes(row.number) + bytes(row.code) + bytes(Delivery.objects.get().payload)
    assert NUMBER.encode() not in kept
    assert code.encode() not in kept


@pytest.mark.parametrize("number", ["5550123", "+1", "+1555012345678901", "+1555x123", "＋15550123", None, 1])  # noqa: RUF001
def test_what_is_no_number_is_refused(as_ada: APIClient, number: Any) -> None:
    assert as_ada.put(PATH, {"number": number}, format="json").status_code == 400


def test_where_no_texts_are_offered_no_number_is_taken(as_ada: APIClient, settings: Any) -> None:
    settings.PATIENT_TEXTS = False
    assert as_ada.put(PATH, {"number": NUMBER}, format="json").status_code == 400
    assert as_ada.get(PATH).json()["offered"] is False
    assert as_ada.put(PATH, {"number": ""}, format="json").status_code == 200


def test_a_code_is_good_for_a_while_and_for_its_own_number(ada: Patient, at: datetime) -> None:
    services.set_number(ada.user, NUMBER, at=at)
    first = code_of(ada.user)
    with pytest.raises(WrongCode):
        services.confirm(ada.user, first, at=at + services.CODE_LASTS)
    services.set_number(ada.user, "+15550124", at=at + HOUR)
    if code_of(ada.user) != first:
        with pytest.raises(WrongCode):
            services.confirm(ada.user, first, at=at + HOUR)
    assert TextNumber.objects.get().confirmed_at is None


def test_nobody_guesses_for_long(as_ada: APIClient, ada: Patient, at: datetime, settings: Any) -> None:
    settings.LIMITS = settings.LIMITS | {"text_try": (2, 900), "text_code": (1, 900)}
    services.set_number(ada.user, NUMBER, at=at)
    wrong = f"{(int(code_of(ada.user)) + 1) % 10**6:06}"
    tries = [as_ada.post(f"{PATH}/confirmation", {"code": wrong}, format="json") for _ in range(3)]
    assert [one.status_code for one in tries] == [400, 400, 429]
    codes = [as_ada.put(PATH, {"number": NUMBER}, format="json").status_code for _ in range(2)]
    assert codes == [200, 429]


def test_a_number_is_its_owners_alone(ada: Patient, cyd: Patient, at: datetime) -> None:
    give_number(ada, at)
    with acting_as(Actor.person(cyd.user_id)):
        assert not TextNumber.objects.exists()


def test_nothing_is_confirmed_that_is_no_number(ada: Patient, at: datetime) -> None:
    give_number(ada, at)
    with pytest.raises(IntegrityError, match="text_number_confirmed_is_one"), transaction.atomic():
        TextNumber.objects.update(number=b"")


# --- what goes there ---------------------------------------------------------------------------------------


def test_a_reminder_goes_by_text_and_by_no_other_way(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    give_number(ada, noon)
    reminder = reminded(due, ada, noon)
    deliver_due(at=noon)
    assert ended(reminder) == ("sent", "text")
    (text,) = [text for text in sent(sms) if "code" not in text]
    assert text.startswith("There is something for you to fill in. Open it here: http")
    assert text.endswith(messages.STOP_BY_TEXT)
    assert sink.taken == []


def test_a_text_is_in_the_language_of_the_chart(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    Patient.objects.filter(pk=ada.pk).update(language=Language.SPANISH)
    give_number(ada, noon)
    reminded(due, ada, noon)
    deliver_due(at=noon)
    (text,) = [text for text in sent(sms) if "code" not in text]
    assert text.startswith("Hay algo para rellenar. Ábralo aquí: http")
    assert text.endswith("Responda STOP para no recibir más.")


def test_an_unproved_number_gets_nothing_but_its_code(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    services.set_number(ada.user, NUMBER, at=noon)
    reminded(due, ada, noon)
    deliver_due(at=noon)
    assert (len(sms.sent), len(sink.taken)) == (1, 1)


def test_a_number_changed_meanwhile_gets_no_more(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    give_number(ada, noon - HOUR)
    reminded(due, ada, noon)
    services.set_number(ada.user, "", at=noon)
    deliver_due(at=noon)
    assert (sms.sent, len(sink.taken)) == ({}, 1)


@pytest.mark.parametrize(("status", "tries"), [(422, 1), (400, 1), (503, rules.PATIENCE)])
def test_where_the_text_is_not_taken_the_mail_goes(
    status: int, tries: int, ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    give_number(ada, noon - HOUR)
    sms.status = status
    reminder = reminded(due, ada, noon)
    for minute in range(10):
        deliver_due(at=noon + timedelta(minutes=minute))
    assert ended(reminder) == ("sent", "email")
    assert (len(sms.asked), len(sink.taken)) == (tries, 1)


def test_a_number_that_is_none_is_not_asked_again(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    give_number(ada, noon - HOUR)
    sms.status = 422
    refused = reminded(due, ada, noon)
    deliver_due(at=noon)
    refused.refresh_from_db()
    assert refused.refused_sha256 not in ("", hashlib.sha256(NUMBER.encode()).hexdigest())
    tomorrow = noon + timedelta(days=1)
    reminded(due, ada, tomorrow)
    deliver_due(at=tomorrow)
    assert (len(sms.asked), len(sink.taken)) == (1, 2)


def test_in_doubt_it_is_told_again_by_its_key_and_by_no_other_way(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    give_number(ada, noon - HOUR)
    sms.falls_silent = True
    reminder = reminded(due, ada, noon)
    deliver_due(at=noon)
    assert ended(reminder) == ("leased", "text")
    sms.falls_silent = False
    ReminderPreference.objects.create(user=ada.user, ways="email text", changed_at=noon)
    Delivery.objects.filter(pk=reminder.pk).update(leased_until=noon - timedelta(days=9))
    deliver_due(at=noon)
    assert ended(reminder) == ("sent", "text")
    assert (len(sms.asked), len(sms.sent), sink.taken) == (2, 1, [])


def test_a_receipt_moves_it_forward(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    give_number(ada, noon - HOUR)
    reminder = reminded(due, ada, noon)
    deliver_due(at=noon)
    assert signed("paging", {"id": str(reminder.pk), "state": "delivered"}) == 204
    assert signed("paging", {"id": str(reminder.pk), "state": "failed"}) == 204
    assert ended(reminder) == ("delivered", "text")


def test_a_receipt_that_overtakes_us_keeps_the_day_and_is_in_the_inbox(
    as_ada: APIClient, ada: Patient, noon: datetime, due: Due
) -> None:
    give_number(ada, noon - HOUR)
    reminder = reminded(due, ada, noon)
    Delivery.objects.filter(pk=reminder.pk).update(status="leased", leased_until=noon, told_on=noon.date())
    assert signed("paging", {"id": str(reminder.pk), "state": "delivered"}) == 204
    reminder.refresh_from_db()
    assert (reminder.status, reminder.told_on) == ("delivered", noon.date())
    reader = reader_of(ada.user)
    assert reader is not None
    assert reader.habits.reminded_at == reminder.finished_at
    assert as_ada.get("/api/v1/inbox").json()["unread"] == 1


@pytest.fixture
def undelivered(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> Callable[..., Delivery]:
    """Send a text, and be told after an hour that it did not arrive."""

    def make(kind: MessageKind = FORM, *, meanwhile: Callable[[], object] = lambda: None) -> Delivery:
        give_number(ada, noon - HOUR)
        text = reminded(due, ada, noon, kind)
        deliver_due(at=noon)
        assert ended(text) == ("sent", "text")
        meanwhile()
        receive(text.pk, arrived=False, at=noon + HOUR)
        return text

    return make


@pytest.mark.parametrize("kind", sorted(rules.BY_WISH))
def test_a_text_that_did_not_arrive_goes_by_mail_and_once(
    kind: MessageKind, undelivered: Callable[..., Delivery], noon: datetime, sink: Sink, sms: GatewaySink
) -> None:
    text = undelivered(kind)
    receive(text.pk, arrived=False, at=noon + HOUR)
    deliver_due(at=noon + HOUR)
    receive(text.pk, arrived=False, at=noon + HOUR)
    deliver_due(at=noon + HOUR)
    assert (ended(text), len(sink.taken), len(sms.asked)) == (("sent", "email"), 1, 1)
    asks = ("Open it here", "See when it is", "Say whether it suits you")
    assert any(words in sink.text() for words in asks)
    assert Delivery.objects.get(pk=text.pk).told_on == (noon.date() if kind in rules.REMINDERS else None)


def test_one_that_arrived_after_all_leaves_no_more(
    undelivered: Callable[..., Delivery], ada: Patient, noon: datetime, sink: Sink
) -> None:
    text = undelivered()
    assert receive(text.pk, arrived=True, at=noon + HOUR) == "delivered"
    deliver_due(at=noon + HOUR)
    assert (ended(text), sink.taken) == (("delivered", "text"), [])
    reader = reader_of(ada.user)
    assert reader is not None
    assert reader.habits.reminded_at == noon + HOUR


def test_after_the_mail_has_left_no_receipt_changes_anything(
    undelivered: Callable[..., Delivery], noon: datetime
) -> None:
    text = undelivered()
    deliver_due(at=noon + HOUR)
    assert receive(text.pk, arrived=True, at=noon + HOUR) == "sent"
    assert ended(text) == ("sent", "email")


def test_what_was_said_in_the_same_text_goes_with_it(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    give_number(ada, noon - HOUR)
    first_at = noon - timedelta(minutes=1)
    both = [reminded(due, ada, first_at), reminded(due, ada, noon, MessageKind.SESSION_TOMORROW)]
    deliver_due(at=noon)
    receive(both[0].pk, arrived=False, at=noon + HOUR)
    deliver_due(at=noon + HOUR)
    assert [ended(one)[0] for one in both] == ["sent", "cancelled"]
    (mail,) = sink.taken
    assert mail["Subject"] == messages.TOGETHER.subject


@pytest.mark.parametrize("ends", ["called back", "seen", "too late", "no other way", "not by wish"])
def test_what_is_not_wanted_any_more_leaves_no_more(
    ends: str, undelivered: Callable[..., Delivery], ada: Patient, noon: datetime, due: Due, sink: Sink
) -> None:
    def meanwhile() -> None:
        rows = Delivery.objects.filter(user=ada.user)
        if ends == "called back":
            cancel("test:", at=noon)
        elif ends == "seen":
            rows.update(read_at=noon)
        elif ends == "too late":
            rows.update(expires_at=noon + HOUR)
        elif ends == "no other way":
            ReminderPreference.objects.create(user=ada.user, ways="text", changed_at=noon)
        else:
            rows.update(kind=CALL, told_on=None)

    text = undelivered(meanwhile=meanwhile)
    deliver_due(at=noon + HOUR)
    assert (ended(text)[0], sink.taken) == ("failed", [])


def test_twin_without_that_memory_what_was_called_back_leaves_again(
    undelivered: Callable[..., Delivery], noon: datetime, sink: Sink
) -> None:
    def forgotten() -> None:
        cancel("test:", at=noon)
        Delivery.objects.update(expires_at=noon + 2 * HOUR)

    undelivered(meanwhile=forgotten)
    deliver_due(at=noon + HOUR)
    assert len(sink.taken) == 1


def test_it_keeps_to_quiet_hours_and_to_one_a_day(
    undelivered: Callable[..., Delivery], ada: Patient, noon: datetime, due: Due, sink: Sink
) -> None:
    Delivery.objects.filter(pk=(text := undelivered()).pk).update(expires_at=noon + timedelta(days=3))
    night = noon + 12 * HOUR
    deliver_due(at=night)
    assert (ended(text)[0], sink.taken) == ("due", [])
    due(FORM, user=ada.user, due_at=noon + timedelta(days=1), expires_at=noon + timedelta(days=2))
    deliver_due(at=noon + timedelta(days=1))
    assert len(sink.taken) == 1


# --- STOP --------------------------------------------------------------------------------------------------


def signed(where: str, said: Any, *, key: str = "key-for-answers", age_s: int = 0) -> int:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    stamp = str(int(time()) - age_s)
    signature = hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    client = Client(headers={"X-Timestamp": stamp, "X-Signature": signature})
    return int(client.post(f"/provider-callbacks/{where}", body, content_type="application/json").status_code)


def reply(words: str, *, number: str = NUMBER, age_s: int = 0) -> int:
    return signed("texts", {"from": number, "text": words}, age_s=age_s)


@pytest.mark.parametrize("words", ["STOP", "stop", " Stop. ", "STOP ALL", "unsubscribe", "Quit!"])
def test_stop_ends_texts_and_reminders(
    words: str, ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink, as_ada: APIClient
) -> None:
    give_number(ada, noon - HOUR)
    reminded(due, ada, noon)
    news = reminded(due, ada, noon, NEWS)
    assert reply(words) == 204
    deliver_due(at=noon)
    assert (sms.sent, len(sink.taken), ended(news)) == ({}, 1, ("sent", "email"))
    assert as_ada.get(PATH).json()["is_stopped"] is True
    assert as_ada.get("/api/v1/me/reminders").json()["wanted"] is False


def test_a_stop_reaches_whoever_gave_that_number_and_nobody_else(
    ada: Patient, cyd: Patient, at: datetime, sms: GatewaySink
) -> None:
    give_number(ada, at)
    give_number(cyd, at, "+15550199")
    reply("STOP")
    assert set(Suppression.objects.values_list("user", flat=True)) == {ada.user_id}
    assert reply("STOP", number="+15559999") == 204
    assert reply("STOP", number="") == 204


def test_a_number_that_no_key_opens_keeps_nobodys_stop_from_being_heard(
    ada: Patient, cyd: Patient, at: datetime, sms: GatewaySink, caplog: pytest.LogCaptureFixture
) -> None:
    give_number(cyd, at, "+15550199")
    give_number(ada, at)
    TextNumber.objects.filter(user=cyd.user).update(number=b"no key opens this")
    assert reply("STOP") == 204
    assert reply("STOP", number="") == 204
    assert set(Suppression.objects.values_list("user", flat=True)) == {ada.user_id}
    assert str(TextNumber.objects.get(user=cyd.user).pk) in caplog.text


def test_start_lets_texts_come_again_and_reminders_when_the_app_says_so(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    give_number(ada, noon - HOUR)
    reply("STOP", age_s=9)
    reply("START")
    assert reminded(due, ada, noon, NEWS).channel == Channel.TEXT
    reminder = reminded(due, ada, noon)
    deliver_due(at=noon)
    assert ended(reminder)[0] == "cancelled"
    unsuppress(ada.user, cause="opted out", at=noon)
    assert reminded(due, ada, noon).channel == Channel.TEXT


def test_a_start_told_again_after_a_stop_is_no_news(ada: Patient, at: datetime, sms: GatewaySink) -> None:
    give_number(ada, at)
    reply("START", age_s=60)
    reply("STOP", age_s=30)
    reply("START", age_s=60)
    reply("START", age_s=45)
    assert TextNumber.objects.get().stopped_at is not None


def test_twin_without_that_memory_it_undoes_the_stop(ada: Patient, at: datetime, sms: GatewaySink) -> None:
    give_number(ada, at)
    reply("STOP", age_s=30)
    TextNumber.objects.update(replied_at=None)
    reply("START", age_s=60)
    assert TextNumber.objects.get().stopped_at is None


def test_who_writes_something_else_is_told_once_that_nobody_reads_it(
    ada: Patient, at: datetime, sms: GatewaySink, settings: Any
) -> None:
    give_number(ada, at)
    for words in ("I feel awful", "stop it please", "", "x" * 3000):
        assert reply(words) == 204
    assert reply("hello", number="+15559999") == 204
    deliver_due(at=at + timedelta(minutes=2))
    (text,) = [text for text in sent(sms) if text.startswith("Nobody reads")]
    assert settings.EMERGENCY_PHONE in text
    assert settings.CLINIC_PHONE in text
    assert TextNumber.objects.get().stopped_at is None


@pytest.mark.parametrize("forged", [{"key": "another"}, {"age_s": 400}, {"age_s": -400}])
def test_who_cannot_sign_stops_nobody(
    ada: Patient, at: datetime, sms: GatewaySink, forged: dict[str, Any]
) -> None:
    give_number(ada, at)
    assert signed("texts", {"from": NUMBER, "text": "STOP"}, **forged) == 401
    assert TextNumber.objects.get().stopped_at is None


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"from": 1, "text": "STOP"}', b'{"from": "+1"}', b"[" * 4000],
)
def test_an_answer_that_cannot_be_read_is_refused(sms: GatewaySink, body: bytes, db: None) -> None:
    assert signed("texts", body) == 400


# --- a number that no key opens ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [FORM, NEWS])
def test_what_would_go_to_a_number_that_no_key_opens_goes_by_mail(
    kind: MessageKind, ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    give_number(ada, noon - HOUR)
    reminder = reminded(due, ada, noon, kind)
    TextNumber.objects.update(number=b"no key opens this")
    deliver_due(at=noon)
    assert (ended(reminder), sms.sent, len(sink.taken)) == (("sent", "email"), {}, 1)


def test_whose_number_no_key_opens_takes_it_back(as_ada: APIClient, ada: Patient, at: datetime) -> None:
    give_number(ada, at)
    TextNumber.objects.update(number=b"no key opens this")
    services.set_number(ada.user, "", at=at)
    row = TextNumber.objects.get()
    assert (bytes(row.number), row.confirmed_at) == (b"", None)


def test_whose_number_no_key_opens_gives_it_anew(as_ada: APIClient, ada: Patient, at: datetime) -> None:
    give_number(ada, at)
    TextNumber.objects.update(number=b"no key opens this")
    assert as_ada.get(PATH).json()["number"] == ""
    assert as_ada.put(PATH, {"number": NUMBER}, format="json").json()["number"] == NUMBER


# --- a missed check-in -------------------------------------------------------------------------------------


def test_a_call_goes_by_text_too_in_spite_of_everything(
    ada: Patient, noon: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    midnight = noon.replace(hour=4)
    give_number(ada, midnight - HOUR)
    reply("STOP")
    suppress(ada.user, kinds=rules.REMINDERS, cause="hold:1", at=midnight)
    ReminderPreference.objects.update_or_create(
        user=ada.user, defaults={"ways": "email", "changed_at": midnight}
    )
    due(CALL, user=ada.user, due_at=midnight, expires_at=midnight + HOUR)
    deliver_due(at=midnight)
    assert len(sink.taken) == 1
    (text,) = sent(sms)
    assert text.startswith("We have not heard from you.")
    assert messages.STOP_BY_TEXT not in text


def test_a_number_that_no_key_opens_undoes_nothing(
    ada: Patient, noon: datetime, due: Due, sms: GatewaySink
) -> None:
    give_number(ada, noon - HOUR)
    TextNumber.objects.update(number=b"no key opens this")
    due(CALL, user=ada.user, due_at=noon)
    assert due(FORM, user=ada.user, due_at=noon).channel == Channel.EMAIL
    calls = Delivery.objects.filter(kind=CALL).values_list("channel", flat=True)
    assert sorted(calls) == [Channel.EMAIL, Channel.TEXT]


# --- words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(rules.BY_WISH | rules.ABOUT_A_LIFE))
def test_a_text_is_short_and_tells_nothing(kind: MessageKind, settings: Any) -> None:
    settings.APP_URL = "https://app.a-clinic-with-a-long-name.example/"
    for kinds in ([kind], [kind, MessageKind.SESSION_TOMORROW]):
        text = messages.as_text(kinds, can_stop=kind in rules.BY_WISH).body
        assert not messages.telling(text.replace(settings.APP_URL, ""))
        assert settings.CLINIC_PHONE in text
        assert len(text) <= 2 * 153
        assert set(text) <= GSM
