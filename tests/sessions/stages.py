"""A session's story, a stage a function, each by the real service and whoever takes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from accounts.models import Capability, Patient
from accounts.rules import Address
from accounts.services import hash_token
from assessments import services as assessments
from assessments.models import Assessment
from core.actors import Actor
from core.encryption import decrypt
from core.errors import Problem
from core.models import Heartbeat
from notifications.enums import MessageKind
from notifications.models import Delivery
from programs.enums import Route
from programs.models import Enrollment
from sessions import queries, services
from sessions.enums import Alertness, ObservationKind
from sessions.models import CheckIn, SessionReview, TreatmentSession
from sessions.rules import Place
from sessions.services import CheckInEntry, ObservationEntry
from tests import steps

MONITOR_EMAIL = "dan@example.org"
DEVICE = "the-key-of-dans-phone-0000"
WELL = {
    "alcohol_or_intoxication": "no",
    "fever_or_vomiting": "no",
    "sedatives_or_stimulants": "no",
    "new_medicine": "no",
    "pregnancy_possible": "no",
}


def measured(patient: Patient, *, at: datetime) -> Enrollment:
    """The patient is in treatment, their baseline submitted with nothing to report."""
    enrollment = steps.active(patient, at=at)
    fill_in(enrollment, at=at)
    return enrollment


def fill_in(enrollment: Enrollment, *, at: datetime) -> None:
    """The patient answers every form that waits."""
    actor = Actor.person(enrollment.patient.user_id)
    for form in Assessment.objects.filter(enrollment=enrollment, submitted_at=None):
        answers = steps.calm(form.instrument)
        saved = assessments.save_draft(
            form, answers=answers, expected_version=form.version, actor=actor, at=at
        )
        assessments.submit(saved, actor=actor, at=at)


def zone_at_noon(at: datetime) -> str:
    """Return a time zone in which it is noon, so that no test runs into midnight."""
    ahead = 12 - at.hour
    return "Etc/GMT" if ahead == 0 else f"Etc/GMT{-ahead:+d}"


def booked(patient: Patient, *, at: datetime) -> TreatmentSession:
    """They book the first session for a minute from `at`."""
    return book(measured(patient, at=at), at=at)


def book(enrollment: Enrollment, *, at: datetime) -> TreatmentSession:
    """The patient books the next session for a minute from `at`; the watchdog looks after it."""
    watchdog_lives()
    return services.book(
        enrollment.pk,
        scheduled_at=at + timedelta(minutes=1),
        timezone=zone_at_noon(at),
        actor=Actor.person(enrollment.patient.user_id),
        at=at,
    )


def invited(session: TreatmentSession, *, at: datetime) -> tuple[Capability, str]:
    """They ask Dan to stay, and he enters the code: his link, and its token from the mail that waits."""
    patient = session.enrollment.patient
    invitation = services.invite_monitor(
        session, first_name="Dan", address=MONITOR_EMAIL, actor=Actor.person(patient.user_id), at=at
    )
    bind(Capability.objects.filter(pk=invitation.capability_id))
    invitation.capability.refresh_from_db()
    return invitation.capability, token_in_mail(session)


def bind(links: QuerySet[Capability]) -> None:
    """Dan has entered the code on his phone, as soon as he was asked."""
    waiting = links.exclude(code=None)
    waiting.update(code=None, device_sha256=hash_token(DEVICE), bound_at=F("created_at"))


def token_in_mail(session: TreatmentSession) -> str:
    """Return the token in the newest invitation to a session."""
    return token_in_mail_of(str(session.pk))


def token_in_mail_of(session_id: str) -> str:
    """Return the token in the newest invitation to the session with that id."""
    mail = Delivery.objects.filter(
        kind=MessageKind.MONITOR_INVITATION, dedupe_key__contains=session_id
    ).latest("id")
    words = decrypt(bytes(mail.payload), place=f"notifications_delivery.payload:{mail.pk}")["words"]
    return str(words["link"].rpartition("/")[2])


def reading(*, at: datetime, seq: int, pressure: tuple[int, int] = (118, 76)) -> ObservationEntry:
    """Return a blood pressure with a pulse, as a phone sends it."""
    return ObservationEntry(
        kind=ObservationKind.BLOOD_PRESSURE,
        client_id=uuid4(),
        client_seq=seq,
        observed_at=at,
        systolic_mmhg=pressure[0],
        diastolic_mmhg=pressure[1],
        heart_rate_bpm=64,
    )


HERE = Place(
    address=Address(
        lines=("12 Example Street",),
        city="Albany",
        state="NY",
        postal_code="12207",
        country="US",
        starts_on=date(2026, 1, 1),
    ),
    phone="+1 518 555 0100",
    contact_name="Dan Example",
    contact_phone="+1 518 555 0101",
)


def watchdog_lives() -> None:
    """The watchdog has left a sign of life, one that a slow test does not outlive."""
    ahead = {"beat_at": Now() + timedelta(hours=1)}
    Heartbeat.objects.update_or_create(name="watchdog", defaults=ahead)


def prepared(session: TreatmentSession, *, at: datetime) -> Capability:
    """Everything the gate asks for is there: return Dan's link."""
    watchdog_lives()
    patient, (link, _) = session.enrollment.patient, invited(session, at=at)
    monitor = Actor.capability(link.pk)
    services.attest_monitor_present(session, actor=monitor, at=at)
    services.attest_patient_today(session, answers=WELL, actor=Actor.person(patient.user_id), at=at)
    services.give_place(session, place=HERE, actor=Actor.person(patient.user_id), at=at)
    for seq in range(2):
        fresh = reading(at=at - timedelta(minutes=5 - seq), seq=seq)
        services.observe(fetch(session), entry=fresh, actor=monitor, at=at)
    return link


def started(patient: Patient, *, at: datetime) -> tuple[TreatmentSession, Actor]:
    """The session has passed the gate at `at`; return it with its monitor."""
    session = booked(patient, at=at - timedelta(minutes=10))
    monitor = Actor.capability(prepared(session, at=at - timedelta(minutes=1)).pk)
    return services.start_session(session, actor=monitor, at=at), monitor


def dosed(patient: Patient, *, at: datetime) -> tuple[TreatmentSession, Actor]:
    """The session has started, and the dose was taken, at `at`."""
    session, monitor = started(patient, at=at)
    take(session, monitor, at=at)
    return fetch(session), monitor


def take(session: TreatmentSession, actor: Actor, *, at: datetime, **changed: Any) -> Any:
    """The dose is recorded as the plan orders it."""
    dose: dict[str, Any] = {"route": Route.SUBLINGUAL, "dose_mg": steps.ORDER.dose_mg} | changed
    return services.record_dose(session, actor=actor, at=at, **dose)


def ended(patient: Patient, *, at: datetime) -> tuple[TreatmentSession, Actor]:
    """The watched time was over at `at`, no check-in missing, and the session ended then."""
    session, monitor = dosed(patient, at=at - timedelta(minutes=120))
    for due_at in open_due(session):
        if due_at <= at:
            tap(session, monitor, at=due_at)
    recovered(session, monitor, at=at)
    return services.end_session(session, reason="", actor=monitor, at=at), monitor


def recovered(session: TreatmentSession, monitor: Actor, *, at: datetime) -> None:
    """Dan says that Ada talks normally, and measures her blood pressure once more, at `at`."""
    client_id = uuid4()
    awake = ObservationEntry(
        kind=ObservationKind.ALERTNESS,
        client_id=client_id,
        client_seq=0,
        observed_at=at,
        alertness=Alertness.TALKS_NORMALLY,
    )
    for entry in (awake, reading(at=at, seq=1)):
        services.observe(fetch(session), entry=entry, actor=monitor, at=at)


def tap(session: TreatmentSession, actor: Actor, *, at: datetime, all_well: bool = True) -> CheckIn:
    """Somebody says at `at` that all is well, or not."""
    entry = CheckInEntry(all_well=all_well, client_id=uuid4(), client_seq=0, observed_at=at)
    return services.check_in(fetch(session), entry=entry, actor=actor, at=at)[0]


def fetch(session: TreatmentSession) -> TreatmentSession:
    """Return the session as it is in the database now."""
    found = TreatmentSession.objects.select_related("enrollment__patient__user")
    return found.get(pk=session.pk)


def at_home(session: TreatmentSession, *, at: datetime) -> None:
    """The morning after is over at `at`, and they have said that they slept and feel awake."""
    patient = Actor.person(session.enrollment.patient.user_id)
    services.answer_morning(session, slept=True, is_alert=True, actor=patient, at=at)
    services.watch(at=at)


def review(session: TreatmentSession, *, at: datetime) -> SessionReview:
    """Her clinician has read the log of a session that is over, and signs it at `at`."""
    found = fetch(session)
    by, said = steps.clinician(found.enrollment.patient), queries.log_sha256(found)
    return services.review_session(found, log_sha256=said, note="Uneventful.", by=by, at=at)


@contextmanager
def refused(kind: type[Problem]) -> Iterator[pytest.ExceptionInfo[Problem]]:
    """Expect a refusal, and undo what was done until then, as a request would."""
    with pytest.raises(kind) as caught, transaction.atomic():
        yield caught


def open_due(session: TreatmentSession) -> list[datetime]:
    """Return when the session's open deadlines are due."""
    return list(queries.open_deadlines(session).values_list("due_at", flat=True))


def reached(patient: Patient, status: str, *, at: datetime) -> TreatmentSession:
    """Return a session that has come as far as `status`, by the ordinary way."""
    patient_self = Actor.person(patient.user_id)
    if status == "scheduled":
        return fetch(booked(patient, at=at))
    if status == "ready":
        session = booked(patient, at=at)
        prepared(session, at=at)
        return fetch(session)
    if status == "cancelled":
        return services.cancel(booked(patient, at=at), reason="", actor=patient_self, at=at)
    if status == "missed":
        session = booked(patient, at=at - timedelta(days=2))
        services.watch(at=at)
        return fetch(session)
    if status == "aborted":
        session, monitor = started(patient, at=at)
        return services.end_session(session, reason="", actor=monitor, at=at)
    if status == "in_progress":
        return fetch(started(patient, at=at)[0])
    session, _ = ended(patient, at=at if status == "recovering" else at - timedelta(days=2))
    if status == "completed":
        services.answer_morning(session, slept=True, is_alert=True, actor=patient_self, at=at)
    services.watch(at=at)
    return fetch(session)


def book_regardless(enrollment: Enrollment, *, at: datetime) -> TreatmentSession:
    """A booking row that no rule has looked at: what the gate is asked about then."""
    watchdog_lives()
    session = TreatmentSession.objects.create(
        enrollment=enrollment,
        number=queries.next_number(enrollment.pk),
        scheduled_at=at,
        timezone=zone_at_noon(at),
    )
    return fetch(session)
