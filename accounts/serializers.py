from datetime import date, timedelta
from typing import Any

from rest_framework import serializers

from core import clock
from core.fields import InputSerializer

OLDEST = timedelta(days=120 * 365.25)
"""How far back a birth date may lie."""


class ProfileInput(InputSerializer):
    """Who a patient is."""

    legal_name = serializers.CharField(max_length=120)
    preferred_name = serializers.CharField(max_length=60, allow_blank=True, default="")
    birth_on = serializers.DateField()
    timezone = serializers.CharField(max_length=64)

    def validate_birth_on(self, birth_on: date) -> date:
        """Refuse a date that nobody alive was born on: after today, or more than 120 years ago."""
        today = clock.now().date()
        if not today - OLDEST <= birth_on <= today:
            raise serializers.ValidationError("Nobody alive was born on that day.", code="impossible")
        return birth_on


class ProfileOutput(serializers.Serializer[Any]):
    """A patient as they see themselves."""

    id = serializers.UUIDField()
    legal_name = serializers.CharField()
    preferred_name = serializers.CharField()
    birth_on = serializers.DateField()
    timezone = serializers.CharField()


class MeOutput(serializers.Serializer[Any]):
    """Who is signed in."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    roles = serializers.ListField(child=serializers.CharField())
    patient = ProfileOutput(allow_null=True)
