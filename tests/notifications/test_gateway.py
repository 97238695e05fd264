"""The second way to reach whoever is on call: a gateway over real HTTP, well and ill."""

import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.models import User
from config.local.state import free_port
from notifications import checks, rules, services
from notifications.channels import Gateway, Letter
from notifications.channels import gateway as module
from notifications.enums import Channel, DeliveryStatus, MessageKind
from notifications.models import Delivery, PagingNumber, ProviderCircuit
from notifications.queries import unheard_pages
from notifications.rules import Answer, Circuit, after_try
from notifications.services import cancel, deliver_due, set_paging_number
from tests.notifications.conftest import Due, Sink
from tests.notifications.gateway_sink import GatewaySink, gateway

NUMBER = "+15550123"
PAGE, TRIAGE = MessageKind.ALERT_PAGE, MessageKind.TRIAGE_PAGE
LETTER = Letter(id=uuid4(), to=NUMBER, subject="Please look now", body="Something needs you now.")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def sms(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewaySink]:
    """The gateway, as the settings name it."""
    with gateway() as sink:
        settings.PAGING_GATEWAY_URL = sink.url
        settings.PAGING_GATEWAY_KEY = "key-for-the-gateway"
        settings.PAGING_GATEWAY_CALLBACK_KEY = "key-for-receipts"
        monkeypatch.setattr(module, "TIMEOUT", httpx.Timeout(0.5))
        yield sink


@pytest.fixture
def ben(ben: User, at: datetime) -> User:
    """The clinician, with a number."""
    set_paging_number(ben, NUMBER, at=at)
    return ben


def text_of(page: Delivery) -> Delivery:
    return Delivery.objects.get(dedupe_key=f"{page.dedupe_key}:text")


def states(*deliveries: Delivery) -> list[str]:
    for delivery in deliveries:
        delivery.refresh_from_db()
    return [str(delivery.status) for delivery in deliveries]


# --- the adapter --------------------------------------------------------------------------------------------


def test_it_is_asked_once_with_key_number_and_text(sms: GatewaySink) -> None:
    assert Gateway().hand_over(LETTER).answer == Answer.TAKEN
    ((headers, body),) = sms.asked
    assert headers["authorization"] == "Bearer key-for-the-gateway"
    assert headers["idempotency-key"] == body["id"] == str(LETTER.id)
    assert (body["to"], body["text"]) == (NUMBER, LETTER.body)


@pytest.mark.parametrize(
    ("status", "answer", "broke"),
    [
        (401, Answer.NOT_NOW, True),
        (429, Answer.NOT_NOW, True),
        (503, Answer.NOT_NOW, True),
        (422, Answer.NOBODY, False),
        (400, Answer.NEVER, False),
        (404, Answer.NEVER, False),
        (500, Answer.DOUBT, True),
        (504, Answer.DOUBT, True),
    ],
)
def test_what_a_refusal_means(status: int, answer: Answer, broke: bool, sms: GatewaySink) -> None:
    sms.status = status
    handed = Gateway().hand_over(LETTER)
    assert (handed.answer, handed.broke) == (answer, broke)
    assert str(status) in handed.detail


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"OK",
        b"<html>",
        b"[]",
        b"null",
        b'{"accepted": 1}',
        b'{"accepted": false}',
        b"\xff\xfe",
        b"[" * 9000,
    ],
)
def test_an_answer_without_sense_is_doubt(said: bytes, sms: GatewaySink) -> None:
    sms.answer = said
    handed = Gateway().hand_over(LETTER)
    assert (handed.answer, handed.broke) == (Answer.DOUBT, True)


def test_no_more_is_read_of_an_answer_than_a_little(sms: GatewaySink) -> None:
    sms.answer = b" " * 4_000_000 + b'{"accepted": true}'
    assert Gateway().hand_over(LETTER).answer == Answer.DOUBT


def test_it_follows_nobody_elsewhere(sms: GatewaySink) -> None:
    with gateway() as elsewhere:
        sms.status, sms.headers = 307, {"Location": elsewhere.url}
        assert Gateway().hand_over(LETTER).answer == Answer.NEVER
        assert elsewhere.asked == []


def test_silence_after_taking_is_doubt_and_told_again_it_sends_once(sms: GatewaySink) -> None:
    sms.falls_silent = True
    assert Gateway().hand_over(LETTER).answer == Answer.DOUBT
    sms.falls_silent = False
    assert Gateway().hand_over(LETTER).answer == Answer.TAKEN
    assert (len(sms.asked), len(sms.sent)) == (2, 1)


def test_one_that_is_not_there_has_nothing(sms: GatewaySink, settings: Any) -> None:
    settings.PAGING_GATEWAY_URL = f"http://127.0.0.1:{free_port()}/"
    handed = Gateway().hand_over(LETTER)
    assert (handed.answer, handed.broke) == (Answer.NOT_NOW, True)


def test_no_outcome_names_number_words_or_key(sms: GatewaySink, caplog: pytest.LogCaptureFixture) -> None:
    details = []
    with caplog.at_level(logging.DEBUG):
        for sms.status in (202, 400, 422, 500, 503):
            details.append(Gateway().hand_over(LETTER).detail)
        sms.falls_silent = True
        details.append(Gateway().hand_over(LETTER).detail)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("notifications")]
    for secret in (NUMBER, "Something needs", "key-for-the-gateway"):
        assert secret not in "".join(details + ours)


# --- two ways -----------------------------------------------------------------------------------------------


def test_an_urgent_page_goes_by_both_at_once(
    ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    page = due(PAGE, user=ben)
    deliver_due(at=at)
    assert states(page, text_of(page)) == ["sent", "sent"]
    assert (len(sink.taken), len(sms.sent)) == (1, 1)
    (body,) = sms.sent.values()
    assert body["to"] == NUMBER
    assert body["text"].startswith("Something needs you now.")


def test_one_that_can_wait_is_texted_when_nobody_answers(
    ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    page = due(TRIAGE, user=ben)
    deliver_due(at=at)
    assert (states(page, text_of(page)), sms.asked) == (["sent", "due"], [])
    deliver_due(at=at + 5 * MINUTE)
    assert (states(text_of(page)), len(sms.sent)) == (["sent"], 1)


def test_whoever_answered_is_not_texted(
    ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    page = due(TRIAGE, user=ben, dedupe_key="alert:1:0:ben")
    deliver_due(at=at)
    cancel("alert:1:", at=at)
    deliver_due(at=at + 5 * MINUTE)
    assert (states(text_of(page)), sms.asked) == (["cancelled"], [])


@pytest.mark.parametrize("ill", ["550 no such mailbox", "451 later"])
def test_where_e_mail_fails_the_text_does_not_wait(
    ill: str, ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    sink.at_recipient = ill
    page = due(TRIAGE, user=ben)
    deliver_due(at=at)
    assert states(text_of(page)) == ["sent"]


def test_twin_without_another_way_it_waits(
    ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_go_another_way", lambda delivery, at: None)
    sink.at_recipient = "550 no such mailbox"
    page = due(TRIAGE, user=ben)
    deliver_due(at=at)
    assert states(text_of(page)) == ["due"]


@pytest.mark.parametrize("kind", sorted(set(MessageKind) - set(rules.TEXTED_AFTER) - rules.TO_ADDRESSES))
def test_nothing_else_is_texted(
    kind: MessageKind, ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    due(kind, user=ben)
    assert not Delivery.objects.filter(channel=Channel.TEXT).exists()


def test_without_a_number_or_a_gateway_there_is_e_mail(
    ada: User, ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink, settings: Any
) -> None:
    due(PAGE, user=ada)
    set_paging_number(ben, "", at=at)
    due(PAGE, user=ben)
    set_paging_number(ben, NUMBER, at=at)
    settings.PAGING_GATEWAY_URL = ""
    due(PAGE, user=ben)
    deliver_due(at=at)
    assert (len(sink.taken), sms.asked) == (3, [])


def test_a_number_taken_back_meanwhile_is_not_called(
    ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    page = due(PAGE, user=ben)
    set_paging_number(ben, "", at=at)
    deliver_due(at=at)
    assert (states(text_of(page)), sms.asked) == (["failed"], [])


def test_in_doubt_it_is_told_again_by_the_same_key(
    ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    page = due(PAGE, user=ben)
    sms.falls_silent = True
    deliver_due(at=at)
    text = text_of(page)
    assert states(text) == ["leased"]
    sms.falls_silent = False
    Delivery.objects.filter(pk=text.pk).update(leased_until=at - timedelta(days=1))
    deliver_due(at=at)
    assert (states(text), len(sms.asked), len(sms.sent)) == (["sent"], 2, 1)


# --- a provider that is dead --------------------------------------------------------------------------------


def test_a_dead_gateway_is_let_alone_and_keeps_no_mail_waiting(
    ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink
) -> None:
    sms.status = 503
    for number in range(6):
        due(PAGE, user=ben, dedupe_key=f"page:{number}")
    deliver_due(at=at)
    assert (len(sms.asked), len(sink.taken)) == (rules.BREAKS_AT, 6)
    sms.status = 202
    deliver_due(at=at + MINUTE)
    assert len(sms.sent) == 6
    assert ProviderCircuit.objects.get().broken == 0


def test_twin_without_a_circuit_each_is_tried(
    ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "BREAKS_AT", 100)
    sms.status = 503
    for number in range(6):
        due(PAGE, user=ben, dedupe_key=f"page:{number}")
    deliver_due(at=at)
    assert len(sms.asked) == 6


def test_a_dead_mail_server_keeps_no_text_waiting(
    ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink, settings: Any
) -> None:
    settings.EMAIL_PORT = free_port()
    for number in range(6):
        due(PAGE, user=ben, dedupe_key=f"page:{number}")
    deliver_due(at=at)
    assert len(sms.sent) == 6


def test_how_long_a_provider_is_let_alone() -> None:
    at, circuit, rests = datetime(2026, 7, 1, tzinfo=UTC), Circuit(), list[float]()
    for _ in range(8):
        circuit = after_try(circuit, broke=True, at=at)
        rests.append((circuit.open_until - at).total_seconds() if circuit.open_until else 0)
    assert rests == [0, 0, 15, 30, 30, 30, 30, 30]
    assert after_try(circuit, broke=False, at=at) == Circuit()


# --- receipts -----------------------------------------------------------------------------------------------


def receipt(said: Any, *, key: str = "key-for-receipts", age_s: int = 0, **headers: str) -> int:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    stamp = str(int(time()) - age_s)
    signature = hmac.new(key.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    sent = {"X-Timestamp": stamp, "X-Signature": signature} | headers
    answer = Client(headers=sent).post("/provider-callbacks/paging", body, content_type="application/json")
    return int(answer.status_code)


@pytest.fixture
def texted(ben: User, at: datetime, due: Due, sink: Sink, sms: GatewaySink) -> Delivery:
    """A text that the gateway has taken."""
    page = due(PAGE, user=ben)
    deliver_due(at=at)
    return text_of(page)


def said(text: Delivery, state: str) -> dict[str, str]:
    return {"id": str(text.pk), "state": state}


def test_a_receipt_says_that_it_has_arrived_and_stays(texted: Delivery) -> None:
    assert receipt(said(texted, "delivered")) == 204
    assert states(texted) == ["delivered"]
    assert receipt(said(texted, "failed")) == 204
    assert receipt(said(texted, "delivered")) == 204
    assert states(texted) == ["delivered"]


def test_a_failure_is_seen(texted: Delivery, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.CRITICAL):
        assert receipt(said(texted, "failed")) == 204
    assert states(texted) == ["failed"]
    assert texted in unheard_pages(since=texted.due_at - MINUTE, at=texted.due_at + MINUTE)


def test_a_failure_of_one_in_hand_is_asked_for_again(texted: Delivery, at: datetime) -> None:
    Delivery.objects.filter(pk=texted.pk).update(
        status=DeliveryStatus.LEASED, leased_until=at + MINUTE, finished_at=None
    )
    assert receipt(said(texted, "failed")) == 409
    assert receipt(said(texted, "delivered")) == 204
    assert states(texted) == ["delivered"]


@pytest.mark.parametrize(
    "forged",
    [
        {"key": "another key"},
        {"age_s": 400},
        {"age_s": -400},
        {"X-Signature": ""},
        {"X-Signature": "é"},
        {"X-Timestamp": ""},
        {"X-Timestamp": "soon"},
        {"X-Timestamp": "9" * 400},
    ],
)
def test_who_cannot_sign_is_not_believed(texted: Delivery, forged: dict[str, Any]) -> None:
    assert receipt(said(texted, "failed"), **forged) == 401
    assert states(texted) == ["sent"]


def test_without_a_key_nobody_is(texted: Delivery, settings: Any) -> None:
    settings.PAGING_GATEWAY_CALLBACK_KEY = ""
    assert receipt(said(texted, "failed"), key="") == 401


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"\xff", b'{"id": 1, "state": "failed"}', b'{"id": "x", "state": "failed"}',
     b'{"state": "failed"}', b"[" * 4000],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(texted: Delivery, body: bytes) -> None:
    assert receipt(body) == 400


def test_a_state_that_is_none_is_refused(texted: Delivery) -> None:
    assert receipt(said(texted, "eaten")) == 400


def test_too_much_is_not_read(texted: Delivery) -> None:
    assert receipt(said(texted, "delivered") | {"more": "x" * 5000}) == 401


def test_only_a_text_of_ours_has_a_receipt(texted: Delivery) -> None:
    assert receipt({"id": str(uuid4()), "state": "failed"}) == 404
    mail = Delivery.objects.get(channel=Channel.EMAIL)
    assert receipt(said(mail, "failed")) == 404
    assert states(mail) == ["sent"]


# --- what is seen of it -------------------------------------------------------------------------------------


def test_a_text_without_a_receipt_is_unheard_after_a_while(texted: Delivery, at: datetime) -> None:
    since = at - MINUTE
    assert list(unheard_pages(since=since, at=at + 2 * MINUTE)) == []
    assert list(unheard_pages(since=since, at=at + 3 * MINUTE)) == [texted]
    receipt(said(texted, "delivered"))
    assert list(unheard_pages(since=since, at=at + 3 * MINUTE)) == []


def test_a_page_that_waits_for_a_dead_server_is_unheard(
    ben: User, at: datetime, due: Due, sink: Sink, settings: Any
) -> None:
    settings.EMAIL_PORT = free_port()
    page = due(PAGE, user=ben)
    deliver_due(at=at)
    assert list(unheard_pages(since=at - MINUTE, at=at + 4 * MINUTE)) == [page]


# --- what is kept -------------------------------------------------------------------------------------------


def test_a_number_does_not_lie_readable(ben: User) -> None:
    kept = bytes(PagingNumber.objects.get(user=ben).number)
    assert NUMBER.encode() not in kept


def test_no_other_channel_is_stored(ben: User, due: Due) -> None:
    page = due(PAGE, user=ben)
    with pytest.raises(IntegrityError, match="delivery_channel_is_known"), transaction.atomic():
        Delivery.objects.filter(pk=page.pk).update(channel="pigeon")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"PAGING_GATEWAY_URL": ""}, []),
        ({"PAGING_GATEWAY_KEY": ""}, ["notifications.E001"]),
        ({"PAGING_GATEWAY_CALLBACK_KEY": ""}, ["notifications.E001"]),
        ({"PAGING_GATEWAY_URL": "http://gateway.example/"}, ["notifications.E002"]),
        ({"PAGING_GATEWAY_URL": "http://localhost.evil.example/"}, ["notifications.E002"]),
    ],
)
def test_half_a_gateway_does_not_start(changes: dict[str, str], found: list[str], settings: Any) -> None:
    whole = {
        "PAGING_GATEWAY_URL": "https://gateway.example/messages",
        "PAGING_GATEWAY_KEY": "a",
        "PAGING_GATEWAY_CALLBACK_KEY": "b",
    }
    for name, value in (whole | changes).items():
        setattr(settings, name, value)
    assert [error.id for error in checks.paging_gateway_is_whole(None)] == found
