from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.errors import Problem, Reason
from core.fields import PageQuery, checked, shaped
from core.idempotency import idempotent
from core.problems import problem_for
from sessions import queries, services
from sessions.models import TreatmentSession
from sessions.permissions import party_of
from sessions.rules import Party
from sessions.serializers.entries import (
    CheckInInput,
    CheckInOutput,
    CorrectionInput,
    CorrectionOutput,
    ObservationInput,
    ObservationOutput,
    ReflectionInput,
    ReflectionOutput,
)
from sessions.services import CheckInEntry, ObservationEntry
from sessions.views.base import SESSION_ID, SessionView

ENTRY = {
    "client_id": "5b1d3c1e-7a56-4d2c-9a53-0d2f4f3a8e11",
    "client_seq": 4,
    "observed_at": "2026-03-02T16:58:00Z",
}
READING = ENTRY | {
    "kind": "blood_pressure",
    "systolic_mmhg": 118,
    "diastolic_mmhg": 76,
    "heart_rate_bpm": 64,
}
STORED = {
    "id": SESSION_ID,
    **READING,
    "oxygen_saturation_pct": None,
    "alertness": "",
    "comfort": None,
    "dissociation": None,
    "note": "",
    "received_at": "2026-03-02T16:58:01Z",
}
CORRECTION = {
    "kind": "blood_pressure",
    "systolic_mmhg": 118,
    "diastolic_mmhg": 76,
    "client_id": "5b1d3c1e-7a56-4d2c-9a53-0d2f4f3a8e11",
    "client_seq": 5,
    "reason": "I had typed 181.",
}
CORRECTED = STORED | CORRECTION | {"replaces": SESSION_ID}
REFLECTION = {"text": "I said yes to everything this year.", "shared_with": "private"}
_NEW = {True: status.HTTP_201_CREATED, False: status.HTTP_200_OK}


@contextmanager
def _heeded(session: TreatmentSession, said: object, *, at: datetime) -> Iterator[None]:
    """Let no refusal silence a call for help: raise its alert, and say beside the refusal whom to call."""
    try:
        yield
    except (Problem, ValidationError) as refused:
        if not services.heed(session, said, at=at):
            raise
        problem = problem_for(refused)
        first = queries.emergency(session, at=at).call_first
        problem.reasons += (Reason("call_emergency", first),)
        raise problem from refused


class Observations(SessionView):
    """What is seen and measured, before, during and after."""

    hears_any_device = True

    @extend_schema(
        operation_id="observations_create",
        summary="Note a reading, or something seen",
        request=ObservationInput,
        responses={201: ObservationOutput, 200: ObservationOutput},
        examples=[
            OpenApiExample("A blood pressure", value=READING, request_only=True),
            OpenApiExample("Stored", value=STORED, response_only=True),
        ],
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Store one entry: 201 when new; 200 with the stored one when this number came before.

        A refusal with the reason `call_emergency` has been heard: the alert stands, nothing is stored.
        """
        at = clock.now()
        session = queries.session_to_show(self.actor, session_id, at=at)
        with _heeded(session, request.data, at=at):
            self.admit(session, *Party, at=at)
            said = ObservationEntry(**checked(ObservationInput, request.data))
            stored, is_new = services.observe(session, entry=said, actor=self.actor, at=at)
        return Response(shaped(ObservationOutput, stored), status=_NEW[is_new])


class Corrections(SessionView):
    """What an entry should have said."""

    hears_any_device = True

    @extend_schema(
        operation_id="observations_correct",
        summary="Correct an entry",
        request=CorrectionInput,
        responses={201: CorrectionOutput, 200: CorrectionOutput},
        examples=[
            OpenApiExample("A slip", value=CORRECTION, request_only=True),
            OpenApiExample("Stored beside the old one", value=CORRECTED, response_only=True),
        ],
    )
    def post(self, request: Request, session_id: UUID, observation_id: UUID) -> Response:
        """Store a newer version with its reason: 201 when new; 200 when this number came before.

        The old one stays to be read. After the log is sealed a clinician alone corrects it.
        """
        at = clock.now()
        session = queries.session_to_show(self.actor, session_id, at=at)
        with _heeded(session, request.data, at=at):
            self.admit(session, *Party, at=at)
            old = queries.observation_of(session, observation_id)
            said = checked(CorrectionInput, request.data)
            reason = said.pop("reason")
            new = ObservationEntry(**said, observed_at=old.observed_at)
            stored, is_new = services.correct(session, old, entry=new, reason=reason, actor=self.actor, at=at)
        return Response(shaped(CorrectionOutput, stored), status=_NEW[is_new])


class CheckIns(SessionView):
    """That all is well."""

    hears_any_device = True

    @extend_schema(
        operation_id="check_ins_create",
        summary="Say that all is well, or that help is wanted",
        request=CheckInInput,
        responses={201: CheckInOutput, 200: CheckInOutput},
        examples=[
            OpenApiExample("All is well", value=ENTRY | {"all_well": True}, request_only=True),
            OpenApiExample(
                "Stored",
                value={
                    "id": SESSION_ID,
                    **ENTRY,
                    "all_well": True,
                    "received_at": "2026-03-02T16:58:01Z",
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request, session_id: UUID) -> Response:
        """Store one check-in; the monitor's own meets the next deadline, the patient's is kept beside it.

        A refusal with the reason `call_emergency` has been heard: the alert stands, nothing is stored.
        """
        at = clock.now()
        session = queries.session_to_show(self.actor, session_id, at=at)
        with _heeded(session, request.data, at=at):
            self.admit(session, Party.MONITOR, Party.PATIENT, at=at)
            said = CheckInEntry(**checked(CheckInInput, request.data))
            stored, is_new = services.check_in(session, entry=said, actor=self.actor, at=at)
        return Response(shaped(CheckInOutput, stored), status=_NEW[is_new])


class Reflections(SessionView):
    """What surfaced."""

    @extend_schema(
        operation_id="reflections_list",
        summary="What did I write?",
        parameters=[PageQuery],
        responses=ReflectionOutput(many=True),
        examples=[
            OpenApiExample(
                "One",
                value={"id": SESSION_ID, **REFLECTION, "written_at": "2026-03-02T20:00:00Z"},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, session_id: UUID) -> Response:  # noqa: ARG002
        """List the patient's own, oldest first, or for a clinician what the patient shares with them."""
        session = self.session(session_id, Party.PATIENT, Party.CLINICIAN, at=clock.now())
        found = queries.reflections(session, party=party_of(self.actor, session))
        return self.page(found, ReflectionOutput, also=(session.enrollment.patient_id,))

    @extend_schema(
        operation_id="reflections_create",
        summary="Write down what surfaced",
        request=ReflectionInput,
        responses={201: ReflectionOutput},
        examples=[OpenApiExample("Private", value=REFLECTION, request_only=True)],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Keep a reflection, encrypted, for the patient alone unless they share it."""
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, at=at)
        said = ReflectionInput(data=request.data)
        said.is_valid(raise_exception=True)
        row = services.reflect(session, at=at, **said.validated_data)
        return Response(ReflectionOutput(row).data, status=status.HTTP_201_CREATED)
