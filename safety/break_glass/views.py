from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from accounts.break_glass.serializers import OpeningOutput
from accounts.break_glass.views import OPENING
from accounts.permissions import IsClinician, RecentlyAuthenticated, user_of
from core import clock, looks
from core.api import REFUSALS, View
from core.idempotency import idempotent
from core.limits import take
from core.quotas import Quota, limit_of, principal
from safety.break_glass import serializers, services


class BreakGlassLimit(BaseThrottle):
    """How often one person may ask for charts in an emergency, found or not."""

    def allow_request(self, request: Request, view: Any) -> bool:  # noqa: ARG002 - the signature is DRF's
        """Count one more by this person."""
        verdict = take("break_glass", by=principal(request), limit=limit_of("break_glass"))
        self._wait_s = verdict.wait_s
        return verdict.admitted

    def wait(self) -> float:
        """Return the seconds until there is room again."""
        return float(self._wait_s)


class Openings(View):
    """Opening the chart of somebody who is not in one's care."""

    permission_classes = (IsClinician, RecentlyAuthenticated)
    throttle_classes = (Quota, BreakGlassLimit)

    def handle_exception(self, exc: Exception) -> Response:
        """Write down every attempt that failed, malformed or one too many as well; not whom it was for."""
        answer = super().handle_exception(exc)
        if answer.status_code not in REFUSALS and self.request.user.is_authenticated:
            looks.refused(what=self.route, status=answer.status_code, method="POST")
        return answer

    @extend_schema(
        operation_id="break_glass_open",
        summary="Open somebody's chart in an emergency",
        request=serializers.AskedInput,
        responses={201: OpeningOutput},
        examples=[
            OpenApiExample(
                "An ambulance crew calls",
                value={
                    "legal_name": "Ada Example",
                    "birth_on": "1984-05-17",
                    "purpose": "danger",
                    "reason": "An ambulance crew called about her medication.",
                },
                request_only=True,
            ),
            OpenApiExample("Open for an hour", value=OPENING, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Open a chart to read, for 60 minutes, by the exact legal name and birth date.

        Privacy officers are told at once, one of them reviews it, and the patient sees who it was, when, and
        `purpose`. Nobody of that name, a name that is wrong and one's own are the same 404. Where several
        people share name and birth date, call the privacy officer.
        """
        asked = serializers.AskedInput(data=request.data)
        asked.is_valid(raise_exception=True)
        opening = services.open_chart(user_of(request), asked=asked.asked(), at=clock.now())
        return Response(OpeningOutput(opening).data, status=status.HTTP_201_CREATED)
