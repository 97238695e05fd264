"""What help asks for about a session that runs: gathered for the snapshot, and read back from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value

from accounts.queries import visible_charts, within
from core.actors import Actor, ActorKind
from core.documents import digest
from core.encryption import decrypt
from core.errors import NotFound
from safety.profile.queries import health_facts
from safety.rules import age_on
from safety.screening.health import ClinicalStatus, HealthEntry
from sessions import errors
from sessions.models import (
    Dose,
    DoseOutcome,
    EmergencyPacket,
    Observation,
    TreatmentSession,
    UnattributedDose,
)
from sessions.queries.access import session_for
from sessions.queries.places import places

FORMAT = 2
"""Which fields a snapshot has; a change of them is a new number."""
READINGS = 10
DOSES = 20
"""How many of the newest; help reads the last ones."""
MEASURED = ("systolic_mmhg", "diastolic_mmhg", "heart_rate_bpm", "oxygen_saturation_pct")


@dataclass(frozen=True, slots=True)
class ReadPacket:
    """A snapshot as it was written; `is_intact` tells whether it still is what its hash was made of."""

    session: UUID
    patient_id: UUID
    version: int
    written_at: datetime
    sha256: str
    is_intact: bool
    snapshot: Mapping[str, Any]


def packet_for(actor: Actor, session_id: UUID, *, at: datetime) -> ReadPacket:
    """Return the newest packet of a session: for who may see the chart, or is called about that session.

    Raises `NotFound`, or `WrongSessionState` before the start to who may see the session.
    """
    row = _seen(actor, at=at).filter(session=session_id).order_by("-version").first()
    if row is None:
        raise _nothing(actor, session_id, at=at)
    return _opened(row)


def packet_of(actor: Actor, patient_id: UUID, *, at: datetime) -> ReadPacket:
    """Return the newest packet of a patient's sessions that `packet_for` would show; raises `NotFound`.

    For whoever is called: an alert names the patient, not always the session.
    """
    row = newest_packet(actor, patient_id, at=at)
    if row is None:
        raise NotFound
    return _opened(row)


def newest_packet(actor: Actor, patient_id: UUID, *, at: datetime) -> EmergencyPacket | None:
    """Return the row that `packet_of` would open, still closed: to point at, not to read."""
    return _seen(actor, at=at).filter(patient=patient_id).order_by("-written_at", "-version").first()


def _seen(actor: Actor, *, at: datetime) -> QuerySet[EmergencyPacket]:
    """Return the packets that `actor` may read: in charts they may see, or of sessions they are called about.

    Called (`guard.called_about`, by which the wall goes too): a practising clinician, on duty while the
    session runs or recovers, or where an alert from that time is not closed. One row of one table: nothing
    else of the chart opens.
    """
    who = actor.id if actor.kind == ActorKind.PERSON else None
    called = Func(
        F("session_id"), Value(who), Value(at), function="guard.called_about", output_field=BooleanField()
    )
    return EmergencyPacket.objects.filter(Q(within(visible_charts(actor, at=at), "patient_id")) | Q(called))


def _opened(row: EmergencyPacket) -> ReadPacket:
    snapshot = decrypt(bytes(row.details), place=place_of_packet(row.pk))
    return ReadPacket(
        session=row.session_id,
        patient_id=row.patient_id,
        version=row.version,
        written_at=row.written_at,
        sha256=row.sha256,
        is_intact=digest(snapshot) == row.sha256,
        snapshot=snapshot,
    )


def _nothing(actor: Actor, session_id: UUID, *, at: datetime) -> Exception:
    """Return why there is no packet: to who may not see the session, the same as for none."""
    try:
        session_for(actor, session_id, at=at)
    except NotFound as absent:
        return absent
    return errors.WrongSessionState("The emergency packet is written when the session starts.")


def told_in_emergency(session: TreatmentSession, *, at: datetime) -> dict[str, Any]:
    """Return what help asks for, as things stand at `at`, in plain JSON: null is not known, never none.

    Of a session that has started. Times in UTC, beside the zone that the patient lives by.
    """
    patient = session.enrollment.patient
    known = health_facts(patient.pk, enrollment_id=None, at=at)
    return {
        "format": FORMAT,
        "emergency_phone": settings.EMERGENCY_PHONE,
        "clinic_phone": settings.CLINIC_PHONE,
        "name": patient.legal_name,
        "birth_on": patient.birth_on.isoformat(),
        "age_years": age_on(patient.birth_on, today=at.date()),
        **_whereabouts(session),
        "timezone": session.timezone,
        "started_at": _moment(session.started_at),
        "ordered": _ordered(session),
        "doses": _doses(session),
        "outcomes": _outcomes(session),
        "readings": _readings(session),
        "conditions": _words(known.conditions),
        "medications": _words(known.medications),
        "allergies": _words(known.allergies),
        "pregnancy": known.pregnancy and str(known.pregnancy),
    }


def place_of_packet(packet_id: UUID) -> str:
    """Return the place that a packet's details are encrypted for."""
    return f"treatment_sessions_emergencypacket.details:{packet_id}"


def _whereabouts(session: TreatmentSession) -> dict[str, Any]:
    given = places(session)
    if not given:
        return {"place": None, "contact": None}
    place = given[0].place
    address = {
        "lines": list(place.address.lines),
        "city": place.address.city,
        "state": place.address.state,
        "postal_code": place.address.postal_code,
    }
    return {
        "place": {"address": address, "phone": place.phone, "given_at": _moment(given[0].given_at)},
        "contact": {"name": place.contact_name, "phone": place.contact_phone},
    }


def _ordered(session: TreatmentSession) -> dict[str, str] | None:
    """Return what the plan orders that the gate was passed by."""
    if session.gate is None:
        return None
    plan = session.gate.plan
    return {"route": plan.route, "dose_mg": _mg(plan.dose_mg)}


def _doses(session: TreatmentSession) -> list[dict[str, Any]]:
    """Return what was taken, by what is known or was said, earliest first; `is_sure` tells which."""
    said = UnattributedDose.objects.filter(session=session).order_by("-id")[:DOSES]
    rows: list[Dose | UnattributedDose] = [*Dose.objects.filter(session=session), *said]
    return [
        {
            "route": row.route,
            "dose_mg": _mg(row.dose_mg),
            "taken_at": _moment(row.taken_at),
            "is_sure": isinstance(row, Dose),
        }
        for row in sorted(rows, key=lambda row: row.taken_at)
    ]


def _outcomes(session: TreatmentSession) -> list[dict[str, Any]]:
    """Return what else was said of the dose: that it was refused, or came up again; once each."""
    told = DoseOutcome.objects.filter(session=session)
    return [{"kind": row.kind, "recorded_at": _moment(row.recorded_at)} for row in told]


def _readings(session: TreatmentSession) -> list[dict[str, Any]]:
    """Return the newest measurements, newest first; of a corrected one both versions, as for the gate."""
    measured = Q(*((f"{name}__isnull", False) for name in MEASURED), _connector=Q.OR)
    newest = Observation.objects.filter(measured, session=session).order_by("-observed_at", "-id")[:READINGS]
    return [
        {"observed_at": _moment(row.observed_at), **{name: getattr(row, name) for name in MEASURED}}
        for row in newest
    ]


def _words(entries: Sequence[HealthEntry] | None) -> list[str] | None:
    """Return what is listed in words, by its codes where it has none; what is over says so."""
    if entries is None:
        return None
    return [
        (entry.text or ", ".join(coding.code for coding in entry.codings) or "unnamed")
        + (f" ({entry.status})" if entry.status not in (None, ClinicalStatus.ACTIVE) else "")
        for entry in entries
    ]


def _mg(dose: Decimal) -> str:
    return f"{dose:.1f}"


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
