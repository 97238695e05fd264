"""Who somebody is to a session they may see, and whether that lets them do this."""

from accounts.permissions import IsMonitor, IsPerson
from core.actors import Actor, ActorKind
from core.errors import NotAllowed
from sessions.models import TreatmentSession
from sessions.rules import Party

InSession = (IsPerson | IsMonitor,)
"""Somebody signed in, or the holder of a monitor's link; to which session, `queries` says."""


def party_of(actor: Actor, session: TreatmentSession) -> Party:
    """Return who `actor` is to a session that `queries.session_for` gave them."""
    if actor.kind == ActorKind.CAPABILITY:
        return Party.MONITOR
    return Party.PATIENT if str(session.enrollment.patient.user_id) == actor.id else Party.CLINICIAN


def require_party(actor: Actor, session: TreatmentSession, *allowed: Party) -> Party:
    """Return who `actor` is to the session; raises `NotAllowed` unless that is one of `allowed`."""
    party = party_of(actor, session)
    if party not in allowed:
        raise NotAllowed(f"This is for the {' or the '.join(allowed)} to do.")
    return party
