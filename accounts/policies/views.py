"""Policies: what they say, who signed them, which held when; signing, and going back."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsMedicalDirector, RecentlyAuthenticated, SignsPolicies, user_of
from accounts.policies import queries, serializers, services
from core import clock
from core.api import View
from core.enums import POLICIES, DocumentKind
from core.fields import PageQuery
from core.idempotency import idempotent

SHA256 = "3b5d" * 16
POLICY = {
    "id": "0199c0de-0000-7000-8000-0000000000c0",
    "kind": "screening_policy",
    "version": 2,
    "sha256": SHA256,
    "not_before": "2026-03-01T00:00:00Z",
    "signatures": [
        {
            "signer": "0199c0de-0000-7000-8000-000000000003",
            "name": "Dora Example, MD",
            "meaning": "approved",
            "signed_at": "2026-02-20T15:00:00Z",
            "as_director": True,
        }
    ],
    "enactments": [],
}
ENACTED = {
    "effective_at": "2026-03-01T00:00:00Z",
    "enacted_at": "2026-02-21T09:00:00Z",
    "is_signed": True,
    "rolled_back_by": None,
    "reason": "",
}
BACK = ENACTED | {"rolled_back_by": "Dora Example, MD", "reason": "Rule 12 asks the wrong people."}
HELD = {
    "policy": POLICY["id"],
    "kind": POLICY["kind"],
    "version": 2,
    "sha256": SHA256,
    "starts_at": "2026-03-01T00:00:00Z",
    "ends_at": None,
}


class Policies(View):
    """Every version."""

    permission_classes = (SignsPolicies,)

    @extend_schema(
        operation_id="policies_list",
        summary="Which policies are there, and who has signed them?",
        parameters=[PageQuery],
        responses=serializers.PolicyOutput(many=True),
        examples=[OpenApiExample("One that waits for a second person", value=POLICY, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List every version of every policy, without what it says."""
        return self.page(queries.versions().defer("content"), serializers.PolicyOutput)


class Policy(View):
    """One version."""

    permission_classes = (SignsPolicies,)

    @extend_schema(
        operation_id="policies_retrieve",
        summary="What does this version say?",
        responses=serializers.WholePolicyOutput,
        examples=[OpenApiExample("One", value=POLICY | {"content": {"id": "home-ketamine-screening"}})],
    )
    def get(self, request: Request, policy_id: UUID) -> Response:  # noqa: ARG002
        """Show a version whole, as its hash was made of it."""
        return Response(serializers.WholePolicyOutput(queries.version(policy_id)).data)


class InForce(View):
    """What held."""

    permission_classes = (SignsPolicies,)
    pagination_class = None

    @extend_schema(
        operation_id="policies_in_force",
        summary="Which version held on that day?",
        parameters=[serializers.DayQuery],
        responses=serializers.HeldOutput(many=True),
        examples=[OpenApiExample("One for the whole day", value=[HELD])],
    )
    def get(self, request: Request) -> Response:
        """List what held at any moment of a day, in order: mostly one version, none before the first."""
        asked = serializers.DayQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        day = asked.validated_data.get("on", clock.now().date())
        kinds = [asked.validated_data["kind"]] if "kind" in asked.validated_data else POLICIES
        held = [one for kind in kinds for one in queries.held_on(DocumentKind(kind), day)]
        return Response(serializers.HeldOutput(held, many=True).data)


class Signatures(View):
    """One of two."""

    permission_classes = (SignsPolicies, RecentlyAuthenticated)

    @extend_schema(
        operation_id="policies_sign",
        summary="Sign a policy",
        request=serializers.SignatureInput,
        responses={201: serializers.PolicyOutput},
        examples=[
            OpenApiExample("What I read", value={"sha256": SHA256}, request_only=True),
            OpenApiExample("Signed by one", value=POLICY, response_only=True),
        ],
    )
    @idempotent
    def post(self, request: Request, policy_id: UUID) -> Response:
        """Sign exactly what was read, named by its hash.

        It takes effect once two people have signed, one of them a medical director, and not before its date.
        """
        asked = serializers.SignatureInput(data=request.data)
        asked.is_valid(raise_exception=True)
        sha256 = asked.validated_data["sha256"]
        signed = services.sign_policy(policy_id, sha256=sha256, signer=user_of(request), at=clock.now())
        return Response(serializers.PolicyOutput(signed).data, status=status.HTTP_201_CREATED)


class Rollbacks(View):
    """Back to what was signed before."""

    permission_classes = (IsMedicalDirector, RecentlyAuthenticated)

    @extend_schema(
        operation_id="policies_roll_back",
        summary="Go back to an earlier version of a policy",
        request=serializers.RollbackInput,
        responses={201: serializers.EnactmentOutput},
        examples=[
            OpenApiExample(
                "Back to the first",
                value={"policy": POLICY["id"], "sha256": SHA256, "reason": BACK["reason"]},
                request_only=True,
            ),
            OpenApiExample("It holds again", value=BACK, response_only=True),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Let a version that two people signed hold again, at once, by one signature."""
        asked = serializers.RollbackInput(data=request.data)
        asked.is_valid(raise_exception=True)
        said = dict(asked.validated_data)
        back = services.roll_back(said.pop("policy"), director=user_of(request), at=clock.now(), **said)
        return Response(serializers.EnactmentOutput(back).data, status=status.HTTP_201_CREATED)
