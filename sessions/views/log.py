from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core import clock
from core.fields import shaped
from sessions import queries
from sessions.rules import Party
from sessions.serializers.log import LogOutput
from sessions.views.base import SESSION_ID, SessionView


class SessionLog(SessionView):
    """What happened in a session."""

    @extend_schema(
        operation_id="session_log_read",
        summary="What was seen, said and done in this session?",
        responses=LogOutput,
        examples=[
            OpenApiExample(
                "One reading that came late",
                value={
                    "is_complete": False,
                    "is_whole": True,
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "seal": None,
                    "gaps": [{"starts_at": "2026-03-02T17:02:00Z", "ends_at": "2026-03-02T17:31:00Z"}],
                    "lines": [
                        {
                            "id": SESSION_ID,
                            "kind": "blood_pressure",
                            "at": "2026-03-02T17:20:00Z",
                            "received_at": "2026-03-02T17:31:00Z",
                            "is_late": True,
                            "by": "monitor",
                            "content": {"systolic_mmhg": 118, "diastolic_mmhg": 76},
                            "replaces": None,
                            "reason": "",
                            "replaced_by": None,
                            "after_seal": False,
                        }
                    ],
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, session_id: UUID) -> Response:  # noqa: ARG002
        """List everything in the order in which it happened, what came late, and where nobody was heard."""
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, Party.CLINICIAN, at=at)
        answer = Response(shaped(LogOutput, queries.log(session, at=at)))
        return self.shown(answer, session.enrollment.patient_id)
