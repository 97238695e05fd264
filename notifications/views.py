import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any
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
from core.fields import PageQuery, checked, shaped
from core.idempotency import idempotent
from core.paging import NewestFirst
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
    if not settings.PAGING_GATEWAY_CALLBACK_KEY or not is_signed(request, body, at=timezone.now()):
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


def is_signed(request: HttpRequest, body: bytes, *, at: datetime) -> bool:
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
        wish = services.Wish(
            quiet=said.quiet(now.quiet),
            wanted=said.validated_data.get("wanted", now.wanted),
            ways=said.validated_data.get("channels"),
        )
        services.wish(user_of(request), wish, expected_version=now.version, at=clock.now())
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


MESSAGE = {
    "id": "0199c0de-0000-7000-8000-0000000000d1",
    "kind": "assessment_due",
    "title": "Something is waiting for you",
    "text": "There is something for you to fill in. Need a person? Call +1-555-0100.",
    "link": "https://app.clinic.example/#today",
    "appeared_at": "2026-03-02T15:00:00Z",
    "read_at": None,
}


class InboxPages(NewestFirst):
    """An inbox, newest first, with how much of it nobody has seen."""

    ordering = ("-appeared_at", "-id")

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Describe the count beside the page."""
        whole: dict[str, Any] = super().get_paginated_response_schema(schema)
        whole["properties"]["unread"] = {"type": "integer", "maximum": queries.MOST_UNREAD, "example": 1}
        return whole


class Inbox(View):
    """What was sent to a patient, whichever way it went."""

    permission_classes = (IsPatient,)
    pagination_class = InboxPages

    @extend_schema(
        operation_id="inbox_list",
        summary="What was I sent?",
        parameters=[PageQuery],
        responses=serializers.InboxMessageOutput(many=True),
        examples=[OpenApiExample("One that waits", value=MESSAGE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List reminders, news and calls, newest first; `unread` counts those not seen, up to 99."""
        user = user_of(request)
        answer = self.page(queries.inbox(user), serializers.InboxMessageOutput)
        answer.data["unread"] = queries.unread_count(user)
        return answer


class InboxRead(View):
    """Everything in the inbox."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="inbox_read",
        summary="I have seen everything up to here",
        request=serializers.InboxReadInput,
        responses=serializers.UnreadOutput,
        examples=[
            OpenApiExample("All shown", value={"until": "2026-03-02T15:00:00Z"}, request_only=True),
            OpenApiExample("None left", value={"unread": 0}, response_only=True),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Mark as seen what appeared by then; what came since stays unseen."""
        said = checked(serializers.InboxReadInput, request.data)
        services.mark_read(user_of(request), until=said["until"], at=clock.now())
        return _unread(request)


class InboxMessageRead(View):
    """One message in the inbox."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="inbox_message_read",
        summary="I have seen this one",
        request=None,
        responses=serializers.UnreadOutput,
        examples=[OpenApiExample("None left", value={"unread": 0}, response_only=True)],
    )
    @idempotent
    def post(self, request: Request, message_id: UUID) -> Response:
        """Mark it as seen; it stays where it is."""
        services.mark_one_read(user_of(request), message_id, at=clock.now())
        return _unread(request)


def _unread(request: Request) -> Response:
    return Response({"unread": queries.unread_count(user_of(request))})


REMINDER = {
    "id": "0199c0de-0000-7000-8000-0000000000d2",
    "kind": "assessment_due",
    "channel": "email",
    "status": "expired",
    "why": "Its time passed before it could be sent.",
    "due_at": "2026-03-02T15:00:00Z",
    "expires_at": "2026-03-04T15:00:00Z",
    "finished_at": "2026-03-04T15:00:05Z",
    "tries": 1,
}


class ReminderPages(NewestFirst):
    """Reminders, the one that is due last first."""

    ordering = ("-due_at", "-id")


class Reminders(View):
    """Every reminder for a patient, sent or not."""

    permission_classes = (IsPatient,)
    pagination_class = ReminderPages

    @extend_schema(
        operation_id="reminders_list",
        summary="Of what am I reminded, and when?",
        parameters=[PageQuery],
        responses=serializers.ReminderOutput(many=True),
        examples=[OpenApiExample("Too late", value=REMINDER, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List them, what is due last first, each with why it was sent or was not."""
        return self.page(queries.reminders_of(user_of(request)), serializers.ReminderOutput)


class AsksAboutReminders(IsPatient):
    """A patient, about their own; or who runs the clinic."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the user is one of the two."""
        return super().has_permission(request, view) or IsOperator().has_permission(request, view)


class Reminder(View):
    """One reminder."""

    permission_classes = (AsksAboutReminders,)

    @extend_schema(
        operation_id="reminder_read",
        summary="Why was it sent, or why not?",
        responses=serializers.ReminderOutput,
        examples=[OpenApiExample("Too late", value=REMINDER, response_only=True)],
    )
    def get(self, request: Request, reminder_id: UUID) -> Response:
        """Show how far it has come, and why; neither what it says nor where to."""
        found = queries.reminder_for(user_of(request), reminder_id, at=clock.now())
        return Response(shaped(serializers.ReminderOutput, found))
