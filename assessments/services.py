from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from accounts.models import User
from assessments import errors, queries, rules
from assessments.instruments import Instrument, Scale, Slot, instruments, slots
from assessments.models import Assessment, FormCause, OfflineSubmission
from assessments.profiles import DIMENSIONS, norms_of
from assessments.profiles import profile as profile_of
from assessments.schedule import (
    ANSWERED_IN,
    BASELINE,
    Anchor,
    AssessmentStatus,
    CauseKind,
    Point,
    Series,
    Window,
    schedule,
    status_of,
)
from assessments.worsening.services import notice
from core.actors import Actor
from core.database import atomic
from core.errors import InputError, InvalidInput, KeyReused, NotFound, Stale
from notifications import services as notifications
from notifications.enums import MessageKind
from notifications.ladders import ladders, steps_after
from notifications.queries import gone
from programs import services as programs
from programs.enums import EnrollmentStatus
from programs.models import Consent, Enrollment
from programs.queries import current_plan, is_paused
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
    open_set(enrollment, Point(Anchor.AFTER_SESSION, BASELINE), counted_from=at, at=at)


def open_after_session(enrollment: Enrollment, *, number: int, at: datetime) -> None:
    """Ask what the schedule asks after session `number`, counted from `at`, and remind of it.

    After most sessions that is nothing; again changes nothing.
    """
    open_set(enrollment, Point(Anchor.AFTER_SESSION, number), counted_from=at, at=at)


def open_before_session(enrollment: Enrollment, *, number: int, scheduled_at: datetime, at: datetime) -> None:
    """Ask what the schedule asks before session `number`; what is asked already moves with the session.

    What is submitted stays, and stands for the session of that number. The enrollment is locked already.
    """
    point = Point(Anchor.BEFORE_SESSION, number)
    series = open_set(enrollment, point, counted_from=scheduled_at, at=at)
    if series is not None:
        move_set(enrollment, point, window=series.window, counted_from=scheduled_at, at=at)


def open_set(enrollment: Enrollment, point: Point, *, counted_from: datetime, at: datetime) -> Series | None:
    """Ask what the schedule asks at a point, and remind of it once; again changes nothing.

    Return what that is, or `None` for nothing. Twice at once makes one set: a form is unique at its point.
    """
    series = schedule().asked_at(point, session_count=_session_count(enrollment, point))
    if series is None:
        return None
    for code in series.instruments:
        check_licence(instruments().get(code) or slots()[code])
    codes = [code for code in series.instruments if not _is_spared(enrollment, code, series, at=at)]
    if not codes:
        return series
    with atomic():
        rows = [_new(enrollment, code, point, series, counted_from=counted_from) for code in codes]
        Assessment.objects.bulk_create(rows, ignore_conflicts=True)
        _remind(enrollment, point, series.window, counted_from=counted_from)
    return series


def call_for_form(enrollment: Enrollment, *, kind: CauseKind, source: str, at: datetime) -> bool:
    """Ask what the schedule asks where something calls for it, once for each `source`; tell if it is new.

    What is open and not answered answers this too; somebody who has answered is asked anew by what comes
    later. The enrollment is locked already.
    """
    series = schedule().series.get(Anchor.AS_NEEDED)
    known = FormCause.objects.filter(enrollment=enrollment, source=source)
    if series is None or kind not in series.causes or known.exists():
        return False
    number = queries.open_as_needed(enrollment, at=at)
    if number is None:
        number = queries.next_as_needed(enrollment)
        open_set(enrollment, Point(Anchor.AS_NEEDED, number), counted_from=at, at=at)
    FormCause.objects.create(enrollment=enrollment, kind=kind, source=source, as_needed=number, noted_at=at)
    return True


def call_for_form_by(row: Assessment, alert: Alert, *, at: datetime) -> None:
    """Let an answer that somebody is called to call for the form that looks closer, but not in that form.

    Once for each alert: what is said after that was closed is new, though it is said in the same draft.
    """
    series = schedule().series.get(Anchor.AS_NEEDED)
    if series is None or row.instrument in series.instruments or row.enrollment.status not in ANSWERED_IN:
        return
    call_for_form(row.enrollment, kind=CauseKind.SELF_HARM_ANSWER, source=f"alert:{alert.pk}", at=at)


def move_set(
    enrollment: Enrollment, point: Point, *, window: Window, counted_from: datetime, at: datetime
) -> bool:
    """Count the days of what is not submitted of a set from another moment, and remind of it anew.

    However often it moves, there are no more reminders of it than the plan has. Tell whether anything
    moved. The enrollment is locked already.
    """
    opens_at = counted_from + window.opens_after
    rows = Assessment.objects.filter(enrollment=enrollment, submitted_at=None, **point.columns)
    moved = rows.exclude(opens_at=opens_at).update(
        opens_at=opens_at,
        due_at=counted_from + window.due_after,
        closes_at=counted_from + window.closes_after,
    )
    if moved:
        key = reminder_key(enrollment.pk, point)
        left = max(0, len(ladders().after_due) - gone(key))
        notifications.cancel(key, at=at)
        _remind(enrollment, point, window, counted_from=counted_from, moved=f"{at.isoformat()}:", left=left)
    return bool(moved)


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
        _refuse_skipped(instrument, row.answers, among=given)
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
    alert = call_somebody(assessment, at=at)
    # Apart, so that whatever becomes of this, somebody was called.
    with atomic():
        assessment.enrollment = programs.lock_enrollment(assessment.enrollment_id)
        call_for_form_by(assessment, alert, at=at)
    return True


def heed_refused(assessment: Assessment, body: object, refused: Exception, *, at: datetime) -> bool:
    """Open the alert that a refused form calls for, where keeping it opened none; tell if it calls."""
    if isinstance(refused, errors.OfflineConflict):
        return rules.may_speak_of_crisis(instruments()[assessment.instrument], body)
    return heed(assessment, body, at=at)


def submit(assessment: Assessment, *, actor: Actor, at: datetime) -> Assessment:
    """Close a form for good and score it; with the last of its time point the reminders are called back.

    Somebody hears where it came to much worse than an earlier one (`worsening.services.notice`).
    Locks the enrollment, then the assessments of its time point. Raises `AlreadySubmitted`, `NotOpen`, or
    `AnswersMissing` with every item that is still needed, or `InvalidAnswers` with each that is skipped.
    """
    with atomic():
        rows, row = _lock(assessment, actor=actor)
        _check_open(row, at=at)
        _close(row, beside=rows, taken_at=at, actor=actor, at=at)
        return row


@dataclass(frozen=True, slots=True)
class Offline:
    """A whole form that was filled in without a connection; `version` is the form's that it began from."""

    client_id: UUID
    answers: Mapping[str, object]
    filled_in_at: datetime
    version: int


CLOCK_SKEW = timedelta(minutes=2)
"""By how much the clock of somebody's device may be ahead of ours."""


KEPT_AT_MOST = 50
"""So many of one form are taken; who sends more is in a loop. What they say of self-harm is heard still."""


def submit_offline(assessment: Assessment, sent: Offline, *, actor: Actor, at: datetime) -> Assessment:
    """Submit a form that was filled in without a connection; told again it is the same, whatever came since.

    It counts if it was open then, late or not, and is stored in place of the draft that it began from; what
    a screening asks goes by the moment it was filled in, all else by its arrival. Where it can't count it is
    kept all the same, beside the form. Somebody is called to what it says in the transaction that stores it.

    Locks the enrollment, then the assessments of its time point. Raises `OfflineConflict` once it is kept,
    `TooManyKept`,
    `InvalidAnswers` and `AnswersMissing` with every item, `InvalidInput` for a time to come, or `KeyReused`
    where that client id came with another form.
    """
    if sent.filled_in_at > at + CLOCK_SKEW:
        fault = InputError("/filled_in_at", "in_the_future", "Give a time that has been.")
        raise InvalidInput(errors=[fault])
    with atomic():
        rows, row = _lock(assessment, actor=actor)
        instrument = instruments()[row.instrument]
        given = _valid(instrument, sent.answers)
        _refuse_skipped(instrument, given, among=given)
        known = OfflineSubmission.objects.filter(assessment=row, client_id=sent.client_id).first()
        if known is None:
            if row.offline_submissions.count() >= KEPT_AT_MOST:
                raise errors.TooManyKept
            conflict = _take_offline(row, sent, given, beside=rows, actor=actor, at=at)
        elif (known.answers, known.filled_in_at) != (given, sent.filled_in_at):
            raise KeyReused
        else:
            conflict = known.conflict
    if conflict:
        raise errors.OfflineConflict(conflict)
    return row


def _take_offline(
    row: Assessment,
    sent: Offline,
    given: dict[str, int],
    *,
    beside: Sequence[Assessment],
    actor: Actor,
    at: datetime,
) -> str:
    """Store what was filled in, and submit the form by it; return why it does not count, if it doesn't."""
    could_be = status_of(queries.moments_of(row), at=min(sent.filled_in_at, at)) == AssessmentStatus.OPEN
    conflict = rules.offline_conflict(
        rules.OfflineFacts(
            stored=row.answers,
            sent=given,
            is_same_version=row.version == sent.version,
            is_submitted=row.submitted_at is not None,
            could_be_answered=could_be,
        )
    )
    OfflineSubmission.objects.create(
        assessment=row,
        enrollment=row.enrollment,
        client_id=sent.client_id,
        answers=given,
        filled_in_at=sent.filled_in_at,
        received_at=at,
        conflict=conflict,
    )
    # Before it is known whether it counts: whoever has the draft's alert in hand has not seen this.
    _raise_alert(row, instruments()[row.instrument], given, at=at)
    if not conflict and row.submitted_at is None:
        row.answers = given
        _close(row, "answers", beside=beside, taken_at=min(sent.filled_in_at, at), actor=actor, at=at)
    else:
        row.save(update_fields=["safety_alert"])  # no answer changed: the version stays
    return conflict


def _close(
    row: Assessment,
    *changed: str,
    beside: Sequence[Assessment],
    taken_at: datetime,
    actor: Actor,
    at: datetime,
) -> None:
    """Score a form, call somebody to what it says, and call its set's reminders back with the last of it."""
    instrument = instruments()[row.instrument]
    if missing := rules.missing_required(instrument, row.answers):
        raise errors.AnswersMissing(missing)
    _refuse_skipped(instrument, row.answers, among=row.answers)
    row.scores = stored_scores(instrument, row.answers)
    row.submitted_at = at
    if row.safety_alert is None or row.safety_alert.status == AlertStatus.CLOSED:
        _raise_alert(row, instrument, row.answers, at=at)
    facts = rules.facts_for_screening(instrument, row.answers, taken_at=taken_at)
    _tell_screening(row, facts, actor=actor, at=at)
    _save(row, *changed, "scores", "submitted_at")
    notice(row, instrument, at=at)
    if all(other.submitted_at for other in beside):
        notifications.cancel(reminder_key(row.enrollment_id, queries.point_of(row)), at=at)


def _new(
    enrollment: Enrollment, code: str, point: Point, series: Series, *, counted_from: datetime
) -> Assessment:
    window = series.window
    return Assessment(
        enrollment=enrollment,
        instrument=code,
        instrument_version=instruments()[code].version,
        schedule_version=schedule().version,
        counted_from_at=counted_from if series.stands_still else None,
        opens_at=counted_from + window.opens_after,
        due_at=counted_from + window.due_after,
        closes_at=counted_from + window.closes_after,
        **point.columns,
    )


def _remind(
    enrollment: Enrollment,
    point: Point,
    window: Window,
    *,
    counted_from: datetime,
    moved: str = "",
    left: int | None = None,
) -> None:
    """Write down the reminders of a set; of one that has moved, so many of them as are `left`."""
    due_at, stale_at = counted_from + window.due_after, counted_from + window.reminder_stale_after
    notifications.remind(
        MessageKind.ASSESSMENT_DUE,
        enrollment.patient.user,
        key=reminder_key(enrollment.pk, point) + moved,
        steps=steps_after(due_at, stale_at=stale_at)[:left],
        goes_on=point.anchor in schedule().safety_anchors,
    )


def _session_count(enrollment: Enrollment, point: Point) -> int | None:
    """Return how many sessions the plan has, where that decides what is asked."""
    if point.anchor != Anchor.AFTER_SESSION or point.number == BASELINE:
        return None
    plan = current_plan(enrollment.pk)
    return plan.session_count if plan else None


def _is_spared(enrollment: Enrollment, code: str, series: Series, *, at: datetime) -> bool:
    """Tell whether somebody has the same form open, or has answered it so lately that once is enough.

    Whoever has paused is not reminded of what is open, but for what guards their safety: that alone spares.
    """
    if series.spared_for is None:
        return False
    lately = Q(submitted_at__gt=at - series.spared_for)
    waiting = Q(submitted_at=None, opens_at__lte=at, closes_at__gt=at)
    if is_paused(enrollment.pk):
        waiting &= queries.guards_safety()
    return Assessment.objects.filter(lately | waiting, enrollment=enrollment, instrument=code).exists()


def check_licence(instrument: Instrument | Slot) -> None:
    """Raise `LicenceForbids` with the reason unless this clinic may ask the instrument."""
    if reason := rules.licence_refusal(instrument, permitted=settings.INSTRUMENT_PERMISSIONS):
        raise errors.LicenceForbids(reason)


def reminder_key(enrollment_id: UUID, point: Point) -> str:
    """Return how the keys of all reminders of one set begin."""
    kind = "" if point.anchor == Anchor.AFTER_SESSION else f"{point.anchor}:"
    return f"assessments:{enrollment_id}:{kind}{point.number}:"


def _lock(assessment: Assessment, *, actor: Actor) -> tuple[list[Assessment], Assessment]:
    """Lock the enrollment, then the assessments of one time point; return them all, and the one meant."""
    enrollment = programs.lock_enrollment(assessment.enrollment_id)
    own = queries.own_assessments(actor).select_for_update(of=("self",))
    point = queries.point_of(assessment)
    rows = list(own.filter(enrollment=enrollment, **point.columns).order_by("id"))
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


def _refuse_skipped(instrument: Instrument, answers: Mapping[str, int], *, among: Collection[str]) -> None:
    """Raise `InvalidAnswers` with each item `among` that the answers skip, though it is answered."""
    if problems := rules.answered_though_skipped(instrument, answers, among=among):
        raise errors.InvalidAnswers(problems)


def _raise_alert(row: Assessment, instrument: Instrument, given: Mapping[str, int], *, at: datetime) -> None:
    """Open an alert if an answer just given speaks of self-harm, and call for the form that looks closer.

    While an alert of this form is open it stays that one.
    """
    if rules.crisis_flags(instrument, given):
        row.safety_alert = alert = call_somebody(row, at=at)
        call_for_form_by(row, alert, at=at)


def _tell_screening(row: Assessment, facts: Iterable[InstrumentFact], *, actor: Actor, at: datetime) -> None:
    """Write results into the health profile, under the enrollment's lock that the caller holds."""
    profile.keep_results(row.enrollment.patient_id, results=facts, actor=actor, at=at)


def call_somebody(row: Assessment, *, at: datetime) -> Alert:
    """Call somebody to what was answered; while an alert of this form is open it stays that one."""
    return safety.raise_alert(
        row.enrollment.patient_id,
        alert_class=AlertClass.SUICIDE_RISK,
        source=f"assessment:{row.pk}",
        at=at,
    )


def _save(row: Assessment, *changed: str) -> None:
    row.version += 1
    row.save(update_fields=[*changed, "safety_alert", "version"])


def stored_scores(instrument: Instrument, answers: Mapping[str, int]) -> dict[str, Any]:
    """Return every scale's result as JSON, with the exact file that it was made with."""
    scores = rules.score(instrument, answers)
    return {
        "instrument": scores.instrument,
        "version": scores.version,
        "content_sha256": instrument.content_sha256,
        "scales": [_stored_scale(result, instrument.scale(result.key)) for result in scores.scales],
        "findings": [result._asdict() for result in scores.findings],
        "profile": _stored_profile(instrument, answers),
    }


def _stored_profile(instrument: Instrument, answers: Mapping[str, int]) -> dict[str, Any] | None:
    """Return the burnout profile with what it rests on, or None: another instrument, no norms, or a gap."""
    norms = norms_of(instrument.code)
    found = profile_of(rules.exact_values(instrument, answers), norms=norms) if norms else None
    if norms is None or found is None:
        return None
    flags = dict(zip(DIMENSIONS, found.flags, strict=True))
    return {
        "label": found.label,
        "flags": flags,
        "norms": found.norms,
        "norms_sha256": norms.content_sha256,
        "map_version": found.map_version,
    }


def _stored_scale(result: rules.ScaleScore, scale: Scale) -> dict[str, Any]:
    value = float(result.value) if isinstance(result.value, Decimal) else result.value
    return result._asdict() | {"value": value, "missing": list(result.missing), "method": scale.method.value}
