from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.models import User
from assessments import errors, queries, rules
from assessments.instruments import Instrument, instruments
from assessments.models import Assessment
from assessments.schedule import BASELINE, AssessmentStatus, schedule, status_of
from core.actors import Actor
from core.database import atomic
from core.errors import NotFound, Stale
from notifications import services as notifications
from notifications.enums import MessageKind
from notifications.ladders import steps_after
from programs import services as programs
from programs.enums import EnrollmentStatus
from programs.models import Consent, Enrollment
from programs.services import Agreement
from safety import services as safety
from safety.enums import AlertClass, AlertStatus
from safety.models import Alert
from safety.profile import services as profile
from safety.screening.health import InstrumentFact


def give_consent(
    enrollment_id: UUID, *, agreements: Sequence[Agreement], patient_user: User, at: datetime
) -> tuple[Enrollment, list[Consent]]:
    """Store a patient's signatures; with the last of them the baseline opens.

    Locks the enrollment. Raises what `programs.services.give_consent` raises.
    """
    with atomic():
        enrollment = programs.lock_enrollment(enrollment_id)
        before = enrollment.status
        consents = programs.give_consent(
            enrollment.pk, agreements=agreements, patient_user=patient_user, at=at
        )
        enrollment.refresh_from_db(fields=["status"])
        if before != EnrollmentStatus.ACTIVE and enrollment.status == EnrollmentStatus.ACTIVE:
            open_baseline(enrollment, at=at)
        return enrollment, consents


def open_baseline(enrollment: Enrollment, *, at: datetime) -> None:
    """Ask what has to be known before the first dose, and remind of it; again changes nothing.

    Raises `LicenceForbids` for an instrument that may not be asked; the system check refuses to start before.
    """
    _open_set(enrollment, after_session=BASELINE, at=at)


def open_after_session(enrollment: Enrollment, *, number: int, at: datetime) -> None:
    """Ask what the schedule asks after session `number`, counted from `at`, and remind of it.

    After most sessions that is nothing; again changes nothing.
    """
    _open_set(enrollment, after_session=number, at=at)


def save_draft(
    assessment: Assessment,
    *,
    answers: Mapping[str, object],
    expected_version: int,
    actor: Actor,
    at: datetime,
) -> Assessment:
    """Keep the answers given so far; `None` takes one back, what is not named stays.

    An answer that somebody has to act on opens its alert here, in the draft: leaving the form does not undo
    it, and one given again after the alert was closed opens another. Screening goes by it from here on.

    Locks the enrollment, then the assessments of its time point. Raises `AlreadySubmitted`, `NotOpen`,
    `Stale` where the draft has moved on, or `InvalidAnswers` with every fault.
    """
    with atomic():
        _, row = _lock(assessment, actor=actor)
        _check_open(row, at=at)
        if row.version != expected_version:
            raise Stale
        instrument = instruments()[row.instrument]
        given = _valid(instrument, answers)
        row.answers = {key: answer for key, answer in row.answers.items() if key not in answers} | given
        _raise_alert(row, instrument, given, at=at)
        if rules.crisis_flags(instrument, given):
            facts = rules.facts_for_screening(instrument, row.answers, taken_at=at)
            _tell_screening(row, (fact for fact in facts if fact.value is not None), actor=actor, at=at)
        _save(row, "answers")
        return row


def heed(assessment: Assessment, body: object, *, at: datetime) -> bool:
    """Open the alert that a request calls for, whether or not it is refused; tell whether it did.

    In a transaction of its own, outside the one that a refusal undoes: what somebody wrote to us about
    ending their life is heard though the form is closed, the draft has moved on, an answer beside it is
    wrong, or it is not written as an answer has to be.
    """
    if not rules.may_speak_of_crisis(instruments()[assessment.instrument], body):
        return False
    _alert(assessment, at=at)
    return True


def submit(assessment: Assessment, *, actor: Actor, at: datetime) -> Assessment:
    """Close a form for good and score it; with the last of its time point the reminders are called back.

    Locks the enrollment, then the assessments of its time point. Raises `AlreadySubmitted`, `NotOpen`, or
    `AnswersMissing` with every item that is still needed.
    """
    with atomic():
        rows, row = _lock(assessment, actor=actor)
        _check_open(row, at=at)
        instrument = instruments()[row.instrument]
        if missing := rules.missing_required(instrument, row.answers):
            raise errors.AnswersMissing(missing)
        row.scores = _stored_scores(instrument, row.answers)
        row.submitted_at = at
        if row.safety_alert is None or row.safety_alert.status == AlertStatus.CLOSED:
            _raise_alert(row, instrument, row.answers, at=at)
        facts = rules.facts_for_screening(instrument, row.answers, taken_at=at)
        _tell_screening(row, facts, actor=actor, at=at)
        _save(row, "scores", "submitted_at")
        if all(other.submitted_at for other in rows):
            notifications.cancel(_reminder_key(row.enrollment, row.after_session), at=at)
        return row


def _open_set(enrollment: Enrollment, *, after_session: int, at: datetime) -> None:
    window = schedule().window(after_session)
    if window is None:
        return
    for code in schedule().instruments:
        check_licence(instruments()[code])
    with atomic():
        rows = [
            Assessment(
                enrollment=enrollment,
                instrument=code,
                instrument_version=instruments()[code].version,
                after_session=after_session,
                opens_at=at + window.opens_after,
                due_at=at + window.due_after,
                closes_at=at + window.closes_after,
            )
            for code in schedule().instruments
        ]
        Assessment.objects.bulk_create(rows, ignore_conflicts=True)
        notifications.remind(
            MessageKind.ASSESSMENT_DUE,
            enrollment.patient.user,
            key=_reminder_key(enrollment, after_session),
            steps=steps_after(at + window.due_after, stale_at=at + window.reminder_stale_after),
        )


def check_licence(instrument: Instrument) -> None:
    """Raise `LicenceForbids` with the reason unless this clinic may ask the instrument."""
    if reason := rules.licence_refusal(instrument, permitted=settings.INSTRUMENT_PERMISSIONS):
        raise errors.LicenceForbids(reason)


def _reminder_key(enrollment: Enrollment, after_session: int) -> str:
    return f"assessments:{enrollment.pk}:{after_session}:"


def _lock(assessment: Assessment, *, actor: Actor) -> tuple[list[Assessment], Assessment]:
    """Lock the enrollment, then the assessments of one time point; return them all, and the one meant."""
    enrollment = programs.lock_enrollment(assessment.enrollment_id)
    own = queries.own_assessments(actor).select_for_update(of=("self",))
    rows = list(own.filter(enrollment=enrollment, after_session=assessment.after_session).order_by("id"))
    for row in rows:
        row.enrollment = enrollment
        if row.pk == assessment.pk:
            return rows, row
    raise NotFound


def _check_open(row: Assessment, *, at: datetime) -> None:
    status = status_of(queries.moments_of(row), at=at)
    if status == AssessmentStatus.SUBMITTED:
        raise errors.AlreadySubmitted
    if status == AssessmentStatus.UPCOMING:
        raise errors.NotOpen(f"This opens at {row.opens_at.isoformat()}.")
    if status == AssessmentStatus.EXPIRED:
        raise errors.NotOpen(f"This closed at {row.closes_at.isoformat()}.")
    if status == AssessmentStatus.NOT_APPLICABLE:
        raise errors.NotOpen("The program ended before this was answered.")


def _valid(instrument: Instrument, answers: Mapping[str, object]) -> dict[str, int]:
    """Return the answers that were given; one that is taken back has only to name an item."""
    taken_back = {key for key, answer in answers.items() if answer is None and key in instrument.items}
    given = {key: answer for key, answer in answers.items() if key not in taken_back}
    if problems := rules.validate_answers(instrument, given):
        raise errors.InvalidAnswers(problems)
    return {key: answer for key, answer in given.items() if isinstance(answer, int)}


def _raise_alert(row: Assessment, instrument: Instrument, given: Mapping[str, int], *, at: datetime) -> None:
    """Open an alert if an answer just given speaks of self-harm; while one is open it stays that one."""
    if rules.crisis_flags(instrument, given):
        row.safety_alert = _alert(row, at=at)


def _tell_screening(row: Assessment, facts: Iterable[InstrumentFact], *, actor: Actor, at: datetime) -> None:
    """Write results into the health profile, under the enrollment's lock that the caller holds."""
    profile.keep_results(row.enrollment.patient_id, results=facts, actor=actor, at=at)


def _alert(row: Assessment, *, at: datetime) -> Alert:
    return safety.raise_alert(
        row.enrollment.patient_id,
        alert_class=AlertClass.SUICIDE_RISK,
        source=f"assessment:{row.pk}",
        at=at,
    )


def _save(row: Assessment, *changed: str) -> None:
    row.version += 1
    row.save(update_fields=[*changed, "safety_alert", "version"])


def _stored_scores(instrument: Instrument, answers: Mapping[str, int]) -> dict[str, Any]:
    """Return every scale's result as JSON, with the exact file that it was made with."""
    scores = rules.score(instrument, answers)
    return {
        "instrument": scores.instrument,
        "version": scores.version,
        "content_sha256": instrument.content_sha256,
        "scales": [_stored_scale(result) for result in scores.scales],
        "findings": [result._asdict() for result in scores.findings],
    }


def _stored_scale(result: rules.ScaleScore) -> dict[str, Any]:
    value = float(result.value) if isinstance(result.value, Decimal) else result.value
    return result._asdict() | {"value": value, "missing": list(result.missing)}
