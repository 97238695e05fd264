"""The clinician's list of sessions: their own patients', to read and nothing else."""

import re
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import CareTeamMembership, Patient, User
from core import clock
from notifications.services import deliver_due
from safety.enums import AlertClass
from safety.services import page_unacknowledged, raise_alert
from sessions.models import TreatmentSession
from tests.conftest import make_clinician, make_user
from tests.sessions import stages

LIST = "/admin/treatment_sessions/treatmentsession/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_clinician_reads_their_patients_sessions(session: TreatmentSession, ben: User) -> None:
    admin = signed_in(ben)
    assert "Ada" in admin.get(LIST).content.decode()
    page = admin.get(f"{LIST}{session.pk}/change/")
    assert page.status_code == 200
    assert 'name="_save"' not in page.content.decode()


def test_a_past_session_is_shown_too(ada: Patient, at: datetime, ben: User) -> None:
    session = stages.reached(ada, "completed", at=at)
    assert signed_in(ben).get(f"{LIST}{session.pk}/change/").status_code == 200


def test_nothing_is_added_changed_or_deleted_here(session: TreatmentSession, ben: User) -> None:
    admin = signed_in(ben)
    for path in (f"{LIST}add/", f"{LIST}{session.pk}/delete/"):
        assert admin.get(path).status_code == 403
        assert admin.post(path, {"post": "yes"}).status_code == 403
    assert admin.post(f"{LIST}{session.pk}/change/", {"status": "completed"}).status_code == 403
    assert stages.fetch(session).status == "scheduled"


def test_another_clinicians_patient_is_absent(session: TreatmentSession, ben: User, ada: Patient) -> None:
    CareTeamMembership.objects.filter(patient=ada).update(ends_at=clock.now())
    admin = signed_in(ben)
    assert "Ada" not in admin.get(LIST).content.decode()
    assert admin.get(f"{LIST}{session.pk}/change/").status_code == 302


@pytest.mark.parametrize("fields", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}])
def test_staff_who_do_not_practise_see_nothing(session: TreatmentSession, fields: dict[str, bool]) -> None:
    admin = signed_in(make_user("operator@clinic.example", **fields))
    assert admin.get(LIST).status_code == 403
    assert admin.get(f"{LIST}{session.pk}/change/").status_code == 403


def test_the_page_that_calls_for_help_leads_to_the_emergency_packet(
    ada: Patient, at: datetime, ben: User
) -> None:
    """To Cyd, who is on call and does not care for her: by the link in the message, and one tap more."""
    on_call = make_clinician(make_user("cyd@clinic.example", is_staff=True), "Cyd Example", at=at)
    session, _ = stages.dosed(ada, at=at)
    raise_alert(ada.pk, alert_class=AlertClass.MISSED_CHECK_IN, source="test", at=at)
    for minutes in (5, 10):
        page_unacknowledged(at=at + timedelta(minutes=minutes))
    deliver_due(at=at + timedelta(minutes=10))
    (message,) = [
        one for one in mail.outbox if one.to == [on_call.email] and one.subject == "Nobody has answered"
    ]
    link = re.findall(f"{settings.BASE_URL}(/admin/\\S+)", str(message.body))[0]
    admin = signed_in(on_call)
    shown = admin.get(link).content.decode()
    path = reverse("session-emergency-packet-pdf", args=[session.pk])
    assert path in shown
    assert admin.get(path)["Content-Type"] == "application/pdf"


def test_an_alert_leads_to_the_emergency_packet(ada: Patient, at: datetime, ben: User) -> None:
    session, _ = stages.dosed(ada, at=at)
    alert = raise_alert(ada.pk, alert_class=AlertClass.MISSED_CHECK_IN, source="test", at=at)
    admin = signed_in(ben)
    path = reverse("session-emergency-packet-pdf", args=[session.pk])
    assert path in admin.get(f"/admin/safety/alert/{alert.pk}/change/").content.decode()
    assert admin.get(path)["Content-Type"] == "application/pdf"


def test_an_alert_about_somebody_without_a_session_says_that_there_is_none(
    ada: Patient, at: datetime, ben: User
) -> None:
    alert = raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=at)
    page = signed_in(ben).get(f"/admin/safety/alert/{alert.pk}/change/").content.decode()
    assert "no emergency packet is open to you" in page
    assert "emergency-packet/pdf" not in page
