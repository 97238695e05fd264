"""What the sign-in library needs to know of us to keep second factors."""

import base64
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from core.encryption import decrypt, encrypt

_PLACE = "mfa_authenticator.data"


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
