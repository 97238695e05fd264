"""Values that must not lie readable in the database: AES-256-GCM, bound to the place they belong to."""

import base64
import json
import os
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12


class Undecipherable(ValueError):
    """The value was not encrypted here with this key, or has been changed or moved."""


def encrypt(value: Any, *, place: str) -> bytes:
    """Encrypt a JSON value for `place` (table, column and row id); elsewhere it cannot be read."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + _cipher().encrypt(nonce, json.dumps(value).encode(), place.encode())


def decrypt(ciphertext: bytes | memoryview, *, place: str) -> Any:
    """Return the value that was encrypted for `place`; raises `Undecipherable`."""
    nonce, sealed = bytes(ciphertext[:_NONCE_BYTES]), bytes(ciphertext[_NONCE_BYTES:])
    try:
        return json.loads(_cipher().decrypt(nonce, sealed, place.encode()))
    except (InvalidTag, ValueError) as error:
        raise Undecipherable(place) from error


def _cipher() -> AESGCM:
    return AESGCM(base64.b64decode(settings.FIELD_KEY))
