from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from logging import getLogger
from time import monotonic
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction

from accounts import services as accounts
from accounts.enums import Role, SignatureMeaning
from accounts.errors import CannotHandOver
from accounts.models import CareTeamMembership, Patient, User
from accounts.queries import holders, own_chart
from accounts.rules import Address
from accounts.services import Succession
from core.acting import seeing_all_charts, who_acts
from core.actors import Actor
from core.database import atomic
from core.documents import digest
from core.encryption import encrypt
from core.errors import InputError, InvalidInput, NotFound, Reason
from core.ids import new_id
from core.logs import log_failure
from notifications import messages
from notifications import services as notifications
from notifications.enums import MessageKind
from notifications.rules import REMINDERS, Nobody
from programs.enums import EnrollmentStatus
from programs.models import Enrollment
from programs.services import (
    NEWS_LASTS,
    left_cause,
    lock_chart,
    lock_enrollment,
    lock_open_enrollments,
    move,
    tell_news,
)
from safety import errors, queries, rules, texts
from safety.enums import (
    BLOCKS_STARTING,
    PLACES_HOLD,
    AlertClass,
    AlertStatus,
    Ascertainment,
    Grade,
    HoldReason,
    IdentityDocument,
    IdentityMethod,
    IdentityOutcome,
    MonitoringResult,
    ReviewOutcome,
    ScreeningOutcome,
    Seriousness,
)
from safety.events.enums import ClockStart
from safety.events.following import follow_report
from safety.events.reporting import start_clocks
from safety.events.rules import is_serious
from safety.identity.services import require_identity
from safety.ladders import SHORTEST_GAP
from safety.models import (
    AdverseEvent,
    Alert,
    Hold,
    IdentityCheck,
    MonitoringQuery,
    Screening,
    ScreeningReview,
)
from safety.overrides import queries as overrides
from safety.overrides.models import ExclusionOverride
from safety.overrides.rules import Term, standing_exclusions, term_faults
from safety.profile.queries import profile_digest
from safety.rules import NO_ADVICE, Advice
from safety.screening.health import HealthFacts
from safety.screening.policy import Level
from safety.screening.rules import ScreeningDecision
from safety.screening.texts import clinician_text, patient_text

PAGE_LIFE = timedelta(hours=1)
PAGES_FOR_S = 2
"""How long one pass pages for alerts that can wait."""
"""How long a page is worth sending: by then the ladder has sent newer ones."""

logger = getLogger(__name__)

# --- screening -------------------------------------------------------------------------------------------


def screen(enrollment_id: UUID, *, answers: Mapping[str, Any], actor: Actor, at: datetime) -> Screening:
    """Store a patient's answers with what the policy in force says of them; it clears nobody.

    The age is taken from the chart (`rules.decide_screening`). Answers that call for the crisis text raise
    an alert in the same transaction. During treatment new answers void the clearance until they are reviewed.
    Locks the enrollment. Raises `NotScreening`, `InvalidInput` with every fault, or `NoScreeningPolicy`.
    """
    with atomic():
        enrollment = lock_enrollment(enrollment_id)
        if enrollment.status not in rules.SCREENED_IN:
            raise errors.NotScreening
        document, policy = queries.screening_policy(at=at)
        if faults := rules.answer_faults(policy, answers):
            raise InvalidInput(errors=faults)
        age_years = _age(enrollment.patient, at=at)
        facts = queries.facts_for(enrollment, policy, at=at)
        decision = rules.decide_screening(policy, answers, age_years=age_years, facts=facts)
        chart = _chart(enrollment.patient, age_years=age_years)
        crisis = queries.crisis_text_for(enrollment.patient_id, at=at)["summary"] if decision.crisis else ""
        screening = Screening.objects.create(
            id=new_id(),
            enrollment=enrollment,
            policy=document,
            answers=answers,
            answers_sha256=digest(answers),
            profile_sha256=profile_digest(enrollment.patient_id),
            outcome=ScreeningOutcome(decision.outcome),
            decision=_stored(decision, chart=chart, facts=facts, crisis_summary=crisis),
            submitted_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
        if decision.crisis:
            source = f"screening:{screening.pk}"
            raise_alert(enrollment.patient_id, alert_class=AlertClass.SUICIDE_RISK, source=source, at=at)
        return screening


def heed(actor: Actor, body: object, *, at: datetime) -> texts.CrisisText | None:
    """Raise the alert for a refused screening that may speak of suicide; return where to turn to if it did.

    In a transaction of its own, after the refusal has undone everything else: that the form was at the wrong
    step, or another answer malformed, is no reason not to hear it.
    """
    patient = own_chart(actor).first()
    if patient is None or not queries.may_speak_of_suicide(body, at=at):
        return None
    source = f"screening-refused:{patient.pk}"
    raise_alert(patient.pk, alert_class=AlertClass.SUICIDE_RISK, source=source, at=at)
    return queries.crisis_text_for(patient.pk, at=at)


def review(
    screening_id: UUID,
    *,
    outcome: ReviewOutcome,
    reason: str,
    advice: Advice = NO_ADVICE,
    reviewer: User,
    at: datetime,
) -> ScreeningReview:
    """Sign a clinician's decision on the newest screening, and move the enrollment by it.

    The signature is bound to the answers, the decision that was shown, the policy, what was decided and the
    advice. Raises `InvalidInput` for advice that makes no sense.
    Locks the enrollment. Raises `AlreadyReviewed`, `SupersededScreening`, `PolicyChanged`, `ProfileChanged`,
    `WrongEnrollmentState`, or to accept `Ineligible`, `TakesTwo`, `IdentityOpen`, `MayNotTreat` or
    `NoAuthority`.
    """
    if faults := rules.advice_faults(outcome, advice, today=at.date()):
        raise InvalidInput(errors=faults)
    with atomic():
        enrollment = _lock_enrollment_of(screening_id)
        screening = queries.latest_screening(enrollment.pk)
        if screening is None or screening.pk != screening_id:
            raise errors.SupersededScreening
        screening.enrollment = enrollment
        _require_decidable(screening, outcome, reviewer=reviewer, at=at)
        if outcome == ReviewOutcome.ACCEPTED:
            require_identity(enrollment.patient)
            accounts.require_may_treat(reviewer, enrollment.patient_id, at=at)
            if not rules.has_authority(queries.authority_ends_at(at=at), at=at):
                raise errors.NoAuthority
        signature = accounts.sign(
            reviewer,
            meaning=SignatureMeaning.DECIDED,
            document_sha256=queries.review_digest(screening, outcome=outcome, reason=reason, advice=advice),
            at=at,
        )
        decided = ScreeningReview.objects.create(
            screening=screening,
            outcome=outcome,
            reason=reason,
            instead=advice.instead,
            ask_again_on=advice.ask_again_on,
            signature=signature,
        )
        _obey(decided, enrollment, actor=Actor.person(reviewer.pk), at=at)
        tell_news(enrollment, about=f"screening:{screening.pk}", at=at)
        return decided


def _age(patient: Patient, *, at: datetime) -> int:
    return rules.age_on(patient.birth_on, today=at.astimezone(ZoneInfo(patient.timezone)).date())


def _chart(patient: Patient, *, age_years: int) -> dict[str, Any]:
    """Return the chart's part of what was decided on; a clearance holds only while the birth date is that."""
    return {rules.AGE: age_years, rules.BIRTH_ON: patient.birth_on.isoformat()}


def _stored(
    decision: ScreeningDecision, *, chart: Mapping[str, Any], facts: HealthFacts, crisis_summary: str
) -> dict[str, Any]:
    """Return the decision as it is kept: with the rest of its input, and in both readers' words."""
    return {
        **decision.as_json(),
        "chart": dict(chart),
        rules.FACTS: facts.as_json(),
        "texts": {
            "patient": patient_text(
                decision, crisis_summary=crisis_summary, phone=settings.CLINIC_PHONE
            ).as_json(),
            "clinician": clinician_text(decision),
        },
    }


def replay_screenings(*, sample: int, at: datetime) -> int:
    """Decide a sample of stored screenings once more on what they were made on; return how many differ.

    Each that differs, or was made on something else than is stored, raises an alert.
    """
    differing = 0
    for screening in queries.sampled_screenings(sample):
        if not queries.replays(screening):
            differing += 1
            logger.error("Screening %s does not come out as it was stored", screening.pk)
            patient_id, source = screening.enrollment.patient_id, f"replay:{screening.pk}"
            raise_alert(patient_id, alert_class=AlertClass.REPLAY_DIFFERS, source=source, at=at)
    return differing


def _lock_enrollment_of(screening_id: UUID) -> Enrollment:
    enrollment_id = Screening.objects.filter(pk=screening_id).values_list("enrollment_id", flat=True).first()
    if enrollment_id is None:
        raise NotFound
    return lock_enrollment(enrollment_id)


def override_exclusion(
    screening_id: UUID, *, reason: str, term: Term, clinician: User, at: datetime
) -> ExclusionOverride:
    """Sign that somebody whom the policy excludes may be treated, as the first of two clinicians.

    It clears nobody: another clinician has to accept the same screening (`review`), and the policy has to let
    each of the exclusions be overridden. Locks the enrollment. Raises `InvalidInput`, `SupersededScreening`,
    `AlreadyReviewed`, `NothingExcludes`, `Ineligible` with what nobody can override, `OverriddenByYou`,
    `PolicyChanged`, `ProfileChanged` or `MayNotTreat`.
    """
    if faults := term_faults(term, today=at.date()):
        raise InvalidInput(errors=faults)
    with atomic():
        enrollment = _lock_enrollment_of(screening_id)
        screening = queries.latest_screening(enrollment.pk)
        if screening is None or screening.pk != screening_id:
            raise errors.SupersededScreening
        screening.enrollment = enrollment
        _require_overridable(screening, by=clinician, at=at)
        accounts.require_may_treat(clinician, enrollment.patient_id, at=at)
        override = ExclusionOverride(
            screening=screening,
            clinician=clinician,
            reason=reason,
            screen_again_on=term.screen_again_on,
            ends_on=term.ends_on,
        )
        override.signature = accounts.sign(
            clinician,
            meaning=SignatureMeaning.DECIDED,
            document_sha256=digest(overrides.signed_content(override)),
            at=at,
        )
        override.save(force_insert=True)
        return override


def _require_overridable(screening: Screening, *, by: User, at: datetime) -> None:
    if hasattr(screening, "review"):
        raise errors.AlreadyReviewed
    if screening.outcome != ScreeningOutcome.INELIGIBLE:
        raise errors.NothingExcludes
    if standing := standing_exclusions(queries.policy_of(screening), screening.decision):
        raise errors.Ineligible(reasons=standing)
    if overrides.overrides(screening).filter(clinician=by).exists():
        raise errors.OverriddenByYou
    _require_current(screening, at=at)


def _require_decidable(screening: Screening, outcome: ReviewOutcome, *, reviewer: User, at: datetime) -> None:
    """Refuse a second decision, and an acceptance that would clear nobody."""
    if hasattr(screening, "review"):
        raise errors.AlreadyReviewed
    if outcome != ReviewOutcome.ACCEPTED:
        return
    if screening.outcome == ScreeningOutcome.INELIGIBLE:
        if standing := standing_exclusions(queries.policy_of(screening), screening.decision):
            raise errors.Ineligible(reasons=standing)
        if not overrides.overridden_by_another(screening, reviewer.pk):
            raise errors.TakesTwo(reasons=_exclusions(screening))
    _require_current(screening, at=at)


def _require_current(screening: Screening, *, at: datetime) -> None:
    """Refuse to decide on what is no longer so."""
    document, _ = queries.screening_policy(at=at)
    if document.pk != screening.policy_id:
        raise errors.PolicyChanged
    if not queries.is_profile_unchanged(screening) or queries.record_objects(screening, at=at):
        raise errors.ProfileChanged


def _exclusions(screening: Screening) -> list[Reason]:
    excluding = (reason for reason in screening.decision["reasons"] if reason["level"] == Level.EXCLUDE)
    return [Reason(reason["code"], reason["detail"]["clinician"]) for reason in excluding]


def _obey(decided: ScreeningReview, enrollment: Enrollment, *, actor: Actor, at: datetime) -> None:
    """Move the enrollment as was decided; whoever is declined is not reminded of anything more."""
    outcome = ReviewOutcome(decided.outcome)
    event = rules.review_event(EnrollmentStatus(enrollment.status), outcome)
    if event is not None:
        version = decided.screening.policy.version
        move(enrollment, event, actor=actor, at=at, reason=decided.reason, policy_version=version)
    if outcome == ReviewOutcome.DECLINED:
        user, cause = enrollment.patient.user, left_cause(enrollment)
        notifications.suppress(user, kinds=REMINDERS, cause=cause, at=at)


# --- the law ---------------------------------------------------------------------------------------------


def warn_of_the_end(*, at: datetime) -> int | None:
    """Tell directors and operators that the law by which we prescribe ends soon; each warning once.

    Returns how many days before the end the warning is for. May run as often as it likes.
    """
    found = queries.authority(at=at)
    warning = found[1].warning(today=at.date()) if found else None
    if found is None or warning is None:
        return None
    document, authority = found
    logger.warning("%s ends on %s; after that nobody is cleared", document, authority.ends_on)
    for user in holders(Role.MEDICAL_DIRECTOR, Role.OPERATOR, at=at):
        notifications.schedule(
            MessageKind.NEWS,
            dedupe_key=f"authority:{document.pk}:{warning}:{user.pk}",
            user=user,
            due_at=at,
            expires_at=at + NEWS_LASTS,
        )
    return warning


# --- alerts ----------------------------------------------------------------------------------------------


def raise_alert(patient_id: UUID, *, alert_class: AlertClass, source: str, at: datetime) -> Alert:
    """Open an alert and page at once; while one from the same source is not closed, return that one.

    A hard trigger holds treatment with it, once until that hold is lifted. Locks the patient's open
    enrollments, so that a session's start either sees both or came before them, then the alert.
    """
    with atomic():
        lock_open_enrollments(patient_id)
        if alert_class in PLACES_HOLD and not queries.is_held_for(patient_id, HoldReason.SAFETY_TRIGGER):
            note = f"With an alert: {alert_class.label.lower()}."
            reason = HoldReason.SAFETY_TRIGGER
            place_hold(patient_id, reason=reason, note=note, actor=who_acts(), at=at)
        return open_alert(patient_id, alert_class=alert_class, source=source, at=at)


def open_alert(patient_id: UUID, *, alert_class: AlertClass, source: str, at: datetime) -> Alert:
    """Open or find an alert for an event, which has a hold of its own where it needs one.

    One that somebody has in hand is opened again: they have not seen what is new. The caller holds the lock
    of the patient's open enrollments.
    """
    with atomic():
        opened = Alert(
            patient_id=patient_id,
            alert_class=alert_class,
            source=source,
            opened_at=at,
            next_page_at=at,
            ladder=queries.ladder_in_force(alert_class, at=at).as_json(),
        )
        alert = _stored_or_found(opened)
        if alert.pk != opened.pk:
            alert.last_signal = new_id()
            alert.save(update_fields=["last_signal"])
        if alert.pk == opened.pk or alert.status == AlertStatus.ACKNOWLEDGED:
            # Who had it in hand, and since when, stays to be read until the next takes it.
            alert.status = AlertStatus.OPEN
            _page(alert, at=at)
        return alert


def _stored_or_found(opened: Alert) -> Alert:
    """Store an alert, or lock the one that stands from its source; again, where that was closed meanwhile."""
    while True:
        Alert.objects.bulk_create([opened], ignore_conflicts=True)
        standing = Alert.objects.select_for_update().exclude(status=AlertStatus.CLOSED)
        if (alert := standing.filter(source=opened.source).first()) is not None:
            return alert


def acknowledge(alert: Alert, *, by: User, at: datetime) -> Alert:
    """Say that a named clinician has the alert in hand: paging stops. Saying so again is harmless.

    Locks the alert. Raises `WrongAlertState` where somebody else has it, or it is closed.
    """
    with atomic():
        locked = Alert.objects.select_for_update().get(pk=alert.pk)
        if locked.status == AlertStatus.ACKNOWLEDGED and locked.acknowledged_by_id == by.pk:
            return locked
        _advance(locked, AlertStatus.ACKNOWLEDGED)
        locked.acknowledged_by, locked.acknowledged_at, locked.next_page_at = by, at, None
        locked.save()
        notifications.cancel(f"alert:{alert.pk}:", at=at)
        return locked


def close(alert: Alert, *, by: User, reason: str, at: datetime) -> Alert:
    """Sign that an acknowledged alert is dealt with. A hold that came with it stands until it is lifted.

    Locks the patient's open enrollments, then the alert. Raises `WrongAlertState`.
    """
    with atomic():
        lock_open_enrollments(alert.patient_id)
        locked = Alert.objects.select_for_update().get(pk=alert.pk)
        _advance(locked, AlertStatus.CLOSED)
        content = {"alert": str(locked.pk), "class": locked.alert_class, "reason": reason}
        locked.signature = accounts.sign(
            by, meaning=SignatureMeaning.CLOSED, document_sha256=digest(content), at=at
        )
        locked.close_reason = reason
        locked.save()
        return locked


def page_unacknowledged(*, at: datetime) -> int:
    """Send the next page of every open alert whose time has come; return how many alerts were paged for.

    An alert in the hands of somebody who no longer practises is opened again first. Any number of processes
    may do this at once: each step of each alert is taken once. One alert that cannot be paged for is logged
    and does not keep the others waiting; a heap of those that can wait keeps nobody from sending what is
    due, or from looking for silence: after `PAGES_FOR_S` the next pass goes on with them.
    """
    ends, paged = monotonic() + PAGES_FOR_S, 0
    for alert in queries.abandoned_alerts(at=at):
        _reopen_abandoned(alert, at=at)
    for alert_id, can_wait in queries.alerts_to_page(at=at):
        if can_wait and monotonic() >= ends:
            break
        paged += _page_if_due(alert_id, at=at)
    return paged


def _reopen_abandoned(alert: Alert, *, at: datetime) -> None:
    """Open an alert again and let it page at once, unless it has changed hands meanwhile."""
    same = Alert.objects.filter(pk=alert.pk, acknowledged_by=alert.acknowledged_by_id)
    if same.filter(status=AlertStatus.ACKNOWLEDGED).update(status=AlertStatus.OPEN, next_page_at=at):
        logger.warning("Alert %s: whoever had it in hand no longer practises; opened again", alert.pk)


def _page_if_due(alert_id: UUID, *, at: datetime) -> bool:
    """Take one step, unless another process has it in hand or has taken it."""
    try:
        with atomic():
            due = Alert.objects.filter(pk=alert_id, status=AlertStatus.OPEN, next_page_at__lte=at)
            alert = due.select_for_update(skip_locked=True).first()
            if alert is not None:
                _page(alert, at=at)
            return alert is not None
    except Exception as error:
        log_failure(logger, f"Alert {alert_id} could not be paged for", error)
        return False


def _page(alert: Alert, *, at: datetime) -> None:
    """Write this step's messages, and when the next is due; with nobody to call, try again soon."""
    ladder, page = queries.ladder_of(alert), alert.pages_sent
    step = ladder.step(page)
    called = step.called(queries.on_call(alert, at=at))
    kind = MessageKind.PACKET_PAGE if step.hands_packet else _page_kind(alert)
    for user in called:
        _send_page(alert, user, kind=kind, key=f"{page}:{user.pk}", at=at)
    if step.tells_guide:
        _tell_guide(alert, at=at)
    if called:
        alert.pages_sent = page + 1
        again = alert.acknowledged_at is not None
        alert.next_page_at = ladder.next_page_at(
            alert.opened_at, pages_sent=alert.pages_sent, opened_again=again, at=at
        )
    else:
        # No step: nobody has heard of it yet. Whoever comes on call must not wait for the next one.
        logger.error("Alert %s: nobody is on call for page %s", alert.pk, page)
        alert.next_page_at = at + SHORTEST_GAP
        _call_whoever_runs_it(alert, at=at)
    alert.save(update_fields=["status", "pages_sent", "next_page_at"])


def _call_whoever_runs_it(alert: Alert, *, at: datetime) -> None:
    """Tell whoever runs the clinic that there is nobody to page: once an hour, whatever number of alerts.

    They see no chart, and no word of whose this is; the roster is what they can mend. A drill tells nobody.
    """
    if alert.patient.is_drill:
        return
    kind = _page_kind(alert)
    for user in holders(Role.OPERATOR, Role.MEDICAL_DIRECTOR, Role.SAFETY_OFFICER, at=at):
        notifications.schedule(
            kind,
            dedupe_key=f"nobody-on-call:{kind}:{at:%Y%m%dT%H}:{user.pk}",
            user=user,
            due_at=at,
            expires_at=at + PAGE_LIFE,
            words={"link": messages.link("roster")},
            about=Nobody.CHART,
        )


def _tell_guide(alert: Alert, *, at: datetime) -> None:
    """Tell the patient's guide, if they have one, beside the step: once, whether or not anybody is on call.

    Of a silence, and of nothing clinical; the message leads nowhere, and answers nothing. One that cannot be
    told is logged, and keeps no page from leaving.
    """
    try:
        with transaction.atomic():
            guide = queries.guide_to_tell(alert.patient_id, at=at)
            if guide is not None:
                notifications.schedule(
                    MessageKind.GUIDE_TOLD,
                    dedupe_key=f"alert:{alert.pk}:guide:{guide.pk}",
                    user=guide,
                    due_at=at,
                    expires_at=at + PAGE_LIFE,
                    about=alert.patient_id,
                )
    except Exception as error:
        log_failure(logger, f"Alert {alert.pk}: the guide could not be told", error)


def _page_kind(alert: Alert) -> MessageKind:
    return MessageKind.ALERT_PAGE if alert.alert_class in BLOCKS_STARTING else MessageKind.TRIAGE_PAGE


def _send_page(alert: Alert, user: User, *, kind: MessageKind, key: str, at: datetime) -> None:
    notifications.schedule(
        kind,
        dedupe_key=f"alert:{alert.pk}:{key}",
        user=user,
        due_at=at,
        expires_at=at + PAGE_LIFE,
        words={"link": messages.staff_link(f"safety/alert/{alert.pk}")},
        about=alert.patient_id,
    )


def _advance(alert: Alert, after: AlertStatus) -> None:
    before = AlertStatus(alert.status)
    if not rules.alert_may_become(before, after):
        detail = f"The alert is {before.label.lower()}; it cannot become {after.label.lower()}."
        raise errors.WrongAlertState(detail)
    alert.status = after


# --- who somebody is, and what they were prescribed elsewhere --------------------------------------------


@dataclass(frozen=True)
class IdentityReport:
    """How and when a patient was compared with a document, and what that came to."""

    method: IdentityMethod
    document: IdentityDocument
    outcome: IdentityOutcome
    checked_at: datetime
    legal_name: str = ""
    birth_on: date | None = None


def save_me(user: User, *, profile: Mapping[str, Any], address: Address | None, at: datetime) -> Patient:
    """Store what a person says of themselves; name and birth date stay once a check has confirmed them.

    Locks the patient. Raises `IdentitySettled` for another name or birth date then, and what
    `accounts.save_me` raises.
    """
    # A savepoint: what is refused leaves a line in the trail, inside whatever transaction this is part of.
    with transaction.atomic():
        known = Patient.objects.select_for_update(no_key=True).filter(user=user).first()
        said = (profile["legal_name"], profile["birth_on"])
        differs = known is not None and said != (known.legal_name, known.birth_on)
        if known is not None and differs and queries.is_identity_confirmed(known):
            raise errors.IdentitySettled
        return accounts.save_me(user, profile=profile, address=address, at=at)


def _correct(patient: Patient, report: IdentityReport) -> Patient:
    """Lock the patient; take over what a document says that the chart does not, and return them."""
    locked = Patient.objects.select_for_update(no_key=True).get(pk=patient.pk)
    if report.outcome == IdentityOutcome.CONFIRMED:
        locked.legal_name = report.legal_name or locked.legal_name
        locked.birth_on = report.birth_on or locked.birth_on
        locked.save(update_fields=["legal_name", "birth_on"])
    return locked


def record_identity_check(
    patient: Patient, *, report: IdentityReport, checker: User, at: datetime
) -> IdentityCheck:
    """Store that somebody compared a patient with a document, and whether the policy counts them as adult.

    A name or birth date given with a confirmed check is the document's, and corrects the chart: the check is
    the reason, the audit trail keeps what stood before, and a clearance with another birth date ends. A check
    that confirms nobody ends it too, until one that does. Locks the open enrollments, then the patient.
    Raises `NotYet` or `NoScreeningPolicy`.
    """
    _require_past(report.checked_at, "/checked_at", at=at)
    document, policy = queries.screening_policy(at=at)
    with atomic():
        lock_open_enrollments(patient.pk)
        corrected = _correct(patient, report)
        return IdentityCheck.objects.create(
            patient=corrected,
            checked_by=checker,
            checked_at=report.checked_at,
            method=report.method,
            document=report.document,
            outcome=report.outcome,
            legal_name=corrected.legal_name,
            birth_on=corrected.birth_on,
            is_adult=rules.is_adult(policy, age_years=_age(corrected, at=report.checked_at)),
            policy=document,
            recorded_at=at,
        )


@dataclass(frozen=True)
class MonitoringReport:
    """Which states' registers were asked, when, and what they said."""

    states: tuple[str, ...]
    queried_at: datetime
    result: MonitoringResult
    note: str = ""


def record_monitoring_query(
    enrollment: Enrollment, *, report: MonitoringReport, reviewer: User, at: datetime
) -> MonitoringQuery:
    """Store that somebody asked the registers of controlled prescriptions; raises `NotYet`."""
    _require_past(report.queried_at, "/queried_at", at=at)
    query_id = new_id()
    return MonitoringQuery.objects.create(
        id=query_id,
        enrollment=enrollment,
        states=sorted(set(report.states)),
        queried_at=report.queried_at,
        reviewer=reviewer,
        result=report.result,
        note=encrypt(report.note, place=queries.note_place(query_id)),
        recorded_at=at,
    )


def _require_past(moment: datetime, pointer: str, *, at: datetime) -> None:
    if moment > at:
        raise errors.NotYet(errors=[InputError(pointer, "in_the_future", "Give a time that has been.")])


# --- care ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Left:
    """A patient who could not be handed over, and why."""

    patient_id: UUID
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Handover:
    """Whom somebody looks after now, and who stayed where they were."""

    moved: list[CareTeamMembership]
    left: list[Left]


def hand_over(patient_id: UUID, role: Role, *, to: User, by: User, at: datetime) -> CareTeamMembership:
    """Put a patient into somebody's care, with all that waits: open alerts page them at once.

    An alert that their predecessor had in hand is opened again, because nobody has it now. Screenings that
    wait and sessions to come are found through the care team, and go along by themselves. Locks the open
    enrollments, the patient, then the alerts. Raises `NotFound`, or `CannotHandOver` with every reason.
    """
    with atomic():
        lock_open_enrollments(patient_id)
        succession = accounts.hand_over(patient_id, role, to=to, by=by, at=at)
        if succession.began:
            if role == Role.CLINICIAN:
                _pass_on_alerts(patient_id, succession, at=at)
            notifications.schedule(
                MessageKind.NEWS,
                dedupe_key=f"handover:{to.pk}:{at.isoformat()}",
                user=to,
                due_at=at,
                expires_at=at + NEWS_LASTS,
            )
        return succession.membership


def hand_over_all(source_id: UUID, role: Role, *, to: User, by: User, at: datetime) -> Handover:
    """Put everybody whom somebody looks after in a role into somebody's care, each by itself.

    Who cannot go (no licence for where they live) stays and is named. Raises `CannotHandOver` where nobody
    could.
    """
    moved, left = [], []
    with atomic():
        for patient_id in queries.cared_for(source_id, role):
            try:
                with transaction.atomic():
                    moved.append(hand_over(patient_id, role, to=to, by=by, at=at))
            except CannotHandOver as refusal:
                left.append(Left(patient_id, refusal.reasons))
        if left and not moved:
            reasons = dict.fromkeys(reason for one in left for reason in one.reasons)
            raise CannotHandOver(reasons=list(reasons))
        return Handover(moved, left)


def _pass_on_alerts(patient_id: UUID, succession: Succession, *, at: datetime) -> None:
    alerts = Alert.objects.select_for_update().filter(patient_id=patient_id)
    # Whoever assigns care sees no alert; they hand it on all the same.
    with seeing_all_charts():
        for alert in alerts.exclude(status=AlertStatus.CLOSED).order_by("id"):
            _pass_on(alert, succession, at=at)


def _pass_on(alert: Alert, succession: Succession, *, at: datetime) -> None:
    if alert.status == AlertStatus.ACKNOWLEDGED:
        if alert.acknowledged_by_id != succession.predecessor_id:
            return
        alert.status = AlertStatus.OPEN
        alert.next_page_at = queries.ladder_of(alert).next_page_at(
            alert.opened_at, pages_sent=alert.pages_sent, opened_again=True, at=at
        )
        alert.save(update_fields=["status", "next_page_at"])
    to = succession.membership.member
    _send_page(alert, to, kind=_page_kind(alert), key=f"handover:{succession.membership.pk}", at=at)


# --- holds and adverse events ----------------------------------------------------------------------------


def place_hold(patient_id: UUID, *, reason: HoldReason, note: str, actor: Actor, at: datetime) -> Hold:
    """Make treatment stand still, and put off its booking reminders; what guards their safety goes on.

    Locks the patient's open enrollments first: a start has either happened or will see the hold.
    """
    with atomic():
        lock_open_enrollments(patient_id)
        hold = Hold.objects.create(
            id=new_id(),
            patient_id=patient_id,
            reason=reason,
            note=note,
            placed_at=at,
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
        kinds = [MessageKind.SESSION_TOMORROW]
        # Whoever is on call stops reminders that they don't see.
        with seeing_all_charts():
            notifications.put_off(hold.patient.user, kinds=kinds, cause=f"hold:{hold.pk}", at=at)
        return hold


def lift_hold(hold: Hold, *, by: User, reason: str, at: datetime) -> Hold:
    """Sign that treatment may go on; other holds and open alerts stand.

    Two people stand behind it: who placed the hold, or reported what it was placed for, does not lift it
    (ADR 0019). Locks the patient's open enrollments, then the hold. Raises `AlreadyLifted`, `PlacedByYou`, or
    `MayNotTreat` without a licence for where the patient lives.
    """
    with atomic():
        lock_open_enrollments(hold.patient_id)
        locked = Hold.objects.select_for_update().get(pk=hold.pk)
        if locked.lifted_at is not None:
            raise errors.AlreadyLifted
        if locked.actor == Actor.person(by.pk):
            raise errors.PlacedByYou
        # Who is on call doesn't see where somebody lives; their licence is for there all the same.
        with seeing_all_charts():
            accounts.require_may_treat(by, locked.patient_id, at=at)
        content = {"hold": str(locked.pk), "lifted": True, "reason": reason}
        locked.lift_signature = accounts.sign(
            by, meaning=SignatureMeaning.DECIDED, document_sha256=digest(content), at=at
        )
        locked.lifted_at, locked.lift_reason = at, reason
        locked.save()
        # Who is on call lifts for charts whose reminders they don't see.
        with seeing_all_charts():
            notifications.unsuppress(locked.patient.user, cause=f"hold:{locked.pk}", at=at)
        return locked


@dataclass(frozen=True)
class EventReport:
    """What somebody says went wrong, in their words, which may be few; everything else may be left open.

    `is_serious` is the answer to the closed question, `answers` those to the six behind it; `None`, "not
    known", counts as serious.
    """

    description: str
    action_taken: str = ""
    onset_at: datetime | None = None
    ended_at: datetime | None = None
    is_serious: bool | None = None
    seriousness: tuple[Seriousness, ...] = ()
    answers: Mapping[Seriousness, bool | None] = field(default_factory=dict)
    grade: Grade | None = None
    ascertainment: Ascertainment = Ascertainment.VOLUNTEERED


def report_event(patient_id: UUID, *, report: EventReport, actor: Actor, at: datetime) -> AdverseEvent:
    """Store an adverse event with its alert and, if it is serious, its hold: all of it or nothing.

    An incomplete report is stored as it is, starts the clocks for reporting it, and has somebody find out how
    it ends, by a date. A serious event has an alert of its own; the others of a patient share one while it is
    not closed, so that many reports do not drown anybody's page. Locks the patient's open enrollments first.
    """
    named = {*report.seriousness, *(question for question, answer in report.answers.items() if answer)}
    serious = is_serious(
        answered=report.is_serious, criteria=named, grade=report.grade, answers=report.answers
    )
    with atomic():
        lock_open_enrollments(patient_id)
        lock_chart(patient_id)
        event_id = new_id()
        hold = None
        if serious:
            note = "A serious adverse event was reported."
            hold = place_hold(patient_id, reason=HoldReason.SERIOUS_EVENT, note=note, actor=actor, at=at)
        alert_class = AlertClass.SERIOUS_EVENT if serious else AlertClass.ADVERSE_EVENT
        source = f"event:{event_id}" if serious else f"events:{patient_id}"
        event = AdverseEvent.objects.create(
            id=event_id,
            patient_id=patient_id,
            description=report.description,
            action_taken=report.action_taken,
            onset_at=report.onset_at,
            ended_at=report.ended_at,
            is_serious=serious,
            seriousness=[criterion for criterion in Seriousness if criterion in named],
            answers={question.value: answer for question, answer in report.answers.items()},
            grade=report.grade,
            ascertainment=report.ascertainment,
            reported_at=at,
            hold=hold,
            alert=open_alert(patient_id, alert_class=alert_class, source=source, at=at),
            actor_kind=actor.kind,
            actor_id=actor.id,
        )
        start_clocks(event, assessment=None, start=ClockStart.REPORTED, at=at)
        follow_report(event, at=at)
        return event
