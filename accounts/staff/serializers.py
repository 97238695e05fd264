from typing import Any

from rest_framework import serializers

from accounts.enums import STATES, Role
from core.fields import InputSerializer


class GrantInput(InputSerializer):
    """Which role, to whom."""

    user = serializers.UUIDField()
    role = serializers.ChoiceField(choices=Role.choices)


class GrantOutput(serializers.Serializer[Any]):
    """A role that somebody holds or held."""

    id = serializers.UUIDField()
    user = serializers.UUIDField(source="user_id")
    email = serializers.EmailField(source="user.email")
    role = serializers.ChoiceField(choices=Role.choices)
    granted_by = serializers.UUIDField(source="granted_by_id", allow_null=True)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)


class LicenceInput(InputSerializer):
    """That a clinician may practise in a state, from one day to another, both included."""

    user = serializers.UUIDField()
    state = serializers.ChoiceField(choices=STATES)
    number = serializers.CharField(max_length=40)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()

    default_error_messages = {"ends_first": "A licence ends after it begins."}

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Refuse a licence that ends before it begins."""
        if given["ends_on"] < given["starts_on"]:
            self.fail("ends_first")
        return given


class LicenceOutput(serializers.Serializer[Any]):
    """A licence on file."""

    id = serializers.UUIDField()
    user = serializers.UUIDField(source="clinician.user_id")
    clinician = serializers.CharField(source="clinician.full_name")
    state = serializers.ChoiceField(choices=STATES)
    number = serializers.CharField()
    starts_on = serializers.DateField()
    ends_on = serializers.DateField()


class ServedStateInput(InputSerializer):
    """Where the clinic takes patients, from which day on."""

    state = serializers.ChoiceField(choices=STATES)
    starts_on = serializers.DateField()


class ServedStateOutput(serializers.Serializer[Any]):
    """Where the clinic takes patients, from when to when."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=STATES)
    starts_on = serializers.DateField()
    ends_on = serializers.DateField(allow_null=True)


class EndInput(InputSerializer):
    """The last day."""

    ends_on = serializers.DateField()
