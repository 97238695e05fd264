from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer


class TextNumberInput(InputSerializer):
    """A telephone number with its country, as E.164 writes it; empty for none."""

    number = serializers.RegexField(r"^\+[1-9][0-9]{6,14}\Z", max_length=16, allow_blank=True)


class TextCodeInput(InputSerializer):
    """The code that came to the number."""

    code = serializers.RegexField(r"^[0-9]{6}\Z", max_length=6)


class TextNumberOutput(serializers.Serializer[Any]):
    """A patient's number, whether they have shown that it is theirs, and whether they answered STOP there."""

    offered = serializers.BooleanField()
    number = serializers.CharField()
    is_confirmed = serializers.BooleanField()
    is_stopped = serializers.BooleanField()
