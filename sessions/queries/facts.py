"""The policy that holds, and the facts that decisions are made from."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Max, Q, QuerySet
from django.db.models.functions import Least

from accounts import queries as accounts
from accounts.models import Patient
from accounts.policies import queries as policies
from assessments import queries as assessments
from core import heartbeats
from core.acting import seeing_all_charts
from core.actors import Actor, ActorKind
from core.documents import NoDocumentInForce
from core.enums import DocumentKind
from core.errors import NotFound, Reason
from core.models import DocumentVersion
from programs import queries as programs
from programs.enums import EnrollmentStatus, Route
from programs.errors import NoSessionPolicy
from programs.models import Enrollment, TreatmentPlan
from safety import queries as safety
from safety.enums import BLOCKS_DOSING
from safety.events import queries as events
from safety.identity.queries import charts_of
from safety.roster import queries as roster
from safety.roster.rules import Span
from safety.rules import Course
from sessions import rules
from sessions.enums import (
    BOOKED_STATUSES,
    LIVE_STATUSES,
    VOID_STATUSES,
    Alertness,
    AttestationKind,
    ObservationKind,
    OutcomeKind,
    SessionStatus,
)
from sessions.ledger import queries as ledger
from sessions.models import (
    Attestation,
    Dose,
    DoseOutcome,
    GateDecision,
    MonitorInvitation,
    Observation,
    ReadingOverride,
    SessionPlace,
    TreatmentSession,
    UnattributedDose,
)
from sessions.policy import SessionPolicy, parse_policy
from sessions.queries.access import current_link
from sessions.queries.places import last_move, place_row

LONGEST_DAY = timedelta(hours=26)
"""No day on anybody's clock is longer, the clocks going back included."""
OPEN_STATUSES = (*BOOKED_STATUSES, SessionStatus.IN_PROGRESS)


def policy_in_force(*, at: datetime) -> tuple[DocumentVersion, SessionPolicy]:
    """Return the session policy in force, as stored and as read; raises `NoSessionPolicy`."""
    try:
        document = policies.in_force(DocumentKind.SESSION_POLICY, at=at)
    except NoDocumentInForce:
        raise NoSessionPolicy from None
    return document, parse_policy(document.content)


def policy_of(session: TreatmentSession, *, at: datetime) -> tuple[DocumentVersion, SessionPolicy]:
    """Return the policy that holds for a session: the one it started under, before that the one in force."""
    if session.gate is None:
        return policy_in_force(at=at)
    document = session.gate.policy
    return document, parse_policy(document.content)


def policy_to_hear_by(session: TreatmentSession, *, at: datetime) -> SessionPolicy | None:
    """Return what `policy_of` does, or nothing where none is in force: a call is heard all the same."""
    try:
        return policy_of(session, at=at)[1]
    except NoSessionPolicy:
        return None


def gate_of(session: TreatmentSession) -> GateDecision:
    """Return the gate that a started session passed, with its plan and policy."""
    return GateDecision.objects.select_related("plan", "policy").get(opened=session)


def booking_facts(
    enrollment: Enrollment,
    *,
    scheduled_at: datetime,
    moved: TreatmentSession | None = None,
    at: datetime,
) -> rules.BookingFacts:
    """Gather what a booking, or the move of one, depends on; the enrollment is locked."""
    _, policy = policy_in_force(at=at)
    plan = programs.current_plan(enrollment.pk)
    charts = charts_of(enrollment.patient_id)
    return rules.BookingFacts(
        at=at,
        scheduled_at=scheduled_at,
        zone=ZoneInfo(enrollment.patient.timezone),
        number=moved.number if moved else next_number(enrollment.pk),
        planned_sessions=plan.session_count if plan else 0,
        min_days_between=max(policy.min_days_between, plan.min_days_between if plan else 0),
        last_dosed_at=_last_dosed_at(charts),
        doses_at=_doses_at(charts, policy, at=at),
        max_doses_in_7_days=policy.max_doses_in_7_days,
    )


def next_number(enrollment_id: UUID) -> int:
    """Return the number that the next session gets: void ones give theirs back."""
    counted = TreatmentSession.objects.filter(enrollment_id=enrollment_id).exclude(status__in=VOID_STATUSES)
    last = counted.order_by("-number").values_list("number", flat=True).first()
    return (last or 0) + 1


def has_open_session(enrollment_id: UUID) -> bool:
    """Tell whether a session is booked or running."""
    return TreatmentSession.objects.filter(enrollment_id=enrollment_id, status__in=OPEN_STATUSES).exists()


def booked_sessions(enrollment_id: UUID) -> list[TreatmentSession]:
    """Return the sessions of an enrollment that have not started."""
    return list(TreatmentSession.objects.filter(enrollment_id=enrollment_id, status__in=BOOKED_STATUSES))


def running_session(enrollment_id: UUID) -> TreatmentSession | None:
    """Return the session that has started and is not over: in progress before in recovery."""
    live = TreatmentSession.objects.filter(enrollment_id=enrollment_id, status__in=LIVE_STATUSES)
    return live.order_by("-number").first()


def running_session_of(patient_id: UUID) -> TreatmentSession | None:
    """Return a patient's session that is not over, whatever became of the enrollment it belongs to."""
    live = TreatmentSession.objects.filter(enrollment__patient_id=patient_id, status__in=LIVE_STATUSES)
    # In progress before in recovery: what has yet to be watched comes first.
    return live.order_by("status", "-number").first()


def unsettled_dose(session: TreatmentSession) -> datetime | None:
    """Return by when a dose can have been swallowed that was refused as it was told of, `None` without one.

    That it was not taken is for somebody to say since then (`OutcomeKind.REFUSED`), whoever was called.
    """
    if session.gate is None or session.started_at is None:
        return None
    told_at = safety.raised_at(rules.refused_dose_source(session.pk), since=session.started_at)
    if told_at is None:
        return None
    settled = DoseOutcome.objects.filter(session=session, kind=OutcomeKind.REFUSED, recorded_at__gte=told_at)
    return None if settled.exists() else max(told_at, session.gate.dose_by)


def dosed_by(session: TreatmentSession) -> datetime | None:
    """Return the latest moment at which the dose of a session can have been taken, `None` without one.

    A time that was reported afterwards may be wrong: then that is the end of the window. One that somebody
    says they took, and that is not the session's, counts as well; so does one that came up
    again before anybody had written it down, and one that was refused as it was told of.
    """
    dose = Dose.objects.select_related("gate").filter(session=session).first()
    own: datetime | None
    if dose is not None:
        own = dose.gate.dose_by if dose.is_late else dose.taken_at
    else:
        came_up = DoseOutcome.objects.filter(session=session, kind=OutcomeKind.VOMITED)
        own = _latest(came_up.aggregate(last=Max("recorded_at"))["last"], unsettled_dose(session))
    # One swallowed a little too early is in the body all the same; one of long ago ends the watch by itself.
    others = UnattributedDose.objects.filter(session=session)
    return _latest(own, others.aggregate(last=Max("taken_at"))["last"])


def end_facts(session: TreatmentSession, *, overruled: bool, at: datetime) -> rules.EndFacts:
    """Gather what the end of a started session depends on."""
    patient_row, started_at = session.enrollment.patient, session.started_at or at
    patient = Actor.person(patient_row.user_id)
    told = Observation.objects.filter(session=session, kind=ObservationKind.ALERTNESS)
    told = told.exclude(actor_kind=patient.kind, actor_id=patient.id)
    before = _pressures(patient_row, since=started_at - LONGEST_DAY).filter(session=session, replaced_by=None)
    return rules.EndFacts(
        at=at,
        started_at=started_at,
        dosed_by=dosed_by(session),
        is_unsettled=session.dosed_at is None and unsettled_dose(session) is not None,
        seen=tuple(
            rules.Seen(Alertness(row.alertness), min(row.observed_at, row.received_at)) for row in told
        ),
        before=_readings(before.filter(observed_at__lte=started_at), patient=patient_row),
        readings=readings(session),
        overruled=overruled,
    )


def unseen_dose(
    session: TreatmentSession, *, route: Route, dose_mg: Decimal, taken_at: datetime
) -> rules.UnseenDose:
    """Gather what tells how bad it is that a dose was taken unseen; the enrollment is locked."""
    patient = session.enrollment.patient
    plan = session.gate.plan if session.gate else programs.current_plan(session.enrollment_id)
    return rules.UnseenDose(
        route=route,
        dose_mg=dose_mg,
        ordered=(Route(plan.route), plan.dose_mg) if plan else None,
        was_held=safety.was_held(patient.pk, since=taken_at),
        readings=_readings(_pressures(patient, since=taken_at - rules.CRISIS_LASTS), patient=patient),
    )


def start_facts(
    session: TreatmentSession, *, plan: TreatmentPlan | None, policy: SessionPolicy, at: datetime
) -> rules.StartFacts:
    """Gather everything the gate asks, from the rows as they are; the enrollment is locked."""
    enrollment, zone = session.enrollment, ZoneInfo(session.timezone)
    link = current_link(session.pk, at=at)
    charts = charts_of(enrollment.patient_id)
    last_dosed_at = _last_dosed_at(charts)
    place = place_row(session)
    return rules.StartFacts(
        at=at,
        today=rules.local_day(at, zone),
        scheduled_on=rules.local_day(session.scheduled_at, zone),
        number=session.number,
        enrollment_is_active=enrollment.status == EnrollmentStatus.ACTIVE,
        is_paused=programs.is_paused(enrollment.pk),
        plan=_plan_facts(plan, ZoneInfo(enrollment.patient.timezone)) if plan else None,
        missing_consents=_missing_consents(enrollment.pk, at=at),
        clearance_faults=_clearance_faults(enrollment, policy, last_dosed_at, at=at),
        open_holds=len(safety.open_holds(enrollment.patient_id)),
        blocking_alerts=len(safety.blocking_alerts(enrollment.patient_id)),
        outstanding_forms=tuple(form.title for form in assessments.outstanding(enrollment.pk, at=at)),
        monitor_is_bound=link is not None and link.capability.is_held,
        monitor_attested_at=_attested_at(session, link),
        today_answers=_today_answers(session),
        yes_today=yes_today(session, at=at),
        readings=readings(session),
        readings_elsewhere=readings_elsewhere(session, at=at),
        overrides=_overrides(session),
        chart_timezone=enrollment.patient.timezone,
        last_dosed_at=last_dosed_at,
        doses_at=_doses_at(charts, policy, at=at),
        place=_place_facts(place, at=at) if place else None,
        on_call=_on_call(session, place, policy, at=at) if place else None,
        watch_is_alive=heartbeats.pulse("watchdog").fresh,
        doses_before_mg=_doses_before_mg(enrollment.patient_id, Route(plan.route)) if plan else None,
        open_reviews=open_reviews(enrollment.patient_id),
        open_safety_tasks=events.open_tasks(enrollment.patient_id, at=at),
        has_medicine=ledger.has_medicine(enrollment, plan, until=at + policy.dose_window),
    )


def dose_facts(
    session: TreatmentSession,
    gate: GateDecision,
    *,
    route: Route,
    dose_mg: Decimal,
    policy: SessionPolicy,
    at: datetime,
) -> rules.DoseFacts:
    """Gather what is asked again at the moment of the dose; the enrollment is locked."""
    enrollment = session.enrollment
    current = programs.current_plan(enrollment.pk)
    charts = charts_of(enrollment.patient_id)
    last_dosed_at = _last_dosed_at(charts)
    return rules.DoseFacts(
        at=at,
        dose_by=gate.dose_by,
        route=route,
        dose_mg=dose_mg,
        ordered_route=Route(gate.plan.route),
        ordered_dose_mg=gate.plan.dose_mg,
        order_is_current=current is not None and current.pk == gate.plan_id,
        enrollment_is_active=enrollment.status == EnrollmentStatus.ACTIVE,
        is_paused=programs.is_paused(enrollment.pk),
        missing_consents=_missing_consents(enrollment.pk, at=at),
        clearance_faults=_clearance_faults(enrollment, policy, last_dosed_at, at=at),
        open_holds=len(safety.open_holds(enrollment.patient_id)),
        blocking_alerts=len(safety.blocking_alerts(enrollment.patient_id, classes=BLOCKS_DOSING)),
        monitor_is_bound=_is_watched(session, at=at),
        readings=readings(session),
        readings_elsewhere=readings_elsewhere(session, at=at),
        overrides=_overrides(session),
        fresh_from=gate.decided_at - policy.readings.max_age,
        last_dosed_at=last_dosed_at,
        doses_at=_doses_at(charts, policy, at=at),
        chart_timezone=enrollment.patient.timezone,
        min_days_between=max(policy.min_days_between, gate.plan.min_days_between),
        outcomes=tuple(OutcomeKind(row.kind) for row in session.dose_outcomes.all()),
    )


def _place_facts(place: SessionPlace, *, at: datetime) -> rules.PlaceFacts:
    is_served = place.state in accounts.served_states(at=at)
    return rules.PlaceFacts(state=place.state, is_served=is_served, given_at=place.given_at)


def _on_call(
    session: TreatmentSession, place: SessionPlace, policy: SessionPolicy, *, at: datetime
) -> tuple[Span, ...]:
    """Return when in the time to be watched somebody is on call for a place, the patient not counted."""
    themselves = session.enrollment.patient.user_id
    ends_at = at + policy.watched_at_most
    return tuple(roster.cover(place.state, without=themselves, starts_at=at, ends_at=ends_at))


def _is_watched(session: TreatmentSession, *, at: datetime) -> bool:
    link = current_link(session.pk, at=at)
    return link is not None and link.capability.is_held


def _missing_consents(enrollment_id: UUID, *, at: datetime) -> tuple[str, ...]:
    return tuple(kind.value for kind in programs.consents_missing(enrollment_id, at=at))


def _clearance_faults(
    enrollment: Enrollment, policy: SessionPolicy, last_dosed_at: datetime | None, *, at: datetime
) -> tuple[Reason, ...]:
    """Return why somebody is not cleared; a clearance lasts as long as there may be between two doses."""
    course = Course(last_dosed_at=last_dosed_at, lasts=timedelta(days=policy.max_gap_days))
    clearance = safety.clearance(enrollment.pk, course=course, at=at)
    return () if clearance.valid else clearance.reasons


def readings(session: TreatmentSession) -> tuple[rules.Reading, ...]:
    """Return a session's blood pressures and heart rates, oldest first; none later than it reached us.

    Of a corrected one both versions: a second entry does not undo a first, and being of one moment they are
    one measurement. Who was wrong measures again.
    """
    kinds = (ObservationKind.BLOOD_PRESSURE, ObservationKind.HEART_RATE)
    found = Observation.objects.filter(session=session, kind__in=kinds)
    return _readings(found, patient=session.enrollment.patient)


def measured(session: TreatmentSession, policy: SessionPolicy, *, at: datetime) -> rules.Readings:
    """Return what the limits before a dose are asked of."""
    fresh_from = at - policy.readings.max_age
    return rules.Readings(readings(session), readings_elsewhere(session, at=at), at=at, fresh_from=fresh_from)


def reading_overrides(session: TreatmentSession) -> QuerySet[ReadingOverride]:
    """Return what clinicians signed for readings of a session, whether or not it still holds."""
    return ReadingOverride.objects.filter(session=session).select_related("signature")


def _overrides(session: TreatmentSession) -> tuple[rules.Override, ...]:
    return tuple(override_of(row) for row in reading_overrides(session))


def override_of(row: ReadingOverride) -> rules.Override:
    """Return one for the rules."""
    return rules.Override(
        id=row.pk,
        first=row.first_reading_id,
        second=row.second_reading_id,
        by=row.signature.signer_name,
        reason=row.reason,
        given_at=row.given_at,
    )


def observation_of(session: TreatmentSession, observation_id: UUID) -> Observation:
    """Return one entry of a session's log; raises `NotFound`."""
    found = Observation.objects.filter(session=session, pk=observation_id).first()
    if found is None:
        raise NotFound
    return found


def readings_elsewhere(session: TreatmentSession, *, at: datetime) -> tuple[rules.Reading, ...]:
    """Return the blood pressures of the patient's other sessions that may still be a day's crisis.

    Whatever became of those sessions: one that was cancelled has been measured in all the same.
    """
    patient = session.enrollment.patient
    found = _pressures(patient, since=at - rules.CRISIS_LASTS)
    return _readings(found.exclude(session=session), patient=patient)


def _pressures(patient: Patient, *, since: datetime) -> QuerySet[Observation]:
    found = Observation.objects.filter(session__enrollment__patient=patient, observed_at__gte=since)
    return found.filter(kind=ObservationKind.BLOOD_PRESSURE)


def _readings(found: QuerySet[Observation], *, patient: Patient) -> tuple[rules.Reading, ...]:
    """Return what was measured, oldest first; none later than it reached us."""
    themselves = Actor.person(patient.user_id)
    taken = (
        rules.Reading(
            observed_at=min(row.observed_at, row.received_at),
            systolic_mmhg=row.systolic_mmhg,
            diastolic_mmhg=row.diastolic_mmhg,
            heart_rate_bpm=row.heart_rate_bpm,
            taken_there=row.actor_kind == ActorKind.CAPABILITY or row.actor == themselves,
            id=row.pk,
            is_corrected=hasattr(row, "replaced_by"),
        )
        for row in found.select_related("replaced_by").order_by("id")
    )
    return tuple(sorted(taken, key=lambda one: one.observed_at))


def _plan_facts(plan: TreatmentPlan, zone: ZoneInfo) -> rules.PlanFacts:
    return rules.PlanFacts(
        route=Route(plan.route),
        dose_mg=plan.dose_mg,
        session_count=plan.session_count,
        min_days_between=plan.min_days_between,
        signed_on=rules.local_day(plan.signature.signed_at, zone),
    )


def _doses_before_mg(patient_id: UUID, route: Route) -> tuple[Decimal, ...]:
    """Return what a patient took by one route, in whatever program, the last dose last.

    Each no more than was ordered: a slip upwards is nothing to build on.
    """
    taken = Dose.objects.filter(session__enrollment__patient_id=patient_id, route=route)
    least = Least("dose_mg", "gate__plan__dose_mg")
    return tuple(taken.order_by("taken_at", "id").values_list(least, flat=True))


def open_reviews(patient_id: UUID) -> int:
    """Return how many of a patient's sessions, of whatever program, a clinician has to review first."""
    asked = TreatmentSession.objects.filter(enrollment__patient_id=patient_id, review_due_at__isnull=False)
    return asked.filter(review=None).count()


def _last_dosed_at(charts: Collection[UUID]) -> datetime | None:
    """Return the moment of somebody's last dose, whatever enrollment it belonged to, and whether or not
    a session can call it its own. What came up was taken, though nobody wrote it down.
    """
    with seeing_all_charts():
        return _latest(*(found.aggregate(last=Max(column))["last"] for found, column in _taken(charts)))


def _doses_at(charts: Collection[UUID], policy: SessionPolicy, *, at: datetime) -> tuple[datetime, ...]:
    """Return the moments of the same doses of the last week and a day more, where the policy counts them."""
    if policy.max_doses_in_7_days is None:
        return ()
    since = at - timedelta(days=7) - LONGEST_DAY
    with seeing_all_charts():
        return tuple(
            moment
            for found, column in _taken(charts)
            for moment in found.filter(**{f"{column}__gte": since}).values_list(column, flat=True)
        )


def _taken(charts: Collection[UUID]) -> Iterator[tuple[QuerySet[Any], str]]:
    """Give where somebody's doses are told of, and the column of their moments."""
    of_theirs = Q(session__enrollment__patient_id__in=charts)
    yield TreatmentSession.objects.filter(enrollment__patient_id__in=charts), "dosed_at"
    yield UnattributedDose.objects.filter(of_theirs), "taken_at"
    came_up = DoseOutcome.objects.filter(of_theirs, kind=OutcomeKind.VOMITED, session__dosed_at=None)
    yield came_up, "recorded_at"


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _attested_at(session: TreatmentSession, link: MonitorInvitation | None) -> datetime | None:
    """Return when whoever holds the link that is alive, on the device it is bound to, said to be there."""
    if link is None or not link.capability.is_held:
        return None
    given = _attested(session, AttestationKind.MONITOR_PRESENT)
    given = given.filter(actor_kind=ActorKind.CAPABILITY, actor_id=str(link.capability_id))
    if link.capability.bound_at is not None:
        given = given.filter(attested_at__gte=link.capability.bound_at)
    last = given.last()
    return last.attested_at if last else None


def _today_answers(session: TreatmentSession) -> rules.TodayAnswers | None:
    """Return the patient's newest answers: after a clinician has overruled one, they are asked again."""
    last = _attested(session, AttestationKind.PATIENT_TODAY).last()
    overruled = session.overrules.aggregate(last=Max("given_at"))["last"]
    if last is None or (overruled is not None and last.attested_at < overruled):
        return None
    return rules.TodayAnswers(last.answers, last.attested_at)


def yes_today(session: TreatmentSession, *, at: datetime) -> tuple[str, ...]:
    """Return the questions that the patient answered with yes today, in any of their sessions.

    Today is the day where the session is, or where the patient lives. A yes that a clinician overruled for
    this session, today, counts no more; one that came after it does.
    """
    patient = session.enrollment.patient
    zones = {ZoneInfo(session.timezone), ZoneInfo(patient.timezone)}

    def is_today(moment: datetime) -> bool:
        return any(rules.local_day(moment, zone) == rules.local_day(at, zone) for zone in zones)

    given = Attestation.objects.filter(
        session__enrollment__patient=patient,
        kind=AttestationKind.PATIENT_TODAY,
        attested_at__gte=at - LONGEST_DAY,
    )
    said = [
        (key, row.attested_at)
        for row in given
        if is_today(row.attested_at)
        for key, answer in row.answers.items()
        if answer == "yes"
    ]
    overrules = session.overrules.order_by("given_at").values_list("question", "given_at")
    overruled = {key: given_at for key, given_at in overrules if is_today(given_at)}
    return tuple(sorted({key for key, moment in said if key not in overruled or moment > overruled[key]}))


def _attested(session: TreatmentSession, kind: AttestationKind) -> QuerySet[Attestation]:
    """Return what was vouched for the booking as it stands: before the last move it was for another time.

    Both are written under the session's lock, so that their ids tell which came first.
    """
    given = session.attestations.filter(kind=kind)
    moved = last_move(session)
    return given.filter(pk__gt=moved.pk) if moved else given
