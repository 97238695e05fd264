from dataclasses import dataclass
from secrets import compare_digest
from typing import Any

from allauth.headless import app_settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import limits
from accounts.enums import FactorStep
from accounts.errors import DeviceNotBound, OtherDevice, SecondFactorRequired
from accounts.models import Capability, User
from accounts.services import hash_token
from accounts.sign_ins import SessionStore
from core import clock
from core.actors import Actor
from core.errors import NotAllowed, Reason

SCHEME = "Capability"
WHAT_TO_DO = {
    FactorStep.ENROLL: "Set up an authenticator app or a passkey, then show it once.",
    FactorStep.USE: "Show your second factor: it has not been used in this sign-in yet.",
}


@dataclass(frozen=True)
class CapabilityHolder:
    """Whoever holds a link: somebody without an account, who may do what the link says."""

    capability: Capability
    refusal: NotAllowed | None = None
    """Why this device may do nothing with the link but call for help."""
    is_authenticated: bool = True
    is_active: bool = True
    is_staff: bool = False
    pk: None = None


class LinkRefused(AuthenticationFailed):
    """A link that opens nothing; `principal` is whose it was, if it was ever anybody's."""

    def __init__(self, *, principal: Actor | None) -> None:
        super().__init__()
        self.principal = principal


class CapabilityAuthentication(BaseAuthentication):
    """Lets the holder of a link in: `Authorization: Capability <token>`, then the device's key if it has one.

    A dead or unknown link is a 401 like any other, without saying which. A view that says
    `hears_any_device` is open to a device that the link is not bound to, and refuses it by itself.
    """

    def authenticate(self, request: Request) -> tuple[CapabilityHolder, Actor] | None:
        """Return the holder and the actor, or `None` where no such header is sent."""
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme != SCHEME:
            return None
        token, _, device = shown.partition(" ")
        capability = Capability.objects.filter(token_sha256=hash_token(token)).first()
        if capability is None or not capability.is_live(clock.now()):
            # Only now: whoever holds a link that opens is never counted, from whatever address (HZ-17).
            limits.count_link_guess(request)
            raise LinkRefused(principal=Actor.capability(capability.pk) if capability else None)
        holder = CapabilityHolder(capability, refusal=_device_refusal(capability, device))
        view = request.parser_context.get("view")
        if holder.refusal is not None and not getattr(view, "hears_any_device", False):
            raise holder.refusal
        return holder, Actor.capability(capability.pk)

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """Make refusals 401 instead of 403."""
        return SCHEME


def _device_refusal(capability: Capability, device: str) -> NotAllowed | None:
    principal = Actor.capability(capability.pk)
    if not capability.is_held:
        return DeviceNotBound(principal=principal)
    if capability.device_sha256 and not compare_digest(capability.device_sha256, hash_token(device)):
        return OtherDevice(principal=principal)
    return None


class TokenAuthentication(BaseAuthentication):
    """The sign-in library's app token, refused loudly when it opens nothing."""

    def authenticate(self, request: Request) -> tuple[User, SessionStore] | None:
        """Return user and session; a token that is sent and not valid is a 401, not an anonymous request."""
        token = request.headers.get("X-Session-Token")
        if not token:
            return None
        session = app_settings.TOKEN_STRATEGY.lookup_session(token)
        user = session.person() if session else None
        if user is None:
            raise AuthenticationFailed
        require_second_factor(session, request, user=user)
        return user, session

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002
        """Make refusals 401 instead of 403."""
        return "X-Session-Token"


class CookieAuthentication(SessionAuthentication):
    """The cookie of a browser; whatever it sends to change something carries a CSRF token."""

    def authenticate(self, request: Request) -> tuple[User, SessionStore] | None:
        """Return user and session, or `None` where nobody is signed in."""
        session = request._request.session
        if not isinstance(session, SessionStore) or (user := session.person()) is None:
            return None
        self.enforce_csrf(request)
        require_second_factor(session, request, user=user)
        return user, session


def require_second_factor(session: SessionStore, request: Request, *, user: User) -> None:
    """Let nobody work here without a second factor, wherever they turn; raises `SecondFactorRequired`.

    A view that says `before_second_factor` stays open, so that they find out what to do.
    """
    step = session.factor_step()
    if step is None or getattr(request.parser_context.get("view"), "before_second_factor", False):
        return
    reasons = [Reason(code=step, detail=WHAT_TO_DO[step])]
    raise SecondFactorRequired(reasons=reasons, principal=Actor.person(user.pk))


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
            "description": "`Capability <token> <device key>`: the token from the fragment of a link, and the"
            " key with which the device entered its code, if the link has one.",
        }


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Names the app token in the API's documentation."""

    target_class = TokenAuthentication
    name = "session_token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        """Describe the header."""
        return {"type": "apiKey", "in": "header", "name": "X-Session-Token"}


class CookieScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Names the cookie in the API's documentation."""

    target_class = CookieAuthentication
    name = "cookie"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        """Describe the cookie, as it is called over TLS."""
        return {"type": "apiKey", "in": "cookie", "name": "__Host-sessionid"}
