"""A clinician reads a session's log and signs; until then the next session does not start."""

import tomllib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.errors import MayNotTreat
from accounts.models import CareTeamMembership, Licence, Patient, User
from core import clock
from core.actors import Actor
from core.documents import digest
from desk.catalogue import SESSION_POLICIES
from desk.queries import standing
from desk.rules import next_step
from safety.screening.policy import PolicyError
from sessions import queries, services
from sessions.enums import EffectAnswer, ExpectedEffect, SessionStatus
from sessions.errors import AlreadyReviewed, LogChanged, NotReviewable
from sessions.models import SessionReview, TreatmentSession
from sessions.policy import parse_policy
from sessions.rules import ReviewFacts, review_due_at, review_faults
from tests.api import post
from tests.sessions import stages
from tests.sessions.conftest import by_link
from tests.sessions.facts import NOON, POLICY, example_policy
from tests.sessions.test_constraints import refused_by
from tests.sessions.test_gate import ada_of, refusal

pytestmark = pytest.mark.from_the_start
DAY = timedelta(days=1)
PAGE = "/admin/treatment_sessions/treatmentsession/"


@pytest.fixture
def over(ada: Patient, at: datetime) -> TreatmentSession:
    """Ada's first session, ended eight days ago, with its morning; nobody has reviewed it."""
    session, _ = stages.ended(ada, at=at - 8 * DAY)
    actor = Actor.person(ada.user_id)
    services.note_effects(session, answers={}, other="", actor=actor, at=at - 7 * DAY)
    stages.at_home(session, at=at - 6 * DAY)
    return stages.fetch(session)


def the_next(session: TreatmentSession, *, at: datetime) -> TreatmentSession:
    """Everything else for the next session is ready."""
    stages.fill_in(session.enrollment, at=at)
    booked = stages.book(session.enrollment, at=at)
    stages.fill_in(session.enrollment, at=at)
    stages.prepared(booked, at=at)
    return stages.fetch(booked)


def sign(session: TreatmentSession, by: User, *, at: datetime, **changed: str) -> SessionReview:
    said = {"log_sha256": queries.log_sha256(session), "note": "Uneventful."} | changed
    return services.review_session(session, by=by, at=at, **said)


class TestWhen:
    @pytest.mark.parametrize("number", range(1, 19))
    def test_after_the_first_and_every_sixth(self, number: int) -> None:
        due_at = review_due_at(number, ended_at=NOON, policy=POLICY)
        assert due_at == (NOON + 2 * DAY if number in (1, 6, 12, 18) else None)

    def test_the_numbers_are_the_policys(self) -> None:
        assert POLICY.review is not None
        other = replace(POLICY, review=replace(POLICY.review, after_session=2, then_every_sessions=3))
        asked = [number for number in range(1, 10) if review_due_at(number, ended_at=NOON, policy=other)]
        assert asked == [2, 3, 6, 9]

    @pytest.mark.parametrize("path", SESSION_POLICIES[:2])
    def test_a_version_that_was_signed_before_asks_for_none(self, path: str) -> None:
        policy = parse_policy(tomllib.loads((Path(settings.BASE_DIR) / path).read_text()))
        assert policy.review is None
        assert review_due_at(1, ended_at=NOON, policy=policy) is None

    @pytest.mark.parametrize("name", ["after_session", "then_every_sessions", "due_days"])
    def test_half_of_it_is_refused(self, name: str) -> None:
        content = example_policy()
        del content["review"][name]
        del content["sources"][f"review.{name}"]
        with pytest.raises(PolicyError, match=f"review.{name}: is missing"):
            parse_policy(content)


@pytest.mark.parametrize("status", SessionStatus)
def test_only_what_is_over_is_reviewed(status: SessionStatus) -> None:
    codes = {reason.code for reason in review_faults(ReviewFacts(status, 1, 1))}
    expected = {"session_not_over", "effects_to_triage", "check_in_not_settled"}
    assert codes == expected - ({"session_not_over"} if status in ("completed", "aborted") else set())


class TestTheNextSession:
    def test_it_is_locked_until_a_clinician_signs(
        self, over: TreatmentSession, ben: User, at: datetime
    ) -> None:
        session = the_next(over, at=at)
        assert refusal(session, at=at) == {"review_open"}
        sign(over, ben, at=at)
        assert services.start_session(session, actor=ada_of(session), at=at).status == "in_progress"

    def test_who_waits_reads_for_whom(self, over: TreatmentSession, ben: User, at: datetime) -> None:
        the_next(over, at=at)
        assert next_step(standing(over.enrollment, at=at)).code == "waiting_for_session_review"
        sign(over, ben, at=at)
        assert next_step(standing(over.enrollment, at=at)).code == "prepare_session"

    def test_one_without_a_dose_locks_nothing(self, ada: Patient, at: datetime) -> None:
        session = stages.reached(ada, "aborted", at=at)
        assert session.review_due_at is None
        assert queries.open_reviews(ada.pk) == 0

    def test_the_database_keeps_no_review_due_before_the_end(self, over: TreatmentSession) -> None:
        with refused_by("session_review_is_due_after_its_end"):
            TreatmentSession.objects.filter(pk=over.pk).update(review_due_at=over.ended_at)


class TestSigning:
    def test_it_binds_the_log(self, over: TreatmentSession, ben: User, at: datetime) -> None:
        signed = sign(over, ben, at=at)
        content = {
            "session": str(over.pk),
            "log_sha256": queries.log_sha256(over),
            "note": "Uneventful.",
            "at": at.isoformat(),
        }
        assert signed.signature.document_sha256 == digest(content)
        assert (signed.signature.meaning, signed.signature.signer_name) == ("reviewed", "Ben Example, MD")

    def test_a_log_that_grew_has_to_be_read_again(self, ada: Patient, ben: User, at: datetime) -> None:
        session, monitor = stages.ended(ada, at=at - 2 * DAY)
        read = queries.log_sha256(session)
        late = stages.reading(at=at - 2 * DAY, seq=77)
        services.observe(stages.fetch(session), entry=late, actor=monitor, at=at - 2 * DAY)
        services.watch(at=at)
        with stages.refused(LogChanged):
            sign(stages.fetch(session), ben, at=at, log_sha256=read)

    def test_not_while_the_session_goes_on(self, ada: Patient, ben: User, at: datetime) -> None:
        session, _ = stages.ended(ada, at=at)
        with stages.refused(NotReviewable) as refused:
            sign(session, ben, at=at)
        assert [reason.code for reason in refused.value.reasons] == ["session_not_over"]

    def test_not_before_its_effects_were_looked_at(
        self, over: TreatmentSession, ben: User, at: datetime
    ) -> None:
        sick = {ExpectedEffect.NAUSEA: EffectAnswer.YES}
        services.note_effects(over, answers=sick, other="", actor=ada_of(over), at=at)
        with stages.refused(NotReviewable) as refused:
            sign(over, ben, at=at)
        assert [reason.code for reason in refused.value.reasons] == ["effects_to_triage"]

    def test_it_is_signed_once(self, over: TreatmentSession, ben: User, at: datetime) -> None:
        signed = sign(over, ben, at=at)
        assert sign(over, ben, at=at + DAY) == signed
        with stages.refused(AlreadyReviewed):
            sign(over, ben, at=at, note="Something else.")

    def test_not_without_a_licence_there(self, over: TreatmentSession, ben: User, at: datetime) -> None:
        Licence.objects.update(ends_on=(at - DAY).date())
        with stages.refused(MayNotTreat):
            sign(over, ben, at=at)


class TestTheApi:
    def test_from_the_list_to_the_seal(
        self, over: TreatmentSession, as_ben: APIClient, as_ada: APIClient, as_cyd: APIClient
    ) -> None:
        dan = by_link(stages.token_in_mail(over))
        (waiting,) = as_ben.get("/api/v1/sessions-to-review").json()["results"]
        assert (waiting["session"], waiting["owner"]) == (str(over.pk), "Ben Example")
        path = f"sessions/{over.pk}/review"
        shown = as_ben.get(f"/api/v1/{path}").json()
        read = as_ben.get(f"/api/v1/sessions/{over.pk}/log").json()["sha256"]
        assert (shown["log_sha256"], shown["reasons"], shown["is_overdue"]) == (read, [], True)
        said = {"log_sha256": read, "note": "Uneventful."}
        assert [post(who, path, said).status_code for who in (as_ada, as_cyd, dan)] == [403, 403, 401]
        signed = post(as_ben, path, said)
        assert signed.status_code == 201, signed.content
        assert (signed.json()["signed_by"], signed.json()["meaning"]) == ("Ben Example, MD", "reviewed")
        assert as_ben.get("/api/v1/sessions-to-review").json()["results"] == []
        assert as_ben.get(f"/api/v1/{path}").json()["review"]["log_sha256"] == read

    def test_the_soonest_due_comes_first_whichever_was_booked_first(
        self, over: TreatmentSession, cyd: Patient, ben: User, as_ben: APIClient, at: datetime
    ) -> None:
        CareTeamMembership.objects.create(
            patient=cyd, member=ben, role=Role.CLINICIAN, starts_at=at - 30 * DAY
        )
        sooner, _ = stages.ended(cyd, at=at - 9 * DAY)
        assert sooner.pk > over.pk
        first = as_ben.get("/api/v1/sessions-to-review?limit=1").json()
        second = as_ben.get(first["next"]).json()
        shown = [row["session"] for page in (first, second) for row in page["results"]]
        assert shown == [str(sooner.pk), str(over.pk)]
        assert second["next"] is None

    @pytest.mark.parametrize(
        "body",
        [{}, {"note": "x"}, {"log_sha256": "0" * 63, "note": "x"}, {"log_sha256": "0" * 64, "note": " "}],
    )
    def test_what_is_wrong_is_refused(
        self, over: TreatmentSession, as_ben: APIClient, body: dict[str, Any]
    ) -> None:
        assert post(as_ben, f"sessions/{over.pk}/review", body).status_code == 400
        assert not SessionReview.objects.exists()


class TestTheAdmin:
    def test_the_log_is_read_and_signed_on_one_page(self, over: TreatmentSession, ben: User) -> None:
        admin, page = Client(), f"{PAGE}{over.pk}/change/"
        admin.force_login(ben)
        assert "Ada" in admin.get(f"{PAGE}?list=to_review").content.decode()
        shown = admin.get(page).content.decode()
        assert "blood_pressure" in shown
        assert queries.log_sha256(over) in shown
        said = {"review-reason": "Uneventful.", "review-log_sha256": queries.log_sha256(over)}
        answer = admin.post(f"{PAGE}{over.pk}/acts/review/", said, follow=True).content.decode()
        assert "the log is sealed" in answer
        assert "acts/review/" not in answer
        assert "Ada" not in admin.get(f"{PAGE}?list=to_review").content.decode()

    def test_another_clinicians_session_is_not_theirs_to_sign(
        self, over: TreatmentSession, ben: User, ada: Patient
    ) -> None:
        CareTeamMembership.objects.filter(patient=ada).update(ends_at=clock.now())
        admin = Client()
        admin.force_login(ben)
        said = {"review-reason": "Uneventful.", "review-log_sha256": queries.log_sha256(over)}
        assert admin.post(f"{PAGE}{over.pk}/acts/review/", said).status_code == 404
        assert not SessionReview.objects.exists()
