"""Treating somebody whom the policy excludes: two clinicians, each for themselves."""

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
from safety import queries, services
from safety.overrides import serializers
from safety.views.examples import SIGNATURE

SAID = {
    "reason": "A cardiologist has written that the heart is sound.",
    "screen_again_on": "2026-04-01",
    "ends_on": "2026-06-01",
}
STORED = SAID | {
    "id": "0199c0de-0000-7000-8000-0000000000e1",
    "screening": "0199c0de-0000-7000-8000-000000000030",
    "signature": SIGNATURE,
}


class Overrides(View):
    """The first of two signatures against an exclusion."""

    permission_classes = (IsClinician, RecentlyAuthenticated)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="screenings_override",
        summary="Sign that somebody may be treated against an exclusion",
        request=serializers.OverrideInput,
        responses={201: serializers.OverrideOutput},
        examples=[
            OpenApiExample("Why, and until when", value=SAID, request_only=True),
            OpenApiExample("Signed by one", value=STORED, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, screening_id: UUID) -> Response:
        """Sign for oneself, where the policy lets it be; it counts once another clinician accepts."""
        at = clock.now()
        screening = queries.screening_in_care(self.actor, screening_id, at=at)
        said = serializers.OverrideInput(data=request.data)
        said.is_valid(raise_exception=True)
        signed = services.override_exclusion(
            screening.pk,
            reason=said.validated_data["reason"],
            term=said.term(),
            clinician=user_of(request),
            at=at,
        )
        return Response(serializers.OverrideOutput(signed).data, status=status.HTTP_201_CREATED)
