from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPerson, user_of
from core import clock
from core.api import View
from core.fields import PageQuery
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED
from programs.queries import enrollment_for, enrollment_in_care
from sessions.ledger import queries, services
from sessions.ledger.permissions import require_may_move
from sessions.ledger.serializers import (
    PrescriptionInput,
    PrescriptionOutput,
    StockCountInput,
    StockCountOutput,
    StockEntryOutput,
    StockMoveInput,
)

A_ROW = "0199c0de-0000-7000-8000-000000000071"
PRESCRIBED = {
    "number": "RX-1001",
    "prescriber": "Ben Example, MD",
    "route": "sublingual",
    "unit_mg": "100.0",
    "units": 9,
    "refills": 1,
    "issued_on": "2026-02-20",
    "expires_on": "2026-08-20",
}
CAME = {"kind": "dispensed", "lot": "K-2201", "units": 9, "note": ""}
COUNTED = {"lot": "K-2201", "counted_units": 6}
WRITTEN = {"id": A_ROW, "recorded_at": "2026-02-21T10:00:00Z"}
MOVED = CAME | WRITTEN | {"balance_units": 9, "session": None}


class LedgerView(View):
    """A view of the ledger: for the patient and who cares for them."""

    permission_classes = (IsPerson,)
    throttle_classes = NEVER_COUNTED


class Prescriptions(LedgerView):
    """What was prescribed elsewhere for one program."""

    @extend_schema(
        operation_id="prescriptions_list",
        summary="What was prescribed?",
        parameters=[PageQuery],
        responses=PrescriptionOutput(many=True),
        examples=[OpenApiExample("One", value=PRESCRIBED | WRITTEN, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: UUID) -> Response:  # noqa: ARG002
        """List recorded prescriptions, the oldest first."""
        enrollment = enrollment_for(self.actor, enrollment_id, at=clock.now())
        found = queries.prescriptions_of(enrollment)
        return self.page(found, PrescriptionOutput, also=(enrollment.patient_id,))

    @extend_schema(
        operation_id="prescriptions_record",
        summary="Record a prescription that was written elsewhere",
        request=PrescriptionInput,
        responses={201: PrescriptionOutput},
        examples=[
            OpenApiExample("Nine tablets, once more", value=PRESCRIBED, request_only=True),
            OpenApiExample("Recorded", value=PRESCRIBED | WRITTEN, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Record it; nothing is sent from here. From now on a ledger is kept: a dose needs stock in date."""
        at = clock.now()
        enrollment = enrollment_in_care(self.actor, enrollment_id, at=at)
        said = PrescriptionInput(data=request.data)
        said.is_valid(raise_exception=True)
        row = services.record_prescription(enrollment.pk, said=said.external(), by=user_of(request), at=at)
        return Response(PrescriptionOutput(row).data, status=status.HTTP_201_CREATED)


class Stock(LedgerView):
    """What came and went on one prescription."""

    @extend_schema(
        operation_id="stock_list",
        summary="What came and went, and what is left?",
        parameters=[PageQuery],
        responses=StockEntryOutput(many=True),
        examples=[OpenApiExample("A delivery", value=MOVED, response_only=True)],
    )
    def get(self, request: Request, prescription_id: UUID) -> Response:  # noqa: ARG002
        """List the ledger of a prescription, the oldest first."""
        found = queries.prescription_for(self.actor, prescription_id, at=clock.now())
        entries = queries.entries_of(found)
        return self.page(entries, StockEntryOutput, also=(found.enrollment.patient_id,))

    @extend_schema(
        operation_id="stock_move",
        summary="Write down units that came, or went without being taken",
        request=StockMoveInput,
        responses={201: StockEntryOutput},
        examples=[
            OpenApiExample("A delivery", value=CAME, request_only=True),
            OpenApiExample("Written down", value=MOVED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, prescription_id: UUID) -> Response:
        """A clinician writes deliveries and what was found; what was lost, returned or destroyed, both do."""
        at = clock.now()
        found = queries.prescription_for(self.actor, prescription_id, at=at)
        said = StockMoveInput(data=request.data)
        said.is_valid(raise_exception=True)
        moved = said.moved()
        require_may_move(self.actor, found, moved.kind, at=at)
        entry = services.move_stock(found, moved=moved, actor=self.actor, at=at)
        return Response(StockEntryOutput(entry).data, status=status.HTTP_201_CREATED)


class StockCounts(LedgerView):
    """What somebody counted."""

    @extend_schema(
        operation_id="stock_counts_list",
        summary="What was counted?",
        parameters=[PageQuery],
        responses=StockCountOutput(many=True),
        examples=[
            OpenApiExample(
                "It agrees",
                value=COUNTED
                | {
                    "id": A_ROW,
                    "expected_units": 6,
                    "agrees": True,
                    "counted_at": "2026-03-03T10:00:00Z",
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, prescription_id: UUID) -> Response:  # noqa: ARG002
        """List the counts of a prescription, the oldest first."""
        found = queries.prescription_for(self.actor, prescription_id, at=clock.now())
        counts = queries.counts_of(found)
        return self.page(counts, StockCountOutput, also=(found.enrollment.patient_id,))

    @extend_schema(
        operation_id="stock_count",
        summary="Say how many units are there",
        request=StockCountInput,
        responses={201: StockCountOutput},
        examples=[OpenApiExample("Six", value=COUNTED, request_only=True)],
    )
    @idempotent
    def post(self, request: Request, prescription_id: UUID) -> Response:
        """Keep a count. Where it does not agree, a clinician is called, and nothing more is dispensed."""
        at = clock.now()
        found = queries.prescription_for(self.actor, prescription_id, at=at)
        require_may_move(self.actor, found, None, at=at)
        said = StockCountInput(data=request.data)
        said.is_valid(raise_exception=True)
        counted = services.count_stock(found, actor=self.actor, at=at, **said.validated_data)
        return Response(StockCountOutput(counted).data, status=status.HTTP_201_CREATED)
