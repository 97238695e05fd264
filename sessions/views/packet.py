from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPerson
from core import clock
from core.api import View
from core.fields import shaped
from core.paper import OnPaper
from core.quotas import NEVER_COUNTED
from sessions import packet_pdf, queries
from sessions.serializers.packet import EmergencyPacketOutput
from sessions.views.base import SESSION_ID
from sessions.views.places import HERE

PACKET = {
    "session": SESSION_ID,
    "version": 2,
    "written_at": "2026-03-02T17:05:00Z",
    "sha256": "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c",
    "is_intact": True,
    "snapshot": {
        "format": 2,
        "emergency_phone": "911",
        "clinic_phone": "+1-555-0100",
        "name": "Ada Example",
        "birth_on": "1984-05-17",
        "age_years": 41,
        "place": {"address": HERE["address"], "phone": HERE["phone"], "given_at": "2026-03-02T16:40:00Z"},
        "contact": HERE["contact"],
        "timezone": "America/New_York",
        "started_at": "2026-03-02T17:02:00Z",
        "ordered": {"route": "sublingual", "dose_mg": "300.0"},
        "doses": [
            {
                "route": "sublingual",
                "dose_mg": "300.0",
                "taken_at": "2026-03-02T17:05:00Z",
                "is_sure": True,
            }
        ],
        "outcomes": [],
        "readings": [
            {
                "observed_at": "2026-03-02T16:58:00Z",
                "systolic_mmhg": 118,
                "diastolic_mmhg": 76,
                "heart_rate_bpm": 64,
                "oxygen_saturation_pct": None,
            }
        ],
        "conditions": [],
        "medications": ["Sertraline"],
        "allergies": None,
        "pregnancy": "not_pregnant",
    },
}


class EmergencyPacket(View):
    """What help asks for; for people, never for a monitor's link, which opens no chart.

    Answers while the database takes no writes: whoever is signed in stays so, and the look, which the trail
    cannot take then, is noted in the log (`core.looks.looked_in_emergency`).
    """

    permission_classes = (IsPerson,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="session_emergency_packet_read",
        summary="What does an ambulance crew need to know?",
        responses=EmergencyPacketOutput,
        examples=[OpenApiExample("After the dose", value=PACKET, response_only=True)],
    )
    def get(self, request: Request, session_id: UUID) -> Response:  # noqa: ARG002
        """Show it to the patient, whoever cares for them, and who is on call or was called about them."""
        packet = queries.packet_for(self.actor, session_id, at=clock.now())
        answer = Response(shaped(EmergencyPacketOutput, packet))
        return self.shown_in_emergency(answer, packet.patient_id, named=packet.session)


class EmergencyPacketOnPaper(View):
    """The same to print or to send along."""

    renderer_classes = (JSONRenderer, OnPaper)
    permission_classes = (IsPerson,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="session_emergency_packet_read_pdf",
        summary="What an ambulance crew needs to know, as a PDF",
        responses={(200, "application/pdf"): bytes},
        examples=[
            OpenApiExample(
                "The beginning", value="%PDF-1.4", media_type="application/pdf", response_only=True
            )
        ],
    )
    def get(self, request: Request, session_id: UUID) -> HttpResponse:  # noqa: ARG002
        """Download it with its hash on every page; shown to the same people, and noted in the same way."""
        packet = queries.packet_for(self.actor, session_id, at=clock.now())
        answer = packet_pdf.answer(packet)
        return self.shown_in_emergency(answer, packet.patient_id, named=packet.session)


class PatientsEmergencyPacket(View):
    """The same by whom an alert is about, for whoever was called."""

    permission_classes = (IsPerson,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="patient_emergency_packet_read",
        summary="What does an ambulance crew need to know about this patient's last session?",
        responses=EmergencyPacketOutput,
        examples=[OpenApiExample("After the dose", value=PACKET, response_only=True)],
    )
    def get(self, request: Request, patient_id: UUID) -> Response:  # noqa: ARG002
        """Show the newest packet to the same people as the session's own, and note it in the same way."""
        packet = queries.packet_of(self.actor, patient_id, at=clock.now())
        answer = Response(shaped(EmergencyPacketOutput, packet))
        return self.shown_in_emergency(answer, packet.patient_id, named=packet.session)
