from operator import attrgetter

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries as accounts
from accounts.enums import Role
from accounts.permissions import AssignsCare, user_of
from core import clock
from core.api import View
from core.errors import NotFound
from core.fields import PageQuery
from core.idempotency import idempotent
from safety import queries, serializers, services

PERSON = {
    "id": "0199c0de-0000-7000-8000-000000000002",
    "legal_name": "Ada Example",
    "birth_on": "1984-05-17",
}
MEMBERSHIP = {
    "id": "0199c0de-0000-7000-8000-000000000070",
    "patient": PERSON,
    "member": "0199c0de-0000-7000-8000-000000000003",
    "member_email": "dora@clinic.example",
    "role": "clinician",
    "starts_at": "2026-03-02T15:00:00Z",
}


class Handovers(View):
    """Somebody else takes over."""

    permission_classes = (AssignsCare,)

    @extend_schema(
        operation_id="handovers_create",
        summary="Put a patient, or everybody of one person, into somebody's care",
        request=serializers.HandoverInput,
        responses={201: serializers.HandoverOutput},
        examples=[
            OpenApiExample(
                "One patient",
                value={"role": "clinician", "to": MEMBERSHIP["member"], "patient": PERSON["id"]},
                request_only=True,
            ),
            OpenApiExample(
                "Moved", value={"moved": [MEMBERSHIP], "left": []}, response_only=True, status_codes=["201"]
            ),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Hand over at once: the old one loses sight with the next request, and open work goes along."""
        asked = serializers.HandoverInput(data=request.data)
        asked.is_valid(raise_exception=True)
        said, at, by = asked.validated_data, clock.now(), user_of(request)
        to, role = accounts.person(said["to"]), Role(said["role"])
        if to is None:
            raise NotFound
        if "patient" in said:
            one = services.hand_over(said["patient"], role, to=to, by=by, at=at)
            done = services.Handover(moved=[one], left=[])
        else:
            done = services.hand_over_all(said["predecessor"], role, to=to, by=by, at=at)
        return Response(serializers.HandoverOutput(done).data, status=status.HTTP_201_CREATED)


class Memberships(View):
    """Who looks after whom."""

    permission_classes = (AssignsCare,)

    @extend_schema(
        operation_id="memberships_list",
        summary="Who looks after whom?",
        parameters=[serializers.MembershipsQuery],
        responses=serializers.MembershipOutput(many=True),
        examples=[OpenApiExample("One", value=MEMBERSHIP, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List the care teams as they are on paper, of one member if named; nothing of any chart."""
        asked = serializers.MembershipsQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = accounts.current_memberships(member_id=asked.validated_data.get("member"))
        return self.page(found, serializers.MembershipOutput, chart_of=attrgetter("patient_id"))


class UnseenPatients(View):
    """Whom nobody looks after."""

    permission_classes = (AssignsCare,)

    @extend_schema(
        operation_id="unseen_patients_list",
        summary="Which patients in a program can no clinician see?",
        parameters=[PageQuery],
        responses=serializers.PersonOutput(many=True),
        examples=[OpenApiExample("One", value=PERSON, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List those whose clinician lost role, licence or account, or who moved; hand them over."""
        found = queries.unseen_patients(at=clock.now())
        return self.page(found, serializers.PersonOutput, chart_of=attrgetter("pk"))
