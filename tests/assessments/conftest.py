"""Ada has agreed to be treated, so that her baseline is open."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from accounts.models import Patient, User
from assessments.instruments import instruments
from assessments.models import Assessment
from programs.models import Enrollment
from tests import steps
from tests.statements import with_transactions

CALM_PHQ9 = {f"phq9_{n}": 0 for n in range(1, 10)}
CALM_GAD7 = {f"gad7_{n}": 0 for n in range(1, 8)}
NO_CLIENTS_CBI = {"cbi_gate_clients": 0} | {
    item.key: 50 for key in ("personal", "work") for item in instruments()["cbi"].scale(key).items
}
SIGNED_IN = ["SELECT accounts_rolegrant"]
"""What every request with a session token costs: roles, sign-in and user in one."""

CALM = {"phq9": CALM_PHQ9, "gad7": CALM_GAD7, "cbi": NO_CLIENTS_CBI}


@pytest.fixture
def enrollment(ada: Patient, at: datetime) -> Enrollment:
    """Ada's program, with its baseline open."""
    return steps.active(ada, at=at)


@pytest.fixture
def phq9(enrollment: Enrollment) -> Assessment:
    """Ada's first PHQ-9, unanswered."""
    return enrollment.assessments.get(instrument="phq9", after_session=0)


@pytest.fixture
def gad7(enrollment: Enrollment) -> Assessment:
    """Ada's first GAD-7, unanswered."""
    return enrollment.assessments.get(instrument="gad7", after_session=0)


@pytest.fixture
def cbi(enrollment: Enrollment) -> Assessment:
    """Ada's first CBI, unanswered."""
    return enrollment.assessments.get(instrument="cbi", after_session=0)


@pytest.fixture
def as_ada(ada: Patient, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(ada.user)


@pytest.fixture
def as_ben(ben: User, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(ben)


@pytest.fixture
def as_cyd(cyd: Patient, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(cyd.user)


def url(assessment: Assessment) -> str:
    return f"/api/v1/assessments/{assessment.pk}"


def save(client: APIClient, assessment: Assessment, answers: Any, *, match: str | None = None) -> Any:
    """Save answers over the version that is stored now, or that `match` names.

    Inside a test's transaction a savepoint stands in for the request's own: a refusal undoes only that.
    """
    assessment.refresh_from_db()
    match = f'"v{assessment.version}"' if match is None else match
    with transaction.atomic():
        return client.patch(url(assessment), {"answers": answers}, format="json", HTTP_IF_MATCH=match)


def submit(client: APIClient, assessment: Assessment, *, key: str | None = None, body: Any = None) -> Any:
    """Submit under a new key, or under `key`."""
    return client.post(
        f"{url(assessment)}/submit", body or {}, format="json", HTTP_IDEMPOTENCY_KEY=key or str(uuid4())
    )


def answered(client: APIClient, assessment: Assessment, **changed: int) -> Any:
    """Save calm answers, except for what is `changed`, and submit them."""
    saved = save(client, assessment, CALM[assessment.instrument] | changed)
    assert saved.status_code == 200, saved.content
    return submit(client, assessment)


def pointers(response: Any) -> list[str]:
    """Return what the errors of a problem document point at."""
    return [error["pointer"] for error in response.json()["errors"]]


def statements(capture: CaptureQueriesContext) -> list[str]:
    """Return the verb and table of each statement, and where a transaction begins and ends."""
    return [_short(sql) for sql in with_transactions(capture)]


def capture() -> CaptureQueriesContext:
    return CaptureQueriesContext(connection)


def _short(sql: str) -> str:
    verb = sql.split()[0]
    table = re.search(r'(?:FROM|INTO|^UPDATE)\s+"?(\w+)', sql)
    lock = " FOR UPDATE" if "FOR UPDATE" in sql else ""
    return f"{verb} {table[1]}{lock}" if table else verb


def without_id(response: Any, assessment_id: Any) -> bytes:
    """Return an answer's bytes with the id that was asked for left out."""
    body: bytes = response.content
    return body.replace(str(assessment_id).encode(), b"<id>")


def keys(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["key"] for item in items]
