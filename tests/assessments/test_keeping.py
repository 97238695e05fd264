"""The clock: forms by weeks and months, forms that wait while a program stands still, each made once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from accounts.models import Patient, User
from assessments import services, tasks
from assessments.keeping import Kept, keep_schedule
from assessments.models import Assessment
from assessments.schedule import Anchor, CauseKind
from assessments.stillness import Still, counted
from core import clock
from core.actors import Actor, ServiceName
from core.database import as_owner
from core.ids import new_id
from notifications.ladders import ladders
from notifications.models import Delivery
from notifications.services import deliver_due
from programs import services as programs
from programs.enums import EnrollmentEvent
from programs.models import Enrollment
from safety import services as safety
from safety.enums import HoldReason
from safety.models import Hold
from tests import steps
from tests.assessments.conftest import answered, save
from tests.assessments.test_golden_schedules import GOLDEN, day_of
from tests.conftest import make_patient
from tests.races.together import meeting, together, without_row_locks
from tests.sessions import stages

pytestmark = pytest.mark.from_the_start
DAY = timedelta(days=1)
NOTHING = Kept(opened=0, moved=0)


def complete(enrollment: Enrollment, *, at: datetime) -> None:
    enrollment.refresh_from_db()
    watch = Actor.service(ServiceName.WATCH)
    programs.move(enrollment, EnrollmentEvent.COMPLETED, actor=watch, at=at)


def asked(enrollment: Enrollment, anchor: Anchor) -> list[tuple[int, str, datetime]]:
    rows = enrollment.assessments.filter(**{f"{anchor}__isnull": False}).order_by(anchor, "id")
    return [(getattr(row, anchor), row.instrument, row.opens_at) for row in rows]


def place_hold(enrollment: Enrollment, ben: User, *, at: datetime) -> Hold:
    return safety.place_hold(
        enrollment.patient_id, reason=HoldReason.CLINICAL, note="", actor=Actor.person(ben.pk), at=at
    )


def pause(enrollment: Enrollment, *, at: datetime) -> None:
    programs.pause(enrollment.pk, patient_user=enrollment.patient.user, at=at)


def resume(enrollment: Enrollment, *, at: datetime) -> None:
    programs.resume(enrollment.pk, patient_user=enrollment.patient.user, at=at)


# Weeks and months


def test_a_program_of_six_is_asked_what_the_table_says(enrollment: Enrollment, at: datetime) -> None:
    """Lived through by the services, a look a day; the week is spared, the same form is open."""
    for day in range(240):
        now = at + day * DAY
        for number in range(1, 7):
            if day == day_of(number) - 7:
                scheduled_at = at + day_of(number) * DAY
                services.open_before_session(enrollment, number=number, scheduled_at=scheduled_at, at=now)
            if day == day_of(number):
                services.open_after_session(enrollment, number=number, at=now)
        if day == day_of(6):
            complete(enrollment, at=now)
        if day % 28 == 0 or day in (73, 133, 223):
            keep_schedule(at=now)
    rows: dict[Any, list[str]] = {}
    for row in enrollment.assessments.order_by("id"):
        (anchor,) = (each for each in Anchor if getattr(row, each) is not None)
        days = tuple((moment - at).days for moment in (row.opens_at, row.due_at, row.closes_at))
        rows.setdefault((anchor.value, getattr(row, anchor), days), []).append(row.instrument)
    found = {(anchor, number, tuple(codes), *days) for (anchor, number, days), codes in rows.items()}
    assert found == {row for row in GOLDEN[6] if row[0] != "week"}
    assert {row.schedule_version for row in enrollment.assessments.all()} == {3}


def answer_all(enrollment: Enrollment, *, at: datetime) -> None:
    stages.fill_in(enrollment, at=at)


def test_who_pauses_for_long_is_still_asked_how_they_are(enrollment: Enrollment, at: datetime) -> None:
    answer_all(enrollment, at=at)
    pause(enrollment, at=at + DAY)
    assert keep_schedule(at=at + 27 * DAY) == NOTHING
    assert keep_schedule(at=at + 28 * DAY) == Kept(opened=1, moved=0)
    assert asked(enrollment, Anchor.WEEK) == [(4, "phq9", at + 28 * DAY)]


def test_asking_again_changes_nothing(enrollment: Enrollment, at: datetime) -> None:
    answer_all(enrollment, at=at)
    now = at + 28 * DAY
    keep_schedule(at=now)
    before = Assessment.objects.count(), Delivery.objects.count()
    assert [keep_schedule(at=now), keep_schedule(at=now + DAY)] == [NOTHING, NOTHING]
    assert (Assessment.objects.count(), Delivery.objects.count()) == before


def test_who_has_the_same_form_open_is_not_asked_again(enrollment: Enrollment, at: datetime) -> None:
    assert keep_schedule(at=at + 28 * DAY) == NOTHING


@pytest.mark.parametrize(("days_ago", "opened"), [(13, 0), (15, 1)])
def test_who_has_answered_lately_is_not_asked_again(
    enrollment: Enrollment, at: datetime, days_ago: int, opened: int
) -> None:
    answer_all(enrollment, at=at + (28 - days_ago) * DAY)
    assert keep_schedule(at=at + 28 * DAY).opened == opened


def test_what_passed_while_nothing_ran_is_not_asked_later(enrollment: Enrollment, at: datetime) -> None:
    answer_all(enrollment, at=at)
    keep_schedule(at=at + 62 * DAY)
    assert [number for number, *_ in asked(enrollment, Anchor.WEEK)] == [8]


def test_weeks_end_with_the_program_and_months_begin(enrollment: Enrollment, at: datetime) -> None:
    answer_all(enrollment, at=at)
    complete(enrollment, at=at + 20 * DAY)
    assert keep_schedule(at=at + 28 * DAY) == NOTHING
    assert keep_schedule(at=at + 50 * DAY).opened == 1
    month = [(1, code, at + 50 * DAY) for code in ("phq9", "gad7", "cbi")]
    assert asked(enrollment, Anchor.MONTH) == month


def test_after_the_last_month_nothing_is_asked(enrollment: Enrollment, at: datetime) -> None:
    answer_all(enrollment, at=at)
    complete(enrollment, at=at)
    assert keep_schedule(at=at + (180 + 14) * DAY) == NOTHING


def test_nobody_who_left_is_asked(enrollment: Enrollment, at: datetime) -> None:
    answer_all(enrollment, at=at)
    programs.withdraw(enrollment.pk, patient_user=enrollment.patient.user, reason="", at=at + DAY)
    looks = [keep_schedule(at=at + day * DAY) for day in (28, 31, 56, 91)]
    assert looks == [NOTHING] * 4


def test_who_begins_anew_is_not_asked_about_the_former_program(
    enrollment: Enrollment, ada: Patient, at: datetime
) -> None:
    complete(enrollment, at=at)
    steps.enrolled(ada, at=at + DAY)
    assert keep_schedule(at=at + 30 * DAY) == NOTHING


def test_nobody_is_asked_before_every_text_is_agreed_to(ada: Patient, at: datetime) -> None:
    steps.planned(ada, at=at)
    assert keep_schedule(at=at + 28 * DAY) == NOTHING


def test_one_that_fails_leaves_the_others(
    enrollment: Enrollment, ben: User, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = steps.active(make_patient("dora@example.org", "Dora Example"), at=at)
    for each in (enrollment, other):
        answer_all(each, at=at)
    real = services.open_set

    def fail_for_the_first(first: Enrollment, *args: Any, **kwargs: Any) -> Any:
        if first.pk == enrollment.pk:
            raise InterruptedError
        return real(first, *args, **kwargs)

    monkeypatch.setattr(services, "open_set", fail_for_the_first)
    assert keep_schedule(at=at + 28 * DAY) == Kept(opened=1, moved=0)
    assert asked(other, Anchor.WEEK)


def test_the_task_asks_by_our_clock(enrollment: Enrollment, at: datetime, demo: None) -> None:
    answer_all(enrollment, at=at)
    clock.advance_demo(by=28 * DAY)
    tasks.keep_schedule()
    assert len(asked(enrollment, Anchor.WEEK)) == 1


# What stands still


def opens(enrollment: Enrollment, number: int = 2) -> datetime:
    (moment,) = set(enrollment.assessments.filter(after_session=number).values_list("opens_at", flat=True))
    return moment


def test_a_pause_puts_off_what_has_not_opened(enrollment: Enrollment, at: datetime) -> None:
    services.open_after_session(enrollment, number=2, at=at)
    pause(enrollment, at=at + DAY / 2)
    for hours in range(13, 24 * 10, 12):
        keep_schedule(at=at + timedelta(hours=hours))
        assert opens(enrollment) > at + timedelta(hours=hours)
    resume(enrollment, at=at + 10 * DAY)
    assert keep_schedule(at=at + 10 * DAY).moved == 1
    row = enrollment.assessments.filter(after_session=2).first()
    assert row is not None
    moved = [at + days * DAY for days in (10.5, 12.5, 16.5)]
    assert [row.opens_at, row.due_at, row.closes_at] == moved
    assert keep_schedule(at=at + 10 * DAY) == NOTHING


def test_a_hold_puts_off_too(enrollment: Enrollment, ben: User, at: datetime) -> None:
    services.open_after_session(enrollment, number=2, at=at)
    place_hold(enrollment, ben, at=at + DAY / 2)
    assert keep_schedule(at=at + 0.8 * DAY).moved == 1
    assert opens(enrollment) > at + DAY


def test_its_reminder_moves_with_it(enrollment: Enrollment, at: datetime) -> None:
    services.open_after_session(enrollment, number=2, at=at)
    pause(enrollment, at=at + DAY / 2)
    keep_schedule(at=at + 0.75 * DAY)
    resume(enrollment, at=at + 2 * DAY)
    keep_schedule(at=at + 2 * DAY)
    reminders = Delivery.objects.filter(dedupe_key__startswith=f"assessments:{enrollment.pk}:2:")
    waiting = reminders.filter(status="due").order_by("due_at")
    assert [(each.due_at, each.expires_at) for each in waiting] == [
        (at + 4.5 * DAY, at + 6.5 * DAY),
        (at + 6.5 * DAY, at + 8.5 * DAY),
    ]
    assert reminders.filter(status="cancelled").count() == 4


def test_what_has_opened_stays_as_it_is(enrollment: Enrollment, at: datetime) -> None:
    services.open_after_session(enrollment, number=2, at=at)
    pause(enrollment, at=at + 1.5 * DAY)
    assert keep_schedule(at=at + 2 * DAY) == NOTHING
    resume(enrollment, at=at + 3 * DAY)
    assert keep_schedule(at=at + 3 * DAY) == NOTHING
    assert opens(enrollment) == at + DAY


def test_the_baseline_does_not_stand_still(enrollment: Enrollment, at: datetime) -> None:
    pause(enrollment, at=at)
    assert keep_schedule(at=at + DAY) == NOTHING
    assert opens(enrollment, 0) == at


def test_for_any_pauses_only_what_waits_moves(enrollment: Enrollment, at: datetime) -> None:
    """A month of chance: what is done, open, or a safety measure stays; what waits goes by the plain rule."""
    chance = Random(7)  # noqa: S311
    answer_all(enrollment, at=at)
    services.open_after_session(enrollment, number=2, at=at + 20 * DAY)
    services.call_for_form(enrollment, kind=CauseKind.SCREENING, source="screening:x", at=at)
    fixed = enrollment.assessments.exclude(after_session=2).exclude(week__isnull=False)
    columns = ("pk", "opens_at", "due_at", "closes_at", "submitted_at")
    before, stills = sorted(fixed.values_list(*columns)), list[Still]()
    for half_days in range(1, 60):
        now = at + half_days * DAY / 2
        stands = bool(stills) and stills[-1].ended_at is None
        if stands and (chance.random() < 0.4 or half_days == 59):
            resume(enrollment, at=now)
            stills[-1] = Still(stills[-1].began_at, now)
        elif not stands and half_days < 59 and chance.random() < 0.3:
            pause(enrollment, at=now)
            stills.append(Still(now, None))
        keep_schedule(at=now)
    assert sorted(fixed.values_list(*columns)) == before
    assert len(stills) > 3
    assert opens(enrollment) == counted(at + 20 * DAY, DAY, stills, at=now)


# Before a session


def before(enrollment: Enrollment, number: int, scheduled_at: datetime, at: datetime) -> list[Assessment]:
    services.open_before_session(enrollment, number=number, scheduled_at=scheduled_at, at=at)
    return list(enrollment.assessments.filter(before_session=number))


def test_a_reschedule_moves_what_is_not_submitted(enrollment: Enrollment, at: datetime) -> None:
    (first,) = before(enrollment, 2, at + 7 * DAY, at)
    (moved,) = before(enrollment, 2, at + 20 * DAY, at + DAY)
    assert first.opens_at == at + 4 * DAY
    assert (moved.pk, moved.opens_at, moved.due_at, moved.closes_at) == (
        first.pk,
        at + 17 * DAY,
        at + 19 * DAY,
        at + 21 * DAY,
    )


def moved_each_time_it_was_reminded_of(enrollment: Enrollment, at: datetime) -> int:
    """Book a session again whenever its form was reminded of, four times; return how often that was."""
    answer_all(enrollment, at=at)
    now = at.replace(hour=17) + DAY  # noon where she lives, or an hour beside it
    for _ in range(4):
        before(enrollment, 2, now + 4 * DAY, now)
        now += 3 * DAY
        deliver_due(at=now)
    return Delivery.objects.filter(dedupe_key__contains=":before_session:2:", status="sent").count()


def test_however_often_it_moves_it_is_reminded_of_as_often_as_planned(
    enrollment: Enrollment, at: datetime
) -> None:
    assert moved_each_time_it_was_reminded_of(enrollment, at) == len(ladders().after_due) == 2


def test_twin_unless_they_are_counted_every_move_begins_anew(
    enrollment: Enrollment, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "gone", lambda key: 0)
    assert moved_each_time_it_was_reminded_of(enrollment, at) == 4


def test_a_reschedule_keeps_the_draft(enrollment: Enrollment, as_ada: APIClient, at: datetime) -> None:
    (row,) = before(enrollment, 2, at + DAY, at)
    assert save(as_ada, row, {"phq9_1": 2}).status_code == 200
    (moved,) = before(enrollment, 2, at + 20 * DAY, at)
    assert (moved.answers, moved.opens_at) == ({"phq9_1": 2}, at + 17 * DAY)


def test_what_is_submitted_stays_as_it_is(enrollment: Enrollment, as_ada: APIClient, at: datetime) -> None:
    (row,) = before(enrollment, 2, at + DAY, at)
    assert answered(as_ada, row).status_code == 200
    (same,) = before(enrollment, 2, at + 20 * DAY, at)
    assert (same.opens_at, same.submitted_at is None) == (row.opens_at, False)


@pytest.mark.parametrize("number", [1, 3, 5])
def test_before_the_others_nothing_is_asked(enrollment: Enrollment, at: datetime, number: int) -> None:
    assert before(enrollment, number, at + 7 * DAY, at) == []


def test_booking_and_moving_a_session_asks(ada: Patient, at: datetime, monkeypatch: Any) -> None:
    told: list[tuple[int, datetime]] = []

    def tell(_: Enrollment, *, number: int, scheduled_at: datetime, at: datetime) -> None:
        told.append((number, scheduled_at))

    monkeypatch.setattr("sessions.services.booking.open_before_session", tell)
    session = stages.booked(ada, at=at)
    assert told == [(1, session.scheduled_at)]


# The table's own walls


@pytest.mark.parametrize(
    "change", ["after_session = NULL", "week = 4", "month = 1", "before_session = 2", "as_needed = 1"]
)
def test_a_form_is_at_exactly_one_point(phq9: Assessment, change: str) -> None:
    sql = f"UPDATE assessments_assessment SET {change} WHERE id = %s"  # noqa: S608 - those above
    with (
        pytest.raises(IntegrityError, match="assessment_at_one_point"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, [phq9.pk])


@pytest.mark.parametrize("column", ["before_session", "week", "month", "as_needed"])
def test_no_second_form_at_any_point(phq9: Assessment, gad7: Assessment, column: str) -> None:
    sql = f"""
        UPDATE assessments_assessment SET instrument = 'cbi', after_session = NULL, {column} = 2
        WHERE id IN (%s, %s)
    """  # noqa: S608 - those above
    with (
        pytest.raises(IntegrityError, match=f"assessment_once_per_{column}"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, [phq9.pk, gad7.pk])


# Two workers at once

ROUNDS = 4
MOST = ROUNDS // 2 + 1


def race(at: datetime) -> tuple[list[int], int]:
    """Let two workers look at once, a new patient each round; return forms per round, and overlaps."""
    came_to, overlaps = [], 0
    for number in range(ROUNDS):
        patient = make_patient(f"ada{number}-{new_id()}@example.org", f"Ada{number} Example")
        enrollment = steps.active(patient, at=at)
        Assessment.objects.filter(enrollment=enrollment).update(closes_at=at + 4 * DAY)
        with meeting((services, "check_licence")) as point:
            together(*[partial(keep_schedule, at=at + 28 * DAY)] * 2)
        came_to.append(enrollment.assessments.filter(week=4).count())
        overlaps += point.met
    return came_to, overlaps


@pytest.mark.django_db(transaction=True)
def test_two_workers_ask_once(ben: User, at: datetime) -> None:
    assert race(at) == ([1] * ROUNDS, 0)


@pytest.mark.django_db(transaction=True)
def test_without_locks_the_table_lets_one_set_in(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = race(at)
    assert (came_to, overlaps >= MOST) == ([1] * ROUNDS, True)


@pytest.fixture
def no_wall(transactional_db: None) -> Iterator[None]:
    """The table without the constraint that lets a form be at a week once."""
    name = "assessment_once_per_week"
    constraint = next(each for each in Assessment._meta.constraints if each.name == name)
    with as_owner(), connection.schema_editor() as editor:
        editor.remove_constraint(Assessment, constraint)
    yield
    with as_owner():
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE assessments_assessment CASCADE")
        with connection.schema_editor() as editor:
            editor.add_constraint(Assessment, constraint)


@pytest.mark.django_db(transaction=True)
def test_twin_without_locks_and_wall_two_workers_ask_twice(no_wall: None, ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = race(at)
    assert overlaps >= MOST
    assert came_to.count(2) >= MOST
