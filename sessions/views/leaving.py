from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPatient, IsPerson, RecentlyAuthenticated, user_of
from core import clock
from core.api import View, etag
from core.contact import contact
from core.fields import NothingInput, checked
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED
from programs.enums import ConsentKind
from programs.models import Enrollment
from programs.queries import enrollment_for, own_enrollment
from programs.serializers import EnrollmentOutput
from sessions import services
from sessions.rules import Leaving
from sessions.serializers.leaving import (
    AccountClosureOutput,
    LeavingOutput,
    LeavingWordsOutput,
    TakenBackInput,
)
from sessions.serializers.sessions import ReasonInput

LEFT: dict[str, Any] = {
    "id": "0199c0de-0000-7000-8000-000000000010",
    "program": "burnout-6",
    "status": "withdrawn",
    "is_paused": False,
    "created_at": "2026-03-02T15:00:00Z",
    "summary": "You have left the program. You can call us at any time.",
    "stops": [
        {"code": "reminders", "detail": "We send no more reminders."},
        {"code": "sessions", "detail": "No session can start."},
    ],
    "goes_on": [
        {
            "code": "watch",
            "detail": "Your session is watched to its end. Stay with the adult who is with you.",
        },
        {"code": "help", "detail": "If something is wrong, tell us or call. Somebody answers."},
    ],
    "contact": {"clinic_phone": "+1-555-0100", "emergency_phone": "911", "crisis_phone": "988"},
}
CLOSED = {
    "summary": "Your account is closed. You can call us at any time.",
    "stops": [{"code": "sessions", "detail": "No session can start."}],
    "goes_on": [{"code": "help", "detail": "If something is wrong, call. Somebody answers."}],
    "contact": LEFT["contact"],
}
PAUSED = LEFT | {
    "status": "active",
    "is_paused": True,
    "summary": "You have paused. Come back whenever you want, or call us.",
}
RESUMED = LEFT | {
    "status": "active",
    "summary": "Welcome back. Book your next session when you are ready.",
    "stops": [],
}


class LeavingView(View):
    """What a patient does in two taps, and nobody for them."""

    permission_classes = (IsPatient,)
    # To stop is never turned away for having asked too often.
    throttle_classes = NEVER_COUNTED

    def own(self, enrollment_id: UUID) -> UUID:
        """Return the id of one's own enrollment; another's is as absent as none."""
        return own_enrollment(self.actor, enrollment_id).pk

    def answer(self, done: tuple[Enrollment, Leaving]) -> Response:
        """Answer with where the program stands, what stops, what goes on, and whom to call."""
        moved, said = done
        shown = enrollment_for(self.actor, moved.pk, at=clock.now())
        body = EnrollmentOutput(shown).data | LeavingWordsOutput(said).data | {"contact": contact()}
        return Response(body, status=status.HTTP_201_CREATED, headers={"ETag": etag(shown.version)})


class Withdrawals(LeavingView):
    """Leaving a program."""

    @extend_schema(
        operation_id="withdrawals_create",
        summary="Leave the program",
        request=ReasonInput,
        responses={201: LeavingOutput},
        examples=[
            OpenApiExample("Without a reason", value={"reason": ""}, request_only=True),
            OpenApiExample("Left", value=LEFT, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Leave; it acts at once, and what guards a session already dosed goes on."""
        own, said = self.own(enrollment_id), ReasonInput(data=request.data)
        said.is_valid(raise_exception=True)
        reason = said.validated_data["reason"]
        return self.answer(services.leave(own, reason=reason, patient_user=user_of(request), at=clock.now()))


class Pauses(LeavingView):
    """Resting."""

    @extend_schema(
        operation_id="pauses_create",
        summary="Pause the program",
        request=NothingInput,
        responses={201: LeavingOutput},
        examples=[
            OpenApiExample("Nothing to say", value={}, request_only=True),
            OpenApiExample("Paused", value=PAUSED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Pause; it acts at once, and what guards a session already dosed goes on."""
        own = self.own(enrollment_id)
        checked(NothingInput, request.data)
        return self.answer(services.pause(own, patient_user=user_of(request), at=clock.now()))


class Resumptions(LeavingView):
    """Going on after a pause."""

    @extend_schema(
        operation_id="resumptions_create",
        summary="Go on after a pause",
        request=NothingInput,
        responses={201: LeavingOutput},
        examples=[
            OpenApiExample("Nothing to say", value={}, request_only=True),
            OpenApiExample("Back", value=RESUMED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """End one's own pause; before a session everything is asked that always is."""
        own = self.own(enrollment_id)
        checked(NothingInput, request.data)
        return self.answer(services.resume(own, patient_user=user_of(request), at=clock.now()))


class ConsentWithdrawals(LeavingView):
    """Taking an agreement back."""

    @extend_schema(
        operation_id="consent_withdrawals_create",
        summary="Take an agreement back",
        request=TakenBackInput,
        responses={201: LeavingOutput},
        examples=[
            OpenApiExample("No more reminders", value={"kind": "messaging_consent"}, request_only=True),
            OpenApiExample(
                "Taken back",
                value=PAUSED | {"is_paused": False, "summary": "You have taken this back."},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Take one agreement back; it acts at once. What sessions need can be given again at any time."""
        own, said = self.own(enrollment_id), TakenBackInput(data=request.data)
        said.is_valid(raise_exception=True)
        kind = ConsentKind(said.validated_data["kind"])
        return self.answer(services.take_back(own, kind=kind, patient_user=user_of(request), at=clock.now()))


class Closure(View):
    """The end of an account, which is its owner's to close."""

    permission_classes = (IsPerson, RecentlyAuthenticated)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="me_close",
        summary="Close my account",
        request=NothingInput,
        responses={201: AccountClosureOutput},
        examples=[
            OpenApiExample("Nothing to say", value={}, request_only=True),
            OpenApiExample("Closed", value=CLOSED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Leave everything and close the account, for good; what guards a session already dosed goes on."""
        checked(NothingInput, request.data)
        said = services.close_account(user_of(request), at=clock.now())
        body = LeavingWordsOutput(said).data | {"contact": contact()}
        return Response(body, status=status.HTTP_201_CREATED)
