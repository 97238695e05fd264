from typing import Any

from rest_framework import serializers

from accounts.models import Signature
from core.fields import InputSerializer, InstantField, PageQuery
from safety.enums import Grade, Seriousness
from safety.events import naranjo, queries
from safety.events.enums import (
    ActionTaken,
    Causality,
    Challenge,
    ClockEnd,
    ClockStart,
    EventOutcome,
    Expectedness,
    FollowUpEnd,
    FollowUpKind,
    NaranjoAnswer,
    NaranjoCategory,
    NewsKind,
)
from safety.events.following import Asked
from safety.events.models import EventAssessment, EventNews, FollowUp, ReportingClock
from safety.events.reporting import News
from safety.events.rules import GRADES
from safety.events.services import Assessed

MAX_REASON = 4000
CLOCK_ENDS = [(end.value, end.label) for end in (ClockEnd.REPORTED, ClockEnd.NOT_REQUIRED)]
FOLLOW_UP_ENDS = [(end.value, end.label) for end in (FollowUpEnd.DONE, FollowUpEnd.NOT_TO_BE_HAD)]
"""What people choose from: that a clock is replaced or an outcome settled is not said by hand."""


class ProductInput(InputSerializer):
    """The medicine that is suspected, as far as it is known."""

    name = serializers.CharField(max_length=200, required=False)
    strength = serializers.CharField(max_length=60, required=False)
    compounder = serializers.CharField(max_length=200, required=False)
    lot = serializers.CharField(max_length=60, required=False)
    route = serializers.CharField(max_length=60, required=False)
    dose_mg = serializers.DecimalField(max_digits=6, decimal_places=1, min_value=0, required=False)
    taken_on = serializers.DateField(required=False)


class AssessmentInput(InputSerializer):
    """What you make of the event; it is signed as a whole. `replaces` is the version you read, 0 for none."""

    default_error_messages = {
        "code_and_version": "A MedDRA code comes with the dictionary's version.",
        "no_such_question": "Naranjo asks questions 1 to 10.",
        "say_why": "Say why you assess it again.",
        "nothing_to_replace": "There is nothing yet that you assess again.",
    }

    replaces = serializers.IntegerField(min_value=0, max_value=32_000)
    why_again = serializers.CharField(max_length=MAX_REASON, default="", allow_blank=True)
    term = serializers.CharField(max_length=200)
    meddra_code = serializers.RegexField(r"^[0-9]{8}$", default="", allow_blank=True)
    meddra_version = serializers.CharField(max_length=8, default="", allow_blank=True)
    seriousness = serializers.ListField(child=serializers.ChoiceField(choices=Seriousness.choices))
    grade = serializers.ChoiceField(choices=Grade.choices)
    causality = serializers.ChoiceField(choices=Causality.choices)
    naranjo = serializers.DictField(
        child=serializers.ChoiceField(choices=NaranjoAnswer.choices), default=dict
    )
    expectedness = serializers.ChoiceField(choices=Expectedness.choices)
    reference = serializers.CharField(max_length=200)
    reference_version = serializers.CharField(max_length=60)
    outcome = serializers.ChoiceField(choices=EventOutcome.choices)
    action_taken = serializers.ChoiceField(choices=ActionTaken.choices)
    dechallenge = serializers.ChoiceField(choices=Challenge.choices)
    rechallenge = serializers.ChoiceField(choices=Challenge.choices)
    product = ProductInput(default=dict)

    def validate_naranjo(self, given: dict[str, str]) -> dict[str, NaranjoAnswer]:
        """Refuse a question that Naranjo does not ask."""
        if set(given) - set(naranjo.QUESTIONS):
            self.fail("no_such_question")
        return {number: NaranjoAnswer(answer) for number, answer in given.items()}

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Refuse a code without its dictionary, and a correction without its reason."""
        if bool(given["meddra_code"]) != bool(given["meddra_version"]):
            self.fail("code_and_version")
        if bool(given["replaces"]) != bool(given["why_again"]):
            self.fail("say_why" if given["replaces"] else "nothing_to_replace")
        return given

    def assessed(self) -> Assessed:
        """Return what was said."""
        said = {name: value for name, value in self.validated_data.items() if name != "replaces"}
        said["seriousness"] = frozenset(map(Seriousness, said["seriousness"]))
        said["grade"] = Grade(said["grade"])
        said["product"] = {name: str(value) for name, value in said["product"].items()}
        return Assessed(**said)


class SignedOutput(serializers.Serializer[Signature]):
    """Who signed, when, and what."""

    signer_name = serializers.CharField()
    meaning = serializers.CharField()
    signed_at = serializers.DateTimeField()
    document_sha256 = serializers.CharField()


class EventAssessmentOutput(serializers.Serializer[EventAssessment]):
    """One signed version; `is_intact` while it says what was signed, `criteria` is what its grade means."""

    id = serializers.UUIDField()
    event = serializers.UUIDField(source="event_id")
    version = serializers.IntegerField()
    why_again = serializers.CharField()
    term = serializers.CharField()
    meddra_code = serializers.CharField()
    meddra_version = serializers.CharField()
    is_serious = serializers.BooleanField()
    seriousness = serializers.ListField(child=serializers.ChoiceField(choices=Seriousness.choices))
    grade = serializers.ChoiceField(choices=Grade.choices)
    criteria = serializers.SerializerMethodField()
    causality = serializers.ChoiceField(choices=Causality.choices)
    naranjo = serializers.DictField(child=serializers.ChoiceField(choices=NaranjoAnswer.choices))
    naranjo_score = serializers.IntegerField(allow_null=True)
    naranjo_category = serializers.SerializerMethodField()
    expectedness = serializers.ChoiceField(choices=Expectedness.choices)
    reference = serializers.CharField()
    reference_version = serializers.CharField()
    outcome = serializers.ChoiceField(choices=EventOutcome.choices)
    action_taken = serializers.ChoiceField(choices=ActionTaken.choices)
    dechallenge = serializers.ChoiceField(choices=Challenge.choices)
    rechallenge = serializers.ChoiceField(choices=Challenge.choices)
    product = serializers.DictField(child=serializers.CharField())
    treatment_is_held = serializers.SerializerMethodField()
    is_intact = serializers.SerializerMethodField()
    signature = SignedOutput()

    def get_criteria(self, row: EventAssessment) -> str:
        """Return what the grade means."""
        return GRADES[Grade(row.grade)]

    def get_naranjo_category(self, row: EventAssessment) -> NaranjoCategory | None:
        """Return what the score means."""
        return None if row.naranjo_score is None else naranjo.category(row.naranjo_score)

    def get_treatment_is_held(self, row: EventAssessment) -> bool:
        """Tell whether this made treatment stand still, because the report had not."""
        return row.hold_id is not None

    def get_is_intact(self, row: EventAssessment) -> bool:
        """Tell whether the row still says what was signed."""
        return queries.is_intact(row)


class AssessmentQuestionOutput(serializers.Serializer[Any]):
    """One of Naranjo's questions, and what yes and no are worth."""

    topic = serializers.CharField()
    yes = serializers.IntegerField()
    no = serializers.IntegerField()


class ScalesOutput(serializers.Serializer[Any]):
    """What grades mean, and what Naranjo asks."""

    grades = serializers.DictField(child=serializers.CharField())
    naranjo = serializers.DictField(child=AssessmentQuestionOutput())


class NewsInput(InputSerializer):
    """What came to be known, and when anybody here knew."""

    kind = serializers.ChoiceField(choices=NewsKind.choices)
    text = serializers.CharField(max_length=20_000)
    aware_at = InstantField()

    def news(self) -> News:
        """Return what was said."""
        said = self.validated_data
        return News(NewsKind(said["kind"]), said["text"], said["aware_at"])


class NewsOutput(serializers.Serializer[EventNews]):
    """What came to be known of an event after its report."""

    id = serializers.UUIDField()
    event = serializers.UUIDField(source="event_id")
    kind = serializers.ChoiceField(choices=NewsKind.choices)
    text = serializers.CharField()
    aware_at = serializers.DateTimeField()
    noted_at = serializers.DateTimeField()


class ClocksQuery(PageQuery):
    """Which clocks."""

    status = serializers.ChoiceField(choices=queries.CLOCK_LISTS, default="running")


class ClockEndInput(InputSerializer):
    """How it ends, and what shows it: a reference number, or why nothing is due."""

    end = serializers.ChoiceField(choices=CLOCK_ENDS)
    reason = serializers.CharField(max_length=MAX_REASON)


class ClockOutput(serializers.Serializer[ReportingClock]):
    """By when one rule asks for an event to be reported; `due_at` is the first instant that is too late."""

    id = serializers.UUIDField()
    event = serializers.UUIDField(source="event_id")
    code = serializers.CharField(source="rule_code")
    authority = serializers.CharField(source="rule.authority")
    what = serializers.CharField(source="rule.what")
    zone = serializers.CharField(source="rule.zone")
    rule_source = serializers.CharField(source="rule.source")
    rule_status = serializers.CharField(source="rule.status")
    table_version = serializers.IntegerField()
    start = serializers.ChoiceField(choices=ClockStart.choices)
    aware_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField()
    warned_pct = serializers.IntegerField()
    ended_at = serializers.DateTimeField(allow_null=True)
    end = serializers.CharField()
    end_reason = serializers.CharField()
    signature = SignedOutput(allow_null=True)


class FollowUpInput(InputSerializer):
    """What must be found out, by whom and by when."""

    what = serializers.CharField(max_length=MAX_REASON)
    assignee = serializers.UUIDField()
    due_at = InstantField()

    def asked(self) -> Asked:
        """Return what was said."""
        said = self.validated_data
        return Asked(said["what"], said["assignee"], said["due_at"])


class FollowUpsQuery(PageQuery):
    """Which follow-ups."""

    status = serializers.ChoiceField(choices=queries.FOLLOW_UP_LISTS, default="open")


class FollowUpEndInput(InputSerializer):
    """What was found out, or why nothing more can be."""

    end = serializers.ChoiceField(choices=FOLLOW_UP_ENDS)
    found = serializers.CharField(max_length=MAX_REASON)


class FollowUpOutput(serializers.Serializer[FollowUp]):
    """What must still be found out about an event, by whom and by when, and what came of it."""

    id = serializers.UUIDField()
    event = serializers.UUIDField(source="event_id")
    kind = serializers.ChoiceField(choices=FollowUpKind.choices)
    what = serializers.CharField()
    assignee = serializers.UUIDField(source="assignee_id")
    due_at = serializers.DateTimeField()
    set_at = serializers.DateTimeField()
    called_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    end = serializers.CharField()
    found = serializers.CharField()
    signature = SignedOutput(allow_null=True)


class ReportQuery(InputSerializer):
    """By which version, where one was read; another one is no longer final."""

    version = serializers.IntegerField(required=False, min_value=1, max_value=32_000)


class ReportOutput(serializers.Serializer[Any]):
    """A report that is whole: `content` in the form's blocks, and its hash."""

    event = serializers.UUIDField()
    version = serializers.IntegerField()
    sha256 = serializers.CharField()
    content = serializers.DictField()
