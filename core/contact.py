"""How to reach a human: stands wherever a patient is refused something or told what comes next."""

from typing import Any, TypedDict

from django.conf import settings
from rest_framework import serializers


class Contact(TypedDict):
    """The numbers to call: the clinic's, the emergency number, the crisis line."""

    clinic_phone: str
    emergency_phone: str
    crisis_phone: str


def contact() -> Contact:
    """Return whom to call, as this installation has it."""
    return {
        "clinic_phone": settings.CLINIC_PHONE,
        "emergency_phone": settings.EMERGENCY_PHONE,
        "crisis_phone": settings.CRISIS_PHONE,
    }


class ContactOutput(serializers.Serializer[Any]):
    """How to reach a human, always."""

    clinic_phone = serializers.CharField()
    emergency_phone = serializers.CharField()
    crisis_phone = serializers.CharField()
