from typing import Any

from rest_framework import serializers

from core.contact import ContactOutput
from core.fields import InputSerializer
from programs.enums import ConsentKind
from programs.serializers import EnrollmentOutput


class TakenBackInput(InputSerializer):
    """Which agreement is taken back."""

    kind = serializers.ChoiceField(choices=ConsentKind.choices)


class SaidOutput(serializers.Serializer[Any]):
    """One thing that stops or goes on."""

    code = serializers.CharField()
    detail = serializers.CharField()


class LeavingWordsOutput(serializers.Serializer[Any]):
    """In short, what stops, and what goes on for one's safety."""

    summary = serializers.CharField()
    stops = SaidOutput(many=True)
    goes_on = SaidOutput(many=True)


class AccountClosureOutput(LeavingWordsOutput):
    """What stops, what goes on for one's safety, and whom to call."""

    contact = ContactOutput()


class LeavingOutput(LeavingWordsOutput, EnrollmentOutput):
    """Where the program stands now, what stops, what goes on for one's safety, and whom to call."""

    contact = ContactOutput()
