"""Where operators say whether charts that look alike are one person's."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.admin import Act, ReasonForm, RoleAdmin
from accounts.enums import Role
from accounts.models import Patient, User
from core.actors import Actor
from safety.enums import ComparisonOutcome
from safety.identity import queries, services
from safety.identity.models import PossibleDuplicate

THIS_GOES_ON, OTHER_GOES_ON, TWO_PEOPLE = "this", "other", "two"


class ComparisonForm(ReasonForm):
    """What somebody found out about this chart and another one."""

    other = forms.ChoiceField(label="Which other chart")
    outcome = forms.ChoiceField(
        label="Whose they are",
        widget=forms.RadioSelect,
        choices=[
            (TWO_PEOPLE, "Two people's: both may be treated"),
            (THIS_GOES_ON, "One person's: this chart goes on, the other does not"),
            (OTHER_GOES_ON, "One person's: the other chart goes on, this one does not"),
        ],
    )
    field_order = ("other", "outcome", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["other"].choices = self.initial.get("others", [])  # type: ignore[attr-defined]
        self.fields["reason"].label = "How you know"


def _compare(chart: Patient, by: User, said: Mapping[str, Any], at: datetime) -> str:
    other, found = UUID(said["other"]), said["outcome"]
    outcome = ComparisonOutcome.DIFFERENT if found == TWO_PEOPLE else ComparisonOutcome.SAME
    kept, second = (other, chart.pk) if found == OTHER_GOES_ON else (chart.pk, other)
    services.compare_charts(kept, second, outcome=outcome, reason=said["reason"], by=by, at=at)
    if outcome == ComparisonOutcome.DIFFERENT:
        return "Recorded: two people. Where no other chart waits, both may be treated."
    return "Recorded: one person. The chart that goes on needs a new screening, decided by a clinician."


def _others(chart: Patient) -> dict[str, Any]:
    return {"others": [(str(other.pk), _named(other)) for other in queries.unsettled_twins(chart)]}


def _named(chart: Patient) -> str:
    return f"{chart.legal_name}, born {chart.birth_on} ({chart.pk})"


@admin.register(PossibleDuplicate)
class PossibleDuplicateAdmin(RoleAdmin):
    """Charts that may be somebody's second one: nobody is treated on them until it is said whose they are."""

    chart = "pk"
    roles = frozenset({Role.OPERATOR})
    list_display = ("legal_name", "birth_on", "id")
    ordering = ("birth_on", "legal_name")
    fields = ("legal_name", "preferred_name", "birth_on", "timezone", "id", "alike")
    acts = (
        Act(
            name="compare",
            label="Say whose these charts are",
            form=ComparisonForm,
            run=_compare,
            is_offered=lambda chart: chart.pk is not None,
            initial=_others,
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[PossibleDuplicate]:  # noqa: ARG002
        """Return the charts that wait."""
        return queries.possible_duplicates()

    @admin.display(description="looks like")
    def alike(self, chart: Patient) -> SafeString:
        """Show the other charts, each with a link to its own page."""
        others = list(queries.unsettled_twins(chart))
        self._charts_shown(*(other.pk for other in others))
        rows = [
            (reverse("admin:safety_possibleduplicate_change", args=[other.pk]), _named(other))
            for other in others
        ]
        return format_html("<ul>{}</ul>", format_html_join("", '<li><a href="{}">{}</a></li>', rows))
