"""The ledger of a controlled medicine: every unit is somewhere, and what does not agree is heard."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, transaction
from rest_framework.test import APIClient

from accounts.models import Patient, User
from core.actors import Actor
from programs import services as programs
from programs.queries import current_plan
from safety import services as safety
from safety.enums import HoldReason
from safety.models import Alert
from sessions import services as sessions
from sessions.ledger import queries, services
from sessions.ledger.enums import StockKind
from sessions.ledger.errors import NeverGone, NotAPrescription, NotDispensable, NotInStock
from sessions.ledger.models import Prescription, StockCount, StockEntry
from sessions.ledger.rules import External
from sessions.ledger.services import Moved
from sessions.ledger.views import CAME, PRESCRIBED
from sessions.queries import start_facts
from sessions.rules import local_day
from tests.api import post
from tests.sessions import stages
from tests.sessions.conftest import by_link
from tests.sessions.facts import POLICY
from tests.sessions.test_constraints import refused_by, run
from tests.sessions.test_gate import refusal
from tests.sessions.test_ledger_rules import WRITTEN

MINUTE = timedelta(minutes=1)
BEN = Actor.person(UUID("0199c0de-0000-7000-8000-0000000000b1"))
TABLE = "treatment_sessions_stockentry"


def said(at: datetime, **changed: Any) -> External:
    today = at.date()
    dates = {"issued_on": today - timedelta(days=2), "expires_on": today + timedelta(days=90)}
    return replace(WRITTEN, **dates | changed)


@pytest.fixture
def prescription(ada: Patient, ben: User, at: datetime) -> Prescription:
    """Nine units of a hundred milligrams, and nine once more."""
    enrollment = stages.measured(ada, at=at)
    return services.record_prescription(enrollment.pk, said=said(at), by=ben, at=at)


def move(prescription: Prescription, kind: str, units: int, *, at: datetime, lot: str = "K-1") -> StockEntry:
    moved = Moved(StockKind(kind), lot, units)
    return services.move_stock(prescription, moved=moved, actor=BEN, at=at)


def left(prescription: Prescription) -> list[int]:
    return [row.balance_units for row in queries.entries_of(prescription)]


def test_a_balance_follows_from_what_came_and_went(prescription: Prescription, at: datetime) -> None:
    for kind, units in (("dispensed", 9), ("lost", 1), ("returned", 2), ("destroyed", 6)):
        move(prescription, kind, units, at=at)
    assert left(prescription) == [9, 8, 6, 0]
    with stages.refused(NotInStock):
        move(prescription, "lost", 1, at=at)


def test_no_more_is_dispensed_than_was_prescribed(prescription: Prescription, at: datetime) -> None:
    move(prescription, "dispensed", 9, at=at)
    move(prescription, "dispensed", 9, at=at, lot="K-2")
    with stages.refused(NotDispensable) as refused:
        move(prescription, "dispensed", 1, at=at)
    assert [reason.code for reason in refused.value.reasons] == ["more_than_prescribed"]


def test_nothing_is_dispensed_once_it_has_expired(prescription: Prescription, at: datetime) -> None:
    with stages.refused(NotDispensable):
        move(prescription, "dispensed", 1, at=at + timedelta(days=92))


def test_one_lot_does_not_lend_to_another(prescription: Prescription, at: datetime) -> None:
    move(prescription, "dispensed", 9, at=at)
    with stages.refused(NotInStock):
        move(prescription, "lost", 1, at=at, lot="K-2")


def found(prescription: Prescription, units: int, *, at: datetime, lot: str = "K-1") -> StockEntry:
    moved = Moved(StockKind.FOUND, lot, units, note="It had rolled under the bed.")
    return services.move_stock(prescription, moved=moved, actor=BEN, at=at)


def test_what_was_not_gone_comes_back_and_no_more(prescription: Prescription, at: datetime) -> None:
    """Otherwise a slip in the ledger could never be put right, and nothing would start again."""
    move(prescription, "dispensed", 9, at=at)
    move(prescription, "lost", 3, at=at)
    assert found(prescription, 2, at=at).balance_units == 8
    for units, lot in ((2, "K-1"), (1, "K-2")):
        with stages.refused(NeverGone):
            found(prescription, units, at=at, lot=lot)
    assert found(prescription, 1, at=at).balance_units == 9


def test_a_count_that_agrees_is_kept(prescription: Prescription, ada: Patient, at: datetime) -> None:
    move(prescription, "dispensed", 9, at=at)
    services.count_stock(prescription, lot="K-1", counted_units=9, actor=Actor.person(ada.user_id), at=at)
    assert not Alert.objects.exists()


@pytest.mark.parametrize("counted_units", [0, 8, 10])
def test_one_that_differs_calls_somebody_and_stops_deliveries(
    prescription: Prescription, ada: Patient, ben: User, at: datetime, counted_units: int
) -> None:
    move(prescription, "dispensed", 9, at=at)
    themselves = Actor.person(ada.user_id)
    services.count_stock(prescription, lot="K-1", counted_units=counted_units, actor=themselves, at=at)
    alert = Alert.objects.get()
    assert (alert.alert_class, StockCount.objects.get().alert) == ("stock_differs", alert)
    with stages.refused(NotDispensable) as refused:
        move(prescription, "dispensed", 9, at=at)
    assert [reason.code for reason in refused.value.reasons] == ["stock_differs"]
    taken = safety.acknowledge(alert, by=ben, at=at)
    safety.close(taken, by=ben, reason="Counted again on video.", at=at)
    assert move(prescription, "dispensed", 9, at=at).balance_units == 18


def refused_codes(prescription: Prescription, *, at: datetime) -> list[str]:
    with stages.refused(NotDispensable) as refused:
        move(prescription, "dispensed", 9, at=at)
    return [reason.code for reason in refused.value.reasons]


def test_nothing_is_dispensed_on_hold(
    prescription: Prescription, ada: Patient, ben: User, at: datetime
) -> None:
    hold = safety.place_hold(
        ada.pk, reason=HoldReason.CLINICAL, note="", actor=Actor.person(ada.user_id), at=at
    )
    assert refused_codes(prescription, at=at) == ["on_hold"]
    safety.lift_hold(hold, by=ben, reason="Looked at.", at=at)
    assert move(prescription, "dispensed", 9, at=at).balance_units == 9


def test_nothing_is_dispensed_to_who_rests(prescription: Prescription, ada: Patient, at: datetime) -> None:
    programs.pause(prescription.enrollment_id, patient_user=ada.user, at=at)
    assert refused_codes(prescription, at=at) == ["paused"]
    programs.resume(prescription.enrollment_id, patient_user=ada.user, at=at)
    assert move(prescription, "dispensed", 9, at=at).balance_units == 9


def test_nothing_is_dispensed_to_who_has_left(prescription: Prescription, ada: Patient, at: datetime) -> None:
    programs.withdraw(prescription.enrollment_id, patient_user=ada.user, reason="", at=at)
    assert refused_codes(prescription, at=at) == ["not_in_treatment"]


# --- with a session --------------------------------------------------------------------------------------


@pytest.fixture
def kept(prescription: Prescription, at: datetime) -> Prescription:
    """Nine units are there."""
    move(prescription, "dispensed", 9, at=at)
    return prescription


def ready(prescription: Prescription, at: datetime) -> Any:
    session = stages.book(prescription.enrollment, at=at)
    monitor = Actor.capability(stages.prepared(session, at=at).pk)
    return session, monitor


def test_a_dose_is_taken_out_with_its_session(kept: Prescription, at: datetime) -> None:
    session, monitor = ready(kept, at)
    sessions.start_session(session, actor=monitor, at=at)
    stages.take(stages.fetch(session), monitor, at=at)
    entry = StockEntry.objects.get(kind="taken")
    assert (entry.session, entry.units, entry.balance_units, entry.lot) == (session, 3, 6, "K-1")
    stages.take(stages.fetch(session), monitor, at=at + MINUTE)
    assert StockEntry.objects.filter(kind="taken").count() == 1
    assert not Alert.objects.exists()


def nothing_left(prescription: Prescription, at: datetime) -> None:
    """Two units, and a dose is three."""
    move(prescription, "lost", 7, at=at)


def test_without_enough_of_it_nothing_starts(kept: Prescription, at: datetime) -> None:
    session, _ = ready(kept, at)
    nothing_left(kept, at)
    assert refusal(session, at=at) == {"no_medicine"}


@pytest.mark.from_the_start
def test_nor_with_what_has_expired(ada: Patient, ben: User, at: datetime) -> None:
    enrollment = stages.measured(ada, at=at - timedelta(days=20))
    short = said(at - timedelta(days=20), expires_on=(at - timedelta(days=2)).date())
    prescription = services.record_prescription(enrollment.pk, said=short, by=ben, at=at - timedelta(days=20))
    move(prescription, "dispensed", 9, at=at - timedelta(days=19))
    session, _ = ready(prescription, at)
    assert "no_medicine" in refusal(session, at=at)


def test_a_dose_that_no_lot_has_is_recorded_and_calls_somebody(kept: Prescription, at: datetime) -> None:
    session, monitor = ready(kept, at)
    sessions.start_session(session, actor=monitor, at=at)
    nothing_left(kept, at)
    assert stages.take(stages.fetch(session), monitor, at=at).dose_mg == 300
    assert Alert.objects.get().alert_class == "stock_differs"
    assert left(kept)[-1] == 2


def test_a_dose_is_made_up_of_two_lots(prescription: Prescription, at: datetime) -> None:
    move(prescription, "dispensed", 1, at=at)
    move(prescription, "dispensed", 2, at=at, lot="K-2")
    session, monitor = ready(prescription, at)
    sessions.start_session(session, actor=monitor, at=at)
    stages.take(stages.fetch(session), monitor, at=at)
    taken = StockEntry.objects.filter(kind="taken", session=session)
    assert {(row.lot, row.units, row.balance_units) for row in taken} == {("K-1", 1, 0), ("K-2", 2, 0)}
    assert not Alert.objects.exists()


def test_the_monitor_takes_it_out_over_their_link(kept: Prescription, at: datetime) -> None:
    """Who sees no more of the chart than a link shows keeps the ledger all the same."""
    session, _ = ready(kept, at)
    phone = by_link(stages.token_in_mail(session))
    assert post(phone, f"sessions/{session.pk}/start").status_code == 200
    dose = {"route": "sublingual", "dose_mg": "300.0"}
    assert post(phone, f"sessions/{session.pk}/doses", dose).status_code == 201
    assert StockEntry.objects.get(kind="taken").balance_units == 6


def test_nor_are_they_let_past_an_empty_ledger(kept: Prescription, at: datetime) -> None:
    """They are not told what is missing: that stands in the chart."""
    session, _ = ready(kept, at)
    nothing_left(kept, at)
    answer = post(by_link(stages.token_in_mail(session)), f"sessions/{session.pk}/start")
    assert answer.status_code == 422
    assert "no_medicine" not in {reason["code"] for reason in answer.json()["reasons"]}


@pytest.mark.parametrize(("window_days", "in_date"), [(0, True), (2, False)])
def test_it_is_in_date_until_the_dose_window_is_over(
    ada: Patient, ben: User, at: datetime, window_days: int, in_date: bool
) -> None:
    enrollment = stages.measured(ada, at=at)
    today = local_day(at, ZoneInfo(ada.timezone))
    short = said(at, issued_on=today, expires_on=today)
    prescription = services.record_prescription(enrollment.pk, said=short, by=ben, at=at)
    move(prescription, "dispensed", 9, at=at)
    session, plan = stages.book(enrollment, at=at), current_plan(enrollment.pk)
    policy = replace(POLICY, dose_window=timedelta(days=window_days))
    assert start_facts(session, plan=plan, policy=policy, at=at).has_medicine is in_date


def test_what_nobody_can_account_for_keeps_the_next_session_from_starting(
    kept: Prescription, ada: Patient, ben: User, at: datetime
) -> None:
    """It may have been swallowed; a clinician looks, and then there is a way on."""
    session, monitor = ready(kept, at)
    services.count_stock(kept, lot="K-1", counted_units=6, actor=Actor.person(ada.user_id), at=at)
    assert refusal(session, at=at) == {"alert_open"}
    taken = safety.acknowledge(Alert.objects.get(), by=ben, at=at)
    safety.close(taken, by=ben, reason="Three were thrown away.", at=at)
    move(kept, "lost", 3, at=at)
    assert sessions.start_session(stages.fetch(session), actor=monitor, at=at).status == "in_progress"


def test_where_no_ledger_is_kept_nothing_is_asked(ada: Patient, at: datetime) -> None:
    stages.dosed(ada, at=at)
    assert not StockEntry.objects.exists()
    assert not Alert.objects.exists()


# --- attacked by SQL -------------------------------------------------------------------------------------

COLUMNS = (
    "id, enrollment_id, prescription_id, lot, kind, units, seq, balance_units, note, recorded_at,"
    " actor_kind, actor_id"
)


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("'K-1', 'lost', 10, 2, -1", "stock_never_negative"),
        ("'K-1', 'lost', 1, 2, 9", "stock_follows"),
        ("'K-1', 'lost', 1, 3, 8", "stock_follows"),
        ("'K-1', 'lost', 1, 1, 8", "stock_follows"),
        ("'K-2', 'lost', 1, 1, 1", "stock_follows"),
        ("'K-1', 'dispensed', 0, 2, 9", "stock_moves_some_units"),
        ("'K-1', 'taken', 1, 2, 8", "stock_taken_in_a_session"),
        ("'K-1', 'vanished', 1, 2, 8", "stock_kind_is_known"),
        ("'', 'dispensed', 1, 1, 1", "stock_has_a_lot"),
        ("'K-1', 'found', 1, 2, 10", "stock_found_says_how"),
        ("'K-1', 'dispensed', 10, 2, 19", "stock_as_prescribed"),
        ("'K-2', 'dispensed', 10, 1, 10", "stock_as_prescribed"),
    ],
)
def test_no_entry_that_does_not_follow(kept: Prescription, values: str, constraint: str) -> None:
    insert = (
        f"INSERT INTO {TABLE} ({COLUMNS}) SELECT gen_random_uuid(), enrollment_id, prescription_id,"  # noqa: S608
        f" {values}, '', now(), 'person', 'x' FROM {TABLE}"
    )
    with refused_by(constraint):
        run(insert)


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (
            "stockentry (id, enrollment_id, prescription_id, lot, kind, units, seq, balance_units, note,"
            " recorded_at, actor_kind, actor_id)",
            "'K-1', 'lost', 1, 2, 8, '', now(), 'person', 'x'",
        ),
        (
            "stockcount (id, enrollment_id, prescription_id, lot, counted_units, expected_units, counted_at,"
            " actor_kind, actor_id)",
            "'K-1', 9, 9, now(), 'person', 'x'",
        ),
    ],
)
def test_nothing_of_it_stands_in_another_chart(
    kept: Prescription, cyd: Patient, at: datetime, table: str, values: str
) -> None:
    other = stages.measured(cyd, at=at)
    insert = f"INSERT INTO treatment_sessions_{table} SELECT gen_random_uuid(), %s, %s, {values}"
    with refused_by("stock_in_one_chart"):
        run(insert, other.pk, kept.pk)
    run(insert, kept.enrollment_id, kept.pk)


def test_nor_is_it_taken_in_somebody_elses_session(kept: Prescription, cyd: Patient, at: datetime) -> None:
    theirs = stages.booked(cyd, at=at)
    insert = (
        f"INSERT INTO {TABLE} ({COLUMNS}, session_id) SELECT gen_random_uuid(), enrollment_id,"  # noqa: S608
        f" prescription_id, 'K-1', 'taken', 3, 2, 6, '', now(), 'person', 'x', %s FROM {TABLE}"
    )
    with refused_by("stock_in_one_chart"):
        run(insert, theirs.pk)


@pytest.mark.parametrize("table", ["prescription", "stockentry", "stockcount"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_what_was_written_stays(db: None, table: str, verb: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        run(verb.format(f"treatment_sessions_{table}"))


# --- over the API ----------------------------------------------------------------------------------------


def test_a_clinician_records_and_the_patient_counts(
    ada: Patient, at: datetime, as_ben: APIClient, as_ada: APIClient, as_cyd: APIClient
) -> None:
    enrollment = stages.measured(ada, at=at)
    today = local_day(at, ZoneInfo(ada.timezone))
    dates = {"issued_on": today.isoformat(), "expires_on": (today + timedelta(days=60)).isoformat()}
    path = f"enrollments/{enrollment.pk}/prescriptions"
    for client, status in ((as_ada, 404), (as_cyd, 404), (as_ben, 201)):
        answer = post(client, path, PRESCRIBED | dates)
        assert answer.status_code == status, answer.content
    mine = f"prescriptions/{answer.json()['id']}"
    assert [post(who, f"{mine}/stock", CAME).status_code for who in (as_ada, as_cyd, as_ben)] == [
        403,
        404,
        201,
    ]
    spilled = {"kind": "lost", "lot": "k-2201 ", "units": 2, "note": "Spilled."}
    assert post(as_ada, f"{mine}/stock", spilled).json()["balance_units"] == 7
    back = {"kind": "found", "lot": CAME["lot"], "units": 2, "note": "None was."}
    assert post(as_ben, f"{mine}/stock", back | {"note": ""}).json()["errors"][0]["pointer"] == "/note"
    assert [post(who, f"{mine}/stock", back).status_code for who in (as_ada, as_cyd, as_ben, as_ben)] == [
        403,
        404,
        201,
        422,
    ]
    counted = post(as_ada, f"{mine}/counts", {"lot": CAME["lot"], "counted_units": 9}).json()
    assert (counted["agrees"], counted["expected_units"]) == (True, 9)
    rows = as_ada.get(f"/api/v1/{mine}/stock").json()["results"]
    assert [row["balance_units"] for row in rows] == [9, 7, 9]
    assert as_cyd.get(f"/api/v1/{mine}/stock").status_code == 404


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"refills": 6}, "/refills"),
        ({"units": 0}, "/units"),
        ({"unit_mg": "0"}, "/unit_mg"),
        ({"number": ""}, "/number"),
        ({"expires_on": "2036-01-01"}, "/expires_on"),
        ({"route": "nasal"}, "/route"),
    ],
)
def test_what_nobody_can_prescribe_is_refused(
    ada: Patient, at: datetime, as_ben: APIClient, changed: dict[str, Any], pointer: str
) -> None:
    enrollment = stages.measured(ada, at=at)
    today = local_day(at, ZoneInfo(ada.timezone)).isoformat()
    dates = {"issued_on": today, "expires_on": today}
    answer = post(as_ben, f"enrollments/{enrollment.pk}/prescriptions", PRESCRIBED | dates | changed)
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_a_prescription_is_recorded_once(prescription: Prescription, ben: User, at: datetime) -> None:
    with stages.refused(NotAPrescription):
        services.record_prescription(prescription.enrollment_id, said=said(at), by=ben, at=at)
