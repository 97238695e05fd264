"""What other answers let one skip: no answer to it is taken, unless somebody has to act on it."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from assessments import services
from assessments.instruments import instruments
from assessments.models import Assessment
from assessments.rules import answered_though_skipped
from assessments.schedule import CauseKind
from core import clock
from programs.models import Enrollment
from safety.models import Alert
from tests.assessments.conftest import CALM_PHQ9, NO_CLIENTS_CBI, pointers, save, submit, url

NO = dict.fromkeys(("cssrs_1", "cssrs_2", "cssrs_6"), 0)


@pytest.fixture
def cssrs(enrollment: Enrollment, at: datetime) -> Assessment:
    """The screener, as something has called for it."""
    services.call_for_form(enrollment, kind=CauseKind.SCREENING, source="screening:x", at=at)
    return enrollment.assessments.get(instrument="cssrs")


def refused(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("code", "answers", "skipped"),
    [
        ("phq9", CALM_PHQ9 | {"phq9_10": 0}, ["phq9_10"]),
        ("phq9", CALM_PHQ9 | {"phq9_1": 1, "phq9_10": 0}, []),
        ("phq9", {"phq9_1": 0, "phq9_10": 0}, []),
        ("cbi", NO_CLIENTS_CBI | {"cbi_client_hard": 50}, ["cbi_client_hard"]),
        ("cbi", NO_CLIENTS_CBI | {"cbi_gate_clients": 1, "cbi_client_hard": 50}, []),
        ("cbi", {"cbi_client_hard": 50}, []),
        ("pc_ptsd5", {"pc_ptsd5_event": 0, "pc_ptsd5_1": 0, "pc_ptsd5_2": 1}, ["pc_ptsd5_1", "pc_ptsd5_2"]),
        ("cssrs", NO | {"cssrs_3": 0, "cssrs_6b": 0}, ["cssrs_3", "cssrs_6b"]),
        ("cssrs", NO | {"cssrs_4": 1, "cssrs_6b": 1}, []),
        ("cssrs", NO | {"cssrs_2": 1, "cssrs_3": 0}, []),
    ],
)
def test_what_is_skipped(code: str, answers: dict[str, int], skipped: list[str]) -> None:
    found = answered_though_skipped(instruments()[code], answers, among=answers)
    assert [each.item for each in found] == skipped


def test_a_draft_does_not_take_it(as_ada: APIClient, phq9: Assessment) -> None:
    answer = save(as_ada, phq9, CALM_PHQ9 | {"phq9_10": 1})
    assert refused(answer) == [("/answers/phq9_10", "not_asked")]
    phq9.refresh_from_db()
    assert phq9.answers == {}


def test_what_a_later_answer_skips_is_named_when_it_is_submitted(as_ada: APIClient, phq9: Assessment) -> None:
    assert save(as_ada, phq9, CALM_PHQ9 | {"phq9_1": 1, "phq9_10": 1}).status_code == 200
    assert save(as_ada, phq9, {"phq9_1": 0}).status_code == 200
    assert refused(submit(as_ada, phq9)) == [("/answers/phq9_10", "not_asked")]
    assert save(as_ada, phq9, {"phq9_10": None}).status_code == 200
    assert submit(as_ada, phq9).status_code == 200


def test_nor_is_it_taken_from_offline(as_ada: APIClient, phq9: Assessment) -> None:
    body = {
        "client_id": str(uuid4()),
        "filled_in_at": clock.now().isoformat(),
        "etag": '"v1"',
        "answers": CALM_PHQ9 | {"phq9_10": 1},
    }
    # Inside a test's transaction a refusal undoes only this.
    with transaction.atomic():
        answer = as_ada.post(f"{url(phq9)}/offline-submissions", body, format="json")
    assert (answer.status_code, pointers(answer)) == (400, ["/answers/phq9_10"])
    phq9.refresh_from_db()
    assert phq9.submitted_at is None


def test_a_yes_that_somebody_has_to_act_on_is_never_skipped(as_ada: APIClient, cssrs: Assessment) -> None:
    assert save(as_ada, cssrs, NO | {"cssrs_4": 1}).status_code == 200
    assert Alert.objects.filter(source=f"assessment:{cssrs.pk}").count() == 1
    assert submit(as_ada, cssrs).status_code == 200
    cssrs.refresh_from_db()
    assert cssrs.answers["cssrs_4"] == 1
    assert cssrs.scores is not None
    (risk,) = cssrs.scores["findings"]
    assert risk["label"] != "none"


@pytest.mark.django_db(transaction=True)
def test_a_yes_beside_a_skipped_no_is_heard_though_refused(as_ada: APIClient, cssrs: Assessment) -> None:
    answers = NO | {"cssrs_4": 1, "cssrs_3": 0}
    answer = as_ada.patch(url(cssrs), {"answers": answers}, format="json", HTTP_IF_MATCH='"v1"')
    assert refused(answer) == [("/answers/cssrs_3", "not_asked")]
    assert "crisis" in {each["code"] for each in answer.json()["reasons"]}
    assert Alert.objects.filter(source=f"assessment:{cssrs.pk}").count() == 1
