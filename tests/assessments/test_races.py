"""Two at once on one form, in real transactions; and the same with the locks taken away."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from rest_framework.test import APIClient

from accounts.models import Patient, User
from assessments import services
from assessments.instruments import instruments
from assessments.models import Assessment
from core.ids import new_id
from programs import queries as programs
from programs.models import Enrollment
from safety.models import Alert
from tests import steps
from tests.assessments.conftest import CALM_GAD7, CALM_PHQ9, save, submit

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 4


class Meeting:
    """A point inside the service where two can be at once only if nothing keeps them apart."""

    def __init__(self) -> None:
        self.barrier = Barrier(2)
        self.overlaps = 0

    def wait(self) -> None:
        """Wait a moment for the other; count one overlap where both came."""
        try:
            self.overlaps += self.barrier.wait(timeout=0.5) == 0
        except BrokenBarrierError:
            self.barrier = Barrier(2)  # whoever comes after waits as long


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> Meeting:
    """Put a meeting where the rows are read and judged, and nothing is written yet."""
    meeting, check_open = Meeting(), services._check_open

    def check_and_meet(*args: Any, **kwargs: Any) -> None:
        check_open(*args, **kwargs)
        meeting.wait()

    monkeypatch.setattr(services, "_check_open", check_and_meet)
    return meeting


@contextmanager
def without_locks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same path with only `FOR UPDATE` taken out of it."""
    with monkeypatch.context() as patched:
        patched.setattr(QuerySet, "select_for_update", lambda rows, **kwargs: rows.all())
        yield


def at_once(*acts: Callable[[], Any]) -> list[int]:
    """Do all of them in threads of their own; return the statuses they were answered with, sorted."""

    def run(act: Callable[[], Any]) -> int:
        try:
            return int(act().status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


@pytest.fixture
def clients(ada: Patient, client_of: Callable[[User], APIClient]) -> list[APIClient]:
    """Ada on two devices."""
    return [client_of(ada.user) for _ in range(2)]


@pytest.fixture
def forms(enrollment: Enrollment, clients: list[APIClient]) -> list[Assessment]:
    """A complete draft for each round, at time points of their own."""
    first = enrollment.assessments.get(instrument="gad7")
    rounds = [first]
    for number in range(1, ROUNDS):
        row = Assessment.objects.get(pk=first.pk)
        row.pk, row._state.adding, row.after_session = new_id(), True, number
        row.save()
        rounds.append(row)
    for form in rounds:
        assert save(clients[0], form, CALM_GAD7).status_code == 200
    return rounds


def submit_twice(clients: list[APIClient], form: Assessment, key: str = "") -> list[int]:
    return at_once(
        *[
            lambda client=client, mine=key or str(index): submit(client, form, key=f"{form.pk}{mine}")
            for index, client in enumerate(clients)
        ]
    )


def test_of_two_submissions_one_is_taken(
    clients: list[APIClient], forms: list[Assessment], meeting: Meeting
) -> None:
    outcomes = [submit_twice(clients, form) for form in forms]
    assert (outcomes, meeting.overlaps) == ([[200, 409]] * ROUNDS, 0)


def test_without_locks_both_submissions_are_taken(
    clients: list[APIClient],
    forms: list[Assessment],
    meeting: Meeting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with without_locks(monkeypatch):
        outcomes = [submit_twice(clients, form) for form in forms]
    assert meeting.overlaps > ROUNDS / 2
    assert outcomes.count([200, 200]) > ROUNDS / 2


def test_two_submissions_under_one_key_get_one_answer(
    clients: list[APIClient], forms: list[Assessment], meeting: Meeting
) -> None:
    outcomes = [submit_twice(clients, form, key="same") for form in forms]
    assert outcomes == [[200, 200]] * ROUNDS
    assert {Assessment.objects.get(pk=form.pk).version for form in forms} == {3}


def draft_and_submit(clients: list[APIClient], form: Assessment) -> None:
    """Change an answer on one device while the other submits; whoever comes second may be refused."""
    outcomes = at_once(
        lambda: save(clients[0], form, {"gad7_1": 3}, match='"v2"'),
        lambda: submit(clients[1], form),
    )
    assert outcomes in ([200, 200], [200, 409], [200, 412])


def scored_what_was_answered(form: Assessment) -> bool:
    stored = Assessment.objects.get(pk=form.pk)
    return stored.scores == services.stored_scores(instruments()["gad7"], stored.answers)


def test_a_submission_scores_the_answers_that_stay(
    clients: list[APIClient], forms: list[Assessment], meeting: Meeting
) -> None:
    for form in forms:
        draft_and_submit(clients, form)
    assert all(scored_what_was_answered(form) for form in forms)
    assert meeting.overlaps == 0


def test_without_locks_answers_change_after_they_were_scored(
    clients: list[APIClient],
    forms: list[Assessment],
    meeting: Meeting,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with without_locks(monkeypatch):
        for form in forms:
            draft_and_submit(clients, form)
    assert meeting.overlaps > ROUNDS / 2
    assert sum(not scored_what_was_answered(form) for form in forms) > ROUNDS / 2


def test_of_two_drafts_over_one_version_one_is_kept(
    clients: list[APIClient], forms: list[Assessment], meeting: Meeting
) -> None:
    for form in forms:
        outcomes = at_once(
            *[
                lambda client=client, answer=answer, form=form: save(
                    client, form, {"gad7_1": answer}, match='"v2"'
                )
                for answer, client in enumerate(clients, start=1)
            ]
        )
        assert outcomes == [200, 412]
    assert meeting.overlaps == 0


def test_two_positive_answers_at_once_open_one_alert(
    clients: list[APIClient], enrollment: Enrollment, meeting: Meeting
) -> None:
    phq9 = enrollment.assessments.get(instrument="phq9")
    save(clients[0], phq9, CALM_PHQ9)
    outcomes = at_once(
        *[lambda client=client: save(client, phq9, {"phq9_9": 2}, match='"v2"') for client in clients]
    )
    assert outcomes == [200, 412]
    assert Alert.objects.filter(source=f"assessment:{phq9.pk}").count() == 1


def test_agreeing_twice_at_once_opens_one_baseline(clients: list[APIClient], ada: Patient, at: Any) -> None:
    enrollment = steps.planned(ada, at=at)
    steps.understood(enrollment, at=at)
    texts = programs.consent_documents(at=at)
    body = {"agreements": [{"document": str(text.pk), "sha256": text.sha256} for text in texts]}
    address = f"/api/v1/enrollments/{enrollment.pk}/consents"
    outcomes = at_once(
        *[
            lambda client=client, key=str(index): client.post(
                address, body, format="json", HTTP_IDEMPOTENCY_KEY=key
            )
            for index, client in enumerate(clients)
        ]
    )
    assert outcomes == [201, 409]
    assert enrollment.assessments.count() == 3
