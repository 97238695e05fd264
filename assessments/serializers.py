from functools import cache
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from assessments import queries, rules
from assessments.schedule import AssessmentStatus
from core.api import etag
from core.fields import InputSerializer, InstantField, PageQuery, shaped
from programs.enums import EnrollmentStatus
from programs.serializers import SignatureOutput
from safety.serializers import CrisisOutput


class AssessmentsQuery(PageQuery):
    """Which assessments."""

    status = serializers.ChoiceField(
        choices=list(queries.ASSESSMENT_LISTS),
        default="due",
        help_text="`due` can be answered now, late or not; `upcoming` later; `submitted` was.",
    )


@extend_schema_field({"type": "integer"})
class AnswerField(serializers.Field[Any, Any, Any, Any]):
    """An answer as it was sent: which ones an item takes is its instrument's rule."""

    def to_internal_value(self, data: Any) -> Any:
        """Pass it on."""
        return data


class DraftInput(InputSerializer):
    """Answers given so far, by item; null takes one back, what is not named stays."""

    answers = serializers.DictField(child=AnswerField(allow_null=True), allow_empty=False)


class OfflineInput(InputSerializer):
    """A whole form that was filled in without a connection; `etag` is the form's as the app last read it."""

    client_id = serializers.UUIDField()
    filled_in_at = InstantField()
    etag = serializers.RegexField(r'^"v[0-9]{1,9}"$')
    answers = serializers.DictField(child=AnswerField(), allow_empty=False)


class OfflineOutput(serializers.Serializer[Any]):
    """One such form as it arrived; where `conflict` is not empty, it is kept and does not count."""

    client_id = serializers.UUIDField()
    filled_in_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    conflict = serializers.CharField(
        help_text=f"One of {', '.join(rules.OFFLINE_CONFLICTS)}; empty where the form was submitted by it."
    )
    answers = serializers.DictField(child=serializers.IntegerField())


class ChoiceOutput(serializers.Serializer[Any]):
    """One answer that may be given."""

    value = serializers.IntegerField()
    label = serializers.CharField()  # type: ignore[assignment]


class AskedWhenOutput(serializers.Serializer[Any]):
    """To be asked only once the answers to `items` add up to more than `above`."""

    items = serializers.ListField(child=serializers.CharField())
    above = serializers.IntegerField()


class ItemsOutput(serializers.ListSerializer[Any]):
    """An instrument's questions: the same for everybody, so they are put into shape once."""

    def to_representation(self, data: Any) -> Any:
        """Return the questions in shape."""
        return _items_in_shape(data)


class ItemOutput(serializers.Serializer[Any]):
    """One question. `text` is the licence holder's where there is one, else our own topic."""

    class Meta:
        list_serializer_class = ItemsOutput

    key = serializers.CharField()
    topic = serializers.CharField()
    text = serializers.CharField()
    choices = ChoiceOutput(many=True)
    asked_when = AskedWhenOutput(allow_null=True)


@cache
def _items_in_shape(items: tuple[queries.ShownItem, ...]) -> list[dict[str, Any]]:
    return [shaped(ItemOutput, item) for item in items]


@extend_schema_field({"type": ["number", "null"]})
class ValueField(serializers.ReadOnlyField):
    """A scale's value: a whole number for a sum, up to three decimals for a mean, null for none."""


class ScaleScoreOutput(serializers.Serializer[Any]):
    """One scale's result; a value of null has its reason, and is not nought."""

    key = serializers.CharField()
    value = ValueField()
    band = serializers.CharField(allow_null=True)
    answered = serializers.IntegerField()
    missing = serializers.ListField(child=serializers.CharField())
    complete = serializers.BooleanField()
    reason = serializers.CharField(allow_null=True)
    method = serializers.CharField(
        allow_null=True, default=None, help_text="`sum`, `mean` or `count`; null where it was not kept yet."
    )


class InstrumentFindingOutput(serializers.Serializer[Any]):
    """A label found by conditions instead of adding up; null while the answers decide nothing."""

    key = serializers.CharField()
    label = serializers.CharField(allow_null=True)  # type: ignore[assignment]
    complete = serializers.BooleanField()


class BurnoutFlagsOutput(serializers.Serializer[Any]):
    """Which of the three is on its bad side; efficacy is where it is low."""

    exhaustion = serializers.BooleanField()
    cynicism = serializers.BooleanField()
    efficacy = serializers.BooleanField()


class BurnoutProfileOutput(serializers.Serializer[Any]):
    """Three flags against a licensed norm set, and the name that their pattern has, or `unclassified`."""

    label = serializers.CharField()  # type: ignore[assignment]
    flags = BurnoutFlagsOutput()
    norms = serializers.CharField()
    norms_sha256 = serializers.CharField()
    map_version = serializers.CharField()


class ScoresOutput(serializers.Serializer[Any]):
    """Every scale's result, with the exact version of the instrument that it was made with."""

    instrument = serializers.CharField()
    version = serializers.CharField()
    content_sha256 = serializers.CharField()
    scales = ScaleScoreOutput(many=True)
    findings = InstrumentFindingOutput(many=True, default=list)
    profile = BurnoutProfileOutput(allow_null=True, default=None)


class AssessmentOutput(serializers.Serializer[Any]):
    """One form: what is asked, what was answered, what it came to, and where it stands.

    One of `after_session` (0 is the baseline), `before_session`, `week`, `month` and `as_needed` (something
    called for it) says when it is asked.
    `missing` names what a submission still needs. `crisis` is to be shown at once, where it is not null.
    """

    id = serializers.UUIDField(source="row.id")
    etag = serializers.SerializerMethodField()
    enrollment = serializers.UUIDField(source="row.enrollment_id")
    instrument = serializers.CharField(source="row.instrument")
    instrument_version = serializers.CharField(source="row.instrument_version")
    title = serializers.CharField(source="instrument.title")
    licence_note = serializers.CharField(source="instrument.licence.note")
    recall_days = serializers.IntegerField(source="instrument.recall.days", default=None, allow_null=True)
    after_session = serializers.IntegerField(source="row.after_session", allow_null=True)
    before_session = serializers.IntegerField(source="row.before_session", allow_null=True)
    week = serializers.IntegerField(source="row.week", allow_null=True)
    month = serializers.IntegerField(source="row.month", allow_null=True)
    as_needed = serializers.IntegerField(source="row.as_needed", allow_null=True)
    status = serializers.ChoiceField(choices=[status.value for status in AssessmentStatus])
    is_late = serializers.BooleanField()
    opens_at = serializers.DateTimeField(source="row.opens_at")
    due_at = serializers.DateTimeField(source="row.due_at")
    closes_at = serializers.DateTimeField(source="row.closes_at")
    items = ItemOutput(many=True)
    answers = serializers.DictField(source="row.answers", child=serializers.IntegerField())
    missing = serializers.ListField(child=serializers.CharField())
    submitted_at = serializers.DateTimeField(source="row.submitted_at", allow_null=True)
    scores = ScoresOutput(source="row.scores", allow_null=True)
    crisis = CrisisOutput(allow_null=True)

    def get_etag(self, form: Any) -> str:
        """Return what `If-Match` has to say to change this form."""
        return etag(form.row.version)


class ConsentOutput(serializers.Serializer[Any]):
    """A signature under one text."""

    document = serializers.UUIDField(source="document_id")
    kind = serializers.CharField(source="document.kind")
    version = serializers.IntegerField(source="document.version")
    signature = SignatureOutput()


class ConsentsOutput(serializers.Serializer[Any]):
    """What was signed, and where the program stands now."""

    enrollment_status = serializers.ChoiceField(choices=EnrollmentStatus.choices)
    consents = ConsentOutput(many=True)


@extend_schema_field({"type": ["number", "null"]})
class DecimalField(serializers.ReadOnlyField):
    """A value or a difference as a number; null for none."""

    def to_representation(self, value: Any) -> Any:
        """Return it as JSON has it."""
        return None if value is None else float(value)


class TrendPointOutput(serializers.Serializer[Any]):
    """One value, or in `missing` why there is none; a gap is not nought.

    `rescored_at` is when a later version of the instrument scored the same answers anew, else null.
    """

    assessment = serializers.UUIDField()
    asked = serializers.CharField(source="point.anchor")
    number = serializers.IntegerField(source="point.number")
    due_at = serializers.DateTimeField()
    submitted_at = serializers.DateTimeField(allow_null=True)
    is_late = serializers.BooleanField()
    rescored_at = serializers.DateTimeField(allow_null=True)
    value = DecimalField()
    band = serializers.CharField(allow_null=True)
    missing = serializers.CharField(allow_null=True)


class TrendChangeOutput(serializers.Serializer[Any]):
    """How the newest value differs from that of the form `since`, and whether that is better."""

    since = serializers.UUIDField()
    difference = DecimalField()
    direction = serializers.CharField(allow_null=True, help_text="`better`, `worse` or `same`.")


class YardstickOutput(serializers.Serializer[Any]):
    """A published figure for an improvement since the first value; `reached` is null where it is mute."""

    kind = serializers.CharField(source="yardstick.kind")
    points = DecimalField(source="yardstick.points")
    first_from = DecimalField(source="yardstick.first_from")
    first_to = DecimalField(source="yardstick.first_to")
    source = serializers.CharField(source="yardstick.source")  # type: ignore[assignment]
    reached = serializers.BooleanField(allow_null=True)


class ScaleTrendOutput(serializers.Serializer[Any]):
    """One scale over time, oldest first. `worsens` says which way is worse: `up` or `down`."""

    key = serializers.CharField()
    title = serializers.CharField()
    worsens = serializers.CharField(allow_null=True)
    points = TrendPointOutput(many=True)
    from_first = TrendChangeOutput(allow_null=True)
    from_previous = TrendChangeOutput(allow_null=True)
    yardsticks = YardstickOutput(many=True)


class InstrumentTrendOutput(serializers.Serializer[Any]):
    """What one version of one instrument measured; values of two versions are never compared."""

    instrument = serializers.CharField()
    version = serializers.CharField()
    title = serializers.CharField()
    scales = ScaleTrendOutput(many=True)


class TrendsOutput(serializers.Serializer[Any]):
    """Scores over time. `is_whole` is false where there are more forms than the newest that are shown."""

    is_whole = serializers.BooleanField()
    instruments = InstrumentTrendOutput(many=True)
