"""Turns whatever was raised into an RFC 9457 problem document."""

import logging
import sys
from collections.abc import Iterator
from typing import Any

from django.core import exceptions as django_errors
from django.db import Error, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import patch_vary_headers
from rest_framework import exceptions as drf
from rest_framework.response import Response

from core import errors
from core.contact import contact
from core.logs import log_failure

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
REFUSALS = (409, 422)
"""What a patient meets by doing what they meant to do: the wrong moment, or a reason of care."""

_FROM_FRAMEWORK: tuple[tuple[type[Exception], type[errors.Problem]], ...] = (
    (Http404, errors.NotFound),
    (django_errors.PermissionDenied, errors.NotAllowed),
    (django_errors.RequestDataTooBig, errors.TooLarge),
    (django_errors.SuspiciousOperation, errors.Malformed),
    (drf.NotAuthenticated, errors.SignInRequired),
    (drf.AuthenticationFailed, errors.SignInRequired),
    (drf.PermissionDenied, errors.NotAllowed),
    (drf.NotFound, errors.NotFound),
    (drf.MethodNotAllowed, errors.MethodNotAllowed),
    (drf.NotAcceptable, errors.NotAcceptable),
    (drf.UnsupportedMediaType, errors.UnsupportedMediaType),
    (drf.ParseError, errors.Malformed),
)


_STOOD_STILL = ("25P03", "25P04")
"""Idle in a transaction for too long, and a transaction that took too long; to psycopg, internal errors."""


_READ_ONLY = "25006"
"""The database takes no writes: a standby, or one that was set so while something is mended."""


def handle_exception(raised: Exception, context: dict[str, Any]) -> Response:
    """Answer for DRF: every exception becomes a problem document, an unforeseen one a logged 500."""
    problem = problem_for(raised)
    if problem.status >= 500:
        _log(raised, context["request"].path)
    headers = problem.headers | _headers_of(raised, context)
    return Response(
        _document(problem, context["request"].path),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers=headers,
    )


def _document(problem: errors.Problem, instance: str) -> dict[str, Any]:
    """Return the document, with whom to call where somebody's way ends: nobody is left alone with a no."""
    document = problem.document(instance=instance)
    if problem.status in REFUSALS:
        document["contact"] = contact()
    return document


def _log(raised: Exception, path: str) -> None:
    log_failure(logger, f"While answering {path}", raised)


def problem_for(raised: Exception) -> errors.Problem:
    """Return the problem that `raised` amounts to."""
    if isinstance(raised, errors.Problem):
        return raised
    if isinstance(raised, drf.ValidationError):
        return errors.InvalidInput(errors=list(_input_errors(raised.detail, pointer="")))
    if isinstance(raised, drf.Throttled):
        return errors.TooMany(headers={"Retry-After": str(int(getattr(raised, "wait", 0)) + 1)})
    if isinstance(raised, Error) and (was_cut_off(raised) or _sqlstate(raised) == _READ_ONLY):
        return errors.Unavailable()
    for framework_error, problem in _FROM_FRAMEWORK:
        if isinstance(raised, framework_error):
            return problem()
    return errors.Problem()


def was_cut_off(raised: Error) -> bool:
    """Tell whether the database ended a transaction, or its connection, before it was committed.

    Because it waited or stood still for too long: what the request did is undone, and its key is free.
    """
    is_gone = isinstance(raised, InterfaceError | OperationalError)
    return is_gone or _sqlstate(raised) in _STOOD_STILL


def _sqlstate(raised: Error) -> str | None:
    return getattr(raised.__cause__, "sqlstate", None)


def _input_errors(detail: Any, *, pointer: str) -> Iterator[errors.InputError]:
    """Flatten DRF's nested details; each leaf keeps the JSON pointer to what was wrong."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            here = pointer if key == "non_field_errors" else f"{pointer}/{_escape(str(key))}"
            yield from _input_errors(value, pointer=here)
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, dict | list)
            yield from _input_errors(value, pointer=f"{pointer}/{index}" if nested else pointer)
    else:
        yield errors.InputError(pointer=pointer, code=getattr(detail, "code", "invalid"), detail=str(detail))


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _headers_of(raised: Exception, context: dict[str, Any]) -> dict[str, str]:
    headers = {}
    if isinstance(raised, drf.MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    if isinstance(raised, drf.NotAuthenticated | drf.AuthenticationFailed) and (
        challenge := getattr(raised, "auth_header", None)
    ):
        headers["WWW-Authenticate"] = challenge
    return headers


def respond(problem: errors.Problem, request: HttpRequest) -> HttpResponse:
    """Answer with a problem document where no DRF view was reached."""
    response = JsonResponse(
        problem.document(instance=request.path), status=problem.status, content_type=MEDIA_TYPE
    )
    for name, value in problem.headers.items():
        response[name] = value
    patch_vary_headers(response, ["Accept"])
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses (`handler400`)."""
    return respond(problem_for(exception), request)


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Answer a refusal, CSRF's included (`handler403` and `CSRF_FAILURE_VIEW`)."""
    return respond(errors.NotAllowed(reason), request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """Answer an address that does not exist (`handler404`)."""
    return respond(errors.NotFound(), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer when something of ours broke outside a DRF view (`handler500`)."""
    raised = sys.exc_info()[1]
    return respond(problem_for(raised) if isinstance(raised, Error) else errors.Problem(), request)
