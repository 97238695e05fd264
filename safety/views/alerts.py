from operator import attrgetter
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, RecentlyAuthenticated, user_of
from core import clock
from core.api import View
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED
from safety import queries, serializers, services
from safety.enums import HoldReason
from safety.views.examples import PATIENT, SIGNATURE

ALERT = {
    "id": "0199c0de-0000-7000-8000-000000000040",
    "patient": PATIENT,
    "alert_class": "serious_event",
    "source": "event:0199c0de-0000-7000-8000-000000000050",
    "status": "open",
    "opened_at": "2026-03-02T15:00:00Z",
    "pages_sent": 2,
    "next_page_at": "2026-03-02T15:10:00Z",
    "acknowledged_at": None,
    "acknowledged_by": None,
    "close_reason": "",
    "signature": None,
}
ACKNOWLEDGED = ALERT | {
    "status": "acknowledged",
    "next_page_at": None,
    "acknowledged_at": "2026-03-02T15:06:00Z",
    "acknowledged_by": "Ben Example, MD",
}
HOLD = {
    "id": "0199c0de-0000-7000-8000-000000000060",
    "patient": PATIENT,
    "reason": "serious_event",
    "note": "A serious adverse event was reported.",
    "placed_at": "2026-03-02T15:00:00Z",
    "lifted_at": None,
    "lift_reason": "",
    "lift_signature": None,
}
HOLDS_STAND = "The alert is closed. Treatment stays on hold until each hold is lifted by itself."
NOTHING_STANDS = "The alert is closed. No hold stands."


class Alerts(View):
    """Where somebody must look."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="alerts_list",
        summary="Where must somebody look now?",
        parameters=[serializers.AlertsQuery],
        responses=serializers.AlertOutput(many=True),
        examples=[OpenApiExample("Open", value=ALERT, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List the alerts that one may answer, oldest first."""
        asked = serializers.AlertsQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = queries.listed_alerts(self.actor, asked.validated_data["status"], at=clock.now())
        return self.page(found, serializers.AlertOutput, chart_of=attrgetter("patient_id"))


class AlertDetail(View):
    """One alert."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="alerts_read",
        summary="What is this alert about?",
        responses=serializers.AlertOutput,
        examples=[OpenApiExample("Open", value=ALERT, response_only=True)],
    )
    def get(self, request: Request, alert_id: UUID) -> Response:  # noqa: ARG002
        """Show one alert, as the page's link promises."""
        alert = queries.alert_for(self.actor, alert_id, at=clock.now())
        return self.shown(Response(serializers.AlertOutput(alert).data), alert.patient_id)


class Acknowledgements(View):
    """Taking an alert in hand."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="alerts_acknowledge",
        summary="I have this alert in hand",
        request=serializers.AcknowledgementInput,
        responses={201: serializers.AlertOutput},
        examples=[
            OpenApiExample("Nothing to say", value={}, request_only=True),
            OpenApiExample("In hand", value=ACKNOWLEDGED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, alert_id: UUID) -> Response:
        """Stop the paging, under one's name."""
        at = clock.now()
        alert = queries.alert_for(self.actor, alert_id, at=at)
        serializers.AcknowledgementInput(data=request.data).is_valid(raise_exception=True)
        taken = services.acknowledge(alert, by=user_of(request), at=at)
        return Response(serializers.AlertOutput(taken).data, status=status.HTTP_201_CREATED)


class Closures(View):
    """Ending an alert."""

    permission_classes = (IsClinician, RecentlyAuthenticated)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="alerts_close",
        summary="This alert is dealt with",
        request=serializers.SignedReasonInput,
        responses={201: serializers.ClosureOutput},
        examples=[
            OpenApiExample("Why", value={"reason": "Called; resting, with her sister."}, request_only=True),
            OpenApiExample(
                "The hold stands",
                value={
                    "alert": ACKNOWLEDGED
                    | {
                        "status": "closed",
                        "close_reason": "Called; resting, with her sister.",
                        "signature": SIGNATURE | {"meaning": "closed"},
                    },
                    "holds_still_standing": [HOLD],
                    "detail": HOLDS_STAND,
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, alert_id: UUID) -> Response:
        """Sign that it is dealt with, and say which holds stand all the same."""
        at = clock.now()
        alert = queries.alert_for(self.actor, alert_id, at=at)
        said = serializers.SignedReasonInput(data=request.data)
        said.is_valid(raise_exception=True)
        closed = services.close(alert, by=user_of(request), reason=said.validated_data["reason"], at=at)
        holds = queries.open_holds(closed.patient_id)
        detail = HOLDS_STAND if holds else NOTHING_STANDS
        body = {"alert": closed, "holds_still_standing": holds, "detail": detail}
        return Response(serializers.ClosureOutput(body).data, status=status.HTTP_201_CREATED)


class Holds(View):
    """Where treatment stands still."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="holds_list",
        summary="Whose treatment stands still?",
        parameters=[serializers.HoldsQuery],
        responses=serializers.HoldOutput(many=True),
        examples=[OpenApiExample("After a serious event", value=HOLD, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List the holds of one's patients and of those one was called about, oldest first."""
        asked = serializers.HoldsQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = queries.listed_holds(
            self.actor,
            asked.validated_data["status"],
            patient_id=asked.validated_data.get("patient"),
            at=clock.now(),
        )
        return self.page(found, serializers.HoldOutput, chart_of=attrgetter("patient_id"))


class PatientHolds(View):
    """Making one patient's treatment stand still."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="holds_place",
        summary="Make treatment stand still",
        request=serializers.HoldInput,
        responses={201: serializers.HoldOutput},
        examples=[
            OpenApiExample("Why", value={"reason": "Surgery next week."}, request_only=True),
            OpenApiExample(
                "Placed",
                value=HOLD | {"reason": "clinical", "note": "Surgery next week."},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, patient_id: UUID) -> Response:
        """Hold at once, for one's patient or one that one was called about; a colleague lifts it.

        No session starts and no dose is recorded from now on. One that was dosed is watched to its end.
        """
        at = clock.now()
        patient = queries.patient_answered_for(self.actor, patient_id, at=at)
        said = serializers.HoldInput(data=request.data)
        said.is_valid(raise_exception=True)
        placed = services.place_hold(
            patient.pk,
            reason=HoldReason.CLINICAL,
            note=said.validated_data["reason"],
            actor=self.actor,
            at=at,
        )
        return Response(serializers.HoldOutput(placed).data, status=status.HTTP_201_CREATED)


class Lifts(View):
    """Ending a hold."""

    permission_classes = (IsClinician, RecentlyAuthenticated)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="holds_lift",
        summary="Treatment may go on",
        request=serializers.SignedReasonInput,
        responses={201: serializers.HoldOutput},
        examples=[
            OpenApiExample("Why", value={"reason": "Seen in person; recovered."}, request_only=True),
            OpenApiExample(
                "Lifted",
                value=HOLD
                | {
                    "lifted_at": "2026-03-04T09:00:00Z",
                    "lift_reason": "Seen in person; recovered.",
                    "lift_signature": SIGNATURE,
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, hold_id: UUID) -> Response:
        """Sign that this hold is over; other holds and open alerts stand. Never one that you placed."""
        at = clock.now()
        hold = queries.hold_for(self.actor, hold_id, at=at)
        said = serializers.SignedReasonInput(data=request.data)
        said.is_valid(raise_exception=True)
        lifted = services.lift_hold(hold, by=user_of(request), reason=said.validated_data["reason"], at=at)
        return Response(serializers.HoldOutput(lifted).data, status=status.HTTP_201_CREATED)
