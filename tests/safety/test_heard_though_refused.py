"""An answer that speaks of suicide is heard, whatever else is wrong with the screening it came in."""

from datetime import timedelta

import pytest

from programs import services as programs
from safety.models import Alert, Screening
from tests import steps
from tests.api import post

pytestmark = pytest.mark.django_db(transaction=True)

SPEAKS = {"thinking_of_ending_life_now": "yes"}


def crisis(answer):
    return [why["detail"] for why in answer.json().get("reasons", []) if why["code"] == "crisis"]


@pytest.mark.parametrize(
    "beside",
    [
        {"pregnant": "perhaps"},
        {"nonsense": 1},
        {"blood_pressure_readings": [{"systolic_mmhg": 14}]},
        {"age_years": "x"},
    ],
)
def test_beside_a_fault(beside, ada, client_of, at):
    enrollment = steps.enrolled(ada, at=at)
    answer = post(
        client_of(ada.user), f"enrollments/{enrollment.pk}/screenings", {"answers": SPEAKS | beside}
    )
    assert answer.status_code == 400
    assert "988" in crisis(answer)[0]
    assert Alert.objects.get(patient=ada).alert_class == "suicide_risk"
    assert not Screening.objects.exists()


def test_at_the_wrong_step(ada, client_of, at):
    enrollment = steps.enrolled(ada, at=at)
    programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
    answer = post(client_of(ada.user), f"enrollments/{enrollment.pk}/screenings", {"answers": SPEAKS})
    assert answer.status_code == 409
    assert crisis(answer)
    assert Alert.objects.filter(patient=ada).exists()


def test_without_a_key(ada, client_of, at):
    enrollment = steps.enrolled(ada, at=at)
    path = f"/api/v1/enrollments/{enrollment.pk}/screenings"
    answer = client_of(ada.user).post(path, {"answers": SPEAKS}, format="json")
    assert answer.status_code == 428
    assert Alert.objects.filter(patient=ada).exists()


def test_again_is_the_same_alert(ada, client_of, at):
    enrollment = steps.enrolled(ada, at=at - timedelta(days=1))
    body = {"answers": SPEAKS | {"pregnant": "perhaps"}}
    for _ in range(3):
        post(client_of(ada.user), f"enrollments/{enrollment.pk}/screenings", body)
    assert Alert.objects.count() == 1


@pytest.mark.parametrize(
    "said", [True, "Yes", " YES ", "maybe", 1, ["yes"], {"value": "yes"}, "prefer_not_to_say"]
)
def test_however_it_is_written(said, ada, client_of, at):
    enrollment = steps.enrolled(ada, at=at)
    body = {"answers": {"Thinking_of_ending_life_now": said, "nonsense": 1}}
    answer = post(client_of(ada.user), f"enrollments/{enrollment.pk}/screenings", body)
    assert answer.status_code == 400
    assert crisis(answer)
    assert Alert.objects.filter(patient=ada, alert_class="suicide_risk").exists()


def test_beside_the_answers(ada, client_of, at):
    enrollment = steps.enrolled(ada, at=at)
    answer = post(client_of(ada.user), f"enrollments/{enrollment.pk}/screenings", SPEAKS)
    assert answer.status_code == 400
    assert Alert.objects.filter(patient=ada).exists()


@pytest.mark.parametrize("said", [False, "No", "no", 0, None, ""])
def test_a_no_however_it_is_written_is_none(said, ada, client_of, at):
    enrollment = steps.enrolled(ada, at=at)
    body = {"answers": {"thinking_of_ending_life_now": said, "nonsense": 1}}
    assert not crisis(post(client_of(ada.user), f"enrollments/{enrollment.pk}/screenings", body))
    assert not Alert.objects.exists()


@pytest.mark.parametrize("answers", [{"pregnant": "perhaps"}, [], "x", None])
def test_nothing_is_raised_for_nothing(answers, ada, client_of, at):
    enrollment = steps.enrolled(ada, at=at)
    answer = post(client_of(ada.user), f"enrollments/{enrollment.pk}/screenings", {"answers": answers})
    assert answer.status_code == 400
    assert not crisis(answer)
    assert not Alert.objects.exists()


def test_a_stranger_who_asks_for_somebody_like_them_is_told_too(client):
    body = {"answers": SPEAKS | {"pregnant": "perhaps"}}
    answer = client.post("/api/v1/fit-checks", body, "application/json")
    assert answer.status_code == 400
    assert crisis(answer)
    assert not Alert.objects.exists()
