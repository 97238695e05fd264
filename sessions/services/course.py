"""The course of a session: the gate, the dose, the end."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.serializers.json import DjangoJSONEncoder

from assessments.services import open_after_session
from core.actors import Actor, ActorKind
from core.database import atomic
from core.errors import Problem, Reason
from core.models import DocumentVersion
from programs.enums import Route
from programs.models import TreatmentPlan
from programs.queries import current_plan
from safety import services as safety
from safety.enums import AlertClass, AlertStatus
from safety.models import Alert
from safety.queries import override_signers
from sessions import errors, queries, rules
from sessions.enums import BOOKED_STATUSES, OutcomeKind, SessionEvent, SessionStatus
from sessions.ledger.services import take_dose
from sessions.models import (
    CheckInDeadline,
    Dose,
    DoseOutcome,
    GateDecision,
    TreatmentSession,
    UnattributedDose,
)
from sessions.policy import SessionPolicy, parse_policy
from sessions.rules import StartDecision, StartFacts
from sessions.services.monitors import end_links, extend_links
from sessions.services.mornings import ask_in_the_morning, keep_off_the_road
from sessions.services.packet import keep_packet
from sessions.services.steps import lock, move, repeats, require_status, was_there


def start_session(session: TreatmentSession, *, actor: Actor, at: datetime) -> TreatmentSession:
    """Pass the gate: the dose window opens, every deadline becomes a row, and so does the emergency packet.

    Asking twice is harmless. Locks the enrollment, then the session, so that a hold either is seen here or
    comes after. Raises `SessionNotStartable` with every reason, `SessionNotWatched` where the watchdog is not
    alive, or `WrongSessionState`.
    """
    with atomic():
        locked = lock(session)
        if repeats(locked, SessionEvent.STARTED, actor=actor):
            return locked
        require_status(locked, BOOKED_STATUSES)
        document, policy = queries.policy_in_force(at=at)
        plan = current_plan(locked.enrollment_id)
        facts = queries.start_facts(locked, plan=plan, policy=policy, at=at)
        decision = rules.decide_start(facts, policy)
        if plan is None or not decision.allowed:
            raise _not_startable(decision.reasons, actor)
        gate = _passed(locked, facts, decision, plan=plan, document=document, policy=policy, actor=actor)
        version, columns = document.version, {"started_at": at, "gate": gate}
        move(locked, SessionEvent.STARTED, actor=actor, at=at, policy_version=version, columns=columns)
        CheckInDeadline.objects.bulk_create(
            CheckInDeadline(session=locked, due_at=due_at) for due_at in rules.deadlines(at, policy)
        )
        extend_links(locked, from_moment=at)
        keep_packet(locked, at=at)
        return locked


def record_dose(
    session: TreatmentSession,
    *,
    route: Route,
    dose_mg: Decimal,
    taken_at: datetime | None = None,
    actor: Actor,
    at: datetime,
) -> Dose:
    """Write down that the dose is taken now, as the plan orders it; it points at the gate that let it pass.

    A phone that was offline says when (`taken_at`): what reaches us later keeps that time, is marked as late,
    and a clinician is told. All that is asked of a dose is asked as of now.
    Asking twice is harmless. Locks the enrollment, then the session. Raises `WrongSessionState` where the
    gate was not passed, `DoseAlreadyTaken`, or `DoseNotNow` with every reason.
    """
    with atomic():
        locked = lock(session)
        if (taken := Dose.objects.filter(session=locked).first()) is not None:
            if (taken.actor, taken.route, taken.dose_mg) == (actor, route, dose_mg):
                return taken
            raise errors.DoseAlreadyTaken
        require_status(locked, [SessionStatus.IN_PROGRESS])
        gate = queries.gate_of(locked)
        policy = parse_policy(gate.policy.content)
        facts = queries.dose_facts(locked, gate, route=route, dose_mg=dose_mg, policy=policy, at=at)
        if faults := rules.dose_faults(facts, policy):
            raise errors.DoseNotNow(reasons=_told(faults, actor))
        taken = Dose(gate=gate, route=route, dose_mg=dose_mg, recorded_at=at)
        taken.taken_at = rules.taken_in_window(taken_at, opened_at=gate.decided_at, at=at)
        if taken.is_late:
            taken.alert = _tell_of_dose(locked, route=route, dose_mg=dose_mg, taken_at=taken.taken_at, at=at)
        return _taken(locked, taken, actor=actor)


def hear_refused_dose(
    session: TreatmentSession, *, route: Route | None, dose_mg: Decimal | None, at: datetime
) -> bool:
    """Call a clinician to a dose that was told of and refused: it may have been swallowed. Tell whether.

    Route and amount are `None` where they could not be read.

    The session is watched, and nobody drives, as if it had been, until somebody says that it was not. In a
    transaction of its own, after the refusal has undone everything else. Not for the dose that is known,
    recorded by two people at once. Locks the enrollment, then the session.
    """
    with atomic():
        locked = lock(session)
        known = Dose.objects.filter(session=locked).first()
        is_known = known is not None and (known.route, known.dose_mg) == (route, dose_mg)
        if known is not None and is_known and rules.is_told_twice(known.recorded_at, at=at):
            return False
        safety.raise_alert(
            locked.enrollment.patient_id,
            alert_class=AlertClass.REFUSED_DOSE,
            source=rules.refused_dose_source(locked.pk),
            at=at,
        )
        keep_off_the_road(locked, taken_at=at, at=at)
        return True


def record_late_dose(
    session: TreatmentSession,
    *,
    route: Route,
    dose_mg: Decimal,
    taken_at: datetime,
    actor: Actor,
    at: datetime,
) -> Dose:
    """Write down a dose that was taken within its window and is reported after it; tell a clinician at once.

    The session goes on as dosed, from the time that was reported; it is watched as if that had been the last
    minute of the window. What keeps a dose from being taken does not keep one that was from being recorded,
    nor does another amount than was ordered: the alert asks somebody to look, urgently where it should not
    have been taken. Asking twice is harmless. Locks the enrollment, then the session. Raises
    `WrongSessionState`, `DoseAlreadyTaken`, or `NotALateDose`: whoever catches that has it kept
    (`keep_unattributed_dose`).
    """
    taken_at = rules.told_at_latest(taken_at, at=at)
    with atomic():
        locked = lock(session)
        if (known := Dose.objects.filter(session=locked).first()) is not None:
            said = (actor, route, dose_mg, taken_at)
            if (known.actor, known.route, known.dose_mg, known.taken_at) == said:
                return known
            raise errors.DoseAlreadyTaken
        if locked.status != SessionStatus.IN_PROGRESS:
            raise errors.WrongSessionState("This session does not run. Report what happened, or call us.")
        gate = queries.gate_of(locked)
        faults = rules.late_dose_faults(
            taken_at=taken_at, opened_at=gate.decided_at, dose_by=gate.dose_by, at=at
        )
        if faults and locked.dose_outcomes.exists():
            faults = [rules.NO_DOSE_AGAIN]
        if faults:
            raise errors.NotALateDose(reasons=faults)
        alert = _tell_of_dose(locked, route=route, dose_mg=dose_mg, taken_at=taken_at, at=at)
        taken = Dose(gate=gate, route=route, dose_mg=dose_mg, taken_at=taken_at, recorded_at=at, alert=alert)
        return _taken(locked, taken, actor=actor)


def keep_unattributed_dose(
    session: TreatmentSession,
    *,
    route: Route,
    dose_mg: Decimal,
    taken_at: datetime,
    actor: Actor,
    at: datetime,
) -> bool:
    """Keep what was said of a dose that `record_late_dose` refused, and tell a clinician at once.

    In a transaction of its own, after the refusal has undone everything else. Tell whether it is kept: not
    the dose that is known, nor one that can still be recorded as the session's own. A time that is still to
    come is a clock that goes wrong: then it was by now. Again is harmless. Locks the enrollment, then the
    session.
    """
    taken_at = min(taken_at, at)
    with atomic():
        locked = lock(session)
        if _is_the_sessions(locked, (route, dose_mg, taken_at), at=at):
            return False
        dose = {"route": route, "dose_mg": dose_mg, "taken_at": taken_at}
        row = UnattributedDose(
            session=locked, **dose, recorded_at=at, actor_kind=actor.kind, actor_id=actor.id
        )
        told = UnattributedDose.objects.filter(session=locked, **dose)
        if not told.filter(actor_kind=actor.kind, actor_id=actor.id).exists():
            row.alert = _tell_of_dose(locked, route=route, dose_mg=dose_mg, taken_at=taken_at, at=at)
            row.save(force_insert=True)
            keep_packet(locked, at=at)
            keep_off_the_road(locked, taken_at=taken_at, at=at)
        return True


def record_dose_outcome(
    session: TreatmentSession, *, kind: OutcomeKind, note: str = "", actor: Actor, at: datetime
) -> DoseOutcome:
    """Write down that the dose was refused, or came up again: none is taken in this session any more.

    Nothing else changes: what was taken counts, and the watch goes on. One that came up again calls a
    clinician; told of a session that ended as one without a dose, it keeps them off the road from now on.
    Said again it is the same one; by somebody else, or later, it calls again whoever has it in hand. Locks
    the enrollment, then the session. Raises `WrongSessionState`.
    """
    with atomic():
        locked = lock(session)
        dosed = locked.dosed_at is not None
        known = DoseOutcome.objects.filter(session=locked, kind=kind).first()
        if known is not None:
            # A double tap is no news; from somebody else, or later, it is, for whoever has the alert in hand.
            is_repeat = known.actor == actor and rules.is_told_twice(known.recorded_at, at=at)
            if known.alert is not None and (known.alert.status == AlertStatus.CLOSED or not is_repeat):
                _tell_of_vomiting(locked, at=at)
            return known
        if fault := rules.outcome_fault(kind, status=SessionStatus(locked.status), dosed=dosed):
            raise errors.WrongSessionState(fault)
        row = DoseOutcome(session=locked, kind=kind, note=note, recorded_at=at)
        row.actor_kind, row.actor_id = actor.kind, actor.id
        if kind == OutcomeKind.VOMITED:
            row.alert = _tell_of_vomiting(locked, at=at)
        row.save(force_insert=True)
        keep_packet(locked, at=at)
        if kind == OutcomeKind.VOMITED:
            keep_off_the_road(locked, taken_at=at, at=at)
        return row


def hear_refused_outcome(session: TreatmentSession, *, at: datetime) -> None:
    """Call a clinician to a dose that came up, though `record_dose_outcome` refused it.

    In a transaction of its own, after the refusal has undone everything else. Locks the enrollment, then the
    session.
    """
    with atomic():
        locked = lock(session)
        _tell_of_vomiting(locked, at=at)
        keep_off_the_road(locked, taken_at=at, at=at)


def _tell_of_vomiting(session: TreatmentSession, *, at: datetime) -> Alert:
    """Call a clinician; where nobody wrote the dose down, no other session starts until it is closed."""
    return safety.raise_alert(
        session.enrollment.patient_id,
        alert_class=AlertClass.ADVERSE_EVENT if session.dosed_at else AlertClass.REFUSED_DOSE,
        source=f"vomited-dose:{session.pk}",
        at=at,
    )


def _is_the_sessions(
    session: TreatmentSession, said: tuple[Route, Decimal, datetime], *, at: datetime
) -> bool:
    """Tell whether what was said is the dose of a locked session, or can become it."""
    known = Dose.objects.filter(session=session).first()
    if known is not None:
        return (known.route, known.dose_mg, known.taken_at) == said
    if session.status != SessionStatus.IN_PROGRESS:
        return False
    gate = queries.gate_of(session)
    faults = rules.late_dose_faults(taken_at=said[2], opened_at=gate.decided_at, dose_by=gate.dose_by, at=at)
    if session.dose_outcomes.exists():
        return not faults
    return not faults or faults[0].code == "dose_window_open"


def _tell_of_dose(
    session: TreatmentSession, *, route: Route, dose_mg: Decimal, taken_at: datetime, at: datetime
) -> Alert:
    """Raise the alert for a dose that nobody was asked about: one that can wait, or one that cannot."""
    unseen = queries.unseen_dose(session, route=route, dose_mg=dose_mg, taken_at=taken_at)
    alert_class, source = AlertClass.LATE_DOSE, f"late-dose:{session.pk}"
    if rules.should_not_have_been(unseen, queries.policy_to_hear_by(session, at=at)):
        # A source of its own, so that it never hides behind one that can wait.
        alert_class, source = AlertClass.SERIOUS_EVENT, f"wrong-dose:{session.pk}"
    return safety.raise_alert(session.enrollment.patient_id, alert_class=alert_class, source=source, at=at)


def _taken(session: TreatmentSession, dose: Dose, *, actor: Actor) -> Dose:
    """Store the dose of a locked session, and let the session be dosed from the time it was taken."""
    dosed_on = rules.local_day(dose.taken_at, ZoneInfo(session.timezone))
    version, columns = dose.gate.policy.version, {"dosed_at": dose.taken_at, "dosed_on": dosed_on}
    at = dose.recorded_at
    move(session, SessionEvent.DOSED, actor=actor, at=at, policy_version=version, columns=columns)
    dose.session, dose.actor_kind, dose.actor_id = session, actor.kind, actor.id
    dose.save(force_insert=True)
    take_dose(dose)
    keep_packet(session, at=at)
    return dose


def end_session(session: TreatmentSession, *, reason: str, actor: Actor, at: datetime) -> TreatmentSession:
    """End the watched time: after a dose the recovery begins, without one the session was aborted.

    What the policy asks to see of the person by then has to be seen, unless a clinician says why not. Where a
    dose may have been taken that the session cannot call its own, it is watched, nobody drives, and the
    morning after is asked for, all the same. Deadlines still to come are waived; one that has passed unheard
    stays for the watch to find. Asking twice is harmless. Locks the enrollment, then the session. Raises
    `NotOverYet` or `WrongSessionState`.
    """
    with atomic():
        locked = lock(session)
        if repeats(locked, SessionEvent.ENDED, SessionEvent.ABORTED, actor=actor):
            return locked
        require_status(locked, [SessionStatus.IN_PROGRESS])
        document, policy = queries.policy_of(locked, at=at)
        overruled = bool(reason.strip()) and not was_there(locked, actor)
        facts = queries.end_facts(locked, overruled=overruled, at=at)
        if faults := rules.end_faults(facts, policy):
            raise errors.NotOverYet(reasons=faults)
        event, columns = _ending(locked, is_safe=facts.dosed_by is None, policy=policy, at=at)
        version = document.version
        move(locked, event, actor=actor, at=at, reason=reason, policy_version=version, columns=columns)
        queries.open_deadlines(locked).filter(due_at__gt=at).update(waived_at=at)
        end_links(locked, until=at + policy.link_lifetime_after_end)
        if event == SessionEvent.ENDED:
            open_after_session(locked.enrollment, number=locked.number, at=at)
        ask_in_the_morning(locked, at=at)
        return locked


def _not_startable(reasons: tuple[Reason, ...], actor: Actor) -> Problem:
    """Return the refusal: ours to mend, and worth another try, where our own watch does not run."""
    kind = errors.SessionNotWatched if rules.NOT_WATCHED in reasons else errors.SessionNotStartable
    return kind(reasons=_told(reasons, actor))


def _told(reasons: Iterable[Reason], actor: Actor) -> tuple[Reason, ...]:
    """Return the reasons for a refusal as far as they are this actor's business."""
    return rules.for_monitor(reasons) if actor.kind == ActorKind.CAPABILITY else tuple(reasons)


def _passed(
    session: TreatmentSession,
    facts: StartFacts,
    decision: StartDecision,
    *,
    plan: TreatmentPlan,
    document: DocumentVersion,
    policy: SessionPolicy,
    actor: Actor,
) -> GateDecision:
    """Write down what the gate was told when it let the session pass, and whose override it passed by."""
    return GateDecision.objects.create(
        session=session,
        plan=plan,
        policy=document,
        facts=json.loads(json.dumps(asdict(facts), cls=DjangoJSONEncoder))
        | {
            "exclusion_overridden_by": override_signers(session.enrollment_id),
            "limits_overridden": [
                {"id": str(one.id), "by": one.by, "reason": one.reason} for one in decision.overrides
            ],
        },
        decided_at=facts.at,
        dose_by=facts.at + policy.dose_window,
        actor_kind=actor.kind,
        actor_id=actor.id,
    )


def _ending(
    session: TreatmentSession, *, is_safe: bool, policy: SessionPolicy, at: datetime
) -> tuple[SessionEvent, dict[str, Any]]:
    """Return how a session ends and what is stored with it; safe is one in which no dose can have been.

    A no-driving time from before the start is never shortened.
    """
    before = session.no_drive_until
    if is_safe and before is not None and before > at:
        return SessionEvent.ABORTED, {"ended_at": at}
    if is_safe:
        return SessionEvent.ABORTED, {"ended_at": at, "no_drive_until": None, "morning_due_at": None}
    until = max(queries.no_drive_after(session, policy=policy, since=at), before or at)
    columns = {
        "ended_at": at,
        "no_drive_until": until,
        "morning_due_at": rules.morning_due_at(until, policy),
    }
    if session.dosed_at is None:
        return SessionEvent.ABORTED, columns
    review_due_at = rules.review_due_at(session.number, ended_at=at, policy=policy)
    return SessionEvent.ENDED, columns | {"review_due_at": review_due_at}
