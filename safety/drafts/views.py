"""Screening policies as files, and the whole reason behind a screening."""

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, RecentlyAuthenticated, SignsPolicies
from core import clock
from core.api import View
from core.idempotency import idempotent
from core.models import DocumentVersion
from safety.drafts import queries, serializers, services
from safety.queries import screening_for

FILE = 'format = 2\nid = "home-ketamine-screening"\nversion = 3\n'
STORED = {
    "id": "0199c0de-0000-7000-8000-0000000000c0",
    "version": 3,
    "sha256": "3b5d" * 16,
    "not_before": "2026-03-01T00:00:00Z",
    "file": FILE,
}
EXPLAINED = {
    "screening": "0199c0de-0000-7000-8000-000000000030",
    "tree": {"outcome": "eligible", "decided_by": [], "rules": []},
    "patient": {"summary": "Thank you, nothing you told us rules this program out.", "details": []},
    "clinician": "Eligible by the answers given; not a clearance (policy example, version 2).",
    "replays": True,
}


def _shown(document: DocumentVersion, file: str) -> dict[str, object]:
    shape = serializers.PolicyFileOutput
    return shape(
        {
            "id": document.pk,
            "version": document.version,
            "sha256": document.sha256,
            "not_before": document.effective_at,
            "file": file,
        }
    ).data


class PolicyFiles(View):
    """A draft comes in."""

    permission_classes = (SignsPolicies, RecentlyAuthenticated)

    @extend_schema(
        operation_id="screening_policies_import",
        summary="Bring a screening policy from a file, to be signed",
        request=serializers.PolicyFileInput,
        responses={201: serializers.PolicyFileOutput},
        examples=[
            OpenApiExample(
                "A draft",
                value={"file": FILE, "not_before": STORED["not_before"]},
                request_only=True,
            ),
            OpenApiExample("Stored", value=STORED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Store it, once it is found to be sane; a fault is named with its line. Signed, it holds."""
        said = serializers.PolicyFileInput(data=request.data)
        said.is_valid(raise_exception=True)
        given = said.validated_data
        document = services.import_policy(given["file"], not_before=given["not_before"])
        _, file = queries.screening_policy_file(document.pk)
        return Response(_shown(document, file), status=status.HTTP_201_CREATED)


class PolicyFile(View):
    """A version goes out."""

    permission_classes = (SignsPolicies,)

    @extend_schema(
        operation_id="screening_policies_export",
        summary="Take a screening policy along as a file",
        responses=serializers.PolicyFileOutput,
        examples=[OpenApiExample("A version", value=STORED, response_only=True)],
    )
    def get(self, request: Request, screening_policy_id: UUID) -> Response:  # noqa: ARG002
        """Show a version as a TOML file: always the same bytes, and brought back the same version."""
        return Response(_shown(*queries.screening_policy_file(screening_policy_id)))


class Explanation(View):
    """Everything behind one screening."""

    permission_classes = (IsClinician,)

    @extend_schema(
        operation_id="screenings_explain",
        summary="Why did this screening come to that?",
        responses=serializers.ScreeningExplanationOutput,
        examples=[OpenApiExample("Nothing objects", value=EXPLAINED, response_only=True)],
    )
    def get(self, request: Request, screening_id: UUID) -> Response:  # noqa: ARG002
        """Show each rule with what it asked, what was found and where; and the words for both readers."""
        screening = screening_for(self.actor, screening_id, at=clock.now())
        shown = serializers.ScreeningExplanationOutput(queries.explanation(screening)).data
        return self.shown(Response(shown), screening.enrollment.patient_id)
