from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Patient
from accounts.queries import own_chart, patients_in_care, visible_patients
from core import documents
from core.actors import Actor
from core.enums import DocumentKind
from core.errors import NotFound
from core.models import DocumentVersion
from programs.enums import ConsentKind
from programs.models import Consent, Enrollment, EnrollmentTransition, Program, TreatmentPlan


def offered_programs() -> QuerySet[Program]:
    """Return the programs that can be chosen, shortest first."""
    return Program.objects.filter(is_offered=True)


def enrollments_for(actor: Actor, *, at: datetime) -> QuerySet[Enrollment]:
    """Return the enrollments in charts that `actor` may see."""
    return _enrollments_of(visible_patients(actor, at=at))


def enrollment_for(actor: Actor, enrollment_id: UUID, *, at: datetime) -> Enrollment:
    """Return one enrollment that `actor` may see; somebody else's is as absent as none (`NotFound`)."""
    return _one(enrollments_for(actor, at=at), enrollment_id)


def own_enrollment(actor: Actor, enrollment_id: UUID) -> Enrollment:
    """Return one's own enrollment, for what only the patient does; raises `NotFound`."""
    return _one(_enrollments_of(own_chart(actor)), enrollment_id)


def enrollment_in_care(actor: Actor, enrollment_id: UUID, *, at: datetime) -> Enrollment:
    """Return an enrollment in one's care, for what only a clinician does; raises `NotFound`."""
    return _one(enrollments_in_care(actor, at=at), enrollment_id)


def enrollments_in_care(actor: Actor, *, at: datetime) -> QuerySet[Enrollment]:
    """Return the enrollments of the patients in one's care."""
    return _enrollments_of(patients_in_care(actor, at=at))


def _enrollments_of(patients: QuerySet[Patient]) -> QuerySet[Enrollment]:
    return Enrollment.objects.filter(patient__in=patients).select_related("patient", "program")


def _one(found: QuerySet[Enrollment], enrollment_id: UUID) -> Enrollment:
    enrollment = found.filter(pk=enrollment_id).first()
    if enrollment is None:
        raise NotFound
    return enrollment


def current_plan(enrollment_id: UUID) -> TreatmentPlan | None:
    """Return the newest signed plan."""
    plans = TreatmentPlan.objects.filter(enrollment_id=enrollment_id).select_related("signature")
    return plans.order_by("-version").first()


def consent_documents(*, at: datetime) -> list[DocumentVersion]:
    """Return the texts that are to be agreed to now."""
    return [documents.in_force(DocumentKind(kind), at=at) for kind in ConsentKind]


def consents_missing(enrollment_id: UUID, *, at: datetime) -> list[DocumentVersion]:
    """Return the texts in force that this enrollment has not agreed to in their present version."""
    agreed = set(Consent.objects.filter(enrollment_id=enrollment_id).values_list("document_id", flat=True))
    return [document for document in consent_documents(at=at) if document.pk not in agreed]


def transitions(enrollment_id: UUID) -> QuerySet[EnrollmentTransition]:
    """Return the enrollment's history, oldest first."""
    return EnrollmentTransition.objects.filter(enrollment_id=enrollment_id)


def session_policy(*, at: datetime) -> dict[str, Any]:
    """Return the content of the session policy in force, from which plans take their bounds."""
    content: dict[str, Any] = documents.in_force(DocumentKind.SESSION_POLICY, at=at).content
    return content
