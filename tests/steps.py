"""A patient's story, a step a function, each by the real service and the person who takes it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.models import Patient, User
from accounts.queries import current_clinician
from assessments import services as assessments
from assessments.instruments import instruments
from assessments.rules import answered_though_skipped
from core.actors import Actor
from programs import queries, rules, services
from programs.enums import EnrollmentStatus, Route
from programs.models import Enrollment
from programs.services import Agreement, PlanOrder
from safety import services as safety
from safety.enums import ReviewOutcome

HEALTHY: dict[str, Any] = {
    "pregnant": "no",
    "breastfeeding": "no",
    "high_blood_pressure": "no",
    "blood_pressure_readings": [
        {"systolic_mmhg": 118, "diastolic_mmhg": 76},
        {"systolic_mmhg": 116, "diastolic_mmhg": 74},
    ],
    "psychotic_disorder": "never",
    "mania": "never",
    "severe_personality_disorder": "no",
    "substance_use_disorder": "never",
    "opioid_use_disorder_ever": "no",
    "used_cocaine_heroin_meth_last_month": "no",
    "drug_treatment_ever": "no",
    "ketamine_allergy": "no",
    "aneurysm_or_avm": "no",
    "brain_haemorrhage_ever": "no",
    "heart_attack_ever": "no",
    "stroke_ever": "no",
    "heart_attack_or_stroke_last_6_weeks": "no",
    "heart_problem": "no",
    "overactive_thyroid": "no",
    "raised_brain_pressure": "no",
    "glaucoma": "no",
    "liver_disease": "no",
    "bladder_problems": "no",
    "seizures": "no",
    "sleep_apnoea_or_lung_disease": "no",
    "thinking_of_ending_life_now": "no",
    "suicide_plan_or_attempt_last_3_months": "no",
    "other_conditions": [],
    "current_medicines": [],
    "other_substances": [],
    "adult_can_be_present": "yes",
    "alcohol_or_drugs_today": "no",
    "fever_or_vomiting_today": "no",
    "sedating_or_stimulating_medicine_today": "no",
    "anything_else": "no",
    "ketamine_before": "no",
}
"""Everything a person is asked, answered with nothing to report; the age is read from the chart."""


def enrolled(patient: Patient, *, at: datetime) -> Enrollment:
    """The patient chooses the program of six."""
    return services.enroll(patient.user, program_slug="burnout-6", at=at)


def accepted(patient: Patient, *, at: datetime) -> Enrollment:
    """They answer the screening; their clinician accepts."""
    enrollment = enrolled(patient, at=at)
    screening = safety.screen(enrollment.pk, answers=HEALTHY, actor=Actor.person(patient.user_id), at=at)
    safety.review(
        screening.pk,
        outcome=ReviewOutcome.ACCEPTED,
        reason="Nothing speaks against it.",
        reviewer=clinician(patient),
        at=at,
    )
    enrollment.refresh_from_db()
    return enrollment


ORDER = PlanOrder(route=Route.SUBLINGUAL, dose_mg=Decimal("300.0"), session_count=6, min_days_between=7)


def planned(patient: Patient, *, at: datetime) -> Enrollment:
    """The clinician signs a plan."""
    enrollment = accepted(patient, at=at)
    services.sign_plan(enrollment.pk, order=ORDER, clinician=clinician(patient), at=at)
    enrollment.refresh_from_db()
    return enrollment


def active(patient: Patient, *, at: datetime) -> Enrollment:
    """The patient agrees to every text, if they have not long since; the baseline opens."""
    if treated := Enrollment.objects.filter(patient=patient, status=EnrollmentStatus.ACTIVE).first():
        assert treated.transitions.latest("at").at <= at, "treated since later: mark it `from_the_start`"
        return treated
    enrollment = planned(patient, at=at)
    agreements = [
        Agreement(document_id=document.pk, sha256=document.sha256)
        for document in queries.consent_documents(at=at)
    ]
    understood(enrollment, at=at)
    services.give_consent(enrollment.pk, agreements=agreements, patient_user=patient.user, at=at)
    enrollment.refresh_from_db()
    assessments.open_baseline(enrollment, at=at)
    return enrollment


def understood(enrollment: Enrollment, *, at: datetime) -> None:
    """The patient answers every question under every text as the text says."""
    for document in queries.consent_documents(at=at):
        if asked := rules.questions(document.content):
            answers = {question.key: question.right for question in asked}
            read = Agreement(document_id=document.pk, sha256=document.sha256)
            services.answer_questions(enrollment.pk, read=read, answers=answers, at=at)


def calm(code: str) -> dict[str, int]:
    """Return the lowest answer to everything that an instrument asks then."""
    instrument = instruments()[code]
    lowest = {key: min(item.values) for key, item in instrument.items.items()}
    skipped = {each.item for each in answered_though_skipped(instrument, lowest, among=lowest)}
    return {key: answer for key, answer in lowest.items() if key not in skipped}


def clinician(patient: Patient) -> User:
    """Return the clinician in whose care the patient is."""
    found = current_clinician(patient.pk)
    assert found is not None
    return found
