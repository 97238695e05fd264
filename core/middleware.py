from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse

from core.acting import VISITOR, acting_as
from core.actors import Actor
from core.errors import Malformed
from core.looks import refused
from core.parsing import check_text, loads_strictly
from core.problems import respond

Next = Callable[[HttpRequest], HttpResponse]


class StrictAddressMiddleware:
    """Refuses a path or query string that is not clean UTF-8 text, before anything reads it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 400, or pass the request on."""
        try:
            check_text(unquote_to_bytes(request.META.get("QUERY_STRING", "").replace("+", " ")).decode())
            check_text(request.path)
        except UnicodeDecodeError:
            return respond(Malformed("The address is not UTF-8."), request)
        except Malformed as problem:
            return respond(problem, request)
        return self.get_response(request)


class StrictSignInMiddleware:
    """Reads what is sent to the sign-in library as strictly as our own parser, before it does, in its format.

    It would take a lone surrogate for text, and break when it hashes or stores it.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 400, or pass the request on."""
        if request.path.startswith("/api/v1/auth/"):
            try:
                loads_strictly(request.body or b"{}")
            except (Malformed, RequestDataTooBig) as fault:
                errors = [{"code": "malformed", "message": str(fault)}]
                return JsonResponse({"status": 400, "errors": errors}, status=400)
        return self.get_response(request)


class PrivateMiddleware:
    """Tells every cache on the way to keep nothing of the API."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on and mark the answer."""
        response = self.get_response(request)
        if request.path.startswith("/api/"):
            response.setdefault("Cache-Control", "no-store")
        return response


CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
"""Only what we serve ourselves, nothing inline. `data:` images are the API page's icons."""
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
    )
)


class HeadersMiddleware:
    """Tells browsers what a page of ours may load and use: one policy for all of them, and no exceptions.

    Without nonces and per-page rules, which no page needs, a library would have nothing to do.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on and mark the answer, static files' too."""
        response = self.get_response(request)
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response["Permissions-Policy"] = PERMISSIONS_POLICY
        return response


class ActingMiddleware:
    """Says who acts: a visitor, until a view of ours or a page knows better."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on as the visitor it is, or on pages as who is signed in.

        Not only on the admin's: after asking for the password again, the sign-in library's page does what was
        asked for on one of those.
        """
        with acting_as(VISITOR):
            if request.path.startswith("/api/") or not request.user.is_authenticated:
                return self.get_response(request)
            with acting_as(Actor.person(request.user.pk)):
                response = self.get_response(request)
                if response.status_code in (403, 404):
                    refused(what="admin", status=response.status_code, path=request.path)
                return response
