from operator import attrgetter
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, RecentlyAuthenticated, user_of
from core import clock
from core.api import View
from core.fields import PageQuery, shaped
from core.idempotency import idempotent
from core.paging import NewestFirst
from core.quotas import NEVER_COUNTED
from sessions import queries, services
from sessions.rules import Party
from sessions.serializers.reviews import (
    ReviewStandingOutput,
    SessionReviewInput,
    SessionReviewOutput,
    SessionToReviewOutput,
)
from sessions.views.base import SESSION_ID, SessionView

SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
SAID = {"log_sha256": SHA256, "note": "Uneventful; goes on as planned."}
REVIEW = SAID | {
    "id": "0199c0de-0000-7000-8000-000000000051",
    "session": SESSION_ID,
    "signed_by": "Ben Example, MD",
    "meaning": "reviewed",
    "reviewed_at": "2026-03-04T09:00:00Z",
}


class SoonestDue(NewestFirst):
    """The same, soonest due first."""

    ordering = ("review_due_at", "id")


class SessionsToReview(View):
    """What waits to be read and signed."""

    permission_classes = (IsClinician,)
    pagination_class = SoonestDue
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="sessions_to_review",
        summary="Which sessions do I have to review?",
        parameters=[PageQuery],
        responses=SessionToReviewOutput(many=True),
        examples=[
            OpenApiExample(
                "One",
                value={
                    "session": SESSION_ID,
                    "enrollment": "0199c0de-0000-7000-8000-000000000010",
                    "number": 1,
                    "patient": "0199c0de-0000-7000-8000-000000000002",
                    "legal_name": "Ada Example",
                    "ended_at": "2026-03-02T19:10:00Z",
                    "due_at": "2026-03-04T19:10:00Z",
                    "owner": "Ben Example",
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List the sessions of one's patients whose review is asked for, soonest due first.

        Until then the next is locked.
        """
        found = queries.sessions_to_review(self.actor, at=clock.now())
        return self.page(found, SessionToReviewOutput, chart_of=attrgetter("enrollment.patient_id"))


class Reviews(SessionView):
    """A clinician's look at one session."""

    permission_classes = (IsClinician, RecentlyAuthenticated)

    @extend_schema(
        operation_id="session_review_read",
        summary="What is open before the next session?",
        responses=ReviewStandingOutput,
        examples=[
            OpenApiExample(
                "Only the review",
                value={
                    "session": SESSION_ID,
                    "due_at": "2026-03-04T19:10:00Z",
                    "is_overdue": False,
                    "forms": [],
                    "effects_to_triage": 0,
                    "alerts": 0,
                    "holds": 0,
                    "safety_tasks": 0,
                    "reasons": [],
                    "log_sha256": SHA256,
                    "review": None,
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, session_id: UUID) -> Response:  # noqa: ARG002
        """Say what keeps the next session locked, and whether this can be signed; read the log first."""
        at = clock.now()
        session = self.session(session_id, Party.CLINICIAN, at=at)
        answer = Response(shaped(ReviewStandingOutput, queries.review_standing(session, at=at)))
        return self.shown(answer, session.enrollment.patient_id)

    @extend_schema(
        operation_id="session_review_sign",
        summary="Sign that I have read this session's log",
        request=SessionReviewInput,
        responses={201: SessionReviewOutput},
        examples=[
            OpenApiExample("Read", value=SAID, request_only=True),
            OpenApiExample("Signed and sealed", value=REVIEW, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Seal the log that was read: by the hash it had. One that has changed since has to be read again."""
        at = clock.now()
        session = self.session(session_id, Party.CLINICIAN, at=at)
        said = SessionReviewInput(data=request.data)
        said.is_valid(raise_exception=True)
        signed = services.review_session(session, by=user_of(request), at=at, **said.validated_data)
        return Response(shaped(SessionReviewOutput, signed), status=status.HTTP_201_CREATED)
