from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.idempotency import idempotent
from sessions import queries, services
from sessions.rules import Party
from sessions.serializers.places import PlaceInput, PlaceOutput
from sessions.views.base import SESSION_ID, SessionView

HERE = {
    "address": {
        "lines": ["12 Example Street", "Second floor"],
        "city": "Albany",
        "state": "NY",
        "postal_code": "12207",
    },
    "phone": "+1 518 555 0100",
    "contact": {"name": "Dan Example", "phone": "+1 518 555 0101"},
}
GIVEN = HERE | {"id": SESSION_ID, "given_at": "2026-03-02T16:40:00Z"}


class Places(SessionView):
    """Where a session is on its day."""

    pagination_class = None

    @extend_schema(
        operation_id="session_places_list",
        summary="Where would help be sent to?",
        responses=PlaceOutput(many=True),
        examples=[OpenApiExample("Home", value=GIVEN, response_only=True)],
    )
    def get(self, request: Request, session_id: UUID) -> Response:  # noqa: ARG002
        """List where the patient said to be, the newest first: that is where help goes."""
        session = self.session(session_id, Party.PATIENT, Party.CLINICIAN, at=clock.now())
        answer = Response(PlaceOutput(queries.places(session), many=True).data)
        return self.shown(answer, session.enrollment.patient_id)

    @extend_schema(
        operation_id="session_places_give",
        summary="Say where you are today",
        request=PlaceInput,
        responses={201: PlaceOutput},
        examples=[
            OpenApiExample("Home", value=HERE, request_only=True),
            OpenApiExample("Known", value=GIVEN, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Keep where the patient is, and whom else to call; no session starts without it, on its own day."""
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, at=at)
        said = PlaceInput(data=request.data)
        said.is_valid(raise_exception=True)
        place = said.place()
        row = services.give_place(session, place=place, actor=self.actor, at=at)
        given = queries.GivenPlace(row.pk, place, row.given_at)
        return Response(PlaceOutput(given).data, status=status.HTTP_201_CREATED)
