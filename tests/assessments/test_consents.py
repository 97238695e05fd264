"""POST /enrollments/{id}/consents: the last signature opens the baseline; and the texts to read before."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import Patient, User
from assessments import services
from assessments.models import Assessment
from core.models import DocumentVersion
from notifications.models import Delivery
from programs import queries
from programs.enums import EnrollmentStatus
from programs.models import Consent, Enrollment
from tests import steps
from tests.assessments.conftest import without_id
from tests.conftest import make_user

pytestmark = pytest.mark.from_the_start


@pytest.fixture
def planned(ada: Patient, at: datetime) -> Enrollment:
    """Ada's program, with a plan and nothing agreed to."""
    return steps.planned(ada, at=at)


@pytest.fixture
def texts(planned: Enrollment, at: datetime) -> list[DocumentVersion]:
    """What there is to agree to."""
    steps.understood(planned, at=at)
    return queries.consents_open(planned.pk, at=at)


def agree(
    client: APIClient,
    enrollment_id: Any,
    texts: list[DocumentVersion],
    *,
    key: str | None = None,
    **wrong: Any,
) -> Any:
    agreements = [{"document": str(text.pk), "sha256": text.sha256} | wrong for text in texts]
    return post(client, enrollment_id, {"agreements": agreements}, key=key)


def post(client: APIClient, enrollment_id: Any, body: Any, *, key: str | None = None) -> Any:
    return client.post(
        f"/api/v1/enrollments/{enrollment_id}/consents",
        body,
        format="json",
        HTTP_IDEMPOTENCY_KEY=key or str(uuid4()),
    )


def test_agreeing_to_everything_makes_treatment_possible_and_opens_the_baseline(
    as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    response = agree(as_ada, planned.pk, texts)
    planned.refresh_from_db()
    assert (response.status_code, response.json()["enrollment_status"]) == (201, "active")
    assert planned.status == EnrollmentStatus.ACTIVE
    assert planned.assessments.count() == 3


def test_the_answer_has_each_signature(
    as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    consents = agree(as_ada, planned.pk, texts).json()["consents"]
    assert [consent["document"] for consent in consents] == [str(text.pk) for text in texts]
    for consent, text in zip(consents, texts, strict=True):
        signature = consent["signature"]
        assert (signature["signer_name"], signature["meaning"]) == ("Ada Example", "agreed")
        assert (signature["document_sha256"], consent["kind"]) == (text.sha256, text.kind)


def test_one_text_is_not_all(as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion]) -> None:
    response = agree(as_ada, planned.pk, texts[:1])
    assert (response.status_code, response.json()["enrollment_status"]) == (201, "awaiting_consent")
    assert not planned.assessments.exists()


def test_the_texts_can_be_agreed_to_one_after_the_other(
    as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    answers = [agree(as_ada, planned.pk, [text]).json()["enrollment_status"] for text in texts]
    assert answers == ["awaiting_consent"] * 4 + ["active"] * 3  # five are needed, two are free to leave
    assert planned.assessments.count() == 3


def test_the_same_key_gets_the_same_answer(
    as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    first, second = (agree(as_ada, planned.pk, texts, key="once") for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert Consent.objects.filter(enrollment=planned).count() == len(texts)


def test_the_baseline_and_the_agreement_are_written_together_or_not_at_all(
    as_ada: APIClient,
    planned: Enrollment,
    texts: list[DocumentVersion],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise InterruptedError

    monkeypatch.setattr(services, "open_baseline", fail)
    assert agree(as_ada, planned.pk, texts).status_code == 500
    planned.refresh_from_db()
    assert planned.status == EnrollmentStatus.AWAITING_CONSENT
    assert not planned.consents.exists()


def test_agreeing_to_a_new_version_later_opens_no_second_baseline(
    as_ada: APIClient, enrollment: Enrollment, at: datetime
) -> None:
    first = set(enrollment.assessments.values_list("pk", flat=True))
    newer = newer_version(queries.consent_documents(at=at)[0], at)
    response = agree(as_ada, enrollment.pk, [newer])
    assert (response.status_code, response.json()["enrollment_status"]) == (201, "active")
    assert set(enrollment.assessments.values_list("pk", flat=True)) == first


def newer_version(text: DocumentVersion, at: datetime) -> DocumentVersion:
    return DocumentVersion.objects.create(
        kind=text.kind,
        version=text.version + 1,
        content={name: text.content[name] for name in ("title", "summary", "text")},
        sha256="ab" * 32,
        effective_at=at,
    )


# Refused


def unchanged(enrollment: Enrollment) -> bool:
    enrollment.refresh_from_db()
    return (
        enrollment.status == EnrollmentStatus.AWAITING_CONSENT
        and not enrollment.consents.exists()
        and not Assessment.objects.exists()
        and not Delivery.objects.filter(dedupe_key__startswith="assessments:").exists()
    )


def test_agreeing_twice_is_refused(
    as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    agree(as_ada, planned.pk, texts)
    response = agree(as_ada, planned.pk, texts)
    assert (response.status_code, response.json()["code"]) == (409, "wrong_document")
    assert Consent.objects.filter(enrollment=planned).count() == len(texts)


def test_agreeing_to_another_text_than_was_read_is_refused(
    as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    response = agree(as_ada, planned.pk, texts, sha256="0" * 64)
    assert (response.status_code, unchanged(planned)) == (409, True)


def test_agreeing_to_a_text_that_is_no_more_in_force_is_refused(
    as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion], at: datetime
) -> None:
    newer_version(texts[0], at)
    assert agree(as_ada, planned.pk, texts).status_code == 409
    assert unchanged(planned)


def test_agreeing_before_there_is_a_plan_is_refused(as_ada: APIClient, ada: Patient, at: datetime) -> None:
    enrollment = steps.accepted(ada, at=at)
    response = agree(as_ada, enrollment.pk, queries.consent_documents(at=at))
    assert (response.status_code, response.json()["code"]) == (409, "wrong_enrollment_state")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"agreements": []},
        {"agreements": {}},
        {"agreements": "all"},
        {"agreements": [{}]},
        {"agreements": [{"document": "1", "sha256": "0" * 64}]},
        {"agreements": [{"document": str(uuid4()), "sha256": "0" * 63}]},
        {"agreements": [{"document": str(uuid4()), "sha256": "Z" * 64}]},
        {"agreements": [{"document": str(uuid4()), "sha256": "0" * 64, "signer": "Ada"}]},
        {"agreements": [{"document": str(uuid4()), "sha256": "0" * 64}], "at": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_body_of_another_shape_is_refused(as_ada: APIClient, planned: Enrollment, body: Any) -> None:
    assert post(as_ada, planned.pk, body).status_code == 400
    assert unchanged(planned)


def test_without_a_key_it_is_refused(
    as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    agreements = [{"document": str(text.pk), "sha256": text.sha256} for text in texts]
    address = f"/api/v1/enrollments/{planned.pk}/consents"
    assert as_ada.post(address, {"agreements": agreements}, format="json").status_code == 428
    assert unchanged(planned)


def test_a_stranger_sees_nothing_there(
    as_cyd: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    absent = uuid4()
    theirs, none = agree(as_cyd, planned.pk, texts), agree(as_cyd, absent, texts)
    assert (theirs.status_code, without_id(theirs, planned.pk)) == (404, without_id(none, absent))
    assert unchanged(planned)


def test_a_clinician_may_not_agree_for_the_patient(
    as_ben: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    assert agree(as_ben, planned.pk, texts).status_code == 403
    assert unchanged(planned)


def test_nobody_may_not_agree(planned: Enrollment, texts: list[DocumentVersion]) -> None:
    assert agree(APIClient(), planned.pk, texts).status_code == 401
    assert unchanged(planned)


# The texts to read


def address(enrollment_id: Any) -> str:
    return f"/api/v1/enrollments/{enrollment_id}/consent-documents"


def test_the_texts_come_with_the_hash_to_agree_by(
    as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    shown = as_ada.get(address(planned.pk)).json()
    assert [(text["id"], text["sha256"]) for text in shown] == [(str(text.pk), text.sha256) for text in texts]
    assert all(text["title"] and text["summary"] and text["text"] for text in shown)


def test_what_is_agreed_to_is_not_shown_again(
    as_ada: APIClient, planned: Enrollment, texts: list[DocumentVersion]
) -> None:
    agree(as_ada, planned.pk, texts[:1])
    shown = [text["id"] for text in as_ada.get(address(planned.pk)).json()]
    assert shown == [str(text.pk) for text in texts[1:]]


def test_the_clinician_may_read_them(as_ben: APIClient, planned: Enrollment) -> None:
    assert as_ben.get(address(planned.pk)).status_code == 200


def test_a_strangers_program_has_no_texts(as_cyd: APIClient, planned: Enrollment) -> None:
    absent = uuid4()
    theirs, none = as_cyd.get(address(planned.pk)), as_cyd.get(address(absent))
    assert (theirs.status_code, without_id(theirs, planned.pk)) == (404, without_id(none, absent))


def test_nobody_reads_them(planned: Enrollment) -> None:
    assert APIClient().get(address(planned.pk)).status_code == 401


def test_somebody_without_a_part_here_does_not_read_them(
    client_of: Callable[[User], APIClient], planned: Enrollment
) -> None:
    assert client_of(make_user("dot@example.org")).get(address(planned.pk)).status_code == 403
