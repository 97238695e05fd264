from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.fields import shaped
from core.idempotency import idempotent
from sessions import services
from sessions.rules import Party
from sessions.serializers.mornings import DRIVE, MorningAnswerInput, MorningAnswerOutput
from sessions.views.base import SESSION_ID, SessionView

SAID = {"slept": True, "is_alert": True}


class MorningAnswers(SessionView):
    """How the person is, the morning after."""

    @extend_schema(
        operation_id="morning_answers_create",
        summary="I slept, and I feel awake",
        request=MorningAnswerInput,
        responses={201: MorningAnswerOutput},
        examples=[
            OpenApiExample("Both", value=SAID, request_only=True),
            OpenApiExample(
                "May drive",
                value=SAID | {"id": SESSION_ID, "given_at": "2026-03-03T13:10:00Z", "what_now": DRIVE},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Answer once the no-driving time is over. Only a yes to both lets one drive; the newest counts."""
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, at=at)
        said = MorningAnswerInput(data=request.data)
        said.is_valid(raise_exception=True)
        row = services.answer_morning(session, actor=self.actor, at=at, **said.validated_data)
        return Response(shaped(MorningAnswerOutput, row), status=status.HTTP_201_CREATED)
