"""A blood pressure at crisis level: a clinician is told at once, and no other session makes it forgotten."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from accounts.models import Patient
from core import clock
from core.actors import Actor
from safety import services as safety
from safety.enums import AlertClass
from safety.errors import Ineligible
from safety.models import Alert
from safety.queries import open_holds
from sessions import services
from sessions.enums import ObservationKind
from sessions.models import TreatmentSession
from tests import steps
from tests.api import post
from tests.conftest import make_clinician
from tests.safety.test_break_glass import ASKED
from tests.sessions import stages
from tests.sessions.conftest import ClientOf, by_link
from tests.sessions.test_gate import ada_of, refusal

MINUTE = timedelta(minutes=1)
CRISIS = (185, 95)


def measure(session: TreatmentSession, actor: Actor, *, at: datetime) -> None:
    entry = stages.reading(at=at, seq=50, pressure=CRISIS)
    services.observe(stages.fetch(session), entry=entry, actor=actor, at=at)


def settle(*, at: datetime) -> None:
    """The clinician closes what is open and lifts its hold: from here on the reading alone can refuse."""
    for alert in Alert.objects.all():
        by = steps.clinician(alert.patient)
        safety.acknowledge(alert, by=by, at=at)
        safety.close(alert, by=by, reason="Measured again.", at=at)
        for hold in open_holds(alert.patient_id):
            safety.lift_hold(hold, by=by, reason="Measured again.", at=at)


def test_cancelling_and_booking_again_does_not_forget_it(ada: Patient, at: datetime) -> None:
    first = stages.booked(ada, at=at)
    measure(first, ada_of(first), at=at)
    settle(at=at)
    services.cancel(first, reason="", actor=ada_of(first), at=at)
    second = stages.book(first.enrollment, at=at)
    stages.prepared(second, at=at)
    assert refusal(stages.fetch(second), at=at + MINUTE) == {"blood_pressure_crisis", "record_objects"}


def test_nor_does_leaving_and_enrolling_anew(ada: Patient, at: datetime) -> None:
    first = stages.booked(ada, at=at)
    measure(first, ada_of(first), at=at)
    settle(at=at)
    services.leave(first.enrollment_id, reason="", patient_user=ada.user, at=at)
    with stages.refused(Ineligible):
        steps.accepted(ada, at=at)


def test_one_that_is_not_in_the_profile_counts_too_and_the_monitor_is_told(
    ada: Patient, at: datetime
) -> None:
    """As of the time before readings were written there."""
    first = stages.booked(ada, at=at)
    services.leave(first.enrollment_id, reason="", patient_user=ada.user, at=at)
    second = stages.booked(ada, at=at)
    stages.prepared(second, at=at)
    measured = dict(zip(("systolic_mmhg", "diastolic_mmhg"), CRISIS, strict=True))
    told = {"client_id": uuid4(), "client_seq": 50, "observed_at": at, "received_at": at}
    by = {"actor_kind": ada_of(first).kind, "actor_id": ada_of(first).id}
    first.observations.create(kind=ObservationKind.BLOOD_PRESSURE, **measured, **told, **by)
    answer = post(by_link(stages.token_in_mail(second)), f"sessions/{second.pk}/start", {})
    assert answer.status_code == 422, answer.content
    assert "blood_pressure_crisis" in {reason["code"] for reason in answer.json()["reasons"]}


def test_after_a_day_it_is_over(ada: Patient, at: datetime) -> None:
    first = stages.booked(ada, at=at - timedelta(hours=25))
    measure(first, ada_of(first), at=at - timedelta(hours=24, minutes=2))
    settle(at=at)
    services.cancel(first, reason="", actor=ada_of(first), at=at)
    second = stages.book(first.enrollment, at=at)
    stages.prepared(second, at=at)
    assert services.start_session(second, actor=ada_of(second), at=at + MINUTE).status == "in_progress"


def test_another_patients_crisis_holds_nobody_back(ada: Patient, cyd: Patient, at: datetime) -> None:
    other = stages.booked(cyd, at=at)
    measure(other, ada_of(other), at=at)
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    assert services.start_session(session, actor=ada_of(session), at=at + MINUTE).status == "in_progress"


def test_before_the_start_it_raises_one_alert(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    entry = stages.reading(at=at, seq=50, pressure=CRISIS)
    for _ in range(2):
        services.observe(stages.fetch(session), entry=entry, actor=ada_of(session), at=at)
    assert Alert.objects.get().alert_class == AlertClass.SERIOUS_EVENT


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ({"kind": "oxygen_saturation", "oxygen_saturation_pct": 93}, 1),
        ({"kind": "oxygen_saturation", "oxygen_saturation_pct": 94}, 0),
        ({"kind": "heart_rate", "heart_rate_bpm": 130}, 1),
        ({"kind": "heart_rate", "heart_rate_bpm": 129}, 0),
        ({"kind": "blood_pressure", "systolic_mmhg": 120, "diastolic_mmhg": 80, "heart_rate_bpm": 130}, 1),
    ],
)
def test_breath_and_heart_call_as_well_and_are_heard_though_refused(
    ada: Patient, at: datetime, said: dict[str, Any], called: int
) -> None:
    session, _ = stages.started(ada, at=at)
    numbered = {"client_id": str(uuid4()), "client_seq": 1, "observed_at": clock.now().isoformat()}
    as_dan, path = by_link(stages.token_in_mail(session)), f"/api/v1/sessions/{session.pk}/observations"
    assert as_dan.post(path, numbered | said, format="json").status_code == 201
    assert Alert.objects.filter(alert_class=AlertClass.SERIOUS_EVENT).count() == called
    with transaction.atomic():
        assert as_dan.post(path, said, format="json").status_code == 400
    assert Alert.objects.count() == 2 * called


# --- a call for help from whoever sees the chart and is not part of the session ---------------------------


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("check-ins", {"all_well": False}),
        ("observations", {"kind": "alertness", "alertness": "cannot_be_woken"}),
        ("observations", {"kind": "blood_pressure", "systolic_mmhg": 190, "diastolic_mmhg": 90}),
        ("observations", {"kind": "note", "note": "I read her chart."}),
    ],
)
def test_who_opened_the_chart_in_an_emergency_is_heard_though_refused(
    ada: Patient,
    at: datetime,
    client_of: ClientOf,
    cyd: Patient,
    what: str,
    said: dict[str, Any],
) -> None:
    session, _ = stages.started(ada, at=at)
    as_cyd = client_of(make_clinician(cyd.user, "Cyd Example", at=at))
    assert post(as_cyd, "break-glass", ASKED).status_code == 201
    with transaction.atomic():
        answer = as_cyd.post(f"/api/v1/sessions/{session.pk}/{what}", said, format="json")
    assert answer.status_code == 403, answer.content
    heard = "note" not in said
    assert [reason["code"] for reason in answer.json().get("reasons", [])] == ["call_emergency"] * heard
    assert Alert.objects.filter(alert_class=AlertClass.SERIOUS_EVENT).count() == heard


def test_a_clinician_who_may_not_check_in_is_heard(ada: Patient, at: datetime, as_ben: APIClient) -> None:
    session, _ = stages.started(ada, at=at)
    with transaction.atomic():
        answer = as_ben.post(f"/api/v1/sessions/{session.pk}/check-ins", {"all_well": False}, format="json")
    assert answer.status_code == 403
    assert Alert.objects.get().alert_class == AlertClass.SERIOUS_EVENT
