from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.fields import checked
from core.idempotency import idempotent
from sessions import calendar, queries, services
from sessions.rules import Party
from sessions.serializers.calls import CallLinkInput
from sessions.serializers.sessions import DayOutput
from sessions.views.base import DAY, SessionView

LINK = "https://video.example/j/42"


class SessionCalendar(SessionView):
    """A session for one's own calendar."""

    renderer_classes = (JSONRenderer, calendar.InCalendar)

    @extend_schema(
        operation_id="session_calendar_read",
        summary="A calendar entry for a session",
        responses={(200, calendar.MEDIA_TYPE): bytes},
        examples=[
            OpenApiExample(
                "The beginning",
                value="BEGIN:VCALENDAR",
                media_type=calendar.MEDIA_TYPE,
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, session_id: UUID) -> HttpResponse:  # noqa: ARG002
        """Download when it is, and nothing of what it is; opened again after a change, it moves the entry."""
        at = clock.now()
        session = self.session(session_id, *Party, at=at)
        lasts = queries.policy_of(session, at=at)[1].watched_at_most
        answer = calendar.download(calendar.entry(session, lasts=lasts, at=at))
        return self.shown(answer, session.enrollment.patient_id)


class CallLink(SessionView):
    """Where the guide's video call is."""

    @extend_schema(
        operation_id="session_call_link_set",
        summary="Say where the guide's video call is",
        request=CallLinkInput,
        responses=DayOutput,
        examples=[
            OpenApiExample("A room", value={"url": LINK}, request_only=True),
            OpenApiExample("Shown with the session", value=DAY | {"call_url": LINK}, response_only=True),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Set it or, empty, take it back; patient and monitor see it with the session, no message has it."""
        at = clock.now()
        session = self.session(session_id, Party.CLINICIAN, at=at)
        said = checked(CallLinkInput, request.data)
        changed = services.set_call_link(session, url=said["url"])
        return self.answer(changed, at=at)
