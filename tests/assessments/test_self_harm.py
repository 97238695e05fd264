"""A positive answer to PHQ-9's item on self-harm opens an alert, by whatever way it is written."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from rest_framework.test import APIClient

from accounts.models import User
from assessments import services
from assessments.instruments import instruments
from assessments.models import Assessment
from notifications.models import Delivery
from programs.models import Enrollment
from safety import services as safety
from safety.enums import AlertClass, AlertStatus
from safety.lines import lines_at
from safety.models import Alert
from safety.texts import crisis_text
from tests import steps
from tests.assessments.conftest import CALM_PHQ9, answered, save, submit

POSITIVE = [1, 2, 3]

IN_NEW_YORK = crisis_text(lines_at("US", "NY", file=""))


def alerts(phq9: Assessment) -> QuerySet[Alert]:
    return Alert.objects.filter(source=f"assessment:{phq9.pk}").order_by("opened_at", "id")


def close(alert: Alert, ben: User, at: datetime) -> None:
    safety.acknowledge(alert, by=ben, at=at)
    safety.close(alert, by=ben, reason="We talked.", at=at)


@pytest.mark.parametrize("answer", POSITIVE)
def test_a_saved_answer_opens_an_alert(as_ada: APIClient, phq9: Assessment, answer: int) -> None:
    response = save(as_ada, phq9, {"phq9_9": answer})
    alert = alerts(phq9).get()
    phq9.refresh_from_db()
    assert response.status_code == 200
    assert (alert.alert_class, alert.patient_id) == (AlertClass.SUICIDE_RISK, phq9.enrollment.patient_id)
    assert (alert.status, phq9.safety_alert_id) == (AlertStatus.OPEN, alert.pk)


@pytest.mark.parametrize("answer", POSITIVE)
def test_it_fires_whatever_else_is_answered(as_ada: APIClient, phq9: Assessment, answer: int) -> None:
    save(as_ada, phq9, CALM_PHQ9)
    save(as_ada, phq9, {"phq9_1": 0, "phq9_9": answer, "phq9_2": None})
    assert alerts(phq9).count() == 1


@pytest.mark.parametrize("answer", POSITIVE)
def test_a_submitted_answer_opens_an_alert(
    as_ada: APIClient, phq9: Assessment, ben: User, at: datetime, answer: int
) -> None:
    """Closed in between, so that submitting alone can have opened the second."""
    save(as_ada, phq9, CALM_PHQ9 | {"phq9_9": answer, "phq9_10": 1})
    close(alerts(phq9).get(), ben, at)
    assert submit(as_ada, phq9).status_code == 200
    closed, opened = alerts(phq9)
    phq9.refresh_from_db()
    assert (closed.status, opened.status) == (AlertStatus.CLOSED, AlertStatus.OPEN)
    assert phq9.safety_alert_id == opened.pk


@pytest.mark.parametrize("answer", POSITIVE)
def test_given_again_after_the_alert_was_closed_it_opens_another(
    as_ada: APIClient, phq9: Assessment, ben: User, at: datetime, answer: int
) -> None:
    save(as_ada, phq9, {"phq9_9": answer})
    close(alerts(phq9).get(), ben, at)
    save(as_ada, phq9, {"phq9_9": answer})
    assert [alert.status for alert in alerts(phq9)] == [AlertStatus.CLOSED, AlertStatus.OPEN]


def test_another_answer_after_the_alert_was_closed_opens_none(
    as_ada: APIClient, phq9: Assessment, ben: User, at: datetime
) -> None:
    save(as_ada, phq9, {"phq9_9": 2})
    close(alerts(phq9).get(), ben, at)
    save(as_ada, phq9, {"phq9_1": 3})
    assert alerts(phq9).get().status == AlertStatus.CLOSED


def test_while_an_alert_is_open_it_stays_that_one(as_ada: APIClient, phq9: Assessment) -> None:
    save(as_ada, phq9, {"phq9_9": 1})
    save(as_ada, phq9, {"phq9_9": 3})
    answered(as_ada, phq9, phq9_9=2, phq9_10=0)
    assert alerts(phq9).count() == 1


@pytest.mark.parametrize("later", [0, None])
def test_lowering_the_answer_keeps_alert_and_crisis_text(
    as_ada: APIClient, phq9: Assessment, later: int | None
) -> None:
    save(as_ada, phq9, {"phq9_9": 3})
    response = save(as_ada, phq9, {"phq9_9": later})
    alert = alerts(phq9).get()
    phq9.refresh_from_db()
    assert (alert.status, phq9.safety_alert_id) == (AlertStatus.OPEN, alert.pk)
    assert response.json()["crisis"] == IN_NEW_YORK


def test_the_crisis_text_is_in_the_answer_to_saving(as_ada: APIClient, phq9: Assessment) -> None:
    assert save(as_ada, phq9, {"phq9_9": 1}).json()["crisis"] == IN_NEW_YORK


def test_the_crisis_text_is_in_the_answer_to_submitting(as_ada: APIClient, phq9: Assessment) -> None:
    response = answered(as_ada, phq9, phq9_9=1, phq9_10=0)
    assert (response.status_code, response.json()["crisis"]) == (200, IN_NEW_YORK)


def test_a_clinician_is_paged_at_once(as_ada: APIClient, phq9: Assessment, ben: User) -> None:
    save(as_ada, phq9, {"phq9_9": 1})
    pages = Delivery.objects.filter(dedupe_key__startswith=f"alert:{alerts(phq9).get().pk}:")
    assert pages.get().user == ben


@pytest.mark.parametrize("answers", [{"phq9_9": 0}, {"phq9_9": None}, {"phq9_1": 3, "phq9_2": 3}])
def test_other_answers_open_none(as_ada: APIClient, phq9: Assessment, answers: dict[str, int | None]) -> None:
    response = save(as_ada, phq9, answers)
    assert (alerts(phq9).count(), response.json()["crisis"]) == (0, None)


@pytest.mark.parametrize("answers", [{"phq9_9": 4}, {"phq9_9": "3"}])
def test_a_refused_save_opens_none(
    as_ada: APIClient, phq9: Assessment, answers: dict[str, int | str]
) -> None:
    assert save(as_ada, phq9, answers).status_code == 400
    assert alerts(phq9).count() == 0


def test_answer_and_alert_are_written_together_or_not_at_all(
    as_ada: APIClient, phq9: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise InterruptedError

    monkeypatch.setattr(services, "_save", fail)
    assert save(as_ada, phq9, {"phq9_9": 1}).status_code == 500
    phq9.refresh_from_db()
    assert (phq9.answers, phq9.safety_alert_id, alerts(phq9).count()) == ({}, None, 0)


# The database's own wall


@pytest.mark.parametrize("answer", ["1", "2", "3", "-1", "0.5", '"1"', "true", "[1]", '{"value": 1}'])
def test_no_path_to_the_table_writes_a_positive_answer_without_an_alert(
    phq9: Assessment, answer: str
) -> None:
    sql = "UPDATE assessments_assessment SET answers = %s::jsonb WHERE id = %s"
    with (
        pytest.raises(IntegrityError, match="assessment_self_harm_means_alert"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, [f'{{"phq9_9": {answer}}}', phq9.pk])


def test_no_path_to_the_table_takes_the_alert_away(as_ada: APIClient, phq9: Assessment) -> None:
    save(as_ada, phq9, {"phq9_9": 1})
    sql = "UPDATE assessments_assessment SET safety_alert_id = NULL WHERE id = %s"
    with (
        pytest.raises(IntegrityError, match="assessment_self_harm_means_alert"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, [phq9.pk])


def test_the_wall_catches_a_service_that_forgets(
    as_ada: APIClient, phq9: Assessment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "_raise_alert", lambda *args, **kwargs: None)
    response = save(as_ada, phq9, {"phq9_9": 1})
    phq9.refresh_from_db()
    assert (response.status_code, phq9.answers) == (500, {})


@pytest.mark.django_db(transaction=True)
class TestHeardThoughRefused:
    """What somebody wrote about ending their life opens the alert, though nothing could be saved."""

    @pytest.fixture
    def phq9(self, ada, at):
        return steps.active(ada, at=at).assessments.get(instrument="phq9")

    def send(self, client, form, answers, **headers):
        path = f"/api/v1/assessments/{form.pk}"
        return client.patch(path, {"answers": answers}, format="json", headers=headers)

    @pytest.mark.parametrize(
        ("answers", "headers", "status"),
        [
            ({"phq9_9": 1, "phq9_1": 9}, {"If-Match": '"v1"'}, 400),
            ({"phq9_9": 1, "nonsense": 0}, {"If-Match": '"v1"'}, 400),
            ({"phq9_9": 1}, {"If-Match": '"v7"'}, 412),
            ({"phq9_9": 1}, {}, 428),
        ],
    )
    def test_by_a_fault_beside_it(self, answers, headers, status, phq9, ada, client_of):
        answer = self.send(client_of(ada.user), phq9, answers, **headers)
        assert answer.status_code == status
        assert "988" in {why["code"]: why["detail"] for why in answer.json()["reasons"]}["crisis"]
        assert Alert.objects.get(patient=ada).alert_class == "suicide_risk"
        phq9.refresh_from_db()
        assert phq9.answers == {}

    def test_because_the_form_is_closed(self, phq9, ada, client_of, at):
        Assessment.objects.filter(pk=phq9.pk).update(
            opens_at=at - timedelta(days=9), due_at=at - timedelta(days=8), closes_at=at - timedelta(days=7)
        )
        answer = self.send(client_of(ada.user), phq9, {"phq9_9": 2}, **{"If-Match": '"v1"'})
        assert answer.status_code == 409
        assert Alert.objects.filter(patient=ada).exists()

    @pytest.mark.parametrize("answer", ["3", 3.0, True, 4, [3], -1, "often", {"value": 3}])
    def test_however_it_is_written(self, answer, phq9, ada, client_of):
        response = self.send(client_of(ada.user), phq9, {"phq9_9": answer}, **{"If-Match": '"v1"'})
        assert response.status_code == 400
        assert "crisis" in {why["code"] for why in response.json()["reasons"]}
        assert Alert.objects.get(patient=ada).alert_class == "suicide_risk"

    @pytest.mark.parametrize(
        "body", [{"answers": {"PHQ9_9": 3}}, {"phq9_9": 3}, {"answers": [], "Phq9_9": "2"}]
    )
    def test_wherever_it_stands(self, body, phq9, ada, client_of):
        path = f"/api/v1/assessments/{phq9.pk}"
        response = client_of(ada.user).patch(path, body, format="json", headers={"If-Match": '"v1"'})
        assert response.status_code == 400
        assert Alert.objects.filter(patient=ada).exists()

    @pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
    def test_beside_a_submission(self, headers, phq9, ada, client_of):
        path = f"/api/v1/assessments/{phq9.pk}/submit"
        body = {"answers": {"phq9_9": 3}}
        response = client_of(ada.user).post(path, body, format="json", headers=headers)
        assert response.status_code in (400, 428)
        assert "crisis" in {why["code"] for why in response.json()["reasons"]}
        assert Alert.objects.filter(patient=ada).exists()

    @pytest.mark.parametrize(
        "answers",
        [{"phq9_9": 0, "phq9_1": 9}, *({"phq9_9": no, "x": 1} for no in ("0", 0.0, False, "")), [], [1], "x"],
    )
    def test_nothing_is_raised_for_nothing(self, answers, phq9, ada, client_of):
        assert self.send(client_of(ada.user), phq9, answers, **{"If-Match": '"v1"'}).status_code == 400
        assert not Alert.objects.exists()

    def test_never_in_somebody_elses_form(self, phq9, cyd, client_of):
        assert self.send(client_of(cyd.user), phq9, {"phq9_9": 3}, **{"If-Match": '"v1"'}).status_code == 404
        assert not Alert.objects.exists()


def test_no_yes_on_the_cssrs_is_stored_without_its_alert(enrollment: Enrollment, at: datetime) -> None:
    """Each yes alone is refused by the database; noughts, gaps and nulls are not."""
    moments = dict.fromkeys(("opens_at", "due_at", "closes_at"), at)
    for number, item in enumerate(instruments()["cssrs"].items):
        row = Assessment(
            enrollment=enrollment, instrument="cssrs", after_session=number, instrument_version="1", **moments
        )
        row.answers = {item: 1, "cssrs_1" if item != "cssrs_1" else "cssrs_2": 0}
        with (
            pytest.raises(IntegrityError, match="assessment_suicide_risk_means_alert"),
            transaction.atomic(),
        ):
            row.save()
        row.answers = {item: 0, "cssrs_6": None}
        row.save()
