"""What a probe outside the clinic asks: would silence raise the alarm now?"""

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from core import clock
from core.acting import acting_as
from sessions import queries, rules, services
from sessions.enums import EscalationFault


@require_safe
def escalation(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Say whether silence would raise the alarm: 200 when it would, else 503; codes and nothing else."""
    faults = _faults()
    body = {"status": "failing", "reasons": faults} if faults else {"status": "ok"}
    return JsonResponse(body, status=503 if faults else 200, headers={"Cache-Control": "no-store"})


def _faults() -> list[EscalationFault]:
    """Look as the watch does: who asks is nobody, and to them the walls show no row at all."""
    try:
        with acting_as(services.WATCH):
            return rules.escalation_faults(queries.escalation_facts(at=clock.now()))
    except Error:
        return [EscalationFault.DATABASE_UNREACHABLE]
