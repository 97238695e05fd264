"""Where events are triaged: the queue, and one event's page."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from accounts import queries as accounts
from accounts.admin import Act, RoleAdmin
from accounts.enums import Role
from accounts.models import User
from core import clock
from core.acting import who_acts
from core.actors import Actor
from core.errors import NotFound
from desk.events import forms as event_forms
from desk.events.queries import event_file, session_of
from safety import queries as safety
from safety import services as safety_services
from safety.admin import ListFilter
from safety.enums import AlertStatus
from safety.errors import WrongAlertState
from safety.events import following, medwatch, medwatch_pdf, queries, reporting, reports, services
from safety.events.enums import ClockEnd, FollowUpEnd, FollowUpKind
from safety.events.errors import IncompleteReport
from safety.events.following import Asked
from safety.events.models import EventAssessment, FollowUp
from safety.models import AdverseEvent, Alert

FIRST_WORDS = 80


class EventList(ListFilter):
    """Not assessed yet, or others."""

    names = tuple(queries.EVENT_LISTS)

    def queryset(self, request: HttpRequest, queryset: QuerySet[AdverseEvent]) -> QuerySet[AdverseEvent]:  # noqa: ARG002
        """Narrow to the list chosen."""
        return queryset.filter(queries.EVENT_LISTS[self.chosen()])


def _assess(event: AdverseEvent, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    row = services.assess(event, said=said["assessed"], replaces=said["replaces"], by=clinician, at=at)
    held = " Treatment stands still and people are called." if row.hold_id else ""
    return f"Signed: version {row.version}, grade {row.grade}.{held}"


def _note_news(event: AdverseEvent, user: User, said: Mapping[str, Any], at: datetime) -> str:
    reporting.note_news(event, news=said["news"], actor=Actor.person(user.pk), at=at)
    return "Noted. Clocks that it concerns run from it."


def _end_clock(event: AdverseEvent, clinician: User, said: Mapping[str, Any], at: datetime) -> str:
    found = next((row for row in queries.clocks_of(event) if str(row.pk) == said["clock"]), None)
    if found is None:
        raise NotFound
    ended = reporting.end_clock(found, end=ClockEnd(said["end"]), reason=said["reason"], by=clinician, at=at)
    return f"Signed: {ended.get_end_display().lower()}."


def _set_follow_up(event: AdverseEvent, user: User, said: Mapping[str, Any], at: datetime) -> str:
    asked = Asked(said["what"], UUID(said["assignee"]), at + timedelta(days=said["days"]))
    row = following.set_follow_up(event, asked=asked, actor=Actor.person(user.pk), at=at)
    return f"Set, until {row.due_at:%Y-%m-%d %H:%M} UTC. Once it is overdue, people are called."


def _end_follow_up(follow_up: FollowUp, user: User, said: Mapping[str, Any], at: datetime) -> str:
    ended = following.end_follow_up(
        follow_up, end=FollowUpEnd(said["end"]), found=said["found"], by=user, at=at
    )
    asks = ended.kind == FollowUpKind.OUTCOME and ended.end == FollowUpEnd.DONE
    return f"Ended.{' It is not known yet how it ended: the next one begins.' if asks else ''}"


def _acknowledge(event: AdverseEvent, clinician: User, said: Mapping[str, Any], at: datetime) -> str:  # noqa: ARG001
    if not (alerts := _open_alerts(event)):
        raise WrongAlertState
    for alert in alerts:
        safety_services.acknowledge(alert, by=clinician, at=at)
    return "You have this in hand; nobody is paged any more."


def _newest(event: AdverseEvent) -> EventAssessment | None:
    made = list(event.assessments.all())
    return made[-1] if made else None


def _alert(event: AdverseEvent) -> Alert:
    """Return the alert that the event stands behind now: a later assessment may have raised its own."""
    newest = _newest(event)
    return newest.alert if newest and newest.alert else event.alert


def _open_alerts(event: AdverseEvent) -> list[Alert]:
    mine = safety.alerts_for(who_acts(), at=clock.now()).filter(pk=_alert(event).pk)
    return list(mine.filter(status=AlertStatus.OPEN))


def _practises() -> bool:
    return Role.CLINICIAN in queries.roles_in_triage(who_acts(), at=clock.now())


def _drafted(event: AdverseEvent) -> dict[str, Any]:
    """Return what the form for an assessment begins with: the version before, or what the session says."""
    newest = _newest(event)
    if newest is None:
        return {"replaces": 0, "seriousness": event.seriousness, "grade": event.grade} | _dosed(event)
    kept = {
        name: getattr(newest, name)
        for name in event_forms.AssessmentForm.base_fields
        if hasattr(newest, name)
    }
    apart = {f"{event_forms.NARANJO}{number}": answer for number, answer in newest.naranjo.items()}
    apart |= {f"{event_forms.PRODUCT}{name}": value for name, value in newest.product.items()}
    return kept | apart | {"replaces": newest.version, "why_again": ""}


def _dosed(event: AdverseEvent) -> dict[str, Any]:
    session = session_of(event)
    dose = getattr(session, "dose", None)
    if dose is None:
        return {}
    return {
        "product_route": dose.get_route_display().lower(),
        "product_dose_mg": dose.dose_mg,
        "product_taken_on": dose.session.dosed_on,
    }


def _assignees(event: AdverseEvent) -> dict[str, Any]:
    found = accounts.holders(*following.FOLLOWS, at=clock.now())
    named = [(str(user.pk), _name(user)) for user in found if user.pk != event.patient.user_id]
    me = who_acts().id
    return {"assignees": sorted(named, key=lambda one: (one[0] != me, one[1]))}


def _name(user: User) -> str:
    clinician = accounts.clinician_of(user.pk)
    return str(clinician) if clinician else user.email


def _running_clocks(event: AdverseEvent) -> dict[str, Any]:
    running = queries.clocks_of(event).filter(ended_at=None)
    return {
        "clocks": [
            (str(row.pk), f"{row.rule['authority']}, by {row.due_at:%Y-%m-%d %H:%M} UTC: {row.rule['what']}")
            for row in running
        ]
    }


@admin.register(AdverseEvent)
class AdverseEventAdmin(RoleAdmin):
    """What went wrong: serious first, those that nobody has assessed; each on one page with all of it."""

    roles = frozenset({Role.CLINICIAN, Role.SAFETY_OFFICER})
    chart = "patient_id"
    list_display = ("about", "told", "how_bad", "waited", "treatment", "page", "report_due")
    list_filter = (EventList,)
    list_per_page = 50
    fields = ("reported_at",)
    change_form_template = "desk/event_page.html"
    acts = (
        Act(
            name="acknowledge",
            label="I have this in hand",
            form=forms.Form,
            run=_acknowledge,
            is_offered=lambda event: _practises() and bool(_open_alerts(event)),
        ),
        Act(
            name="assess",
            label="Sign what I make of it",
            form=event_forms.AssessmentForm,
            run=_assess,
            is_offered=lambda _: _practises(),
            initial=_drafted,
        ),
        Act(
            name="news",
            label="Note what came to be known",
            form=event_forms.NewsForm,
            run=_note_news,
            is_offered=lambda _: True,
        ),
        Act(
            name="follow-up",
            label="Have somebody find something out",
            form=event_forms.FollowUpForm,
            run=_set_follow_up,
            is_offered=lambda _: True,
            initial=_assignees,
        ),
        Act(
            name="end-clock",
            label="Sign that it was reported, or need not be",
            form=event_forms.ClockEndForm,
            run=_end_clock,
            is_offered=lambda event: _practises() and bool(_running_clocks(event)["clocks"]),
            initial=_running_clocks,
        ),
    )

    class Media:
        css = {"all": ("desk/events.css",)}

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[AdverseEvent]:
        """Return the events that somebody follows."""
        return queries.triage_queue(queries.followed_events(actor, at=at))

    def get_ordering(self, request: HttpRequest) -> Any:  # noqa: ARG002
        """Put serious ones first, then whoever has waited longest."""
        return [F("serious_now").desc(), "reported_at"]

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the report on paper."""
        view = self.admin_site.admin_view(self.report)
        return [path("<path:object_id>/report/", view, name=self._route("report")), *super().get_urls()]

    def report(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Hand out the report as a PDF, or say on the event's page what it lacks."""
        event = self.get_object(request, unquote(object_id)) if self.has_view_permission(request) else None
        if event is None or not _practises():
            raise Http404
        try:
            found = reports.final_report(event, at=clock.now())
        except IncompleteReport as problem:
            messages.error(request, " ".join([problem.detail, *(why.detail for why in problem.reasons)]))
            return redirect(reverse(f"admin:{self._route('change')}", args=[event.pk]))
        self._shown(event)
        return medwatch_pdf.answer(found.content, sha256=found.sha256)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show all that hangs on the event beside what can be done."""
        if (event := kwargs.get("obj")) is not None:
            at = clock.now()
            lacking = medwatch.missing(reports.draft(event, at=at).content)
            context |= {"file": event_file(event), "now": at, "may_sign": _practises(), "lacking": lacking}
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="patient")
    def about(self, event: AdverseEvent) -> str:
        """Show whose it is."""
        return f"{event.patient.legal_name}, born {event.patient.birth_on}"

    @admin.display(description="what happened")
    def told(self, event: AdverseEvent) -> str:
        """Show what a clinician calls it, or the first words of the report."""
        newest = _newest(event)
        words = newest.term if newest else event.description.strip() or "No words yet"
        return words if len(words) <= FIRST_WORDS else f"{words[:FIRST_WORDS]}…"

    @admin.display(description="seriousness", ordering="serious_now")
    def how_bad(self, event: AdverseEvent) -> SafeString:
        """Show whether it counts as serious, and whether somebody said why."""
        newest = _newest(event)
        if not event.serious_now:  # type: ignore[attr-defined]  # annotated
            return _mark("calm", "not serious")
        named = newest.seriousness if newest else event.seriousness
        why = ", ".join(name.replace("_", " ") for name in named)
        return _mark("alarm", f"Serious: {why}" if why else "Serious: nobody said not")

    @admin.display(description="waiting", ordering="reported_at")
    def waited(self, event: AdverseEvent) -> str:
        """Show how long it has waited for an assessment."""
        newest = _newest(event)
        if newest is not None:
            return f"assessed, {newest.get_outcome_display().lower()}"
        return timesince(event.reported_at, clock.now())

    @admin.display(description="treatment")
    def treatment(self, event: AdverseEvent) -> SafeString:
        """Show whether the patient's treatment stands still."""
        return _mark("held", "stands still") if event.is_held else _mark("calm", "may go on")  # type: ignore[attr-defined]

    @admin.display(description="call")
    def page(self, event: AdverseEvent) -> SafeString:
        """Show whether people are still called, or who has it in hand."""
        alert = _alert(event)
        if alert.status == AlertStatus.OPEN:
            return _mark("alarm", f"nobody answered; calls: {alert.pages_sent}")
        if alert.status == AlertStatus.CLOSED or alert.acknowledged_by is None:
            return _mark("calm", "closed")
        return _mark("held", f"in hand: {alert.acknowledged_by.clinician}")

    @admin.display(description="report due", ordering="due_next_at")
    def report_due(self, event: AdverseEvent) -> SafeString:
        """Show when the next report is due, or by how much it is late."""
        due_at = event.due_next_at  # type: ignore[attr-defined]
        return _mark("calm", "—") if due_at is None else _due(due_at)


class FollowUpList(ListFilter):
    """What is still to be found out, or others."""

    names = queries.FOLLOW_UP_LISTS

    def queryset(self, request: HttpRequest, queryset: QuerySet[FollowUp]) -> QuerySet[FollowUp]:  # noqa: ARG002
        """Narrow to the list chosen."""
        return queries.on_list(queryset, self.chosen(), actor=who_acts(), at=clock.now())


@admin.register(FollowUp)
class FollowUpAdmin(RoleAdmin):
    """What must still be found out about events, the first to be due first; ended here."""

    roles = frozenset({Role.CLINICIAN, Role.SAFETY_OFFICER})
    chart = "patient_id"
    list_display = ("about", "what", "by_whom", "due")
    list_filter = (FollowUpList,)
    list_per_page = 50
    ordering = ("due_at", "id")
    fields = (
        "about",
        "of_event",
        "what",
        "by_whom",
        "due",
        "set_at",
        "called_at",
        "ended_at",
        "end",
        "found",
    )
    acts = (
        Act(
            name="end",
            label="Say what was found out",
            form=event_forms.FollowUpEndForm,
            run=_end_follow_up,
            is_offered=lambda follow_up: follow_up.ended_at is None,
        ),
    )

    class Media:
        css = {"all": ("desk/events.css",)}

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[FollowUp]:
        """Return the follow-ups of the events that somebody follows."""
        return queries.follow_ups_for(actor, at=at)

    @admin.display(description="patient")
    def about(self, follow_up: FollowUp) -> str:
        """Show whose it is."""
        return f"{follow_up.patient.legal_name}, born {follow_up.patient.birth_on}"

    @admin.display(description="event")
    def of_event(self, follow_up: FollowUp) -> SafeString:
        """Lead to the event's page."""
        address = reverse("admin:safety_adverseevent_change", args=[follow_up.event_id])
        return format_html('<a href="{}">everything about the event</a>', address)

    @admin.display(description="by whom", ordering="assignee")
    def by_whom(self, follow_up: FollowUp) -> str:
        """Show who is to find it out."""
        return _name(follow_up.assignee)

    @admin.display(description="due", ordering="due_at")
    def due(self, follow_up: FollowUp) -> SafeString:
        """Show how long there is, or by how much it is late."""
        if follow_up.ended_at is not None:
            return _mark("calm", follow_up.get_end_display().lower())
        return _due(follow_up.due_at)


def _due(due_at: datetime) -> SafeString:
    at = clock.now()
    if due_at <= at:
        return _mark("alarm", f"late by {timesince(due_at, at)}")
    return _mark("held", f"in {timeuntil(due_at, at)}")


def _mark(kind: str, words: str) -> SafeString:
    return format_html('<span class="mark {}">{}</span>', kind, words)
