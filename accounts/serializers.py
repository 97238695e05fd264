from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer


class ProfileInput(InputSerializer):
    """Who a patient is."""

    legal_name = serializers.CharField(max_length=120)
    preferred_name = serializers.CharField(max_length=60, allow_blank=True, default="")
    birth_on = serializers.DateField()
    timezone = serializers.CharField(max_length=64)


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
