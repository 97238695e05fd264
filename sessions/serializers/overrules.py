from rest_framework import serializers

from core.fields import InputSerializer
from sessions.models import Overrule, ReadingOverride
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


class ReadingOverrideInput(InputSerializer):
    """Which reading above the limits, which one after it, and why the session may start with them."""

    first_reading = serializers.UUIDField()
    second_reading = serializers.UUIDField()
    reason = serializers.CharField(max_length=MAX_REASON)


class ReadingOverrideOutput(serializers.Serializer[ReadingOverride]):
    """That two readings do not hold a session back, by whom, and why."""

    id = serializers.UUIDField()
    first_reading = serializers.UUIDField(source="first_reading_id")
    second_reading = serializers.UUIDField(source="second_reading_id")
    reason = serializers.CharField()
    signed_by = serializers.CharField(source="signature.signer_name")
    given_at = serializers.DateTimeField()
