"""Where a session is on its day, so that help can find it."""

from dataclasses import asdict
from datetime import datetime

from core.actors import Actor
from core.database import atomic
from core.encryption import encrypt
from core.ids import new_id
from sessions import errors, queries, rules
from sessions.enums import BOOKED_STATUSES, LIVE_STATUSES
from sessions.models import SessionPlace, TreatmentSession
from sessions.rules import Place
from sessions.services.packet import keep_packet
from sessions.services.steps import lock, require_status


def give_place(session: TreatmentSession, *, place: Place, actor: Actor, at: datetime) -> SessionPlace:
    """Store where the patient is now, and whom else to call; what was said before stays to be read.

    Taken while a session runs too: the newest is where help goes. Locks the enrollment, then the session.
    Raises `NotAPlace` with every fault, or `WrongSessionState` once it is over.
    """
    if faults := rules.place_faults(place):
        raise errors.NotAPlace(errors=faults)
    with atomic():
        locked = lock(session)
        require_status(locked, (*BOOKED_STATUSES, *LIVE_STATUSES))
        place_id = new_id()
        details = asdict(place)
        details["address"] = {name: details["address"][name] for name in ("lines", "city", "postal_code")}
        given = SessionPlace.objects.create(
            id=place_id,
            session=locked,
            state=place.address.state,
            details=encrypt(details, place=queries.place_of_details(place_id)),
            given_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
        keep_packet(locked, at=at)
        return given
