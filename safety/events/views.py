from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, RecentlyAuthenticated, user_of
from core import clock
from core.api import View
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED
from safety.enums import Grade
from safety.events import naranjo, queries, rules, serializers, services
from safety.serializers import PageQuery
from safety.views.examples import SIGNATURE

SAID: dict[str, Any] = {
    "replaces": 0,
    "term": "vomiting",
    "seriousness": [],
    "grade": 1,
    "causality": "probable",
    "naranjo": {"1": "yes", "2": "yes", "5": "no"},
    "expectedness": "expected",
    "reference": "Ketamine injection, US label",
    "reference_version": "2024-05",
    "outcome": "recovered",
    "action_taken": "dose_not_changed",
    "dechallenge": "not_tried",
    "rechallenge": "not_tried",
    "product": {"name": "Ketamine tablets", "lot": "A12", "dose_mg": "300.0"},
}
ASSESSMENT = {name: value for name, value in SAID.items() if name != "replaces"} | {
    "id": "0199c0de-0000-7000-8000-000000000042",
    "event": "0199c0de-0000-7000-8000-000000000040",
    "version": 1,
    "why_again": "",
    "meddra_code": "",
    "meddra_version": "",
    "is_serious": False,
    "criteria": rules.GRADES[Grade.MILD],
    "naranjo_score": 5,
    "naranjo_category": "probable",
    "treatment_is_held": False,
    "is_intact": True,
    "signature": SIGNATURE,
}


class Scales(View):
    """What an assessment is made by."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="event_scales_read",
        summary="What do grades mean, and what does Naranjo ask?",
        responses=serializers.ScalesOutput,
        examples=[
            OpenApiExample(
                "One of each",
                value={
                    "grades": {"1": ASSESSMENT["criteria"]},
                    "naranjo": {"2": {"topic": naranjo.QUESTIONS["2"].topic, "yes": 2, "no": -1}},
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Show both, to be seen beside the event that is assessed."""
        grades = {str(grade.value): text for grade, text in rules.GRADES.items()}
        return Response(serializers.ScalesOutput({"grades": grades, "naranjo": naranjo.QUESTIONS}).data)


class Assessments(View):
    """What clinicians make of an event."""

    permission_classes = (IsClinician, RecentlyAuthenticated)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="event_assessments_list",
        summary="What was made of this event?",
        parameters=[PageQuery],
        responses=serializers.EventAssessmentOutput(many=True),
        examples=[OpenApiExample("The first", value=ASSESSMENT, response_only=True)],
    )
    def get(self, request: Request, event_id: UUID) -> Response:  # noqa: ARG002
        """List every signed version, oldest first; the last one holds."""
        event = queries.event_for(self.actor, event_id, at=clock.now())
        found = queries.assessments_of(event)
        return self.page(found, serializers.EventAssessmentOutput, also=(event.patient_id,))

    @extend_schema(
        operation_id="event_assessments_sign",
        summary="Sign what I make of this event",
        request=serializers.AssessmentInput,
        responses={201: serializers.EventAssessmentOutput},
        examples=[
            OpenApiExample("Expected", value=SAID, request_only=True),
            OpenApiExample("Signed", value=ASSESSMENT, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, event_id: UUID) -> Response:
        """Sign the next version. One that finds serious what was not reported so holds treatment at once.

        One that finds it not serious lifts nothing: that is somebody else's to sign.
        """
        at = clock.now()
        event = queries.event_for(self.actor, event_id, at=at)
        said = serializers.AssessmentInput(data=request.data)
        said.is_valid(raise_exception=True)
        row = services.assess(
            event,
            said=said.assessed(),
            replaces=said.validated_data["replaces"],
            by=user_of(request),
            at=at,
        )
        return Response(serializers.EventAssessmentOutput(row).data, status=status.HTTP_201_CREATED)
