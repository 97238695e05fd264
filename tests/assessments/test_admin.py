"""The clinician's pages: their own patients' forms, with scores, to read and nothing else."""

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from assessments.models import Assessment
from programs.models import Enrollment
from tests.assessments.conftest import answered, save
from tests.conftest import make_user

LIST = reverse("admin:assessments_assessment_changelist")


@pytest.fixture
def desk(ben: User) -> Client:
    """Ben at the admin."""
    return signed_in(ben)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(assessment: Assessment) -> str:
    return reverse("admin:assessments_assessment_change", args=[assessment.pk])


def test_the_list_shows_whose_which_and_what_it_came_to(
    desk: Client, as_ada: APIClient, phq9: Assessment
) -> None:
    answered(as_ada, phq9, phq9_1=3, phq9_2=3, phq9_10=1)
    shown = desk.get(LIST).content.decode()
    for words in ("Ada Example", "PHQ-9 depression questionnaire", "total 6 (mild)", "submitted", "open"):
        assert words in shown


def test_a_page_shows_each_scale_and_why_one_has_no_value(
    desk: Client, as_ada: APIClient, cbi: Assessment
) -> None:
    answered(as_ada, cbi)
    shown = desk.get(page(cbi)).content.decode()
    assert "Personal burnout: 50.0 (6 answered, 0 missing)" in shown
    assert "Client-related burnout: no value (not applicable) (0 answered, 6 missing)" in shown


def test_a_page_shows_a_drafts_answers_by_topic(desk: Client, as_ada: APIClient, gad7: Assessment) -> None:
    save(as_ada, gad7, {"gad7_1": 2})
    shown = desk.get(page(gad7)).content.decode()
    assert "<tr><td>nervousness</td><td>2</td></tr>" in shown
    assert "not submitted" in shown


def test_the_pages_cannot_be_written_to(desk: Client, gad7: Assessment) -> None:
    response = desk.post(page(gad7), {"answers": "{}"})
    gad7.refresh_from_db()
    assert (response.status_code, gad7.version) == (403, 1)


@pytest.mark.parametrize("action", ["add", "delete"])
def test_nothing_is_added_or_deleted(desk: Client, gad7: Assessment, action: str) -> None:
    args = [gad7.pk] if action == "delete" else []
    address = reverse(f"admin:assessments_assessment_{action}", args=args)
    assert desk.post(address, {"post": "yes"}).status_code == 403
    assert Assessment.objects.filter(pk=gad7.pk).exists()


def test_another_clinicians_patient_is_not_listed(desk: Client, enrollment: Enrollment, at: datetime) -> None:
    enrollment.patient.care_team.update(ends_at=at)
    assert "Ada Example" not in desk.get(LIST).content.decode()


def test_another_clinicians_patient_has_no_page(desk: Client, gad7: Assessment, at: datetime) -> None:
    gad7.enrollment.patient.care_team.update(ends_at=at)
    assert desk.get(page(gad7)).status_code == 302


@pytest.mark.parametrize("fields", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}])
def test_being_staff_opens_nothing(gad7: Assessment, fields: dict[str, bool]) -> None:
    client = signed_in(make_user("operator@clinic.example", **fields))
    assert [client.get(address).status_code for address in (LIST, page(gad7))] == [403, 403]


@pytest.mark.parametrize("who", ["patient", "nobody"])
def test_others_are_sent_to_sign_in(gad7: Assessment, who: str) -> None:
    client = signed_in(gad7.enrollment.patient.user) if who == "patient" else Client()
    assert [client.get(address).status_code for address in (LIST, page(gad7))] == [302, 302]
