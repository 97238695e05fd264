"""Many people at once, written down row by row after one who has come there by the ordinary way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Model

from accounts.models import CareTeamMembership, Patient, User
from accounts.queries import current_clinician
from core.actors import Actor
from core.encryption import encrypt
from core.ids import new_id
from sessions import queries
from sessions.models import CheckInDeadline, TreatmentSession
from tests.sessions import stages

_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True)
class Live:
    """A session that has started, its monitor's link and its first deadline."""

    session: TreatmentSession
    monitor: Actor
    deadline: CheckInDeadline


def copied(row: _Row, **changed: object) -> _Row:
    """Return an unsaved copy of a row with an id of its own."""
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return type(row)(**values | {"id": new_id()} | changed)


def people(like: Patient, count: int, **changed: object) -> list[Patient]:
    """Store so many more patients in the care of the same clinician, and return them."""
    users = [copied(like.user, email=f"person{number}@example.org") for number in range(count)]
    patients = [copied(like, user_id=user.pk, **changed) for user in users]
    User.objects.bulk_create(users)
    EmailAddress.objects.bulk_create(
        EmailAddress(user=user, email=user.email, primary=True, verified=True) for user in users
    )
    Patient.objects.bulk_create(patients)
    care = CareTeamMembership.objects.get(patient=like, member=current_clinician(like.pk))
    CareTeamMembership.objects.bulk_create(copied(care, patient_id=patient.pk) for patient in patients)
    for patient, user in zip(patients, users, strict=True):
        patient.user = user
    return patients


def live_sessions(like: Patient, due_ats: Sequence[datetime], *, at: datetime) -> list[Live]:
    """Store as many running sessions as there are first deadlines, each of a patient of its own."""
    first, _ = stages.started(like, at=at)
    CheckInDeadline.objects.filter(session=first).update(waived_at=at)
    invitation = queries.links_of(first.pk).get()
    assert first.gate is not None
    made: list[Live] = []
    rows: list[tuple[Model, ...]] = []
    with transaction.atomic():
        for number, (patient, due_at) in enumerate(
            zip(people(like, len(due_ats)), due_ats, strict=True), start=1
        ):
            started_at = due_at - timedelta(minutes=15)
            enrollment = copied(first.enrollment, patient_id=patient.pk)
            session = copied(first, enrollment_id=enrollment.pk, started_at=started_at)
            gate = copied(first.gate, session_id=session.pk)
            session.gate_id = gate.pk
            link = copied(invitation.capability, target_id=session.pk, token_sha256=f"{number:064x}")
            asked = copied(invitation, session_id=session.pk, capability_id=link.pk)
            asked.address = encrypt(f"monitor{number}@example.org", place=queries.address_place(asked.pk))
            deadline = CheckInDeadline(session=session, due_at=due_at)
            rows.append((enrollment, session, gate, link, asked, deadline))
            made.append(Live(session, Actor.capability(link.pk), deadline))
        for column in zip(*rows, strict=True):
            type(column[0])._default_manager.bulk_create(column)
    return made
