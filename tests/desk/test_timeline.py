import base64

import pytest

from core.actors import Actor
from desk.queries import standing
from desk.rules import next_step
from programs import services as programs
from safety import services as safety
from safety.enums import AlertClass, HoldReason
from tests.statements import asked
from tests.steps import HEALTHY, accepted, active, enrolled, planned

pytestmark = pytest.mark.django_db


class TestNextStep:
    def path(self, enrollment):
        return f"/api/v1/enrollments/{enrollment.pk}/next-step"

    @pytest.mark.parametrize(
        ("stage", "code", "who"),
        [
            (enrolled, "answer_screening", "patient"),
            (accepted, "waiting_for_plan", "clinician"),
            (planned, "give_consent", "patient"),
            (active, "fill_in_form", "patient"),
        ],
    )
    def test_follows_the_way(self, stage, code, who, ada, client_of, at):
        answer = client_of(ada.user).get(self.path(stage(ada, at=at))).json()
        assert (answer["code"], answer["who"]) == (code, who)
        assert answer["link"].startswith("/api/v1/")
        assert answer["contact"]["clinic_phone"]
        assert answer["sentence"].count(".") <= 2

    def test_waits_for_the_clinician(self, ada, at):
        enrollment = enrolled(ada, at=at)
        safety.screen(enrollment.pk, answers=HEALTHY, actor=Actor.person(ada.user_id), at=at)
        assert next_step(standing(enrollment, at=at)).code == "waiting_for_review"

    def test_an_alert_comes_before_everything(self, ada, at):
        enrollment = active(ada, at=at)
        safety.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=at)
        assert next_step(standing(enrollment, at=at)).code == "clinician_will_call"

    def test_a_hold_is_said(self, ada, ben, at):
        enrollment = active(ada, at=at)
        safety.place_hold(ada.pk, reason=HoldReason.CLINICAL, note="x", actor=Actor.person(ben.pk), at=at)
        assert next_step(standing(enrollment, at=at)).code == "on_hold"

    def test_there_is_one_after_the_end_too(self, ada, client_of, at):
        enrollment = enrolled(ada, at=at)
        programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
        answer = client_of(ada.user).get(self.path(enrollment)).json()
        assert (answer["code"], answer["who"]) == ("ended", "nobody")
        assert answer["contact"]["clinic_phone"]

    def test_not_mine(self, ada, cyd, client_of, at):
        assert client_of(cyd.user).get(self.path(enrolled(ada, at=at))).status_code == 404


class TestTimeline:
    def path(self, enrollment, **query):
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return f"/api/v1/enrollments/{enrollment.pk}/timeline?{asked}"

    def test_tells_what_happened_newest_first(self, ada, client_of, at):
        titles = [
            entry["title"]
            for entry in client_of(ada.user).get(self.path(active(ada, at=at))).json()["results"]
        ]
        assert "Screening answered: eligible" in titles
        assert "Treatment plan signed, version: 1" in titles
        assert "Agreed to: off label disclosure" in titles
        assert "Program: consented" in titles

    def test_pages_meet_without_gap_or_overlap(self, ada, client_of, at):
        client, enrollment = client_of(ada.user), active(ada, at=at)
        whole = client.get(self.path(enrollment, limit=100)).json()["results"]
        found: list[dict[str, object]] = []
        link = self.path(enrollment, limit=2)
        while link:
            page = client.get(link).json()
            found, link = found + page["results"], page["next"]
        assert found == whole
        assert len({entry["id"] for entry in found}) == len(found) > 4

    def test_alerts_are_for_those_who_answer_them(self, ada, ben, client_of, at):
        enrollment = active(ada, at=at)
        safety.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=at)
        kinds = {
            user: {entry["kind"] for entry in client_of(user).get(self.path(enrollment)).json()["results"]}
            for user in (ada.user, ben)
        }
        assert "alert" in kinds[ben]
        assert "alert" not in kinds[ada.user]

    def test_not_mine(self, ada, cyd, client_of, at):
        assert client_of(cyd.user).get(self.path(enrolled(ada, at=at))).status_code == 404

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": 0},
            {"limit": 101},
            {"limit": "x"},
            {"limit": "9" * 5000},
            {"cursor": "x"},
            {"cursor": "MjAyNg=="},
            {"cursor": "é"},
            {"cursor": base64.b64encode(b"0001-01-01T00:00:00+01:00 " + b"0" * 32).decode()},
        ],
    )
    def test_a_query_that_makes_no_sense(self, query, ada, client_of, at):
        assert client_of(ada.user).get(self.path(enrolled(ada, at=at), **query)).status_code == 400

    def test_costs_the_same_for_a_long_history(self, ada, client_of, at):
        client, enrollment = client_of(ada.user), active(ada, at=at)
        path = self.path(enrollment, limit=3)
        client.get(path)  # takes a share of the quota, for the next ones too
        # Who is signed in, the enrollment, the page, the look.
        assert len(asked(lambda: client.get(path))) == 4
        for number in range(30):
            safety.raise_alert(ada.pk, alert_class=AlertClass.ADVERSE_EVENT, source=f"test:{number}", at=at)
        assert len(asked(lambda: client.get(path))) == 4
