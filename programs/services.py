from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Max

from accounts import services as accounts_services
from accounts.enums import SignatureMeaning
from accounts.errors import ProfileMissing
from accounts.models import Patient, User
from accounts.queries import one
from core.acting import seeing_all_charts
from core.actors import Actor
from core.database import atomic
from core.documents import digest
from core.models import DocumentVersion
from notifications import services as notifications
from notifications.enums import MessageKind
from notifications.rules import REMINDERS
from programs import errors, queries, rules
from programs.enums import OPEN_STATUSES, ConsentKind, EnrollmentEvent, EnrollmentStatus, Route
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

NEWS_LASTS = timedelta(days=7)
NOT_AGREED_TO = "no messaging consent"
"""Why reminders are stopped until somebody has agreed to them."""


def enroll(user: User, *, program_slug: str, at: datetime) -> Enrollment:
    """Begin a program for a signed-in person and put them into a clinician's care.

    Locks the patient row. Raises `ProfileMissing`, `NotOffered`, `AlreadyEnrolled`, `NotServed` or
    `NobodyToAssign`.
    """
    with atomic():
        patient = Patient.objects.select_for_update().filter(user=user).first()
        if patient is None:
            raise ProfileMissing
        program = Program.objects.filter(slug=program_slug, is_offered=True).first()
        if program is None:
            raise errors.NotOffered
        if Enrollment.objects.filter(patient=patient, status__in=OPEN_STATUSES).exists():
            raise errors.AlreadyEnrolled
        accounts_services.require_served(patient.pk, at=at)
        accounts_services.assign_clinician(patient, at=at)
        enrollment = Enrollment.objects.create(patient=patient, program=program)
        actor = Actor.person(user.pk)
        _record(enrollment, "", EnrollmentEvent.ENROLLED, actor=actor, at=at)
        _begin_reminders_anew(enrollment, at=at)
        return enrollment


def _begin_reminders_anew(enrollment: Enrollment, *, at: datetime) -> None:
    """Stop reminders until they are agreed to; what stopped them for a program that is over is over too."""
    user = enrollment.patient.user
    for former in Enrollment.objects.filter(patient=enrollment.patient).exclude(pk=enrollment.pk):
        notifications.unsuppress(user, cause=left_cause(former), at=at)
        notifications.unsuppress(user, cause=_pause_cause(former), at=at)
    notifications.suppress(user, kinds=REMINDERS, cause=NOT_AGREED_TO, at=at)


def lock_enrollment(enrollment_id: UUID) -> Enrollment:
    """Lock the enrollment row and return it; raises `NotFound`.

    Whatever changes what may happen to a patient takes this lock first, so that a hold and a start, or two
    starts, cannot pass each other.
    """
    return one(Enrollment.objects.select_for_update(), enrollment_id)


def lock_open_enrollments(patient_id: UUID) -> list[Enrollment]:
    """Lock a patient's open enrollments, in the order of their ids, before something is held for all."""
    rows = Enrollment.objects.select_for_update().filter(patient_id=patient_id, status__in=OPEN_STATUSES)
    # A clinician on call answers alerts of charts they don't see; a row hidden would be a lock not taken.
    with seeing_all_charts():
        return list(rows.order_by("pk"))


def lock_chart(patient_id: UUID) -> None:
    """Lock a chart itself, after its open enrollments: for what counts though there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"chart:{patient_id}"])


def move(
    enrollment: Enrollment,
    event: EnrollmentEvent,
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
    policy_version: int | None = None,
) -> None:
    """Take one step of a locked enrollment and write it down; raises `WrongEnrollmentState`.

    A compare-and-set: it moves only if the status is still the one that was read.
    """
    before = EnrollmentStatus(enrollment.status)
    after = rules.next_status(before, event)
    moved = after is not None and Enrollment.objects.filter(pk=enrollment.pk, status=before).update(
        status=after, version=enrollment.version + 1
    )
    if after is None or not moved:
        label = before.label.lower()
        raise errors.WrongEnrollmentState(f"“{event.label}” does not follow from “{label}”.")
    enrollment.status, enrollment.version = after, enrollment.version + 1
    _record(enrollment, before, event, actor=actor, at=at, reason=reason, policy_version=policy_version)


@dataclass(frozen=True)
class PlanOrder:
    """What a clinician orders: route, dose in mg, how many sessions, how many days between them."""

    route: Route
    dose_mg: Decimal
    session_count: int
    min_days_between: int
    notes: str = ""


def sign_plan(enrollment_id: UUID, *, order: PlanOrder, clinician: User, at: datetime) -> TreatmentPlan:
    """Sign a new version of the treatment plan, bound by hash to exactly what it orders.

    Locks the enrollment. Raises `PlanOutOfBounds` with every fault, `MayNotTreat`, or `WrongEnrollmentState`.
    """
    with atomic():
        enrollment = lock_enrollment(enrollment_id)
        accounts_services.require_may_treat(clinician, enrollment.patient_id, at=at)
        move(enrollment, EnrollmentEvent.PLAN_SIGNED, actor=Actor.person(clinician.pk), at=at)
        if faults := rules.plan_faults(_plan_facts(enrollment, order, at=at)):
            raise errors.PlanOutOfBounds(reasons=faults)
        latest = enrollment.plans.aggregate(latest=Max("version"))["latest"] or 0
        content = {
            "enrollment": str(enrollment.pk),
            "version": latest + 1,
            "route": order.route,
            "dose_mg": str(order.dose_mg),
            "session_count": order.session_count,
            "min_days_between": order.min_days_between,
            "notes": order.notes,
        }
        signature = accounts_services.sign(
            clinician, meaning=SignatureMeaning.ORDERED, document_sha256=digest(content), at=at
        )
        tell_news(enrollment, about=f"plan:{latest + 1}", at=at)
        return TreatmentPlan.objects.create(
            enrollment=enrollment,
            version=latest + 1,
            signature=signature,
            route=order.route,
            dose_mg=order.dose_mg,
            session_count=order.session_count,
            min_days_between=order.min_days_between,
            notes=order.notes,
        )


def tell_news(enrollment: Enrollment, *, about: str, at: datetime) -> None:
    """Tell the patient that something was decided or written for them to read, without saying what."""
    notifications.schedule(
        MessageKind.NEWS,
        dedupe_key=f"news:{enrollment.pk}:{about}",
        due_at=at,
        expires_at=at + NEWS_LASTS,
        user=enrollment.patient.user,
    )


@dataclass(frozen=True)
class Agreement:
    """That a person read the text with this id and hash, and agrees."""

    document_id: UUID
    sha256: str


def give_consent(
    enrollment_id: UUID, *, agreements: Sequence[Agreement], patient_user: User, at: datetime
) -> list[Consent]:
    """Store a patient's signatures; once every text that is needed is agreed to, treatment becomes possible.

    Each signature is bound to the hash of the very text. Locks the enrollment. Raises `WrongDocument` when a
    text is not in force, or was agreed to, or is not the one that was read; `NotUnderstoodYet` before its
    questions were passed; `WrongEnrollmentState` before there is a plan.
    """
    with atomic():
        enrollment = lock_enrollment(enrollment_id)
        if enrollment.status not in (EnrollmentStatus.AWAITING_CONSENT, EnrollmentStatus.ACTIVE):
            raise errors.WrongEnrollmentState("There is nothing to agree to before a plan is signed.")
        documents = _documents_read(agreements, at=at)
        consents = _agree(enrollment, documents, patient_user, at=at)
        is_waiting = enrollment.status == EnrollmentStatus.AWAITING_CONSENT
        if is_waiting and not queries.consents_missing(enrollment.pk, at=at):
            move(enrollment, EnrollmentEvent.CONSENTED, actor=Actor.person(patient_user.pk), at=at)
        return consents


def answer_questions(
    enrollment_id: UUID, *, read: Agreement, answers: Mapping[str, str], at: datetime
) -> tuple[ComprehensionAttempt, rules.Comprehension]:
    """Score a patient's answers to the questions under a text, and keep the attempt whatever it came to.

    Locks the enrollment. Raises `WrongDocument` when the text is not in force or not the one that was read,
    or `UnknownAnswer` with each answer that does not fit.
    """
    with atomic():
        enrollment = lock_enrollment(enrollment_id)
        (document,) = _documents_read([read], at=at)
        if faults := rules.answer_faults(rules.questions(document.content), answers):
            raise errors.UnknownAnswer(errors=faults)
        came_to = rules.comprehension(document.content, answers)
        attempt = ComprehensionAttempt.objects.create(
            enrollment=enrollment,
            document=document,
            answers=dict(answers),
            right_count=came_to.right_count,
            passed=came_to.passed,
            attempted_at=at,
        )
        return attempt, came_to


def withdraw(enrollment_id: UUID, *, patient_user: User, reason: str, at: datetime) -> Enrollment:
    """Let a patient leave, with or without a reason: reminders stop, whatever guards their safety goes on.

    Leaving twice is harmless. Locks the enrollment. Raises `WrongEnrollmentState` if it has ended otherwise.
    """
    with atomic():
        enrollment = lock_enrollment(enrollment_id)
        if enrollment.status == EnrollmentStatus.WITHDRAWN:
            return enrollment
        actor = Actor.person(patient_user.pk)
        move(enrollment, EnrollmentEvent.WITHDRAWN, actor=actor, at=at, reason=reason)
        notifications.suppress(patient_user, kinds=REMINDERS, cause=left_cause(enrollment), at=at)
        return enrollment


def pause(enrollment_id: UUID, *, patient_user: User, at: datetime) -> Enrollment:
    """Let a patient rest, without a reason: reminders wait, whatever guards their safety goes on.

    Pausing twice is harmless. Locks the enrollment. Raises `WrongEnrollmentState` if it has ended.
    """
    with atomic():
        enrollment = lock_enrollment(enrollment_id)
        if enrollment.status not in OPEN_STATUSES:
            raise errors.WrongEnrollmentState("The program has ended; there is nothing to pause.")
        if not queries.is_paused(enrollment.pk):
            actor = Actor.person(patient_user.pk)
            Pause.objects.create(
                enrollment=enrollment, paused_at=at, actor_kind=actor.kind, actor_id=actor.id
            )
            cause = _pause_cause(enrollment)
            notifications.put_off(patient_user, kinds=REMINDERS, cause=cause, at=at)
        return enrollment


def resume(enrollment_id: UUID, *, patient_user: User, at: datetime) -> Enrollment:
    """End a patient's own pause; what else stands in the way of a session, the gate asks as always.

    Resuming twice is harmless. Locks the enrollment.
    """
    with atomic():
        enrollment = lock_enrollment(enrollment_id)
        enrollment.pauses.filter(resumed_at=None).update(resumed_at=at)
        notifications.unsuppress(patient_user, cause=_pause_cause(enrollment), at=at)
        return enrollment


def withdraw_consent(
    enrollment_id: UUID, *, kind: ConsentKind, patient_user: User, at: datetime
) -> Enrollment:
    """Take back what was agreed to, whether or not it was: it counts at once, and is never refused.

    Without one that is needed there is no session until it is given again. Locks the enrollment.
    """
    with atomic():
        enrollment = lock_enrollment(enrollment_id)
        actor = Actor.person(patient_user.pk)
        for consent in queries.standing_consents(enrollment.pk, kind):
            ConsentWithdrawal.objects.create(
                consent=consent, withdrawn_at=at, actor_kind=actor.kind, actor_id=actor.id
            )
        if kind == ConsentKind.MESSAGING:
            notifications.suppress(patient_user, kinds=REMINDERS, cause=NOT_AGREED_TO, at=at)
        return enrollment


def left_cause(enrollment: Enrollment) -> str:
    """Return under what name reminders are stopped by the end of an enrollment, to be lifted by the next."""
    return f"enrollment:{enrollment.pk}"


def _pause_cause(enrollment: Enrollment) -> str:
    return f"pause:{enrollment.pk}"


def _documents_read(reads: Sequence[Agreement], *, at: datetime) -> list[DocumentVersion]:
    """Return the texts that were read, if each is in force and has the hash that was read."""
    texts = queries.texts_to_agree_to([read.document_id for read in reads], at=at)
    if any(read.document_id not in texts or texts[read.document_id].sha256 != read.sha256 for read in reads):
        raise errors.WrongDocument
    return [texts[read.document_id] for read in reads]


def _agree(
    enrollment: Enrollment, documents: Sequence[DocumentVersion], user: User, *, at: datetime
) -> list[Consent]:
    texts = {(document.kind, document.version) for document in documents}
    if len(texts) < len(documents) or texts & queries.agreed_to(enrollment.pk):
        raise errors.WrongDocument
    if queries.not_understood(enrollment.pk, documents):
        raise errors.NotUnderstoodYet
    signatures = accounts_services.sign_each(
        user, meaning=SignatureMeaning.AGREED, documents_sha256=[text.sha256 for text in documents], at=at
    )
    if any(document.kind == ConsentKind.MESSAGING for document in documents):
        notifications.unsuppress(user, cause=NOT_AGREED_TO, at=at)
    withdrawals = queries.last_withdrawals(enrollment.pk)
    return Consent.objects.bulk_create(
        Consent(
            enrollment=enrollment,
            document=document,
            signature=signature,
            after=withdrawals.get(document.pk),
        )
        for document, signature in zip(documents, signatures, strict=True)
    )


def _plan_facts(enrollment: Enrollment, order: PlanOrder, *, at: datetime) -> rules.PlanFacts:
    policy = queries.session_policy(at=at)
    bounds = policy["dose_bounds"].get(order.route)
    return rules.PlanFacts(
        route=order.route,
        dose_mg=order.dose_mg,
        session_count=order.session_count,
        min_days_between=order.min_days_between,
        program_session_count=enrollment.program.session_count,
        policy_min_days_between=policy["min_days_between"],
        bounds=bounds
        and rules.DoseBounds(min_mg=Decimal(bounds["min_mg"]), max_mg=Decimal(bounds["max_mg"])),
    )


def _record(
    enrollment: Enrollment,
    before: str,
    event: EnrollmentEvent,
    *,
    actor: Actor,
    at: datetime,
    reason: str = "",
    policy_version: int | None = None,
) -> None:
    EnrollmentTransition.objects.create(
        enrollment=enrollment,
        from_status=before,
        to_status=enrollment.status,
        event=event,
        actor_kind=actor.kind,
        actor_id=actor.id,
        at=at,
        reason=reason,
        policy_version=policy_version,
    )
