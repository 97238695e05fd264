from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from core import heartbeats


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Say whether the parts work: 200 when all do, else 503; names the parts and nothing else.

    Worker, beat and watchdog count as alive by a fresh row that each wrote while doing its work.
    """
    parts = {"database": _works(_database), "redis": _works(_redis)}
    if parts["database"] == "ok":
        parts |= {pulse.name: "ok" if pulse.fresh else "silent" for pulse in heartbeats.pulses()}
    healthy = set(parts.values()) == {"ok"}
    body = {"status": "ok" if healthy else "failing", "parts": parts}
    return JsonResponse(body, status=200 if healthy else 503, headers={"Cache-Control": "no-store"})


def _works(probe: Callable[[], None]) -> str:
    try:
        probe()
    except (DatabaseError, RedisError, OSError):
        return "failing"
    return "ok"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    cache.get("healthz")


@require_safe
def problem_page(request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG001
    """Serve the page that explains a problem type, so that its `type` leads somewhere."""
    page = Path(settings.BASE_DIR) / "docs" / "problems" / f"{name}.md"
    if not page.is_file():
        raise Http404
    return HttpResponse(page.read_text(), content_type="text/markdown; charset=utf-8")


def absent(request: HttpRequest, *args: str) -> HttpResponse:  # noqa: ARG001
    """Answer as if there were nothing here: for what a library serves and we don't."""
    raise Http404
