"""A clinic with somebody in every role, and two charts at the same stage: Ada's and Cyd's."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from rest_framework.test import APIClient

from accounts.break_glass.services import Asked, open_chart
from accounts.enums import BreakGlassPurpose, Role
from accounts.models import (
    Capability,
    CareTeamMembership,
    Clinician,
    Licence,
    Patient,
    RoleGrant,
    ServedState,
    User,
)
from accounts.services import grant_role, invite_staff
from accounts.sign_ins import SessionStore
from assessments import services as assessments
from assessments.enums import WorseningLevel
from assessments.instruments import instruments
from assessments.models import Assessment, WorseForm
from assessments.worsening.rules import thresholds
from assessments.worsening.views import WORSE
from core.actors import Actor
from core.documents import publish
from core.encryption import encrypt
from core.enums import DocumentKind
from core.models import DocumentVersion
from desk.catalogue import EFFECTIVE_AT
from notifications.devices.models import Device
from notifications.devices.rules import by_token
from notifications.devices.services import register
from notifications.enums import Channel, DeliveryStatus, MessageKind
from notifications.models import Delivery
from notifications.texts.models import TextNumber
from notifications.texts.queries import place
from notifications.texts.services import set_number
from programs import queries, rules
from programs import services as programs
from programs.models import Enrollment
from safety import services as safety
from safety.enums import AlertClass, HoldReason, ProfileSection, ProfileSource, ProfileState
from safety.events.following import Asked as ToFindOut
from safety.events.following import set_follow_up
from safety.events.models import FollowUp, ReportingClock
from safety.events.serializers import AssessmentInput
from safety.events.services import assess
from safety.models import AdverseEvent, Alert, HealthFact, Hold, Screening
from safety.profile import services as profile
from safety.profile.rules import Measurement, Statement
from safety.roster.models import OnCallShift
from safety.screening.files import write_policy
from safety.screening.health import Vital
from safety.screening.policy import example_policy as screening_policy
from sessions import services as sessions
from sessions.deviations.enums import DeviationKind
from sessions.deviations.models import Deviation
from sessions.deviations.services import Report, record_deviation
from sessions.enums import EffectAnswer, ExpectedEffect
from sessions.ledger import services as ledger
from sessions.ledger.enums import StockKind
from sessions.ledger.models import Prescription
from sessions.ledger.views import PRESCRIBED
from sessions.models import EffectsChecklist, Observation, SessionProposal, TreatmentSession
from sessions.queries import log_sha256
from sessions.rules import local_day
from tests import steps
from tests.access import declared as to
from tests.conftest import make_clinician, make_patient, make_user, sign_in
from tests.policies import enact
from tests.safety.test_overrides import enact_lenient
from tests.sessions import stages
from tests.sessions.conftest import by_link
from tests.sessions.facts import example_policy
from tests.sessions.test_ledger_rules import WRITTEN


def _screened(patient: Patient, at: datetime) -> None:
    enrollment = steps.enrolled(patient, at=at)
    safety.screen(enrollment.pk, answers=steps.HEALTHY, actor=Actor.person(patient.user_id), at=at)


def _answered(patient: Patient, at: datetime) -> None:
    enrollment = steps.active(patient, at=at)
    for form in Assessment.objects.filter(enrollment=enrollment):
        answers = steps.calm(form.instrument)
        actor = Actor.person(patient.user_id)
        assessments.save_draft(form, answers=answers, expected_version=form.version, actor=actor, at=at)


def _worse(patient: Patient, at: datetime) -> None:
    form = steps.active(patient, at=at).assessments.earliest("pk")
    limits = thresholds("")
    WorseForm.objects.create(
        assessment=form,
        enrollment=form.enrollment,
        level=WorseningLevel.SOFT,
        found=[WORSE["found"][0]],
        thresholds_version=limits.version,
        thresholds_sha256=limits.content_sha256,
        instrument_sha256=instruments()[form.instrument].content_sha256,
        noticed_at=at,
    )


def _mistaken(patient: Patient, at: datetime) -> None:
    session = stages.booked(patient, at=at)
    stages.prepared(session, at=at)
    answers, actor = stages.WELL | {"new_medicine": "yes"}, Actor.person(patient.user_id)
    sessions.attest_patient_today(stages.fetch(session), answers=answers, actor=actor, at=at)


def _raised(patient: Patient, at: datetime) -> None:
    """Two blood pressures above the limits, the later one just now."""
    session, actor = stages.booked(patient, at=at), Actor.person(patient.user_id)
    stages.invited(session, at=at)
    for seq, ago in enumerate((10, 5)):
        moment = at - timedelta(minutes=ago)
        high = stages.reading(at=moment, seq=seq, pressure=(146, 88))
        sessions.observe(stages.fetch(session), entry=high, actor=actor, at=moment)


def _excluded(patient: Patient, at: datetime) -> None:
    """Excluded by a rule that two clinicians may override, in a policy that says so."""
    if not DocumentVersion.objects.filter(kind=DocumentKind.SCREENING_POLICY, version=3).exists():
        enact_lenient("thyroid_not_controlled", version=3, at=at)
    enrollment = steps.enrolled(patient, at=at)
    answers = steps.HEALTHY | {"overactive_thyroid": "not_controlled"}
    safety.screen(enrollment.pk, answers=answers, actor=Actor.person(patient.user_id), at=at)


def _stocked(patient: Patient, at: datetime) -> None:
    enrollment, by = stages.measured(patient, at=at), steps.clinician(patient)
    today = local_day(at, ZoneInfo(patient.timezone))
    said = replace(WRITTEN, issued_on=today, expires_on=today + timedelta(days=60))
    prescription = ledger.record_prescription(enrollment.pk, said=said, by=by, at=at)
    came = ledger.Moved(StockKind.DISPENSED, "K-1", 9)
    ledger.move_stock(prescription, moved=came, actor=Actor.person(by.pk), at=at)


def _dosed(patient: Patient, at: datetime) -> None:
    session, monitor = stages.dosed(patient, at=at)
    safety.raise_alert(patient.pk, alert_class=AlertClass.SERIOUS_EVENT, source="test", at=at)
    safety.place_hold(
        patient.pk, reason=HoldReason.CLINICAL, note="", actor=Actor.person(patient.user_id), at=at
    )
    report = {"description": "Not well.", "is_serious": "no"}
    answer = by_link(stages.token_in_mail(session)).post("/api/v1/adverse-events", report, format="json")
    sick = {ExpectedEffect.NAUSEA: EffectAnswer.YES}
    sessions.note_effects(session, answers=sick, other="", actor=monitor, at=at)
    assert (answer.status_code, monitor) == (201, monitor), answer.content


def _deviated(patient: Patient, at: datetime) -> None:
    session, _ = stages.dosed(patient, at=at)
    kind, by = DeviationKind.OTHER, Actor.person(steps.clinician(patient).pk)
    report = Report(kind=kind, expected="A quiet room.", happened="Visitors came.", occurred_at=at)
    record_deviation(session, report=report, actor=by, at=at)


def _proposed(patient: Patient, at: datetime) -> None:
    enrollment, by = stages.measured(patient, at=at), steps.clinician(patient)
    when, zone = at + timedelta(days=3), patient.timezone
    sessions.propose(enrollment.pk, scheduled_at=when, timezone=zone, note="", by=by, at=at)


def _over(patient: Patient, at: datetime) -> None:
    """Her first session, morning after included; its link still opens, to show what it opens."""
    session = stages.reached(patient, "completed", at=at)
    Capability.objects.filter(target_id=session.pk).update(expires_at=at + timedelta(days=1))


def _serious(patient: Patient, at: datetime) -> None:
    actor = Actor.person(patient.user_id)
    safety.report_event(patient.pk, report=safety.EventReport("Fell."), actor=actor, at=at)


def _settling(patient: Patient, at: datetime) -> None:
    _serious(patient, at)
    event = AdverseEvent.objects.get(patient=patient)
    by = steps.clinician(patient)
    asked = ToFindOut("Ask for the letter.", by.pk, at + timedelta(days=3))
    set_follow_up(event, asked=asked, actor=Actor.person(by.pk), at=at)


def _assessed(patient: Patient, at: datetime) -> None:
    _serious(patient, at)
    said = AssessmentInput(data=to.ASSESSED | {"product": {"name": "Ketamine tablets"}})
    said.is_valid(raise_exception=True)
    event = AdverseEvent.objects.get(patient=patient)
    assess(event, said=said.assessed(), replaces=0, by=steps.clinician(patient), at=at)


def _in_hand(patient: Patient, at: datetime) -> None:
    _dosed(patient, at)
    for alert in Alert.objects.filter(patient=patient, status="open"):
        safety.acknowledge(alert, by=steps.clinician(patient), at=at)


def _paused(patient: Patient, at: datetime) -> None:
    programs.pause(steps.active(patient, at=at).pk, patient_user=patient.user, at=at)


STAGES: dict[str, Callable[[Patient, datetime], Any]] = {
    "new": lambda patient, at: None,
    "screened": _screened,
    "accepted": lambda patient, at: steps.accepted(patient, at=at),
    "planned": lambda patient, at: steps.planned(patient, at=at),
    "active": lambda patient, at: steps.active(patient, at=at),
    "answered": _answered,
    "excluded": _excluded,
    "paused": _paused,
    "measured": lambda patient, at: stages.measured(patient, at=at),
    "proposed": _proposed,
    "booked": lambda patient, at: stages.invited(stages.booked(patient, at=at), at=at),
    "ready": lambda patient, at: stages.prepared(stages.booked(patient, at=at - timedelta(minutes=5)), at=at),
    "worse": _worse,
    "mistaken": _mistaken,
    "raised": _raised,
    "stocked": _stocked,
    "started": lambda patient, at: stages.started(patient, at=at),
    "late": lambda patient, at: stages.started(patient, at=at - timedelta(minutes=60)),
    "dosed": _dosed,
    "in hand": _in_hand,
    "deviated": _deviated,
    "over": _over,
    "serious": _serious,
    "settling": _settling,
    "assessed": _assessed,
}
MODELS: dict[str, tuple[type[Any], str]] = {
    "enrollment_id": (Enrollment, "patient"),
    "session_id": (TreatmentSession, "enrollment__patient"),
    "proposal_id": (SessionProposal, "enrollment__patient"),
    "assessment_id": (Assessment, "enrollment__patient"),
    "worse_form_id": (WorseForm, "enrollment__patient"),
    "screening_id": (Screening, "enrollment__patient"),
    "alert_id": (Alert, "patient"),
    "hold_id": (Hold, "patient"),
    "observation_id": (Observation, "session__enrollment__patient"),
    "deviation_id": (Deviation, "patient"),
    "checklist_id": (EffectsChecklist, "session__enrollment__patient"),
    "clock_id": (ReportingClock, "patient"),
    "follow_up_id": (FollowUp, "patient"),
    "event_id": (AdverseEvent, "patient"),
    "patient_id": (Patient, "pk"),
    "prescription_id": (Prescription, "enrollment__patient"),
    "message_id": (Delivery, "user__patient"),
    "reminder_id": (Delivery, "user__patient"),
    "device_id": (Device, "user__patient"),
}
"""How the ids in addresses lead to whose chart."""


@dataclass
class World:
    """Who asks, and what there is."""

    clients: dict[str, APIClient]
    actors: dict[str, str]
    charts: dict[str, Patient]
    others: dict[str, str]
    """Ids of what is in no chart."""
    at: datetime

    def id_of(self, name: str, target: str) -> str:
        """Return the id that stands for `name` in an address about Ada's, about Cyd's, or about nothing."""
        if target == "absent":
            return str(uuid4())
        if name in self.others:
            return self.others[name]
        model, path = MODELS[name]
        row = model.objects.filter(**{path: self.charts[target].pk}).order_by("pk").last()
        assert row is not None, f"nothing there for {name}"
        return str(row.pk)

    def body(self, op: to.Op) -> dict[str, Any]:
        """Return what to send, with what only this world knows."""
        special = next((_SPECIAL[key] for key in op.body if key in _SPECIAL), None)
        if special is not None:
            return special(self)
        known = {"<now>": self.at.isoformat(), "<uuid>": str(uuid4())}
        known |= {"<clinician>": self.others["clinician"], "<nobody>": self.others["nobody"]}
        return {
            key: known.get(value, value) if isinstance(value, str) else value
            for key, value in op.body.items()
        }


def _enrollment(world: World) -> Enrollment:
    return Enrollment.objects.get(patient=world.charts["ada"])


def _agreements(world: World) -> dict[str, Any]:
    enrollment = _enrollment(world)
    steps.understood(enrollment, at=world.at)
    texts = queries.consent_documents(at=world.at)
    return {"agreements": [{"document": str(text.pk), "sha256": text.sha256} for text in texts]}


def _attempt(world: World) -> dict[str, Any]:
    text = next(text for text in queries.consent_documents(at=world.at) if rules.questions(text.content))
    answers = {question.key: question.right for question in rules.questions(text.content)}
    return {"document": str(text.pk), "sha256": text.sha256, "answers": answers}


def _booking(world: World) -> dict[str, Any]:
    soon = world.at + timedelta(minutes=2)
    return {"scheduled_at": soon.isoformat(), "timezone": stages.zone_at_noon(world.at)}


def _plan(world: World) -> dict[str, Any]:
    order = vars(steps.ORDER)
    return {**order, "route": str(order["route"]), "dose_mg": str(order["dose_mg"])}


def _draft(world: World) -> dict[str, Any]:
    form = Assessment.objects.get(pk=world.id_of("assessment_id", "ada"))
    key, item = next(iter(instruments()[form.instrument].items.items()))
    return {"answers": {key: min(item.values)}}


def _offline(world: World) -> dict[str, Any]:
    form = Assessment.objects.get(pk=world.id_of("assessment_id", "ada"))
    return {
        "client_id": str(uuid4()),
        "filled_in_at": world.at.isoformat(),
        "etag": '"v1"',
        "answers": steps.calm(form.instrument),
    }


def _late(world: World) -> dict[str, Any]:
    taken_at = world.at - timedelta(minutes=59)
    return {"route": "sublingual", "dose_mg": "300.0", "taken_at": taken_at.isoformat()}


def _handover(world: World) -> dict[str, Any]:
    return {"role": "clinician", "to": world.others["former"], "patient": str(world.charts["ada"].pk)}


def _signature(world: World) -> dict[str, Any]:
    return {"sha256": DocumentVersion.objects.get(pk=world.others["policy_id"]).sha256}


def _rollback(world: World) -> dict[str, Any]:
    first = DocumentVersion.objects.get(kind=DocumentKind.SESSION_POLICY, version=11)
    return {"policy": str(first.pk), "sha256": first.sha256, "reason": "The first was better."}


def _statement(world: World) -> dict[str, Any]:
    return {"statement": str(HealthFact.objects.filter(patient=world.charts["ada"]).latest("pk").pk)}


def _bundle(world: World) -> dict[str, Any]:
    ada = world.charts["ada"]
    name = [{"family": ada.legal_name.split()[-1]}]
    person = {"resourceType": "Patient", "name": name, "birthDate": ada.birth_on.isoformat()}
    return {"bundle": {"resourceType": "Bundle", "entry": [{"resource": person}]}}


def _prescription(world: World) -> dict[str, Any]:
    today = local_day(world.at, ZoneInfo(world.charts["ada"].timezone))
    dates = {"issued_on": today.isoformat(), "expires_on": (today + timedelta(days=60)).isoformat()}
    return PRESCRIBED | dates


def _shift(world: World) -> dict[str, Any]:
    ends_at = world.at + timedelta(hours=8)
    return {
        "user": world.others["clinician"],
        "starts_at": world.at.isoformat(),
        "ends_at": ends_at.isoformat(),
    }


def _follow_up(world: World) -> dict[str, Any]:
    due_at = world.at + timedelta(days=3)
    return {
        "what": "Ask for the letter.",
        "assignee": world.others["clinician"],
        "due_at": due_at.isoformat(),
    }


def _two_charts(world: World) -> dict[str, Any]:
    ada, cyd = (str(world.charts[name].pk) for name in ("ada", "cyd"))
    return {"kept": ada, "other": cyd, "outcome": "different", "reason": "Called both."}


def _read_log(world: World) -> dict[str, Any]:
    session = TreatmentSession.objects.get(enrollment__patient=world.charts["ada"])
    return {"log_sha256": log_sha256(session), "note": "Uneventful."}


def _readings(world: World) -> dict[str, Any]:
    (session,) = TreatmentSession.objects.filter(enrollment__patient=world.charts["ada"])
    first, second = session.observations.order_by("observed_at")
    return {"first_reading": str(first.pk), "second_reading": str(second.pk), "reason": "Calm on video."}


def _policy_file(world: World) -> dict[str, Any]:
    content = screening_policy() | {"version": 99}
    return {"file": write_policy(content), "not_before": world.at.isoformat()}


_SPECIAL: dict[str, Callable[[World], dict[str, Any]]] = {
    "<agreements>": _agreements,
    "<attempt>": _attempt,
    "<booking>": _booking,
    "<plan>": _plan,
    "<draft>": _draft,
    "<offline>": _offline,
    "<late>": _late,
    "<follow-up>": _follow_up,
    "<handover>": _handover,
    "<shift>": _shift,
    "<signature>": _signature,
    "<statement>": _statement,
    "<bundle>": _bundle,
    "<rollback>": _rollback,
    "<policy file>": _policy_file,
    "<two charts>": _two_charts,
    "<prescription>": _prescription,
    "<review>": _read_log,
    "<readings>": _readings,
}


def _care(patient: Patient, member: User, role: Role, at: datetime, *, ended: bool = False) -> None:
    CareTeamMembership.objects.create(
        patient=patient,
        member=member,
        role=role,
        starts_at=at - timedelta(days=9),
        ends_at=at - timedelta(days=2) if ended else None,
    )


def _client(user: User, *, whole: bool = True) -> APIClient:
    session = SessionStore()
    sign_in(session, user)
    if not whole:
        session["account_authentication_methods"] = session["account_authentication_methods"][:1]
    session.create()
    client = APIClient()
    client.credentials(HTTP_X_SESSION_TOKEN=session.session_key)
    return client


def _clinician(name: str, at: datetime) -> User:
    user = make_user(f"{name.lower()}@clinic.example", is_staff=True)
    return make_clinician(user, f"{name} Example", at=at)


def _weighed(patient: Patient, at: datetime) -> None:
    """A measurement, which voids nothing."""
    measurement = Measurement(Vital.WEIGHT, 70, "kg", at)
    said = Statement(ProfileSection.VITAL, ProfileState.MEASURED, measurement=measurement)
    actor = Actor.person(patient.user_id)
    profile.state_fact(patient.pk, said=said, source=ProfileSource.PATIENT, actor=actor, at=at)


def _reminded(patient: Patient, at: datetime) -> None:
    """A reminder that was sent, and so is in the inbox; and a phone and a number to send others to."""
    Delivery.objects.create(
        dedupe_key=f"access:{patient.pk}",
        kind=MessageKind.ASSESSMENT_DUE,
        user=patient.user,
        due_at=at,
        expires_at=at + timedelta(days=1),
        status=DeliveryStatus.SENT,
        finished_at=at,
        appeared_at=at,
    )
    session = SessionStore()
    sign_in(session, patient.user)
    session.create()
    phone = by_token(Channel.FCM, f"the-token-of-{patient.pk}")
    register(patient.user, str(session.session_key), address=phone, at=at)
    set_number(patient.user, "+15550100", at=at)
    row = TextNumber.objects.get(user=patient.user)
    row.code = encrypt("408213", place=place(row, "code"))
    row.save()


def _policies(at: datetime) -> DocumentVersion:
    """Let two versions of a policy be signed, and a third wait for that."""
    kind, text = DocumentKind.SESSION_POLICY, example_policy()
    for version in (11, 12):
        content = text | {"version": version}
        enact(kind, version=version, content=content, effective_at=EFFECTIVE_AT, at=at)
    return publish(kind, version=13, content=text | {"version": 13}, effective_at=at)


def build(stage: str, *, at: datetime) -> World:
    """Make everybody, Ada's chart and Cyd's at `stage`, and Eve's with a link that was called back."""
    ben, dora, fay, una, ida = (_clinician(name, at) for name in ("Ben", "Dora", "Fay", "Una", "Ida"))
    ada, cyd, eve = (
        make_patient(f"{name.lower()}@example.org", f"{name} Example") for name in ("Ada", "Cyd", "Eve")
    )
    people = {to.PATIENT: ada.user, to.CLINICIAN: ben, to.FORMER: fay, to.ENDED: ida}
    roles = {to.GUIDE: Role.GUIDE, to.SAFETY: Role.SAFETY_OFFICER, to.PRIVACY: Role.PRIVACY_OFFICER}
    for name, role in (roles | {to.OPERATOR: Role.OPERATOR, to.DIRECTOR: Role.MEDICAL_DIRECTOR}).items():
        email = f"{role}@clinic.example"
        people[name] = _clinician(role.title(), at) if name == to.DIRECTOR else make_user(email)
        grant_role(people[name], role, granted_by=None, at=at - timedelta(days=30))
    people[to.NOBODY] = make_user("nobody@example.org")
    past = {"ends_at": at - timedelta(days=3)}
    RoleGrant.objects.filter(user=ida).update(**past)
    RoleGrant.objects.filter(user=people[to.DIRECTOR], role=Role.CLINICIAN).update(**past)
    for patient, member in ((ada, ben), (cyd, dora), (eve, dora)):
        _care(patient, member, Role.CLINICIAN, at)
    for member in (fay, ida):
        _care(ada, member, Role.CLINICIAN, at, ended=True)
    _care(ada, people[to.GUIDE], Role.GUIDE, at)
    hers = stages.booked(eve, at=at)
    _, dead = stages.invited(hers, at=at)
    _, token = stages.invited(hers, at=at)
    emergency = Asked("Eve Example", eve.birth_on, BreakGlassPurpose.DANGER, "An ambulance crew called.")
    opening = open_chart(ben, asked=emergency, at=at)
    for patient in (ada, cyd):
        STAGES[stage](patient, at)
        _weighed(patient, at)
        _reminded(patient, at)
    session = TreatmentSession.objects.filter(enrollment__patient=ada).first()
    if session is not None:
        token = stages.token_in_mail(session)
    offer, offered = invite_staff("ina@clinic.example", Role.CLINICIAN, by=people[to.OPERATOR], at=at)
    clients = {name: _client(user) for name, user in people.items()} | {
        to.VISITOR: APIClient(),
        to.REVOKED: by_link(dead),
        to.UNFACTORED: _client(una, whole=False),
        to.MONITOR: by_link(token),
        to.INVITED: by_link(offered),
    }
    for client in clients.values():
        client.raise_request_exception = False
    night = {"starts_at": at, "ends_at": at + timedelta(hours=8)}
    shift = OnCallShift.objects.create(user=una, entered_by=people[to.OPERATOR], entered_at=at, **night)
    others = {
        "grant_id": RoleGrant.objects.get(user=people[to.GUIDE]).pk,
        "licence_id": Licence.objects.filter(clinician=Clinician.objects.get(user=una)).latest("pk").pk,
        "served_id": ServedState.objects.latest("pk").pk,
        "invitation_id": offer.pk,
        "opening_id": opening.pk,
        "shift_id": shift.pk,
        "policy_id": _policies(at).pk,
        "screening_policy_id": DocumentVersion.objects.get(kind=DocumentKind.SCREENING_POLICY, version=2).pk,
        "clinician": una.pk,
        "nobody": people[to.NOBODY].pk,
        "former": fay.pk,
    }
    actors = {name: f"person:{user.pk}" for name, user in (people | {to.UNFACTORED: una}).items()}
    sessions.watch(at=at)
    return World(
        clients, actors, {"ada": ada, "cyd": cyd}, {key: str(value) for key, value in others.items()}, at
    )
