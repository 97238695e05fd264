from datetime import date
from typing import Any

from rest_framework import serializers

from accounts.enums import Profession, Role
from accounts.rules import US, Address
from accounts.serializers import ProfileInput
from accounts.services import Newcomer
from core.fields import InputSerializer
from core.parsing import timezones


class StaffInvitationInput(InputSerializer):
    """Who is asked to work here, as what."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices)


class StaffInvitationOutput(serializers.Serializer[Any]):
    """An offer, and what became of it."""

    id = serializers.UUIDField()
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices)
    invited_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(source="capability.expires_at")
    revoked_at = serializers.DateTimeField(source="capability.revoked_at", allow_null=True)
    accepted_at = serializers.DateTimeField(allow_null=True)


class AcceptanceInput(InputSerializer):
    """How the newcomer will sign in; a clinician also how they sign."""

    password = serializers.CharField(max_length=128, trim_whitespace=False)
    full_name = serializers.CharField(max_length=120, default="")
    credentials = serializers.CharField(max_length=40, default="")
    profession = serializers.ChoiceField(choices=Profession.choices, required=False)
    dea_number = serializers.CharField(max_length=9, default="")

    def newcomer(self) -> Newcomer:
        """Return what was said."""
        said = dict(self.validated_data)
        if "profession" in said:
            said["profession"] = Profession(said["profession"])
        return Newcomer(**said)


class PatientRow(ProfileInput):
    """One line of a file with the patients there were before; an empty cell means that it was not said."""

    default_error_messages = {"unknown": "Use a name such as America/New_York."}

    email = serializers.EmailField(max_length=254)
    street = serializers.CharField(max_length=120)
    street_2 = serializers.CharField(max_length=120, allow_blank=True)
    city = serializers.CharField(max_length=80)
    state = serializers.CharField(max_length=2, allow_blank=True)
    postal_code = serializers.CharField(max_length=12, allow_blank=True)
    country = serializers.CharField(max_length=2, allow_blank=True)
    address = None  # type: ignore[assignment] # DRF's way to leave out a field that is inherited

    def validate_email(self, email: str) -> str:
        """Return the address as accounts keep it."""
        return email.lower()

    def validate_timezone(self, timezone: str) -> str:
        """Refuse a zone that is not in the IANA list."""
        if timezone not in timezones():
            self.fail("unknown")
        return timezone

    def home(self, *, starts_on: date) -> Address:
        """Return the address, from that day on."""
        said = self.validated_data
        return Address(
            lines=tuple(line for line in (said["street"], said["street_2"]) if line),
            city=said["city"],
            state=said["state"],
            postal_code=said["postal_code"],
            country=said["country"] or US,
            starts_on=starts_on,
        )

    def person(self) -> dict[str, Any]:
        """Return what `save_profile` takes."""
        names = ("legal_name", "preferred_name", "birth_on", "timezone", "language")
        return {name: self.validated_data[name] for name in names if name in self.validated_data}


class ChartOutput(serializers.Serializer[Any]):
    """Who a chart is about, and since when there is one."""

    id = serializers.UUIDField()
    legal_name = serializers.CharField()
    birth_on = serializers.DateField()
    created_at = serializers.DateTimeField()


class DuplicateGroupOutput(serializers.Serializer[Any]):
    """Charts that may be one person's."""

    charts = ChartOutput(many=True)


class DuplicatesOutput(serializers.Serializer[Any]):
    """Every such group."""

    groups = DuplicateGroupOutput(many=True)
