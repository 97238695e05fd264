from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer
from core.models import DocumentVersion
from programs.enums import OPTIONAL_CONSENTS, ConsentKind, EnrollmentStatus, Route
from programs.services import Agreement, PlanOrder


class ProgramOutput(serializers.Serializer[Any]):
    """A program one can choose. The price is where it begins, for new clients."""

    slug = serializers.SlugField()
    title = serializers.CharField()
    condition = serializers.CharField()
    session_count = serializers.IntegerField()
    price_per_session_cents = serializers.IntegerField()
    currency = serializers.CharField()


class EnrollmentInput(InputSerializer):
    """Which program."""

    program = serializers.SlugField(max_length=40)


class EnrollmentOutput(serializers.Serializer[Any]):
    """One person's way through one program."""

    id = serializers.UUIDField()
    program = serializers.SlugField(source="program.slug")
    status = serializers.ChoiceField(choices=EnrollmentStatus.choices)
    is_paused = serializers.BooleanField(default=False)
    created_at = serializers.DateTimeField()


class PlanInput(InputSerializer):
    """What is ordered."""

    route = serializers.ChoiceField(choices=Route.choices)
    dose_mg = serializers.DecimalField(max_digits=6, decimal_places=1)
    session_count = serializers.IntegerField(min_value=1, max_value=18)
    min_days_between = serializers.IntegerField(min_value=1, max_value=365)
    notes = serializers.CharField(max_length=4000, allow_blank=True, default="")

    def order(self) -> PlanOrder:
        """Return the validated order."""
        return PlanOrder(**self.validated_data | {"route": Route(self.validated_data["route"])})


class SignatureOutput(serializers.Serializer[Any]):
    """Who signed, when, and exactly what."""

    signer_name = serializers.CharField()
    meaning = serializers.CharField()
    signed_at = serializers.DateTimeField()
    document_sha256 = serializers.CharField()


class PlanOutput(serializers.Serializer[Any]):
    """A signed treatment plan."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    route = serializers.ChoiceField(choices=Route.choices)
    dose_mg = serializers.DecimalField(max_digits=6, decimal_places=1)
    session_count = serializers.IntegerField()
    min_days_between = serializers.IntegerField()
    notes = serializers.CharField()
    signature = SignatureOutput()


class AgreementInput(InputSerializer):
    """One text that was read and is agreed to, named by id and hash."""

    document = serializers.UUIDField()
    sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")


class ConsentInput(InputSerializer):
    """The texts that are agreed to."""

    agreements = AgreementInput(many=True, allow_empty=False)

    def to_agreements(self) -> list[Agreement]:
        """Return the validated agreements."""
        return [
            Agreement(document_id=item["document"], sha256=item["sha256"])
            for item in self.validated_data["agreements"]
        ]


class TextChoiceOutput(serializers.Serializer[Any]):
    """One answer to choose."""

    key = serializers.CharField()
    text = serializers.CharField()


class TextQuestionOutput(serializers.Serializer[Any]):
    """A question about a text; which answer is right is not told."""

    key = serializers.CharField()
    question = serializers.CharField()
    choices = TextChoiceOutput(many=True)


class DocumentOutput(serializers.Serializer[Any]):
    """A text to read and agree to: short and long, with the hash that a signature is bound to.

    Where there are questions, they are answered before it is signed. `note` says what counsel has to confirm.
    """

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=ConsentKind.choices)
    version = serializers.IntegerField()
    minor = serializers.IntegerField()
    language = serializers.CharField()
    sha256 = serializers.CharField()
    is_required = serializers.SerializerMethodField()
    title = serializers.CharField(source="content.title")
    summary = serializers.CharField(source="content.summary")
    text = serializers.CharField(source="content.text")
    note = serializers.CharField(source="content.note", default="")
    questions = TextQuestionOutput(source="content.questions", many=True, default=[])
    right_to_pass = serializers.IntegerField(source="content.right_to_pass", default=0)

    def get_is_required(self, document: DocumentVersion) -> bool:
        """Tell whether there is no session without it."""
        return document.kind not in OPTIONAL_CONSENTS


class LanguageQuery(InputSerializer):
    """Which language to read in."""

    language = serializers.RegexField(
        r"^[a-z]{2,3}(-[A-Z]{2})?$",
        default="",
        help_text="The patient's own unless said; where a text is not there in it: English.",
    )


class AttemptInput(AgreementInput):
    """A text that was read, and the answers to its questions: question to choice."""

    answers = serializers.DictField(child=serializers.CharField(max_length=40))

    def to_agreement(self) -> Agreement:
        """Return which text was read."""
        return Agreement(document_id=self.validated_data["document"], sha256=self.validated_data["sha256"])


class ExplanationOutput(serializers.Serializer[Any]):
    """A question that was not answered as the text says, and what it says."""

    key = serializers.CharField()
    because = serializers.CharField()


class AttemptOutput(serializers.Serializer[Any]):
    """What the answers came to; where it is not enough, one tries again."""

    id = serializers.UUIDField()
    document = serializers.UUIDField()
    right_count = serializers.IntegerField()
    passed = serializers.BooleanField()
    wrong = ExplanationOutput(many=True)
    attempted_at = serializers.DateTimeField()
