from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet

from accounts.admin import Act, ClinicianAdmin
from accounts.models import User
from core.actors import Actor
from programs import queries, services
from programs.enums import EnrollmentStatus, Route
from programs.models import Enrollment
from programs.services import PlanOrder


class PlanForm(forms.Form):
    """What is ordered; signing it is the order."""

    route = forms.ChoiceField(choices=Route.choices)
    dose_mg = forms.DecimalField(label="Dose in mg", max_digits=6, decimal_places=1, min_value=0)
    session_count = forms.IntegerField(label="Sessions", min_value=1, max_value=18)
    min_days_between = forms.IntegerField(label="Days between sessions, at least", min_value=1, max_value=365)
    notes = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))


def _sign_plan(enrollment: Enrollment, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    order = PlanOrder(**dict(said) | {"route": Route(said["route"])})
    plan = services.sign_plan(enrollment.pk, order=order, clinician=clinician, at=at)
    return f"Signed: plan version {plan.version}."


@admin.register(Enrollment)
class EnrollmentAdmin(ClinicianAdmin):
    """One's patients' programs, and the place to sign a plan."""

    chart = "patient_id"
    list_display = ("patient", "program", "status", "created_at")
    list_filter = ("status",)
    fields = ("patient", "program", "status", "created_at", "plan")
    acts = (
        Act(
            name="plan",
            label="Sign a treatment plan",
            form=PlanForm,
            run=_sign_plan,
            is_offered=lambda row: row.status in (EnrollmentStatus.AWAITING_PLAN, EnrollmentStatus.ACTIVE),
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[Enrollment]:
        """Return the enrollments in one's care."""
        return queries.enrollments_in_care(actor, at=at)

    @admin.display(description="plan in force")
    def plan(self, enrollment: Enrollment) -> str:
        """Show what is ordered, and by whom."""
        plan = queries.current_plan(enrollment.pk)
        if plan is None:
            return "none yet"
        return (
            f"version {plan.version}: {plan.dose_mg} mg {plan.route}, {plan.session_count} sessions, "
            f"{plan.min_days_between} days apart, signed by {plan.signature.signer_name}"
        )
