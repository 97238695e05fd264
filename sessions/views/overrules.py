from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, RecentlyAuthenticated, user_of
from core import clock
from core.idempotency import idempotent
from sessions import services
from sessions.rules import Party
from sessions.serializers.overrules import (
    OverruleInput,
    OverruleOutput,
    ReadingOverrideInput,
    ReadingOverrideOutput,
)
from sessions.views.base import SESSION_ID, SessionView

SAID = {"question": "alcohol_or_intoxication", "reason": "Talked on video: she read the line above it."}


class Overrules(SessionView):
    """A yes of the day that was a mistake."""

    @extend_schema(
        operation_id="overrules_sign",
        summary="Sign that a yes of today was a mistake",
        request=OverruleInput,
        responses={201: OverruleOutput},
        examples=[
            OpenApiExample("A slip of the finger", value=SAID, request_only=True),
            OpenApiExample(
                "Signed",
                value=SAID
                | {"id": SESSION_ID, "signed_by": "Ben Example, MD", "given_at": "2026-03-02T16:40:00Z"},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Overrule one answer, for this session and today; the patient answers every question again."""
        at = clock.now()
        session = self.session(session_id, Party.CLINICIAN, at=at)
        said = OverruleInput(data=request.data)
        said.is_valid(raise_exception=True)
        signed = services.overrule(session, by=user_of(request), at=at, **said.validated_data)
        return Response(OverruleOutput(signed).data, status=status.HTTP_201_CREATED)


READINGS = {
    "first_reading": "0199c0de-0000-7000-8000-000000000033",
    "second_reading": "0199c0de-0000-7000-8000-000000000034",
    "reason": "146/88, then 144/86. Talked on video: calm, no complaints; this is usual for her.",
}


class ReadingOverrides(SessionView):
    """A blood pressure above the limits that need not hold the session back."""

    permission_classes = (IsClinician, RecentlyAuthenticated)

    @extend_schema(
        operation_id="reading_overrides_sign",
        summary="Sign that two readings above the limits do not hold this session back",
        request=ReadingOverrideInput,
        responses={201: ReadingOverrideOutput},
        examples=[
            OpenApiExample("A little above, twice", value=READINGS, request_only=True),
            OpenApiExample(
                "Signed",
                value=READINGS
                | {"id": SESSION_ID, "signed_by": "Ben Example, MD", "given_at": "2026-03-02T16:50:00Z"},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Let two readings above the limits of blood pressure pass, while both are fresh; never a crisis.

        A newer reading above the limits holds the session back again.
        """
        at = clock.now()
        session = self.session(session_id, Party.CLINICIAN, at=at)
        said = ReadingOverrideInput(data=request.data)
        said.is_valid(raise_exception=True)
        signed = services.override_readings(session, by=user_of(request), at=at, **said.validated_data)
        return Response(ReadingOverrideOutput(signed).data, status=status.HTTP_201_CREATED)
