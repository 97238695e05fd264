from operator import attrgetter
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPatient, IsPerson, user_of
from core import clock
from core.api import View, etag
from core.idempotency import idempotent
from programs import queries, serializers, services

DOCUMENT_ID = "0199c0de-0000-7000-8000-000000000040"
ENROLLMENT = {
    "id": "0199c0de-0000-7000-8000-000000000010",
    "program": "burnout-6",
    "status": "screening",
    "is_paused": False,
    "created_at": "2026-03-02T15:00:00Z",
}


class Programs(View):
    """What can be chosen."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    pagination_class = None

    @extend_schema(
        operation_id="programs_list",
        summary="Which programs are there?",
        responses=serializers.ProgramOutput(many=True),
        examples=[
            OpenApiExample(
                "Six sessions",
                value={
                    "slug": "burnout-6",
                    "title": "Burnout program, 6 sessions",
                    "condition": "burnout",
                    "session_count": 6,
                    "price_per_session_cents": 16500,
                    "currency": "USD",
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List the programs on offer, shortest first, with the price per session from which they begin."""
        return Response(serializers.ProgramOutput(queries.offered_programs(), many=True).data)


class Enrollments(View):
    """A person's programs."""

    permission_classes = (IsPerson,)

    @extend_schema(
        operation_id="enrollments_list",
        summary="My programs, or those of my patients",
        responses=serializers.EnrollmentOutput(many=True),
        examples=[OpenApiExample("One", value=ENROLLMENT, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List the enrollments one may see."""
        found = queries.enrollments_for(self.actor, at=clock.now())
        return self.page(found, serializers.EnrollmentOutput, chart_of=attrgetter("patient_id"))

    @extend_schema(
        operation_id="enrollments_create",
        summary="Choose a program",
        request=serializers.EnrollmentInput,
        responses={201: serializers.EnrollmentOutput},
        examples=[
            OpenApiExample("Six sessions", value={"program": "burnout-6"}, request_only=True),
            OpenApiExample("Begun", value=ENROLLMENT, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Begin a program; there can be one open at a time."""
        chosen = serializers.EnrollmentInput(data=request.data)
        chosen.is_valid(raise_exception=True)
        enrollment = services.enroll(
            user_of(request), program_slug=chosen.validated_data["program"], at=clock.now()
        )
        return Response(
            serializers.EnrollmentOutput(enrollment).data,
            status=status.HTTP_201_CREATED,
            headers={"ETag": etag(enrollment.version), "Location": f"/api/v1/enrollments/{enrollment.pk}"},
        )


class EnrollmentDetail(View):
    """One enrollment."""

    permission_classes = (IsPerson,)

    @extend_schema(
        operation_id="enrollments_read",
        summary="Where does this program stand?",
        responses=serializers.EnrollmentOutput,
        examples=[OpenApiExample("One", value=ENROLLMENT, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: UUID) -> Response:  # noqa: ARG002
        """Show one enrollment."""
        enrollment = queries.enrollment_for(self.actor, enrollment_id, at=clock.now())
        answer = Response(
            serializers.EnrollmentOutput(enrollment).data, headers={"ETag": etag(enrollment.version)}
        )
        return self.shown(answer, enrollment.patient_id)


class ComprehensionAttempts(View):
    """Showing that a text was understood."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="comprehension_attempts_create",
        summary="Answer the questions under a text",
        request=serializers.AttemptInput,
        responses={201: serializers.AttemptOutput},
        examples=[
            OpenApiExample(
                "Three answers",
                value={
                    "document": DOCUMENT_ID,
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "answers": {"approved": "b", "compounded": "a", "saying_no": "a"},
                },
                request_only=True,
            ),
            OpenApiExample(
                "Not yet",
                value={
                    "id": "0199c0de-0000-7000-8000-000000000041",
                    "document": DOCUMENT_ID,
                    "right_count": 2,
                    "passed": False,
                    "wrong": [
                        {
                            "key": "compounded",
                            "because": "Compounded medicines are not checked by the agency.",
                        }
                    ],
                    "attempted_at": "2026-03-02T15:00:00Z",
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Score the answers; whoever has not passed reads why, and may try again at once."""
        enrollment = queries.own_enrollment(self.actor, enrollment_id)
        said = serializers.AttemptInput(data=request.data)
        said.is_valid(raise_exception=True)
        attempt, came_to = services.answer_questions(
            enrollment.pk,
            read=said.to_agreement(),
            answers=said.validated_data["answers"],
            at=clock.now(),
        )
        body = {
            "id": attempt.pk,
            "document": attempt.document_id,
            "right_count": came_to.right_count,
            "passed": came_to.passed,
            "wrong": came_to.wrong,
            "attempted_at": attempt.attempted_at,
        }
        return Response(serializers.AttemptOutput(body).data, status=status.HTTP_201_CREATED)
