"""Who has been asked and reminded, and has not answered: a person looks after them then."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from accounts import queries as accounts
from accounts.enums import Role
from accounts.queries import Charts, charts_in_care, within
from assessments.models import Assessment
from assessments.queries import guards_safety
from assessments.schedule import ANSWERED_IN
from core.actors import Actor
from notifications import messages
from notifications import services as notifications
from notifications.enums import MessageKind
from notifications.ladders import ladders
from programs.models import Enrollment, Pause

TOLD_WITHIN = timedelta(days=14)
"""How long after it began a silence is told: a clinic that updates isn't told of all that is past."""
NEWS_LIFE = timedelta(days=7)


def silent(*, at: datetime, charts: Charts | None = None) -> QuerySet[Any]:
    """Return the enrollments with something unanswered past all reminders, of some charts or of all.

    `since` is when the oldest of it fell due. Not who has left or finished otherwise: they said so. Nor who
    has paused, but for what guards their safety: of that they are reminded all the same. Whoever refused
    reminders is among them: nobody else would ask. A form that has closed meanwhile counts until
    `TOLD_WITHIN` is over; what guards somebody's safety as long as it is open, too.
    """
    latest = at - ladders().silent_after
    paused = Pause.objects.filter(enrollment=OuterRef("enrollment"), resumed_at=None)
    is_lately = Q(due_at__gt=latest - TOLD_WITHIN)
    unanswered = Assessment.objects.filter(
        ~Exists(paused) & is_lately | guards_safety() & (is_lately | Q(closes_at__gt=at)),
        enrollment=OuterRef("pk"),
        submitted_at=None,
        due_at__lte=latest,
    )
    found = Enrollment.objects.filter(status__in=ANSWERED_IN)
    if charts is not None:
        found = found.filter(within(charts, "patient_id"))
    since = Subquery(unanswered.order_by("due_at").values("due_at")[:1])
    known = found.annotate(since=since).filter(since__isnull=False)
    return known.select_related("patient").order_by("since", "id")


def silent_in_care(actor: Actor, *, at: datetime) -> QuerySet[Any]:
    """Return those of them who are in a clinician's care."""
    return silent(at=at, charts=charts_in_care(actor, at=at))


def tell_of_silence(*, at: datetime) -> int:
    """Tell who looks after each silent person, once for each thing they did not answer; return how many.

    Without anybody who does, whoever runs the clinic is told. May run twice, and at once elsewhere.
    """
    found = list(silent(at=at))
    for enrollment in found:
        told = accounts.caring_for(enrollment.patient_id, at=at) or accounts.holders(Role.OPERATOR, at=at)
        for user in told:
            notifications.schedule(
                MessageKind.NEWS,
                dedupe_key=f"silent:{enrollment.pk}:{enrollment.since:%Y%m%dT%H%M}:{user.pk}",
                user=user,
                due_at=at,
                expires_at=at + NEWS_LIFE,
                words={"link": messages.link("waiting")},
            )
    return len(found)
