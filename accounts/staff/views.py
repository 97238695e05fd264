"""What operators do: roles, licences, and the states where the clinic takes patients."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, services
from accounts.enums import Role
from accounts.permissions import IsOperator, RecentlyAuthenticated, user_of
from accounts.staff import serializers
from core import clock
from core.api import View
from core.fields import NothingInput, PageQuery, checked
from core.idempotency import idempotent

GRANT = {
    "id": "0199c0de-0000-7000-8000-000000000080",
    "user": "0199c0de-0000-7000-8000-000000000003",
    "email": "dora@clinic.example",
    "role": "clinician",
    "granted_by": "0199c0de-0000-7000-8000-000000000004",
    "starts_at": "2026-03-02T15:00:00Z",
    "ends_at": None,
}
LICENCE = {
    "id": "0199c0de-0000-7000-8000-000000000081",
    "user": GRANT["user"],
    "clinician": "Dora Example",
    "state": "NY",
    "number": "012345",
    "starts_on": "2025-01-01",
    "ends_on": "2026-12-31",
}
SERVED = {
    "id": "0199c0de-0000-7000-8000-000000000082",
    "state": "NY",
    "starts_on": "2026-01-01",
    "ends_on": None,
}
LAST_DAY = OpenApiExample("The end of June", value={"ends_on": "2026-06-30"}, request_only=True)


class RoleGrants(View):
    """Who may be what here."""

    permission_classes = (IsOperator, RecentlyAuthenticated)

    @extend_schema(
        operation_id="role_grants_list",
        summary="Who holds or held which role?",
        parameters=[PageQuery],
        responses=serializers.GrantOutput(many=True),
        examples=[OpenApiExample("One", value=GRANT, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List every grant, those that have ended too."""
        return self.page(queries.grants(), serializers.GrantOutput)

    @extend_schema(
        operation_id="role_grants_create",
        summary="Give somebody a role",
        request=serializers.GrantInput,
        responses={201: serializers.GrantOutput},
        examples=[
            OpenApiExample(
                "A clinician", value={"user": GRANT["user"], "role": "clinician"}, request_only=True
            )
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Give a role from now on; never to oneself. It holds from their next request."""
        asked = serializers.GrantInput(data=request.data)
        asked.is_valid(raise_exception=True)
        user = services.require_person(asked.validated_data["user"])
        role = Role(asked.validated_data["role"])
        grant = services.grant_role(user, role, granted_by=user_of(request), at=clock.now())
        return Response(serializers.GrantOutput(grant).data, status=status.HTTP_201_CREATED)


class RoleGrantEnds(View):
    """A role ends."""

    permission_classes = (IsOperator, RecentlyAuthenticated)

    @extend_schema(
        operation_id="role_grants_end",
        summary="Take a role from somebody",
        request=None,
        responses={201: serializers.GrantOutput},
        examples=[OpenApiExample("Ended", value=GRANT | {"ends_at": "2026-06-30T15:00:00Z"})],
    )
    @idempotent
    def post(self, request: Request, grant_id: UUID) -> Response:
        """End it now: their next request is without it. Their patients stay with them until handed over."""
        checked(NothingInput, request.data)
        grant = queries.one(queries.grants(), grant_id)
        ended = services.end_role(grant.user, Role(grant.role), at=clock.now())
        return Response(serializers.GrantOutput(ended).data, status=status.HTTP_201_CREATED)


class Licences(View):
    """Who may practise where."""

    permission_classes = (IsOperator,)

    @extend_schema(
        operation_id="licences_list",
        summary="Who is licensed where?",
        parameters=[PageQuery],
        responses=serializers.LicenceOutput(many=True),
        examples=[OpenApiExample("One", value=LICENCE, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List every licence on file."""
        return self.page(queries.licences(), serializers.LicenceOutput)

    @extend_schema(
        operation_id="licences_create",
        summary="Record a clinician's licence",
        request=serializers.LicenceInput,
        responses={201: serializers.LicenceOutput},
        examples=[
            OpenApiExample(
                "New York",
                value={name: LICENCE[name] for name in ("user", "state", "number", "starts_on", "ends_on")},
                request_only=True,
            )
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Record it; charts in that state open to them from its first day to its last."""
        asked = serializers.LicenceInput(data=request.data)
        asked.is_valid(raise_exception=True)
        said = dict(asked.validated_data)
        clinician = services.require_clinician(said.pop("user"))
        licence = services.add_licence(clinician, recorded_by=user_of(request), at=clock.now(), **said)
        return Response(serializers.LicenceOutput(licence).data, status=status.HTTP_201_CREATED)


class LicenceEnds(View):
    """A licence ends on another day than was recorded."""

    permission_classes = (IsOperator,)

    @extend_schema(
        operation_id="licences_end",
        summary="Record the last day of a licence",
        request=serializers.EndInput,
        responses={201: serializers.LicenceOutput},
        examples=[LAST_DAY],
    )
    @idempotent
    def post(self, request: Request, licence_id: UUID) -> Response:
        """Record when it was given up, taken away or renewed until."""
        asked = serializers.EndInput(data=request.data)
        asked.is_valid(raise_exception=True)
        licence = queries.one(queries.licences(), licence_id)
        ended = services.end_licence(licence, ended_by=user_of(request), **asked.validated_data)
        return Response(serializers.LicenceOutput(ended).data, status=status.HTTP_201_CREATED)


class ServedStates(View):
    """Where the clinic takes patients."""

    permission_classes = (IsOperator,)

    @extend_schema(
        operation_id="served_states_list",
        summary="Where does the clinic take patients?",
        parameters=[PageQuery],
        responses=serializers.ServedStateOutput(many=True),
        examples=[OpenApiExample("One", value=SERVED, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List the states, those that are not served any more too."""
        return self.page(queries.served(), serializers.ServedStateOutput)

    @extend_schema(
        operation_id="served_states_create",
        summary="Take patients in a state",
        request=serializers.ServedStateInput,
        responses={201: serializers.ServedStateOutput},
        examples=[
            OpenApiExample("New York", value={"state": "NY", "starts_on": "2026-01-01"}, request_only=True)
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Take patients there from a day on; a state that is served already stays as it is."""
        asked = serializers.ServedStateInput(data=request.data)
        asked.is_valid(raise_exception=True)
        served = services.serve_state(**asked.validated_data, set_by=user_of(request))
        return Response(serializers.ServedStateOutput(served).data, status=status.HTTP_201_CREATED)


class ServedStateEnds(View):
    """A state is served no longer."""

    permission_classes = (IsOperator,)

    @extend_schema(
        operation_id="served_states_end",
        summary="Record the last day on which the clinic takes patients in a state",
        request=serializers.EndInput,
        responses={201: serializers.ServedStateOutput},
        examples=[LAST_DAY],
    )
    @idempotent
    def post(self, request: Request, served_id: UUID) -> Response:
        """Nobody enrolls, is accepted or planned for there after that day; who is in treatment goes on."""
        asked = serializers.EndInput(data=request.data)
        asked.is_valid(raise_exception=True)
        served = queries.one(queries.served(), served_id)
        ended = services.stop_serving_state(served, **asked.validated_data)
        return Response(serializers.ServedStateOutput(ended).data, status=status.HTTP_201_CREATED)
