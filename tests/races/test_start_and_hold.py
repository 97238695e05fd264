"""A start, a dose or a booking against whatever must not pass it: never both.

The twin of each race is the same path with the row locks alone taken away, and shows what they are for.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from accounts.models import Patient, User
from core.actors import Actor
from notifications import services as notifications
from programs.services import lock_open_enrollments
from safety import services as safety
from safety.enums import AlertClass, HoldReason
from safety.models import Alert, Hold
from sessions import queries, rules, services
from sessions.errors import (
    AlreadyBooked,
    DoseAlreadyTaken,
    DoseNotNow,
    SessionNotStartable,
    WrongSessionState,
)
from sessions.models import CheckInDeadline, Dose, GateDecision, TreatmentSession
from tests.conftest import make_patient
from tests.races.together import meeting, together, without_row_locks
from tests.sessions import stages

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 3
MOST = ROUNDS // 2 + 1
"""How often a twin has to fail: more often than not. How often threads meet is the machine's affair."""

Acts = Callable[[int], tuple[Callable[[], Any], Callable[[], Any]]]


def race(acts: Acts, *places: tuple[Any, str], rounds: int = ROUNDS) -> tuple[Counter[frozenset[str]], int]:
    """Run rounds of two acts at once; return what they came to, and how many really overlapped."""
    came_to: Counter[frozenset[str]] = Counter()
    overlaps = 0
    for number in range(rounds):
        pair = acts(number)
        with meeting(*places) as point:
            results = together(*pair)
        came_to[frozenset(kind_of(result) for result in results)] += 1
        overlaps += point.met
    return came_to, overlaps


def kind_of(result: Any) -> str:
    return result if isinstance(result, str) else type(result).__name__


def patient(number: int) -> Patient:
    return make_patient(f"ada{number}@example.org", f"Ada{number} Example")


def ready(number: int, at: datetime) -> tuple[TreatmentSession, Actor]:
    """A session that only waits to be started, and its monitor."""
    session = stages.booked(patient(number), at=at - timedelta(minutes=10))
    return session, Actor.capability(stages.prepared(session, at=at).pk)


def holding(session: TreatmentSession, by: Actor, at: datetime, *, column: str) -> Callable[[], str]:
    """Place a hold, and say whether at that moment the session had got past it."""

    def hold() -> str:
        patient_id = session.enrollment.patient_id
        with transaction.atomic():
            lock_open_enrollments(patient_id)
            passed = TreatmentSession.objects.values_list(column, flat=True).get(pk=session.pk) is not None
            safety.place_hold(patient_id, reason=HoldReason.CLINICAL, note="", actor=by, at=at)
        return "held after it" if passed else "held before it"

    return hold


def start_and_hold(ben: User, at: datetime) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        session, monitor = ready(number, at)
        hold = holding(session, Actor.person(ben.pk), at, column="started_at")
        return lambda: services.start_session(session, actor=monitor, at=at), hold

    return acts


def test_a_start_never_passes_a_hold(ben: User, at: datetime) -> None:
    came_to, overlaps = race(start_and_hold(ben, at), (rules, "decide_start"), (safety, "new_id"))
    assert set(came_to) <= {
        frozenset({"TreatmentSession", "held after it"}),
        frozenset({SessionNotStartable.__name__, "held before it"}),
    }
    assert overlaps == 0


def test_twin_without_locks_a_start_passes_a_hold(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = race(start_and_hold(ben, at), (rules, "decide_start"), (safety, "new_id"))
    assert overlaps >= MOST
    assert came_to[frozenset({"TreatmentSession", "held before it"})] >= MOST
    assert Hold.objects.count() == ROUNDS


def stopping(session: TreatmentSession, stop: str, at: datetime) -> Callable[[], str]:
    """Pause, leave or close the account, and say whether at that moment the session had started."""

    def act() -> str:
        user, own = session.enrollment.patient.user, session.enrollment_id
        with transaction.atomic():
            lock_open_enrollments(session.enrollment.patient_id)
            started = TreatmentSession.objects.filter(pk=session.pk, started_at__isnull=False).exists()
            if stop == "pause":
                services.pause(own, patient_user=user, at=at)
            elif stop == "close":
                services.close_account(user, at=at)
            else:
                services.leave(own, reason="", patient_user=user, at=at)
        return "stopped after it" if started else "stopped before it"

    return act


def start_and_stop(stop: str, at: datetime) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        session, monitor = ready(number, at)
        start = partial(services.start_session, session, actor=monitor, at=at)
        return start, stopping(session, stop, at)

    return acts


MEETS = ((notifications, "suppress"), (notifications, "put_off"))
"""What one of them calls under its lock, with more to write: where it meets the start."""


@pytest.mark.parametrize("stop", ["pause", "leave", "close"])
def test_a_start_never_passes_a_patient_who_stops(ben: User, at: datetime, stop: str) -> None:
    came_to, overlaps = race(start_and_stop(stop, at), (rules, "decide_start"), *MEETS)
    assert set(came_to) <= {
        frozenset({"TreatmentSession", "stopped after it"}),
        frozenset({SessionNotStartable.__name__, "stopped before it"}),
        frozenset({WrongSessionState.__name__, "stopped before it"}),
    }
    assert overlaps == 0


@pytest.mark.parametrize("stop", ["pause", "leave", "close"])
def test_twin_without_locks_one_of_them_runs_into_the_compare_and_set(
    ben: User, at: datetime, stop: str
) -> None:
    """Where it is the stop that does, a patient who wanted to stop is refused."""
    with without_row_locks():
        came_to, overlaps = race(start_and_stop(stop, at), (rules, "decide_start"), *MEETS)
    assert overlaps >= MOST
    refused = frozenset({"TreatmentSession", WrongSessionState.__name__})
    too_late = frozenset({WrongSessionState.__name__, "stopped before it"})
    assert came_to[refused] + came_to[too_late] >= MOST


def test_twin_without_locks_the_programs_own_part_lets_a_start_pass(ben: User, at: datetime) -> None:
    """Nothing is booked that it could call off: then the lock alone stands between the two."""
    with without_row_locks(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "booked_sessions", lambda enrollment_id: [])
        came_to, overlaps = race(start_and_stop("pause", at), (rules, "decide_start"), *MEETS)
    assert overlaps >= MOST
    assert came_to[frozenset({"TreatmentSession", "stopped before it"})] >= MOST


def dose_and_hold(ben: User, at: datetime) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        session, monitor = stages.started(patient(number), at=at)
        hold = holding(session, Actor.person(ben.pk), at, column="dosed_at")
        return lambda: stages.take(session, monitor, at=at), hold

    return acts


def test_a_dose_never_passes_a_hold(ben: User, at: datetime) -> None:
    came_to, overlaps = race(dose_and_hold(ben, at), (rules, "dose_faults"), (safety, "new_id"))
    assert set(came_to) <= {
        frozenset({"Dose", "held after it"}),
        frozenset({DoseNotNow.__name__, "held before it"}),
    }
    assert overlaps == 0


def test_twin_without_locks_a_dose_passes_a_hold(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = race(dose_and_hold(ben, at), (rules, "dose_faults"), (safety, "new_id"))
    assert overlaps >= MOST
    assert came_to[frozenset({"Dose", "held before it"})] >= MOST


def two_starts(at: datetime) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        session, monitor = ready(number, at)
        themselves = Actor.person(session.enrollment.patient.user_id)
        return (
            lambda: services.start_session(session, actor=monitor, at=at),
            lambda: services.start_session(session, actor=themselves, at=at),
        )

    return acts


def test_of_two_who_start_the_second_is_told(ben: User, at: datetime) -> None:
    came_to, overlaps = race(two_starts(at), (rules, "decide_start"))
    assert came_to == {frozenset({"TreatmentSession", WrongSessionState.__name__}): ROUNDS}
    assert overlaps == 0
    assert GateDecision.objects.count() == ROUNDS


def test_twin_without_locks_the_second_start_runs_into_the_compare_and_set(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = race(two_starts(at), (rules, "decide_start"))
    assert overlaps >= MOST
    assert came_to == {frozenset({"TreatmentSession", WrongSessionState.__name__}): ROUNDS}
    assert CheckInDeadline.objects.count() == ROUNDS * 10


def two_doses(at: datetime) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        session, monitor = stages.started(patient(number), at=at)
        themselves = Actor.person(session.enrollment.patient.user_id)
        return (
            lambda: stages.take(session, monitor, at=at),
            lambda: stages.take(session, themselves, at=at),
        )

    return acts


def test_of_two_doses_one_is_recorded(ben: User, at: datetime) -> None:
    came_to, overlaps = race(two_doses(at), (rules, "dose_faults"))
    assert came_to == {frozenset({"Dose", DoseAlreadyTaken.__name__}): ROUNDS}
    assert overlaps == 0
    assert Dose.objects.count() == ROUNDS


def test_twin_without_locks_the_second_dose_runs_into_the_compare_and_set(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = race(two_doses(at), (rules, "dose_faults"))
    assert overlaps >= MOST
    assert came_to[frozenset({"Dose", WrongSessionState.__name__})] >= MOST
    assert Dose.objects.count() == ROUNDS


def two_bookings(at: datetime) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        enrollment = stages.measured(patient(number), at=at)
        return lambda: stages.book(enrollment, at=at), lambda: stages.book(enrollment, at=at)

    return acts


def test_of_two_bookings_one_is_made(ben: User, at: datetime) -> None:
    came_to, overlaps = race(two_bookings(at), (rules, "booking_faults"))
    assert came_to == {frozenset({"TreatmentSession", AlreadyBooked.__name__}): ROUNDS}
    assert overlaps == 0


def test_twin_without_locks_the_second_booking_runs_into_the_wall(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = race(two_bookings(at), (rules, "booking_faults"))
    assert overlaps >= MOST
    assert came_to[frozenset({"TreatmentSession", "IntegrityError"})] >= MOST


def dose_and_call_for_help(at: datetime) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        session, monitor = stages.started(patient(number), at=at)
        themselves = Actor.person(session.enrollment.patient.user_id)
        return (
            lambda: stages.take(session, themselves, at=at),
            lambda: stages.tap(session, monitor, at=at + timedelta(minutes=1), all_well=False),
        )

    return acts


def test_a_call_for_help_does_not_deadlock_with_a_dose(ben: User, at: datetime) -> None:
    came_to, _ = race(dose_and_call_for_help(at), (rules, "dose_faults"), (safety, "raise_alert"))
    assert set(came_to) <= {frozenset({"Dose", "CheckIn"}), frozenset({"DoseNotNow", "CheckIn"})}
    assert Alert.objects.count() == ROUNDS


def two_detectors(at: datetime) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        stages.started(patient(number), at=at - timedelta(minutes=15, seconds=number + 1))
        return lambda: str(services.watch(at=at).check_ins_missed), lambda: str(
            services.watch(at=at).check_ins_missed
        )

    return acts


def test_of_two_detectors_one_raises_the_alarm(ben: User, at: datetime) -> None:
    came_to, overlaps = race(two_detectors(at), (safety, "raise_alert"))
    assert came_to == {frozenset({"0", "1"}): ROUNDS}
    assert overlaps == 0
    assert Alert.objects.filter(alert_class=AlertClass.MISSED_CHECK_IN).count() == ROUNDS


def test_twin_without_locks_both_think_they_found_it_and_one_alert_is_raised(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = race(two_detectors(at), (safety, "raise_alert"))
    assert overlaps >= MOST
    assert came_to[frozenset({"1"})] >= MOST
    assert Alert.objects.filter(alert_class=AlertClass.MISSED_CHECK_IN).count() == ROUNDS


def start_and_crisis(at: datetime) -> Acts:
    def acts(number: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
        session, monitor = ready(number, at)
        themselves, read_before = Actor.person(session.enrollment.patient.user_id), stages.fetch(session)
        entry = stages.reading(at=at, seq=50, pressure=(190, 100))

        def measure() -> str:
            with transaction.atomic():
                services.observe(read_before, entry=entry, actor=themselves, at=at)
                started = TreatmentSession.objects.get(pk=session.pk).started_at is not None
            return "measured after it" if started else "measured before it"

        return lambda: services.start_session(session, actor=monitor, at=at), measure

    return acts


CRISIS_MEETS = ((rules, "decide_start"), (safety, "_stored_or_found"))


def test_a_crisis_measured_while_a_session_starts_is_heard(ben: User, at: datetime) -> None:
    """Whatever the session was when the reading came: it stops the start, or calls a clinician to it."""
    came_to, overlaps = race(start_and_crisis(at), *CRISIS_MEETS)
    assert set(came_to) <= {
        frozenset({"TreatmentSession", "measured after it"}),
        frozenset({SessionNotStartable.__name__, "measured before it"}),
    }
    assert overlaps == 0
    assert Alert.objects.filter(alert_class=AlertClass.SERIOUS_EVENT).count() == ROUNDS
    assert Hold.objects.filter(reason=HoldReason.SAFETY_TRIGGER).count() == ROUNDS


def test_twin_without_locks_a_start_passes_a_crisis(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = race(start_and_crisis(at), *CRISIS_MEETS)
    # They meet less often than others: the reading is stored before its alert.
    assert overlaps
    assert came_to[frozenset({"TreatmentSession", "measured before it"})]
