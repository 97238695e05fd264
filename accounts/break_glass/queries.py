"""Reads of what was opened by break-glass: one's own acts, those to review, those of one's own chart."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.models import BreakGlass
from core.actors import Actor
from core.encryption import decrypt

REVIEW_WITHIN = timedelta(hours=72)
REVIEW_STATES = ("due", "overdue", "done", "all")


def openings() -> QuerySet[BreakGlass]:
    """Return every opening, for privacy officers."""
    return BreakGlass.objects.select_related("user__clinician", "reviewed_by")


def to_review(state: str, *, at: datetime) -> QuerySet[BreakGlass]:
    """Return the openings on one of `REVIEW_STATES`; those that are overdue are due as well."""
    waiting = Q(reviewed_at=None)
    narrowed = {
        "due": waiting,
        "overdue": waiting & Q(starts_at__lte=at - REVIEW_WITHIN),
        "done": ~waiting,
        "all": Q(),
    }
    return openings().filter(narrowed[state])


def overdue_calls(*, at: datetime) -> list[UUID]:
    """Return the openings for whose review somebody is to be called now."""
    return list(BreakGlass.objects.filter(next_call_at__lte=at).order_by("id").values_list("id", flat=True))


def own_openings(actor: Actor) -> QuerySet[BreakGlass]:
    """Return what `actor` opened themselves."""
    return openings().filter(user_id=actor.id)


def openings_of_own_chart(actor: Actor) -> QuerySet[BreakGlass]:
    """Return who opened the chart of the signed-in person, and when."""
    return openings().filter(patient__user_id=actor.id)


def reason_of(opening: BreakGlass) -> str:
    """Return why a chart was opened, in the clinician's words."""
    return str(decrypt(opening.reason, place=reason_place(opening.pk)))


def note_of(opening: BreakGlass) -> str:
    """Return the reviewer's words; empty before the review."""
    return str(decrypt(opening.note, place=note_place(opening.pk))) if opening.note else ""


def reason_place(opening_id: UUID) -> str:
    """Return the place that a reason is encrypted for."""
    return f"accounts_breakglass.reason:{opening_id}"


def note_place(opening_id: UUID) -> str:
    """Return the place that a note is encrypted for."""
    return f"accounts_breakglass.note:{opening_id}"
