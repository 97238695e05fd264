from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer
from programs.serializers import SignatureOutput
from safety.overrides.rules import Term

MAX_REASON = 4000


class OverrideInput(InputSerializer):
    """Why somebody may be treated against an exclusion, until when, and when they answer anew."""

    reason = serializers.CharField(max_length=MAX_REASON)
    screen_again_on = serializers.DateField()
    ends_on = serializers.DateField()

    def term(self) -> Term:
        """Return for how long."""
        return Term(self.validated_data["screen_again_on"], self.validated_data["ends_on"])


class OverrideOutput(serializers.Serializer[Any]):
    """What a clinician signed against an exclusion."""

    id = serializers.UUIDField()
    screening = serializers.UUIDField(source="screening_id")
    reason = serializers.CharField()
    screen_again_on = serializers.DateField()
    ends_on = serializers.DateField()
    signature = SignatureOutput()
