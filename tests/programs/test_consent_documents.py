"""What there is to agree to: texts by version and language, understood before they are signed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError, IntegrityError
from rest_framework.test import APIClient

from accounts.models import Patient
from core.documents import all_in_force, digest, in_force, publish
from core.enums import DocumentKind
from core.models import DocumentVersion
from desk.catalogue import load, texts
from notifications.models import Suppression
from programs import queries, rules, services
from programs.enums import OPTIONAL_CONSENTS, ConsentKind, EnrollmentStatus
from programs.errors import NotUnderstoodYet
from programs.models import ComprehensionAttempt, Consent, Enrollment
from programs.services import Agreement
from tests import steps
from tests.api import post

KIND = DocumentKind.TREATMENT_CONSENT
NEEDED = [kind for kind in ConsentKind if kind not in OPTIONAL_CONSENTS]


@pytest.fixture
def planned(ada: Patient, at: datetime) -> Enrollment:
    """Ada's program, with a plan and nothing agreed to."""
    return steps.planned(ada, at=at)


@pytest.fixture
def as_ada(client_of: Any, ada: Patient) -> APIClient:
    """Ada's phone."""
    client: APIClient = client_of(ada.user)
    return client


def new_text(at: datetime, *, kind: DocumentKind = KIND, **which: Any) -> DocumentVersion:
    content = {"title": f"Changed {which}", "summary": "Changed.", "text": "Changed."}
    return publish(kind, content=content, effective_at=at, **({"version": 2} | which))


def sign(enrollment: Enrollment, *documents: DocumentVersion, at: datetime) -> list[Consent]:
    agreements = [Agreement(document_id=document.pk, sha256=document.sha256) for document in documents]
    user = enrollment.patient.user
    return services.give_consent(enrollment.pk, agreements=agreements, patient_user=user, at=at)


# --- the texts that come with the software ---------------------------------------------------------------


@pytest.mark.parametrize("text", texts(), ids=lambda text: f"{text.kind}-{text.version}.{text.minor}")
def test_a_shipped_text_can_be_read_and_asked_about(text: Any) -> None:
    content = text.content
    assert all(content[part].strip() for part in ("title", "summary", "text"))
    asked = rules.questions(content)
    assert all(question.right in question.choices and question.because for question in asked)
    assert all(len(set(question.choices)) == len(question.choices) > 1 for question in asked)
    assert len({question.key for question in asked}) == len(asked)
    assert content.get("right_to_pass", 0) == len(asked)


def test_every_kind_has_a_text_that_says_it_is_an_example() -> None:
    newest = {text.kind: text for text in texts()}
    assert {kind.value for kind in newest} == {kind.value for kind in ConsentKind}
    for text in newest.values():
        assert text.content["note"].startswith("Example, have your counsel confirm.")
        assert text.content["sources"]


def test_loading_again_publishes_nothing(db: None) -> None:
    before = set(DocumentVersion.objects.values_list("pk", flat=True))
    list(load())
    assert set(DocumentVersion.objects.values_list("pk", flat=True)) == before


def test_an_example_never_comes_into_force_over_a_clinics_own_text(
    at: datetime, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = new_text(at, version=3)
    monkeypatch.setattr("desk.catalogue.texts", lambda: [*texts(), newer_example(4)])
    said = list(load())
    assert in_force(KIND, at=at) == own
    assert "Treatment Consent: the clinic's own text stays" in said


def test_a_newer_example_takes_effect_when_it_comes(
    at: datetime, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.catalogue.texts", lambda: [*texts(), newer_example(3)])
    list(load())
    assert in_force(KIND, at=at).version == 2
    assert in_force(KIND, at=at + timedelta(minutes=1)).version == 3


def newer_example(version: int) -> Any:
    from desk.catalogue import Text

    return Text(KIND, version, 0, "en", {"title": "New", "summary": "New.", "text": "New."})


# --- which version counts --------------------------------------------------------------------------------


def test_a_new_version_has_to_be_agreed_to_again(ada: Patient, at: datetime) -> None:
    enrollment = steps.active(ada, at=at)
    assert queries.consents_missing(enrollment.pk, at=at) == []
    newer = new_text(at, version=3)
    assert queries.consents_missing(enrollment.pk, at=at) == [ConsentKind.TREATMENT]
    sign(enrollment, newer, at=at)
    assert queries.consents_missing(enrollment.pk, at=at) == []


def test_a_correction_does_not(ada: Patient, at: datetime) -> None:
    enrollment = steps.active(ada, at=at)
    newer = new_text(at, minor=1)
    assert newer in queries.consent_documents(at=at)
    assert queries.consents_missing(enrollment.pk, at=at) == []


def test_a_version_that_is_still_to_come_does_not(ada: Patient, at: datetime) -> None:
    enrollment = steps.active(ada, at=at)
    new_text(at + timedelta(days=1), version=3)
    assert queries.consents_missing(enrollment.pk, at=at) == []
    assert queries.consents_missing(enrollment.pk, at=at + timedelta(days=1)) == [ConsentKind.TREATMENT]


def test_a_kind_without_a_text_is_missing(
    ada: Patient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrollment = steps.active(ada, at=at)
    monkeypatch.setattr(queries, "_consent_texts", lambda *, at: [])
    assert queries.consents_missing(enrollment.pk, at=at) == NEEDED


def test_what_is_free_to_refuse_is_not_missing(planned: Enrollment, at: datetime) -> None:
    assert queries.consents_missing(planned.pk, at=at) == NEEDED
    assert [text.kind for text in queries.consents_open(planned.pk, at=at)] == [*ConsentKind]


def test_a_text_is_read_in_ones_language_where_it_has_it(planned: Enrollment, at: datetime) -> None:
    spanish = new_text(at, language="es")
    shown = {text.kind: text for text in queries.consents_open(planned.pk, at=at, language="es")}
    assert shown[KIND] == spanish
    assert {text.language for kind, text in shown.items() if kind != KIND} == {"en"}


def test_to_agree_in_one_language_is_to_agree(planned: Enrollment, at: datetime) -> None:
    sign(planned, new_text(at, language="es"), at=at)
    assert ConsentKind.TREATMENT not in queries.consents_missing(planned.pk, at=at)
    assert KIND not in {text.kind for text in queries.consents_open(planned.pk, at=at)}


def test_a_translation_of_an_older_version_is_not_in_force(at: datetime, db: None) -> None:
    new_text(at - timedelta(days=1), version=2, language="es")
    new_text(at, version=3)
    assert [(text.version, text.language) for text in all_in_force([KIND], at=at)] == [(3, "en")]


def test_two_texts_cannot_be_published_under_one_version(at: datetime, db: None) -> None:
    row = DocumentVersion.objects.filter(kind=KIND).order_by("-version").values().first()
    assert row is not None
    with pytest.raises(IntegrityError, match="document_version_is_published_once"), transaction.atomic():
        DocumentVersion.objects.create(**row | {"id": None})


# --- questions before the signature ----------------------------------------------------------------------


def document(at: datetime, kind: DocumentKind = KIND) -> DocumentVersion:
    return in_force(kind, at=at)


def attempt(client: APIClient, enrollment: Any, text: DocumentVersion, answers: Any, **wrong: Any) -> Any:
    body = {"document": str(text.pk), "sha256": text.sha256, "answers": answers} | wrong
    return post(client, f"enrollments/{enrollment.pk}/comprehension-attempts", body)


def right(text: DocumentVersion) -> dict[str, str]:
    return {question.key: question.right for question in rules.questions(text.content)}


def test_right_answers_pass_and_the_text_can_be_signed(
    as_ada: APIClient, planned: Enrollment, at: datetime
) -> None:
    text = document(at)
    answer = attempt(as_ada, planned, text, right(text))
    assert answer.status_code == 201, answer.content
    assert answer.json().items() >= {"passed": True, "right_count": 4, "wrong": []}.items()
    assert sign(planned, text, at=at)


def test_a_wrong_answer_is_explained_and_kept_and_may_be_tried_again(
    as_ada: APIClient, planned: Enrollment, at: datetime
) -> None:
    text = document(at)
    wrong = right(text) | {"driving": "a"}
    came_to = attempt(as_ada, planned, text, wrong).json()
    assert (came_to["passed"], came_to["right_count"]) == (False, 3)
    assert [one["key"] for one in came_to["wrong"]] == ["driving"]
    assert "right" not in came_to["wrong"][0]
    assert attempt(as_ada, planned, text, right(text)).json()["passed"]
    kept = ComprehensionAttempt.objects.filter(enrollment=planned)
    assert list(kept.values_list("passed", flat=True)) == [False, True]
    first = kept.first()
    assert first is not None
    assert first.answers == wrong


def test_nothing_is_signed_before_it_is_understood(
    as_ada: APIClient, planned: Enrollment, at: datetime
) -> None:
    text = document(at)
    attempt(as_ada, planned, text, right(text) | {"driving": "a"})
    body = {"agreements": [{"document": str(text.pk), "sha256": text.sha256}]}
    answer = post(as_ada, f"enrollments/{planned.pk}/consents", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_understood_yet")
    assert not Consent.objects.exists()


def test_twin_without_the_question_it_is_signed(
    as_ada: APIClient, planned: Enrollment, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = document(at)
    attempt(as_ada, planned, text, right(text) | {"driving": "a"})
    monkeypatch.setattr(queries, "not_understood", lambda *given: set())
    body = {"agreements": [{"document": str(text.pk), "sha256": text.sha256}]}
    assert post(as_ada, f"enrollments/{planned.pk}/consents", body).status_code == 201


def test_to_understand_one_text_is_not_to_understand_another(planned: Enrollment, at: datetime) -> None:
    steps.understood(planned, at=at)
    other = publish(KIND, version=3, content=document(at).content | {"title": "Other"}, effective_at=at)
    with pytest.raises(NotUnderstoodYet), transaction.atomic():
        sign(planned, other, at=at)


def test_what_the_texts_ask_is_shown_without_the_answer(as_ada: APIClient, planned: Enrollment) -> None:
    shown = as_ada.get(f"/api/v1/enrollments/{planned.pk}/consent-documents").json()
    asked = [question for text in shown for question in text["questions"]]
    assert asked
    assert all(set(question) == {"key", "question", "choices"} for question in asked)
    assert [text["is_required"] for text in shown] == [True] * 5 + [False] * 2
    assert all(text["note"] for text in shown)


def test_the_patients_own_language_is_taken_unless_another_is_asked_for(
    as_ada: APIClient, planned: Enrollment, at: datetime
) -> None:
    new_text(at, language="es")
    Patient.objects.filter(pk=planned.patient_id).update(language="es-US")
    path = f"/api/v1/enrollments/{planned.pk}/consent-documents"
    assert [as_ada.get(asked).json()[0]["language"] for asked in (path, f"{path}?language=en")] == [
        "es",
        "en",
    ]


@pytest.mark.parametrize("language", ["english", "EN", "e", "en_US", "../en", "\u0435n"])
def test_a_language_that_is_none_is_refused(as_ada: APIClient, planned: Enrollment, language: str) -> None:
    path = f"/api/v1/enrollments/{planned.pk}/consent-documents"
    assert as_ada.get(path, {"language": language}).status_code == 400


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answers: {},
        lambda answers: answers | {"driving": "z"},
        lambda answers: answers | {"driving": ""},
        lambda answers: answers | {"driving": "x" * 41},
        lambda answers: answers | {"weather": "a"},
        lambda answers: answers | {"driving": None},
        lambda answers: answers | {"driving": ["c"]},
        lambda answers: list(answers),
        lambda answers: "all right",
        lambda answers: {key: value for key, value in answers.items() if key != "driving"},
    ],
)
def test_answers_that_do_not_fit_are_refused(
    as_ada: APIClient, planned: Enrollment, at: datetime, spoil: Any
) -> None:
    text = document(at)
    assert attempt(as_ada, planned, text, spoil(right(text))).status_code == 400
    assert not ComprehensionAttempt.objects.exists()


def test_answers_about_another_text_than_the_one_in_force_are_refused(
    as_ada: APIClient, planned: Enrollment, at: datetime
) -> None:
    text, old = document(at), DocumentVersion.objects.get(kind=KIND, version=1)
    for given in ({"sha256": "0" * 64}, {"document": str(old.pk), "sha256": old.sha256}):
        answer = attempt(as_ada, planned, text, right(text), **given)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_document")


def test_nobody_else_answers_for_the_patient(
    client_of: Any, cyd: Patient, ben: Any, planned: Enrollment, at: datetime
) -> None:
    text = document(at)
    codes = [attempt(client_of(user), planned, text, right(text)).status_code for user in (cyd.user, ben)]
    assert codes == [404, 403]
    assert attempt(APIClient(), planned, text, right(text)).status_code == 401
    assert not ComprehensionAttempt.objects.exists()


@pytest.mark.parametrize("table", ["programs_comprehensionattempt", "programs_consentwithdrawal"])
@pytest.mark.parametrize("act", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_what_was_answered_or_taken_back_stays(table: str, act: str, db: None) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(act.format(table))


# --- what is signed --------------------------------------------------------------------------------------


def test_a_signature_is_bound_to_exactly_this_text(planned: Enrollment, at: datetime) -> None:
    steps.understood(planned, at=at)
    (consent,) = sign(planned, document(at), at=at)
    signature = consent.signature
    assert signature.document_sha256 == digest(consent.document.content)
    assert (signature.signer_name, signature.meaning, signature.signed_at) == ("Ada Example", "agreed", at)


def test_treatment_is_possible_without_what_is_free_to_refuse(planned: Enrollment, at: datetime) -> None:
    steps.understood(planned, at=at)
    needed = [text for text in queries.consent_documents(at=at) if text.kind not in OPTIONAL_CONSENTS]
    sign(planned, *needed, at=at)
    planned.refresh_from_db()
    assert planned.status == EnrollmentStatus.ACTIVE


def test_reminders_are_stopped_until_they_are_agreed_to(planned: Enrollment, at: datetime) -> None:
    stopped = Suppression.objects.filter(user=planned.patient.user_id, lifted_at=None)
    assert set(stopped.values_list("kind", flat=True)) == {"assessment_due", "session_tomorrow"}
    sign(planned, document(at, DocumentKind.MESSAGING_CONSENT), at=at)
    assert not stopped.exists()
