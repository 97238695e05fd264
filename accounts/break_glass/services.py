"""Writes: a clinician opens a chart in an emergency, it closes by itself, and somebody else reviews it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from accounts import errors, queries
from accounts.break_glass.queries import REVIEW_WITHIN, note_place, reason_place
from accounts.enums import BreakGlassFinding, BreakGlassPurpose
from accounts.models import BreakGlass, Patient, User
from core.acting import seeing_all_charts
from core.actors import Actor
from core.database import atomic
from core.encryption import encrypt
from core.errors import NotFound

LASTS = timedelta(minutes=60)
CALLED_AGAIN_AFTER = timedelta(hours=24)


@dataclass(frozen=True)
class Asked:
    """Whose chart somebody asks for, by what they know of the person, and why."""

    legal_name: str
    birth_on: date
    purpose: BreakGlassPurpose
    reason: str


def open_chart(clinician: User, *, asked: Asked, at: datetime) -> BreakGlass:
    """Let a clinician read the chart of exactly one person for an hour from `at` on.

    Nobody of that name and birth date, and oneself, are both `NotFound`. Raises `AskPrivacyOfficer` where
    there are several, and `ChartIsOpen`.
    """
    patient = _the_one(clinician, asked)
    if queries.visible_patients(Actor.person(clinician.pk), at=at).filter(pk=patient.pk).exists():
        raise errors.ChartIsOpen
    opening = BreakGlass(
        patient=patient,
        user=clinician,
        purpose=asked.purpose,
        starts_at=at,
        ends_at=at + LASTS,
        next_call_at=at + REVIEW_WITHIN,
    )
    opening.reason = encrypt(asked.reason, place=reason_place(opening.pk))
    opening.save(force_insert=True)
    return opening


def _the_one(clinician: User, asked: Asked) -> Patient:
    with seeing_all_charts():
        named = Patient.objects.filter(legal_name=asked.legal_name, birth_on=asked.birth_on)
        found = list(named.exclude(user=clinician).order_by("id")[:2])
    if not found:
        raise NotFound
    if len(found) > 1:
        raise errors.AskPrivacyOfficer
    return found[0]


def close_chart(opening: BreakGlass, *, at: datetime) -> BreakGlass:
    """End an opening before its hour is over; one that has ended stays as it is. Locks it."""
    with atomic():
        locked = _locked(opening)
        if at < locked.ends_at:
            locked.ends_at = max(at, locked.starts_at)
            locked.save(update_fields=["ends_at"])
        return locked


def review(
    opening: BreakGlass, *, finding: BreakGlassFinding, note: str, reviewer: User, at: datetime
) -> BreakGlass:
    """Record what a privacy officer found: once, and never about what they opened themselves. Locks it.

    Raises `OpeningReviewed` or `OwnOpening`.
    """
    with atomic():
        locked = _locked(opening)
        if locked.user_id == reviewer.pk:
            raise errors.OwnOpening
        if locked.reviewed_at is not None:
            raise errors.OpeningReviewed
        locked.finding, locked.reviewed_by, locked.reviewed_at = finding, reviewer, at
        locked.note = encrypt(note, place=note_place(locked.pk))
        locked.next_call_at = None
        locked.save(update_fields=["finding", "reviewed_by", "reviewed_at", "note", "next_call_at"])
        return locked


def claim_overdue(opening_id: UUID, *, at: datetime) -> BreakGlass | None:
    """Take the next call for an overdue review: one process each, until `CALLED_AGAIN_AFTER`."""
    due = BreakGlass.objects.filter(pk=opening_id, next_call_at__lte=at)
    opening = due.select_for_update(skip_locked=True, of=("self",)).first()
    if opening is not None:
        opening.next_call_at = at + CALLED_AGAIN_AFTER
        opening.save(update_fields=["next_call_at"])
    return opening


def _locked(opening: BreakGlass) -> BreakGlass:
    return BreakGlass.objects.select_for_update(of=("self",)).get(pk=opening.pk)
