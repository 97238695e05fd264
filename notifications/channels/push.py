"""Notices on a phone or in a browser: Firebase (FCM v1), Apple (APNs) and Web Push, over plain HTTP.

None of them says later what became of a message, and none drops one that it has taken before: in doubt a
reminder is not repeated. A repeat of anything else replaces the first on the screen.
"""

import json
from abc import ABC, abstractmethod
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from os import urandom
from time import time
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from notifications.channels.http import NOT_NOW, TIMEOUT, Heard, post
from notifications.channels.interface import HandedOver, Letter
from notifications.rules import Answer

FCM_URL = "https://fcm.googleapis.com"
FCM_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
KEPT_BY_PROVIDER_S = 24 * 3600
"""How long a phone that is off may stay so before its notice is dropped; the inbox keeps it."""
_APNS_TOKEN_S = 40 * 60
"""Apple wants a token to be used for 20 minutes at least and 60 at most."""
_TOO_OFTEN = 429


class _NoAddress(Exception):
    """An address cannot be read as one; its device's fault, and no other's."""


@contextmanager
def _reading_address() -> Iterator[None]:
    """Tell what goes wrong within from what would go wrong for every device."""
    try:
        yield
    except (ValueError, LookupError, TypeError, httpx.InvalidURL) as error:
        raise _NoAddress(type(error).__name__) from error


def _understood(heard: Heard | HandedOver, *, nobody: bool, alone: bool) -> HandedOver:
    """Return what an answer means; `nobody` where it says that the address is no device's any more.

    `alone`: what it refuses is this one device, as it would not another, so that the service is well.
    """
    if isinstance(heard, HandedOver):
        return heard
    if 200 <= heard.status < 300:
        return HandedOver(Answer.TAKEN)
    if nobody:
        return HandedOver(Answer.NOBODY, f"device gone ({heard.status})")
    if alone:
        answer = Answer.NOT_NOW if heard.status == _TOO_OFTEN else Answer.NEVER
        return HandedOver(answer, f"this device refused with {heard.status}")
    if heard.status in NOT_NOW:
        return HandedOver(Answer.NOT_NOW, f"refused with {heard.status}", broke=True)
    if 300 <= heard.status < 500:
        return HandedOver(Answer.NEVER, f"refused with {heard.status}")
    return HandedOver(Answer.DOUBT, f"failed with {heard.status}", broke=True)


def _says(heard: Heard | HandedOver, *words: str) -> bool:
    return isinstance(heard, Heard) and any(word.encode() in heard.body for word in words)


def _status(heard: Heard | HandedOver) -> int:
    return heard.status if isinstance(heard, Heard) else 0


def _token_in(letter: Letter) -> str:
    with _reading_address():
        return str(json.loads(letter.to)["token"])


class _Push(ABC):
    """One push service."""

    def hand_over(self, letter: Letter) -> HandedOver:
        """Try once. Where a setting or an address is no good it has nothing, and another way can be tried.

        A setting keeps everybody's notices waiting, an address no other's.
        """
        try:
            return self.tell(letter)
        except _NoAddress as error:
            return HandedOver(Answer.NEVER, f"no address of a device: {error}")
        except (ValueError, LookupError, TypeError, jwt.PyJWTError) as error:
            return HandedOver(Answer.NOT_NOW, f"not set up right: {type(error).__name__}", broke=True)

    @abstractmethod
    def tell(self, letter: Letter) -> HandedOver:
        """Ask the service once; what is no good is found out before."""


# --- Firebase ----------------------------------------------------------------------------------------------


@dataclass
class _Pass:
    """What Google let us in with, whose it is, and until when."""

    account: str = ""
    token: str = ""
    ends_at: float = 0.0


_pass = _Pass()


class Fcm(_Push):
    """Android, and iPhones whose app uses Firebase."""

    def tell(self, letter: Letter) -> HandedOver:
        """Try once; where Google lets us not in, it has nothing."""
        token = _token_in(letter)
        account = json.loads(settings.FCM_ACCOUNT)
        let_in = _let_in(account)
        if let_in is not None:
            return let_in
        message = {
            "token": token,
            "notification": {"title": letter.subject, "body": letter.body},
            "data": {"id": str(letter.id), "link": letter.link},
            "android": {
                "ttl": f"{KEPT_BY_PROVIDER_S}s",
                "priority": "HIGH",
                "notification": {"tag": str(letter.id)},
            },
        }
        heard = post(
            f"{FCM_URL}/v1/projects/{account['project_id']}/messages:send",
            timeout=TIMEOUT,
            keeps_open=True,
            json={"message": message},
            headers={"Authorization": f"Bearer {_pass.token}"},
        )
        if _status(heard) == 401:
            _pass.ends_at = 0.0
        # A token of another clinic's app, or of a service that Firebase speaks to with a key of its own.
        alone = _says(heard, "SENDER_ID_MISMATCH", "THIRD_PARTY_AUTH_ERROR")
        nobody = _status(heard) == 404 and _says(heard, "UNREGISTERED")
        return _understood(heard, nobody=nobody, alone=alone)


def _let_in(account: dict[str, str]) -> HandedOver | None:
    """See that `_pass` is good for a minute still; return why it is not, where Google gives us none."""
    now = time()
    if _pass.account == account["client_email"] and _pass.ends_at > now + 60:
        return None
    claims = {
        "iss": account["client_email"],
        "scope": FCM_SCOPE,
        "aud": account["token_uri"],
        "iat": int(now),
        "exp": int(now) + 3600,
    }
    asked = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode(claims, account["private_key"], algorithm="RS256"),
    }
    heard = post(account["token_uri"], timeout=TIMEOUT, data=asked)
    if isinstance(heard, HandedOver):
        return HandedOver(Answer.NOT_NOW, f"not let in: {heard.detail}", broke=True)
    try:
        said = json.loads(heard.body)
        _pass.token, _pass.ends_at = str(said["access_token"]), now + float(said["expires_in"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return HandedOver(Answer.NOT_NOW, f"not let in: {heard.status}", broke=True)
    _pass.account = account["client_email"]
    return None


# --- Apple -------------------------------------------------------------------------------------------------


class Apns(_Push):
    """iPhones and iPads, by a token of ours (not a certificate)."""

    def tell(self, letter: Letter) -> HandedOver:
        """Try once; a repeat replaces what is on the screen."""
        notice = {
            "aps": {"alert": {"title": letter.subject, "body": letter.body}, "sound": "default"},
            "id": str(letter.id),
            "link": letter.link,
        }
        heard = post(
            f"{settings.APNS_URL}/3/device/{_token_in(letter)}",
            timeout=TIMEOUT,
            keeps_open=True,
            json=notice,
            headers={
                "authorization": f"bearer {_apns_token(int(time()) // _APNS_TOKEN_S, settings.APNS_KEY)}",
                "apns-id": str(letter.id),
                "apns-collapse-id": str(letter.id),
                "apns-expiration": str(int(time()) + KEPT_BY_PROVIDER_S),
                "apns-push-type": "alert",
                "apns-topic": settings.APNS_TOPIC,
            },
        )
        nobody = _status(heard) == 410 or _says(heard, "BadDeviceToken")
        # Too many to one device; too many in all, or of our tokens, has another name.
        return _understood(heard, nobody=nobody, alone=_says(heard, '"TooManyRequests"'))


@lru_cache(maxsize=2)
def _apns_token(period: int, key: str) -> str:
    claims = {"iss": settings.APNS_TEAM, "iat": period * _APNS_TOKEN_S}
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": settings.APNS_KEY_ID})


# --- browsers ----------------------------------------------------------------------------------------------


class WebPush(_Push):
    """Browsers, by the push service that each names (RFC 8030), encrypted for it alone (RFC 8291)."""

    def tell(self, letter: Letter) -> HandedOver:
        """Try once; one that still waits at the push service is replaced by its repeat."""
        notice = {"id": str(letter.id), "title": letter.subject, "body": letter.body, "link": letter.link}
        with _reading_address():
            address = json.loads(letter.to)
            there = httpx.URL(address["endpoint"])
            content = sealed(json.dumps(notice).encode(), for_key=address["p256dh"], secret=address["auth"])
        heard = post(
            address["endpoint"],
            timeout=TIMEOUT,
            keeps_open=True,
            content=content,
            headers={
                "Authorization": _voucher(there),
                "Content-Encoding": "aes128gcm",
                "Content-Type": "application/octet-stream",
                "TTL": str(KEPT_BY_PROVIDER_S),
                "Topic": letter.id.hex,
                "Urgency": "high",
            },
        )
        # 401 and 403: it subscribed with another key than ours.
        status = _status(heard)
        return _understood(heard, nobody=status in (404, 410), alone=status in (401, 403, _TOO_OFTEN))


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Return a private key from 32 bytes in base64url; raises `ValueError`."""
    number = unpadded(text)
    if len(number) != 32:
        raise ValueError("has to be 32 bytes in base64url")
    return ec.derive_private_key(int.from_bytes(number), ec.SECP256R1())


def public_key() -> str:
    """Return the key that a browser subscribes with, where the clinic has one."""
    return _point(private_key(settings.WEB_PUSH_KEY).public_key()) if settings.WEB_PUSH_KEY else ""


def unpadded(text: str) -> bytes:
    """Return the bytes of base64url without its padding; raises `ValueError`."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def sealed(words: bytes, *, for_key: str, secret: str) -> bytes:
    """Return `words` as a browser with that key and secret can read them, and nobody between (RFC 8291)."""
    ours = ec.generate_private_key(ec.SECP256R1())
    return _sealed(words, for_key=unpadded(for_key), secret=unpadded(secret), ours=ours, salt=urandom(16))


def _sealed(
    words: bytes, *, for_key: bytes, secret: bytes, ours: ec.EllipticCurvePrivateKey, salt: bytes
) -> bytes:
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), for_key)
    mine = ours.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = ours.exchange(ec.ECDH(), theirs)
    between = _derived(shared, salt=secret, info=b"WebPush: info\0" + for_key + mine, length=32)
    key = _derived(between, salt=salt, info=b"Content-Encoding: aes128gcm\0", length=16)
    nonce = _derived(between, salt=salt, info=b"Content-Encoding: nonce\0", length=12)
    # One record, closed by its delimiter 2 (RFC 8188 section 2).
    head = salt + (4096).to_bytes(4) + len(mine).to_bytes(1) + mine
    return head + AESGCM(key).encrypt(nonce, words + b"\x02", None)


def _derived(material: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(material)


def _point(key: ec.EllipticCurvePublicKey) -> str:
    point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).rstrip(b"=").decode()


def _voucher(endpoint: httpx.URL) -> str:
    """Return who we are, signed for that push service and half a day (VAPID, RFC 8292)."""
    claims: dict[str, Any] = {
        "aud": f"{endpoint.scheme}://{endpoint.netloc.decode()}",
        "exp": datetime.now(UTC) + timedelta(hours=12),
        "sub": settings.WEB_PUSH_CONTACT,
    }
    key = private_key(settings.WEB_PUSH_KEY)
    return f"vapid t={jwt.encode(claims, key, algorithm='ES256')}, k={_point(key.public_key())}"
