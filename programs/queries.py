from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, Min, OuterRef, Q, QuerySet

from accounts.policies import queries as policies
from accounts.queries import Charts, charts_in_care, charts_owned, charts_read, one, visible_charts, within
from core import documents
from core.actors import Actor
from core.documents import NoDocumentInForce
from core.enums import DocumentKind
from core.models import DocumentVersion
from programs import errors, rules
from programs.enums import OPTIONAL_CONSENTS, ConsentKind, EnrollmentEvent, EnrollmentStatus
from programs.models import (
    ComprehensionAttempt,
    Consent,
    ConsentWithdrawal,
    Enrollment,
    EnrollmentTransition,
    Pause,
    Program,
    TreatmentPlan,
)


def offered_programs() -> QuerySet[Program]:
    """Return the programs that can be chosen, shortest first."""
    return Program.objects.filter(is_offered=True)


def enrollments_for(actor: Actor, *, at: datetime) -> QuerySet[Enrollment]:
    """Return the enrollments in charts that `actor` may see."""
    return _enrollments_of(visible_charts(actor, at=at))


def enrollment_for(actor: Actor, enrollment_id: UUID, *, at: datetime) -> Enrollment:
    """Return one enrollment that `actor` may see; somebody else's is as absent as none (`NotFound`)."""
    return one(enrollments_for(actor, at=at), enrollment_id)


def enrollment_row(actor: Actor, enrollment_id: UUID, *, at: datetime) -> Enrollment:
    """Return what `enrollment_for` does, without program, patient and pause: for what needs its ids alone."""
    return one(Enrollment.objects.filter(within(visible_charts(actor, at=at), "patient_id")), enrollment_id)


def own_enrollment(actor: Actor, enrollment_id: UUID) -> Enrollment:
    """Return one's own enrollment, for what only the patient does; raises `NotFound`."""
    return one(_enrollments_of(charts_owned(actor)), enrollment_id)


def enrollment_in_care(actor: Actor, enrollment_id: UUID, *, at: datetime) -> Enrollment:
    """Return an enrollment in one's care, for what only a clinician does; raises `NotFound`."""
    return one(enrollments_in_care(actor, at=at), enrollment_id)


def enrollment_read(actor: Actor, enrollment_id: UUID, *, at: datetime) -> Enrollment:
    """Return an enrollment in a chart one may read as a clinician; raises `NotFound`."""
    return one(_enrollments_of(charts_read(actor, at=at)), enrollment_id)


def enrollments_in_care(actor: Actor, *, at: datetime) -> QuerySet[Enrollment]:
    """Return the enrollments of the patients in one's care."""
    return _enrollments_of(charts_in_care(actor, at=at))


def _enrollments_of(charts: Charts) -> QuerySet[Enrollment]:
    found = Enrollment.objects.filter(within(charts, "patient_id")).select_related("patient", "program")
    return found.annotate(is_paused=Exists(_open_pauses().filter(enrollment=OuterRef("pk"))))


def current_plan(enrollment_id: UUID) -> TreatmentPlan | None:
    """Return the newest signed plan."""
    plans = TreatmentPlan.objects.filter(enrollment_id=enrollment_id).select_related("signature")
    return plans.order_by("-version").first()


def current_route(enrollment_id: UUID) -> str | None:
    """Return how the medicine is to be taken by the newest plan, if there is one."""
    plan = current_plan(enrollment_id)
    return plan.route if plan else None


def consents_missing(enrollment_id: UUID, *, at: datetime) -> list[ConsentKind]:
    """Return what stands between this enrollment and a session: kinds not agreed to as they are in force.

    What was agreed to in another minor version or language counts. A kind that has no text in force is
    missing too: what cannot be read cannot have been agreed to.
    """
    versions = {document.kind: document.version for document in _consent_texts(at=at)}
    given = agreed_to(enrollment_id)
    return [
        kind
        for kind in ConsentKind
        if kind not in OPTIONAL_CONSENTS and (kind.value, versions.get(kind.value)) not in given
    ]


def consents_open(
    enrollment_id: UUID, *, at: datetime, language: str = documents.LANGUAGE
) -> list[DocumentVersion]:
    """Return the texts in force, in `language` where they have it, not agreed to yet; the needed first."""
    agreed = agreed_to(enrollment_id)
    return [
        document
        for document in consent_documents(at=at, language=language)
        if (document.kind, document.version) not in agreed
    ]


def consent_documents(*, at: datetime, language: str = documents.LANGUAGE) -> list[DocumentVersion]:
    """Return every text that a patient is asked to agree to now, in `language` where it has one.

    A text is for a language wherever it is spoken: es-MX reads what is there in es.
    """
    order = [documents.LANGUAGE, language.partition("-")[0]]
    in_force = [text for text in _consent_texts(at=at) if text.language in order]
    texts = {text.kind: text for text in sorted(in_force, key=lambda text: order.index(text.language))}
    whole = DocumentVersion.objects.in_bulk([text.pk for text in texts.values()])
    return [whole[texts[kind.value].pk] for kind in ConsentKind if kind.value in texts]


def texts_to_agree_to(ids: Iterable[UUID], *, at: datetime) -> dict[UUID, DocumentVersion]:
    """Return those texts, in whichever language, that can be agreed to now, by id."""
    in_force = {text.pk for text in _consent_texts(at=at)}
    return DocumentVersion.objects.in_bulk(in_force.intersection(ids))


def standing_consents(enrollment_id: UUID, kind: ConsentKind) -> list[Consent]:
    """Return the agreements to a kind that were not taken back, of older versions too."""
    return list(_standing(enrollment_id).filter(document__kind=kind).select_related("document"))


def last_withdrawals(enrollment_id: UUID) -> dict[UUID, ConsentWithdrawal]:
    """Return, by text, the newest withdrawal of an agreement to exactly that text."""
    taken_back = ConsentWithdrawal.objects.filter(consent__enrollment_id=enrollment_id)
    return {
        withdrawal.consent.document_id: withdrawal
        for withdrawal in taken_back.select_related("consent").order_by("id")
    }


def not_understood(enrollment_id: UUID, documents: Iterable[DocumentVersion]) -> set[UUID]:
    """Return those texts that have questions that were never passed."""
    asked = {document.pk for document in documents if rules.questions(document.content)}
    passed = ComprehensionAttempt.objects.filter(enrollment_id=enrollment_id, passed=True)
    return asked - set(passed.values_list("document_id", flat=True))


def _consent_texts(*, at: datetime) -> list[DocumentVersion]:
    return documents.all_in_force([DocumentKind(kind) for kind in ConsentKind], at=at)


def _standing(enrollment_id: UUID) -> QuerySet[Consent]:
    return Consent.objects.filter(enrollment_id=enrollment_id, withdrawal=None)


def agreed_to(enrollment_id: UUID) -> set[tuple[str, int]]:
    """Return what an enrollment has agreed to and not taken back: kind and version."""
    return set(_standing(enrollment_id).values_list("document__kind", "document__version"))


def is_paused(enrollment_id: UUID) -> bool:
    """Tell whether the patient has paused."""
    return _open_pauses().filter(enrollment_id=enrollment_id).exists()


def pauses(enrollment_id: UUID) -> list[Pause]:
    """Return every pause of an enrollment, the one that lasts too."""
    return list(Pause.objects.filter(enrollment_id=enrollment_id))


def lifespans(*, completed_since: datetime) -> Iterable[tuple[UUID, datetime, datetime | None]]:
    """Return the enrollments in treatment, and those completed since then that no other followed.

    Each by its id, with when every text was agreed to, and when it was completed.
    """
    later = Enrollment.objects.filter(patient=OuterRef("patient"), created_at__gt=OuterRef("created_at"))
    found = Enrollment.objects.filter(
        Q(status=EnrollmentStatus.ACTIVE) | Q(status=EnrollmentStatus.COMPLETED) & ~Exists(later)
    ).annotate(
        started_at=Min("transitions__at", filter=Q(transitions__event=EnrollmentEvent.CONSENTED)),
        completed_at=Min("transitions__at", filter=Q(transitions__event=EnrollmentEvent.COMPLETED)),
    )
    lasting = Q(completed_at=None) | Q(completed_at__gte=completed_since)
    found = found.filter(lasting, started_at__isnull=False).order_by("pk")
    return found.values_list("pk", "started_at", "completed_at")


def _open_pauses() -> QuerySet[Pause]:
    return Pause.objects.filter(resumed_at=None)


def transitions(enrollment_id: UUID) -> QuerySet[EnrollmentTransition]:
    """Return the enrollment's history, oldest first."""
    return EnrollmentTransition.objects.filter(enrollment_id=enrollment_id)


def active_since(enrollment_id: UUID) -> datetime | None:
    """Return when an enrollment became active, every text agreed to; `None` before."""
    consented = transitions(enrollment_id).filter(event=EnrollmentEvent.CONSENTED)
    first: datetime | None = consented.aggregate(at=Min("at"))["at"]
    return first


def session_policy(*, at: datetime) -> dict[str, Any]:
    """Return the content of the session policy in force, from which plans take their bounds.

    Raises `NoSessionPolicy`.
    """
    try:
        content: dict[str, Any] = policies.in_force(DocumentKind.SESSION_POLICY, at=at).content
    except NoDocumentInForce:
        raise errors.NoSessionPolicy from None
    return content
