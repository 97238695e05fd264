from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPerson
from core import clock
from core.api import View
from core.fields import shaped
from core.quotas import NEVER_COUNTED
from programs.queries import enrollment_for
from sessions import queries
from sessions.serializers.content import ContentModuleOutput

MODULE = {
    "key": "what_surfaced",
    "title": "What came up",
    "text": "Take ten quiet minutes today or tomorrow.",
    "part": "integration",
    "released_at": "2026-03-02T19:05:00Z",
    "released_by": "after_session",
    "number": 1,
}


class ContentModules(View):
    """What there is to read between sessions."""

    pagination_class = None
    permission_classes = (IsPerson,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="content_modules_list",
        summary="What is there to read by now?",
        responses=ContentModuleOutput(many=True),
        examples=[OpenApiExample("After the first session", value=MODULE, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: UUID) -> Response:  # noqa: ARG002
        """List the modules released in an enrollment, in order of release; none where nothing is signed."""
        at = clock.now()
        enrollment = enrollment_for(self.actor, enrollment_id, at=at)
        found = queries.content_modules(enrollment, at=at)
        shown = [shaped(ContentModuleOutput, one) for one in found]
        return self.shown(Response(shown), enrollment.patient_id)
