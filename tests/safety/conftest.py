"""Ada answers, Ben decides; Cyd is at times a clinician too, in whose care Ada is not."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import CareTeamMembership, Patient, User
from accounts.services import save_profile
from core.actors import Actor
from programs.models import Enrollment
from safety import services
from safety.enums import AlertClass
from safety.models import Alert, Hold, Screening
from safety.services import EventReport
from tests import steps
from tests.conftest import make_clinician

NOTHING_TO_REPORT = steps.HEALTHY
"""Every question but the age answered, so that no rule of the example policy objects."""
ADA = {"age_years": 44, **NOTHING_TO_REPORT}
"""The age answered too."""
ABSENT = UUID("00000000-0000-7000-8000-000000000000")


@pytest.fixture
def enrollment(ada: Patient, at: datetime) -> Enrollment:
    """Ada has chosen a program."""
    return steps.enrolled(ada, at=at)


@pytest.fixture
def screening(enrollment: Enrollment, at: datetime) -> Screening:
    """Ada has answered, with nothing to report."""
    return answered(enrollment, at=at)


@pytest.fixture
def alert(ada: Patient, at: datetime) -> Alert:
    """Something of Ada's wants looking at."""
    return services.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:1", at=at)


@pytest.fixture
def hold(ada: Patient, at: datetime) -> Hold:
    """Ada's treatment stands still after a serious event."""
    report = EventReport(description="Fell, and could not get up.", is_serious=True)
    event = services.report_event(ada.pk, report=report, actor=Actor.person(ada.user_id), at=at)
    assert event.hold is not None
    return event.hold


@pytest.fixture
def cyd_practises(cyd: Patient, at: datetime) -> User:
    """Cyd is a clinician as well, but Ada is not in Cyd's care."""
    return make_clinician(cyd.user, "Cyd Example", at=at)


@pytest.fixture
def ben_ill(ben: User, cyd_practises: User, at: datetime) -> Patient:
    """Ben is a patient as well, in Cyd's care."""
    chart = save_profile(
        ben, legal_name="Ben Example", preferred_name="Ben", birth_on=date(1970, 1, 1), timezone="UTC"
    )
    CareTeamMembership.objects.create(
        patient=chart, member=cyd_practises, role=Role.CLINICIAN, starts_at=at - timedelta(days=1)
    )
    return chart


@pytest.fixture
def as_ada(ada: Patient, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(ada.user)


@pytest.fixture
def as_ben(ben: User, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(ben)


@pytest.fixture
def as_cyd(cyd: Patient, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(cyd.user)


def answered(enrollment: Enrollment, *, at: datetime, **changed: Any) -> Screening:
    """The patient answers that there is nothing to report, except for what is `changed`."""
    actor = Actor.person(enrollment.patient.user_id)
    return services.screen(enrollment.pk, answers=NOTHING_TO_REPORT | changed, actor=actor, at=at)


def code(answer: Any) -> tuple[int, str]:
    """Return an answer's status and its problem's code."""
    return answer.status_code, answer.json()["code"]


def bytes_without(answer: Any, row_id: Any) -> bytes:
    """Return an answer's bytes with the id that was asked for left out."""
    body: bytes = answer.content
    return body.replace(str(row_id).encode(), b"<id>")


def row_counts() -> dict[str, int]:
    """Return how many rows each table of the database holds, but for the counters of limits: hashes."""
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    tables |= set(connection.introspection.table_names())
    counts = {}
    with connection.cursor() as cursor:
        for table in sorted(tables - {"django_migrations", "core_limitcounter"}):
            cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608 - our own tables
            counts[table] = cursor.fetchone()[0]
    return counts
