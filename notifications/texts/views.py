import json
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPatient, RecentlyAuthenticated, user_of
from core import clock, limits
from core.acting import acting_as
from core.actors import Actor, ServiceName
from core.api import View
from core.errors import InputError, InvalidInput
from core.fields import checked, shaped
from core.quotas import limit_of
from notifications.enums import Way
from notifications.queries import ways_offered
from notifications.texts import queries, serializers, services
from notifications.views import MOST_BYTES, is_signed

NUMBER = {"offered": True, "number": "+15550100", "is_confirmed": True, "is_stopped": False}


@csrf_exempt
@require_POST
def receive_reply(request: HttpRequest) -> HttpResponse:
    """Take what somebody answered to a text; docs/operations.md says how it is signed.

    204 whatever it says and whoever it is. What is no STOP or START is not kept, nor shown to anybody.
    """
    body = request.body[: MOST_BYTES + 1]
    if not settings.PAGING_GATEWAY_CALLBACK_KEY or not is_signed(request, body, at=timezone.now()):
        return HttpResponse(status=401)
    try:
        said = json.loads(body)
        number, words = said["from"], said["text"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return HttpResponse(status=400)
    if not isinstance(number, str) or not isinstance(words, str):
        return HttpResponse(status=400)
    said_at = datetime.fromtimestamp(int(request.headers["X-Timestamp"]), tz=UTC)
    with acting_as(Actor.service(ServiceName.DELIVER)):
        services.take_reply(number, words, said_at=said_at, at=clock.now())
    return HttpResponse(status=204)


class TextNumbers(View):
    """Where a patient wants texts."""

    permission_classes = (IsPatient, RecentlyAuthenticated)

    @extend_schema(
        operation_id="text_number_read",
        summary="Where are texts sent to me?",
        responses=serializers.TextNumberOutput,
        examples=[OpenApiExample("Ada's", value=NUMBER, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Show the number, empty where there is none, and whether texts go there."""
        return _answer(request)

    @extend_schema(
        operation_id="text_number_set",
        summary="Say where texts are to be sent to me",
        request=serializers.TextNumberInput,
        responses=serializers.TextNumberOutput,
        examples=[
            OpenApiExample("Ada's", value={"number": "+15550100"}, request_only=True),
            OpenApiExample("Not proved yet", value=NUMBER | {"is_confirmed": False}, response_only=True),
        ],
    )
    def put(self, request: Request) -> Response:
        """Store it and send a code there, which is to be confirmed; with an empty one take it back."""
        number = checked(serializers.TextNumberInput, request.data)["number"]
        if number and Way.TEXT not in ways_offered():
            detail = "This clinic sends no texts."
            raise InvalidInput(errors=[InputError("/number", "not_offered", detail)])
        if number:
            _count("text_code", request)
        services.set_number(user_of(request), number, at=clock.now())
        return _answer(request)


class TextNumberConfirmations(View):
    """That a number is one's own."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="text_number_confirm",
        summary="This is the code that came",
        request=serializers.TextCodeInput,
        responses={200: serializers.TextNumberOutput},
        examples=[
            OpenApiExample("It came", value={"code": "408213"}, request_only=True),
            OpenApiExample("Confirmed", value=NUMBER, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Let texts go to the number whose code this is.

        Needs no Idempotency-Key: a code is good once, and a try counts.
        """
        _count("text_try", request)
        services.confirm(user_of(request), at=clock.now(), **checked(serializers.TextCodeInput, request.data))
        return _answer(request)


def _count(what: str, request: Request) -> None:
    """Count a try by whoever asks; raises DRF's `Throttled` (429) beyond the limit."""
    verdict = limits.take(what, by=str(user_of(request).pk), limit=limit_of(what))
    if not verdict.admitted:
        raise Throttled(wait=verdict.wait_s)


def _answer(request: Request) -> Response:
    row = queries.number_row(user_of(request))
    found = {
        "offered": Way.TEXT in ways_offered(),
        "number": "" if row is None else queries.number_in(row),
        "is_confirmed": row is not None and row.confirmed_at is not None,
        "is_stopped": row is not None and row.stopped_at is not None,
    }
    return Response(shaped(serializers.TextNumberOutput, found))
