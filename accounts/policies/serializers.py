from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.enums import POLICIES
from core.fields import InputSerializer

MAX_REASON = 4000
KINDS = [(kind.value, kind.label) for kind in POLICIES]


class DayQuery(InputSerializer):
    """Which policy (all of them, unless one is named), on which day by UTC (today's)."""

    kind = serializers.ChoiceField(choices=KINDS, required=False)
    on = serializers.DateField(required=False)


class SignatureInput(InputSerializer):
    """What was read, by its hash."""

    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")


class RollbackInput(SignatureInput):
    """To which version, and why."""

    policy = serializers.UUIDField()
    reason = serializers.CharField(max_length=MAX_REASON)


class PolicySignatureOutput(serializers.Serializer[Any]):
    """Who signed, as what, when and with which meaning."""

    signer = serializers.UUIDField(source="signer_id")
    name = serializers.CharField(source="signature.signer_name")
    meaning = serializers.CharField(source="signature.meaning")
    signed_at = serializers.DateTimeField(source="signature.signed_at")
    as_director = serializers.BooleanField()


class EnactmentOutput(serializers.Serializer[Any]):
    """That it holds from a moment on; `is_signed` is false for what held before signatures were asked for."""

    effective_at = serializers.DateTimeField()
    enacted_at = serializers.DateTimeField()
    is_signed = serializers.SerializerMethodField()
    rolled_back_by = serializers.CharField(source="rollback.signer_name", default=None, allow_null=True)
    reason = serializers.CharField()

    @extend_schema_field(bool)
    def get_is_signed(self, enactment: Any) -> bool:
        """Tell whether two people signed."""
        return enactment.director_id is not None


class PolicyOutput(serializers.Serializer[Any]):
    """A version of a policy: who has signed it, and when it took effect."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=KINDS)
    version = serializers.IntegerField()
    sha256 = serializers.CharField()
    not_before = serializers.DateTimeField(source="effective_at")
    signatures = PolicySignatureOutput(source="policy_signatures", many=True)
    enactments = EnactmentOutput(many=True)


class WholePolicyOutput(PolicyOutput):
    """The same with what it says."""

    content = serializers.JSONField()


class HeldOutput(serializers.Serializer[Any]):
    """Which version held, from when to when; without an end, until something else does."""

    policy = serializers.UUIDField(source="enactment.document_id")
    kind = serializers.CharField(source="enactment.document.kind")
    version = serializers.IntegerField(source="enactment.document.version")
    sha256 = serializers.CharField(source="enactment.document.sha256")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)
