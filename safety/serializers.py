from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.enums import CARING, STATES
from accounts.serializers import ProfileInput
from core.fields import InputSerializer, InstantField, PageQuery
from programs.enums import EnrollmentStatus
from programs.serializers import SignatureOutput
from safety import queries, texts
from safety.enums import (
    AlertClass,
    AlertStatus,
    FitOutcome,
    Grade,
    HoldReason,
    IdentityDocument,
    IdentityMethod,
    IdentityOutcome,
    MonitoringResult,
    ReviewOutcome,
    ScreeningOutcome,
)
from safety.models import MonitoringQuery, Screening, ScreeningReview
from safety.screening.logic import Truth
from safety.screening.policy import Level, QuestionKind
from safety.services import IdentityReport, MonitoringReport

MAX_REASON = 4000


class AnswersInput(InputSerializer):
    """Answers by the key of their question; what is left out is not known, which never means no."""

    answers = serializers.DictField()


class CrisisOutput(serializers.Serializer[Any]):
    """Where to turn to now."""

    summary = serializers.CharField()
    text = serializers.CharField()
    phones = serializers.ListField(child=serializers.CharField())


# --- questions, fit check --------------------------------------------------------------------------------


class AnswerChoiceOutput(serializers.Serializer[Any]):
    """One word to answer with, and what a person reads."""

    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]


class BoundsOutput(serializers.Serializer[Any]):
    """The range, ends included, outside which a number can't be right."""

    minimum = serializers.FloatField()
    maximum = serializers.FloatField()


class QuestionOutput(serializers.Serializer[Any]):
    """One question; which of the later keys are there depends on its kind."""

    key = serializers.CharField()
    kind = serializers.ChoiceField(choices=[(kind.value, kind.value) for kind in QuestionKind])
    topic = serializers.CharField()
    ask = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    choices = AnswerChoiceOutput(many=True, required=False)
    unit = serializers.CharField(required=False)
    bounds = BoundsOutput(required=False)
    systolic_mmhg = BoundsOutput(required=False)
    diastolic_mmhg = BoundsOutput(required=False)
    max_readings = serializers.IntegerField(required=False)
    max_items = serializers.IntegerField(required=False)
    max_characters = serializers.IntegerField(required=False)


class QuestionsOutput(serializers.Serializer[Any]):
    """What is asked, in the words of the policy in force; `no_answer` fits every question."""

    policy = serializers.CharField()
    version = serializers.IntegerField()
    note = serializers.CharField()
    no_answer = serializers.ListField(child=serializers.CharField())
    questions = QuestionOutput(many=True)


class FitReasonOutput(serializers.Serializer[Any]):
    """One reason, as a code and a sentence."""

    code = serializers.CharField()
    detail = serializers.CharField(source="patient")


class FitOutput(serializers.Serializer[Any]):
    """What the answers come to for somebody whose name nobody knows; it promises nothing."""

    outcome = serializers.ChoiceField(choices=FitOutcome.choices)
    summary = serializers.CharField()
    reasons = FitReasonOutput(many=True)
    missing = serializers.ListField(child=serializers.CharField())
    crisis = CrisisOutput(allow_null=True)


# --- screening and review --------------------------------------------------------------------------------


class FindingOutput(serializers.Serializer[Any]):
    """What one question, or a quantity computed from it, said."""

    question = serializers.CharField()
    quantity = serializers.CharField(allow_null=True)
    value = serializers.JSONField()


class ScreeningReasonOutput(serializers.Serializer[Any]):
    """Why a rule spoke: in words for the patient, and what it was found in."""

    rule = serializers.CharField()
    code = serializers.CharField()
    level = serializers.ChoiceField(choices=[(level.value, level.value) for level in Level])
    certainty = serializers.ChoiceField(choices=[(truth.value, truth.value) for truth in Truth])
    detail = serializers.CharField(source="detail.patient")
    found = FindingOutput(many=True)
    source = serializers.CharField()  # type: ignore[assignment]


class RefusalOutput(serializers.Serializer[Any]):
    """What somebody reads who was declined: in two sentences, and then what they may want to know."""

    summary = serializers.CharField()
    instead = serializers.CharField()
    again = serializers.CharField()
    cost = serializers.CharField()
    ask_again_on = serializers.DateField(allow_null=True)
    phone = serializers.CharField()


class DecidedOutput(serializers.Serializer[Any]):
    """That a clinician has decided, and how; with a refusal, what to do now."""

    outcome = serializers.ChoiceField(choices=ReviewOutcome.choices)
    decided_at = serializers.DateTimeField(source="signature.signed_at")
    refusal = serializers.SerializerMethodField()

    @extend_schema_field(RefusalOutput(allow_null=True))
    def get_refusal(self, review: ScreeningReview) -> dict[str, Any] | None:
        """Return what somebody reads who was declined."""
        if review.outcome != ReviewOutcome.DECLINED:
            return None
        return RefusalOutput(texts.refusal(review.instead, review.ask_again_on)).data


class ScreeningOutput(serializers.Serializer[Any]):
    """A person's answers, and what the policy says of them with every reason; only a clinician clears."""

    id = serializers.UUIDField()
    enrollment = serializers.UUIDField(source="enrollment_id")
    outcome = serializers.ChoiceField(choices=ScreeningOutcome.choices)
    policy_version = serializers.IntegerField(source="policy.version")
    submitted_at = serializers.DateTimeField()
    answers = serializers.DictField()
    summary = serializers.CharField(source="decision.texts.patient.summary")
    details = serializers.ListField(child=serializers.CharField(), source="decision.texts.patient.details")
    reasons = ScreeningReasonOutput(many=True, source="decision.reasons")
    missing = serializers.ListField(child=serializers.CharField(), source="decision.missing")
    crisis = serializers.SerializerMethodField()
    review = DecidedOutput(allow_null=True, default=None)

    @extend_schema_field(CrisisOutput(allow_null=True))
    def get_crisis(self, _: Screening) -> texts.CrisisText | None:
        """Return where to turn to now, if an answer calls for it: whoever shows this says where."""
        crisis: texts.CrisisText | None = self.context["crisis"]
        return crisis


class ReviewOutput(serializers.Serializer[Any]):
    """A clinician's signed decision."""

    id = serializers.UUIDField()
    screening = serializers.UUIDField(source="screening_id")
    outcome = serializers.ChoiceField(choices=ReviewOutcome.choices)
    reason = serializers.CharField()
    instead = serializers.CharField()
    ask_again_on = serializers.DateField(allow_null=True)
    signature = SignatureOutput()


class PatientOutput(serializers.Serializer[Any]):
    """Whom it is about."""

    id = serializers.UUIDField()
    legal_name = serializers.CharField()
    birth_on = serializers.DateField()


class GivenUpScreeningOutput(serializers.Serializer[Any]):
    """What somebody answered in a chart that was given up, and what was decided on it."""

    id = serializers.UUIDField()
    outcome = serializers.ChoiceField(choices=ScreeningOutcome.choices)
    submitted_at = serializers.DateTimeField()
    clinician_text = serializers.CharField(source="decision.texts.clinician")
    review = ReviewOutput(allow_null=True, default=None)


class GivenUpEventOutput(serializers.Serializer[Any]):
    """What went wrong in a chart that was given up."""

    id = serializers.UUIDField()
    description = serializers.CharField()
    is_serious = serializers.BooleanField()
    grade = serializers.ChoiceField(choices=Grade.choices, allow_null=True)
    onset_at = serializers.DateTimeField(allow_null=True)
    reported_at = serializers.DateTimeField()


class GivenUpChartOutput(serializers.Serializer[Any]):
    """Another chart of the same person, which was given up for theirs: what stands in it, newest first."""

    chart = serializers.UUIDField()
    screenings = GivenUpScreeningOutput(many=True)
    adverse_events = GivenUpEventOutput(many=True)


class ScreeningForClinicianOutput(ScreeningOutput):
    """The same, with whom it is about, the clinician's text, the whole review, and their other charts."""

    patient = PatientOutput(source="enrollment.patient")
    clinician_text = serializers.CharField(source="decision.texts.clinician")
    review = ReviewOutput(allow_null=True, default=None)  # type: ignore[assignment]
    given_up_charts = serializers.SerializerMethodField()

    @extend_schema_field(GivenUpChartOutput(many=True))
    def get_given_up_charts(self, _: Screening) -> list[Any]:
        """Return what stands in the charts that were given up for this one."""
        return list(GivenUpChartOutput(self.context["given_up_charts"], many=True).data)


class ScreeningRowOutput(serializers.Serializer[Any]):
    """One line of the clinician's queue."""

    id = serializers.UUIDField()
    enrollment = serializers.UUIDField(source="enrollment_id")
    patient = PatientOutput(source="enrollment.patient")
    outcome = serializers.ChoiceField(choices=ScreeningOutcome.choices)
    submitted_at = serializers.DateTimeField()
    review = DecidedOutput(allow_null=True, default=None)


class ReviewInput(InputSerializer):
    """The decision, and why."""

    outcome = serializers.ChoiceField(choices=ReviewOutcome.choices)
    reason = serializers.CharField(max_length=MAX_REASON)
    instead = serializers.CharField(
        max_length=MAX_REASON, required=False, default="", help_text="For who is declined, in their words."
    )
    ask_again_on = serializers.DateField(required=False, allow_null=True, default=None)


class ReviewAnswer(ReviewOutput):
    """The review, and where the enrollment stands now."""

    enrollment_status = serializers.ChoiceField(
        choices=EnrollmentStatus.choices, source="screening.enrollment.status"
    )


# --- alerts, holds ---------------------------------------------------------------------------------------


class AlertOutput(serializers.Serializer[Any]):
    """Somebody must look; `source` says what raised it."""

    id = serializers.UUIDField()
    patient = PatientOutput()
    alert_class = serializers.ChoiceField(choices=AlertClass.choices)
    source = serializers.CharField()  # type: ignore[assignment]
    status = serializers.ChoiceField(choices=AlertStatus.choices)
    opened_at = serializers.DateTimeField()
    pages_sent = serializers.IntegerField()
    next_page_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.CharField(source="acknowledged_by.clinician", allow_null=True, default=None)
    close_reason = serializers.CharField()
    signature = SignatureOutput(allow_null=True)


class AcknowledgementInput(InputSerializer):
    """Nothing more to say."""


class SignedReasonInput(InputSerializer):
    """Why, in the clinician's words; they are signed."""

    reason = serializers.CharField(max_length=MAX_REASON)


class HoldInput(InputSerializer):
    """Why treatment is to stand still."""

    reason = serializers.CharField(max_length=MAX_REASON)


class HoldOutput(serializers.Serializer[Any]):
    """Treatment stands still until this is lifted."""

    id = serializers.UUIDField()
    patient = PatientOutput()
    reason = serializers.ChoiceField(choices=HoldReason.choices)
    note = serializers.CharField()
    placed_at = serializers.DateTimeField()
    lifted_at = serializers.DateTimeField(allow_null=True)
    lift_reason = serializers.CharField()
    lift_signature = SignatureOutput(allow_null=True)


class ClosureOutput(serializers.Serializer[Any]):
    """The closed alert, and what it did not end: holds stand until each is lifted by itself."""

    alert = AlertOutput()
    holds_still_standing = HoldOutput(many=True)
    detail = serializers.CharField()


class HandoverInput(InputSerializer):
    """Who takes over: one patient, or everybody whom somebody looks after in that role."""

    default_error_messages = {"one_of_two": "Name a patient or a predecessor, one of the two."}

    role = serializers.ChoiceField(choices=CARING)
    to = serializers.UUIDField()
    patient = serializers.UUIDField(required=False)
    predecessor = serializers.UUIDField(required=False)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Refuse both and neither."""
        if ("patient" in given) == ("predecessor" in given):
            self.fail("one_of_two")
        return given


class PersonOutput(serializers.Serializer[Any]):
    """Who a patient is, and nothing of their chart."""

    id = serializers.UUIDField()
    legal_name = serializers.CharField()
    birth_on = serializers.DateField()


class MembershipOutput(serializers.Serializer[Any]):
    """Who looks after a patient, as what, since when."""

    id = serializers.UUIDField()
    patient = PersonOutput()
    member = serializers.UUIDField(source="member_id")
    member_email = serializers.EmailField(source="member.email")
    role = serializers.ChoiceField(choices=CARING)
    starts_at = serializers.DateTimeField()


class RefusalReasonOutput(serializers.Serializer[Any]):
    """One reason why something could not be done."""

    code = serializers.CharField()
    detail = serializers.CharField()


class LeftOutput(serializers.Serializer[Any]):
    """A patient who stayed where they were, and why."""

    patient = serializers.UUIDField(source="patient_id")
    reasons = RefusalReasonOutput(many=True)


class HandoverOutput(serializers.Serializer[Any]):
    """Whom they look after now, and who could not go along."""

    moved = MembershipOutput(many=True)
    left = LeftOutput(many=True)


class ScreeningsQuery(PageQuery):
    """Which screenings."""

    status = serializers.ChoiceField(choices=queries.SCREENING_LISTS, default="waiting")


class AlertsQuery(PageQuery):
    """Which alerts."""

    status = serializers.ChoiceField(choices=list(queries.ALERT_LISTS), default="not_closed")


class HoldsQuery(PageQuery):
    """Which holds."""

    status = serializers.ChoiceField(choices=list(queries.HOLD_LISTS), default="standing")
    patient = serializers.UUIDField(required=False)


class MembershipsQuery(PageQuery):
    """Whose."""

    member = serializers.UUIDField(required=False)


class IdentityCheckInput(InputSerializer):
    """How, by what and when somebody was compared with a document; name and birth date to correct them."""

    method = serializers.ChoiceField(choices=IdentityMethod.choices)
    document = serializers.ChoiceField(choices=IdentityDocument.choices)
    outcome = serializers.ChoiceField(choices=IdentityOutcome.choices)
    checked_at = InstantField()
    legal_name = serializers.CharField(max_length=120, required=False)
    birth_on = serializers.DateField(required=False)

    validate_birth_on = ProfileInput.validate_birth_on

    def report(self) -> IdentityReport:
        """Return what was said."""
        said = self.validated_data
        return IdentityReport(
            method=IdentityMethod(said["method"]),
            document=IdentityDocument(said["document"]),
            outcome=IdentityOutcome(said["outcome"]),
            checked_at=said["checked_at"],
            legal_name=said.get("legal_name", ""),
            birth_on=said.get("birth_on"),
        )


class IdentityCheckOutput(serializers.Serializer[Any]):
    """A check of identity and age; `is_current` while the chart has the name and birth date compared."""

    id = serializers.UUIDField()
    checked_by = serializers.CharField(source="checked_by.clinician")
    checked_at = serializers.DateTimeField()
    method = serializers.ChoiceField(choices=IdentityMethod.choices)
    document = serializers.ChoiceField(choices=IdentityDocument.choices)
    outcome = serializers.ChoiceField(choices=IdentityOutcome.choices)
    is_adult = serializers.BooleanField()
    is_current = serializers.BooleanField()


class MonitoringQueryInput(InputSerializer):
    """Which registers were asked, when, and what they said."""

    states = serializers.ListField(child=serializers.ChoiceField(choices=STATES), min_length=1, max_length=56)
    queried_at = InstantField()
    result = serializers.ChoiceField(choices=MonitoringResult.choices)
    note = serializers.CharField(max_length=4000, allow_blank=True, default="")

    def report(self) -> MonitoringReport:
        """Return what was said."""
        said = self.validated_data
        return MonitoringReport(
            states=tuple(said["states"]),
            queried_at=said["queried_at"],
            result=MonitoringResult(said["result"]),
            note=said["note"],
        )


class MonitoringQueryOutput(serializers.Serializer[Any]):
    """What was asked of prescription registers, by whom, and what they said."""

    id = serializers.UUIDField()
    states = serializers.ListField(child=serializers.CharField())
    queried_at = serializers.DateTimeField()
    reviewer = serializers.CharField(source="reviewer.clinician")
    result = serializers.ChoiceField(choices=MonitoringResult.choices)
    note = serializers.SerializerMethodField()

    def get_note(self, query: MonitoringQuery) -> str:
        """Return the note, readable."""
        return queries.note_of(query)
