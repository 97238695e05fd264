"""Values that must not lie readable in the database: AES-256-GCM, bound to the place they belong to."""

import base64
import hashlib
import json
import os
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_MARK = b"\x01k"
"""What a value begins with that names its key; those written before keys had names begin with their nonce."""
_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD = len(_MARK) + _ID_BYTES


class Undecipherable(ValueError):
    """The value was not encrypted here with a key we have, or has been changed or moved."""


def encrypt(value: Any, *, place: str) -> bytes:
    """Encrypt a JSON value for `place` (`table.column:id`) with the first of `FIELD_KEY`.

    Elsewhere it cannot be read. The result is mark, key id, nonce and sealed value; key id and place are
    authenticated.
    """
    return _seal(json.dumps(value).encode(), place=place)


def decrypt(ciphertext: bytes | memoryview, *, place: str) -> Any:
    """Return the value that was encrypted for `place`; raises `Undecipherable`."""
    try:
        return json.loads(_open(bytes(ciphertext), place=place))
    except ValueError as error:
        raise Undecipherable(place) from error


def reseal(ciphertext: bytes | memoryview, *, place: str) -> bytes | None:
    """Return the same value under the first key, or `None` where it is; raises `Undecipherable`."""
    given = bytes(ciphertext)
    if is_current(given):
        return None
    return _seal(_open(given, place=place), place=place)


def is_current(ciphertext: bytes | memoryview) -> bool:
    """Tell whether a value names the first key, the one that encrypts."""
    return bytes(ciphertext[:_HEAD]) == current_head()


def current_head() -> bytes:
    """Return what every value under the first key begins with."""
    return _MARK + _key_id(settings.FIELD_KEYS[0])


def _seal(plain: bytes, *, place: str) -> bytes:
    head, nonce = current_head(), os.urandom(_NONCE_BYTES)
    return head + nonce + _cipher(settings.FIELD_KEYS[0]).encrypt(nonce, plain, head + place.encode())


def _open(ciphertext: bytes, *, place: str) -> bytes:
    head = ciphertext[:_HEAD]
    for key in settings.FIELD_KEYS:
        if head == _MARK + _key_id(key):
            plain = _try(key, ciphertext[_HEAD:], bound_to=head + place.encode())
            if plain is not None:
                return plain
    # From before keys had names; or its nonce begins as a mark and one of our ids does, by chance.
    for key in settings.FIELD_KEYS:
        plain = _try(key, ciphertext, bound_to=place.encode())
        if plain is not None:
            return plain
    raise Undecipherable(place)


def _try(key: str, body: bytes, *, bound_to: bytes) -> bytes | None:
    try:
        return _cipher(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError):
        return None


def _key_id(key: str) -> bytes:
    return hashlib.sha256(b"rekindle field key" + base64.b64decode(key)).digest()[:_ID_BYTES]


@lru_cache(maxsize=8)
def _cipher(key: str) -> AESGCM:
    return AESGCM(base64.b64decode(key))
