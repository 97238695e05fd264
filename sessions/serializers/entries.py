from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer, InstantField
from programs.enums import Route
from sessions import plausible, queries
from sessions.enums import Alertness, Audience, ObservationKind, OutcomeKind
from sessions.models import Reflection

MAX_SEQ = 2**31 - 1
MAX_TEXT = 20_000


class Measure(serializers.IntegerField):
    """A whole number in the unit of its name, within what can be meant."""

    def __init__(self, bounds: tuple[int, int], **options: Any) -> None:
        low, high = bounds
        said = f"This can only be between {low} and {high}. Is a digit missing?"
        super().__init__(
            min_value=low, max_value=high, error_messages={"min_value": said, "max_value": said}, **options
        )


class EntryInput(InputSerializer):
    """What every entry of a device carries: its own number, and when it was made."""

    client_id = serializers.UUIDField()
    client_seq = serializers.IntegerField(min_value=0, max_value=MAX_SEQ)
    observed_at = InstantField()


_VALUES: Mapping[str, tuple[str, ...]] = {
    ObservationKind.BLOOD_PRESSURE: ("systolic_mmhg", "diastolic_mmhg"),
    ObservationKind.HEART_RATE: ("heart_rate_bpm",),
    ObservationKind.OXYGEN_SATURATION: ("oxygen_saturation_pct",),
    ObservationKind.ALERTNESS: ("alertness",),
    ObservationKind.COMFORT: ("comfort",),
    ObservationKind.DISSOCIATION: ("dissociation",),
    ObservationKind.BATHROOM: (),
    ObservationKind.GUIDE_CALL: (),
    ObservationKind.NOTE: ("note",),
}
_MAY_COME_ALONG: Mapping[str, tuple[str, ...]] = {
    ObservationKind.BLOOD_PRESSURE: ("heart_rate_bpm", "note"),
}


class ObservationInput(EntryInput):
    """One thing seen or measured; each kind has its own values, and every one may carry a note."""

    kind = serializers.ChoiceField(choices=ObservationKind.choices)
    systolic_mmhg = Measure(plausible.SYSTOLIC_MMHG, required=False)
    diastolic_mmhg = Measure(plausible.DIASTOLIC_MMHG, required=False)
    heart_rate_bpm = Measure(plausible.HEART_RATE_BPM, required=False)
    oxygen_saturation_pct = Measure(plausible.OXYGEN_SATURATION_PCT, required=False)
    alertness = serializers.ChoiceField(choices=Alertness.choices, required=False)
    comfort = Measure(plausible.COMFORT, required=False)
    dissociation = Measure(plausible.DISSOCIATION, required=False)
    note = serializers.CharField(max_length=4000, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for the values of the kind and no others, and for a pressure whose upper number is above."""
        kind = attrs["kind"]
        needed, allowed = _VALUES[kind], _MAY_COME_ALONG.get(kind, ("note",))
        given = {name for names in _VALUES.values() for name in names if name in attrs}
        faults = {name: f"A {kind} needs this." for name in needed if name not in given}
        faults |= dict.fromkeys(given - {*needed, *allowed}, f"This does not belong to a {kind}.")
        if not faults and attrs.get("systolic_mmhg", 1) <= attrs.get("diastolic_mmhg", 0):
            faults["systolic_mmhg"] = "The upper number must be above the lower one. Are they swapped?"
        if faults:
            raise serializers.ValidationError(faults)
        return attrs


class CorrectionInput(ObservationInput):
    """What it should have said, all of it anew, and why; the moment stays that of what is corrected."""

    observed_at = None  # type: ignore[assignment]  # how a serializer leaves out an inherited field
    reason = serializers.CharField(max_length=2000)


class ObservationOutput(serializers.Serializer[Any]):
    """One thing seen or measured; what does not belong to its kind is null."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=ObservationKind.choices)
    systolic_mmhg = serializers.IntegerField(allow_null=True)
    diastolic_mmhg = serializers.IntegerField(allow_null=True)
    heart_rate_bpm = serializers.IntegerField(allow_null=True)
    oxygen_saturation_pct = serializers.IntegerField(allow_null=True)
    alertness = serializers.CharField()
    comfort = serializers.IntegerField(allow_null=True)
    dissociation = serializers.IntegerField(allow_null=True)
    note = serializers.CharField()
    client_id = serializers.UUIDField()
    client_seq = serializers.IntegerField()
    observed_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()


class CorrectionOutput(ObservationOutput):
    """A newer version: of which entry, and why."""

    replaces = serializers.UUIDField(source="replaces_id")
    reason = serializers.CharField()


class CheckInInput(EntryInput):
    """That all is well, or, with false, that help is wanted."""

    all_well = serializers.BooleanField()


class CheckInOutput(serializers.Serializer[Any]):
    """A check-in as it was received."""

    id = serializers.UUIDField()
    all_well = serializers.BooleanField()
    client_id = serializers.UUIDField()
    client_seq = serializers.IntegerField()
    observed_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()


class DoseInput(InputSerializer):
    """The dose that is taken now: what the plan orders. `taken_at` where it is sent later."""

    route = serializers.ChoiceField(choices=Route.choices)
    dose_mg = serializers.DecimalField(max_digits=6, decimal_places=1, min_value=0)
    taken_at = InstantField(required=False)


class LateDoseInput(InputSerializer):
    """The dose that was taken in its time, and when; with a pinch of doubt, the later time."""

    route = serializers.ChoiceField(choices=Route.choices)
    dose_mg = serializers.DecimalField(max_digits=6, decimal_places=1, min_value=Decimal("0.1"))
    taken_at = InstantField()


class DoseOutput(serializers.Serializer[Any]):
    """The dose that was taken."""

    id = serializers.UUIDField()
    route = serializers.ChoiceField(choices=Route.choices)
    dose_mg = serializers.DecimalField(max_digits=6, decimal_places=1)
    taken_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()
    is_late = serializers.BooleanField()


class DoseOutcomeInput(InputSerializer):
    """What became of a dose that was not taken, or not kept."""

    kind = serializers.ChoiceField(choices=OutcomeKind.choices)
    note = serializers.CharField(max_length=1000, allow_blank=True, default="")


WHAT_NOW = {
    OutcomeKind.REFUSED: "Put the medicine away, and end the session. Another one can be booked.",
    OutcomeKind.VOMITED: "Do not take it again. If they are not fully awake, get emergency help now.",
}


class DoseOutcomeOutput(serializers.Serializer[Any]):
    """What became of the dose, and what to do now."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=OutcomeKind.choices)
    note = serializers.CharField()
    recorded_at = serializers.DateTimeField()
    what_now = serializers.SerializerMethodField()

    def get_what_now(self, row: Any) -> str:
        """Return one next thing to do, for who is there."""
        return WHAT_NOW[OutcomeKind(row.kind)]


class ReflectionInput(InputSerializer):
    """What surfaced; private unless shared."""

    text = serializers.CharField(max_length=MAX_TEXT)
    shared_with = serializers.ChoiceField(choices=Audience.choices, default=Audience.PRIVATE)


class ReflectionOutput(serializers.Serializer[Any]):
    """What the patient wrote, and who may read it."""

    id = serializers.UUIDField()
    text = serializers.SerializerMethodField()
    shared_with = serializers.ChoiceField(choices=Audience.choices)
    written_at = serializers.DateTimeField()

    def get_text(self, row: Reflection) -> str:
        """Return what was written, deciphered."""
        return queries.reflection_text(row)
