"""The gate with real rows: every question is answered from what is stored at that moment."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db.models.functions import Now

from accounts.enums import Role
from accounts.models import Licence, Patient, RoleGrant, ServedState, User
from accounts.services import revoke_capability, stop_serving_state
from core.actors import Actor
from core.documents import publish
from core.enums import DocumentKind
from core.models import Heartbeat
from desk.catalogue import SESSION_POLICIES
from desk.queries import standing
from desk.rules import next_step
from programs import services as programs
from safety import services as safety
from safety.enums import AlertClass, Grade, HoldReason, ProfileSection, ProfileSource, ProfileState
from safety.events.enums import FollowUpEnd, FollowUpKind
from safety.events.following import Asked, end_follow_up, set_follow_up
from safety.events.models import FollowUp
from safety.models import AdverseEvent, Alert
from safety.profile import services as profile
from safety.profile.rules import Statement
from safety.roster.models import OnCallShift
from sessions import services
from sessions.errors import NotBookable, SessionNotStartable, SessionNotWatched, WrongSessionState
from sessions.models import CheckInDeadline, GateDecision, SessionTransition, TreatmentSession
from sessions.rules import start
from tests import steps
from tests.conftest import make_clinician, make_patient, make_user
from tests.sessions import stages

Spoil = Callable[[TreatmentSession, datetime], None]


def ada_of(session: TreatmentSession) -> Actor:
    return Actor.person(session.enrollment.patient.user_id)


def hold(session: TreatmentSession, at: datetime) -> None:
    patient = session.enrollment.patient
    by = Actor.person(steps.clinician(patient).pk)
    safety.place_hold(patient.pk, reason=HoldReason.CLINICAL, note="", actor=by, at=at)


def suicide_alert(session: TreatmentSession, at: datetime) -> None:
    safety.raise_alert(
        session.enrollment.patient_id, alert_class=AlertClass.SUICIDE_RISK, source="test", at=at
    )


def missed_check_in(session: TreatmentSession, at: datetime) -> None:
    safety.raise_alert(
        session.enrollment.patient_id, alert_class=AlertClass.MISSED_CHECK_IN, source="test", at=at
    )


def serious_event(session: TreatmentSession, at: datetime) -> None:
    report = safety.EventReport(description="She is not well.")
    safety.report_event(session.enrollment.patient_id, report=report, actor=ada_of(session), at=at)


def mild(session: TreatmentSession, at: datetime) -> AdverseEvent:
    """A report that voids no clearance: known to be mild, and not serious."""
    report = safety.EventReport("A headache.", is_serious=False, grade=Grade.MILD)
    return safety.report_event(session.enrollment.patient_id, report=report, actor=ada_of(session), at=at)


def mild_event(session: TreatmentSession, at: datetime) -> None:
    mild(session, at)


def late_dose(session: TreatmentSession, at: datetime) -> None:
    safety.raise_alert(session.enrollment.patient_id, alert_class=AlertClass.LATE_DOSE, source="test", at=at)


def overdue_follow_up(session: TreatmentSession, at: datetime) -> None:
    """A clinician has looked at the event, and asked something that nobody found out in time."""
    event = mild(session, at - timedelta(hours=1))
    by = steps.clinician(session.enrollment.patient)
    look_at(event.alert, by, at=at)
    asked = Asked("Ask for the letter.", by.pk, at)
    actor = Actor.person(by.pk)
    set_follow_up(event, asked=asked, actor=actor, at=at - timedelta(minutes=30))


def look_at(alert: Alert, by: User, *, at: datetime) -> None:
    safety.acknowledge(alert, by=by, at=at)
    safety.close(alert, by=by, reason="Talked.", at=at)


def withdrawal(session: TreatmentSession, at: datetime) -> None:
    user = session.enrollment.patient.user
    programs.withdraw(session.enrollment_id, patient_user=user, reason="", at=at)


def newer_answers(session: TreatmentSession, at: datetime) -> None:
    safety.screen(session.enrollment_id, answers=steps.HEALTHY, actor=ada_of(session), at=at)


def new_medicine(session: TreatmentSession, at: datetime) -> None:
    said = Statement(ProfileSection.MEDICATION, ProfileState.TAKEN, text="Sertraline")
    patient_id, source = session.enrollment.patient_id, ProfileSource.PATIENT
    profile.state_fact(patient_id, said=said, source=source, actor=ada_of(session), at=at)


def newer_text(session: TreatmentSession, at: datetime) -> None:
    text = {"title": "Changed", "summary": "Changed.", "text": "Changed."}
    publish(DocumentKind.TREATMENT_CONSENT, version=3, content=text, effective_at=at)


def another_monitor(session: TreatmentSession, at: datetime) -> None:
    """The one who said to be there no longer holds the link; the new one has said nothing."""
    stages.invited(session, at=at)


def revoked_link(session: TreatmentSession, at: datetime) -> None:
    invitation = session.invitations.get()
    revoke_capability(invitation.capability_id, at=at)


def a_drink(session: TreatmentSession, at: datetime) -> None:
    answers = stages.WELL | {"alcohol_or_intoxication": "yes"}
    services.attest_patient_today(session, answers=answers, actor=ada_of(session), at=at)


def no_answer(session: TreatmentSession, at: datetime) -> None:
    answers = {key: "no" for key in stages.WELL if key != "pregnancy_possible"}
    services.attest_patient_today(session, answers=answers, actor=ada_of(session), at=at)


def read(pressure: tuple[int, int]) -> Spoil:
    def one_reading(session: TreatmentSession, at: datetime) -> None:
        entry = stages.reading(at=at, seq=9, pressure=pressure)
        services.observe(session, entry=entry, actor=ada_of(session), at=at)

    return one_reading


def elsewhere(session: TreatmentSession, at: datetime) -> None:
    """Across the border: the clinic serves no such state, and nobody is licensed there."""
    place = replace(stages.HERE, address=replace(stages.HERE.address, state="VT", postal_code="05201"))
    services.give_place(session, place=place, actor=ada_of(session), at=at)


def state_given_up(session: TreatmentSession, at: datetime) -> None:
    served = ServedState.objects.get(state="NY")
    stop_serving_state(served, ends_on=(at - timedelta(days=1)).date())


def on_call(from_minute: int, to_minute: int) -> Spoil:
    """A roster is kept from now on, in which Ben is on duty for that long."""

    def shift(session: TreatmentSession, at: datetime) -> None:
        by = steps.clinician(session.enrollment.patient)
        OnCallShift.objects.create(
            user=by,
            entered_by=by,
            entered_at=at,
            starts_at=at + timedelta(minutes=from_minute),
            ends_at=at + timedelta(minutes=to_minute),
        )

    return shift


def shift_called_off(session: TreatmentSession, at: datetime) -> None:
    on_call(0, 300)(session, at)
    OnCallShift.objects.update(cancelled_at=at)
    on_call(-60, 149)(session, at)


def only_a_stranger_on_call(session: TreatmentSession, at: datetime) -> None:
    """Licensed in another state alone."""
    una = make_clinician(make_user("una@clinic.example"), "Una Example", at=at, state="IL")
    by = steps.clinician(session.enrollment.patient)
    night = {"starts_at": at, "ends_at": at + timedelta(hours=8)}
    OnCallShift.objects.create(user=una, entered_by=by, entered_at=at, **night)


def licence_ends_today(session: TreatmentSession, at: datetime) -> None:
    """Without a roster everybody is called; nobody may be here tomorrow, or from the middle of this watch."""
    Licence.objects.update(ends_on=(at - timedelta(days=1)).date())


def nobody_stays(session: TreatmentSession, at: datetime) -> None:
    RoleGrant.objects.filter(role=Role.CLINICIAN).update(ends_at=at + timedelta(minutes=149))


SPOILED: list[tuple[str, Spoil, set[str]]] = [
    ("hold", hold, {"on_hold"}),
    ("suicide alert", suicide_alert, {"on_hold", "alert_open", "suicidality"}),
    ("missed check-in before", missed_check_in, {"alert_open"}),
    ("serious event", serious_event, {"on_hold", "alert_open", "adverse_event"}),
    ("a mild event nobody has looked at", mild_event, {"safety_task_open"}),
    ("a dose told of late nobody has looked at", late_dose, {"safety_task_open"}),
    ("an overdue follow-up", overdue_follow_up, {"safety_task_open"}),
    ("withdrawal", withdrawal, {"enrollment_not_active"}),
    ("a new medicine", new_medicine, {"profile_changed"}),
    ("answers nobody reviewed", newer_answers, {"not_reviewed"}),
    ("a newer text to agree to", newer_text, {"consent_missing"}),
    ("another monitor", another_monitor, {"monitor_not_present"}),
    ("link called back", revoked_link, {"monitor_missing", "monitor_not_present"}),
    ("a drink today", a_drink, {"today_alcohol_or_intoxication"}),
    ("a question left open", no_answer, {"today_pregnancy_possible"}),
    ("high systolic", read((141, 80)), {"systolic_too_high"}),
    ("high diastolic", read((130, 91)), {"diastolic_too_high"}),
    (
        "crisis",
        read((182, 80)),
        {"on_hold", "blood_pressure_crisis", "systolic_too_high", "alert_open", "record_objects"},
    ),
    ("in another state", elsewhere, {"place_not_served", "nobody_on_call"}),
    ("a state no longer served", state_given_up, {"place_not_served"}),
    ("on call too late", on_call(1, 300), {"nobody_on_call"}),
    ("off duty too early", on_call(0, 149), {"nobody_on_call"}),
    ("a shift called off", shift_called_off, {"nobody_on_call"}),
    ("on call for another state", only_a_stranger_on_call, {"nobody_on_call"}),
    ("no licence any more", licence_ends_today, {"nobody_on_call"}),
    ("who leaves before the end", nobody_stays, {"nobody_on_call"}),
]


@pytest.mark.parametrize(("spoil", "codes"), [pytest.param(s, c, id=name) for name, s, c in SPOILED])
def test_what_has_changed_by_then_refuses(ada: Patient, at: datetime, spoil: Spoil, codes: set[str]) -> None:
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    moment = at + timedelta(minutes=2)
    spoil(stages.fetch(session), moment)
    assert refusal(session, at=moment) == codes
    assert_nothing_started(session)


def test_what_was_looked_at_starts(ada: Patient, at: datetime) -> None:
    """The event's alert is closed; what is still to be found out is not overdue."""
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    event, by = mild(stages.fetch(session), at), steps.clinician(ada)
    asked = Asked("Ask for the letter.", by.pk, at + timedelta(minutes=3))
    set_follow_up(event, asked=asked, actor=Actor.person(by.pk), at=at)
    moment = at + timedelta(minutes=2)
    safety.acknowledge(event.alert, by=by, at=moment)
    assert refusal(session, at=moment) == {"safety_task_open"}
    safety.close(event.alert, by=by, reason="Talked.", at=moment)
    assert services.start_session(session, actor=ada_of(session), at=moment).status == "in_progress"


def test_twin_unless_it_is_asked_a_task_stops_nothing(
    ada: Patient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    overdue_follow_up(stages.fetch(session), at)
    without = tuple(check for check in start._CHECKS if check is not start._safety_tasks)
    monkeypatch.setattr(start, "_CHECKS", without)
    assert services.start_session(session, actor=ada_of(session), at=at).status == "in_progress"


def test_whoever_waits_for_a_task_reads_so(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    event = mild(stages.fetch(session), at)
    assert next_step(standing(session.enrollment, at=at)).code == "waiting_for_clinician"
    look_at(event.alert, steps.clinician(ada), at=at)
    assert next_step(standing(session.enrollment, at=at)).code == "prepare_session"


def test_an_overdue_follow_up_that_was_found_out_starts(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    overdue_follow_up(stages.fetch(session), at)
    by = steps.clinician(ada)
    asked = FollowUp.objects.get(kind=FollowUpKind.DETAIL)
    end_follow_up(asked, end=FollowUpEnd.DONE, found="It is here.", by=by, at=at)
    assert services.start_session(session, actor=ada_of(session), at=at).status == "in_progress"


def test_tasks_of_another_stop_nobody(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    other = stages.booked(make_patient("eve@example.org", "Eve Example"), at=at)
    overdue_follow_up(stages.fetch(other), at)
    mild_event(stages.fetch(other), at)
    assert services.start_session(session, actor=ada_of(session), at=at).status == "in_progress"


def test_a_roster_that_covers_the_whole_watch_starts(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    on_call(0, 100)(stages.fetch(session), at)
    on_call(100, 150)(stages.fetch(session), at)
    assert services.start_session(session, actor=ada_of(session), at=at).status == "in_progress"


@pytest.mark.parametrize("age_s", [None, 21])
def test_without_a_watchdog_nothing_starts(ada: Patient, at: datetime, age_s: int | None) -> None:
    """Worth another try, and ours to mend: a 503, which names what else there is too."""
    session = stages.booked(ada, at=at)
    monitor = Actor.capability(stages.prepared(session, at=at).pk)
    hold(stages.fetch(session), at)
    if age_s is None:
        Heartbeat.objects.update(name="somebody else")
    else:
        Heartbeat.objects.update(beat_at=Now() - timedelta(seconds=age_s))
    with stages.refused(SessionNotWatched) as refused:
        services.start_session(session, actor=monitor, at=at)
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "5"})
    assert [reason.code for reason in refused.value.reasons] == ["watch_not_running", "something_else"]
    assert_nothing_started(session)


def test_a_watchdog_just_alive_is_enough(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    Heartbeat.objects.update(beat_at=Now() - timedelta(seconds=1))
    assert services.start_session(session, actor=ada_of(session), at=at).status == "in_progress"


def test_nothing_prepared_refuses_with_every_reason(ada: Patient, at: datetime) -> None:
    enrollment = steps.active(ada, at=at)
    session = stages.book(enrollment, at=at)
    stages.watchdog_lives()
    assert refusal(session, at=at) == {
        "form_outstanding",
        "monitor_missing",
        "monitor_not_present",
        "today_not_answered",
        "too_few_readings",
        "heart_rate_missing",
        "place_missing",
    }
    assert_nothing_started(session)


def test_the_same_session_starts_when_nothing_was_spoiled(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    moved = services.start_session(session, actor=ada_of(session), at=at + timedelta(minutes=2))
    assert moved.status == "in_progress"


@pytest.mark.parametrize("minutes", [-24 * 60, 31, 121])
def test_at_another_time_it_does_not_start(ada: Patient, at: datetime, minutes: int) -> None:
    """A day too early, with readings too old, with everybody's word too old."""
    expected = {
        -24 * 60: "before_its_day",
        31: "readings_too_old",
        121: "monitor_not_present",
    }
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    assert expected[minutes] in refusal(session, at=at + timedelta(minutes=minutes))


def test_spacing_counts_a_dose_of_an_earlier_program(ada: Patient, at: datetime) -> None:
    # A day and a half: the morning after has come, whatever the hour.
    before, _ = stages.ended(ada, at=at - timedelta(days=2, hours=12))
    services.answer_morning(
        before, slept=True, is_alert=True, actor=ada_of(before), at=at - timedelta(days=1)
    )
    services.watch(at=at - timedelta(days=1))
    stages.review(before, at=at - timedelta(days=1))
    programs.withdraw(before.enrollment_id, patient_user=ada.user, reason="", at=at)
    session = stages.fetch(stages.book_regardless(stages.measured(ada, at=at), at=at))
    stages.prepared(session, at=at)
    assert refusal(session, at=at) == {"too_soon"}


def test_spacing_is_not_a_matter_of_the_zone_of_a_booking(ada: Patient, at: datetime) -> None:
    """Six days after the dose, booked where the calendar is seven days on."""
    Patient.objects.filter(pk=ada.pk).update(timezone=stages.zone_at_noon(at))
    before, _ = stages.ended(ada, at=at - timedelta(days=6))
    services.watch(at=at)
    # As if it had been booked where it was still the day before.
    TreatmentSession.objects.filter(pk=before.pk).update(dosed_on=at - timedelta(days=8))
    session = stages.fetch(stages.book_regardless(before.enrollment, at=at))
    TreatmentSession.objects.filter(pk=session.pk).update(timezone="Pacific/Kiritimati")
    stages.fill_in(before.enrollment, at=at)
    stages.prepared(stages.fetch(session), at=at)
    assert "too_soon" in refusal(stages.fetch(session), at=at)
    with stages.refused(NotBookable) as refused:
        services.reschedule(
            session,
            scheduled_at=at + timedelta(hours=2),
            timezone="Pacific/Kiritimati",
            actor=ada_of(session),
            at=at,
        )
    assert [reason.code for reason in refused.value.reasons] == ["too_soon"]


def test_moving_a_session_makes_everybody_vouch_again(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    later = at + timedelta(minutes=2)
    services.reschedule(
        session,
        scheduled_at=later + timedelta(minutes=1),
        timezone=session.timezone,
        actor=ada_of(session),
        at=later,
    )
    assert refusal(session, at=later) == {"monitor_not_present", "today_not_answered", "place_missing"}


@pytest.mark.parametrize("status", ["cancelled", "recovering", "aborted"])
def test_a_session_starts_only_from_a_booking(ada: Patient, at: datetime, status: str) -> None:
    session = stages.reached(ada, status, at=at)
    with stages.refused(WrongSessionState):
        services.start_session(session, actor=Actor.person(steps.clinician(ada).pk), at=at)


def test_a_clinicians_readings_do_not_open_the_gate(ada: Patient, at: datetime) -> None:
    """Nor one that says it was taken in a minute: it counts from when it came."""
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    read((139, 91))(stages.fetch(session), at + timedelta(seconds=1))
    clinician = Actor.person(steps.clinician(ada).pk)
    for seq, minutes in ((20, 0), (21, 1)):
        entry = stages.reading(at=at + timedelta(minutes=minutes), seq=seq)
        services.observe(stages.fetch(session), entry=entry, actor=clinician, at=at + timedelta(seconds=2))
    assert refusal(session, at=at + timedelta(seconds=3)) == {"diastolic_too_high"}


def test_readings_from_a_clock_ahead_count_from_when_they_came(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    read((139, 91))(stages.fetch(session), at)
    for seq, ahead in ((20, 60), (21, 120)):
        entry = stages.reading(at=at + timedelta(seconds=ahead), seq=seq)
        services.observe(stages.fetch(session), entry=entry, actor=ada_of(session), at=at)
    assert refusal(session, at=at) == {"diastolic_too_high"}


def test_a_monitor_is_told_nothing_of_the_chart(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    monitor = Actor.capability(stages.prepared(session, at=at).pk)
    for spoil in (hold, suicide_alert, a_drink, newer_answers, read((150, 80))):
        spoil(stages.fetch(session), at)
    with stages.refused(SessionNotStartable) as refused:
        services.start_session(session, actor=monitor, at=at)
    told = [reason.code for reason in refused.value.reasons]
    assert told == ["systolic_too_high", "something_else"]


def test_the_gate_keeps_what_it_was_told(ada: Patient, at: datetime) -> None:
    session, monitor = stages.started(ada, at=at)
    gate = GateDecision.objects.get(session=session)
    assert gate.facts["readings"][0]["systolic_mmhg"] == 118
    assert gate.facts["plan"]["session_count"] == 6
    assert (gate.decided_at, gate.dose_by) == (at, at + timedelta(minutes=30))
    assert gate.policy.kind == DocumentKind.SESSION_POLICY
    assert gate.actor == monitor
    assert (gate.policy.version, len(SESSION_POLICIES)) == (4, 4)


def moved(session: TreatmentSession, at: datetime) -> TreatmentSession:
    later = at + timedelta(minutes=1)
    zone, actor = session.timezone, ada_of(session)
    return services.reschedule(session, scheduled_at=later, timezone=zone, actor=actor, at=at)


def booked_again(session: TreatmentSession, at: datetime) -> TreatmentSession:
    services.cancel(session, reason="", actor=ada_of(session), at=at)
    return stages.book(session.enrollment, at=at)


@pytest.mark.parametrize("then", [lambda session, at: session, moved, booked_again])
def test_a_yes_stands_for_its_day_whatever_is_answered_after_it(
    ada: Patient, at: datetime, then: Callable[[TreatmentSession, datetime], TreatmentSession]
) -> None:
    Patient.objects.filter(pk=ada.pk).update(timezone=stages.zone_at_noon(at))
    first = stages.booked(ada, at=at)
    a_drink(stages.fetch(first), at)
    session = then(stages.fetch(first), at)
    stages.prepared(session, at=at)
    assert refusal(session, at=at + timedelta(minutes=2)) == {"today_alcohol_or_intoxication"}


def test_the_next_day_is_another_day(ada: Patient, at: datetime) -> None:
    Patient.objects.filter(pk=ada.pk).update(timezone=stages.zone_at_noon(at))
    session = stages.booked(ada, at=at - timedelta(hours=13))
    a_drink(stages.fetch(session), at - timedelta(hours=13))
    TreatmentSession.objects.filter(pk=session.pk).update(timezone=stages.zone_at_noon(at))
    stages.prepared(stages.fetch(session), at=at)
    started = services.start_session(stages.fetch(session), actor=ada_of(session), at=at)
    assert started.status == "in_progress"


def refusal(session: TreatmentSession, *, at: datetime) -> set[str]:
    """Return the codes for which the session is refused."""
    with stages.refused(SessionNotStartable) as refused:
        services.start_session(session, actor=ada_of(session), at=at)
    assert refused.value.status == 422
    return {reason.code for reason in refused.value.reasons}


def assert_nothing_started(session: TreatmentSession) -> None:
    assert stages.fetch(session).started_at is None
    assert not GateDecision.objects.filter(session=session).exists()
    assert not CheckInDeadline.objects.filter(session=session).exists()
    assert not SessionTransition.objects.filter(session=session, event="started").exists()
