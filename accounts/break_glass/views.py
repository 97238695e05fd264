from operator import attrgetter
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.break_glass import queries, serializers, services
from accounts.enums import BreakGlassFinding
from accounts.permissions import IsClinician, IsPatient, IsPrivacyOfficer, RecentlyAuthenticated, user_of
from accounts.queries import one
from core import clock
from core.acting import seeing_all_charts
from core.api import View
from core.fields import NothingInput, PageQuery, checked
from core.idempotency import idempotent

OPENING = {
    "id": "0199c0de-0000-7000-8000-0000000000b0",
    "patient": "0199c0de-0000-7000-8000-000000000002",
    "purpose": "danger",
    "starts_at": "2026-03-02T15:00:00Z",
    "ends_at": "2026-03-02T16:00:00Z",
}
LOOK = {
    "id": OPENING["id"],
    "opened_by": "Dora Example, MD",
    "purpose": "danger",
    "why": "Somebody was thought to be in danger.",
    "starts_at": OPENING["starts_at"],
    "ends_at": OPENING["ends_at"],
    "reviewed_at": None,
}
WAITING = {
    "id": OPENING["id"],
    "patient": {"id": OPENING["patient"], "legal_name": "Ada Example", "birth_on": "1984-05-17"},
    "user": "0199c0de-0000-7000-8000-000000000003",
    "opened_by": "Dora Example, MD",
    "purpose": "danger",
    "reason": "An ambulance crew called about her medication.",
    "starts_at": OPENING["starts_at"],
    "ends_at": OPENING["ends_at"],
    "reviewed_by": None,
    "reviewed_at": None,
    "finding": "",
    "note": "",
}
FOUND = {"finding": "justified", "note": "The crew's call is in the telephone log."}


class OwnChart(View):
    """Who opened my chart in an emergency."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="me_break_glass_list",
        summary="Who opened my chart in an emergency?",
        parameters=[PageQuery],
        responses=serializers.SeenOpeningOutput(many=True),
        examples=[OpenApiExample("One", value=LOOK, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List who was not in one's care team and opened the chart, when, and why in one sentence."""
        found = queries.openings_of_own_chart(self.actor)
        return self.page(found, serializers.SeenOpeningOutput, chart_of=attrgetter("patient_id"))


class Ends(View):
    """No longer needed."""

    permission_classes = (IsClinician,)

    @extend_schema(
        operation_id="break_glass_end",
        summary="I have seen what I needed",
        request=None,
        responses={201: serializers.OpeningOutput},
        examples=[OpenApiExample("Ended", value=OPENING | {"ends_at": "2026-03-02T15:10:00Z"})],
    )
    @idempotent
    def post(self, request: Request, opening_id: UUID) -> Response:
        """Close the chart before its hour is over; the next request finds it closed."""
        checked(NothingInput, request.data)
        opening = one(queries.own_openings(self.actor), opening_id)
        ended = services.close_chart(opening, at=clock.now())
        return Response(serializers.OpeningOutput(ended).data, status=status.HTTP_201_CREATED)


class ToReview(View):
    """Which openings wait for a review."""

    permission_classes = (IsPrivacyOfficer,)

    @extend_schema(
        operation_id="break_glass_to_review",
        summary="Which charts were opened in an emergency?",
        parameters=[serializers.ReviewsQuery],
        responses=serializers.ReviewedOutput(many=True),
        examples=[OpenApiExample("One that waits", value=WAITING, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List them, oldest first; without a review after 72 hours one is overdue."""
        asked = serializers.ReviewsQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = queries.to_review(asked.validated_data["state"], at=clock.now())
        # Whoever reviews is shown whose chart it was, and no wall would show them that.
        with seeing_all_charts():
            return self.page(found, serializers.ReviewedOutput, chart_of=attrgetter("patient_id"))


class Reviews(View):
    """Was there a reason?"""

    permission_classes = (IsPrivacyOfficer, RecentlyAuthenticated)

    @extend_schema(
        operation_id="break_glass_review",
        summary="Say whether there was a reason to open it",
        request=serializers.FindingInput,
        responses={201: serializers.ReviewedOutput},
        examples=[
            OpenApiExample("There was", value=FOUND, request_only=True),
            OpenApiExample(
                "Reviewed",
                value=WAITING
                | FOUND
                | {
                    "reviewed_by": "0199c0de-0000-7000-8000-000000000004",
                    "reviewed_at": "2026-03-03T09:00:00Z",
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, opening_id: UUID) -> Response:
        """Record what was found: once, by somebody who did not open it."""
        opening = one(queries.openings(), opening_id)
        said = serializers.FindingInput(data=request.data)
        said.is_valid(raise_exception=True)
        reviewed = services.review(
            opening,
            finding=BreakGlassFinding(said.validated_data["finding"]),
            note=said.validated_data["note"],
            reviewer=user_of(request),
            at=clock.now(),
        )
        with seeing_all_charts():
            return Response(serializers.ReviewedOutput(reviewed).data, status=status.HTTP_201_CREATED)
