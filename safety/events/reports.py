"""Gathers the report of an event from what was signed of it; nobody types one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from accounts.models import User
from accounts.queries import clinician_of
from accounts.rules import US
from core.acting import seeing_all_charts
from core.actors import Actor, ActorKind
from core.documents import digest
from safety.events import medwatch, naranjo, queries
from safety.events.enums import ActionTaken, EventOutcome
from safety.events.errors import IncompleteReport, NotTheNewest
from safety.events.medwatch import Case, Told
from safety.events.models import EventAssessment
from safety.models import AdverseEvent
from safety.profile.queries import health_facts
from safety.screening.health import HealthEntry, Vital


@dataclass(frozen=True)
class Report:
    """What is told to an authority; `sha256` is the hash of exactly that."""

    version: int
    content: dict[str, Any]

    @property
    def sha256(self) -> str:
        """Return the hash of the content."""
        return digest(self.content)


def final_report(event: AdverseEvent, *, version: int | None = None, at: datetime) -> Report:
    """Return the report of an event by its newest signed assessment.

    Raises `NotTheNewest` if another `version` is asked for, and `IncompleteReport` with each element that is
    missing.
    """
    found = draft(event, at=at)
    if version is not None and version != found.version:
        raise NotTheNewest
    if lacking := medwatch.missing(found.content):
        raise IncompleteReport(reasons=lacking)
    return found


def draft(event: AdverseEvent, *, at: datetime) -> Report:
    """Return what the report would say now, whole or not."""
    assessment = queries.newest_assessment(event)
    # Whoever answers for an event reports it, though they see no other part of the chart.
    with seeing_all_charts():
        case = _case(event, at=at)
    began_on = (event.onset_at or event.reported_at).astimezone(UTC).date()
    content = {
        "form": "Fields of FDA form 3500",
        "case": _received(event),
        "a_patient": medwatch.patient_block(case, on=began_on),
        "b_event": _event_block(event, assessment, case),
        "d_product": _product_block(assessment),
        "f_other_products": {"medicines": case.medicines, "allergies": case.allergies},
        "g_reporter": _reporter_block(assessment),
        "signed": _signed_block(assessment),
    }
    return Report(version=assessment.version if assessment else 0, content=content)


def _case(event: AdverseEvent, *, at: datetime) -> Case:
    patient = event.patient
    facts = health_facts(patient.pk, enrollment_id=None, at=at)
    weights = [fact for fact in facts.vitals if fact.vital == Vital.WEIGHT and fact.unit == "kg"]
    newest = max(weights, key=lambda fact: fact.measured_at, default=None)
    return Case(
        number=str(event.pk),
        legal_name=patient.legal_name,
        birth_on=patient.birth_on,
        weight_kg=newest.value if newest else None,
        conditions=_texts(facts.conditions),
        medicines=_texts(facts.medications),
        allergies=_texts(facts.allergies),
    )


def _texts(entries: tuple[HealthEntry, ...] | None) -> list[str] | None:
    return None if entries is None else [entry.text for entry in entries if entry.text]


def _received(event: AdverseEvent) -> dict[str, Any]:
    """C.1: when it was first known here, and when anything about it was last."""
    news = [told.aware_at for told in queries.news_of(event)]
    return {
        "number": str(event.pk),
        "first_received_at": min([event.reported_at, *news]).isoformat(),
        "most_recent_information_at": max([event.reported_at, *news]).isoformat(),
    }


def _event_block(event: AdverseEvent, assessment: EventAssessment | None, case: Case) -> dict[str, Any]:
    return {
        "began_at": event.onset_at.isoformat() if event.onset_at else None,
        "ended_at": event.ended_at.isoformat() if event.ended_at else None,
        "reported_at": event.reported_at.isoformat(),
        "narrative": medwatch.narrative(_told(event)),
        "history": case.conditions,
        **({} if assessment is None else _found(assessment)),
    }


def _found(assessment: EventAssessment) -> dict[str, Any]:
    score = assessment.naranjo_score
    return {
        "term": assessment.term,
        "meddra_code": assessment.meddra_code or None,
        "meddra_version": assessment.meddra_version or None,
        "is_serious": assessment.is_serious,
        "outcomes": medwatch.outcomes(assessment.seriousness),
        "grade": assessment.grade,
        "outcome": assessment.get_outcome_display(),
        "outcome_code": medwatch.OUTCOME_CODES[EventOutcome(assessment.outcome)],
        "causality": assessment.get_causality_display(),
        "naranjo_score": score,
        "naranjo_category": None if score is None else naranjo.category(score).label,
        "expectedness": assessment.get_expectedness_display(),
        "reference": f"{assessment.reference}, {assessment.reference_version}",
    }


def _told(event: AdverseEvent) -> list[Told]:
    by = _teller(event.actor, event)
    done = f" What was done: {event.action_taken.strip()}" if event.action_taken.strip() else ""
    told = [Told(event.reported_at, by, f"{event.description.strip()}{done}")]
    return told + [Told(one.noted_at, _teller(one.actor, event), one.text) for one in queries.news_of(event)]


def _teller(actor: Actor, event: AdverseEvent) -> str:
    if actor.kind == ActorKind.CAPABILITY:
        return "the adult who was there"
    if actor == Actor.person(event.patient.user_id):
        return "the patient"
    return "the clinic"


def _product_block(assessment: EventAssessment | None) -> dict[str, Any]:
    if assessment is None:
        return {}
    return {
        "role_code": medwatch.SUSPECT,
        **assessment.product,
        "action_taken": assessment.get_action_taken_display(),
        "action_code": medwatch.ACTION_CODES[ActionTaken(assessment.action_taken)],
        "dechallenge": assessment.get_dechallenge_display(),
        "rechallenge": assessment.get_rechallenge_display(),
    }


def _reporter_block(assessment: EventAssessment | None) -> dict[str, Any]:
    if assessment is None:
        return {}
    signer: User = assessment.signature.signer
    clinician = clinician_of(signer.pk)
    return {
        "name": assessment.signature.signer_name,
        "profession": clinician.get_profession_display() if clinician else "",
        "qualification_code": medwatch.qualification_code(clinician.profession if clinician else ""),
        "country": US,
        "phone": settings.CLINIC_PHONE,
    }


def _signed_block(assessment: EventAssessment | None) -> dict[str, Any]:
    if assessment is None:
        return {}
    signature = assessment.signature
    intact = queries.is_intact(assessment)
    return {
        "version": assessment.version,
        "name": signature.signer_name,
        "meaning": signature.meaning,
        "at": signature.signed_at.isoformat(),
        "document_sha256": signature.document_sha256 if intact else None,
    }
