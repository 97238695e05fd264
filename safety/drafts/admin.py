"""Where the next screening policy is drafted: a form for each rule, and what is wrong beside its field."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods, require_safe

from accounts.admin import Act, RoleAdmin
from accounts.models import User
from accounts.permissions import SignsPolicies
from core import clock
from core.acting import who_acts
from core.actors import Actor
from core.errors import Problem, Stale
from safety.drafts import conditions, queries, services
from safety.drafts.forms import (
    LEVELS,
    BeginForm,
    HeadForm,
    PartForms,
    PutUpForm,
    RuleForm,
    VersionForm,
    as_lines,
    part_rows,
    parts_of,
)
from safety.drafts.models import PolicyDraft
from safety.screening.files import write_policy
from safety.screening.policy import Level
from safety.screening.tables import PolicyError

NEW = "new"
UP_TO_CONDITION = 3
"""How many fields of a rule stand above its condition: its name, what it does, how the rows are joined."""
HEAD = ("version", "title", "note")


def _put_up(draft: PolicyDraft, by: User, said: Mapping[str, Any], at: datetime) -> str:
    document = services.put_up(draft, version=said["read"], not_before=said["not_before"], by=by, at=at)
    return f"Version {document.version} can be read and signed now, under policies, by two people."


def _put_aside(draft: PolicyDraft, by: User, said: Mapping[str, Any], at: datetime) -> str:
    services.put_aside(draft, version=said["read"], by=by, at=at)
    return "Put aside. It can still be read, and nobody changes it any more."


def _drop_unused(draft: PolicyDraft, by: User, said: Mapping[str, Any], at: datetime) -> str:
    dropped = services.drop_unused(draft, version=said["read"], by=by, at=at)
    return f"Taken out: {', '.join(dropped)}." if dropped else "Some rule looks at each of them."


def _is_open(draft: PolicyDraft) -> bool:
    return draft.closed_at is None


def _read(draft: PolicyDraft) -> dict[str, Any]:
    return {"read": draft.version}


@admin.register(PolicyDraft)
class PolicyDraftAdmin(RoleAdmin):
    """Drafts of the screening policy, for those who sign policies."""

    roles = SignsPolicies.roles
    list_display = ("__str__", "state", "changed_by_name", "changed_at")
    fields = ()
    change_form_template = "safety/policy_draft.html"
    change_list_template = "safety/policy_drafts.html"
    acts = (
        Act(
            name="put-up",
            label="Put up to be signed",
            form=PutUpForm,
            run=_put_up,
            is_offered=lambda draft: _is_open(draft) and not queries.draft_faults(draft),
            initial=_read,
        ),
        Act(
            name="drop-unused",
            label="Take out questions and code groups that no rule looks at",
            form=VersionForm,
            run=_drop_unused,
            is_offered=_is_open,
            initial=_read,
        ),
        Act(
            name="put-aside",
            label="Put this draft aside",
            form=VersionForm,
            run=_put_aside,
            is_offered=_is_open,
            initial=_read,
        ),
    )

    def rows_for(self, actor: Actor, *, at: datetime) -> QuerySet[PolicyDraft]:  # noqa: ARG002
        """Return every draft."""
        return queries.drafts()

    def _shown(self, *rows: Any) -> None:
        """Leave no line of a look: a policy is in nobody's chart."""

    @admin.display(description="state")
    def state(self, draft: PolicyDraft) -> str:
        """Show whether it is still written at."""
        if draft.became is not None:
            return f"put up to be signed as version {draft.became.version}"
        return "open" if _is_open(draft) else "put aside"

    @admin.display(description="changed by")
    def changed_by_name(self, draft: PolicyDraft) -> str:
        """Show who saved it last."""
        return str(getattr(draft.changed_by, "clinician", None) or "somebody who works here")

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that drafts are written on."""
        pages: list[tuple[str, str, Callable[..., HttpResponse]]] = [
            ("begin/", "begin", require_http_methods(["GET", "POST"])(self.begin)),
            ("<uuid:object_id>/head/", "head", require_http_methods(["GET", "POST"])(self.head)),
            ("<uuid:object_id>/file/", "file", require_safe(self.file)),
            ("<uuid:object_id>/rules/<slug:key>/", "rule", require_http_methods(["GET", "POST"])(self.rule)),
        ]
        wrap = self.admin_site.admin_view
        ours = [path(route, wrap(view), name=self._route(name)) for route, name, view in pages]
        return [*ours, *super().get_urls()]

    # --- pages -------------------------------------------------------------------------------------------

    def begin(self, request: HttpRequest) -> HttpResponse:
        """Begin a draft."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = BeginForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            from_example = form.cleaned_data["source"] == "example"
            draft = services.begin_draft(from_example=from_example, by=_user(request), at=clock.now())
            if draft.began_from is None and not from_example:
                messages.warning(request, "No version is in force: this draft begins from the example.")
            return self._to(draft)
        fields: list[Any] = [(field, []) for field in form.visible_fields()]
        title = "Begin a draft of the screening policy"
        context = {"title": title, "form": form, "fields": fields, "button": "Begin"}
        return self._page(request, "safety/policy_draft_form.html", context)

    def head(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Change what the policy says of itself."""
        draft = self._draft(request, object_id)
        if request.method == "POST":
            return self._head_posted(request, draft)
        form = HeadForm(initial={name: draft.head.get(name, "") for name in HEAD} | _read(draft))
        return self._head_page(request, draft, form, faults=queries.draft_faults(draft))

    def _head_posted(self, request: HttpRequest, draft: PolicyDraft) -> HttpResponse:
        form = HeadForm(request.POST)
        if not form.is_valid():
            return self._head_page(request, draft, form)
        said = {name: form.cleaned_data[name] for name in HEAD}
        said |= {name: as_lines(said[name]) for name in ("title", "note")}
        read = form.cleaned_data["read"]
        try:
            services.save_head(draft, version=read, said=said, by=_user(request), at=clock.now())
        except Problem as problem:
            status = self._refused(request, problem)
            return self._head_page(request, draft, HeadForm(_reread(request, draft)), status=status)
        messages.success(request, "Saved.")
        return self._to(draft)

    def _head_page(
        self,
        request: HttpRequest,
        draft: PolicyDraft,
        form: HeadForm,
        *,
        faults: list[PolicyError] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        wrong = {fault.place: [fault.problem] for fault in faults or []}
        context = {
            "title": f"{draft}: what it says of itself",
            "draft": draft,
            "form": form,
            "fields": [(field, wrong.get(field.name, [])) for field in form.visible_fields()],
            "now": write_policy({name: draft.head[name] for name in HEAD}) if status == Stale.status else "",
            "button": "Save" if _is_open(draft) else "",
        }
        return self._page(request, "safety/policy_draft_form.html", context, status=status)

    def file(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Hand out the draft as a file, as an import would take it."""
        draft = self._draft(request, object_id)
        name = f"screening-policy-draft-{draft.version}.toml"
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        text = write_policy(queries.content_of(draft))
        return HttpResponse(text, content_type="application/toml", headers=disposition)

    def rule(self, request: HttpRequest, object_id: Any, key: str) -> HttpResponse:
        """Change one rule, add it, or take it out."""
        draft = self._draft(request, object_id)
        before = {} if key == NEW else queries.rule_of(draft, key)
        if request.method == "POST":
            return self._rule_posted(request, draft, key, before)
        if before is None:
            raise Http404
        form = RuleForm(initial={"level": Level.REVIEW, **RuleForm.shown(before), **_read(draft)})
        _, parts = conditions.taken_apart(before.get("when", {}))
        rows = PartForms(
            prefix="part", initial=part_rows(parts), form_kwargs={"looks_at": self._subjects(draft)}
        )
        faults = [] if key == NEW else queries.of_rule(draft, key, queries.draft_faults(draft))
        return self._rule_page(request, draft, key, form, rows, faults=faults)

    def _rule_posted(
        self, request: HttpRequest, draft: PolicyDraft, key: str, before: Mapping[str, Any] | None
    ) -> HttpResponse:
        form = RuleForm(request.POST)
        rows = PartForms(request.POST, prefix="part", form_kwargs={"looks_at": self._subjects(draft)})
        goes = "remove" in request.POST and key != NEW
        if not self._reads(VersionForm(request.POST) if goes else form, rows):
            return self._rule_page(request, draft, key, form, rows)
        try:
            if goes:
                return self._remove(request, draft, key)
            saved = self._save(request, draft, key, before or {}, form, rows)
        except Problem as problem:
            status = self._refused(request, problem)
            form = RuleForm(_reread(request, draft))
            return self._rule_page(request, draft, key, form, rows, status=status)
        draft = queries.drafts().get(pk=draft.pk)
        if queries.of_rule(draft, saved, queries.draft_faults(draft)):
            messages.warning(request, "Saved as it is. What is still to be mended stands beside its field.")
            return redirect(reverse(f"admin:{self._route('rule')}", args=[draft.pk, saved]))
        messages.success(request, "Saved.")
        return self._to(draft)

    @staticmethod
    def _reads(form: VersionForm, rows: Any) -> bool:
        """Tell whether what was typed can be kept as a rule, right or wrong."""
        if not isinstance(form, RuleForm):
            return form.is_valid()
        if not (form.is_valid() & rows.is_valid()):
            return False
        if form.cleaned_data["joined"] == conditions.ONE and len(parts_of(rows)) > 1:
            form.add_error("joined", 'There is more than one row: choose "any" or "all".')
        return form.is_valid()

    def _remove(self, request: HttpRequest, draft: PolicyDraft, key: str) -> HttpResponse:
        form = VersionForm(request.POST)
        form.is_valid()
        read = form.cleaned_data["read"]
        services.remove_rule(draft, version=read, key=key, by=_user(request), at=clock.now())
        messages.success(request, "Taken out.")
        return self._to(draft)

    @staticmethod
    def _save(
        request: HttpRequest,
        draft: PolicyDraft,
        key: str,
        before: Mapping[str, Any],
        form: RuleForm,
        rows: Any,
    ) -> str:
        when = conditions.put_together(form.cleaned_data["joined"], parts_of(rows))
        return services.save_rule(
            draft,
            version=form.cleaned_data["read"],
            key=None if key == NEW else key,
            rule=form.written(before, when),
            by=_user(request),
            at=clock.now(),
        )

    def _rule_page(
        self,
        request: HttpRequest,
        draft: PolicyDraft,
        key: str,
        form: RuleForm,
        rows: Any,
        *,
        faults: list[tuple[str, str]] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        before = (queries.rule_of(draft, key) or {}) if key != NEW else {}
        of_fields, of_rows, of_whole = _placed(faults or [], form, before)
        fields = [(field, of_fields.get(field.name, [])) for field in form.visible_fields()]
        content = queries.content_of(draft)
        context = {
            "title": "A new rule" if key == NEW else f"Rule {before.get('id', '')}",
            "draft": draft,
            "form": form,
            "first": fields[:UP_TO_CONDITION],
            "rest": fields[UP_TO_CONDITION:],
            "rows": rows,
            "parts": [(part, of_rows.get(index, [])) for index, part in enumerate(rows.forms)],
            "faults": of_whole,
            "words": conditions.words(content),
            "is_new": key == NEW,
            "is_open": _is_open(draft),
            "now": write_policy(before) if status == Stale.status else "",
        }
        return self._page(request, "safety/policy_draft_rule.html", context, status=status)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show a draft's rules in order, and all that keeps it from being put up."""
        draft = kwargs["obj"]
        faults = queries.draft_faults(draft)
        keys = [queries.rule_key_at(draft, fault) for fault in faults]
        context |= {
            "title": str(draft),
            "draft": draft,
            "is_open": _is_open(draft),
            "state": self.state(draft),
            "last_change": queries.who_changed(draft),
            "whole": [fault for fault, key in zip(faults, keys, strict=True) if key is None],
            "count": len(faults),
            "listed": [
                {
                    "key": entry["key"],
                    "rule": entry["rule"],
                    "level": _level(entry["rule"]),
                    "faults": [fault for fault, key in zip(faults, keys, strict=True) if key == entry["key"]],
                }
                for entry in draft.rules
            ],
        }
        return super().render_change_form(request, context, *args, **kwargs)

    # --- what they share ---------------------------------------------------------------------------------

    def _draft(self, request: HttpRequest, object_id: Any) -> PolicyDraft:
        if not self.has_view_permission(request):
            raise PermissionDenied
        draft = self.rows_for(who_acts(), at=clock.now()).filter(pk=object_id).first()
        if draft is None:
            raise Http404
        return draft

    def _to(self, draft: PolicyDraft) -> HttpResponseRedirect:
        return redirect(reverse(f"admin:{self._route('change')}", args=[draft.pk]))

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200
    ) -> HttpResponse:
        whole = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, template, whole, status=status)

    @staticmethod
    def _refused(request: HttpRequest, problem: Problem) -> int:
        stale = " Below is what you typed: saved again, it takes the place of what is there now."
        messages.error(request, problem.detail + (stale if isinstance(problem, Stale) else ""))
        return problem.status

    @staticmethod
    def _subjects(draft: PolicyDraft) -> list[tuple[str, list[tuple[str, str]]]]:
        return conditions.subjects(queries.content_of(draft))


def _user(request: HttpRequest) -> User:
    """Return who writes; only signed-in staff get this far."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _reread(request: HttpRequest, draft: PolicyDraft) -> QueryDict:
    """Return what was sent, to be sent again on top of what the draft is now."""
    typed = request.POST.copy()
    typed["read"] = str(draft.version)
    return typed


def _level(rule: Mapping[str, Any]) -> str:
    level = rule.get("level", "")
    return LEVELS[Level(level)].partition(":")[0] if level in list(Level) else str(level)


def _placed(
    faults: list[tuple[str, str]], form: RuleForm, rule: Mapping[str, Any]
) -> tuple[dict[str, list[str]], dict[int, list[tuple[str, str]]], list[str]]:
    """Return a rule's faults by field, by row of its condition with the column, and those of the whole."""
    fields: dict[str, list[str]] = {}
    rows: dict[int, list[tuple[str, str]]] = {}
    whole = []
    for place, problem in faults:
        # Of the rule as a whole, and about one field: it begins with that field's name.
        name, _, below = (place or problem.partition(" ")[0]).partition(".")
        found = conditions.place_in(rule["when"], below) if name == "when" else None
        if found is not None:
            rows.setdefault(found[0], []).append((found[1], problem))
        elif name == "when":
            fields.setdefault("joined", []).append(problem)
        elif name in form.fields:
            fields.setdefault(name, []).append(problem)
        else:
            whole.append(problem)
    return fields, rows, whole
