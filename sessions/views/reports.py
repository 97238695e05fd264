from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.idempotency import idempotent_report
from core.parsing import ReportParser
from sessions import queries, services
from sessions.queries import Named
from sessions.serializers.reports import EventInput, EventOutput
from sessions.views.base import SESSION_ID, SessionView

EVENT_ID = "0199c0de-0000-7000-8000-000000000040"
EVENT: dict[str, Any] = {
    "id": EVENT_ID,
    "session": SESSION_ID,
    "description": "He threw up twice and felt better afterwards.",
    "action_taken": "",
    "onset_at": "2026-03-02T17:40:00Z",
    "ended_at": None,
    "is_serious": False,
    "seriousness": [],
    "answers": {"hospitalisation": False},
    "observation": None,
    "grade": 1,
    "ascertainment": "observed",
    "flags": [],
    "reported_at": "2026-03-02T17:45:00Z",
    "treatment_is_held": False,
}


NAMED = ("session", "enrollment", "observation")


class AdverseEvents(SessionView):
    """Reports of harm."""

    hears_any_device = True
    parser_classes = (ReportParser,)

    @extend_schema(
        operation_id="adverse_events_report",
        summary="Something went wrong",
        request=EventInput,
        responses={201: EventOutput},
        examples=[
            OpenApiExample(
                "In few words", value={"description": "She is not well at all."}, request_only=True
            ),
            OpenApiExample(
                "With what is known",
                value={
                    "session": SESSION_ID,
                    "description": EVENT["description"],
                    "onset_at": "2026-03-02T12:40:00-05:00",
                    "is_serious": "no",
                    "answers": {"hospitalisation": "no"},
                    "grade": 1,
                    "ascertainment": "observed",
                },
                request_only=True,
            ),
            OpenApiExample("Recorded", value=EVENT, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent_report
    def post(self, request: Request) -> Response:
        """Take a report in any state and however little it says; without a "no" it counts as serious.

        About a session, a line of its log (`observation`), or an enrollment, which a guide names too; without
        one that can be used, the patient's own chart or the link's session. `answers` are the closed
        questions about seriousness, each yes, no or unknown. `flags` say what is still open; nobody is turned
        away for it.
        """
        at = clock.now()
        said = EventInput(data=request.data)
        said.is_valid(raise_exception=True)
        about = queries.reported_about(
            self.actor, named=Named(**{name: said.id_of(name) for name in NAMED}), at=at
        )
        unreadable = [name for name in NAMED if said.is_unreadable(name)]
        report = said.to_report(unused=[*about.unused, *unreadable])
        event = services.report_event(
            about.patient_id,
            report=report,
            session=about.session,
            observation=about.observation,
            actor=self.actor,
            at=at,
        )
        headers = {"Location": f"/api/v1/adverse-events/{event.pk}"}
        return Response(EventOutput(event).data, status=status.HTTP_201_CREATED, headers=headers)


class AdverseEventDetail(SessionView):
    """One report."""

    @extend_schema(
        operation_id="adverse_events_read",
        summary="What was reported?",
        responses=EventOutput,
        examples=[OpenApiExample("One", value=EVENT, response_only=True)],
    )
    def get(self, request: Request, event_id: UUID) -> Response:  # noqa: ARG002
        """Show a report to the patient, their clinician, or the holder of the link it came by."""
        event = queries.event_for(self.actor, event_id, at=clock.now())
        return self.shown(Response(EventOutput(event).data), event.patient_id)
