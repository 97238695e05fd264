from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.errors import KeyReused, Reason
from core.fields import NothingInput, checked
from core.idempotency import idempotent
from programs.enums import Route
from sessions import services
from sessions.enums import AttestationKind, OutcomeKind
from sessions.errors import DoseAlreadyTaken, NotALateDose, WrongSessionState
from sessions.models import TreatmentSession
from sessions.rules import Party
from sessions.serializers.entries import (
    WHAT_NOW,
    DoseInput,
    DoseOutcomeInput,
    DoseOutcomeOutput,
    DoseOutput,
    LateDoseInput,
)
from sessions.serializers.sessions import AttestationInput, AttestationOutput, DayOutput, ReasonInput
from sessions.views.base import DAY, SESSION_ID, SessionView, TellingView


class Attestations(SessionView):
    """What is vouched for before a session starts."""

    @extend_schema(
        operation_id="attestations_create",
        summary="Vouch for being there, or for how one is today",
        request=AttestationInput,
        responses={201: AttestationOutput},
        examples=[
            OpenApiExample("The monitor is there", value={"kind": "monitor_present"}, request_only=True),
            OpenApiExample(
                "The patient, today",
                value={
                    "kind": "patient_today",
                    "answers": {
                        "alcohol_or_intoxication": "no",
                        "fever_or_vomiting": "no",
                        "sedatives_or_stimulants": "no",
                        "new_medicine": "no",
                        "pregnancy_possible": "no",
                    },
                },
                request_only=True,
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Take the monitor's word that they are an adult, there, and stay; or the patient's answers."""
        at = clock.now()
        said = AttestationInput(data=request.data)
        said.is_valid(raise_exception=True)
        if said.validated_data["kind"] == AttestationKind.MONITOR_PRESENT:
            session = self.session(session_id, Party.MONITOR, at=at)
            attestation = services.attest_monitor_present(session, actor=self.actor, at=at)
        else:
            session = self.session(session_id, Party.PATIENT, at=at)
            answers = said.validated_data["answers"]
            attestation = services.attest_patient_today(session, answers=answers, actor=self.actor, at=at)
        return Response(AttestationOutput(attestation).data, status=status.HTTP_201_CREATED)


class Start(SessionView):
    """The gate before the dose."""

    @extend_schema(
        operation_id="sessions_start",
        summary="Start the session",
        request=None,
        responses=DayOutput,
        examples=[OpenApiExample("Started", value=DAY | {"dosed_at": None}, response_only=True)],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Open the dose window if nothing speaks against it; else name everything that does."""
        checked(NothingInput, request.data)
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, Party.MONITOR, at=at)
        return self.answer(services.start_session(session, actor=self.actor, at=at), at=at)


MAY_BE_SWALLOWED = Reason(
    "clinician_called",
    "A clinician is called. If it was swallowed, stay together and report when; if not, do not take it.",
)


class Doses(TellingView):
    """The dose of a session."""

    told_by = (Party.PATIENT, Party.MONITOR)

    def heard(self, session: TreatmentSession, *, refused: Exception, at: datetime) -> Reason | None:  # noqa: ARG002
        """Call a clinician: whatever else the request says, the dose may have been swallowed."""
        return _hear_dose(session, self.request.data, at=at)

    @extend_schema(
        operation_id="doses_record",
        summary="The dose is taken now",
        request=DoseInput,
        responses={201: DoseOutput},
        examples=[
            OpenApiExample(
                "As ordered", value={"route": "sublingual", "dose_mg": "300.0"}, request_only=True
            ),
            OpenApiExample(
                "Recorded",
                value={
                    "id": SESSION_ID,
                    "route": "sublingual",
                    "dose_mg": "300.0",
                    "taken_at": "2026-03-02T17:05:00Z",
                    "recorded_at": "2026-03-02T17:05:00Z",
                    "is_late": False,
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Record the one dose of this session: what the plan orders, within the window after the start.

        A refusal with the reason `clinician_called` has been heard: nothing is stored, and somebody calls.
        """
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, Party.MONITOR, at=at)
        dose = services.record_dose(session, actor=self.actor, at=at, **_dose(request))
        return Response(DoseOutput(dose).data, status=status.HTTP_201_CREATED)


def _hear_dose(session: TreatmentSession, said: object, *, at: datetime) -> Reason | None:
    """Call a clinician to a dose that was told of and refused, as far as it can be read."""
    if not isinstance(said, Mapping) or not said:
        return None
    readable = DoseInput(data={name: said.get(name) for name in ("route", "dose_mg")})
    dose = readable.validated_data if readable.is_valid() else {}
    is_called = services.hear_refused_dose(
        session, route=dose.get("route"), dose_mg=dose.get("dose_mg"), at=at
    )
    return MAY_BE_SWALLOWED if is_called else None


def _dose(request: Request) -> dict[str, Any]:
    said = DoseInput(data=request.data)
    said.is_valid(raise_exception=True)
    return {**said.validated_data, "route": Route(said.validated_data["route"])}


KEPT = Reason(
    "clinician_told",
    "We have written it down and told a clinician. No driving until tomorrow; unwell: call us.",
)


class LateDoses(TellingView):
    """A dose that nobody wrote down in time."""

    def heard(self, session: TreatmentSession, *, refused: Exception, at: datetime) -> Reason | None:
        """Keep what was said of a dose: a clinician is told, the next one waits. Else call a clinician.

        What cannot be read cannot be kept, nor what comes from a device that the link is not bound to.
        """
        if isinstance(refused, WrongSessionState | DoseAlreadyTaken | NotALateDose | KeyReused):
            with suppress(ValidationError):
                said = _late_dose(self.request)
                is_kept = services.keep_unattributed_dose(session, actor=self.actor, at=at, **said)
                return KEPT if is_kept else None
        return _hear_dose(session, self.request.data, at=at)

    @extend_schema(
        operation_id="late_doses_record",
        summary="The dose was taken in its time, and nobody wrote it down",
        request=LateDoseInput,
        responses={201: DoseOutput},
        examples=[
            OpenApiExample(
                "Taken half an hour ago",
                value={"route": "sublingual", "dose_mg": "300.0", "taken_at": "2026-03-02T17:10:00Z"},
                request_only=True,
            ),
            OpenApiExample(
                "Recorded",
                value={
                    "id": SESSION_ID,
                    "route": "sublingual",
                    "dose_mg": "300.0",
                    "taken_at": "2026-03-02T17:10:00Z",
                    "recorded_at": "2026-03-02T17:40:00Z",
                    "is_late": True,
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Record it as late, page a clinician, and go on as with any dose; also for who was told of it.

        A refusal with the reason `clinician_told` has been written down: the next dose keeps its distance.
        """
        at = clock.now()
        session = self.session(session_id, *Party, at=at)
        dose = services.record_late_dose(session, actor=self.actor, at=at, **_late_dose(request))
        return Response(DoseOutput(dose).data, status=status.HTTP_201_CREATED)


def _late_dose(request: Request) -> dict[str, Any]:
    said = LateDoseInput(data=request.data)
    said.is_valid(raise_exception=True)
    return {**said.validated_data, "route": Route(said.validated_data["route"])}


CALLED = Reason(
    "clinician_called", "A clinician is called. No driving until tomorrow; if they feel unwell, call us."
)


class DoseOutcomes(TellingView):
    """A dose that was not taken, or not kept."""

    def heard(self, session: TreatmentSession, *, refused: Exception, at: datetime) -> Reason | None:  # noqa: ARG002
        """Call a clinician to a dose that came up again, and so was taken."""
        if not _came_up(self.request.data):
            return None
        services.hear_refused_outcome(session, at=at)
        return CALLED

    @extend_schema(
        operation_id="dose_outcomes_record",
        summary="The dose was refused, or came up again",
        request=DoseOutcomeInput,
        responses={201: DoseOutcomeOutput},
        examples=[
            OpenApiExample("It came up again", value={"kind": "vomited", "note": ""}, request_only=True),
            OpenApiExample(
                "Recorded",
                value={
                    "id": SESSION_ID,
                    "kind": "vomited",
                    "note": "",
                    "recorded_at": "2026-03-02T17:20:00Z",
                    "what_now": WHAT_NOW[OutcomeKind.VOMITED],
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Write it down: no dose is taken in this session any more, and what was taken counts as ever.

        A refusal with the reason `clinician_called` has been heard: nothing is stored, and somebody calls.
        """
        at = clock.now()
        session = self.session(session_id, *Party, at=at)
        row = services.record_dose_outcome(session, actor=self.actor, at=at, **_outcome(request))
        return Response(DoseOutcomeOutput(row).data, status=status.HTTP_201_CREATED)


def _outcome(request: Request) -> dict[str, Any]:
    said = DoseOutcomeInput(data=request.data)
    said.is_valid(raise_exception=True)
    return {**said.validated_data, "kind": OutcomeKind(said.validated_data["kind"])}


def _came_up(said: object) -> bool:
    """Tell whether a request, whatever else it says, says that the dose came up again."""
    return isinstance(said, Mapping) and str(said.get("kind")).strip().casefold() == OutcomeKind.VOMITED


class End(SessionView):
    """The end of the watched time."""

    @extend_schema(
        operation_id="sessions_end",
        summary="End the session",
        request=ReasonInput,
        responses=DayOutput,
        examples=[OpenApiExample("As planned", value={"reason": ""}, request_only=True)],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """End it once the watched time is over; before the dose, at any time."""
        at = clock.now()
        session = self.session(session_id, *Party, at=at)
        said = ReasonInput(data=request.data)
        said.is_valid(raise_exception=True)
        ended = services.end_session(session, actor=self.actor, at=at, **said.validated_data)
        return self.answer(ended, at=at)
