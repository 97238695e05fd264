from rest_framework import serializers

from accounts.break_glass.serializers import MAX_WORDS
from accounts.break_glass.services import Asked
from accounts.enums import BreakGlassPurpose
from core.fields import InputSerializer


class AskedInput(InputSerializer):
    """Whose chart, as the person is named on paper, and why; the patient reads `purpose`, not `reason`."""

    legal_name = serializers.CharField(max_length=120)
    birth_on = serializers.DateField()
    purpose = serializers.ChoiceField(choices=BreakGlassPurpose.choices)
    reason = serializers.CharField(max_length=MAX_WORDS)

    def asked(self) -> Asked:
        """Return what was said."""
        said = self.validated_data
        return Asked(
            legal_name=said["legal_name"],
            birth_on=said["birth_on"],
            purpose=BreakGlassPurpose(said["purpose"]),
            reason=said["reason"],
        )
