"""Who may do what in a session that exists: not yours is absent, and a role that does not fit is told so."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from rest_framework.test import APIClient

from accounts.models import CareTeamMembership, Patient, User
from core import clock
from sessions.models import Reflection, TreatmentSession
from tests.api import post
from tests.sessions import stages

ENTRY = {"client_id": str(uuid4()), "client_seq": 1, "observed_at": "2026-03-02T12:00:00Z"}
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "read": ("get", "", {}),
    "reschedule": ("post", "/reschedule", {}),
    "cancel": ("post", "/cancel", {}),
    "invite": ("post", "/monitor-invitations", {"first_name": "Dan", "email": "dan@example.org"}),
    "preparation": ("get", "/preparation", {}),
    "prepare": ("patch", "/preparation", {"items": {"space": True}}),
    "vouch as monitor": ("post", "/attestations", {"kind": "monitor_present"}),
    "vouch as patient": ("post", "/attestations", {"kind": "patient_today", "answers": {}}),
    "start": ("post", "/start", {}),
    "dose": ("post", "/doses", {"route": "sublingual", "dose_mg": "300.0"}),
    "end": ("post", "/end", {}),
    "observe": ("post", "/observations", ENTRY | {"kind": "note", "note": "well"}),
    "check in": ("post", "/check-ins", ENTRY | {"all_well": True}),
    "reflections": ("get", "/reflections", {}),
    "reflect": ("post", "/reflections", {"text": "Much."}),
}
FORBIDDEN = {
    "ben": {
        "reschedule",
        "cancel",
        "invite",
        "prepare",
        "vouch as monitor",
        "vouch as patient",
        "start",
        "dose",
        "check in",
        "reflect",
    },
    "dan": {
        "reschedule",
        "cancel",
        "invite",
        "preparation",
        "prepare",
        "vouch as patient",
        "reflections",
        "reflect",
    },
    "ada": {"vouch as monitor"},
}


def call(client: APIClient, name: str, session_id: object) -> Any:
    verb, path, body = CALLS[name]
    headers = {"Idempotency-Key": str(uuid4()), "If-Match": '"v1"'}
    address = f"/api/v1/sessions/{session_id}{path}"
    if verb == "get":
        return client.get(address)
    with transaction.atomic():
        return getattr(client, verb)(address, body, format="json", headers=headers)


def rows() -> dict[str, int]:
    """Count the rows of every table of this room: what a refused call has to leave alone."""
    names = [
        name for name in connection.introspection.table_names() if name.startswith("treatment_sessions_")
    ]
    with connection.cursor() as cursor:
        counted = {}
        for name in names:
            cursor.execute(f'SELECT count(*) FROM "{name}"')  # noqa: S608 - our own tables
            counted[name] = cursor.fetchone()[0]
    return counted


@pytest.fixture
def clients(as_ada: APIClient, as_ben: APIClient, as_dan: APIClient) -> dict[str, APIClient]:
    return {"ada": as_ada, "ben": as_ben, "dan": as_dan}


@pytest.mark.parametrize("name", list(CALLS))
def test_a_stranger_finds_nothing(session: TreatmentSession, as_cyd: APIClient, name: str) -> None:
    """The same answer as for a session that never was."""
    before = rows()
    theirs, nobodys = call(as_cyd, name, session.pk), call(as_cyd, name, uuid4())
    assert (theirs.status_code, nobodys.status_code) == (404, 404)
    assert {**theirs.json(), "instance": ""} == {**nobodys.json(), "instance": ""}
    assert rows() == before


@pytest.mark.parametrize("name", list(CALLS))
def test_nobody_gets_in_without_signing_in(session: TreatmentSession, name: str) -> None:
    before = rows()
    assert call(APIClient(), name, session.pk).status_code == 401
    assert rows() == before


@pytest.mark.parametrize(
    ("who", "name"), [(who, name) for who in FORBIDDEN for name in sorted(FORBIDDEN[who])]
)
def test_a_role_that_does_not_fit_is_told_so(
    session: TreatmentSession, clients: dict[str, APIClient], who: str, name: str
) -> None:
    before = rows()
    answer = call(clients[who], name, session.pk)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert rows() == before


@pytest.mark.parametrize(
    ("who", "name"),
    [(who, name) for who in FORBIDDEN for name in CALLS if name not in FORBIDDEN[who]],
)
def test_what_is_allowed_gets_as_far_as_the_rules(
    session: TreatmentSession, clients: dict[str, APIClient], who: str, name: str
) -> None:
    answer = call(clients[who], name, session.pk)
    assert answer.status_code in (200, 201, 400, 409, 422), answer.content


@pytest.mark.parametrize("name", list(CALLS))
def test_a_link_opens_no_other_session(
    session: TreatmentSession, as_dan: APIClient, cyd: Patient, at: datetime, name: str
) -> None:
    """Not even one of the same patient."""
    others = stages.booked(cyd, at=at)
    before = rows()
    assert call(as_dan, name, others.pk).status_code == 404
    assert rows() == before


def test_a_clinician_sees_nobody_out_of_their_care(
    session: TreatmentSession, as_ben: APIClient, ada: Patient
) -> None:
    assert call(as_ben, "read", session.pk).status_code == 200
    CareTeamMembership.objects.filter(patient=ada).update(ends_at=clock.now())
    assert call(as_ben, "read", session.pk).status_code == 404


def test_a_patient_who_is_a_clinician_does_not_start_anothers_session(
    session: TreatmentSession, ben: User, as_ben: APIClient
) -> None:
    Patient.objects.create(
        user=ben, legal_name="Ben Example", birth_on="1980-01-01", timezone="America/New_York"
    )
    assert call(as_ben, "start", session.pk).status_code == 403


def test_a_deactivated_patient_gets_nowhere(
    session: TreatmentSession, ada: Patient, as_ada: APIClient
) -> None:
    User.objects.filter(pk=ada.user_id).update(is_active=False)
    assert call(as_ada, "start", session.pk).status_code == 401


# --- reflections -------------------------------------------------------------------------------------------


def write(client: APIClient, session: TreatmentSession, **changed: Any) -> Any:
    body = {"text": "I said yes to everything this year."} | changed
    return post(client, f"sessions/{session.pk}/reflections", body)


@pytest.mark.parametrize(
    ("shared_with", "seen"),
    [("private", False), ("guide", False), ("clinician", True), ("care_team", True)],
)
def test_a_clinician_reads_what_is_shared_with_them(
    ada: Patient,
    at: datetime,
    as_ada: APIClient,
    as_ben: APIClient,
    shared_with: str,
    seen: bool,
) -> None:
    session, _ = stages.ended(ada, at=at)
    assert write(as_ada, session, shared_with=shared_with).status_code == 201
    address = f"/api/v1/sessions/{session.pk}/reflections"
    assert len(as_ada.get(address).json()["results"]) == 1
    assert (len(as_ben.get(address).json()["results"]) == 1) is seen


def test_a_reflection_is_private_unless_somebody_says_otherwise(
    ada: Patient, at: datetime, as_ada: APIClient
) -> None:
    session, _ = stages.ended(ada, at=at)
    assert write(as_ada, session).json()["shared_with"] == "private"
    stored = Reflection.objects.get()
    assert b"yes to everything" not in bytes(stored.text)


@pytest.mark.parametrize(
    "body", [{"text": ""}, {"text": 5 * ["a"]}, {"text": "x" * 20_001}, {"shared_with": "all"}]
)
def test_a_reflection_that_cannot_be_kept_is_refused(
    ada: Patient, at: datetime, as_ada: APIClient, body: dict[str, Any]
) -> None:
    session, _ = stages.ended(ada, at=at)
    assert write(as_ada, session, **body).status_code == 400
    assert not Reflection.objects.exists()


@pytest.mark.parametrize("status", ["scheduled", "cancelled", "aborted"])
def test_there_is_nothing_to_reflect_on_before(
    ada: Patient, at: datetime, as_ada: APIClient, status: str
) -> None:
    session = stages.reached(ada, status, at=at)
    assert write(as_ada, session).status_code == 409
