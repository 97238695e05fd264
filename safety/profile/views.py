"""What is known of somebody's health: by themselves, a clinician, or a record from elsewhere."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, IsPatient
from core import clock
from core.actors import Actor
from core.api import View
from core.fields import PageQuery
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED
from safety.enums import ProfileSource
from safety.profile import queries, serializers, services
from safety.queries import patient_in_care, patient_seen, patient_told_of

SAID = {"section": "medication", "state": "taken", "text": "Sertraline 50 mg"}
STATEMENT: dict[str, Any] = SAID | {
    "id": "0199c0de-0000-7000-8000-0000000000d0",
    "codings": [],
    "vital": "",
    "value": None,
    "unit": "",
    "measured_at": None,
    "source": "patient",
    "recorded_at": "2026-03-02T15:00:00Z",
    "replaces": None,
}
CONFIRMED = STATEMENT | {
    "id": "0199c0de-0000-7000-8000-0000000000d1",
    "source": "clinician",
    "replaces": STATEMENT["id"],
}
WEIGHED = {
    "section": "vital",
    "state": "measured",
    "measurement": {
        "vital": "weight_kg",
        "value": 154,
        "unit": "[lb_av]",
        "measured_at": "2026-03-02T07:00:00-05:00",
    },
}
RESULT = {
    "about": "phq9",
    "name": "total",
    "value": 7.0,
    "word": "",
    "taken_at": "2026-03-02T15:00:00Z",
}
BUNDLE = {"bundle": {"resourceType": "Bundle", "type": "collection", "entry": []}}


class Profile(View):
    """What holds now."""

    permission_classes = (IsPatient | IsClinician,)

    @extend_schema(
        operation_id="health_profile_read",
        summary="What is known of this person's health?",
        responses=serializers.HealthProfileOutput,
        examples=[
            OpenApiExample(
                "One medicine, one answer",
                value={"statements": [STATEMENT], "results": [RESULT]},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, patient_id: UUID) -> Response:  # noqa: ARG002
        """Show every statement that nothing newer has replaced, and the newest of each result."""
        at = clock.now()
        patient = patient_seen(self.actor, patient_id, at=at)
        found = {
            "statements": queries.current(patient.pk),
            "results": queries.newest_results(patient.pk, at=at),
        }
        return self.shown(Response(serializers.HealthProfileOutput(found).data), patient.pk)


class History(View):
    """Everything that was ever said."""

    permission_classes = (IsPatient | IsClinician,)

    @extend_schema(
        operation_id="health_profile_history",
        summary="What was known of this person's health before?",
        parameters=[PageQuery],
        responses=serializers.StatementOutput(many=True),
        examples=[OpenApiExample("Confirmed", value=CONFIRMED, response_only=True)],
    )
    def get(self, request: Request, patient_id: UUID) -> Response:  # noqa: ARG002
        """List every statement, oldest first, those that were replaced or entered by mistake too."""
        patient = patient_seen(self.actor, patient_id, at=clock.now())
        return self.page(queries.statements(patient.pk), serializers.StatementOutput, also=(patient.pk,))


class Statements(View):
    """Something about somebody's health."""

    permission_classes = (IsPatient | IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="health_statements_create",
        summary="Say something about my health, or my patient's",
        request=serializers.StatementInput,
        responses={201: serializers.StatementOutput},
        examples=[
            OpenApiExample("A medicine", value=SAID, request_only=True),
            OpenApiExample("A weight in pounds", value=WEIGHED, request_only=True),
            OpenApiExample("Stored", value=STATEMENT, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, patient_id: UUID) -> Response:
        """Store it in the name of whoever says it; a new condition or medicine voids a clearance."""
        at = clock.now()
        patient = patient_told_of(self.actor, patient_id, at=at)
        said = serializers.StatementInput(data=request.data)
        said.is_valid(raise_exception=True)
        is_own = self.actor == Actor.person(patient.user_id)
        stored = services.state_fact(
            patient.pk,
            said=said.statement(),
            source=ProfileSource.PATIENT if is_own else ProfileSource.CLINICIAN,
            replaces=said.validated_data.get("replaces"),
            actor=self.actor,
            at=at,
        )
        return Response(serializers.StatementOutput(stored).data, status=status.HTTP_201_CREATED)


class Confirmations(View):
    """A clinician says so too."""

    permission_classes = (IsClinician,)

    @extend_schema(
        operation_id="health_statements_confirm",
        summary="Confirm what my patient said",
        request=serializers.ConfirmationInput,
        responses={201: serializers.StatementOutput},
        examples=[
            OpenApiExample("The medicine", value={"statement": STATEMENT["id"]}, request_only=True),
            OpenApiExample("Confirmed", value=CONFIRMED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, patient_id: UUID) -> Response:
        """Store it anew as a clinician's word; it voids nothing."""
        at = clock.now()
        patient = patient_in_care(self.actor, patient_id, at=at)
        said = serializers.ConfirmationInput(data=request.data)
        said.is_valid(raise_exception=True)
        fact_id = said.validated_data["statement"]
        confirmed = services.confirm_fact(patient.pk, fact_id, clinician=self.actor, at=at)
        return Response(serializers.StatementOutput(confirmed).data, status=status.HTTP_201_CREATED)


class Imports(View):
    """A record from elsewhere."""

    permission_classes = (IsClinician,)

    @extend_schema(
        operation_id="health_profile_import",
        summary="Take over a patient's record from a FHIR R4 bundle",
        request=serializers.BundleInput,
        responses={201: serializers.ImportedOutput},
        examples=[
            OpenApiExample("A bundle", value=BUNDLE, request_only=True),
            OpenApiExample(
                "Taken over",
                value={"added": 7, "changed": 0, "unchanged": 0, "skipped": {"Claim": 12}},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, patient_id: UUID) -> Response:
        """Store conditions, medicines, allergies, newest measurements; the same again changes nothing."""
        at = clock.now()
        patient = patient_in_care(self.actor, patient_id, at=at)
        said = serializers.BundleInput(data=request.data)
        said.is_valid(raise_exception=True)
        bundle = said.validated_data["bundle"]
        done = services.import_bundle(patient, bundle=bundle, actor=self.actor, at=at)
        return Response(serializers.ImportedOutput(done).data, status=status.HTTP_201_CREATED)
