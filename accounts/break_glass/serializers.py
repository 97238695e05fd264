from typing import Any

from rest_framework import serializers

from accounts.break_glass import queries
from accounts.enums import BreakGlassFinding, BreakGlassPurpose
from accounts.models import BreakGlass
from core.fields import InputSerializer, PageQuery

MAX_WORDS = 2000


class ReviewsQuery(PageQuery):
    """Which openings: waiting for a review, waiting for longer than 72 hours, reviewed, or all."""

    state = serializers.ChoiceField(choices=queries.REVIEW_STATES, default="due")


class OpenedPatientOutput(serializers.Serializer[Any]):
    """Whose chart it is."""

    id = serializers.UUIDField()
    legal_name = serializers.CharField()
    birth_on = serializers.DateField()


class OpeningOutput(serializers.Serializer[Any]):
    """A chart that is or was open by break-glass, as the clinician who opened it sees it."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField(source="patient_id")
    purpose = serializers.ChoiceField(choices=BreakGlassPurpose.choices)
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class SeenOpeningOutput(serializers.Serializer[Any]):
    """Who opened one's own chart by break-glass, when, and why in a sentence of ours."""

    id = serializers.UUIDField()
    opened_by = serializers.CharField(source="user.clinician")
    purpose = serializers.ChoiceField(choices=BreakGlassPurpose.choices)
    why = serializers.CharField(source="get_purpose_display")
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reviewed_at = serializers.DateTimeField(allow_null=True)


class ReviewedOutput(serializers.Serializer[Any]):
    """An opening as a privacy officer sees it: who it was about, and nothing else of their chart."""

    id = serializers.UUIDField()
    patient = OpenedPatientOutput()
    user = serializers.UUIDField(source="user_id")
    opened_by = serializers.CharField(source="user.clinician")
    purpose = serializers.ChoiceField(choices=BreakGlassPurpose.choices)
    reason = serializers.SerializerMethodField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    reviewed_by = serializers.UUIDField(source="reviewed_by_id", allow_null=True)
    reviewed_at = serializers.DateTimeField(allow_null=True)
    finding = serializers.CharField()
    note = serializers.SerializerMethodField()

    def get_reason(self, opening: BreakGlass) -> str:
        """Return the clinician's words, readable."""
        return queries.reason_of(opening)

    def get_note(self, opening: BreakGlass) -> str:
        """Return the reviewer's words, readable."""
        return queries.note_of(opening)


class FindingInput(InputSerializer):
    """What was found, and why."""

    finding = serializers.ChoiceField(choices=BreakGlassFinding.choices)
    note = serializers.CharField(max_length=MAX_WORDS)
