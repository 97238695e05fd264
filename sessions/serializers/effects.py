from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer
from safety.enums import Ascertainment, Seriousness
from safety.services import EventReport
from sessions.enums import EffectAnswer, EffectsOutcome, ExpectedEffect
from sessions.serializers.entries import MAX_TEXT
from sessions.services import Triage

_YES_NO: Mapping[str, bool | None] = {"yes": True, "no": False, "unknown": None}


class EffectsInput(InputSerializer):
    """Which expected effects there were; what is left out is unknown. `other` is for everything else."""

    default_error_messages = {"unknown_effect": "Nobody asks about this; write it under `other`."}

    answers = serializers.DictField(child=serializers.ChoiceField(choices=EffectAnswer.choices), default=dict)
    other = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, default="")

    def validate_answers(self, given: dict[str, str]) -> dict[ExpectedEffect, EffectAnswer]:
        """Refuse an effect that is not on the list."""
        if set(given) - set(ExpectedEffect.values):
            self.fail("unknown_effect")
        return {ExpectedEffect(effect): EffectAnswer(said) for effect, said in given.items()}


class TriageInput(InputSerializer):
    """What you make of it, and why; for an adverse event, what happened and the closed questions."""

    default_error_messages = {"what_happened": "Say what happened, or that it was expected."}

    outcome = serializers.ChoiceField(choices=EffectsOutcome.choices)
    reason = serializers.CharField(max_length=4000)
    description = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, default="")
    answers = serializers.DictField(child=serializers.ChoiceField(choices=list(_YES_NO)), default=dict)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Refuse an event without words, and words about an event that is none."""
        if (given["outcome"] == EffectsOutcome.ADVERSE_EVENT) != bool(given["description"]):
            self.fail("what_happened")
        return given

    def validate_answers(self, given: dict[str, str]) -> dict[Seriousness, bool | None]:
        """Read the closed questions about seriousness."""
        try:
            return {Seriousness(question): _YES_NO[said] for question, said in given.items()}
        except ValueError as unknown:
            raise serializers.ValidationError(str(unknown)) from None

    def triage(self) -> Triage:
        """Return what was said; an event that a checklist brought up was asked for."""
        said = self.validated_data
        report = EventReport(
            description=said["description"], answers=said["answers"], ascertainment=Ascertainment.ASKED
        )
        return Triage(said["reason"], report if said["description"] else None)


class TriageOutput(serializers.Serializer[Any]):
    """What a clinician made of a checklist."""

    outcome = serializers.ChoiceField(choices=EffectsOutcome.choices)
    reason = serializers.CharField()
    event = serializers.UUIDField(source="event_id", allow_null=True)
    triaged_at = serializers.DateTimeField()


class EffectsOutput(serializers.Serializer[Any]):
    """What was said of a session's effects, and what came of it."""

    id = serializers.UUIDField()
    session = serializers.UUIDField(source="session_id")
    answers = serializers.DictField(child=serializers.ChoiceField(choices=EffectAnswer.choices))
    other = serializers.CharField()
    given_at = serializers.DateTimeField()
    triage = TriageOutput(allow_null=True, default=None)
