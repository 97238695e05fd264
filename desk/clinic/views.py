from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries as accounts
from accounts import services as accounts_services
from accounts.enums import Role
from accounts.permissions import IsInvited, IsOperator, RecentlyAuthenticated, invited_to, user_of
from core import clock
from core.api import View
from core.fields import NothingInput, PageQuery, checked
from core.idempotency import idempotent
from desk.clinic import serializers, services
from safety.identity.queries import unsettled_duplicates

INVITATION = {
    "id": "0199c0de-0000-7000-8000-000000000090",
    "email": "dora@clinic.example",
    "role": "clinician",
    "invited_at": "2026-03-02T15:00:00Z",
    "expires_at": "2026-03-05T15:00:00Z",
    "revoked_at": None,
    "accepted_at": None,
}


class Invitations(View):
    """Who is asked to work here."""

    permission_classes = (IsOperator, RecentlyAuthenticated)

    @extend_schema(
        operation_id="invitations_list",
        summary="Whom have we asked to work here?",
        parameters=[PageQuery],
        responses=serializers.StaffInvitationOutput(many=True),
        examples=[OpenApiExample("One", value=INVITATION, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List the offers, those that were taken, called back or have run out too."""
        return self.page(accounts.invitations(), serializers.StaffInvitationOutput)

    @extend_schema(
        operation_id="invitations_create",
        summary="Ask somebody to work here",
        request=serializers.StaffInvitationInput,
        responses={201: serializers.StaffInvitationOutput},
        examples=[
            OpenApiExample(
                "A clinician", value={"email": INVITATION["email"], "role": "clinician"}, request_only=True
            ),
            OpenApiExample("Asked", value=INVITATION, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Send a link by e-mail that makes one account with that role, once, within three days."""
        asked = serializers.StaffInvitationInput(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        invitation = services.invite(said["email"], Role(said["role"]), by=user_of(request), at=clock.now())
        return Response(serializers.StaffInvitationOutput(invitation).data, status=status.HTTP_201_CREATED)


class InvitationRevocations(View):
    """An offer is called back."""

    permission_classes = (IsOperator,)

    @extend_schema(
        operation_id="invitations_revoke",
        summary="Call an invitation back",
        request=None,
        responses={201: serializers.StaffInvitationOutput},
        examples=[OpenApiExample("Called back", value=INVITATION | {"revoked_at": "2026-03-02T16:00:00Z"})],
    )
    @idempotent
    def post(self, request: Request, invitation_id: UUID) -> Response:
        """Make the link open nothing any more; an account that it has made stays."""
        checked(NothingInput, request.data)
        invitation = accounts.one(accounts.invitations(), invitation_id)
        services.call_back(invitation, at=clock.now())
        called_back = accounts.one(accounts.invitations(), invitation_id)
        return Response(serializers.StaffInvitationOutput(called_back).data, status=status.HTTP_201_CREATED)


class PossibleDuplicates(View):
    """Charts that may be one person."""

    permission_classes = (IsOperator,)

    @extend_schema(
        operation_id="possible_duplicates_list",
        summary="Which charts may be one person?",
        responses=serializers.DuplicatesOutput,
        examples=[OpenApiExample("None", value={"groups": []}, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List the charts that may be one person's, until somebody has said whose they are.

        Alike are a name and a birth date as people and clerks get them wrong, or one of the two and the
        mailbox or the home.
        """
        found = unsettled_duplicates()
        groups = [{"charts": charts} for charts in found]
        answer = Response(serializers.DuplicatesOutput({"groups": groups}).data)
        return self.shown(answer, *(patient.pk for charts in found for patient in charts))


class InvitationAcceptances(View):
    """The newcomer comes."""

    permission_classes = (IsInvited,)

    @extend_schema(
        operation_id="invitations_accept",
        summary="Take the offer: make myself an account",
        request=serializers.AcceptanceInput,
        responses={201: serializers.StaffInvitationOutput},
        examples=[
            OpenApiExample(
                "A clinician",
                value={
                    "password": "a long sentence of one's own",
                    "full_name": "Dora Example",
                    "credentials": "NP",
                    "profession": "nurse_practitioner",
                },
                request_only=True,
            ),
            OpenApiExample(
                "Taken",
                value=INVITATION | {"accepted_at": "2026-03-02T16:00:00Z"},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make the account with the offered role, once; `Authorization: Capability <token of the link>`."""
        given = serializers.AcceptanceInput(data=request.data)
        given.is_valid(raise_exception=True)
        taken = accounts_services.accept_invitation(
            invited_to(request), newcomer=given.newcomer(), at=clock.now()
        )
        return Response(serializers.StaffInvitationOutput(taken).data, status=status.HTTP_201_CREATED)
