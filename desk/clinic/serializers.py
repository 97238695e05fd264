from typing import Any

from rest_framework import serializers

from accounts.enums import Profession, Role
from accounts.services import Newcomer
from core.fields import InputSerializer


class PageQuery(InputSerializer):
    """Which page."""

    cursor = serializers.CharField(required=False, help_text="From `next` of the page before.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100)


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
