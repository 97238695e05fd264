"""What watches over somebody is never counted; everything else of ours is."""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from core.api import View
from core.quotas import NEVER_COUNTED, Quota
from safety.break_glass.views import BreakGlassLimit
from safety.views.screening import FitCheckLimit

COUNTED_IN_SAFETY = {
    "Me",
    "Explanation",
    "Comparisons",
    "PolicyFile",
    "PolicyFiles",
    "TreatmentPlans",
    "FitChecks",
    "ScreeningQuestions",
    "Screenings",
    "ScreeningDetail",
    "Handovers",
    "Memberships",
    "UnseenPatients",
    "IdentityChecks",
    "MonitoringQueries",
    "Openings",
    "Profile",
    "History",
    "Confirmations",
    "Imports",
}
"""What strangers ask, what clinicians read in lists, and what operators do."""
LIMITED = {"FitChecks": (FitCheckLimit,), "Openings": (Quota, BreakGlassLimit)}
"""What has a limit of its own."""
ANSWERS = {"AssessmentDetail", "AssessmentSubmission", "OfflineSubmissions"}
"""Forms in which somebody may say that they are in danger."""


def views(patterns: Any) -> Iterator[type[View]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            view: Any = getattr(pattern.callback, "cls", object)
            if issubclass(view, View):
                yield view


def faults(found: set[type[View]]) -> list[str]:
    wrong = []
    for view in found:
        room, name = view.__module__.split(".")[0], view.__name__
        free = room == "sessions" or (room == "safety" and name not in COUNTED_IN_SAFETY) or name in ANSWERS
        expected = NEVER_COUNTED if free else LIMITED.get(name, (Quota,))
        if tuple(view.throttle_classes) != expected:
            wrong.append(f"{room}.{name} is counted by {view.throttle_classes}")
    return wrong


def test_views_are_counted_as_said() -> None:
    found = set(views(get_resolver().url_patterns))
    assert len(found) >= 40
    assert faults(found) == []


def test_a_view_counted_wrongly_is_seen() -> None:
    class Sessions(View):
        __module__ = "sessions.views"

    class Programs(View):
        __module__ = "programs.views"
        throttle_classes = NEVER_COUNTED

    assert len(faults({Sessions, Programs})) == 2
