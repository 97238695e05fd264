from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer, InstantField
from safety.roster.models import OnCallShift


class ShiftInput(InputSerializer):
    """Who is on duty from when until when."""

    user = serializers.UUIDField()
    starts_at = InstantField()
    ends_at = InstantField()


class ShiftOutput(serializers.Serializer[OnCallShift]):
    """That somebody is called first."""

    id = serializers.UUIDField()
    user = serializers.UUIDField(source="user_id")
    name = serializers.CharField(source="user.clinician")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    cancelled_at = serializers.DateTimeField(allow_null=True)


class GapOutput(serializers.Serializer[Any]):
    """When nobody is on duty, and everybody is called at once."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class PagedOutput(serializers.Serializer[Any]):
    """What to look out for."""

    detail = serializers.CharField()
