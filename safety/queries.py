from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from logging import getLogger
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce

from accounts import queries as accounts
from accounts.enums import Role
from accounts.models import Patient, User
from accounts.policies import queries as policies
from accounts.queries import (
    Charts,
    charts_in_care,
    charts_read,
    one,
    patients_in_care,
    patients_read,
    visible_charts,
    visible_patients,
    within,
)
from core.acting import seeing_all_charts
from core.actors import Actor, ActorKind
from core.documents import NoDocumentInForce, digest
from core.encryption import decrypt
from core.enums import DocumentKind
from core.errors import InvalidInput
from core.logs import log_failure
from core.models import DocumentVersion
from programs.enums import OPEN_STATUSES
from programs.models import Enrollment, TreatmentPlan
from safety import errors, rules
from safety.authority import Authority, parse_authority
from safety.enums import (
    BLOCKS_STARTING,
    KEEPS_FROM_DRIVING,
    AlertClass,
    AlertStatus,
    Grade,
    HoldReason,
    IdentityOutcome,
    ReviewOutcome,
    ScreeningOutcome,
)
from safety.events.models import EventAssessment
from safety.identity.queries import identity_facts
from safety.ladders import Ladder, parse_ladders, read_ladder, shipped
from safety.lines import LinesError, lines_at
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
from safety.overrides.rules import Term, standing_exclusions
from safety.profile.queries import EMPTY_PROFILE, health_facts, is_unchanged, measured
from safety.roster.queries import on_duty
from safety.rules import NO_ADVICE, Advice, Clearance, ClearanceFacts, Course
from safety.screening.health import NOTHING_KNOWN, HealthFacts
from safety.screening.policy import Policy, PolicyError, parse_policy
from safety.screening.rules import ScreeningDecision, screen
from safety.screening.terminology import NO_MAPPING, Terminology, read_mapping, recognised
from safety.texts import CrisisText, crisis_text

NO_COURSE = Course()
"""Nothing is asked about doses: whether there was one is known above this room."""

logger = getLogger(__name__)


def screening_policy(*, at: datetime) -> tuple[DocumentVersion, Policy]:
    """Return the screening policy in force, as stored and as read; raises `NoScreeningPolicy`."""
    try:
        document = policies.in_force(DocumentKind.SCREENING_POLICY, at=at)
    except NoDocumentInForce:
        raise errors.NoScreeningPolicy from None
    return document, _policy(document.pk)


@lru_cache(maxsize=16)
def _policy(document_id: UUID) -> Policy:
    """Read a stored policy once for each process: a version never changes."""
    return parse_policy(DocumentVersion.objects.get(pk=document_id).content)


def policy_of(screening: Screening) -> Policy:
    """Return the policy that a screening was decided by."""
    return _policy(screening.policy_id)


def facts_for(enrollment: Enrollment, policy: Policy, *, at: datetime) -> HealthFacts:
    """Return what a policy reads of a chart, with what its codes mean; before format 2 it reads nothing."""
    if policy.format == 1:
        return NOTHING_KNOWN
    facts = health_facts(enrollment.patient_id, enrollment_id=enrollment.pk, at=at)
    return recognised(facts, _terminology(settings.TERMINOLOGY_FILE))


@lru_cache(maxsize=1)
def _terminology(path: str) -> Terminology:
    """Read the licence holder's mapping once for each process."""
    return read_mapping(Path(path)) if path else NO_MAPPING


def sampled_screenings(count: int) -> QuerySet[Screening]:
    """Return so many of the stored screenings, drawn at random."""
    return Screening.objects.select_related("policy", "enrollment").order_by("?")[:count]


def replays(screening: Screening) -> bool:
    """Tell whether a stored decision comes out the same from the answers and the policy it names."""
    intact = digest(screening.answers) == screening.answers_sha256
    if not intact or digest(screening.policy.content) != screening.policy.sha256:
        return False
    differing = rules.replay(_policy(screening.policy_id), screening.answers, screening.decision)
    return not differing and screening.outcome == screening.decision["outcome"]


def authority(*, at: datetime) -> tuple[DocumentVersion, Authority] | None:
    """Return by what law we prescribe at `at`, as signed and as read; `None` where nothing is in force.

    One that has ended is returned too: when it ended is the caller's question.
    """
    try:
        document = policies.in_force(DocumentKind.PRESCRIBING_AUTHORITY, at=at)
    except NoDocumentInForce:
        return None
    return document, parse_authority(document.content)


def authority_ends_at(*, at: datetime) -> datetime | None:
    """Return when the law by which we prescribe ends; `None` where none is signed."""
    found = authority(at=at)
    return found[1].ends_at if found else None


def fit_decision(answers: dict[str, Any], *, at: datetime) -> ScreeningDecision:
    """Return what the policy in force says of answers that nobody keeps.

    Raises `InvalidInput` with every fault of form, or `NoScreeningPolicy`.
    """
    _, policy = screening_policy(at=at)
    if faults := rules.answer_faults(policy, answers):
        raise InvalidInput(errors=faults)
    return screen(policy, answers)


# --- screenings ------------------------------------------------------------------------------------------


def screening_for(actor: Actor, screening_id: UUID, *, at: datetime) -> Screening:
    """Return one screening in a chart that `actor` may see; raises `NotFound`."""
    return one(_screenings_of(visible_charts(actor, at=at)), screening_id)


def screenings_in_care(actor: Actor, *, at: datetime) -> QuerySet[Screening]:
    """Return the screenings of the patients in a clinician's care."""
    return _screenings_of(charts_in_care(actor, at=at))


def screening_in_care(actor: Actor, screening_id: UUID, *, at: datetime) -> Screening:
    """Return a screening in one's care, for what only a clinician does; raises `NotFound`."""
    return one(screenings_in_care(actor, at=at), screening_id)


def waiting(screenings: QuerySet[Screening]) -> QuerySet[Screening]:
    """Narrow to those that wait for a decision: unreviewed, without newer answers, where one can be taken."""
    newest = Screening.objects.filter(enrollment=OuterRef("enrollment")).order_by("-id")
    return screenings.filter(
        review=None, enrollment__status__in=rules.SCREENED_IN, id=Subquery(newest.values("id")[:1])
    )


SCREENING_LISTS = ("waiting", "all")


def listed_screenings(actor: Actor, which: str, *, at: datetime) -> QuerySet[Screening]:
    """Return a clinician's queue: the screenings that wait for them, or all in their care."""
    screenings = screenings_in_care(actor, at=at)
    return waiting(screenings) if which == "waiting" else screenings


def crisis_text_for(patient_id: UUID, *, at: datetime) -> CrisisText:
    """Return where a patient turns to now: the lines of where they live at `at`.

    A clinic's file that cannot be read now, though it could when the server started, is no reason to say
    nothing: the words that name no number then.
    """
    country, state = accounts.whereabouts(patient_id, at=at)
    try:
        return crisis_text(lines_at(country, state, file=settings.CRISIS_LINES_FILE))
    except (LinesError, OSError, UnicodeDecodeError) as error:
        log_failure(logger, "CRISIS_LINES_FILE cannot be read", error)
        return crisis_text(None)


def may_speak_of_suicide(body: object, *, at: datetime) -> bool:
    """Tell whether an answer may call for the crisis text by the policy in force; without one, none does."""
    try:
        _, policy = screening_policy(at=at)
    except errors.NoScreeningPolicy:
        return False
    return rules.may_speak_of_suicide(policy, body)


def latest_screening(enrollment_id: UUID) -> Screening | None:
    """Return the newest screening: ids are made under the enrollment's lock, so that is the last stored."""
    found = Screening.objects.filter(enrollment_id=enrollment_id)
    return found.select_related("policy", "enrollment__patient", "review__signature").order_by("-id").first()


def review_digest(
    screening: Screening, *, outcome: ReviewOutcome, reason: str, advice: Advice = NO_ADVICE
) -> str:
    """Return the hash that a review's signature is bound to: answers, policy, what was shown and decided."""
    content: dict[str, Any] = {
        "screening": str(screening.pk),
        "answers_sha256": screening.answers_sha256,
        "decision_sha256": digest(screening.decision),
        "policy_sha256": screening.policy.sha256,
        "outcome": outcome,
        "reason": reason,
    }
    if signed := [digest(overrides.signed_content(one)) for one in overrides.overrides(screening)]:
        content["overrides"] = signed
    if screening.profile_sha256:
        content["profile_sha256"] = screening.profile_sha256
    if advice != NO_ADVICE:
        content["advice"] = {"instead": advice.instead, "ask_again_on": str(advice.ask_again_on)}
    return digest(content)


def is_profile_unchanged(screening: Screening) -> bool:
    """Tell whether the health profile is what it was when the answers were given, and was all the while."""
    then = screening.profile_sha256 or EMPTY_PROFILE
    return is_unchanged(screening.enrollment.patient_id, since=screening.pk, was=then)


def record_objects(screening: Screening, *, at: datetime) -> bool:
    """Tell whether something measured or asked since a screening speaks against it (`rules.objects_now`).

    Without a policy in force nobody can tell, and nobody is cleared for that reason.
    """
    try:
        _, policy = screening_policy(at=at)
    except errors.NoScreeningPolicy:
        return False
    found = measured(screening.enrollment.patient_id, at=at)
    return rules.objects_now(policy, screening.answers, screening.decision, measured=found)


def clearance(enrollment_id: UUID, *, course: Course = NO_COURSE, at: datetime) -> Clearance:
    """Compute whether the latest screening clears for a dose at `at`; nothing stored, nothing stale.

    Everything that voids it takes the enrollment's lock: whoever holds that decides on what is true.
    """
    screening = _with_what_came_after(enrollment_id).first()
    facts = None if screening is None else _clearance_facts(screening, at=at)
    return rules.decide_clearance(facts, course, at=at)


def _with_what_came_after(enrollment_id: UUID) -> QuerySet[Screening]:
    """Return the screenings of an enrollment, newest first, with what came after each one's review.

    What went wrong counts as it was last assessed, or else as it was reported; one from before the review
    counts where an assessment since finds it worse than it was known to be. Ids are made under the
    enrollment's lock, so that they tell which came first.
    """
    later = {"id__gt": OuterRef("review__id")}
    assessed = EventAssessment.objects.filter(event=OuterRef("pk")).order_by("-version")
    reviewed = OuterRef(OuterRef("review__id"))
    known = assessed.filter(id__lt=reviewed)
    events = AdverseEvent.objects.filter(patient=OuterRef("enrollment__patient")).annotate(
        grade_now=Coalesce(Subquery(assessed.values("grade")[:1]), "grade"),
        serious_now=Coalesce(Subquery(assessed.values("is_serious")[:1]), "is_serious"),
        grade_then=Coalesce(Subquery(known.values("grade")[:1]), "grade", 0),
        serious_then=Coalesce(Subquery(known.values("is_serious")[:1]), "is_serious"),
        assessed_since=Exists(assessed.filter(id__gt=reviewed)),
    )
    grown = Q(serious_now=True, serious_then=False) | Q(grade_now__gt=F("grade_then"))
    news = Q(**later) | Q(assessed_since=True) & grown
    harm = Q(serious_now=True) | Q(grade_now=None) | Q(grade_now__gte=Grade.MODERATE)
    spoke_later = Q(**later) | Q(last_signal__gt=OuterRef("review__id"))
    alerts = Alert.objects.filter(spoke_later, patient=OuterRef("enrollment__patient"))
    before = TreatmentPlan.objects.filter(enrollment=OuterRef("enrollment"), version__lt=OuterRef("version"))
    plans = TreatmentPlan.objects.filter(enrollment=OuterRef("enrollment"), **later).annotate(
        route_before=Subquery(before.order_by("-version").values("route")[:1])
    )
    found = Screening.objects.filter(enrollment_id=enrollment_id).annotate(
        events_since=Exists(events.filter(news & harm)),
        suicidality_since=Exists(alerts.filter(alert_class=AlertClass.SUICIDE_RISK)),
        route_since=Exists(plans.exclude(route_before=None).exclude(route=F("route_before"))),
    )
    return found.select_related("policy", "enrollment__patient", "review__signature").order_by("-id")


def _clearance_facts(screening: Any, *, at: datetime) -> ClearanceFacts:
    """Gather what a clearance rests on, from a row of `_with_what_came_after`."""
    review = getattr(screening, "review", None)
    decided_with = screening.decision["chart"].get(rules.BIRTH_ON)
    identity = identity_facts(screening.enrollment.patient)
    return ClearanceFacts(
        screening_id=screening.pk,
        policy_version=screening.policy.version,
        decides_the_same=_decides_the_same(screening, at=at),
        is_intact=_is_intact(screening, review),
        is_chart_unchanged=decided_with == screening.enrollment.patient.birth_on.isoformat(),
        is_profile_unchanged=is_profile_unchanged(screening),
        record_objects=record_objects(screening, at=at),
        events_since=screening.events_since,
        suicidality_since=screening.suicidality_since,
        route_since=screening.route_since,
        identity=identity,
        is_excluded=_is_excluded(screening, at=at),
        override=_override(screening),
        joined_since=bool(identity.joined_by and identity.joined_by > screening.pk),
        review=ReviewOutcome(review.outcome) if review else None,
        reviewed_at=review.signature.signed_at if review else None,
        authority_ends_at=authority_ends_at(at=at),
    )


def _is_excluded(screening: Screening, *, at: datetime) -> bool:
    """Tell whether an exclusion stands: no colleague signed against it, or the policy now forbids that."""
    if screening.outcome != ScreeningOutcome.INELIGIBLE:
        return False
    try:
        _, policy = screening_policy(at=at)
    except errors.NoScreeningPolicy:
        return True
    return _override(screening) is None or bool(standing_exclusions(policy, screening.decision))


def _override(screening: Screening) -> Term | None:
    """Return for how long an accepted exclusion is overridden; None without an acceptance or an exclusion."""
    review = getattr(screening, "review", None)
    if screening.outcome != ScreeningOutcome.INELIGIBLE or review is None:
        return None
    return overrides.term(screening, review.signature.signer_id)


def override_signers(enrollment_id: UUID) -> list[str]:
    """Return who signed that somebody may be treated against an exclusion, for every later gate to show."""
    screening = latest_screening(enrollment_id)
    if screening is None or _override(screening) is None:
        return []
    names = [one.signature.signer_name for one in overrides.overrides(screening)]
    return [*names, screening.review.signature.signer_name]


def _decides_the_same(screening: Screening, *, at: datetime) -> bool:
    try:
        document, policy = screening_policy(at=at)
    except errors.NoScreeningPolicy:
        return False
    if document.pk == screening.policy_id:
        return True
    return rules.decides_the_same(policy, screening.answers, screening.decision)


def _is_intact(screening: Screening, review: ScreeningReview | None) -> bool:
    intact = digest(screening.answers) == screening.answers_sha256
    if review is None:
        return intact
    advice = Advice(review.instead, review.ask_again_on)
    outcome = ReviewOutcome(review.outcome)
    signed = review_digest(screening, outcome=outcome, reason=review.reason, advice=advice)
    return intact and signed == review.signature.document_sha256


# --- alerts, holds, events -------------------------------------------------------------------------------


def on_call(alert: Alert, *, at: datetime) -> list[User]:
    """Return whom to call about an alert: who is on duty, then the patient's own clinician, then all others.

    Never the patient themselves.
    """
    found = accounts.on_call(alert.patient_id, at=at)
    first = on_duty(at=at)
    called = [user for user in found if user.pk != alert.patient.user_id]
    return sorted(called, key=lambda user: user.pk not in first)


def alerts_for(actor: Actor, *, at: datetime) -> QuerySet[Alert]:
    """Return the alerts that a clinician may see and answer.

    Those of patients whose chart they may read; and, because every practising clinician is on call and is
    paged, any that is not closed, and any that they answered. Never one about themselves, nor a drill's,
    which nobody is paged for.
    """
    alerts = Alert.objects.select_related("patient", "acknowledged_by__clinician", "signature")
    if not _practises(actor, at=at):
        return alerts.none()
    answered = Q(acknowledged_by=actor.id) | Q(signature__signer=actor.id)
    mine = Q(within(charts_read(actor, at=at), "patient_id")) | ~Q(status=AlertStatus.CLOSED) | answered
    return alerts.filter(mine).exclude(patient__user_id=actor.id).exclude(patient__is_drill=True)


def patients_answered_for(actor: Actor, *, at: datetime) -> QuerySet[Patient]:
    """Return the charts in a clinician's care, and those that they were called about; never their own.

    Called about: with an alert that is not closed, or one that they answered (ADR 0019).
    """
    if not _practises(actor, at=at):
        return Patient.objects.none()
    called = Alert.objects.filter(
        ~Q(status=AlertStatus.CLOSED) | Q(acknowledged_by=actor.id) | Q(signature__signer=actor.id)
    )
    answered_for = Q(pk__in=patients_in_care(actor, at=at)) | Q(pk__in=called.values("patient"))
    return Patient.objects.filter(answered_for).exclude(user_id=actor.id).exclude(is_drill=True)


def patient_answered_for(actor: Actor, patient_id: UUID, *, at: datetime) -> Patient:
    """Return a patient in one's care, or whom one was called about; raises `NotFound`."""
    return one(patients_answered_for(actor, at=at), patient_id)


def alert_for(actor: Actor, alert_id: UUID, *, at: datetime) -> Alert:
    """Return one alert that `actor` may answer; raises `NotFound`."""
    return one(alerts_for(actor, at=at), alert_id)


ALERT_LISTS = {
    "not_closed": ~Q(status=AlertStatus.CLOSED),
    "all": Q(),
    **{status.value: Q(status=status) for status in AlertStatus},
}


def listed_alerts(actor: Actor, which: str, *, at: datetime) -> QuerySet[Alert]:
    """Return those of the alerts that `actor` may answer which are on the list `which`."""
    return alerts_for(actor, at=at).filter(ALERT_LISTS[which])


def ladder_in_force(alert_class: AlertClass, *, at: datetime) -> Ladder:
    """Return by which ladder an alert of a class pages that opens at `at`.

    The one that two people have signed; where none is, or it cannot be read, or is older than the class, the
    one that ships, and the log says so. No page waits for a signature (ADR 0030).
    """
    try:
        signed = parse_ladders(policies.in_force(DocumentKind.ESCALATION_LADDERS, at=at).content)
    except NoDocumentInForce:
        signed = {}
    except PolicyError as error:
        log_failure(logger, "The ladders in force cannot be read; alerts page by those that ship", error)
        return shipped()[alert_class]
    if alert_class not in signed:
        logger.warning("No ladder of %s is signed; it pages by the one that ships", alert_class)
        return shipped()[alert_class]
    return signed[alert_class]


def ladder_of(alert: Alert) -> Ladder:
    """Return by which ladder an alert pages: the one that it opened under."""
    alert_class = AlertClass(alert.alert_class)
    try:
        return read_ladder(alert.ladder, alert_class) if alert.ladder else shipped()[alert_class]
    except PolicyError as error:
        log_failure(logger, f"Alert {alert.pk} pages by the ladder that ships: its own cannot be read", error)
        return shipped()[alert_class]


def guide_to_tell(patient_id: UUID, *, at: datetime) -> User | None:
    """Return who guides a patient, on paper and by a role that they still hold, if anybody does."""
    guides = accounts.current_membership(patient_id, Role.GUIDE)
    if guides is None or not guides.member.is_active:
        return None
    return guides.member if Role.GUIDE in accounts.roles_of(guides.member_id, at=at) else None


def alerts_due(*, at: datetime) -> QuerySet[Alert]:
    """Return the alerts whose next page is due, in no order."""
    return Alert.objects.filter(status=AlertStatus.OPEN, next_page_at__lte=at)


@dataclass(frozen=True)
class Paging:
    """What is wrong with the pages of open alerts: one is overdue, one had nobody to go to."""

    is_overdue: bool
    has_nobody: bool


def paging(*, since: datetime) -> Paging:
    """Tell whether a page has been overdue since then, or an alert so old has never found anybody."""
    overdue, unheard = Q(next_page_at__lte=since), Q(pages_sent=0, opened_at__lte=since)
    still_open = Alert.objects.filter(status=AlertStatus.OPEN)
    found = still_open.aggregate(overdue=Count("pk", filter=overdue), unheard=Count("pk", filter=unheard))
    return Paging(is_overdue=found["overdue"] > 0, has_nobody=found["unheard"] > 0)


def alerts_to_page(*, at: datetime) -> list[tuple[UUID, bool]]:
    """Return the alerts whose next page is due, and whether each can wait for those that block dosing.

    These come first, then the longest waiting.
    """
    can_wait = Case(When(alert_class__in=BLOCKS_STARTING, then=False), default=True)
    found = alerts_due(at=at).annotate(can_wait=can_wait).order_by("can_wait", "next_page_at", "id")
    return list(found.values_list("id", "can_wait"))


def abandoned_alerts(*, at: datetime) -> QuerySet[Alert]:
    """Return the alerts in the hands of somebody who no longer practises."""
    in_hand = Alert.objects.filter(status=AlertStatus.ACKNOWLEDGED)
    return in_hand.exclude(acknowledged_by__in=accounts.practising_at(at))


def blocking_alerts(patient_id: UUID, *, classes: Collection[AlertClass] = BLOCKS_STARTING) -> list[Alert]:
    """Return the alerts that keep a session from starting until a clinician closes them."""
    found = Alert.objects.filter(patient_id=patient_id, alert_class__in=classes)
    return list(found.exclude(status=AlertStatus.CLOSED).order_by("opened_at", "id"))


def raised_at(source: str, *, since: datetime) -> datetime | None:
    """Return when the newest alert from a source was opened since then, whatever became of it."""
    found = Alert.objects.filter(source=source, opened_at__gte=since)
    newest: datetime | None = found.aggregate(last=Max("opened_at"))["last"]
    return newest


def open_calls(patient_id: UUID) -> int:
    """Return how many alerts keep a patient from driving: no clinician has closed them."""
    found = Alert.objects.filter(patient_id=patient_id, alert_class__in=KEEPS_FROM_DRIVING)
    return found.exclude(status=AlertStatus.CLOSED).count()


def open_holds(patient_id: UUID) -> list[Hold]:
    """Return the holds that stand."""
    return list(Hold.objects.filter(patient_id=patient_id, lifted_at=None).order_by("placed_at", "id"))


def is_held_for(patient_id: UUID, reason: HoldReason) -> bool:
    """Tell whether a hold of that reason stands, whoever asks: a monitor's link sees no chart."""
    with seeing_all_charts():
        return Hold.objects.filter(patient_id=patient_id, reason=reason, lifted_at=None).exists()


def was_held(patient_id: UUID, *, since: datetime) -> bool:
    """Tell whether a hold has stood at any moment since then."""
    return holds_since(patient_id, since=since).exists()


def holds_since(patient_id: UUID, *, since: datetime) -> QuerySet[Hold]:
    """Return the holds that have stood at any moment since then."""
    return Hold.objects.filter(patient_id=patient_id).exclude(lifted_at__lt=since)


def holds_for(actor: Actor, *, at: datetime) -> QuerySet[Hold]:
    """Return the holds that a clinician may act on, those that stand and those that were lifted."""
    return _holds_of(patients_answered_for(actor, at=at))


HOLD_LISTS = {"standing": Q(lifted_at=None), "lifted": Q(lifted_at__isnull=False), "all": Q()}


def listed_holds(actor: Actor, which: str, *, patient_id: UUID | None = None, at: datetime) -> QuerySet[Hold]:
    """Return those of the holds one may read which are on the list `which`, of one patient if named."""
    read = Q(pk__in=patients_read(actor, at=at)) | Q(pk__in=patients_answered_for(actor, at=at))
    holds = _holds_of(Patient.objects.filter(read)).filter(HOLD_LISTS[which])
    return holds.filter(patient_id=patient_id) if patient_id else holds


def hold_for(actor: Actor, hold_id: UUID, *, at: datetime) -> Hold:
    """Return a hold that a clinician may act on; raises `NotFound`."""
    return one(holds_for(actor, at=at), hold_id)


def event_for(actor: Actor, event_id: UUID, *, at: datetime) -> AdverseEvent:
    """Return one adverse event in a chart that `actor` may see; raises `NotFound`."""
    events = AdverseEvent.objects.filter(within(visible_charts(actor, at=at), "patient_id"))
    return one(events.select_related("patient", "hold", "alert"), event_id)


# --- who somebody is, and what they were prescribed elsewhere --------------------------------------------


def patient_in_care(actor: Actor, patient_id: UUID, *, at: datetime) -> Patient:
    """Return a patient in a clinician's care; raises `NotFound`."""
    return one(patients_in_care(actor, at=at), patient_id)


def patient_read(actor: Actor, patient_id: UUID, *, at: datetime) -> Patient:
    """Return a patient whose chart one may read as a clinician; raises `NotFound`."""
    return one(patients_read(actor, at=at), patient_id)


def patient_seen(actor: Actor, patient_id: UUID, *, at: datetime) -> Patient:
    """Return a patient whose chart one may see: one's own too; raises `NotFound`."""
    return one(visible_patients(actor, at=at), patient_id)


def patient_told_of(actor: Actor, patient_id: UUID, *, at: datetime) -> Patient:
    """Return whose health one may say something of: oneself, or in one's care; raises `NotFound`."""
    return one(accounts.own_chart(actor) | patients_in_care(actor, at=at), patient_id)


def identity_checks(patient: Patient) -> QuerySet[IdentityCheck]:
    """Return the checks of a patient's identity."""
    return IdentityCheck.objects.filter(patient=patient).select_related("patient", "checked_by__clinician")


def is_identity_confirmed(patient: Patient) -> bool:
    """Tell whether somebody has found a patient to be who the chart says, then or under a former name."""
    return IdentityCheck.objects.filter(patient=patient, outcome=IdentityOutcome.CONFIRMED).exists()


def monitoring_queries(enrollment: Enrollment) -> QuerySet[MonitoringQuery]:
    """Return what was asked of prescription registers for an enrollment."""
    return MonitoringQuery.objects.filter(enrollment=enrollment).select_related("reviewer__clinician")


def note_of(query: MonitoringQuery) -> str:
    """Return the note to what the registers said."""
    return str(decrypt(query.note, place=note_place(query.pk)))


def note_place(query_id: UUID) -> str:
    """Return the place that a note is encrypted for."""
    return f"safety_monitoringquery.note:{query_id}"


# --- care ------------------------------------------------------------------------------------------------


def cared_for(user_id: UUID, role: Role) -> list[UUID]:
    """Return whom somebody looks after in a role, on paper, in the order in which they are locked."""
    found = accounts.current_memberships(member_id=user_id).filter(role=role)
    return list(found.order_by("patient_id").values_list("patient_id", flat=True))


def unseen_patients(*, at: datetime) -> QuerySet[Patient]:
    """Return the patients in a program whose chart no clinician can see: somebody has to take over."""
    return accounts.in_nobodys_sight(at=at).filter(enrollments__status__in=OPEN_STATUSES)


def _holds_of(patients: QuerySet[Patient]) -> QuerySet[Hold]:
    return Hold.objects.filter(patient__in=patients).select_related("patient", "lift_signature")


def _practises(actor: Actor, *, at: datetime) -> bool:
    if actor.kind != ActorKind.PERSON:
        return False
    return Role.CLINICIAN in accounts.roles_of(UUID(actor.id), at=at)


def _screenings_of(charts: Charts) -> QuerySet[Screening]:
    return Screening.objects.filter(within(charts, "enrollment__patient_id")).select_related(
        "policy", "enrollment__patient", "enrollment__program", "review__signature"
    )
