from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer
from safety.enums import ComparisonOutcome

MAX_REASON = 2000


class ComparisonInput(InputSerializer):
    """Two charts, whether they are one person's, and how one knows; `kept` is the one that goes on then."""

    kept = serializers.UUIDField()
    other = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=ComparisonOutcome.choices)
    reason = serializers.CharField(max_length=MAX_REASON)


class ComparisonOutput(serializers.Serializer[Any]):
    """What was decided about two charts."""

    id = serializers.UUIDField()
    kept = serializers.UUIDField(source="kept_id")
    other = serializers.UUIDField(source="other_id")
    outcome = serializers.ChoiceField(choices=ComparisonOutcome.choices)
    reason = serializers.CharField()
    decided_at = serializers.DateTimeField()
