from rest_framework import serializers

from core.fields import InputSerializer
from sessions.models import Overrule
from sessions.serializers.sessions import MAX_REASON


class OverruleInput(InputSerializer):
    """Which of today's questions was answered with yes by mistake, and how one knows."""

    question = serializers.SlugField(max_length=40)
    reason = serializers.CharField(max_length=MAX_REASON)


class OverruleOutput(serializers.Serializer[Overrule]):
    """That a yes was a mistake, by whom, and why."""

    id = serializers.UUIDField()
    question = serializers.CharField()
    reason = serializers.CharField()
    signed_by = serializers.CharField(source="signature.signer_name")
    given_at = serializers.DateTimeField()
