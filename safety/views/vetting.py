from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, user_of
from core import clock
from core.api import View
from core.fields import PageQuery
from core.idempotency import idempotent
from programs import queries as programs
from safety import queries, serializers, services

SAID = {
    "method": "video",
    "document": "passport",
    "outcome": "confirmed",
    "checked_at": "2026-03-02T15:00:00Z",
}
CHECK = SAID | {
    "id": "0199c0de-0000-7000-8000-0000000000a0",
    "checked_by": "Ben Example, MD",
    "is_adult": True,
    "is_current": True,
}
ASKED = {
    "states": ["NY"],
    "queried_at": "2026-03-02T15:00:00Z",
    "result": "no_concern",
    "note": "",
}
QUERY = ASKED | {"id": "0199c0de-0000-7000-8000-0000000000a1", "reviewer": "Ben Example, MD"}


class IdentityChecks(View):
    """Whether somebody is who they say, and an adult."""

    permission_classes = (IsClinician,)

    @extend_schema(
        operation_id="identity_checks_list",
        summary="When was this patient's identity checked?",
        parameters=[PageQuery],
        responses=serializers.IdentityCheckOutput(many=True),
        examples=[OpenApiExample("One", value=CHECK, response_only=True)],
    )
    def get(self, request: Request, patient_id: UUID) -> Response:  # noqa: ARG002
        """List the checks of a patient whose chart one may read."""
        patient = queries.patient_read(self.actor, patient_id, at=clock.now())
        found = queries.identity_checks(patient)
        return self.page(found, serializers.IdentityCheckOutput, also=(patient.pk,))

    @extend_schema(
        operation_id="identity_checks_create",
        summary="Record that I compared a patient with a document",
        request=serializers.IdentityCheckInput,
        responses={201: serializers.IdentityCheckOutput},
        examples=[
            OpenApiExample("By video", value=SAID, request_only=True),
            OpenApiExample("Recorded", value=CHECK, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, patient_id: UUID) -> Response:
        """Record who checked, how and when; no number of a document is kept."""
        at = clock.now()
        patient = queries.patient_in_care(self.actor, patient_id, at=at)
        said = serializers.IdentityCheckInput(data=request.data)
        said.is_valid(raise_exception=True)
        check = services.record_identity_check(patient, report=said.report(), checker=user_of(request), at=at)
        return Response(serializers.IdentityCheckOutput(check).data, status=status.HTTP_201_CREATED)


class MonitoringQueries(View):
    """What states' registers know of controlled prescriptions."""

    permission_classes = (IsClinician,)

    @extend_schema(
        operation_id="monitoring_queries_list",
        summary="What did prescription registers say?",
        parameters=[PageQuery],
        responses=serializers.MonitoringQueryOutput(many=True),
        examples=[OpenApiExample("One", value=QUERY, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: UUID) -> Response:  # noqa: ARG002
        """List what was asked for an enrollment in a chart that one may read."""
        enrollment = programs.enrollment_read(self.actor, enrollment_id, at=clock.now())
        found = queries.monitoring_queries(enrollment)
        return self.page(found, serializers.MonitoringQueryOutput, also=(enrollment.patient_id,))

    @extend_schema(
        operation_id="monitoring_queries_create",
        summary="Record that I asked prescription registers (PDMP)",
        request=serializers.MonitoringQueryInput,
        responses={201: serializers.MonitoringQueryOutput},
        examples=[
            OpenApiExample("New York", value=ASKED, request_only=True),
            OpenApiExample("Recorded", value=QUERY, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Record which states were asked, when, by whom, and the result."""
        at = clock.now()
        enrollment = programs.enrollment_in_care(self.actor, enrollment_id, at=at)
        said = serializers.MonitoringQueryInput(data=request.data)
        said.is_valid(raise_exception=True)
        query = services.record_monitoring_query(
            enrollment, report=said.report(), reviewer=user_of(request), at=at
        )
        return Response(serializers.MonitoringQueryOutput(query).data, status=status.HTTP_201_CREATED)
