from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts import queries as accounts
from accounts.admin import MAX_REASON, Act, ClinicianAdmin, ReasonForm, RoleAdmin
from accounts.break_glass import services as break_glass
from accounts.break_glass.queries import note_of, openings, reason_of
from accounts.break_glass.serializers import MAX_WORDS
from accounts.enums import BreakGlassFinding, Role
from accounts.models import BreakGlass, CareTeamMembership, User
from core.acting import seeing_all_charts
from core.actors import Actor
from core.errors import NotFound
from notifications import queries as notifications
from programs import queries as programs
from programs.enums import EnrollmentStatus, Route
from programs.models import Enrollment
from programs.services import PlanOrder
from safety import queries, services
from safety.enums import AlertStatus, HoldReason, ReviewOutcome
from safety.identity import services as identity
from safety.identity.queries import given_up_charts
from safety.models import Alert, Hold, Screening
from safety.rules import Advice


class ListFilter(admin.SimpleListFilter):
    """The lists of this room, the first of them shown unless another is chosen."""

    parameter_name = "list"
    title = "list"
    names: tuple[str, ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        """Name every list but the first, which needs no parameter."""
        return [(name, name.replace("_", " ")) for name in self.names[1:]]

    def choices(self, changelist: Any) -> Any:
        """Call the choice without a parameter by the first list's name instead of "All"."""
        first, *others = super().choices(changelist)
        return [first | {"display": self.names[0].replace("_", " ")}, *others]

    def chosen(self) -> str:
        """Return the list to show: the first too where one was asked for that there is not."""
        asked = self.value()
        return asked if asked in self.names else self.names[0]


class ScreeningList(ListFilter):
    """Waiting, or all."""

    names = queries.SCREENING_LISTS

    def queryset(self, request: HttpRequest, queryset: QuerySet[Screening]) -> QuerySet[Screening]:  # noqa: ARG002
        """Narrow to the list chosen."""
        return queries.waiting(queryset) if self.chosen() == "waiting" else queryset


class AlertList(ListFilter):
    """Not closed, or others."""

    names = tuple(queries.ALERT_LISTS)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Alert]) -> QuerySet[Alert]:  # noqa: ARG002
        """Narrow to the list chosen."""
        return queryset.filter(queries.ALERT_LISTS[self.chosen()])


class HoldList(ListFilter):
    """Standing, or others."""

    names = tuple(queries.HOLD_LISTS)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Hold]) -> QuerySet[Hold]:  # noqa: ARG002
        """Narrow to the list chosen."""
        return queryset.filter(queries.HOLD_LISTS[self.chosen()])


class ReviewForm(ReasonForm):
    """The decision, and why; for who is declined, what to do instead and when to ask again."""

    outcome = forms.ChoiceField(choices=ReviewOutcome.choices, widget=forms.RadioSelect)
    instead = forms.CharField(
        required=False, max_length=MAX_REASON, help_text="For who is declined: what to do instead."
    )
    ask_again_on = forms.DateField(required=False, help_text="For who is declined: from when to ask again.")
    field_order = ("outcome", "reason")


def _review(screening: Screening, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    outcome = ReviewOutcome(said["outcome"])
    advice = Advice(said["instead"], said["ask_again_on"])
    services.review(
        screening.pk, outcome=outcome, reason=said["reason"], advice=advice, reviewer=clinician, at=at
    )
    return f"Signed: {outcome.label.lower()}."


def _acknowledge(alert: Alert, clinician: User, said: Mapping[str, Any], at: datetime) -> str:  # noqa: ARG001
    services.acknowledge(alert, by=clinician, at=at)
    return "You have this alert in hand; nobody is paged any more."


def _close(alert: Alert, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    closed = services.close(alert, by=clinician, reason=said["reason"], at=at)
    standing = len(queries.open_holds(closed.patient_id))
    return (
        f"Closed. {f'Holds that stand until each is lifted: {standing}.' if standing else 'No hold stands.'}"
    )


def _hold(alert: Alert, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    actor = Actor.person(clinician.pk)
    services.place_hold(alert.patient_id, reason=HoldReason.CLINICAL, note=said["reason"], actor=actor, at=at)
    return "Treatment stands still. Somebody else lifts this hold."


def _lift(hold: Hold, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    services.lift_hold(hold, by=clinician, reason=said["reason"], at=at)
    return "Lifted. Other holds and open alerts stand."


def _hand_over(membership: CareTeamMembership, by: User, said: Mapping[str, Any], at: datetime) -> str:
    role = Role(membership.role)
    to = _taker(said)
    if not said["everybody"]:
        services.hand_over(membership.patient_id, role, to=to, by=by, at=at)
        return "Handed over, with what waits."
    done = services.hand_over_all(membership.member_id, role, to=to, by=by, at=at)
    stayed = f" Stayed where they were: {len(done.left)}." if done.left else ""
    return f"Handed over, with what waits: {len(done.moved)}.{stayed}"


def _taker(said: Mapping[str, Any]) -> User:
    found = accounts.person_by_email(said["to"])
    if found is None:
        raise NotFound("Nobody here has that address.")
    return found


class HandoverForm(forms.Form):
    """Who takes over, by the address they sign in with."""

    to = forms.EmailField(label="To (e-mail)")
    everybody = forms.BooleanField(required=False, label="Everybody whom the same person looks after")


@admin.register(Screening)
class ScreeningAdmin(ClinicianAdmin):
    """The screenings of one's patients, those that wait first; each with its explanation and the decision."""

    chart = "enrollment.patient_id"
    list_display = ("patient", "submitted_at", "outcome", "decided")
    list_filter = (ScreeningList,)
    fields = (
        "patient",
        "enrollment",
        "submitted_at",
        "outcome",
        "explanation",
        "given_up",
        "decided",
        "rationale",
    )
    acts = (
        Act(
            name="review",
            label="Sign a decision",
            form=ReviewForm,
            run=_review,
            is_offered=lambda screening: not hasattr(screening, "review"),
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[Screening]:
        """Return the screenings in one's care."""
        return queries.screenings_in_care(actor, at=at)

    @admin.display(description="patient")
    def patient(self, screening: Screening) -> str:
        """Show whose it is."""
        patient = screening.enrollment.patient
        return f"{patient.legal_name}, born {patient.birth_on}"

    @admin.display(description="explanation")
    def explanation(self, screening: Screening) -> SafeString:
        """Show the clinician's text: every reason, what it was found in, its rule and source."""
        return format_html("<pre>{}</pre>", screening.decision["texts"]["clinician"])

    @admin.display(description="other charts of theirs")
    def given_up(self, screening: Screening) -> SafeString:
        """Show what stands in the charts that were given up for this one: answers, decisions and events."""
        found = given_up_charts(screening.enrollment.patient_id)
        self._charts_shown(*(one.chart for one in found))
        told = [
            (
                f"{row.submitted_at:%Y-%m-%d}: {row.get_outcome_display()}. "
                f"{self.decided(row)}. {self.rationale(row)}",
                row.decision["texts"]["clinician"],
            )
            for one in found
            for row in one.screenings
        ]
        told += [
            (f"{event.reported_at:%Y-%m-%d}: adverse event", event.description)
            for one in found
            for event in one.adverse_events
        ]
        return format_html_join("", "<p>{}</p><pre>{}</pre>", told) or SafeString("none")

    @admin.display(description="decided")
    def decided(self, screening: Screening) -> str:
        """Show what was decided, by whom and when."""
        review = getattr(screening, "review", None)
        if review is None:
            return "not yet"
        signed = review.signature
        return f"{review.get_outcome_display()}, {signed.signer_name}, {signed.signed_at:%Y-%m-%d %H:%M} UTC"

    @admin.display(description="why")
    def rationale(self, screening: Screening) -> str:
        """Show the clinician's reason."""
        return screening.review.reason if hasattr(screening, "review") else "—"


@admin.register(Alert)
class AlertAdmin(ClinicianAdmin):
    """Where somebody must look: taken in hand here, and closed under signature."""

    chart = "patient_id"
    list_display = ("patient", "alert_class", "status", "opened_at", "pages_sent", "acknowledged_by")
    list_filter = (AlertList,)
    fields = (*list_display, "source", "acknowledged_at", "close_reason", "signature", "pages")
    acts = (
        Act(
            name="acknowledge",
            label="I have this in hand",
            form=forms.Form,
            run=_acknowledge,
            is_offered=lambda alert: alert.status == AlertStatus.OPEN,
        ),
        Act(
            name="close",
            label="Sign that it is dealt with",
            form=ReasonForm,
            run=_close,
            is_offered=lambda alert: alert.status == AlertStatus.ACKNOWLEDGED,
        ),
        Act(
            name="hold",
            label="Make treatment stand still",
            form=ReasonForm,
            run=_hold,
            is_offered=lambda alert: alert.status != AlertStatus.CLOSED,
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[Alert]:
        """Return the alerts that one may answer."""
        return queries.alerts_for(actor, at=at)

    @admin.display(description="who was paged, and how far that came")
    def pages(self, alert: Alert) -> SafeString:
        """Show every page, those that reached nobody with why."""
        rows = [
            (
                f"{page.due_at:%Y-%m-%d %H:%M} UTC",
                getattr(page.user, "clinician", None) or "somebody who works here",
                page.get_channel_display(),
                page.get_status_display(),
                page.outcome,
            )
            for page in notifications.how_far(f"alert:{alert.pk}:")
        ]
        shown = "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>"
        return format_html("<table>{}</table>", format_html_join("", shown, rows))


@admin.register(Hold)
class HoldAdmin(ClinicianAdmin):
    """Whose treatment stands still; lifted here under signature."""

    chart = "patient_id"
    list_display = ("patient", "reason", "placed_at", "lifted_at")
    list_filter = (HoldList,)
    fields = (*list_display, "note", "lift_reason", "lift_signature")
    acts = (
        Act(
            name="lift",
            label="Sign that treatment may go on",
            form=ReasonForm,
            run=_lift,
            is_offered=lambda hold: hold.lifted_at is None,
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[Hold]:
        """Return the holds that one may act on."""
        return queries.holds_for(actor, at=at)


@admin.register(CareTeamMembership)
class CareTeamAdmin(RoleAdmin):
    """Who looks after whom, for those who assign care; somebody else takes over here."""

    chart = "patient_id"
    roles = frozenset({Role.OPERATOR, Role.MEDICAL_DIRECTOR})
    list_display = ("who", "role", "member", "starts_at")
    list_filter = ("role",)
    fields = ("who", "role", "member", "starts_at")
    acts = (
        Act(
            name="hand-over",
            label="Hand over",
            form=HandoverForm,
            run=_hand_over,
            is_offered=lambda row: row.ends_at is None,
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[CareTeamMembership]:  # noqa: ARG002
        """Return the care teams as they are on paper."""
        return accounts.current_memberships()

    @admin.display(description="patient")
    def who(self, membership: CareTeamMembership) -> str:
        """Show whose care it is: who they are, and nothing of their chart."""
        return f"{membership.patient.legal_name}, born {membership.patient.birth_on}"


class OpeningReviewForm(forms.Form):
    """Whether there was a reason, and what shows it."""

    finding = forms.ChoiceField(choices=BreakGlassFinding.choices)
    note = forms.CharField(max_length=MAX_WORDS, widget=forms.Textarea(attrs={"rows": 4, "cols": 80}))


def _review_opening(opening: BreakGlass, reviewer: User, said: Mapping[str, Any], at: datetime) -> str:
    finding = BreakGlassFinding(said["finding"])
    break_glass.review(opening, finding=finding, note=said["note"], reviewer=reviewer, at=at)
    return "Reviewed. Nobody is called about it any more."


@admin.register(BreakGlass)
class BreakGlassAdmin(RoleAdmin):
    """Which charts were opened in an emergency, for privacy officers: reviewed here, within 72 hours."""

    chart = "patient_id"
    roles = frozenset({Role.PRIVACY_OFFICER})
    list_display = ("opened_by", "who", "purpose", "starts_at", "ends_at", "reviewed_at")
    fields = (*list_display, "why", "reviewed_by", "finding", "words")
    acts = (
        Act(
            name="review",
            label="Record what I found",
            form=OpeningReviewForm,
            run=_review_opening,
            is_offered=lambda opening: opening.reviewed_at is None,
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[BreakGlass]:  # noqa: ARG002
        """Return every opening; one's own can be seen, and not reviewed."""
        return openings()

    @admin.display(description="opened by")
    def opened_by(self, opening: BreakGlass) -> str:
        """Show who opened it."""
        return str(opening.user.clinician)

    @admin.display(description="patient")
    def who(self, opening: BreakGlass) -> str:
        """Show whose chart it was, which no wall would show a privacy officer, and nothing else of it."""
        with seeing_all_charts():
            return f"{opening.patient.legal_name}, born {opening.patient.birth_on}"

    @admin.display(description="why")
    def why(self, opening: BreakGlass) -> str:
        """Show the clinician's words."""
        return reason_of(opening)

    @admin.display(description="note")
    def words(self, opening: BreakGlass) -> str:
        """Show the reviewer's words."""
        return note_of(opening)


class PlanForm(forms.Form):
    """What is ordered; signing it is the order."""

    route = forms.ChoiceField(choices=Route.choices)
    dose_mg = forms.DecimalField(label="Dose in mg", max_digits=6, decimal_places=1, min_value=0)
    session_count = forms.IntegerField(label="Sessions", min_value=1, max_value=18)
    min_days_between = forms.IntegerField(label="Days between sessions, at least", min_value=1, max_value=365)
    notes = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))


def _sign_plan(enrollment: Enrollment, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    order = PlanOrder(**dict(said) | {"route": Route(said["route"])})
    plan = identity.sign_plan(enrollment.pk, order=order, clinician=clinician, at=at)
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
        return programs.enrollments_in_care(actor, at=at)

    @admin.display(description="plan in force")
    def plan(self, enrollment: Enrollment) -> str:
        """Show what is ordered, and by whom."""
        plan = programs.current_plan(enrollment.pk)
        if plan is None:
            return "none yet"
        return (
            f"version {plan.version}: {plan.dose_mg} mg {plan.route}, {plan.session_count} sessions, "
            f"{plan.min_days_between} days apart, signed by {plan.signature.signer_name}"
        )


# The pages of a subject that is a package of its own.
from safety.drafts import admin as draft_admin  # noqa: E402, F401
from safety.identity import admin as identity_admin  # noqa: E402, F401
