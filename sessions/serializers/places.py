from typing import Any

from rest_framework import serializers

from accounts.rules import US, Address
from core import clock
from core.fields import InputSerializer
from sessions.rules import Place


class PlaceAddressInput(InputSerializer):
    """Where in the United States somebody is."""

    lines = serializers.ListField(child=serializers.CharField(max_length=120), min_length=1, max_length=3)
    city = serializers.CharField(max_length=80)
    state = serializers.CharField(max_length=2)
    postal_code = serializers.CharField(max_length=12)


class EmergencyContactInput(InputSerializer):
    """Whom else to call."""

    name = serializers.CharField(max_length=120)
    phone = serializers.CharField(max_length=40)


class PlaceInput(InputSerializer):
    """Where the patient is now, the telephone there, and whom else to call."""

    address = PlaceAddressInput()
    phone = serializers.CharField(max_length=40)
    contact = EmergencyContactInput()

    def place(self) -> Place:
        """Return what was said."""
        said = self.validated_data
        where = said["address"] | {"lines": tuple(said["address"]["lines"])}
        address = Address(**where, country=US, starts_on=clock.now().date())
        return Place(address, said["phone"], said["contact"]["name"], said["contact"]["phone"])


class PlaceAddressOutput(serializers.Serializer[Any]):
    """Where somebody is."""

    lines = serializers.ListField(child=serializers.CharField())
    city = serializers.CharField()
    state = serializers.CharField()
    postal_code = serializers.CharField()


class EmergencyContactOutput(serializers.Serializer[Any]):
    """Whom else to call."""

    name = serializers.CharField(source="contact_name")
    phone = serializers.CharField(source="contact_phone")


class PlaceOutput(serializers.Serializer[Any]):
    """Where help would be sent to."""

    id = serializers.UUIDField()
    address = PlaceAddressOutput(source="place.address")
    phone = serializers.CharField(source="place.phone")
    contact = EmergencyContactOutput(source="place")
    given_at = serializers.DateTimeField()
