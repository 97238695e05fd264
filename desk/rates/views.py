from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.enums import Role
from accounts.permissions import HoldsRole
from core.api import View
from desk.rates import queries

RATE = {
    "group": "all",
    "what": "adverse events",
    "per": "dosed session",
    "count": 5,
    "exposure": 100,
    "rate": 0.05,
    "low": 0.0162,
    "high": 0.1167,
}


class FollowsSafety(HoldsRole):
    """A safety officer, or the medical director."""

    roles: ClassVar[frozenset[Role]] = frozenset({Role.SAFETY_OFFICER, Role.MEDICAL_DIRECTOR})


class RateOutput(serializers.Serializer[Any]):
    """How often, per what, and the exact 95 % Poisson interval of that."""

    group = serializers.CharField()
    what = serializers.CharField()
    per = serializers.CharField()
    count = serializers.IntegerField()
    exposure = serializers.IntegerField()
    rate = serializers.FloatField()
    low = serializers.FloatField(source="interval.low")
    high = serializers.FloatField(source="interval.high")


class EventRates(View):
    """How often something goes wrong."""

    permission_classes = (FollowsSafety,)
    pagination_class = None

    @extend_schema(
        operation_id="event_rates_list",
        summary="How often do adverse events happen?",
        responses=RateOutput(many=True),
        examples=[OpenApiExample("Of all sessions", value=RATE, response_only=True)],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Count events per dosed session, participant and course, and expected effects per session asked.

        All of them, and by program, route and dose band.
        """
        return Response(RateOutput(queries.event_rates(), many=True).data)
