from uuid import UUID

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPerson
from core import clock
from core.api import etag, require_match
from core.idempotency import idempotent
from programs.queries import enrollment_for, own_enrollment
from sessions import queries, services
from sessions.models import TreatmentSession
from sessions.rules import Party
from sessions.serializers.sessions import (
    BookingInput,
    DayOutput,
    InvitationInput,
    InvitationOutput,
    PreparationInput,
    PreparationOutput,
    ReasonInput,
    SessionOutput,
)
from sessions.views.base import DAY, SESSION_ID, SessionView

BOOKING = {"scheduled_at": "2026-03-02T12:00:00-05:00", "timezone": "America/New_York"}
BOOKED = DAY | {
    "status": "scheduled",
    "started_at": None,
    "dosed_at": None,
    "server_time": "2026-02-26T09:00:00Z",
    "deadlines": [],
    "next_actions": ["prepare", "invite_monitor", "reschedule", "cancel", "report_event"],
}
LISTED = {name: value for name, value in BOOKED.items() if name in SessionOutput().fields}
IF_MATCH = OpenApiParameter(
    name="If-Match",
    type=str,
    location=OpenApiParameter.HEADER,
    required=True,
    description="The ETag that was read.",
)


class Sessions(SessionView):
    """The sessions of one enrollment."""

    permission_classes = (IsPerson,)

    @extend_schema(
        operation_id="sessions_list",
        summary="Which sessions are there?",
        responses=SessionOutput(many=True),
        examples=[OpenApiExample("The first one", value=LISTED, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: UUID) -> Response:  # noqa: ARG002
        """List an enrollment's sessions in the order they were booked, the void ones too."""
        enrollment = enrollment_for(self.actor, enrollment_id, at=clock.now())
        return self.page(queries.sessions_of(enrollment), SessionOutput, also=(enrollment.patient_id,))

    @extend_schema(
        operation_id="sessions_book",
        summary="Book the next session",
        request=BookingInput,
        responses={201: DayOutput},
        examples=[
            OpenApiExample("Monday at noon", value=BOOKING, request_only=True),
            OpenApiExample("Booked", value=BOOKED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Book the next session that is not done; there is one at a time."""
        at = clock.now()
        enrollment = own_enrollment(self.actor, enrollment_id)
        asked = BookingInput(data=request.data)
        asked.is_valid(raise_exception=True)
        session = services.book(
            enrollment.pk,
            scheduled_at=asked.validated_data["scheduled_at"],
            timezone=asked.validated_data.get("timezone", enrollment.patient.timezone),
            actor=self.actor,
            at=at,
        )
        return self.answer(session, at=at, code=status.HTTP_201_CREATED)


class SessionDetail(SessionView):
    """One session."""

    @extend_schema(
        operation_id="sessions_read",
        summary="Where does this session stand, and what comes next?",
        responses=DayOutput,
        examples=[OpenApiExample("In progress", value=DAY, response_only=True)],
    )
    def get(self, request: Request, session_id: UUID) -> Response:  # noqa: ARG002
        """Show the session with our time, its open deadlines, and what one may do next."""
        at = clock.now()
        return self.answer(queries.session_to_show(self.actor, session_id, at=at), at=at)


class Rescheduling(SessionView):
    """Another time for a session."""

    @extend_schema(
        operation_id="sessions_reschedule",
        summary="Move a session to another time",
        request=BookingInput,
        responses=DayOutput,
        examples=[OpenApiExample("Monday at noon", value=BOOKING, request_only=True)],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Move a booked session; the monitor has to say again that they are there."""
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, at=at)
        asked = BookingInput(data=request.data)
        asked.is_valid(raise_exception=True)
        moved = services.reschedule(
            session,
            scheduled_at=asked.validated_data["scheduled_at"],
            timezone=asked.validated_data.get("timezone", session.timezone),
            actor=self.actor,
            at=at,
        )
        return self.answer(moved, at=at)


class Cancellation(SessionView):
    """Calling a session off."""

    @extend_schema(
        operation_id="sessions_cancel",
        summary="Call a session off",
        request=ReasonInput,
        responses=DayOutput,
        examples=[OpenApiExample("Without a reason", value={"reason": ""}, request_only=True)],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Call a booked session off; its number can be booked again."""
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, at=at)
        said = ReasonInput(data=request.data)
        said.is_valid(raise_exception=True)
        cancelled = services.cancel(session, actor=self.actor, at=at, **said.validated_data)
        return self.answer(cancelled, at=at)


class MonitorInvitations(SessionView):
    """Who is asked to stay."""

    @extend_schema(
        operation_id="monitor_invitations_create",
        summary="Ask somebody to stay for the session",
        request=InvitationInput,
        responses={201: InvitationOutput},
        examples=[
            OpenApiExample("Dan", value={"first_name": "Dan", "email": "dan@example.org"}, request_only=True),
            OpenApiExample(
                "Asked",
                value={
                    "id": SESSION_ID,
                    "first_name": "Dan",
                    "invited_at": "2026-02-26T09:00:00Z",
                    "expires_at": "2026-03-04T17:00:00Z",
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Mail somebody the link to this one session; whoever was asked before can no longer use theirs."""
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, at=at)
        asked = InvitationInput(data=request.data)
        asked.is_valid(raise_exception=True)
        invitation = services.invite_monitor(
            session,
            first_name=asked.validated_data["first_name"],
            address=asked.validated_data["email"],
            actor=self.actor,
            at=at,
        )
        return Response(InvitationOutput(invitation).data, status=status.HTTP_201_CREATED)


class Preparation(SessionView):
    """What there is to do before a session."""

    @extend_schema(
        operation_id="preparation_read",
        summary="What is there to prepare?",
        responses=PreparationOutput,
        examples=[
            OpenApiExample(
                "One thing left",
                value={
                    "items": [
                        {
                            "key": "space",
                            "title": "A quiet room",
                            "text": "Choose a room where you can lie down and nobody comes in.",
                            "done_at": None,
                        }
                    ]
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, session_id: UUID) -> Response:  # noqa: ARG002
        """List what there is to prepare, and what is done; the ETag is the session's."""
        session = self.session(session_id, Party.PATIENT, Party.CLINICIAN, at=clock.now())
        return self._list(session)

    @extend_schema(
        operation_id="preparation_save",
        summary="Tick what is done",
        request=PreparationInput,
        responses=PreparationOutput,
        parameters=[IF_MATCH],
        examples=[OpenApiExample("The room is ready", value={"items": {"space": True}}, request_only=True)],
    )
    def patch(self, request: Request, session_id: UUID) -> Response:
        """Tick items, or take a tick back; needs the session's ETag in If-Match."""
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, at=at)
        require_match(request, version=session.version)
        said = PreparationInput(data=request.data)
        said.is_valid(raise_exception=True)
        saved = services.save_preparation(
            session, ticked=said.validated_data["items"], expected_version=session.version, at=at
        )
        return self._list(saved)

    def _list(self, session: TreatmentSession) -> Response:
        items = {"items": queries.preparation(session, at=clock.now())}
        answer = Response(PreparationOutput(items).data, headers={"ETag": etag(session.version)})
        return self.shown(answer, session.enrollment.patient_id)
