"""The page behind a monitor's link, and what keeps it on their phone: no chart, the same for everybody."""

import hashlib
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

from core import clock
from programs.enums import Route
from sessions import queries
from sessions.enums import Alertness

PAGE = "sessions/monitor.html"
WORKER = "sessions/monitor_worker.js"
FILES = ("sessions/monitor.css", "sessions/monitor.js", "sessions/monitor_store.js")


@require_safe
def monitor_page(request: HttpRequest) -> HttpResponse:
    """Show the page: whom to call, before anything else; the link's token stays in the fragment."""
    return _asked_for_anew(render(request, PAGE, _words()))


@require_safe
def monitor_worker(request: HttpRequest) -> HttpResponse:
    """Serve the script that keeps the page on the phone; another text or file makes it another script."""
    parts = [render_to_string(PAGE, _words()), *(_content(file) for file in FILES)]
    version = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    files = {"version": version, "page": reverse("monitor-page"), "files": [static(file) for file in FILES]}
    return _asked_for_anew(render(request, WORKER, files, content_type="text/javascript; charset=utf-8"))


def _asked_for_anew(answer: HttpResponse) -> HttpResponse:
    """Let browsers ask each time whether this is still what holds; what the worker keeps is another thing."""
    answer["Cache-Control"] = "no-cache"
    return answer


def _words() -> dict[str, Any]:
    shown = queries.emergency_shown(at=clock.now())
    return {
        "call_first": shown.call_first,
        "signs": shown.signs,
        "emergency_phone": settings.EMERGENCY_PHONE,
        "clinic_phone": settings.CLINIC_PHONE,
        "crisis_phone": settings.CRISIS_PHONE,
        "routes": Route.choices,
        "alertness": [(value, label.capitalize()) for value, label in Alertness.choices],
    }


def _content(file: str) -> str:
    found = finders.find(file)
    if not isinstance(found, str):
        raise FileNotFoundError(file)
    return Path(found).read_text()
