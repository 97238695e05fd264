"""What is written into a draft of the screening policy: its head, and a form for each rule."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.core import signing

from safety.drafts import conditions
from safety.drafts.conditions import Row
from safety.screening.clinical import Operator
from safety.screening.files import write_policy
from safety.screening.policy import Level, ThresholdStatus

MAX_TEXT = 4000
MAX_PARTS = 60
MORE_ROWS = 3
_SALT = "policy-draft-part"
LEVELS = {
    Level.EXCLUDE: "Excludes: not eligible",
    Level.HOLD_TODAY: "Holds today: another day may do",
    Level.REVIEW: "Review: a clinician has to look at this point",
    Level.NOTE: "Note: the clinician is told, the outcome stays",
}
_HOW = {
    "": "choose",
    conditions.IS: "is one of (words)",
    conditions.THERE: "is there at all",
    Operator.BELOW: "is below (number)",
    Operator.AT_LEAST: "is at least (number)",
}
_JOINERS = {
    conditions.ONE: "the one row below holds",
    conditions.ANY: "any of the rows below holds",
    conditions.ALL: "all of the rows below hold",
}
_THRESHOLDS = {
    "": "There is no number in it",
    ThresholdStatus.EXAMPLE: "An example, to be confirmed before use",
    ThresholdStatus.CONFIRMED: "Confirmed by our medical director",
}
_TEXTS = ("id", "level", "note", "code", "patient", "clinician", "source", "threshold_status")
_FLAGS = ("crisis", "overridable")


def _lines(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, "cols": 90})


def as_lines(typed: str) -> str:
    """Return a text with its lines ended as policies end them, whatever a browser sends."""
    return typed.replace("\r\n", "\n")


def _text(label: str, help_text: str, *, rows: int = 2) -> forms.CharField:
    """Return a field for words that are kept as typed; whether they will do is told beside it, once saved."""
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        max_length=MAX_TEXT,
        widget=_lines(rows),
        help_text=help_text,
    )


def _name(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=200, help_text=help_text)


class VersionForm(forms.Form):
    """Which state of the draft was read."""

    read = forms.IntegerField(widget=forms.HiddenInput, min_value=1)


class BeginForm(forms.Form):
    """What a draft begins from."""

    source = forms.ChoiceField(
        label="Begin from",
        choices=[("in_force", "The version in force"), ("example", "The newest example that ships")],
        widget=forms.RadioSelect,
        initial="in_force",
    )


class HeadForm(VersionForm):
    """What a policy says of itself."""

    version = forms.IntegerField(
        label="Version", min_value=1, max_value=1_000_000, help_text="One that no version has yet."
    )
    title = _text("Title", "What this policy is for.", rows=1)
    note = _text("Note", "What its readers should know: what changed, what is still to be confirmed.")


class PutUpForm(VersionForm):
    """From when it may hold."""

    not_before = forms.DateTimeField(
        label="Not before (UTC)",
        help_text="Like 2026-03-01 09:00. It holds from then on, or from the second signature if later.",
    )


class RuleForm(VersionForm):
    """One rule; its condition is in the rows beside it."""

    id = _name("Name", "Small letters, digits and _; every decision names the rule by it.")
    level = forms.ChoiceField(
        label="What it does", choices=[(str(level), words) for level, words in LEVELS.items()]
    )
    joined = forms.ChoiceField(label="It speaks when", choices=list(_JOINERS.items()))
    patient = _text("Sentence for the patient", "One short, kind sentence: what, never whose fault.")
    clinician = _text("Sentence for the clinician", "What was found, in a clinician's words.")
    source = _text("Source", "Where this is from: a label, a paper, a decision of yours.")
    code = _name("Reason code", "Small letters, digits and _; what apps and reports read.")
    threshold_status = forms.ChoiceField(
        label="The number in it",
        required=False,
        choices=[(str(status), words) for status, words in _THRESHOLDS.items()],
        help_text="A rule that compares with a number says who stands behind that number.",
    )
    crisis = forms.BooleanField(label="Show crisis lines where it speaks", required=False)
    overridable = forms.BooleanField(
        label="Two clinicians together may treat all the same",
        required=False,
        help_text="Only for a rule that excludes, and never for one with crisis lines.",
    )
    note = _text("Note", "For whoever reads this policy; no patient sees it. It may stay empty.")

    field_order = ("read", "id", "level", "joined")

    @staticmethod
    def shown(rule: Mapping[str, Any]) -> dict[str, Any]:
        """Return a rule as the fields show it."""
        joiner, _ = conditions.taken_apart(rule.get("when", {}))
        return {name: rule[name] for name in (*_TEXTS, *_FLAGS) if name in rule} | {"joined": joiner}

    def written(self, before: Mapping[str, Any], when: Mapping[str, Any]) -> dict[str, Any]:
        """Return the rule as typed; what says the same as `before` stays as it was written there."""
        made = {**before, "when": when}
        for name in (*_TEXTS, *_FLAGS):
            typed = self.cleaned_data[name]
            typed = as_lines(typed) if isinstance(typed, str) else typed
            if typed == before.get(name, type(typed)()):
                continue
            made.pop(name, None)
            if typed:
                made[name] = typed
        return made


class PartForm(forms.Form):
    """One row of a condition. A part that no row can show is kept as it is, or taken out."""

    kept = forms.CharField(widget=forms.HiddenInput, required=False)
    is_negated = forms.BooleanField(label="Not", required=False)
    looks_at = forms.ChoiceField()
    how = forms.ChoiceField(
        label="Which", required=False, choices=[(str(how), words) for how, words in _HOW.items()]
    )
    words = forms.CharField(
        label="Words",
        required=False,
        max_length=1000,
        widget=forms.TextInput(attrs={"list": "words", "size": 22}),
    )
    bound = forms.CharField(
        label="Number", required=False, max_length=24, widget=forms.TextInput(attrs={"size": 6})
    )
    max_age_days = forms.CharField(
        label="At most so many days old",
        required=False,
        max_length=24,
        widget=forms.TextInput(attrs={"size": 5}),
    )

    def __init__(self, *args: Any, looks_at: Sequence[Any] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", "choose"), *looks_at]
        self.fields["looks_at"] = forms.ChoiceField(label="Looks at", required=False, choices=choices)
        self.part: Mapping[str, Any] | None = None

    @property
    def nested(self) -> str:
        """Return, as a policy file says it, a part that no row can show; empty for every other."""
        part = _part(self["kept"].value())
        if not part or conditions.shown(part) is not None:
            return ""
        return write_policy({"when": part}).strip()

    def clean(self) -> dict[str, Any]:
        """Find what the row says: what it was begun from, to the byte, where nobody changed it."""
        said = dict(self.cleaned_data)
        kept = _part(said.pop("kept", ""))
        if kept is None:
            raise forms.ValidationError("This row did not arrive whole; open the rule again.")
        if self.errors:
            return self.cleaned_data
        said.pop("DELETE", None)
        row = Row(**said)
        before = conditions.shown(kept) if kept else Row()
        if row in (before, Row()):
            self.part = kept or None
            if before is not None and row != before:
                self.add_error(None, 'To take this row out, tick "take out".')
            return self.cleaned_data
        for name, why in conditions.idle(row):
            self.add_error(name, why)
        if not self.errors:
            self.part = conditions.written(row)
        return self.cleaned_data


def _part(kept: str | None) -> Mapping[str, Any] | None:
    """Return the part that a row was begun from, empty for a new row; None if that was tampered with."""
    if not kept:
        return {}
    try:
        part: Mapping[str, Any] = signing.loads(kept, salt=_SALT)
    except signing.BadSignature:
        return None
    return part


PartForms = forms.formset_factory(
    PartForm,
    extra=MORE_ROWS,
    can_delete=True,
    max_num=MAX_PARTS,
    validate_max=True,
    absolute_max=MAX_PARTS + 10,
)


def part_rows(parts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what the rows of a condition hold before anybody writes into them."""
    rows = []
    for part in parts:
        row = conditions.shown(part)
        fields = {} if row is None else {name: getattr(row, name) for name in Row.__slots__}
        rows.append({"kept": signing.dumps(part, salt=_SALT), **fields})
    return rows


def parts_of(rows: Any) -> list[Mapping[str, Any]]:
    """Return the parts that valid rows say, in order, without those that are taken out."""
    gone = rows.deleted_forms
    return [form.part for form in rows.forms if form not in gone and form.part]
