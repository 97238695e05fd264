"""What must never be false, attacked by raw SQL as the role that the app runs as."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from accounts.models import Patient
from core.database import as_owner
from sessions.models import TreatmentSession
from tests.conftest import role_in_use
from tests.sessions import stages

TABLE = "treatment_sessions_"


def run(sql: str, *values: Any) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def change(session: TreatmentSession, changes: str, *values: Any) -> int:
    return run(f"UPDATE {TABLE}treatmentsession SET {changes} WHERE id = %s", *values, session.pk)  # noqa: S608


def refused_by(name: str, kind: type[DatabaseError] = IntegrityError) -> pytest.RaisesExc[DatabaseError]:
    return pytest.raises(kind, match=name)


def test_the_attacks_run_as_the_app(db: None) -> None:
    assert role_in_use() == "rekindle_app"


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ("dosed_at = now(), dosed_on = now()", "session_dosed_after_it_started"),
        ("started_at = now()", "session_started_through_a_gate|session_status_agrees_with_start"),
        ("status = 'in_progress'", "session_status_agrees_with_start"),
        ("status = 'in_progress', started_at = now()", "session_started_through_a_gate"),
        ("status = 'completed'", "session_status_agrees_with_start|session_recovers_from_a_dose"),
        ("status = 'recovering'", "session_status_agrees_with_start|session_recovers_from_a_dose"),
        ("status = 'paused'", "session_status_is_known|session_status_agrees_with_start"),
        ("number = 0", "session_number_is_1_to_18"),
        ("number = 19", "session_number_is_1_to_18"),
    ],
)
def test_a_booking_is_not_turned_into_a_treatment(
    session: TreatmentSession, changes: str, constraint: str
) -> None:
    with refused_by(constraint):
        change(session, changes)


def test_no_dose_through_another_sessions_gate(ada: Patient, cyd: Patient, at: datetime) -> None:
    """A gate lets one session pass."""
    passed, _ = stages.started(ada, at=at)
    other = stages.booked(cyd, at=at)
    changes = "status = 'in_progress', started_at = now(), gate_id = %s"
    with refused_by("gate_id"):
        change(other, changes, passed.gate_id)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ("dosed_at = now()", "session_dosed_after_it_started"),
        ("dosed_on = now()", "session_dosed_after_it_started"),
        ("dosed_at = started_at - interval '1 second', dosed_on = now()", "session_dosed_after_it_started"),
        ("gate_id = NULL", "session_started_through_a_gate"),
        ("started_at = NULL", "session_started_through_a_gate"),
        ("status = 'recovering', ended_at = now()", "session_recovers_from_a_dose"),
        ("status = 'scheduled'", "session_status_agrees_with_start"),
    ],
)
def test_a_started_session_keeps_its_order(ada: Patient, at: datetime, changes: str, constraint: str) -> None:
    session, _ = stages.started(ada, at=at)
    with refused_by(constraint):
        change(session, changes)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ("status = 'aborted'", "session_dosed_is_never_aborted"),
        ("started_at = NULL, gate_id = NULL", "session_dosed_after_it_started|session_status"),
        ("status = 'recovering'", "session_recovers_from_a_dose"),
        ("ended_at = now(), no_drive_until = now() - interval '1 second'", "session_nobody_drives"),
    ],
)
def test_a_dosed_session_keeps_its_order(ada: Patient, at: datetime, changes: str, constraint: str) -> None:
    session, _ = stages.dosed(ada, at=at)
    with refused_by(constraint):
        change(session, changes)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ("status = 'aborted'", "session_dosed_is_never_aborted"),
        (
            "ended_at = now(), no_drive_until = now() - interval '1 second'",
            "session_nobody_drives_before_its_end",
        ),
    ],
)
def test_twin_without_that_one_constraint_its_order_is_lost(
    ada: Patient, at: datetime, changes: str, constraint: str
) -> None:
    session, _ = stages.dosed(ada, at=at)
    with as_owner(), transaction.atomic():
        run("SET CONSTRAINTS ALL IMMEDIATE")
        with refused_by(constraint):
            change(session, changes)
        run(f"ALTER TABLE {TABLE}treatmentsession DROP CONSTRAINT {constraint}")
        assert change(session, changes) == 1
        transaction.set_rollback(True)


def test_a_number_is_booked_once(session: TreatmentSession) -> None:
    copied = (
        "enrollment_id, number, status, scheduled_at, timezone, version) SELECT %s, enrollment_id, number, "
        "'completed', scheduled_at, timezone, 1"
    )
    with pytest.raises(IntegrityError):
        run(f"INSERT INTO {TABLE}treatmentsession (id, {copied} FROM {TABLE}treatmentsession", uuid4())


def test_one_session_is_open_at_a_time(session: TreatmentSession) -> None:
    copied = (
        "enrollment_id, number, status, scheduled_at, timezone, version) SELECT %s, enrollment_id, "
        "number + 1, 'ready', scheduled_at, timezone, 1"
    )
    with refused_by("session_one_open_per_enrollment"):
        run(f"INSERT INTO {TABLE}treatmentsession (id, {copied} FROM {TABLE}treatmentsession", uuid4())


def test_there_is_one_dose_a_day(ada: Patient, at: datetime) -> None:
    """Even for two sessions that each passed a gate of their own."""
    first = stages.reached(ada, "completed", at=at)
    second = stages.book_regardless(first.enrollment, at=at)
    run(
        f"INSERT INTO {TABLE}gatedecision (id, session_id, plan_id, policy_id, facts, decided_at, dose_by,"  # noqa: S608
        " actor_kind, actor_id) SELECT %s, %s, plan_id, policy_id, facts, decided_at, dose_by, actor_kind,"
        f" actor_id FROM {TABLE}gatedecision",
        (gate := uuid4()),
        second.pk,
    )
    dosed = "status = 'in_progress', started_at = %s, gate_id = %s, dosed_at = %s, dosed_on = %s"
    with refused_by("session_one_dose_a_day"):
        change(second, dosed, at, gate, at, first.dosed_on)


def test_there_is_one_dose_a_session(ada: Patient, at: datetime) -> None:
    stages.dosed(ada, at=at)
    columns = "session_id, gate_id, route, dose_mg, taken_at, recorded_at, actor_kind, actor_id"
    with pytest.raises(IntegrityError):
        run(f"INSERT INTO {TABLE}dose (id, {columns}) SELECT %s, {columns} FROM {TABLE}dose", uuid4())  # noqa: S608


def test_a_dose_is_taken_in_a_known_way(ada: Patient, at: datetime) -> None:
    session, _ = stages.started(ada, at=at)
    columns = "id, session_id, gate_id, route, dose_mg, taken_at, recorded_at, actor_kind, actor_id"
    with refused_by("dose_route_is_known"):
        values = "%s, %s, %s, 'nasal', 1, now(), now(), 'person', 'x'"
        run(
            f"INSERT INTO {TABLE}dose ({columns}) VALUES ({values})",  # noqa: S608
            uuid4(),
            session.pk,
            session.gate_id,
        )


@pytest.mark.parametrize("readers", ["", "everybody", "Private"])
def test_a_reflection_has_known_readers(session: TreatmentSession, readers: str) -> None:
    columns = "id, session_id, text, shared_with, written_at"
    with refused_by("reflection_audience_is_known"):
        run(
            f"INSERT INTO {TABLE}reflection ({columns}) VALUES (%s, %s, '', %s, now())",  # noqa: S608
            uuid4(),
            session.pk,
            readers,
        )


def observation(session: TreatmentSession, **values: object) -> int:
    row = {
        "id": uuid4(),
        "session_id": session.pk,
        "client_id": uuid4(),
        "client_seq": 0,
        "observed_at": "2026-03-02T12:00:00Z",
        "received_at": "2026-03-02T12:00:00Z",
        "actor_kind": "person",
        "actor_id": "x",
        "alertness": "",
        "note": "",
    } | values
    marks = ", ".join(["%s"] * len(row))
    return run(f"INSERT INTO {TABLE}observation ({', '.join(row)}) VALUES ({marks})", *row.values())  # noqa: S608


def implausible() -> Iterator[tuple[dict[str, Any], str]]:
    pressure: dict[str, Any] = {"kind": "blood_pressure"}
    name = "observation_blood_pressure_is_plausible"
    yield pressure, name
    yield {**pressure, "systolic_mmhg": 118}, name
    yield {**pressure, "diastolic_mmhg": 76}, name
    yield {**pressure, "systolic_mmhg": 14, "diastolic_mmhg": 9}, name
    yield {**pressure, "systolic_mmhg": 76, "diastolic_mmhg": 118}, name
    yield {**pressure, "systolic_mmhg": 301, "diastolic_mmhg": 76}, name
    rate = "observation_heart_rate_is_plausible"
    yield {"kind": "heart_rate"}, rate
    yield {"kind": "heart_rate", "heart_rate_bpm": 6}, rate
    yield {**pressure, "systolic_mmhg": 118, "diastolic_mmhg": 76, "heart_rate_bpm": 640}, rate
    yield {"kind": "oxygen_saturation"}, "observation_oxygen_is_plausible"
    yield {"kind": "oxygen_saturation", "oxygen_saturation_pct": 101}, "observation_oxygen_is_plausible"
    yield {"kind": "alertness"}, "observation_alertness_is_known"
    yield {"kind": "alertness", "alertness": "drowsy"}, "observation_alertness_is_known"
    yield {"kind": "comfort"}, "observation_comfort_is_0_to_10"
    yield {"kind": "comfort", "comfort": 11}, "observation_comfort_is_0_to_10"
    own = "observation_dissociation_is_the_persons_own"
    yield {"kind": "dissociation"}, own
    yield {"kind": "dissociation", "dissociation": 11}, own
    yield {"kind": "dissociation", "dissociation": 4, "actor_kind": "capability"}, own
    yield {"kind": "note", "note": "Far away.", "dissociation": 4}, own
    yield {"kind": "note"}, "observation_note_says_something"
    yield {"kind": "sleep"}, "observation_kind_is_known"


@pytest.mark.parametrize(("values", "constraint"), list(implausible()))
def test_no_implausible_reading_is_stored(
    session: TreatmentSession, values: dict[str, object], constraint: str
) -> None:
    with refused_by(constraint):
        observation(session, **values)


def test_an_entry_is_stored_once(session: TreatmentSession) -> None:
    same = {"kind": "note", "note": "well", "client_id": uuid4()}
    observation(session, **same)
    with refused_by("observation_stored_once"):
        observation(session, **same)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ("missed_at = now()", "deadline_missed_means_alert"),
        ("met_at = now(), waived_at = now()", "deadline_ends_one_way"),
    ],
)
def test_a_deadline_ends_one_way(ada: Patient, at: datetime, changes: str, constraint: str) -> None:
    stages.started(ada, at=at)
    with refused_by(constraint):
        run(f"UPDATE {TABLE}checkindeadline SET {changes}")  # noqa: S608


@pytest.mark.parametrize(
    "table",
    [
        "sessiontransition",
        "gatedecision",
        "attestation",
        "sessionplace",
        "emergencypacket",
        "overrule",
        "observation",
        "dose",
        "unattributeddose",
        "doseoutcome",
        "checkin",
        "reflection",
        "sessioneventlink",
        "sessionreview",
        "morninganswer",
    ],
)
@pytest.mark.parametrize("verb", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {}"])
def test_what_was_written_stays(db: None, table: str, verb: str) -> None:
    with refused_by("permission denied", ProgrammingError):
        run(verb.format(TABLE + table))


def test_a_policy_in_use_cannot_be_rewritten(db: None) -> None:
    with refused_by("permission denied", ProgrammingError):
        run("UPDATE core_documentversion SET content = '{}'")
