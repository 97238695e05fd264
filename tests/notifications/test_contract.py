"""What every channel promises, whoever is behind it: one contract, and nothing in it about whose it is."""

import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from config.local.state import free_port
from notifications import checks
from notifications.channels import Letter, gateway, offered, provider, push
from notifications.channels.http import MOST_BYTES
from notifications.enums import PUSH, Channel
from notifications.rules import Answer
from tests.notifications.conftest import Sink
from tests.notifications.push_sink import PushSink, push_service

KEY = "key-that-nobody-may-read"
TITLE, BODY = "Something is waiting", "There is something."
ALL = [channel for channel in Channel if channel != Channel.RECORD]
OVER_HTTP = [channel for channel in ALL if channel != Channel.EMAIL]


def text_of(number: bytes) -> str:
    return urlsafe_b64encode(number).rstrip(b"=").decode()


@cache
def pem(kind: str) -> str:
    key: Any = ec.generate_private_key(ec.SECP256R1())
    if kind == "rsa":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


BROWSER = ec.derive_private_key(7, ec.SECP256R1())
POINT = BROWSER.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
SECRET = b"0123456789abcdef"


@dataclass
class Rig:
    """A channel in front of a provider of our own."""

    channel: Channel
    mail: Sink
    http: PushSink
    settings: Any
    letter: Letter

    def hand_over(self) -> Any:
        """Try once."""
        return provider(self.channel).hand_over(self.letter)

    @property
    def got(self) -> int:
        """How many messages the provider got to see."""
        return len(self.mail.taken) if self.channel == Channel.EMAIL else len(self.http.asked)

    def be(self, state: str) -> None:
        """Let the provider be well, or as ill as can be."""
        getattr(self, f"_mail_{state}" if self.channel == Channel.EMAIL else f"_http_{state}")()

    def _mail_well(self) -> None:
        pass

    def _mail_later(self) -> None:
        self.mail.at_mail = "451 later"

    def _mail_never(self) -> None:
        self.mail.at_data = "554 no"

    def _mail_gone(self) -> None:
        self.mail.at_recipient = "550 no such mailbox"

    def _mail_silent(self) -> None:
        self.mail.cuts = "after"

    def _mail_absent(self) -> None:
        self.settings.EMAIL_PORT = free_port()

    def _http_well(self) -> None:
        self.http.status, self.http.answer = 200, b'{"accepted": true}'

    def _http_later(self) -> None:
        self.http.status = 503

    def _http_never(self) -> None:
        self.http.status = 400

    def _http_gone(self) -> None:
        said = {Channel.TEXT: 422, Channel.FCM: 404, Channel.APNS: 410, Channel.WEB: 410}
        self.http.status, self.http.answer = said[self.channel], b'{"error": {"status": "UNREGISTERED"}}'

    def _http_silent(self) -> None:
        self.http.falls_silent = True

    def _http_absent(self) -> None:
        self.lead_to(f"http://127.0.0.1:{free_port()}")

    def lead_to(self, base: str) -> None:
        """Put the provider there."""
        addresses = {
            Channel.TEXT: "+15550123",
            Channel.WEB: json.dumps(
                {"endpoint": f"{base}/sub", "p256dh": text_of(POINT), "auth": text_of(SECRET)}
            ),
        }
        address = addresses.get(self.channel, json.dumps({"token": "the-token-of-a-phone"}))
        self.settings.PAGING_GATEWAY_URL, self.settings.APNS_URL = f"{base}/text", base
        account = {"client_email": f"we-{uuid4()}@example.org", "project_id": "p", "private_key": pem("rsa")}
        self.settings.FCM_ACCOUNT = json.dumps(account | {"token_uri": f"{base}/token"})
        if self.channel != Channel.EMAIL:
            self.letter = replace(self.letter, to=address)


Rigged = Callable[[Channel], Rig]


@pytest.fixture
def rigged(sink: Sink, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rigged]:
    """Put a provider of our own behind a channel."""
    settings.EMAIL_TIMEOUT = 0.5
    settings.PAGING_GATEWAY_KEY, settings.APNS_KEY = KEY, pem("ec")
    settings.APNS_KEY_ID, settings.APNS_TEAM, settings.APNS_TOPIC = "KEY1", "TEAM1", "org.example.app"
    settings.WEB_PUSH_KEY = text_of((5).to_bytes(32))
    settings.WEB_PUSH_CONTACT = "mailto:ops@clinic.example"
    for module in (gateway, push):
        monkeypatch.setattr(module, "TIMEOUT", httpx.Timeout(0.5))
    with push_service() as http:
        monkeypatch.setattr(push, "FCM_URL", http.base)

        def make(channel: Channel) -> Rig:
            letter = Letter(uuid4(), "ada@example.org", TITLE, BODY, link="https://app.example/#today")
            rig = Rig(channel, sink, http, settings, letter)
            rig.lead_to(http.base)
            rig._http_well()
            return rig

        yield make


@pytest.mark.parametrize("channel", ALL)
@pytest.mark.parametrize(
    ("state", "answer", "broke"),
    [
        ("well", Answer.TAKEN, False),
        ("gone", Answer.NOBODY, False),
        ("never", Answer.NEVER, False),
        ("silent", Answer.DOUBT, True),
        ("absent", Answer.NOT_NOW, True),
    ],
)
def test_each_says_what_is_known_after_a_try(
    channel: Channel,
    state: str,
    answer: Answer,
    broke: bool,
    rigged: Rigged,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rig = rigged(channel)
    rig.be(state)
    with caplog.at_level(logging.DEBUG):
        handed = rig.hand_over()
    assert (handed.answer, handed.broke) == (answer, broke)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("notifications")]
    for secret in (KEY, BODY, "ada@example.org", "+15550123", "the-token-of-a-phone", text_of(SECRET)):
        assert secret not in handed.detail + "".join(ours)


@pytest.mark.parametrize("channel", ALL)
def test_each_may_take_it_later(channel: Channel, rigged: Rigged) -> None:
    rig = rigged(channel)
    rig.be("later")
    assert rig.hand_over().answer == Answer.NOT_NOW


@pytest.mark.parametrize("channel", ALL)
def test_each_names_the_same_message_alike(channel: Channel, rigged: Rigged) -> None:
    rig = rigged(channel)
    for _ in range(2):
        rig.hand_over()
    assert rig.got == 2
    if channel == Channel.EMAIL:
        assert rig.mail.ids[0] == rig.mail.ids[1]
        return
    names = {"text": "idempotency-key", "apns": "apns-collapse-id", "web": "topic"}
    told = [headers.get(names.get(channel, "")) for _, headers, _ in rig.http.asked]
    if channel == Channel.FCM:
        told = [json.loads(body)["message"]["android"]["notification"]["tag"] for *_, body in rig.http.asked]
    assert set(told) <= {str(rig.letter.id), rig.letter.id.hex}
    assert len(set(told)) == 1


@pytest.mark.parametrize("channel", OVER_HTTP)
def test_none_follows_anybody_elsewhere(channel: Channel, rigged: Rigged) -> None:
    rig = rigged(channel)
    with push_service() as elsewhere:
        rig.http.status, rig.http.headers = 307, {"Location": f"{elsewhere.base}/there"}
        assert rig.hand_over().answer == Answer.NEVER
        assert elsewhere.asked == []


@pytest.mark.parametrize("channel", OVER_HTTP)
def test_none_reads_more_than_a_little(channel: Channel, rigged: Rigged) -> None:
    rig = rigged(channel)
    rig.http.answer = b" " * (40 * MOST_BYTES)
    rig.hand_over()
    assert rig.got == 1


@pytest.mark.parametrize("channel", OVER_HTTP)
def test_an_ill_server_is_doubt(channel: Channel, rigged: Rigged) -> None:
    rig = rigged(channel)
    rig.http.status = 500
    assert rig.hand_over().answer == Answer.DOUBT


@pytest.mark.parametrize(
    ("channel", "status", "said", "answer"),
    [
        (Channel.WEB, 401, b"", Answer.NEVER),
        (Channel.WEB, 403, b"", Answer.NEVER),
        (Channel.WEB, 429, b"", Answer.NOT_NOW),
        (Channel.FCM, 403, b'{"errorCode": "SENDER_ID_MISMATCH"}', Answer.NEVER),
        (Channel.FCM, 401, b'{"errorCode": "THIRD_PARTY_AUTH_ERROR"}', Answer.NEVER),
        (Channel.APNS, 429, b'{"reason": "TooManyRequests"}', Answer.NOT_NOW),
    ],
)
def test_one_device_that_is_refused_is_no_dead_service(
    channel: Channel, status: int, said: bytes, answer: Answer, rigged: Rigged
) -> None:
    rig = rigged(channel)
    rig.http.status, rig.http.answer = status, said
    handed = rig.hand_over()
    assert (handed.answer, handed.broke) == (answer, False)


@pytest.mark.parametrize(
    ("channel", "status", "said"),
    [
        (Channel.WEB, 503, b""),
        (Channel.FCM, 403, b'{"status": "PERMISSION_DENIED"}'),
        (Channel.FCM, 401, b'{"status": "UNAUTHENTICATED"}'),
        (Channel.FCM, 429, b'{"errorCode": "QUOTA_EXCEEDED"}'),
        (Channel.APNS, 403, b'{"reason": "InvalidProviderToken"}'),
        (Channel.APNS, 429, b'{"reason": "TooManyProviderTokenUpdates"}'),
    ],
)
def test_a_service_that_refuses_us_is_let_alone(
    channel: Channel, status: int, said: bytes, rigged: Rigged
) -> None:
    rig = rigged(channel)
    rig.http.status, rig.http.answer = status, said
    handed = rig.hand_over()
    assert (handed.answer, handed.broke) == (Answer.NOT_NOW, True)


@pytest.mark.parametrize("channel", [Channel.FCM, Channel.APNS, Channel.WEB])
@pytest.mark.parametrize(
    "address",
    [
        "",
        "[]",
        "{}",
        '{"endpoint": "https://x/", "p256dh": "AAAA", "auth": "AAAA"}',
        '{"endpoint": "https://[x/"}',
    ],
)
def test_an_address_that_is_none_is_its_devices_fault_alone(
    channel: Channel, address: str, rigged: Rigged
) -> None:
    rig = rigged(channel)
    rig.letter = replace(rig.letter, to=address)
    handed = rig.hand_over()
    assert (handed.answer, handed.broke, rig.got) == (Answer.NEVER, False, 0)


# --- what each carries -------------------------------------------------------------------------------------


def test_firebase_gets_title_body_and_link_and_lets_us_in_once(rigged: Rigged) -> None:
    rig = rigged(Channel.FCM)
    for _ in range(2):
        rig.hand_over()
    path, headers, body = rig.http.asked[-1]
    message = json.loads(body)["message"]
    assert path == "/v1/projects/p/messages:send"
    assert headers["authorization"] == "Bearer let-in"
    assert message["notification"] == {"title": TITLE, "body": BODY}
    assert message["data"]["link"] == rig.letter.link
    assert len(rig.http.let_in) == 1
    assert pem("rsa").encode() not in body


def test_firebase_lets_us_in_anew_after_a_refusal(rigged: Rigged) -> None:
    rig = rigged(Channel.FCM)
    rig.http.status = 401
    assert rig.hand_over().answer == Answer.NOT_NOW
    rig.http.status = 200
    assert rig.hand_over().answer == Answer.TAKEN
    assert len(rig.http.let_in) == 2


def test_a_404_of_another_cause_is_nobodys_end(rigged: Rigged) -> None:
    rig = rigged(Channel.FCM)
    rig.http.status, rig.http.answer = 404, b'{"error": {"status": "NOT_FOUND"}}'
    assert rig.hand_over().answer == Answer.NEVER


def test_apple_gets_a_token_of_ours(rigged: Rigged) -> None:
    rig = rigged(Channel.APNS)
    rig.hand_over()
    path, headers, body = rig.http.asked[0]
    assert path == "/3/device/the-token-of-a-phone"
    token = headers["authorization"].removeprefix("bearer ")
    assert jwt.get_unverified_header(token)["kid"] == "KEY1"
    assert jwt.decode(token, options={"verify_signature": False})["iss"] == "TEAM1"
    assert (headers["apns-topic"], headers["apns-push-type"]) == ("org.example.app", "alert")
    assert json.loads(body)["aps"]["alert"] == {"title": TITLE, "body": BODY}


def test_a_browser_alone_can_read_what_it_gets(rigged: Rigged) -> None:
    rig = rigged(Channel.WEB)
    rig.hand_over()
    _, headers, body = rig.http.asked[0]
    assert BODY.encode() not in body
    assert json.loads(opened(body)) == {
        "id": str(rig.letter.id),
        "title": TITLE,
        "body": BODY,
        "link": rig.letter.link,
    }
    token, key = headers["authorization"].removeprefix("vapid t=").split(", k=")
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), push.unpadded(key))
    claims = jwt.decode(token, theirs, algorithms=["ES256"], audience=rig.http.base)
    assert claims["sub"] == "mailto:ops@clinic.example"


def opened(body: bytes) -> bytes:
    """Open a sealed notice as a browser does."""
    salt, key = body[:16], body[21:86]
    ours = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)

    def derived(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
        return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(material)

    shared = BROWSER.exchange(ec.ECDH(), ours)
    between = derived(shared, SECRET, b"WebPush: info\0" + POINT + key, 32)
    content = AESGCM(derived(between, salt, b"Content-Encoding: aes128gcm\0", 16))
    words = content.decrypt(derived(between, salt, b"Content-Encoding: nonce\0", 12), body[86:], None)
    return words.removesuffix(b"\x02")


def test_it_is_sealed_as_the_standard_shows() -> None:
    """RFC 8291, appendix A."""
    private = int.from_bytes(push.unpadded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
    sealed = push._sealed(
        b"When I grow up, I want to be a watermelon",
        for_key=push.unpadded(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        ),
        secret=push.unpadded("BTBZMqHH6r4Tts7J_aSIgg"),
        ours=ec.derive_private_key(private, ec.SECP256R1()),
        salt=push.unpadded("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert text_of(sealed) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@pytest.mark.parametrize(
    ("channel", "setting", "value"),
    [
        (Channel.FCM, "FCM_ACCOUNT", "{"),
        (Channel.FCM, "FCM_ACCOUNT", '{"project_id": "p"}'),
        (Channel.FCM, "FCM_ACCOUNT", "[]"),
        (Channel.APNS, "APNS_KEY", "no key"),
        (Channel.WEB, "WEB_PUSH_KEY", "abc"),
    ],
)
def test_a_setting_that_is_no_good_stops_no_sender(
    channel: Channel, setting: str, value: str, rigged: Rigged
) -> None:
    rig = rigged(channel)
    setattr(rig.settings, setting, value)
    handed = rig.hand_over()
    assert (handed.answer, handed.broke, rig.got) == (Answer.NOT_NOW, True, 0)


# --- what is offered, and what stands in -------------------------------------------------------------------

WHOLE = {
    "FCM_ACCOUNT": '{"client_email": "a", "private_key": "b", "project_id": "c", "token_uri": "d"}',
    "APNS_KEY": "a",
    "APNS_KEY_ID": "b",
    "APNS_TEAM": "c",
    "APNS_TOPIC": "d",
    "WEB_PUSH_KEY": text_of((5).to_bytes(32)),
    "WEB_PUSH_CONTACT": "mailto:ops@clinic.example",
    "CHANNEL_STAND_IN": "",
}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        (dict.fromkeys(WHOLE, ""), []),
        ({"FCM_ACCOUNT": "{"}, ["notifications.E003"]),
        ({"FCM_ACCOUNT": '{"client_email": "a"}'}, ["notifications.E003"]),
        ({"APNS_TOPIC": ""}, ["notifications.E004"]),
        ({"WEB_PUSH_KEY": "abc"}, ["notifications.E005"]),
        ({"WEB_PUSH_KEY": "é"}, ["notifications.E005"]),
        ({"WEB_PUSH_CONTACT": ""}, ["notifications.E006"]),
        ({"CHANNEL_STAND_IN": "radio"}, ["notifications.E007"]),
    ],
)
def test_half_a_way_does_not_start(changes: dict[str, str], found: list[str], settings: Any) -> None:
    for name, value in (WHOLE | changes).items():
        setattr(settings, name, value)
    assert [error.id for error in checks.push_is_whole(None)] == found


def test_without_its_settings_a_channel_is_not_offered(settings: Any) -> None:
    assert offered() == {Channel.EMAIL}
    for name in ("FCM_ACCOUNT", "APNS_KEY", "WEB_PUSH_KEY"):
        setattr(settings, name, WHOLE[name])
    assert offered() == {Channel.EMAIL, *PUSH}


@pytest.mark.parametrize("channel", OVER_HTTP)
def test_a_stand_in_takes_what_would_leave(channel: Channel, settings: Any, tmp_path: Path) -> None:
    settings.CHANNEL_STAND_IN, settings.STATE_DIR = "sink", tmp_path
    letter = Letter(uuid4(), "nobody", TITLE, BODY)
    for _ in range(2):
        assert provider(channel).hand_over(letter).answer == Answer.TAKEN
    (file,) = (tmp_path / "messages").iterdir()
    assert json.loads(file.read_text())["body"] == BODY
    assert [error.id for error in checks.nothing_stands_in(None)] == ["notifications.E008"]


def test_the_terminal_shows_what_would_leave(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.CHANNEL_STAND_IN = "console"
    provider(Channel.TEXT).hand_over(Letter(uuid4(), "nobody", TITLE, BODY))
    assert BODY in capsys.readouterr().err
