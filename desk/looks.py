"""Who looked at a chart, in words for the patient whose it is."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.models import Clinician, Patient
from core.actors import Actor, ActorKind
from core.looks import looks_at
from sessions.models import MonitorInvitation

ROLES = {
    "own": "patient",
    "care": "clinician",
    "on_call": "clinician",
    "break_glass": "clinician",
    "safety": "safety officer",
    "guide": "guide",
    "assigning": "staff",
    "link": "monitor",
    "process": "system",
}
"""What somebody was when they looked, by why they were let."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look; `who` is empty for somebody without a name on file."""

    number: int
    at: datetime
    who: str
    role: str
    what: str
    why: str


def looks(
    patient: Patient, *, with_own: bool, before: int | None = None, limit: int | None = None
) -> list[Seen]:
    """Return who looked at a patient's chart, newest first, and their own looks too if asked."""
    own = Actor.person(patient.user_id)
    found = looks_at(patient.pk, but_of=None if with_own else own, before=before, limit=limit)
    names = _names({look.actor for look in found}) | {own: patient.preferred_name or patient.legal_name}
    return [
        Seen(
            number=look.number,
            at=look.at,
            who=names.get(look.actor, ""),
            role=ROLES.get(look.why, "staff"),
            what=look.what,
            why=look.why,
        )
        for look in found
    ]


def _names(actors: set[Actor]) -> dict[Actor, str]:
    people = [UUID(actor.id) for actor in actors if actor.kind == ActorKind.PERSON]
    links = [UUID(actor.id) for actor in actors if actor.kind == ActorKind.CAPABILITY]
    clinicians = Clinician.objects.filter(user__in=people)
    monitors = MonitorInvitation.objects.filter(capability__in=links)
    return {Actor.person(row.user_id): str(row) for row in clinicians} | {
        Actor.capability(row.capability_id): row.first_name for row in monitors
    }
