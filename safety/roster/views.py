from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import AssignsCare, IsClinician, user_of
from core import clock
from core.api import View
from core.fields import NothingInput, PageQuery, checked
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED
from safety.roster import queries, serializers, services

SAID = {
    "user": "0199c0de-0000-7000-8000-000000000003",
    "starts_at": "2026-03-02T22:00:00Z",
    "ends_at": "2026-03-03T10:00:00Z",
}
SHIFT = SAID | {
    "id": "0199c0de-0000-7000-8000-0000000000c0",
    "name": "Ben Example, MD",
    "cancelled_at": None,
}
PAGED = {"detail": "A page is on its way to you. If none comes within a minute, tell your operator."}


class ReadsRoster(IsClinician):
    """A clinician, who reads the roster; writing it is for who says who cares for whom."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether a clinician reads."""
        return request.method in SAFE_METHODS and super().has_permission(request, view)


class Shifts(View):
    """The on-call roster."""

    permission_classes = (ReadsRoster | AssignsCare,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="on_call_shifts_list",
        summary="Who is on call, and when?",
        parameters=[PageQuery],
        responses=serializers.ShiftOutput(many=True),
        examples=[OpenApiExample("A night", value=SHIFT, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List the shifts that run or are to come."""
        return self.page(queries.standing(ends_after=clock.now()), serializers.ShiftOutput)

    @extend_schema(
        operation_id="on_call_shifts_enter",
        summary="Put a clinician on call",
        request=serializers.ShiftInput,
        responses={201: serializers.ShiftOutput},
        examples=[
            OpenApiExample("A night", value=SAID, request_only=True),
            OpenApiExample("Entered", value=SHIFT, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Let somebody be called first, before the patient's own clinician and everybody else."""
        said = serializers.ShiftInput(data=request.data)
        said.is_valid(raise_exception=True)
        given = said.validated_data
        entered = services.enter_shift(
            given["user"],
            starts_at=given["starts_at"],
            ends_at=given["ends_at"],
            by=user_of(request),
            at=clock.now(),
        )
        return Response(serializers.ShiftOutput(entered).data, status=status.HTTP_201_CREATED)


class ShiftCancellations(View):
    """Calling a shift off."""

    permission_classes = (AssignsCare,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="on_call_shifts_cancel",
        summary="Call a shift off",
        request=None,
        responses={201: serializers.ShiftOutput},
        examples=[
            OpenApiExample(
                "Called off",
                value=SHIFT | {"cancelled_at": "2026-03-02T12:00:00Z"},
                response_only=True,
                status_codes=["201"],
            )
        ],
    )
    @idempotent
    def post(self, request: Request, shift_id: UUID) -> Response:
        """Let a shift stand no more; if nobody covers it, you are told."""
        checked(NothingInput, request.data)
        cancelled = services.cancel_shift(queries.shift(shift_id), at=clock.now())
        return Response(serializers.ShiftOutput(cancelled).data, status=status.HTTP_201_CREATED)


class Gaps(View):
    """When nobody is on call."""

    pagination_class = None
    permission_classes = (IsClinician | AssignsCare,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="on_call_gaps_list",
        summary="When is nobody on call?",
        responses=serializers.GapOutput(many=True),
        examples=[
            OpenApiExample(
                "A morning",
                value={"starts_at": "2026-03-03T10:00:00Z", "ends_at": "2026-03-03T12:00:00Z"},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List the gaps of the coming week. In a gap, and without a roster, everybody is called."""
        found = queries.gaps_ahead(at=clock.now(), ahead=queries.SHOWN_AHEAD)
        rows = [{"starts_at": starts_at, "ends_at": ends_at} for starts_at, ends_at in found]
        return Response(serializers.GapOutput(rows, many=True).data)


class TestPages(View):
    """Whether a page arrives."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="on_call_test_page",
        summary="Page myself",
        request=None,
        responses={201: serializers.PagedOutput},
        examples=[OpenApiExample("Sent", value=PAGED, response_only=True, status_codes=["201"])],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Send a page to yourself by the way that alerts take."""
        checked(NothingInput, request.data)
        services.page_myself(user_of(request), at=clock.now())
        return Response(serializers.PagedOutput(PAGED).data, status=status.HTTP_201_CREATED)
