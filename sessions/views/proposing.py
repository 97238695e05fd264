from datetime import datetime
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPatient, IsPerson, user_of
from core import clock
from core.fields import NothingInput, PageQuery, checked, shaped
from core.idempotency import idempotent
from sessions import queries, services
from sessions.serializers.proposing import ProposalInput, ProposalOutput
from sessions.serializers.sessions import DayOutput, ReasonInput
from sessions.views.base import SESSION_ID, SessionView
from sessions.views.booking import BOOKED, BOOKING

ASKED = BOOKING | {"note": "Or a little later, if you like."}
OPEN = ASKED | {
    "id": "0199c0de-0000-7000-8000-000000000081",
    "enrollment": "0199c0de-0000-7000-8000-000000000010",
    "proposed_at": "2026-02-26T09:00:00Z",
    "is_open": True,
    "answer": "",
    "answered_at": None,
    "reason": "",
    "session": None,
}
ANSWERED = OPEN | {"is_open": False, "answered_at": "2026-02-26T10:00:00Z"}
CONFIRMED = ANSWERED | {"answer": "confirmed", "session": SESSION_ID}
DECLINED = ANSWERED | {"answer": "declined", "reason": "I work on Mondays."}
WITHDRAWN = ANSWERED | {"answer": "withdrawn"}


class ProposalView(SessionView):
    """A view of times that were proposed, for whoever `queries` lets at them."""

    permission_classes = (IsPerson,)

    def proposed(self, proposal_id: UUID, *, at: datetime) -> Response:
        """Answer with a proposal as it stands after what was done."""
        shown = queries.proposal_for(self.actor, proposal_id, at=at)
        return Response(shaped(ProposalOutput, shown), status=status.HTTP_201_CREATED)


class Proposals(ProposalView):
    """The times that were proposed for one enrollment."""

    @extend_schema(
        operation_id="session_proposals_list",
        summary="Which times were proposed?",
        parameters=[PageQuery],
        responses=ProposalOutput(many=True),
        examples=[OpenApiExample("Taken", value=CONFIRMED, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: UUID) -> Response:  # noqa: ARG002
        """List every proposal with its answer, oldest first; `is_open` marks those that wait for one."""
        at = clock.now()
        enrollment = queries.enrollment_with_proposals(self.actor, enrollment_id, at=at)
        found = queries.proposals_of(enrollment, at=at)
        return self.page(found, ProposalOutput, also=(enrollment.patient_id,))

    @extend_schema(
        operation_id="session_proposals_create",
        summary="Propose a time for a session",
        request=ProposalInput,
        responses={201: ProposalOutput},
        examples=[
            OpenApiExample("Monday at noon", value=ASKED, request_only=True),
            OpenApiExample("Proposed", value=OPEN, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Propose a time, as clinician or guide: for the next session, or to move the one that is booked.

        What a booking could not have is refused with every reason. The patient is told that there is one.
        """
        at = clock.now()
        enrollment = queries.enrollment_to_propose_for(self.actor, enrollment_id, at=at)
        asked = {"timezone": enrollment.patient.timezone} | checked(ProposalInput, request.data)
        proposal = services.propose(enrollment.pk, by=user_of(request), at=at, **asked)
        return self.proposed(proposal.pk, at=at)


class Confirmations(ProposalView):
    """The patient's yes to a proposed time."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="session_proposals_confirm",
        summary="Take a proposed time",
        request=NothingInput,
        responses={201: DayOutput},
        examples=[
            OpenApiExample("Yes", value={}, request_only=True),
            OpenApiExample("Booked", value=BOOKED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, proposal_id: UUID) -> Response:
        """Book the session for that time, or move what is booked to it; every other proposal is superseded.

        Asked anew, as for any booking: a time that can no longer be is refused, and the proposal stays open.
        """
        at = clock.now()
        proposal = queries.own_proposal(self.actor, proposal_id, at=at)
        checked(NothingInput, request.data)
        session = services.confirm_proposal(proposal, by=user_of(request), at=at)
        return self.answer(session, at=at, code=status.HTTP_201_CREATED)


class Declines(ProposalView):
    """The patient's no to a proposed time."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="session_proposals_decline",
        summary="Say that a proposed time does not suit",
        request=ReasonInput,
        responses={201: ProposalOutput},
        examples=[
            OpenApiExample("With a reason", value={"reason": "I work on Mondays."}, request_only=True),
            OpenApiExample("Declined", value=DECLINED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, proposal_id: UUID) -> Response:
        """Decline it, with or without a reason; what is booked stays booked."""
        at = clock.now()
        proposal = queries.own_proposal(self.actor, proposal_id, at=at)
        said = checked(ReasonInput, request.data)
        services.decline_proposal(proposal, by=user_of(request), at=at, **said)
        return self.proposed(proposal.pk, at=at)


class ProposalWithdrawals(ProposalView):
    """The care team's own change of mind."""

    @extend_schema(
        operation_id="session_proposals_withdraw",
        summary="Take a proposal back",
        request=NothingInput,
        responses={201: ProposalOutput},
        examples=[
            OpenApiExample("Nothing to say", value={}, request_only=True),
            OpenApiExample("Withdrawn", value=WITHDRAWN, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, proposal_id: UUID) -> Response:
        """Take it back, whoever of the patient's clinician and guide has made it."""
        at = clock.now()
        proposal = queries.proposal_to_withdraw(self.actor, proposal_id, at=at)
        checked(NothingInput, request.data)
        services.withdraw_proposal(proposal, by=user_of(request), at=at)
        return self.proposed(proposal.pk, at=at)
