"""Where the protocol was not kept is found by itself, once, and assessed in versions that stay."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Patient, User
from accounts.services import grant_role
from core.actors import Actor
from programs.enums import Route
from sessions import services, tasks
from sessions.deviations.enums import DeviationFinding, DeviationKind
from sessions.deviations.models import Deviation
from sessions.deviations.services import Report, find_deviations, record_deviation
from sessions.drills.services import begin
from sessions.models import TreatmentSession
from tests.api import post
from tests.conftest import make_user
from tests.sessions import stages

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)
SAID = {"kind": "missed_reading", "expected": "A reading at 60 min.", "happened": "None."}
SEEN = {
    "replaces": 0,
    "finding": "minor",
    "assessment": "Well throughout.",
    "corrective_action": "Batteries.",
}


def late(patient: Patient, dose_mg: str, *, at: datetime) -> TreatmentSession:
    """A dose within its window, told of after it."""
    session = stages.started(patient, at=at - 60 * MINUTE)
    actor = Actor.person(patient.user_id)
    services.record_late_dose(
        stages.fetch(session[0]),
        route=Route.SUBLINGUAL,
        dose_mg=Decimal(dose_mg),
        taken_at=at - 50 * MINUTE,
        actor=actor,
        at=at,
    )
    return session[0]


def found(at: datetime) -> list[tuple[str, str]]:
    find_deviations(at=at)
    return [(one.kind, one.happened) for one in Deviation.objects.order_by("id")]


def test_a_check_in_that_did_not_come_is_written_down_once(ada: Patient, at: datetime) -> None:
    stages.started(ada, at=at - 15 * MINUTE - timedelta(seconds=1))
    services.watch(at=at)
    assert [find_deviations(at=at), find_deviations(at=at)] == [1, 0]
    row = Deviation.objects.get()
    assert (row.kind, row.patient_id, row.actor.id) == (DeviationKind.MISSED_CHECK_IN, ada.pk, "watch")
    assert row.expected.startswith("A check-in by 20")
    assert row.expected.endswith("UTC.")
    assert "found at" in row.happened


def test_another_dose_than_ordered_is(ada: Patient, at: datetime) -> None:
    late(ada, "30.0", at=at)
    ((kind, happened),) = found(at)
    assert kind == DeviationKind.WRONG_DOSE
    assert happened.startswith("30.0 mg sublingual at ")
    assert "300.0 mg sublingual, by version 1 of the plan" in Deviation.objects.get().expected


def test_a_dose_as_ordered_is_none_though_it_was_told_of_late(ada: Patient, at: datetime) -> None:
    late(ada, "300.0", at=at)
    assert found(at) == []


def test_a_dose_beside_a_session_is(ada: Patient, at: datetime) -> None:
    session, _ = stages.dosed(ada, at=at)
    services.keep_unattributed_dose(
        stages.fetch(session),
        route=Route.SUBLINGUAL,
        dose_mg=Decimal("100.0"),
        taken_at=at - 30 * MINUTE,
        actor=Actor.person(ada.user_id),
        at=at,
    )
    assert [kind for kind, _ in found(at)] == [DeviationKind.WRONG_DOSE]


def test_a_session_that_was_not_begun_is_however_long_nobody_looked(ada: Patient, at: datetime) -> None:
    stages.booked(ada, at=at)
    services.watch(at=at + timedelta(days=5))
    assert found(at + timedelta(days=400)) == [
        (DeviationKind.LATE_SESSION, "It was not begun, and was written off.")
    ]


def test_a_drill_is_none(ada: Patient, at: datetime) -> None:
    begin(at=at)
    services.watch(at=at + MINUTE)
    assert found(at + MINUTE) == []


def test_the_task_looks(ada: Patient, at: datetime) -> None:
    stages.started(ada, at=at - 16 * MINUTE)
    services.watch(at=at)
    tasks.find_deviations()
    assert Deviation.objects.count() == 1


@pytest.fixture
def session(ada: Patient, at: datetime) -> TreatmentSession:
    """A session that runs."""
    return stages.fetch(stages.dosed(ada, at=at)[0])


@pytest.fixture
def deviation(session: TreatmentSession, ben: User, at: datetime) -> Deviation:
    """What Ben wrote down."""
    report = Report(DeviationKind.OTHER, "A quiet room.", "Visitors came.", at)
    return record_deviation(session, report=report, actor=Actor.person(ben.pk), at=at)


def test_the_database_keeps_it_as_it_was_and_once(deviation: Deviation, at: datetime) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        Deviation.objects.filter(pk=deviation.pk).update(happened="Nothing.")
    with pytest.raises(DatabaseError), transaction.atomic():
        deviation.delete()
    values = {
        "patient": deviation.patient,
        "session": deviation.session,
        "kind": DeviationKind.OTHER,
        "expected": "a",
        "happened": "b",
        "occurred_at": at,
        "recorded_at": at,
        "found_by": "dose:1",
        "actor_kind": "service",
        "actor_id": "watch",
    }
    Deviation.objects.create(**values)
    with pytest.raises(IntegrityError, match="deviation_found_once"), transaction.atomic():
        Deviation.objects.create(**values)


def test_a_clinician_writes_down_signs_and_corrects_by_a_newer_version(
    as_ben: APIClient, session: TreatmentSession, at: datetime
) -> None:
    said = SAID | {"occurred_at": at.isoformat()}
    made = post(as_ben, f"sessions/{session.pk}/deviations", said)
    assert made.status_code == 201
    path = f"deviations/{made.json()['id']}/assessments"
    assert post(as_ben, path, SEEN).json()["version"] == 1
    assert post(as_ben, path, SEEN).status_code == 412
    again = SEEN | {"replaces": 1, "finding": "none", "assessment": "It was measured; the paper was found."}
    assert post(as_ben, path, again).json()["version"] == 2
    (shown,) = as_ben.get("/api/v1/deviations").json()["results"]
    assert [one["finding"] for one in shown["assessments"]] == ["minor", "none"]
    assert all(one["signed_by"].startswith("Ben Example") for one in shown["assessments"])


@pytest.mark.parametrize(
    "changed",
    [
        {"occurred_at": "2999-01-01T00:00:00Z"},
        {"kind": "serious"},
        {"expected": ""},
        {"happened": "x" * 2001},
        {"occurred_at": "2026-01-01T00:00:00"},
    ],
)
def test_bad_input_is_refused(
    as_ben: APIClient, session: TreatmentSession, at: datetime, changed: dict[str, Any]
) -> None:
    body = SAID | {"occurred_at": at.isoformat()} | changed
    assert post(as_ben, f"sessions/{session.pk}/deviations", body).status_code == 400
    assert not Deviation.objects.exists()


def test_who_sees_and_who_signs(
    as_ada: APIClient, as_cyd: APIClient, client_of: Any, deviation: Deviation, at: datetime
) -> None:
    officer = make_user("safety@clinic.example", is_staff=True)
    grant_role(officer, Role.SAFETY_OFFICER, granted_by=None, at=at)
    as_officer = client_of(officer)
    assert len(as_officer.get("/api/v1/deviations").json()["results"]) == 1
    path = f"deviations/{deviation.pk}/assessments"
    assert post(as_officer, path, SEEN).status_code == 403
    assert as_ada.get("/api/v1/deviations").status_code == 403
    assert post(as_ada, f"sessions/{deviation.session_id}/deviations", SAID).status_code == 403
    assert post(as_cyd, f"sessions/{deviation.session_id}/deviations", SAID).status_code == 404


def test_the_page_shows_it_and_takes_a_signature(deviation: Deviation, ben: User) -> None:
    admin = Client()
    admin.force_login(ben)
    page = f"/admin/treatment_sessions/deviation/{deviation.pk}/"
    assert "Visitors came." in admin.get("/admin/treatment_sessions/deviation/").content.decode()
    assert "Visitors came." in admin.get(f"{page}change/").content.decode()
    form = {f"assess-{name}": value for name, value in SEEN.items()}
    assert "Signed: version 1." in admin.post(f"{page}acts/assess/", form, follow=True).content.decode()
    assert deviation.assessments.get().finding == DeviationFinding.MINOR
