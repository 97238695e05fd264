from typing import Any

from rest_framework import serializers

from assessments.worsening.queries import WORSE_FORM_LISTS
from core.fields import InputSerializer, PageQuery

MAX_NOTE = 4000


class WorseFormsQuery(PageQuery):
    """Which of them."""

    list = serializers.ChoiceField(
        choices=list(WORSE_FORM_LISTS),
        default="open",
        help_text="`open` waits for somebody; `all` is what was dealt with too.",
    )


class LookInput(InputSerializer):
    """What was done about it."""

    note = serializers.CharField(max_length=MAX_NOTE)


class WorseScaleOutput(serializers.Serializer[Any]):
    """One scale: from what to what, since which form, and by which threshold of which source."""

    scale = serializers.CharField()
    title = serializers.CharField()
    level = serializers.CharField(help_text="`soft` or `hard`.")
    since = serializers.CharField(help_text="`first` or `previous`.")
    earlier_assessment = serializers.UUIDField()
    earlier_submitted_at = serializers.DateTimeField()
    earlier_value = serializers.FloatField()
    value = serializers.FloatField()
    points = serializers.FloatField()
    source = serializers.CharField()  # type: ignore[assignment]


class WorseFormOutput(serializers.Serializer[Any]):
    """A form that came to worse than an earlier one. Where `alert` is set, closing it is the answer."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField(source="enrollment.patient_id")
    legal_name = serializers.CharField(source="enrollment.patient.legal_name")
    enrollment = serializers.UUIDField(source="enrollment_id")
    assessment = serializers.UUIDField(source="assessment_id")
    instrument = serializers.CharField(source="assessment.instrument")
    level = serializers.CharField(help_text="`soft` or `hard`.")
    noticed_at = serializers.DateTimeField()
    found = WorseScaleOutput(many=True)
    thresholds_version = serializers.IntegerField()
    alert = serializers.UUIDField(source="alert_id", allow_null=True)
    looked_at = serializers.DateTimeField(allow_null=True)
    note = serializers.CharField()
