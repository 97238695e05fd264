import hashlib
import hmac
import json
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.enums import Role
from accounts.permissions import HoldsRole, IsOperator, IsPatient, RecentlyAuthenticated, user_of
from core import clock
from core.acting import VISITOR, acting_as
from core.actors import Actor, ServiceName
from core.api import View, etag, require_match
from core.fields import PageQuery
from notifications import queries, serializers, services
from notifications.enums import DeliveryStatus

MOST_BYTES = 4 * 1024
STATES = {"delivered": True, "failed": False}
UNHEARD_SINCE = timedelta(days=7)


class WorksHere(HoldsRole):
    """Whoever works here, as what is all the same."""

    roles = frozenset(Role)


@csrf_exempt
@require_POST
def receive_receipt(request: HttpRequest) -> HttpResponse:
    """Take a receipt from the paging gateway; docs/operations.md says how it is signed.

    204 when it is known now, 404 for a message that is none of ours, 409 for a failure of one that is still
    being handed over: tell it again. Replayed it changes nothing, because states move forward alone.
    """
    body = request.body[: MOST_BYTES + 1]
    if not settings.PAGING_GATEWAY_CALLBACK_KEY or not _is_signed(request, body, at=timezone.now()):
        return HttpResponse(status=401)
    try:
        said = json.loads(body)
        delivery_id, arrived = UUID(said["id"]), STATES[said["state"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return HttpResponse(status=400)
    with acting_as(Actor.service(ServiceName.DELIVER)):
        status = services.receive(delivery_id, arrived=arrived, at=clock.now())
    if status is None:
        return HttpResponse(status=404)
    return HttpResponse(status=409 if status == DeliveryStatus.LEASED else 204)


def _is_signed(request: HttpRequest, body: bytes, *, at: datetime) -> bool:
    """Tell whether time and body are signed with the key that the gateway and we share, within five minutes.

    By the real clock: a rehearsal's is nobody else's.
    """
    stamp = request.headers.get("X-Timestamp", "")
    if len(body) > MOST_BYTES or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        return False
    if abs(at.timestamp() - int(stamp)) > 300:
        return False
    key = settings.PAGING_GATEWAY_CALLBACK_KEY.encode()
    expected = hmac.new(key, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), request.headers.get("X-Signature", "").encode())


class PagingNumbers(View):
    """Where somebody who works here is paged by telephone."""

    permission_classes = (WorksHere, RecentlyAuthenticated)

    @extend_schema(
        operation_id="paging_number_read",
        summary="At which number am I paged?",
        responses=serializers.PagingNumberOutput,
        examples=[OpenApiExample("Ben's", value={"number": "+15550100"}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Show the number, empty where there is none: then pages come by e-mail alone."""
        return self._answer(request)

    @extend_schema(
        operation_id="paging_number_set",
        summary="Say at which number I am paged",
        request=serializers.PagingNumberInput,
        responses=serializers.PagingNumberOutput,
        examples=[OpenApiExample("Ben's", value={"number": "+15550100"})],
    )
    def put(self, request: Request) -> Response:
        """Store it, or with an empty one take it back; then page yourself a test."""
        said = serializers.PagingNumberInput(data=request.data)
        said.is_valid(raise_exception=True)
        services.set_paging_number(user_of(request), said.validated_data["number"], at=clock.now())
        return self._answer(request)

    def _answer(self, request: Request) -> Response:
        number = queries.number_of(user_of(request))
        return Response(serializers.PagingNumberOutput({"number": number}).data)


WISHES = {
    "quiet_from": "21:00",
    "quiet_until": "08:00",
    "timezone": "America/New_York",
    "wanted": True,
    "come": True,
    "channels": ["email"],
}


class ReminderWishes(View):
    """How somebody wants to be reminded."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="reminder_wishes_read",
        summary="When do reminders leave me alone?",
        responses=serializers.ReminderWishesOutput,
        examples=[OpenApiExample("The usual", value=WISHES, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """Show quiet hours on one's own clock, whether reminders are wanted, and whether any come."""
        return self._answer(request)

    @extend_schema(
        operation_id="reminder_wishes_change",
        summary="Say when, and whether, to be reminded",
        parameters=[
            OpenApiParameter(
                name="If-Match",
                type=OpenApiTypes.STR,
                location=OpenApiParameter.HEADER,
                required=True,
                description="The `ETag` of the wishes as they were read.",
            )
        ],
        request=serializers.ReminderWishesInput,
        responses=serializers.ReminderWishesOutput,
        examples=[
            OpenApiExample("Later mornings", value={"quiet_until": "10:00"}, request_only=True),
            OpenApiExample("Kept", value=WISHES | {"quiet_until": "10:00"}, response_only=True),
        ],
    )
    def patch(self, request: Request) -> Response:
        """Change what is named; it counts from the next reminder on. Calls about one's safety go on."""
        now = queries.wishes(user_of(request))
        require_match(request, version=now.version)
        said = serializers.ReminderWishesInput(data=request.data)
        said.is_valid(raise_exception=True)
        services.wish(
            user_of(request),
            quiet=said.quiet(now.quiet),
            wanted=said.validated_data.get("wanted", now.wanted),
            expected_version=now.version,
            at=clock.now(),
        )
        return self._answer(request)

    def _answer(self, request: Request) -> Response:
        found = queries.wishes(user_of(request))
        body = serializers.ReminderWishesOutput(found).data
        return Response(body, headers={"ETag": etag(found.version)})


class ReminderStops(View):
    """The link under every reminder."""

    permission_classes = (AllowAny,)
    authentication_classes = ()

    @extend_schema(
        operation_id="reminder_stops_create",
        summary="Send me no more reminders",
        request=serializers.StopInput,
        responses={204: None},
        examples=[OpenApiExample("By the link", value={"token": "0199c0de.c2lnbmVk"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Stop them, without a sign-in; the answer is the same for every token, good or not."""
        said = serializers.StopInput(data=request.data)
        said.is_valid(raise_exception=True)
        with acting_as(VISITOR):
            services.stop_by_link(said.validated_data["token"], at=clock.now())
        return Response(status=204)


class UnheardPages(View):
    """Pages that may have reached nobody."""

    permission_classes = (IsOperator,)

    @extend_schema(
        operation_id="unheard_pages_list",
        summary="Which pages have reached nobody?",
        parameters=[PageQuery],
        responses=serializers.UnheardPageOutput(many=True),
        examples=[
            OpenApiExample(
                "A wrong number",
                value={
                    "id": "0199c0de-0000-7000-8000-0000000000d0",
                    "kind": "alert_page",
                    "channel": "text",
                    "status": "failed",
                    "due_at": "2026-03-02T15:00:00Z",
                    "outcome": "Not taken at try 1 (recipient refused with 422).",
                    "user": "0199c0de-0000-7000-8000-000000000003",
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List those of a week that failed, that wait, or that no receipt says have arrived; mend the way."""
        at = clock.now()
        found = queries.unheard_pages(since=at - UNHEARD_SINCE, at=at)
        return self.page(found, serializers.UnheardPageOutput)
