from operator import attrgetter
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician
from core import clock
from core.api import View
from core.fields import PageQuery
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED
from sessions import queries, services
from sessions.rules import Party
from sessions.serializers.effects import EffectsInput, EffectsOutput, TriageInput, TriageOutput
from sessions.views.base import SESSION_ID, SessionView

SAID = {"answers": {"nausea": "yes", "dizziness": "no"}, "other": ""}
CHECKLIST = {
    "id": "0199c0de-0000-7000-8000-000000000041",
    "session": SESSION_ID,
    "answers": {"nausea": "yes", "dizziness": "no", "headache": "unknown"},
    "other": "",
    "given_at": "2026-03-02T19:10:00Z",
    "triage": None,
}
TRIAGE = {
    "outcome": "expected",
    "reason": "Passed within the hour.",
    "event": None,
    "triaged_at": "2026-03-03T09:00:00Z",
}


class Effects(SessionView):
    """What the medicine did, asked after each session."""

    @extend_schema(
        operation_id="effects_list",
        summary="What was said of this session's effects?",
        parameters=[PageQuery],
        responses=EffectsOutput(many=True),
        examples=[OpenApiExample("One", value=CHECKLIST, response_only=True)],
    )
    def get(self, request: Request, session_id: UUID) -> Response:  # noqa: ARG002
        """List what the patient, the monitor or the clinician said, oldest first."""
        session = self.session(session_id, Party.PATIENT, Party.CLINICIAN, at=clock.now())
        found = queries.checklists_of(session)
        return self.page(found, EffectsOutput, also=(session.enrollment.patient_id,))

    @extend_schema(
        operation_id="effects_note",
        summary="Say what the medicine did",
        request=EffectsInput,
        responses={201: EffectsOutput},
        examples=[
            OpenApiExample("Sick for a while", value=SAID, request_only=True),
            OpenApiExample("Noted", value=CHECKLIST, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Note which expected effects there were, once the dose was taken; anything else, in one's own words.

        A tick calls nobody. `other` does. For harm there is `POST /api/v1/adverse-events`.
        """
        at = clock.now()
        session = self.session(session_id, *Party, at=at)
        said = EffectsInput(data=request.data)
        said.is_valid(raise_exception=True)
        noted = services.note_effects(session, actor=self.actor, at=at, **said.validated_data)
        return Response(EffectsOutput(noted).data, status=status.HTTP_201_CREATED)


class EffectsToTriage(View):
    """What was ticked and nobody has looked at."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="effects_to_triage",
        summary="Which effects has nobody looked at?",
        parameters=[PageQuery],
        responses=EffectsOutput(many=True),
        examples=[OpenApiExample("One", value=CHECKLIST, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List the checklists of one's patients that say that there was something, oldest first."""
        found = queries.effects_to_triage(self.actor, at=clock.now())
        chart_of = attrgetter("session.enrollment.patient_id")
        return self.page(found, EffectsOutput, chart_of=chart_of)


class Triages(View):
    """What a clinician makes of it."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="effects_triage",
        summary="Say whether it was expected or an adverse event",
        request=TriageInput,
        responses={201: TriageOutput},
        examples=[
            OpenApiExample(
                "Expected",
                value={"outcome": "expected", "reason": "Passed within the hour."},
                request_only=True,
            ),
            OpenApiExample("Done", value=TRIAGE, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, checklist_id: UUID) -> Response:
        """Decide once. An adverse event is recorded as any report is: without a "no" it counts as serious."""
        at = clock.now()
        checklist = queries.checklist_in_care(self.actor, checklist_id, at=at)
        said = TriageInput(data=request.data)
        said.is_valid(raise_exception=True)
        done = services.triage_effects(checklist, triage=said.triage(), actor=self.actor, at=at)
        return Response(TriageOutput(done).data, status=status.HTTP_201_CREATED)
