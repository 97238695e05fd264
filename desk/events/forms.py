"""What is written on an event's page; each form is read by the same shape as the API's request."""

from typing import Any

from django import forms
from rest_framework.serializers import Serializer

from accounts.admin import MAX_REASON, ReasonForm
from safety.enums import Seriousness
from safety.events import naranjo
from safety.events.enums import (
    ActionTaken,
    Causality,
    Challenge,
    EventOutcome,
    Expectedness,
    NaranjoAnswer,
    NewsKind,
)
from safety.events.rules import GRADES
from safety.events.serializers import CLOCK_ENDS, FOLLOW_UP_ENDS, AssessmentInput, NewsInput

TO_CHOOSE = [("", "choose")]
NARANJO = "naranjo_"
PRODUCT = "product_"
_WORDS = forms.Textarea(attrs={"rows": 4, "cols": 80})


def faults_of(form: forms.Form, read: Serializer[Any]) -> None:
    """Say on `form` what the API's shape refuses, at the field that it is about."""
    for name, faults in read.errors.items():
        said = faults if isinstance(faults, list) else [str(fault) for fault in faults.values()]
        form.add_error(name if name in form.fields else None, [str(fault) for fault in said])


class AssessmentForm(forms.Form):
    """What a clinician makes of an event; signed as a whole."""

    replaces = forms.IntegerField(widget=forms.HiddenInput)
    term = forms.CharField(max_length=200, label="What it was", help_text="A short term in your own words.")
    grade = forms.ChoiceField(
        label="Grade (CTCAE v5, general criteria)",
        choices=[(grade.value, f"{grade.value}: {text}") for grade, text in GRADES.items()],
        widget=forms.RadioSelect,
        help_text="How bad it was. That is another thing than seriousness.",
    )
    seriousness = forms.MultipleChoiceField(
        label="Serious, because of",
        choices=Seriousness.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Serious if one of these fits, and by nothing else. Then treatment is held at once.",
    )
    outcome = forms.ChoiceField(choices=TO_CHOOSE + EventOutcome.choices)
    causality = forms.ChoiceField(label="Causality (WHO-UMC)", choices=TO_CHOOSE + Causality.choices)
    expectedness = forms.ChoiceField(choices=TO_CHOOSE + Expectedness.choices)
    reference = forms.CharField(max_length=200, label="Expectedness is judged by (document)")
    reference_version = forms.CharField(max_length=60, label="Its version")
    action_taken = forms.ChoiceField(
        label="What was done about the medicine", choices=TO_CHOOSE + ActionTaken.choices
    )
    dechallenge = forms.ChoiceField(
        label="Went away without the medicine (dechallenge)", choices=TO_CHOOSE + Challenge.choices
    )
    rechallenge = forms.ChoiceField(
        label="Came back with it (rechallenge)", choices=TO_CHOOSE + Challenge.choices
    )
    product_name = forms.CharField(max_length=200, required=False, label="Medicine")
    product_strength = forms.CharField(max_length=60, required=False, label="Strength")
    product_compounder = forms.CharField(max_length=200, required=False, label="Made by")
    product_lot = forms.CharField(max_length=60, required=False, label="Lot")
    product_route = forms.CharField(max_length=60, required=False, label="Route")
    product_dose_mg = forms.CharField(required=False, label="Dose in mg")
    product_taken_on = forms.CharField(required=False, label="Taken on (YYYY-MM-DD)")
    meddra_code = forms.CharField(required=False, label="MedDRA code (eight digits)")
    meddra_version = forms.CharField(max_length=8, required=False, label="MedDRA version")
    why_again = forms.CharField(
        max_length=MAX_REASON,
        required=False,
        label="Why it is assessed again",
        widget=_WORDS,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number, question in naranjo.QUESTIONS.items():
            self.fields[f"{NARANJO}{number}"] = forms.ChoiceField(
                label=f"{number}. {question.topic}",
                choices=[("", "not asked"), *NaranjoAnswer.choices],
                required=False,
            )
        if not (self.initial.get("replaces") or self.data.get(self.add_prefix("replaces"), "0") != "0"):
            self.fields["why_again"].widget = forms.HiddenInput()

    def clean(self) -> dict[str, Any]:
        """Read it as the API would; `assessed` is what it says."""
        said = super().clean() or {}
        if self.errors:
            return said
        read = AssessmentInput(data=_payload(said))
        if not read.is_valid():
            faults_of(self, read)
            return said
        return said | {"assessed": read.assessed()}


def _payload(said: dict[str, Any]) -> dict[str, Any]:
    """Return what a request would say: the scale and the product are dictionaries there, without blanks."""
    apart = (NARANJO, PRODUCT)
    plain = {name: value for name, value in said.items() if not name.startswith(apart)}
    return plain | {"naranjo": _part(said, NARANJO), "product": _part(said, PRODUCT)}


def _part(said: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value for name, value in said.items() if name.startswith(prefix) and value
    }


class NewsForm(forms.Form):
    """What came to be known later, and when anybody here knew."""

    kind = forms.ChoiceField(choices=NewsKind.choices, widget=forms.RadioSelect)
    text = forms.CharField(max_length=20_000, label="What came to be known", widget=_WORDS)
    aware_at = forms.CharField(
        label="When anybody here first knew",
        help_text="With its offset, as 2026-03-05T16:00:00Z. It is day 0 of the clocks that it starts.",
    )

    def clean(self) -> dict[str, Any]:
        """Read it as the API would; `news` is what it says."""
        said = super().clean() or {}
        if self.errors:
            return said
        read = NewsInput(data={name: said[name] for name in ("kind", "text", "aware_at")})
        if not read.is_valid():
            faults_of(self, read)
            return said
        return said | {"news": read.news()}


class ClockEndForm(ReasonForm):
    """Which clock ends, and how."""

    clock = forms.ChoiceField(widget=forms.RadioSelect)
    end = forms.ChoiceField(
        choices=CLOCK_ENDS,
        widget=forms.RadioSelect,
    )
    field_order = ("clock", "end", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["clock"].choices = self.initial.get("clocks", [])  # type: ignore[attr-defined]
        self.fields["reason"].label = "What shows it, or why nothing is due"


class FollowUpForm(forms.Form):
    """What must be found out, by whom and within how many days."""

    what = forms.CharField(max_length=MAX_REASON, label="What must be found out", widget=_WORDS)
    assignee = forms.ChoiceField(label="By whom")
    days = forms.IntegerField(min_value=1, max_value=366, label="Within how many days", initial=7)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assignee"].choices = self.initial.get("assignees", [])  # type: ignore[attr-defined]


class FollowUpEndForm(forms.Form):
    """What was found out, or why nothing more can be."""

    end = forms.ChoiceField(
        choices=FOLLOW_UP_ENDS,
        widget=forms.RadioSelect,
    )
    found = forms.CharField(max_length=MAX_REASON, label="What was found out, or why not", widget=_WORDS)
