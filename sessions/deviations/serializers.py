from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer, InstantField
from sessions.deviations.enums import DeviationFinding, DeviationKind

MAX_WORDS = 2000


class DeviationInput(InputSerializer):
    """What was expected and what happened, with units, and when."""

    kind = serializers.ChoiceField(choices=DeviationKind.choices)
    expected = serializers.CharField(max_length=MAX_WORDS)
    happened = serializers.CharField(max_length=MAX_WORDS)
    occurred_at = InstantField()


class DeviationAssessmentInput(InputSerializer):
    """What you make of it, and what is done about it. `replaces` is the version you read, 0 for none."""

    replaces = serializers.IntegerField(min_value=0, max_value=32_000)
    finding = serializers.ChoiceField(choices=DeviationFinding.choices)
    assessment = serializers.CharField(max_length=MAX_WORDS)
    corrective_action = serializers.CharField(max_length=MAX_WORDS)


class DeviationAssessmentOutput(serializers.Serializer[Any]):
    """One signed version."""

    version = serializers.IntegerField()
    finding = serializers.ChoiceField(choices=DeviationFinding.choices)
    assessment = serializers.CharField()
    corrective_action = serializers.CharField()
    signed_by = serializers.CharField(source="signature.signer_name")
    signed_at = serializers.DateTimeField(source="signature.signed_at")


class DeviationOutput(serializers.Serializer[Any]):
    """Where the protocol was not kept, who wrote it down, and what was made of it, oldest version first."""

    id = serializers.UUIDField()
    session = serializers.UUIDField(source="session_id")
    kind = serializers.ChoiceField(choices=DeviationKind.choices)
    expected = serializers.CharField()
    happened = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    recorded_by = serializers.CharField(source="actor")
    assessments = DeviationAssessmentOutput(many=True, source="assessments.all")
