from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer
from notifications.enums import Channel, DeliveryStatus, MessageKind


class PagingNumberInput(InputSerializer):
    """A telephone number with its country, as E.164 writes it; empty for none."""

    number = serializers.RegexField(r"^\+[1-9][0-9]{6,14}\Z", max_length=16, allow_blank=True)


class PagingNumberOutput(serializers.Serializer[Any]):
    """A telephone number, or nothing."""

    number = serializers.CharField()


class UnheardPageOutput(serializers.Serializer[Any]):
    """A page, by which way it went, how far it has come, and whom it was to reach."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=MessageKind.choices)
    channel = serializers.ChoiceField(choices=Channel.choices)
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    due_at = serializers.DateTimeField()
    outcome = serializers.CharField()
    user = serializers.UUIDField(source="user_id")
