from dataclasses import dataclass
from typing import Any

from allauth.headless.contrib.rest_framework.authentication import XSessionTokenAuthentication
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import limits
from accounts.models import Capability
from accounts.services import hash_token
from core import clock
from core.actors import Actor

SCHEME = "Capability"


@dataclass(frozen=True)
class CapabilityHolder:
    """Whoever holds a link: somebody without an account, who may do what the link says."""

    capability: Capability
    is_authenticated: bool = True
    is_active: bool = True
    is_staff: bool = False
    pk: None = None


class CapabilityAuthentication(BaseAuthentication):
    """Lets the holder of a link in: `Authorization: Capability <token>`.

    A dead or unknown link is a 401 like any other, without saying which.
    """

    def authenticate(self, request: Request) -> tuple[CapabilityHolder, Actor] | None:
        """Return the holder and the actor, or `None` where no such header is sent."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != SCHEME:
            return None
        capability = Capability.objects.filter(token_sha256=hash_token(token)).first()
        if capability is None or not capability.is_live(clock.now()):
            # Only now: whoever holds a link that opens is never counted, from whatever address (HZ-17).
            limits.count_link_guess(request)
            raise AuthenticationFailed
        return CapabilityHolder(capability), Actor.capability(capability.pk)

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """Make refusals 401 instead of 403."""
        return SCHEME


class TokenAuthentication(XSessionTokenAuthentication):  # type: ignore[misc]
    """The sign-in library's app token, refused loudly when it opens nothing."""

    def authenticate(self, request: Any) -> Any:
        """Return user and session; a token that is sent and not valid is a 401, not an anonymous request."""
        if not self.get_session_token(request):
            return None
        found = super().authenticate(request)
        if found is None:
            raise AuthenticationFailed
        return found


class CapabilityScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Names the monitor's link in the API's documentation."""

    target_class = CapabilityAuthentication
    name = "capability"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        """Describe the header."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Capability <token>`, the token from the fragment of a link.",
        }


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Names the app token in the API's documentation."""

    target_class = TokenAuthentication
    name = "session_token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        """Describe the header."""
        return {"type": "apiKey", "in": "header", "name": "X-Session-Token"}
