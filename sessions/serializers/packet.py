from typing import Any

from rest_framework import serializers

from sessions.serializers.places import PlaceAddressOutput


class ToldPlaceOutput(serializers.Serializer[Any]):
    """Where help would be sent to, as it was told."""

    address = PlaceAddressOutput()
    phone = serializers.CharField()
    given_at = serializers.DateTimeField()


class ToldContactOutput(serializers.Serializer[Any]):
    """Whom else to call, as it was told."""

    name = serializers.CharField()
    phone = serializers.CharField()


class OrderedDoseOutput(serializers.Serializer[Any]):
    """What the plan orders."""

    route = serializers.CharField()
    dose_mg = serializers.DecimalField(max_digits=6, decimal_places=1)


class TakenDoseOutput(OrderedDoseOutput):
    """A dose that was taken; one that no session knows as its own is not sure."""

    taken_at = serializers.DateTimeField()
    is_sure = serializers.BooleanField()


class ToldOutcomeOutput(serializers.Serializer[Any]):
    """What became of the dose: `refused`, or `vomited`."""

    kind = serializers.CharField()
    recorded_at = serializers.DateTimeField()


class MeasuredOutput(serializers.Serializer[Any]):
    """What was measured at one moment."""

    observed_at = serializers.DateTimeField()
    systolic_mmhg = serializers.IntegerField(allow_null=True)
    diastolic_mmhg = serializers.IntegerField(allow_null=True)
    heart_rate_bpm = serializers.IntegerField(allow_null=True)
    oxygen_saturation_pct = serializers.IntegerField(allow_null=True)


class SnapshotOutput(serializers.Serializer[Any]):
    """What help asks for; null is not known, an empty list is none."""

    format = serializers.IntegerField()
    emergency_phone = serializers.CharField()
    clinic_phone = serializers.CharField()
    name = serializers.CharField()
    birth_on = serializers.DateField()
    age_years = serializers.IntegerField()
    place = ToldPlaceOutput(allow_null=True)
    contact = ToldContactOutput(allow_null=True)
    timezone = serializers.CharField()
    started_at = serializers.DateTimeField()
    ordered = OrderedDoseOutput(allow_null=True)
    doses = TakenDoseOutput(many=True)
    outcomes = ToldOutcomeOutput(many=True)
    readings = MeasuredOutput(many=True)
    conditions = serializers.ListField(child=serializers.CharField(), allow_null=True)
    medications = serializers.ListField(child=serializers.CharField(), allow_null=True)
    allergies = serializers.ListField(child=serializers.CharField(), allow_null=True)
    pregnancy = serializers.CharField(allow_null=True)


class EmergencyPacketOutput(serializers.Serializer[Any]):
    """A snapshot with its seal: the SHA-256 of its canonical JSON (keys sorted, no spaces)."""

    session = serializers.UUIDField()
    version = serializers.IntegerField()
    written_at = serializers.DateTimeField()
    sha256 = serializers.CharField()
    is_intact = serializers.BooleanField(help_text="Whether the snapshot still has that hash.")
    snapshot = SnapshotOutput()
