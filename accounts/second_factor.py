"""What the sign-in library needs to know of us to keep second factors."""

import base64
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings

from core.database import atomic
from core.encryption import decrypt, encrypt, reseal

_PLACE = "mfa_authenticator.data"
_SECRETS = ("secret", "seed")
"""What the library encrypts: of an authenticator app, and of recovery codes."""


class Adapter(DefaultMFAAdapter):  # type: ignore[misc]  # the library is untyped
    """Keeps the secrets of authenticator apps and recovery codes encrypted, and names passkeys' domain."""

    def encrypt(self, text: str) -> str:
        """Return `text` as it is stored."""
        return base64.b64encode(encrypt(text, place=_PLACE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return what was stored; raises `core.encryption.Undecipherable`."""
        return str(decrypt(base64.b64decode(encrypted_text), place=_PLACE))

    def get_public_key_credential_rp_entity(self) -> dict[str, Any]:
        """Return whose passkeys they are: one domain for the API and the app, wherever each is served."""
        return {"id": settings.PASSKEY_DOMAIN, "name": settings.MFA_TOTP_ISSUER}


def rotate() -> int:
    """Encrypt every secret anew that is not under the first key; return how many were not.

    Locks one row at a time. Raises `core.encryption.Undecipherable` for a secret that no key opens.
    """
    return sum(_rotated(pk) for pk in Authenticator.objects.order_by("pk").values_list("pk", flat=True))


def _rotated(pk: int) -> int:
    with atomic():
        # One that is taken away meanwhile has nothing left to encrypt.
        for factor in Authenticator.objects.select_for_update().filter(pk=pk):
            held = {name: factor.data[name] for name in _SECRETS if name in factor.data}
            resealed = {name: reseal(base64.b64decode(text), place=_PLACE) for name, text in held.items()}
            new = {name: base64.b64encode(text).decode() for name, text in resealed.items() if text}
            if new:
                factor.data |= new
                factor.save(update_fields=["data"])
                return 1
    return 0
