from operator import attrgetter
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, RecentlyAuthenticated, user_of
from core import clock
from core.api import View
from core.fields import PageQuery, checked
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED
from safety.events.views import FollowsEvents
from sessions.deviations import queries, services
from sessions.deviations.enums import DeviationFinding, DeviationKind
from sessions.deviations.serializers import (
    DeviationAssessmentInput,
    DeviationAssessmentOutput,
    DeviationInput,
    DeviationOutput,
)
from sessions.rules import Party
from sessions.views.base import SESSION_ID, SessionView

SAID = {
    "kind": "missed_reading",
    "expected": "A blood pressure 60 minutes after the dose.",
    "happened": "None was measured: the cuff was flat.",
    "occurred_at": "2026-03-02T18:05:00Z",
}
SIGNED = {
    "finding": "minor",
    "assessment": "Awake and well throughout, by what the monitor wrote down.",
    "corrective_action": "Spare batteries go with every cuff.",
}
VERSION = SIGNED | {"version": 1, "signed_by": "Ben Example, MD", "signed_at": "2026-03-03T09:00:00Z"}
DEVIATION = SAID | {
    "id": "0199c0de-0000-7000-8000-0000000000e0",
    "session": SESSION_ID,
    "recorded_at": "2026-03-02T20:00:00Z",
    "recorded_by": "person:0199c0de-0000-7000-8000-000000000003",
    "assessments": [],
}


class Deviations(View):
    """Where the protocol was not kept."""

    permission_classes = (FollowsEvents,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="deviations_list",
        summary="Where was the protocol not kept?",
        parameters=[PageQuery],
        responses=DeviationOutput(many=True),
        examples=[
            OpenApiExample("Assessed", value=DEVIATION | {"assessments": [VERSION]}, response_only=True)
        ],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List those of one's patients, or to safety officers all, with each version of what was made."""
        found = queries.deviations_for(self.actor, at=clock.now())
        return self.page(found, DeviationOutput, chart_of=attrgetter("patient_id"))


class SessionDeviations(SessionView):
    """Where the protocol was not kept in one session."""

    @extend_schema(
        operation_id="deviations_record",
        summary="Write down where the protocol was not kept",
        request=DeviationInput,
        responses={201: DeviationOutput},
        examples=[
            OpenApiExample("A reading", value=SAID, request_only=True),
            OpenApiExample("Recorded", value=DEVIATION, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Record one that the record does not show by itself; it stays as it is, and is assessed apart."""
        at = clock.now()
        session = self.session(session_id, Party.CLINICIAN, at=at)
        said = checked(DeviationInput, request.data)
        report = services.Report(**said | {"kind": DeviationKind(said["kind"])})
        row = services.record_deviation(session, report=report, actor=self.actor, at=at)
        return Response(DeviationOutput(row).data, status=status.HTTP_201_CREATED)


class DeviationAssessments(View):
    """What a clinician makes of a deviation."""

    permission_classes = (IsClinician, RecentlyAuthenticated)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="deviations_assess",
        summary="Sign what you make of a deviation",
        request=DeviationAssessmentInput,
        responses={201: DeviationAssessmentOutput},
        examples=[
            OpenApiExample("The first version", value=SIGNED | {"replaces": 0}, request_only=True),
            OpenApiExample("Signed", value=VERSION, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, deviation_id: UUID) -> Response:
        """Sign an assessment and what is done about it; a correction is the next version."""
        at = clock.now()
        deviation = queries.deviation_in_care(self.actor, deviation_id, at=at)
        said = checked(DeviationAssessmentInput, request.data)
        replaces = said.pop("replaces")
        signed = services.assess_deviation(
            deviation,
            said=services.Assessed(**said | {"finding": DeviationFinding(said["finding"])}),
            replaces=replaces,
            by=user_of(request),
            at=at,
        )
        return Response(DeviationAssessmentOutput(signed).data, status=status.HTTP_201_CREATED)
