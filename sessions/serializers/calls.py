from rest_framework import serializers

from core.fields import InputSerializer
from sessions.rules.calls import MOST_CHARACTERS, call_fault


class CallLinkInput(InputSerializer):
    """Where the guide's video call is; empty takes it back."""

    url = serializers.CharField(max_length=MOST_CHARACTERS, allow_blank=True)

    def validate_url(self, value: str) -> str:
        """Refuse what is not a plain https link."""
        if value and (fault := call_fault(value)):
            raise serializers.ValidationError(fault, code="not_a_call_link")
        return value
