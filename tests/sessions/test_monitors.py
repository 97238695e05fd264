"""The monitor's link: who gets it, what it opens, when it ends."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from rest_framework.test import APIClient

from accounts.models import Capability, Patient
from notifications.enums import DeliveryStatus, MessageKind
from notifications.models import Delivery
from sessions.models import Attestation, MonitorInvitation, TreatmentSession
from tests.api import post
from tests.sessions import stages
from tests.sessions.conftest import by_link

DAN = {"first_name": "Dan", "email": "dan@example.org"}


def invite(client: APIClient, session: TreatmentSession, **changed: Any) -> Any:
    return post(client, f"sessions/{session.pk}/monitor-invitations", DAN | changed)


def test_the_token_is_in_the_mail_alone(session: TreatmentSession, as_ada: APIClient) -> None:
    answer = invite(as_ada, session)
    assert answer.status_code == 201, answer.content
    token = stages.token_in_mail(session)
    assert len(token) >= 43
    assert token not in answer.content.decode()
    assert set(answer.json()) == {"id", "first_name", "invited_at", "expires_at"}
    capability = Capability.objects.get()
    assert token not in str(vars(capability))
    mail = Delivery.objects.get(kind=MessageKind.MONITOR_INVITATION)
    assert token.encode() not in bytes(mail.payload)
    assert token not in mail.dedupe_key


def test_the_address_is_kept_encrypted(session: TreatmentSession, as_ada: APIClient) -> None:
    invite(as_ada, session)
    assert b"dan@example.org" not in bytes(MonitorInvitation.objects.get().address)


def test_the_link_opens_its_session_reduced(session: TreatmentSession, as_dan: APIClient) -> None:
    answer = as_dan.get(f"/api/v1/sessions/{session.pk}")
    assert answer.status_code == 200
    body = answer.json()
    assert body["patient_first_name"] == "Ada"
    assert "Example" not in answer.content.decode()
    assert not {"enrollment", "number", "no_drive_until"} & set(body)
    assert body["emergency"]["phone"] == "911"
    assert body["emergency"]["call_first"].startswith("Call 911 now")
    assert body["next_actions"] == ["attest_monitor_present", "start", "observe", "report_event"]


def test_a_new_invitation_revokes_the_one_before(session: TreatmentSession, as_ada: APIClient) -> None:
    invite(as_ada, session)
    first = by_link(stages.token_in_mail(session))
    invite(as_ada, session, first_name="Eve", email="eve@example.org")
    second = by_link(stages.token_in_mail(session))
    assert first.get(f"/api/v1/sessions/{session.pk}").status_code == 401
    assert second.get(f"/api/v1/sessions/{session.pk}").status_code == 200
    unsent = Delivery.objects.filter(kind=MessageKind.MONITOR_INVITATION, status=DeliveryStatus.DUE)
    assert unsent.count() == 1


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"email": "ada@example.org"}, "/email"),
        ({"email": "ADA@EXAMPLE.ORG"}, "/email"),
        ({"email": "ada+dan@example.org"}, "/email"),
        ({"email": '"ada"@example.org'}, "/email"),
        ({"email": '"Ada+dan"@example.org'}, "/email"),
        ({"email": "ada.second@example.org"}, "/email"),
        ({"email": "ada.second+dan@example.org"}, "/email"),
        ({"email": "dan"}, "/email"),
        ({"email": ""}, "/email"),
        ({"email": "dan@example.org\nBcc: eve@example.org"}, "/email"),
        ({"first_name": ""}, "/first_name"),
        ({"first_name": "D" * 61}, "/first_name"),
        ({"last_name": "Example"}, "/last_name"),
    ],
)
def test_an_invitation_that_cannot_be_sent_is_refused(
    session: TreatmentSession, as_ada: APIClient, changed: dict[str, Any], pointer: str
) -> None:
    EmailAddress.objects.create(
        user=session.enrollment.patient.user, email="ada.second@example.org", verified=True
    )
    answer = invite(as_ada, session, **changed)
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert not Capability.objects.exists()


@pytest.mark.parametrize("email", ["adam@example.org", "ada@example.com", "dan+ada@example.org"])
def test_an_address_that_is_only_like_the_patients_may_be_asked(
    session: TreatmentSession, as_ada: APIClient, email: str
) -> None:
    assert invite(as_ada, session, email=email).status_code == 201


@pytest.mark.parametrize("name", ["Юлия", "Anne-Marie", "Dr. Ketamine", "José 🙂"])
def test_whatever_somebody_is_called_they_can_be_asked(
    session: TreatmentSession, as_ada: APIClient, name: str
) -> None:
    assert invite(as_ada, session, first_name=name).json()["first_name"] == name


@pytest.mark.parametrize("status", ["in_progress", "recovering", "completed", "cancelled", "missed"])
def test_nobody_is_asked_once_it_has_begun_or_passed(
    ada: Patient, at: datetime, as_ada: APIClient, status: str
) -> None:
    session = stages.reached(ada, status, at=at)
    before = Capability.objects.count()
    assert invite(as_ada, session).status_code == 409
    assert Capability.objects.count() == before


def test_the_monitors_word_makes_a_session_ready(session: TreatmentSession, as_dan: APIClient) -> None:
    for _ in range(2):
        answer = post(as_dan, f"sessions/{session.pk}/attestations", {"kind": "monitor_present"})
        assert answer.status_code == 201
    assert stages.fetch(session).status == "ready"
    assert stages.fetch(session).version == 2
    assert Attestation.objects.count() == 2


def test_the_patient_answers_todays_questions(session: TreatmentSession, as_ada: APIClient) -> None:
    body = {"kind": "patient_today", "answers": stages.WELL}
    answer = post(as_ada, f"sessions/{session.pk}/attestations", body)
    assert (answer.status_code, answer.json()["answers"]) == (201, stages.WELL)
    assert stages.fetch(session).status == "scheduled"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "present"},
        {"kind": "patient_today"},
        {"kind": "patient_today", "answers": {"tired": "no"}},
        {"kind": "patient_today", "answers": {"a/b~c": "no"}},
        {"kind": "patient_today", "answers": {"new_medicine": "maybe"}},
        {"kind": "patient_today", "answers": {"new_medicine": True}},
        {"kind": "patient_today", "answers": ["no"]},
        {"kind": "patient_today", "answers": "no"},
    ],
)
def test_a_malformed_word_is_refused(
    session: TreatmentSession, as_ada: APIClient, body: dict[str, Any]
) -> None:
    assert post(as_ada, f"sessions/{session.pk}/attestations", body).status_code == 400
    assert not Attestation.objects.exists()


def test_nobody_vouches_for_somebody_else(
    session: TreatmentSession, as_ada: APIClient, as_ben: APIClient, as_dan: APIClient
) -> None:
    path = f"sessions/{session.pk}/attestations"
    today = {"kind": "patient_today", "answers": stages.WELL}
    present = {"kind": "monitor_present"}
    for client, body in ((as_ada, present), (as_ben, present), (as_ben, today), (as_dan, today)):
        assert post(client, path, body).status_code == 403
    assert post(as_dan, path, present | {"answers": stages.WELL}).status_code == 400
    assert not Attestation.objects.exists()


def test_the_link_ends_two_hours_after_the_session(ada: Patient, at: datetime) -> None:
    stages.ended(ada, at=at)
    link = Capability.objects.get()
    assert link.is_live(at + timedelta(minutes=119))
    assert not link.is_live(at + timedelta(minutes=120))


def test_the_link_lives_through_the_longest_session(ada: Patient, at: datetime) -> None:
    """Begun a day late, at the last moment, and still unended a day after that."""
    stages.started(ada, at=at)
    assert Capability.objects.get().is_live(at + timedelta(days=1))


def test_a_hundred_bad_tries_do_not_shut_the_monitor_out(
    session: TreatmentSession, as_dan: APIClient, settings: Any
) -> None:
    """HZ-17: neither wrong tokens from the same address nor a storm of its own requests."""
    for _ in range(100):
        assert by_link("wrong").get(f"/api/v1/sessions/{session.pk}").status_code in (401, 429)
    for _ in range(100):
        assert as_dan.get(f"/api/v1/sessions/{session.pk}").status_code == 200


@pytest.mark.parametrize(
    "header", ["Capability", "Capability ", "Capability x y", "capability x", "Bearer x"]
)
def test_a_broken_header_opens_nothing(session: TreatmentSession, header: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=header)
    assert client.get(f"/api/v1/sessions/{session.pk}").status_code == 401


def test_a_link_without_a_live_session_opens_no_list(as_dan: APIClient, session: TreatmentSession) -> None:
    assert as_dan.get(f"/api/v1/enrollments/{session.enrollment_id}/sessions").status_code == 403
