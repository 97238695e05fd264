"""Who is on duty, and when nobody is."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from accounts import queries as accounts
from accounts.queries import one
from safety.roster import rules
from safety.roster.models import OnCallShift
from safety.roster.rules import Span

SHOWN_AHEAD = timedelta(days=7)


def standing(*, ends_after: datetime) -> QuerySet[OnCallShift]:
    """Return the shifts that were not called off and end after an instant."""
    shifts = OnCallShift.objects.filter(cancelled_at=None, ends_at__gt=ends_after)
    return shifts.select_related("user__clinician").order_by("starts_at", "id")


def shift(shift_id: UUID) -> OnCallShift:
    """Return one shift; raises `NotFound`."""
    return one(OnCallShift.objects.all(), shift_id)


def on_duty(*, at: datetime) -> set[UUID]:
    """Return who is on duty at `at` and practises: somebody who lost their role covers nothing."""
    shifts = standing(ends_after=at).filter(starts_at__lte=at, user__in=accounts.practising_at(at))
    return set(shifts.order_by().values_list("user_id", flat=True))


def cover(state: str, *, without: UUID, starts_at: datetime, ends_at: datetime) -> list[Span]:
    """Return when, between two instants, somebody is on call who may practise in a state.

    By the roster where one is kept, else everybody who practises: from the first instant to the last, and
    never the user `without`.
    """
    stays = accounts.practising_at(ends_at).values("pk")
    called = accounts.practising_at(starts_at).filter(pk__in=stays).exclude(pk=without)
    licensed = accounts.licensed_spans(state, users=called)
    if not _is_kept(at=starts_at):
        return [(begins, ends) for _, begins, ends in licensed]
    shifts = standing(ends_after=starts_at).filter(starts_at__lt=ends_at, user__in=called).order_by()
    on_duty = list(shifts.values_list("user_id", "starts_at", "ends_at"))
    return rules.both(licensed, on_duty)


def _is_kept(*, at: datetime) -> bool:
    """Tell whether a roster is kept: it has a shift, or had its last one less than a month ago."""
    return standing(ends_after=at - timedelta(days=30)).exists()


def gaps_ahead(*, at: datetime, ahead: timedelta) -> list[Span]:
    """Return when from `at` on nobody is on duty; none where no roster is kept, and so everybody is.

    A roster is kept once it has a shift, and until its last one is a month past.
    """
    if not _is_kept(at=at):
        return []
    shifts = standing(ends_after=at).filter(user__in=accounts.practising_at(at))
    spans = list(shifts.order_by().values_list("starts_at", "ends_at"))
    return rules.gaps(spans, starts_at=at, ends_at=at + ahead)
