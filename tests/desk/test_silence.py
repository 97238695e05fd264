"""Somebody who stops answering is seen: by whoever looks after them, once, and not if they said so."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import CareTeamMembership, Patient, RoleGrant, User
from accounts.services import grant_role
from assessments import services as assessments
from assessments.models import Assessment
from assessments.schedule import CauseKind
from desk import silence
from notifications.enums import MessageKind
from notifications.models import Delivery
from programs import services as programs
from programs.enums import ConsentKind
from programs.models import Enrollment
from tests import steps
from tests.conftest import make_clinician, make_user

DAY = timedelta(days=1)


@pytest.fixture
def enrollment(ada: Patient, at: datetime) -> Enrollment:
    """Ada's, her baseline open."""
    return steps.active(ada, at=at)


@pytest.fixture
def late(enrollment: Enrollment, at: datetime) -> datetime:
    """Six days on: three until it was due, three more of silence."""
    return at + 6 * DAY


def told(enrollment: Enrollment) -> list[str]:
    found = Delivery.objects.filter(kind=MessageKind.NEWS, dedupe_key__startswith=f"silent:{enrollment.pk}:")
    return sorted(found.values_list("user__email", flat=True))


def test_her_clinician_is_told_once(enrollment: Enrollment, late: datetime) -> None:
    assert [silence.tell_of_silence(at=moment) for moment in (late, late, late + DAY)] == [1, 1, 1]
    assert told(enrollment) == ["ben@clinic.example"]


def test_not_before_the_reminders_had_their_time(enrollment: Enrollment, late: datetime) -> None:
    assert silence.tell_of_silence(at=late - timedelta(minutes=1)) == 0


def test_nothing_is_told_of_who_answered(enrollment: Enrollment, late: datetime, at: datetime) -> None:
    Assessment.objects.filter(enrollment=enrollment).exclude(instrument="phq9").update(
        submitted_at=at, scores={}
    )
    assert silence.tell_of_silence(at=late) == 1
    Assessment.objects.filter(enrollment=enrollment).update(submitted_at=at, scores={})
    assert silence.tell_of_silence(at=late) == 0


def test_nothing_is_told_of_who_rests_or_left(
    enrollment: Enrollment, ada: Patient, late: datetime, at: datetime
) -> None:
    programs.pause(enrollment.pk, patient_user=ada.user, at=at)
    assert silence.tell_of_silence(at=late) == 0
    programs.resume(enrollment.pk, patient_user=ada.user, at=at)
    assert silence.tell_of_silence(at=late) == 1
    programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
    assert silence.tell_of_silence(at=late) == 0


def test_who_rests_is_missed_where_it_is_about_their_safety(
    enrollment: Enrollment, ada: Patient, late: datetime, at: datetime
) -> None:
    programs.pause(enrollment.pk, patient_user=ada.user, at=at)
    assessments.call_for_form(enrollment, kind=CauseKind.SCREENING, source="screening:x", at=at)
    assert silence.tell_of_silence(at=late) == 1
    assert told(enrollment) == ["ben@clinic.example"]


def test_what_is_open_about_their_safety_is_not_forgotten(
    enrollment: Enrollment, late: datetime, at: datetime
) -> None:
    assessments.call_for_form(enrollment, kind=CauseKind.SCREENING, source="screening:x", at=at)
    assert [one.since for one in silence.silent(at=late + 30 * DAY)] == [at]


def test_who_wants_no_reminders_is_missed_all_the_same(
    enrollment: Enrollment, ada: Patient, late: datetime, at: datetime
) -> None:
    programs.withdraw_consent(enrollment.pk, kind=ConsentKind.MESSAGING, patient_user=ada.user, at=at)
    assert silence.tell_of_silence(at=late) == 1


def test_a_guide_is_told_too(enrollment: Enrollment, ada: Patient, late: datetime, at: datetime) -> None:
    gil = make_user("gil@clinic.example")
    grant_role(gil, Role.GUIDE, granted_by=None, at=at - DAY)
    CareTeamMembership.objects.create(patient=ada, member=gil, role=Role.GUIDE, starts_at=at - DAY)
    silence.tell_of_silence(at=late)
    assert told(enrollment) == ["ben@clinic.example", "gil@clinic.example"]


def test_where_nobody_looks_after_her_whoever_runs_the_clinic_is(
    enrollment: Enrollment, ben: User, late: datetime, at: datetime
) -> None:
    RoleGrant.objects.filter(user=ben).update(ends_at=at)
    olga = make_user("olga@clinic.example")
    grant_role(olga, Role.OPERATOR, granted_by=None, at=at - DAY)
    silence.tell_of_silence(at=late)
    assert told(enrollment) == ["olga@clinic.example"]


def test_what_is_long_past_is_not_told_anew(enrollment: Enrollment, late: datetime) -> None:
    assert silence.tell_of_silence(at=late + silence.TOLD_WITHIN) == 0


def listed(client: APIClient) -> list[dict[str, Any]]:
    answer = client.get("/api/v1/silent-patients")
    assert answer.status_code == 200, answer.content
    return list(answer.json()["results"])


@pytest.fixture
def overdue(enrollment: Enrollment, at: datetime) -> Enrollment:
    """Ada's baseline, as if it had been asked six days ago."""
    Assessment.objects.filter(enrollment=enrollment).update(opens_at=at - 7 * DAY, due_at=at - 4 * DAY)
    return enrollment


def test_her_clinician_sees_who_is_silent_and_since_when(
    overdue: Enrollment, ben: User, at: datetime, client_of: Callable[[User], APIClient]
) -> None:
    (one,) = listed(client_of(ben))
    assert (one["patient"], one["legal_name"]) == (str(overdue.patient_id), "Ada Example")
    assert datetime.fromisoformat(one["since"]) == at - 4 * DAY


def test_another_clinician_sees_nobody(
    overdue: Enrollment, at: datetime, client_of: Callable[[User], APIClient]
) -> None:
    dora = make_clinician(make_user("dora@clinic.example", is_staff=True), "Dora Example", at=at)
    assert listed(client_of(dora)) == []


def test_ada_is_refused(overdue: Enrollment, ada: Patient, client_of: Callable[[User], APIClient]) -> None:
    assert client_of(ada.user).get("/api/v1/silent-patients").status_code == 403
