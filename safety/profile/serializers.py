from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer, InstantField
from safety.enums import ProfileSection, ProfileSource, ProfileState
from safety.profile.rules import Measurement, Statement
from safety.screening.health import CodeSystem, Vital

SYSTEMS = [(system.value, system.name) for system in CodeSystem]
VITALS = [(vital.value, vital.name) for vital in Vital]


class CodingInput(InputSerializer):
    """One code of one system."""

    system = serializers.ChoiceField(choices=SYSTEMS)
    code = serializers.RegexField(r"^[A-Za-z0-9._-]{1,40}$")


class MeasurementInput(InputSerializer):
    """What was measured, in which unit (by its UCUM code), and when."""

    vital = serializers.ChoiceField(choices=VITALS)
    value = serializers.FloatField()
    unit = serializers.CharField(max_length=12)
    measured_at = InstantField()


class StatementInput(InputSerializer):
    """One thing about somebody's health; `replaces` names the statement that it takes the place of."""

    section = serializers.ChoiceField(choices=ProfileSection.choices)
    state = serializers.ChoiceField(choices=ProfileState.choices)
    text = serializers.CharField(required=False, max_length=200, default="", allow_blank=True)
    codings = serializers.ListField(child=CodingInput(), required=False, max_length=20)
    measurement = MeasurementInput(required=False)
    replaces = serializers.UUIDField(required=False)

    def statement(self) -> Statement:
        """Return what was said."""
        said = self.validated_data
        measured = said.get("measurement")
        return Statement(
            section=ProfileSection(said["section"]),
            state=ProfileState(said["state"]),
            text=said["text"],
            codings=tuple((CodeSystem(one["system"]), one["code"]) for one in said.get("codings", ())),
            measurement=measured and Measurement(**{**measured, "vital": Vital(measured["vital"])}),
        )


class ConfirmationInput(InputSerializer):
    """Which statement is right."""

    statement = serializers.UUIDField()


class BundleInput(InputSerializer):
    """A FHIR R4 bundle about this one patient."""

    bundle = serializers.JSONField()


class CodingOutput(serializers.Serializer[Any]):
    """One code of one system."""

    system = serializers.ChoiceField(choices=SYSTEMS)
    code = serializers.CharField()


class StatementOutput(serializers.Serializer[Any]):
    """One thing about somebody's health, who says so, and what it took the place of."""

    id = serializers.UUIDField()
    section = serializers.ChoiceField(choices=ProfileSection.choices)
    state = serializers.ChoiceField(choices=ProfileState.choices)
    text = serializers.CharField()
    codings = CodingOutput(many=True)
    vital = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    unit = serializers.CharField()
    measured_at = serializers.DateTimeField(allow_null=True)
    source = serializers.ChoiceField(choices=ProfileSource.choices)  # type: ignore[assignment]
    recorded_at = serializers.DateTimeField()
    replaces = serializers.UUIDField(source="replaces_id", allow_null=True)


class ProgramResultOutput(serializers.Serializer[Any]):
    """The newest of one thing that was measured or asked here: a number, a word, or neither: not known."""

    about = serializers.CharField()
    name = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    word = serializers.CharField()
    taken_at = serializers.DateTimeField()


class HealthProfileOutput(serializers.Serializer[Any]):
    """Everything that holds now: what people said, and what was measured and asked in the program."""

    statements = StatementOutput(many=True)
    results = ProgramResultOutput(many=True)


class ImportedOutput(serializers.Serializer[Any]):
    """What came of a bundle; `skipped` counts by type the resources of which nothing was taken."""

    added = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    skipped = serializers.DictField(child=serializers.IntegerField())
