from datetime import date, timedelta
from typing import Any

from rest_framework import serializers

from accounts.enums import AccountNeed, Language
from accounts.rules import US, Address
from core import clock
from core.fields import InputSerializer

OLDEST = timedelta(days=120 * 365.25)
"""How far back a birth date may lie."""


class AddressInput(InputSerializer):
    """Where a patient lives; `starts_on` is today unless it is given."""

    lines = serializers.ListField(child=serializers.CharField(max_length=120), min_length=1, max_length=3)
    city = serializers.CharField(max_length=80)
    state = serializers.CharField(max_length=2, allow_blank=True, default="")
    postal_code = serializers.CharField(max_length=12, allow_blank=True, default="")
    country = serializers.CharField(max_length=2, default=US)
    starts_on = serializers.DateField(required=False)


class AddressOutput(serializers.Serializer[Any]):
    """Where a patient lives, or will."""

    lines = serializers.ListField(child=serializers.CharField())
    city = serializers.CharField()
    state = serializers.CharField()
    postal_code = serializers.CharField()
    country = serializers.CharField()
    starts_on = serializers.DateField()


class ProfileInput(InputSerializer):
    """Who a patient is."""

    legal_name = serializers.CharField(max_length=120)
    preferred_name = serializers.CharField(max_length=60, allow_blank=True, default="")
    birth_on = serializers.DateField()
    timezone = serializers.CharField(max_length=64)
    language = serializers.ChoiceField(choices=Language.choices, required=False)
    address = AddressInput(required=False)

    def profile(self) -> dict[str, Any]:
        """Return what was said of the person themselves."""
        return {name: value for name, value in self.validated_data.items() if name != "address"}

    def address_given(self) -> Address | None:
        """Return the address, if one was given."""
        given = self.validated_data.get("address")
        if given is None:
            return None
        fields = {"starts_on": clock.now().date()} | given
        return Address(**fields | {"lines": tuple(given["lines"])})

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
    language = serializers.ChoiceField(choices=Language.choices)


class MeOutput(serializers.Serializer[Any]):
    """Who is signed in."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    roles = serializers.ListField(child=serializers.CharField())
    patient = ProfileOutput(allow_null=True)
    addresses = AddressOutput(many=True)
    needs = serializers.ListField(child=serializers.ChoiceField(choices=AccountNeed.choices))
