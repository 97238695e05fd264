from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin import Act, RoleAdmin
from accounts.enums import Role
from accounts.models import User
from core.actors import Actor
from sessions.deviations import queries, services
from sessions.deviations.enums import DeviationFinding
from sessions.deviations.models import Deviation
from sessions.deviations.serializers import MAX_WORDS


class AssessmentForm(forms.Form):
    """What is made of it; `replaces` is the version on the page."""

    finding = forms.ChoiceField(choices=DeviationFinding.choices, widget=forms.RadioSelect)
    assessment = forms.CharField(max_length=MAX_WORDS, widget=forms.Textarea(attrs={"rows": 3}))
    corrective_action = forms.CharField(max_length=MAX_WORDS, widget=forms.Textarea(attrs={"rows": 3}))
    replaces = forms.IntegerField(min_value=0, widget=forms.HiddenInput)


def _assess(deviation: Deviation, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    in_care = queries.deviation_in_care(Actor.person(clinician.pk), deviation.pk, at=at)
    assessed = services.Assessed(
        DeviationFinding(said["finding"]), said["assessment"], said["corrective_action"]
    )
    signed = services.assess_deviation(in_care, said=assessed, replaces=said["replaces"], by=clinician, at=at)
    return f"Signed: version {signed.version}."


@admin.register(Deviation)
class DeviationAdmin(RoleAdmin):
    """Where the protocol was not kept, newest first; the patient's clinician signs what they make of it."""

    chart = "patient_id"
    roles = frozenset({Role.CLINICIAN, Role.SAFETY_OFFICER})
    list_display = ("occurred_at", "kind", "happened", "assessed")
    list_filter = ("kind",)
    fields = (
        "id",
        "of_session",
        "kind",
        "expected",
        "happened",
        "occurred_at",
        "recorded_at",
        "by",
        "versions",
    )
    acts = (
        Act(
            name="assess",
            label="Sign what you make of it",
            form=AssessmentForm,
            run=_assess,
            is_offered=lambda row: row.pk is not None,
            initial=lambda row: {"replaces": row.assessments.count()},
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[Deviation]:
        """Return those of one's patients; for a safety officer all."""
        return queries.deviations_for(actor, at=at)

    @admin.display(description="session")
    def of_session(self, deviation: Deviation) -> str:
        """Show which session it was, by its id: a safety officer sees no more of it."""
        return str(deviation.session_id)

    @admin.display(description="assessed")
    def assessed(self, deviation: Deviation) -> str:
        """Show what was found last."""
        versions = list(deviation.assessments.all())
        return versions[-1].get_finding_display() if versions else "not yet"

    @admin.display(description="recorded by")
    def by(self, deviation: Deviation) -> str:
        """Show who wrote it down, or that the system found it."""
        return "the system" if deviation.found_by else str(deviation.actor)

    @admin.display(description="what was made of it")
    def versions(self, deviation: Deviation) -> SafeString:
        """Show every version, oldest first."""
        rows = [
            (
                one.version,
                one.get_finding_display(),
                one.assessment,
                one.corrective_action,
                f"{one.signature.signer_name}, {one.signature.signed_at:%Y-%m-%d %H:%M} UTC",
            )
            for one in deviation.assessments.all()
        ]
        line = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        return format_html("<table>{}</table>", format_html_join("", line, rows))
