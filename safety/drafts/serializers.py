from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer, InstantField
from safety.screening.files import MAX_CHARACTERS


class PolicyFileInput(InputSerializer):
    """A screening policy as a TOML file, and from when it may hold."""

    file = serializers.CharField(max_length=MAX_CHARACTERS, trim_whitespace=False)
    not_before = InstantField()


class PolicyFileOutput(serializers.Serializer[Any]):
    """A version of the screening policy as a file, with the hash that is signed."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    sha256 = serializers.CharField()
    not_before = serializers.DateTimeField()
    file = serializers.CharField()


class PatientWordsOutput(serializers.Serializer[Any]):
    """What the patient reads: two sentences, and the longer list."""

    summary = serializers.CharField()
    details = serializers.ListField(child=serializers.CharField())


class ScreeningExplanationOutput(serializers.Serializer[Any]):
    """Why a screening came to what it came to; `replays`: decided once more, it comes out the same."""

    screening = serializers.UUIDField()
    tree = serializers.JSONField()
    patient = PatientWordsOutput()
    clinician = serializers.CharField()
    replays = serializers.BooleanField()
