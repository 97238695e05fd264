import threading
from uuid import uuid4

import pytest
from django.db import connections

from core.models import IdempotencyRecord
from programs.models import Enrollment

pytestmark = pytest.mark.django_db
URL = "/api/v1/enrollments"
BODY = {"program": "burnout-6"}


def test_the_same_again_gets_the_same_answer_and_acts_once(ada, client_of):
    client, key = client_of(ada.user), str(uuid4())
    first = client.post(URL, BODY, format="json", headers={"Idempotency-Key": key})
    again = client.post(URL, BODY, format="json", headers={"Idempotency-Key": key})
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first["ETag"] == again["ETag"]
    assert Enrollment.objects.count() == 1


def test_without_a_key_nothing_happens(ada, client_of):
    answer = client_of(ada.user).post(URL, BODY, format="json")
    assert answer.status_code == 428
    assert answer.json()["code"] == "precondition_required"
    assert not Enrollment.objects.exists()


def test_the_key_with_another_body_is_refused(ada, client_of):
    client, headers = client_of(ada.user), {"Idempotency-Key": "k1"}
    client.post(URL, BODY, format="json", headers=headers)
    answer = client.post(URL, {"program": "burnout-12"}, format="json", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_key_reused"


def test_somebody_elses_key_is_another_key(ada, cyd, client_of):
    for patient in (ada, cyd):
        answer = client_of(patient.user).post(URL, BODY, format="json", headers={"Idempotency-Key": "k1"})
        assert answer.status_code == 201


def test_a_refusal_is_not_kept(ada, client_of):
    client, headers = client_of(ada.user), {"Idempotency-Key": "k1"}
    refused = client.post(URL, {"program": "no-such"}, format="json", headers=headers)
    assert refused.status_code == 422
    assert not IdempotencyRecord.objects.exists()
    assert client.post(URL, BODY, format="json", headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["x" * 101, "tab\there"])
def test_an_unusable_key_is_refused(key, ada, client_of):
    answer = client_of(ada.user).post(URL, BODY, format="json", headers={"Idempotency-Key": key})
    assert answer.status_code == 400


@pytest.mark.django_db(transaction=True)
def test_twins_in_flight_act_once(ada, client_of):
    answers = []
    barrier = threading.Barrier(6)

    def post():
        client = client_of(ada.user)
        barrier.wait()
        answers.append(client.post(URL, BODY, format="json", headers={"Idempotency-Key": "twin"}))
        connections.close_all()

    threads = [threading.Thread(target=post) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert Enrollment.objects.count() == 1
