"""What admin pages are built on: they read through queries and act through services."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar
from uuid import UUID

from allauth.core.exceptions import ReauthenticationRequired
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse

from accounts import queries
from accounts.authentication import WHAT_TO_DO
from accounts.enums import FactorStep, Role
from accounts.models import User
from accounts.sign_ins import factor_step, is_recent
from core import clock
from core.actors import Actor
from core.errors import Problem
from core.looks import looked_at, refused

MAX_REASON = 4000


class ReasonForm(forms.Form):
    """Why, in the words of whoever acts."""

    reason = forms.CharField(max_length=MAX_REASON, widget=forms.Textarea(attrs={"rows": 4, "cols": 80}))


class ClinicSite(admin.AdminSite):
    """The admin, for staff who signed in by the sign-in library and showed a second factor.

    Its limits, its notices and its second factor hold here because there is no other door.
    """

    def has_permission(self, request: HttpRequest) -> bool:
        """Tell whether staff look who have shown their second factor."""
        return super().has_permission(request) and factor_step(request) is None

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Send to where the next thing is to be done: signing in, or the second factor."""
        here = request.GET.get(REDIRECT_FIELD_NAME, reverse("admin:index"))
        if not request.user.is_authenticated:
            return redirect_to_login(here, reverse("account_login"))
        if not super().has_permission(request):
            raise PermissionDenied
        step = factor_step(request)
        if step is None:
            return redirect("admin:index")
        messages.error(request, WHAT_TO_DO[step])
        if step == FactorStep.ENROLL:
            return redirect("mfa_index")
        return redirect_to_login(here, reverse("mfa_reauthenticate"))

    def password_change(  # type: ignore[override]  # no page is drawn
        self,
        request: HttpRequest,  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """Send to the library's page, which asks who it is and tells the owner."""
        return redirect("account_change_password")


@dataclass(frozen=True)
class Act:
    """Something that can be done on a row's page: a form, and the service call that it leads to.

    `run` gets the row, who acts, what the form holds and the time, and returns what to say then;
    a `Problem` that it raises is shown. `is_offered` hides the form where it would only be refused.
    """

    name: str
    label: str
    form: type[forms.Form]
    run: Callable[[Any, User, Mapping[str, Any], datetime], str]
    is_offered: Callable[[Any], bool]
    initial: Callable[[Any], Mapping[str, Any]] = lambda _: {}
    """What the form holds before anybody writes into it; it may take its choices from there."""


class RoleAdmin(admin.ModelAdmin[Any]):
    """Pages for whoever holds one of `roles` now: rows that `rows_for` gives them, to read and to act on.

    Being staff, or a superuser, opens nothing here.
    """

    roles: ClassVar[frozenset[Role]]
    chart: ClassVar[str]
    """The attribute of a row that leads to the chart it is part of."""
    acts: ClassVar[tuple[Act, ...]] = ()
    actions = None
    change_form_template = "accounts/clinician_page.html"

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[Any]:
        """Return what `actor` may see, by a query of the room."""
        raise NotImplementedError

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Narrow every page to the rows of whoever looks: another's is as absent as none."""
        return self.rows_for(Actor.person(_user(request).pk), at=clock.now())

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Tell whether somebody with such a role looks."""
        user = request.user
        if not (isinstance(user, User) and user.is_active and user.is_staff):
            return False
        return bool(self.roles & queries.roles_of(user.pk, at=clock.now()))

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Tell whether somebody with such a role looks; at which rows is `rows_for`'s business."""
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Refuse: rows are made by services."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Refuse: rows are changed by acts."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Refuse: nothing of a chart is deleted."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Add one address for acts; it takes POST alone."""
        view = self.admin_site.admin_view(self.act)
        route = "<path:object_id>/acts/<slug:name>/"
        return [path(route, view, name=self._route("act")), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """List rows; each chart that is on the page leaves a line in the audit trail."""
        response = super().changelist_view(request, extra_context)
        listed = getattr(response, "context_data", None) or {}
        if "cl" in listed:
            self._shown(*listed["cl"].result_list)
        return response

    def history_view(
        self,
        request: HttpRequest,  # noqa: ARG002
        object_id: str,  # noqa: ARG002
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> HttpResponse:
        """Have no such page: our pages write nothing there, the audit trail holds what was done."""
        raise Http404

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Send back to the list, as the framework does, with a line in the audit trail."""
        refused(what="admin", status=404, path=request.path)
        return super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[misc,no-any-return]

    def _shown(self, *rows: Any) -> None:
        self._charts_shown(*map(attrgetter(self.chart), rows))

    def _charts_shown(self, *charts: UUID) -> None:
        """Write down that whoever looks is shown these charts."""
        with transaction.atomic():
            looked_at(*charts, what=f"admin:{self.opts.model_name}")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the forms of the acts that are open on this row."""
        row = kwargs.get("obj")
        typed = context.get("typed", {})
        context["acts"] = [
            {
                "name": act.name,
                "label": act.label,
                "form": typed.get(act.name) or act.form(prefix=act.name, initial=dict(act.initial(row))),
                "url": reverse(f"admin:{self._route('act')}", args=[row.pk, act.name]),
            }
            for act in self.acts
            if row is not None and act.is_offered(row)
        ]
        response = super().render_change_form(request, context, *args, **kwargs)
        if row is not None:
            self._shown(row)
        return response

    def act(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Do what was asked by its service, and come back with what it said; refused, with what was typed."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        act = next((act for act in self.acts if act.name == name), None)
        row = self.get_object(request, unquote(object_id)) if self.has_view_permission(request) else None
        if act is None or row is None:
            raise Http404
        if not is_recent(request):
            raise ReauthenticationRequired  # the library asks who it is, then sends this form again
        form = act.form(request.POST, prefix=act.name, initial=dict(act.initial(row)))
        if self._run(act, row, form, request):
            # What was done may have taken the row from those that one sees: a chart handed over, say.
            still_there = self.get_object(request, unquote(object_id)) is not None
            page, at = ("change", [row.pk]) if still_there else ("changelist", [])
            return redirect(reverse(f"admin:{self._route(page)}", args=at))
        request.method = "GET"  # the page again: nobody has to type twice what was refused once
        return self.change_view(request, object_id, extra_context={"typed": {act.name: form}})

    def _run(self, act: Act, row: Any, form: forms.Form, request: HttpRequest) -> bool:
        """Tell whether it was done; what was wrong is said in messages."""
        if not form.is_valid():
            for field, faults in form.errors.items():
                messages.error(request, f"{_label(form, field)}: {' '.join(map(str, faults))}")
            return False
        try:
            with transaction.atomic():
                said = act.run(row, _user(request), form.cleaned_data, clock.now())
        except Problem as problem:
            said = " ".join(dict.fromkeys([problem.detail, *_whys(problem)]))
            messages.error(request, said)
            return False
        messages.success(request, said)
        return True

    def _route(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"


def _label(form: forms.Form, field: str) -> str:
    return str(form[field].label) if field in form.fields else "This does not fit together"


def _whys(problem: Problem) -> list[str]:
    return [why.detail for why in problem.reasons] + [fault.detail for fault in problem.errors]


class ClinicianAdmin(RoleAdmin):
    """Pages that a practising clinician alone sees."""

    roles = frozenset({Role.CLINICIAN})


def _user(request: HttpRequest) -> User:
    """Return who looks; only signed-in staff get this far."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user
