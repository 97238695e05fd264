"""Screening policies in and out as files, and the reason behind a screening, over the API."""

from pathlib import Path
from typing import Any

import pytest

from accounts.enums import Role
from accounts.services import grant_role
from core.enums import DocumentKind
from core.models import DocumentVersion
from safety.models import Screening
from safety.screening import policy
from safety.screening.files import write_policy
from safety.screening.policy import EXAMPLES, example_policy
from tests.api import post
from tests.conftest import make_user
from tests.safety.conftest import ABSENT, answered, code

pytestmark = pytest.mark.django_db
NOT_BEFORE = "2026-03-01T00:00:00Z"


def draft(**changed: Any) -> str:
    return write_policy(example_policy() | {"version": 7} | changed)


def brought(client: Any, text: str, **changed: Any) -> Any:
    return post(client, "screening-policies", {"file": text, "not_before": NOT_BEFORE} | changed)


def test_what_goes_in_comes_out_to_the_byte(as_ben):
    stored = brought(as_ben, draft())
    assert stored.status_code == 201
    shown = as_ben.get(f"/api/v1/screening-policies/{stored.json()['id']}/file").json()
    assert shown == stored.json()
    assert shown["file"] == draft()
    document = DocumentVersion.objects.get(pk=shown["id"])
    assert (document.kind, document.version, document.sha256) == ("screening_policy", 7, shown["sha256"])


@pytest.mark.parametrize("version", EXAMPLES)
def test_what_ships_says_the_same_as_its_own_export(as_ben, version):
    document = DocumentVersion.objects.get(kind=DocumentKind.SCREENING_POLICY, version=version)
    file = as_ben.get(f"/api/v1/screening-policies/{document.pk}/file").json()["file"]
    again = brought(as_ben, file)
    assert (again.status_code, again.json()["id"]) == (201, str(document.pk))
    assert Path(policy.__file__).with_name(EXAMPLES[version]).is_file()


def test_it_holds_for_nobody_until_it_is_signed(as_ben, enrollment, at):
    brought(as_ben, draft())
    assert answered(enrollment, at=at).policy.version == 2


def test_the_same_version_with_other_words_is_refused(as_ben):
    brought(as_ben, draft())
    assert code(brought(as_ben, draft(title="Another"))) == (409, "version_taken")
    assert DocumentVersion.objects.filter(version=7).count() == 1


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('level = "exclude"', 'level = "perhaps"', "level"),
        ("version = 7", "version = 7\ncolour = 1", "colour"),
        ("at_least = 180", "at_least = 1800", "1800"),
        ('unit = "mm[Hg]"', 'unit = "stone"', "unit"),
        ("version = 7", "version = ", "line"),
    ],
)
def test_a_fault_is_named_with_its_line(as_ben, before, after, said):
    answer = brought(as_ben, draft().replace(before, after, 1))
    assert code(answer) == (400, "invalid_input")
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/file"
    assert fault["detail"].startswith("line ")
    assert said in fault["detail"]
    assert not DocumentVersion.objects.filter(version=7).exists()


@pytest.mark.parametrize("changed", [{"file": ""}, {"file": 7}, {"not_before": "soon"}, {"more": 1}])
def test_wrong_input_is_refused(as_ben, changed):
    assert code(brought(as_ben, draft(), **changed)) == (400, "invalid_input")


def test_another_policys_file_is_not_a_screening_policys(as_ben):
    other = DocumentVersion.objects.filter(kind=DocumentKind.SESSION_POLICY).first()
    assert other is not None
    for absent in (other.pk, ABSENT):
        assert as_ben.get(f"/api/v1/screening-policies/{absent}/file").status_code == 404


def test_patients_and_operators_bring_none(as_ada, client_of, at):
    olga = make_user("olga@clinic.example", is_staff=True)
    grant_role(olga, Role.OPERATOR, granted_by=None, at=at)
    for client in (as_ada, client_of(olga)):
        assert brought(client, draft()).status_code == 403


class TestExplanation:
    def test_shows_the_tree_and_both_texts(self, as_ben, enrollment, at):
        screening = answered(enrollment, at=at, glaucoma="yes")
        shown = as_ben.get(f"/api/v1/screenings/{screening.pk}/explanation").json()
        spoke = [rule["rule"] for rule in shown["tree"]["rules"] if rule["spoke"]]
        assert (shown["tree"]["outcome"], spoke) == ("needs_review", ["glaucoma"])
        assert shown["patient"] == screening.decision["texts"]["patient"]
        assert shown["clinician"] == screening.decision["texts"]["clinician"]
        assert shown["replays"] is True

    def test_says_so_where_it_does_not_replay(self, as_ben, screening, monkeypatch):
        monkeypatch.setattr("safety.queries.replays", lambda row: False)
        assert as_ben.get(f"/api/v1/screenings/{screening.pk}/explanation").json()["replays"] is False

    def test_is_the_clinicians(self, as_ada, as_cyd, cyd_practises, client_of, screening):
        path = f"/api/v1/screenings/{screening.pk}/explanation"
        assert as_ada.get(path).status_code == 403
        assert client_of(cyd_practises).get(path).status_code == 404
        assert Screening.objects.count() == 1
