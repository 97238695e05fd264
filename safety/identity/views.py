"""Who somebody is: charts that look alike, and plans, which are signed for whoever is who they say."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, IsOperator, RecentlyAuthenticated, user_of
from core import clock
from core.api import View
from core.idempotency import idempotent
from programs import serializers as programs
from programs.queries import enrollment_in_care
from safety.enums import ComparisonOutcome
from safety.identity import serializers, services

SAID = {
    "kept": "0199c0de-0000-7000-8000-000000000001",
    "other": "0199c0de-0000-7000-8000-000000000002",
    "outcome": "different",
    "reason": "Called both; born in different towns.",
}


class Comparisons(View):
    """Whether two charts are one person's."""

    permission_classes = (IsOperator, RecentlyAuthenticated)

    @extend_schema(
        operation_id="chart_comparisons_create",
        summary="Say whether two charts are one person's",
        request=serializers.ComparisonInput,
        responses={201: serializers.ComparisonOutput},
        examples=[
            OpenApiExample("Two people", value=SAID, request_only=True),
            OpenApiExample(
                "Stored",
                value=SAID
                | {"id": "0199c0de-0000-7000-8000-0000000000e0", "decided_at": "2026-03-02T15:00:00Z"},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Store what was found out: two people are treated again; of one person's two charts one goes on."""
        said = serializers.ComparisonInput(data=request.data)
        said.is_valid(raise_exception=True)
        given = said.validated_data
        compared = services.compare_charts(
            given["kept"],
            given["other"],
            outcome=ComparisonOutcome(given["outcome"]),
            reason=given["reason"],
            by=user_of(request),
            at=clock.now(),
        )
        return Response(serializers.ComparisonOutput(compared).data, status=status.HTTP_201_CREATED)


class TreatmentPlans(View):
    """What a clinician orders."""

    permission_classes = (IsClinician, RecentlyAuthenticated)

    @extend_schema(
        operation_id="treatment_plans_sign",
        summary="Sign a treatment plan",
        request=programs.PlanInput,
        responses={201: programs.PlanOutput},
        examples=[
            OpenApiExample(
                "A first plan",
                value={
                    "route": "sublingual",
                    "dose_mg": "300.0",
                    "session_count": 6,
                    "min_days_between": 7,
                    "notes": "Review after the first session.",
                },
                request_only=True,
            )
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Sign the order for this enrollment; a change later is a new version."""
        at = clock.now()
        enrollment = enrollment_in_care(self.actor, enrollment_id, at=at)
        ordered = programs.PlanInput(data=request.data)
        ordered.is_valid(raise_exception=True)
        plan = services.sign_plan(enrollment.pk, order=ordered.order(), clinician=user_of(request), at=at)
        return Response(programs.PlanOutput(plan).data, status=status.HTTP_201_CREATED)
