from operator import attrgetter
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, user_of
from assessments.worsening import queries, serializers, services
from core import clock
from core.api import View
from core.fields import shaped
from core.idempotency import idempotent

WORSE: dict[str, Any] = {
    "id": "0199c0de-0000-7000-8000-000000000070",
    "patient": "0199c0de-0000-7000-8000-000000000002",
    "legal_name": "Ada Example",
    "enrollment": "0199c0de-0000-7000-8000-000000000010",
    "assessment": "0199c0de-0000-7000-8000-000000000032",
    "instrument": "phq9",
    "level": "soft",
    "noticed_at": "2026-04-08T10:00:00Z",
    "found": [
        {
            "scale": "total",
            "title": "Depression total",
            "level": "soft",
            "since": "first",
            "earlier_assessment": "0199c0de-0000-7000-8000-000000000030",
            "earlier_submitted_at": "2026-03-02T15:20:00Z",
            "earlier_value": 12.0,
            "value": 15.0,
            "points": 1.7,
            "source": "minimal important difference for a moderate value: Kounali 2020",
        }
    ],
    "thresholds_version": 1,
    "alert": None,
    "looked_at": None,
    "note": "",
}
NOTE = "Called her: a hard week at work, and no thoughts of harming herself. We talk again on Friday."


class WorseForms(View):
    """Forms that came to worse."""

    permission_classes = (IsClinician,)

    @extend_schema(
        operation_id="worse_forms_list",
        summary="Which of my patients' forms came to much worse?",
        parameters=[serializers.WorseFormsQuery],
        responses=serializers.WorseFormOutput(many=True),
        examples=[OpenApiExample("One that waits", value=WORSE, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List forms of those in one's care that came to worse than the first, or than the one before."""
        asked = serializers.WorseFormsQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        rows = queries.worse_forms(self.actor, at=clock.now())
        found = rows.filter(queries.WORSE_FORM_LISTS[asked.validated_data["list"]])
        return self.page(found, serializers.WorseFormOutput, chart_of=attrgetter("enrollment.patient_id"))


class Looks(View):
    """Having looked at one."""

    permission_classes = (IsClinician,)

    @extend_schema(
        operation_id="worse_forms_look",
        summary="I have looked at this form",
        request=serializers.LookInput,
        responses={201: serializers.WorseFormOutput},
        examples=[
            OpenApiExample("What was done", value={"note": NOTE}, request_only=True),
            OpenApiExample(
                "It waits no more",
                value=WORSE | {"looked_at": "2026-04-08T11:00:00Z", "note": NOTE},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, worse_form_id: UUID) -> Response:
        """Say what was done; it waits no more. One that somebody was called about ends with its alert."""
        at = clock.now()
        row = queries.worse_form(self.actor, worse_form_id, at=at)
        said = serializers.LookInput(data=request.data)
        said.is_valid(raise_exception=True)
        services.look(row.pk, note=said.validated_data["note"], by=user_of(request), at=at)
        shown = queries.worse_form(self.actor, worse_form_id, at=at)
        return Response(shaped(serializers.WorseFormOutput, shown), status=status.HTTP_201_CREATED)
