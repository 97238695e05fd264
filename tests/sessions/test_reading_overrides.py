"""Two blood pressures above the limits that a clinician lets pass: those two, there, never a crisis."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.utils import ProgrammingError
from rest_framework.test import APIClient

from accounts.errors import MayNotTreat
from accounts.models import Licence, Patient, User
from core import clock
from sessions import queries, services
from sessions.enums import ObservationKind
from sessions.errors import NotOverridable, WrongSessionState
from sessions.models import GateDecision, Observation, ReadingOverride, TreatmentSession
from sessions.rules import Party, Reading, Readings, decide_start, dose_faults, override_faults
from sessions.rules import readings as rules
from tests.api import post
from tests.conftest import make_clinician
from tests.safety.test_break_glass import ASKED
from tests.sessions import stages
from tests.sessions.conftest import ClientOf, by_link
from tests.sessions.facts import GOOD, GOOD_DOSE, NOON, POLICY, numbered, override, reading
from tests.sessions.test_constraints import refused_by
from tests.sessions.test_gate import ada_of, booked_again, refusal

MINUTE = timedelta(minutes=1)
WHY = "146/88, then 144/86. Talked on video: calm, no complaints."
HIGH = (reading(minutes_ago=10, pressure=(150, 95)), reading(minutes_ago=4, pressure=(148, 92)))


# --- the rule --------------------------------------------------------------------------------------------


def codes(*readings: Reading, overrides: Sequence[tuple[int, int]] = ((1, 2),), **changed: Any) -> set[str]:
    """Return why the gate refuses these readings beside overrides of them."""
    signed = tuple(override(*pair) for pair in overrides)
    facts = replace(GOOD, readings=numbered(*readings), overrides=signed, **changed)
    return {reason.code for reason in decide_start(facts, POLICY).reasons}


def test_it_lets_its_two_readings_pass_and_the_decision_says_by_whom() -> None:
    facts = replace(GOOD, readings=numbered(*HIGH))
    assert not decide_start(facts, POLICY).allowed
    decision = decide_start(replace(facts, overrides=(override(),)), POLICY)
    assert decision.allowed
    assert [(one.by, one.reason) for one in decision.overrides] == [("Ben Example, MD", "Calm.")]


def test_what_needs_none_passes_by_none() -> None:
    facts = replace(GOOD, readings=numbered(*HIGH, *(reading(minutes_ago=age) for age in (3, 1))))
    decision = decide_start(replace(facts, overrides=(override(),)), POLICY)
    assert (decision.allowed, decision.overrides) == (True, ())


def test_a_newer_one_above_the_limits_holds_it_back_until_that_one_is_overridden() -> None:
    newer = reading(minutes_ago=1, pressure=(150, 80))
    assert codes(*HIGH, newer) == {"systolic_too_high"}
    assert codes(*HIGH, newer, overrides=((1, 2), (2, 3))) == set()


@pytest.mark.parametrize("minutes", [7, 4])
def test_one_beside_them_that_came_late_holds_it_back(minutes: float) -> None:
    taken = sorted(
        (*numbered(*HIGH), replace(reading(minutes_ago=minutes, pressure=(150, 80)), id=UUID(int=3))),
        key=lambda one: one.observed_at,
    )
    facts = replace(GOOD, readings=tuple(taken), overrides=(override(),))
    assert [reason.code for reason in decide_start(facts, POLICY).reasons] == ["systolic_too_high"]


@pytest.mark.parametrize("pressure", [(180, 95), (150, 120)])
@pytest.mark.parametrize("minutes", [10, 4, 24 * 60])
def test_a_crisis_is_never_overridden(pressure: tuple[int, int], minutes: int) -> None:
    crisis = reading(minutes_ago=minutes, pressure=pressure)
    taken = sorted((crisis, *HIGH), key=lambda one: one.observed_at)
    pairs = [(1, 2), (1, 3), (2, 3)]
    assert codes(*taken, overrides=pairs) == {
        "blood_pressure_crisis",
        "systolic_too_high",
        "diastolic_too_high",
    }
    assert "blood_pressure_crisis" in codes(*HIGH, readings_elsewhere=(crisis,))


@pytest.mark.parametrize(
    ("readings", "also"),
    [
        (HIGH[:1], {"too_few_readings", "systolic_too_high", "diastolic_too_high"}),
        ((HIGH[0], replace(HIGH[0], observed_at=HIGH[0].observed_at + timedelta(seconds=59))), None),
        ((replace(HIGH[0], observed_at=NOON - timedelta(minutes=31)), HIGH[1]), None),
        ((replace(HIGH[0], is_corrected=True), HIGH[1]), None),
        ((HIGH[0], replace(HIGH[1], is_corrected=True)), None),
        ((HIGH[0], replace(HIGH[1], taken_there=False)), None),
        ((replace(HIGH[0], taken_there=False), HIGH[1]), None),
    ],
)
def test_without_two_that_stand_it_lets_nothing_pass(
    readings: tuple[Reading, ...], also: set[str] | None
) -> None:
    found = codes(*readings)
    assert {"systolic_too_high", "diastolic_too_high"} <= found
    assert also is None or found == also


@pytest.mark.parametrize("name", ["readings", "readings_elsewhere"])
def test_what_is_not_known_is_not_overridden(name: str) -> None:
    facts: dict[str, Any] = {"readings": numbered(*HIGH), "overrides": (override(),), name: None}
    found = {reason.code for reason in decide_start(replace(GOOD, **facts), POLICY).reasons}
    assert "readings_unknown" in found


def test_stale_missing_or_a_high_heart_rate_is_not_overridden() -> None:
    fast = [replace(one, heart_rate_bpm=111) for one in HIGH]
    assert codes(*fast) == {"heart_rate_too_high"}
    old = [replace(one, observed_at=one.observed_at - timedelta(hours=1)) for one in HIGH]
    assert "readings_too_old" in codes(*old)


def test_what_was_overridden_at_the_gate_is_for_the_dose_until_something_newer_is_high() -> None:
    dose = replace(GOOD_DOSE, readings=numbered(*HIGH), overrides=(override(),))
    assert dose_faults(dose, POLICY) == []
    newer = replace(dose, readings=numbered(*HIGH, reading(minutes_ago=-2, pressure=(141, 80))))
    assert [fault.code for fault in dose_faults(newer, POLICY)] == ["systolic_too_high"]


@pytest.mark.parametrize(
    ("readings", "code"),
    [
        ((reading(minutes_ago=10), HIGH[1]), "within_limits"),
        ((HIGH[0], replace(HIGH[1], observed_at=HIGH[0].observed_at)), "no_second_reading"),
        ((HIGH[0],), "not_a_reading"),
        ((HIGH[0], replace(HIGH[1], diastolic_mmhg=None)), "not_a_reading"),
        ((replace(HIGH[0], observed_at=NOON - timedelta(minutes=31)), HIGH[1]), "readings_too_old"),
        ((HIGH[0], replace(HIGH[1], observed_at=NOON + timedelta(minutes=3))), "readings_too_old"),
        ((*HIGH, reading(minutes_ago=2, pressure=(180, 80))), "blood_pressure_crisis"),
    ],
)
def test_who_signs_is_told_why_it_cannot_be(readings: tuple[Reading, ...], code: str) -> None:
    measured = Readings(numbered(*readings), (), at=NOON, fresh_from=NOON - timedelta(minutes=30))
    one = override()
    found = override_faults(one.first, one.second, measured=measured, policy=POLICY)
    assert [fault.code for fault in found] == [code]


# --- with real rows --------------------------------------------------------------------------------------


@pytest.fixture
def raised(ada: Patient, at: datetime) -> TreatmentSession:
    """Everything is ready, but for two blood pressures above the limits, measured just now."""
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    measure(session, (146, 88), at=at + 2 * MINUTE)
    measure(session, (144, 86), at=at + 7 * MINUTE)
    return stages.fetch(session)


@pytest.fixture
def now(at: datetime) -> datetime:
    return at + 8 * MINUTE


def measure(session: TreatmentSession, pressure: tuple[int, int], *, at: datetime) -> Observation:
    entry = stages.reading(at=at, seq=1, pressure=pressure)
    return services.observe(stages.fetch(session), entry=entry, actor=ada_of(session), at=at)[0]


def last_two(session: TreatmentSession) -> dict[str, Any]:
    *_, first, second = session.observations.filter(kind=ObservationKind.BLOOD_PRESSURE)
    return {"first_reading": first.pk, "second_reading": second.pk}


def sign(session: TreatmentSession, by: User, *, at: datetime, **changed: Any) -> ReadingOverride:
    said: Mapping[str, Any] = last_two(session) | {"reason": WHY} | changed
    return services.override_readings(session, by=by, at=at, **said)


def start(session: TreatmentSession, *, at: datetime) -> TreatmentSession:
    return services.start_session(session, actor=ada_of(session), at=at)


def test_the_session_starts_and_the_gate_says_by_whose_override(
    raised: TreatmentSession, ben: User, now: datetime
) -> None:
    assert refusal(raised, at=now) == {"systolic_too_high"}
    signed = sign(raised, ben, at=now)
    assert start(raised, at=now + MINUTE).status == "in_progress"
    gate = GateDecision.objects.get(session=raised)
    assert gate.facts["limits_overridden"] == [{"id": str(signed.pk), "by": "Ben Example, MD", "reason": WHY}]
    assert (signed.signature.signer, signed.signature.meaning) == (ben, "decided")
    dose = stages.take(stages.fetch(raised), ada_of(raised), at=now + 2 * MINUTE)
    assert dose.gate == gate


def test_a_start_without_one_names_none(ada: Patient, at: datetime) -> None:
    session, _ = stages.started(ada, at=at)
    assert GateDecision.objects.get(session=session).facts["limits_overridden"] == []


def test_a_newer_reading_above_the_limits_ends_it(raised: TreatmentSession, ben: User, now: datetime) -> None:
    sign(raised, ben, at=now)
    measure(raised, (141, 80), at=now + MINUTE)
    assert refusal(raised, at=now + 2 * MINUTE) == {"systolic_too_high"}


def test_a_newer_one_within_them_does_not(raised: TreatmentSession, ben: User, now: datetime) -> None:
    sign(raised, ben, at=now)
    measure(raised, (138, 80), at=now + MINUTE)
    assert start(raised, at=now + 2 * MINUTE).status == "in_progress"


def test_twin_unless_it_is_for_its_two_a_newer_one_passes(
    raised: TreatmentSession, ben: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(raised, ben, at=now)
    newer = measure(raised, (170, 100), at=now + MINUTE)
    as_it_is = rules._overridden
    monkeypatch.setattr(rules, "_overridden", lambda *given: as_it_is(*given) | {newer.pk})
    assert start(raised, at=now + 2 * MINUTE).status == "in_progress"


def test_it_ends_with_the_freshness_of_what_it_names(
    raised: TreatmentSession, ben: User, now: datetime
) -> None:
    sign(raised, ben, at=now)
    assert "systolic_too_high" in refusal(raised, at=now + 25 * MINUTE)
    assert "readings_too_old" in refusal(raised, at=now + 25 * MINUTE)


def test_a_crisis_after_it_holds_the_session_back(raised: TreatmentSession, ben: User, now: datetime) -> None:
    sign(raised, ben, at=now)
    measure(raised, (181, 80), at=now + MINUTE)
    assert {"blood_pressure_crisis", "systolic_too_high"} <= refusal(raised, at=now + 2 * MINUTE)


def test_nobody_signs_beside_a_crisis(raised: TreatmentSession, ben: User, now: datetime) -> None:
    measure(raised, (181, 80), at=now)
    measure(raised, (144, 86), at=now + 5 * MINUTE)
    with stages.refused(NotOverridable) as refused:
        sign(raised, ben, at=now + 6 * MINUTE)
    assert "blood_pressure_crisis" in {reason.code for reason in refused.value.reasons}
    assert not ReadingOverride.objects.exists()


def test_nobody_signs_past_a_newer_one(raised: TreatmentSession, ben: User, now: datetime) -> None:
    named = last_two(raised)
    measure(raised, (150, 80), at=now)
    with stages.refused(NotOverridable) as refused:
        sign(raised, ben, at=now + MINUTE, **named)
    assert [reason.code for reason in refused.value.reasons] == ["other_reading_too_high"]


def test_one_that_is_corrected_ends_it(raised: TreatmentSession, ben: User, now: datetime) -> None:
    signed = sign(raised, ben, at=now)
    entry = stages.reading(at=signed.second_reading.observed_at, seq=9, pressure=(139, 86))
    services.correct(
        raised,
        signed.second_reading,
        entry=replace(entry, client_id=uuid4()),
        reason="Misread.",
        actor=ada_of(raised),
        at=now + MINUTE,
    )
    assert refusal(raised, at=now + 2 * MINUTE) == {"systolic_too_high"}


def test_it_is_for_one_session(raised: TreatmentSession, ben: User, now: datetime) -> None:
    named = last_two(raised)
    sign(raised, ben, at=now)
    again = booked_again(raised, now + MINUTE)
    stages.prepared(again, at=now + MINUTE)
    with stages.refused(NotOverridable) as refused:
        sign(again, ben, at=now + MINUTE, **named)
    assert [reason.code for reason in refused.value.reasons] == ["not_a_reading"]


def test_it_lets_nothing_else_pass(raised: TreatmentSession, ben: User, now: datetime) -> None:
    sign(raised, ben, at=now)
    stages.invited(stages.fetch(raised), at=now)
    assert refusal(raised, at=now + MINUTE) == {"monitor_not_present"}


def test_a_phone_whose_clock_goes_ahead_keeps_nobody_from_signing(
    raised: TreatmentSession, ben: User, now: datetime
) -> None:
    """What it says of a moment still to come was measured by the time it reached us."""
    later, actor = now + timedelta(seconds=70), ada_of(raised)
    ahead = stages.reading(at=now + timedelta(seconds=110), seq=7, pressure=(146, 88))
    first, _ = services.observe(raised, entry=ahead, actor=actor, at=now)
    second = measure(raised, (144, 86), at=later)
    assert second.observed_at < first.observed_at
    sign(raised, ben, at=later, first_reading=first.pk, second_reading=second.pk)
    assert start(raised, at=later).status == "in_progress"


def test_who_holds_no_licence_there_signs_nothing(raised: TreatmentSession, ben: User, now: datetime) -> None:
    Licence.objects.update(ends_on=(now - timedelta(days=1)).date())
    with stages.refused(MayNotTreat):
        sign(raised, ben, at=now)


def test_a_session_that_started_is_past_it(raised: TreatmentSession, ben: User, now: datetime) -> None:
    sign(raised, ben, at=now)
    start(raised, at=now)
    with stages.refused(WrongSessionState):
        sign(raised, ben, at=now + MINUTE)


# --- who signs, and who sees it --------------------------------------------------------------------------


@pytest.fixture
def raised_now(ada: Patient) -> TreatmentSession:
    """The same, measured by the clock that requests are answered by."""
    now = clock.now()
    session = stages.booked(ada, at=now - 9 * MINUTE)
    stages.prepared(session, at=now - 9 * MINUTE)
    measure(session, (146, 88), at=now - 7 * MINUTE)
    measure(session, (144, 86), at=now - MINUTE)
    return stages.fetch(session)


def said(session: TreatmentSession) -> dict[str, str]:
    return {name: str(value) for name, value in last_two(session).items()} | {"reason": WHY}


def test_it_is_signed_by_the_clinician_alone(
    raised_now: TreatmentSession, as_ada: APIClient, as_ben: APIClient, as_cyd: APIClient
) -> None:
    path, body = f"sessions/{raised_now.pk}/reading-overrides", said(raised_now)
    as_dan = by_link(stages.token_in_mail(raised_now))
    assert [post(who, path, body).status_code for who in (as_ada, as_dan, as_cyd)] == [403, 403, 403]
    signed = post(as_ben, path, body)
    assert signed.status_code == 201, signed.content
    assert signed.json().items() >= {**body, "signed_by": "Ben Example, MD"}.items()


def test_patient_monitor_and_clinician_see_it_before_the_start_and_after(
    raised_now: TreatmentSession, as_ada: APIClient, as_ben: APIClient
) -> None:
    path, as_dan = f"sessions/{raised_now.pk}", by_link(stages.token_in_mail(raised_now))
    assert as_dan.get(f"/api/v1/{path}").json()["overrides"] == []
    assert post(as_ben, f"{path}/reading-overrides", said(raised_now)).status_code == 201
    for _ in range(2):
        for client in (as_ada, as_ben):
            (shown,) = client.get(f"/api/v1/{path}").json()["overrides"]
            assert (shown["signed_by"], shown["reason"]) == ("Ben Example, MD", WHY)
        (shown,) = as_dan.get(f"/api/v1/{path}").json()["overrides"]
        assert shown["signed_by"] == "Ben Example, MD"
        assert "reason" not in shown
        started = post(as_dan, f"{path}/start", {})
        assert started.status_code == 200, started.content


def test_one_that_holds_no_more_is_not_shown(raised: TreatmentSession, ben: User, now: datetime) -> None:
    sign(raised, ben, at=now)
    measure(raised, (150, 80), at=now + MINUTE)
    day = queries.day(stages.fetch(raised), party=Party.MONITOR, at=now + 2 * MINUTE)
    assert day.overrides == []


def test_it_is_a_line_of_the_log(raised: TreatmentSession, ben: User, now: datetime) -> None:
    signed = sign(raised, ben, at=now)
    (line,) = [line for line in queries.log(raised, at=now + MINUTE).lines if line.kind == "reading_override"]
    assert (line.by, line.at, line.says["signed_by"], line.says["reason"]) == (
        "clinician",
        now,
        "Ben Example, MD",
        WHY,
    )
    assert line.says["readings"] == [str(signed.first_reading_id), str(signed.second_reading_id)]


def test_a_chart_opened_in_an_emergency_is_for_reading(
    raised_now: TreatmentSession, cyd: Patient, client_of: ClientOf
) -> None:
    as_cyd = client_of(make_clinician(cyd.user, "Cyd Example", at=clock.now()))
    path = f"sessions/{raised_now.pk}/reading-overrides"
    assert post(as_cyd, path, said(raised_now)).status_code == 404
    assert post(as_cyd, "break-glass", ASKED).status_code == 201
    assert post(as_cyd, path, said(raised_now)).status_code == 403


@pytest.mark.parametrize(
    "change", [{"reason": " "}, {"reason": None}, {"second_reading": "x"}, {"first_reading": None}]
)
def test_it_needs_both_readings_and_a_reason(
    raised_now: TreatmentSession, as_ben: APIClient, change: dict[str, Any]
) -> None:
    body = said(raised_now) | change
    assert post(as_ben, f"sessions/{raised_now.pk}/reading-overrides", body).status_code == 400


# --- what the database keeps -----------------------------------------------------------------------------


def test_the_database_keeps_one_of_its_own_session_alone_and_as_it_is(
    raised: TreatmentSession, ben: User, now: datetime
) -> None:
    signed = sign(raised, ben, at=now)
    row = {"session": raised, "signature": signed.signature, "given_at": now, "reason": WHY}
    first, second = signed.first_reading, signed.second_reading
    pulse = raised.observations.create(
        kind=ObservationKind.HEART_RATE,
        heart_rate_bpm=64,
        client_id=uuid4(),
        client_seq=1,
        observed_at=now,
        received_at=now,
        actor_kind="person",
        actor_id=str(ben.pk),
    )
    for pair in ((second, first), (first, first), (first, pulse)):
        with refused_by("reading_override_names_its_own"), transaction.atomic():
            ReadingOverride.objects.create(**row, first_reading=pair[0], second_reading=pair[1])
    with refused_by("reading_override_gives_a_reason"), transaction.atomic():
        ReadingOverride.objects.create(**row | {"reason": ""}, first_reading=first, second_reading=second)
    for statement in ("UPDATE {} SET reason = 'x'", "DELETE FROM {}"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement.format("treatment_sessions_readingoverride"))


def test_nor_one_of_another_session(raised: TreatmentSession, ben: User, now: datetime) -> None:
    signed = sign(raised, ben, at=now)
    again = booked_again(raised, now)
    with refused_by("reading_override_names_its_own"):
        ReadingOverride.objects.create(
            session=again,
            signature=signed.signature,
            given_at=now,
            reason=WHY,
            first_reading=signed.first_reading,
            second_reading=signed.second_reading,
        )
