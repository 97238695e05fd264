"""Where a session is on its day."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.rules import US, Address
from core.encryption import decrypt
from sessions.enums import SessionEvent
from sessions.models import SessionPlace, SessionTransition, TreatmentSession
from sessions.rules import Place

SHOWN_AT_MOST = 20


@dataclass(frozen=True, slots=True)
class GivenPlace:
    """A place with what was encrypted of it, and since when it is known."""

    id: UUID
    place: Place
    given_at: datetime


def place_row(session: TreatmentSession) -> SessionPlace | None:
    """Return the newest place that was given for the booking as it stands, if there is one."""
    return _given(session).first()


def places(session: TreatmentSession) -> list[GivenPlace]:
    """Return the places that were given for the booking as it stands, the newest first: where help goes."""
    return [_opened(row) for row in _given(session)[:SHOWN_AT_MOST]]


def _given(session: TreatmentSession) -> QuerySet[SessionPlace]:
    """Return what was said since the last move, before which it was for another time, newest first.

    Both are written under the session's lock, so that their ids tell which came first.
    """
    given = session.places.order_by("-pk")
    moved = last_move(session)
    return given.filter(pk__gt=moved.pk) if moved else given


def _opened(row: SessionPlace) -> GivenPlace:
    details = decrypt(bytes(row.details), place=place_of_details(row.pk))
    address = Address(
        lines=tuple(details["address"]["lines"]),
        city=details["address"]["city"],
        state=row.state,
        postal_code=details["address"]["postal_code"],
        country=US,
        starts_on=row.given_at.date(),
    )
    place = Place(address, details["phone"], details["contact_name"], details["contact_phone"])
    return GivenPlace(row.pk, place, row.given_at)


def place_of_details(place_id: UUID) -> str:
    """Return the place that a session's place is encrypted for."""
    return f"treatment_sessions_sessionplace.details:{place_id}"


def last_move(session: TreatmentSession) -> SessionTransition | None:
    """Return the step by which a booking was last moved to another time, if it was."""
    return session.transitions.filter(event=SessionEvent.RESCHEDULED).order_by("-id").first()
