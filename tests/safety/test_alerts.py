"""An alert pages up the ladder until a named clinician has it, and closes by a signature."""

import logging
from datetime import timedelta
from threading import Thread

import pytest
from django.db import connection

from accounts.enums import Role, SignatureMeaning
from accounts.models import RoleGrant
from accounts.services import drill_chart, end_role, grant_role
from core.actors import Actor, ServiceName
from core.logs import Formatter
from notifications.enums import DeliveryStatus
from notifications.models import Delivery
from safety import queries, services
from safety.enums import BLOCKS_STARTING, AlertClass
from safety.models import Alert
from tests.api import post
from tests.conftest import make_user
from tests.safety.conftest import ABSENT, bytes_without, code

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


def pages(alert):
    """Return who is called at which step, from the messages that are to leave."""
    found = Delivery.objects.filter(kind__in=["alert_page", "triage_page"]).order_by("id")
    return [
        (int(delivery.dedupe_key.split(":")[2]), delivery.user)
        for delivery in found
        if delivery.dedupe_key.startswith(f"alert:{alert.pk}:")
    ]


class TestRaising:
    def test_pages_the_own_clinician_at_once(self, alert, ben, cyd_practises, at):
        assert pages(alert) == [(0, ben)]
        assert (alert.status, alert.pages_sent) == ("open", 1)
        assert alert.next_page_at == at + 5 * MINUTE

    def test_the_same_source_is_the_same_alert(self, alert, ada, ben, at):
        again = services.raise_alert(
            ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:1", at=at + MINUTE
        )
        assert again == alert
        assert pages(alert) == [(0, ben)]

    def test_one_in_hand_is_opened_again_and_paged_for(self, alert, ada, ben, cyd_practises, at):
        services.acknowledge(alert, by=ben, at=at + MINUTE)
        later = at + timedelta(hours=9)
        again = services.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:1", at=later)
        assert (again.pk, again.status, again.pages_sent) == (alert.pk, "open", 2)
        assert sorted(pages(alert)[1:], key=lambda page: page[1].email) == [(1, ben), (1, cyd_practises)]
        assert (again.acknowledged_by, again.acknowledged_at) == (ben, at + MINUTE)
        assert again.next_page_at == later + 5 * MINUTE

    def test_opened_again_it_pages_until_it_is_in_hand_again(self, alert, ada, ben, cyd_practises, at):
        services.acknowledge(alert, by=ben, at=at)
        later = at + timedelta(hours=9)
        services.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:1", at=later)
        paged = [services.page_unacknowledged(at=later + minute * MINUTE) for minute in range(11)]
        assert [minute for minute, one in enumerate(paged) if one] == [5, 10]
        taken = services.acknowledge(alert, by=cyd_practises, at=later + 11 * MINUTE)
        assert (taken.status, taken.acknowledged_by) == ("acknowledged", cyd_practises)
        assert services.page_unacknowledged(at=later + timedelta(days=1)) == 0

    @pytest.mark.django_db(transaction=True)
    def test_one_closed_in_the_very_moment_is_another(self, alert, ada, ben, at):
        services.acknowledge(alert, by=ben, at=at)

        def close_elsewhere():
            services.close(alert, by=ben, reason="Talked.", at=at)
            connection.close()

        def close_after_the_insert(execute, sql, params, many, context):
            done = execute(sql, params, many, context)
            if sql.startswith('INSERT INTO "safety_alert"') and not closing:
                closing.append(Thread(target=close_elsewhere))
                closing[0].start()
                closing[0].join()
            return done

        closing: list[Thread] = []
        with connection.execute_wrapper(close_after_the_insert):
            again = services.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:1", at=at)
        assert closing
        assert again.pk != alert.pk
        assert (again.status, pages(again)) == ("open", [(0, ben)])

    def test_another_source_is_another_alert(self, alert, ada, at):
        services.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:2", at=at)
        assert Alert.objects.count() == 2

    def test_a_closed_one_is_not_opened_again(self, alert, ada, ben, at):
        services.close(services.acknowledge(alert, by=ben, at=at), by=ben, reason="Talked.", at=at)
        again = services.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:1", at=at)
        assert again != alert
        assert again.status == "open"

    def test_the_message_says_nothing_about_whom_or_what(self, alert, settings):
        delivery = Delivery.objects.get(kind="alert_page")
        assert str(alert.patient_id) not in delivery.dedupe_key
        assert delivery.due_at < delivery.expires_at <= delivery.due_at + timedelta(hours=1)

    def test_with_nobody_to_call_it_is_recorded_and_logged(self, cyd, at, caplog):
        with caplog.at_level(logging.ERROR, logger="safety.services"):
            alert = services.raise_alert(
                cyd.pk, alert_class=AlertClass.MISSED_CHECK_IN, source="session:1", at=at
            )
        assert (alert.status, alert.pages_sent, alert.next_page_at) == ("open", 0, at + MINUTE)
        assert "nobody is on call" in caplog.text
        assert pages(alert) == []

    def test_with_nobody_to_call_whoever_runs_the_clinic_is_once_an_hour(self, ada, cyd, ben, at):
        RoleGrant.objects.update(ends_at=at)
        olga = make_user("olga@clinic.example")
        grant_role(olga, Role.OPERATOR, granted_by=None, at=at - timedelta(days=1))
        first = (at + timedelta(hours=1)).replace(minute=5)
        for patient, source in ((cyd, "session:1"), (ada, "session:2")):
            services.raise_alert(patient.pk, alert_class=AlertClass.MISSED_CHECK_IN, source=source, at=first)
        services.page_unacknowledged(at=first + MINUTE)
        (told,) = Delivery.objects.filter(kind="alert_page")
        assert (told.user, told.about_id, told.status) == (olga, None, "due")
        services.page_unacknowledged(at=first + timedelta(hours=1))
        assert Delivery.objects.filter(kind="alert_page", user=olga).count() == 2

    def test_a_drill_with_nobody_to_call_calls_nobody_else(self, at):
        RoleGrant.objects.update(ends_at=at)
        grant_role(make_user("olga@clinic.example"), Role.OPERATOR, granted_by=None, at=at)
        chart = drill_chart()
        services.raise_alert(chart.pk, alert_class=AlertClass.MISSED_CHECK_IN, source="session:1", at=at)
        assert not Delivery.objects.filter(kind="alert_page").exists()

    def test_whoever_comes_on_call_later_is_paged_within_a_minute(self, cyd, ben, at):
        RoleGrant.objects.update(ends_at=at)
        alert = services.raise_alert(
            cyd.pk, alert_class=AlertClass.MISSED_CHECK_IN, source="session:1", at=at
        )
        grant_role(ben, Role.CLINICIAN, granted_by=None, at=at)
        services.page_unacknowledged(at=at + MINUTE)
        assert pages(alert) == [(0, ben)]

    def test_nobody_is_paged_about_themselves(self, ben_ill, cyd_practises, at):
        alert = services.raise_alert(ben_ill.pk, alert_class=AlertClass.SUICIDE_RISK, source="form:9", at=at)
        services.page_unacknowledged(at=at + 5 * MINUTE)
        assert pages(alert) == [(0, cyd_practises), (1, cyd_practises)]


class TestPaging:
    def test_not_before_its_time(self, alert, at):
        assert services.page_unacknowledged(at=at + 5 * MINUTE - timedelta(seconds=1)) == 0
        assert len(pages(alert)) == 1

    def test_up_the_ladder_each_step_once(self, alert, ben, cyd_practises, at):
        for minute in range(61):
            services.page_unacknowledged(at=at + minute * MINUTE)
            services.page_unacknowledged(at=at + minute * MINUTE)
        both = [ben, cyd_practises]
        assert pages(alert)[0] == (0, ben)
        for step in range(1, 7):
            assert (
                sorted((user for page, user in pages(alert) if page == step), key=lambda user: user.email)
                == both
            )
        due = Delivery.objects.filter(user=ben).order_by("due_at").values_list("due_at", flat=True)
        assert [(moment - at) / MINUTE for moment in due] == [0, 5, 10, 15, 30, 45, 60]

    def test_whoever_may_be_in_danger_first(self, ada, ben, at):
        kinds = [AlertClass.ADVERSE_EVENT, AlertClass.MISSED_CHECK_IN, AlertClass.SUICIDE_RISK]
        found = [
            services.raise_alert(ada.pk, alert_class=kind, source=kind, at=at + n * timedelta(seconds=1))
            for n, kind in enumerate(kinds)
        ]
        due = queries.alerts_to_page(at=at + timedelta(hours=1))
        assert due == [(found[1].pk, False), (found[2].pk, False), (found[0].pk, True)]

    def test_after_a_standstill_one_step_at_a_time(self, alert, at):
        late = at + timedelta(hours=2)
        assert [services.page_unacknowledged(at=late) for _ in range(3)] == [1, 0, 0]
        assert services.page_unacknowledged(at=late + MINUTE) == 1
        alert.refresh_from_db()
        assert alert.pages_sent == 3

    def test_not_once_acknowledged(self, alert, ben, at):
        services.acknowledge(alert, by=ben, at=at)
        assert services.page_unacknowledged(at=at + timedelta(days=1)) == 0

    def test_several_at_once(self, alert, ada, at):
        services.raise_alert(ada.pk, alert_class=AlertClass.ADVERSE_EVENT, source="event:1", at=at)
        assert services.page_unacknowledged(at=at + 5 * MINUTE) == 2

    @pytest.mark.django_db(transaction=True)
    def test_one_that_cannot_be_paged_does_not_silence_the_others(self, alert, ada, ben, at, caplog):
        other = services.raise_alert(ada.pk, alert_class=AlertClass.ADVERSE_EVENT, source="event:1", at=at)
        # A number beyond what the column holds: the step of this alert alone fails, in the database.
        Alert.objects.filter(pk=alert.pk).update(pages_sent=32767, next_page_at=at)
        with caplog.at_level(logging.ERROR, logger="safety.services"):
            assert services.page_unacknowledged(at=at + 5 * MINUTE) == 1
        (line,) = [Formatter().format(record) for record in caplog.records]
        assert str(alert.pk) in line
        assert "DataError" in line
        assert "32768" not in line
        assert "out of range" not in line
        assert (1, ben) in pages(other)
        assert (32767, ben) not in pages(alert)

    def test_one_in_the_hands_of_somebody_who_left_is_opened_again(self, alert, ben, cyd_practises, at):
        services.acknowledge(alert, by=ben, at=at)
        assert services.page_unacknowledged(at=at + 60 * MINUTE) == 0
        end_role(ben, Role.CLINICIAN, at=at + 61 * MINUTE)
        assert services.page_unacknowledged(at=at + 62 * MINUTE) == 1
        alert.refresh_from_db()
        assert alert.status == "open"
        assert (1, cyd_practises) in pages(alert)
        services.acknowledge(alert, by=cyd_practises, at=at + 63 * MINUTE)
        assert services.page_unacknowledged(at=at + 64 * MINUTE) == 0

    def test_so_is_one_of_a_closed_account(self, alert, ben, cyd_practises, at):
        services.acknowledge(alert, by=ben, at=at)
        type(ben).objects.filter(pk=ben.pk).update(is_active=False)
        assert services.page_unacknowledged(at=at + MINUTE) == 1


class TestBlocking:
    @pytest.mark.parametrize("alert_class", AlertClass)
    def test_some_classes_keep_a_session_from_starting(self, alert_class, ada, at):
        alert = services.raise_alert(ada.pk, alert_class=alert_class, source="x:1", at=at)
        blocks = alert_class in BLOCKS_STARTING
        assert queries.blocking_alerts(ada.pk) == ([alert] if blocks else [])

    def test_until_closed_not_only_until_acknowledged(self, alert, ada, ben, at):
        taken = services.acknowledge(alert, by=ben, at=at)
        assert queries.blocking_alerts(ada.pk) == [taken]
        services.close(taken, by=ben, reason="Talked.", at=at)
        assert queries.blocking_alerts(ada.pk) == []

    def test_nobody_else(self, alert, cyd):
        assert queries.blocking_alerts(cyd.pk) == []


class TestReading:
    def listed(self, client, query=""):
        return [row["id"] for row in client.get(f"/api/v1/alerts{query}").json()["results"]]

    def test_the_own_clinician(self, alert, as_ben):
        (row,) = as_ben.get("/api/v1/alerts").json()["results"]
        assert row == as_ben.get(f"/api/v1/alerts/{alert.pk}").json()
        assert (row["alert_class"], row["source"]) == ("suicide_risk", "form:1")
        assert row["patient"]["legal_name"] == "Ada Example"

    def test_whoever_is_on_call(self, alert, cyd_practises, as_cyd):
        assert self.listed(as_cyd) == [str(alert.pk)]

    def test_a_strangers_closed_one_is_as_absent_as_none(self, alert, ben, cyd_practises, as_cyd, at):
        services.close(services.acknowledge(alert, by=ben, at=at), by=ben, reason="Talked.", at=at)
        assert self.listed(as_cyd, "?status=all") == []
        others, absent = (as_cyd.get(f"/api/v1/alerts/{pk}") for pk in (alert.pk, ABSENT))
        assert others.status_code == absent.status_code == 404
        assert bytes_without(others, alert.pk) == bytes_without(absent, ABSENT)

    def test_who_answered_still_sees_it(self, alert, cyd_practises, as_cyd, at):
        taken = services.acknowledge(alert, by=cyd_practises, at=at)
        services.close(taken, by=cyd_practises, reason="Talked.", at=at)
        assert self.listed(as_cyd, "?status=closed") == [str(alert.pk)]

    def test_not_about_oneself(self, ben_ill, as_ben, at):
        own = services.raise_alert(ben_ill.pk, alert_class=AlertClass.SUICIDE_RISK, source="f:1", at=at)
        assert self.listed(as_ben, "?status=all") == []
        assert as_ben.get(f"/api/v1/alerts/{own.pk}").status_code == 404

    @pytest.mark.parametrize(
        ("query", "shown"), [("", False), ("?status=open", False), ("?status=acknowledged", True)]
    )
    def test_by_status(self, query, shown, alert, ada, ben, as_ben, at):
        other = services.raise_alert(ada.pk, alert_class=AlertClass.ADVERSE_EVENT, source="e:1", at=at)
        services.acknowledge(alert, by=ben, at=at)
        listed = self.listed(as_ben, query)
        assert (str(alert.pk) in listed) == (shown or query == "")
        assert (str(other.pk) in listed) == (query != "?status=acknowledged")

    def test_a_service_or_a_link_sees_nothing(self, alert, at):
        for actor in (Actor.service(ServiceName.WATCH), Actor.capability(alert.pk)):
            assert not queries.alerts_for(actor, at=at).exists()

    def test_a_patient_does_not(self, alert, as_ada):
        assert code(as_ada.get("/api/v1/alerts")) == (403, "not_allowed")
        assert code(as_ada.get(f"/api/v1/alerts/{alert.pk}")) == (403, "not_allowed")

    def test_a_stranger_must_sign_in(self, alert, client):
        assert code(client.get("/api/v1/alerts")) == (401, "sign_in_required")
        assert code(client.get(f"/api/v1/alerts/{alert.pk}")) == (401, "sign_in_required")

    @pytest.mark.parametrize("query", ["status=mine", "limit=101", "order=-id"])
    def test_malformed(self, query, as_ben):
        assert code(as_ben.get(f"/api/v1/alerts?{query}")) == (400, "invalid_input")


def take(client, alert, body=None):
    return post(client, f"alerts/{alert.pk}/acknowledgements", body)


def end(client, alert, body=None):
    said = {"reason": "Called; she is safe."} if body is None else body
    return post(client, f"alerts/{alert.pk}/closures", said)


class TestAcknowledging:
    def test_stops_the_paging_under_a_name(self, alert, as_ben):
        answer = take(as_ben, alert)
        assert answer.status_code == 201
        assert answer.json()["status"] == "acknowledged"
        assert answer.json()["acknowledged_by"] == "Ben Example, MD"
        assert answer.json()["next_page_at"] is None

    def test_calls_back_what_has_not_left(self, alert, as_ben):
        take(as_ben, alert)
        assert Delivery.objects.get(kind="alert_page").status == DeliveryStatus.CANCELLED

    def test_by_whoever_is_on_call(self, alert, cyd_practises, as_cyd):
        assert take(as_cyd, alert).status_code == 201

    def test_again_by_the_same_is_harmless(self, alert, as_ben):
        first, again = take(as_ben, alert), take(as_ben, alert)
        assert first.json() == again.json()

    def test_by_another_it_is_taken(self, alert, cyd_practises, as_ben, as_cyd):
        take(as_ben, alert)
        assert code(take(as_cyd, alert)) == (409, "wrong_alert_state")
        alert.refresh_from_db()
        assert alert.acknowledged_by != cyd_practises

    def test_not_once_closed(self, alert, as_ben):
        take(as_ben, alert)
        end(as_ben, alert)
        assert code(take(as_ben, alert)) == (409, "wrong_alert_state")

    def test_not_about_oneself(self, ben_ill, as_ben, at):
        own = services.raise_alert(ben_ill.pk, alert_class=AlertClass.SUICIDE_RISK, source="f:1", at=at)
        assert code(take(as_ben, own)) == (404, "not_found")

    def test_absent(self, as_ben):
        assert code(post(as_ben, f"alerts/{ABSENT}/acknowledgements")) == (404, "not_found")

    def test_malformed(self, alert, as_ben):
        assert code(take(as_ben, alert, {"note": "soon"})) == (400, "invalid_input")
        alert.refresh_from_db()
        assert alert.status == "open"

    def test_a_patient_does_not(self, alert, as_ada):
        assert code(take(as_ada, alert)) == (403, "not_allowed")

    def test_a_stranger_must_sign_in(self, alert, client):
        answer = client.post(f"/api/v1/alerts/{alert.pk}/acknowledgements", {}, "application/json")
        assert code(answer) == (401, "sign_in_required")


class TestClosing:
    def test_signs(self, alert, ben, as_ben):
        take(as_ben, alert)
        answer = end(as_ben, alert)
        assert answer.status_code == 201
        assert answer.json()["alert"]["status"] == "closed"
        assert answer.json()["alert"]["close_reason"] == "Called; she is safe."
        assert answer.json()["alert"]["signature"]["signer_name"] == "Ben Example, MD"
        alert.refresh_from_db()
        assert (alert.signature.signer, alert.signature.meaning) == (ben, SignatureMeaning.CLOSED)

    def test_says_that_no_hold_stands(self, ada, ben, as_ben, at):
        alert = services.raise_alert(ada.pk, alert_class=AlertClass.WORSENING, source="form:2", at=at)
        take(as_ben, alert)
        body = end(as_ben, alert).json()
        assert body["holds_still_standing"] == []
        assert "No hold stands" in body["detail"]

    def test_who_is_on_call_and_sees_no_chart_is_told_that_one_stands(self, hold, cyd_practises, client_of):
        alert, client = Alert.objects.get(alert_class=AlertClass.SERIOUS_EVENT), client_of(cyd_practises)
        take(client, alert)
        body = end(client, alert).json()
        assert [standing["id"] for standing in body["holds_still_standing"]] == [str(hold.pk)]
        assert "Treatment stays on hold" in body["detail"]

    def test_a_serious_events_hold_stands_and_it_says_so(self, hold, ada, as_ben):
        alert = Alert.objects.get(alert_class=AlertClass.SERIOUS_EVENT)
        take(as_ben, alert)
        body = end(as_ben, alert).json()
        assert [standing["id"] for standing in body["holds_still_standing"]] == [str(hold.pk)]
        assert "on hold until" in body["detail"]
        assert queries.open_holds(ada.pk) == [hold]

    def test_not_before_somebody_has_it_in_hand(self, alert, as_ben):
        assert code(end(as_ben, alert)) == (409, "wrong_alert_state")
        alert.refresh_from_db()
        assert alert.status == "open"

    def test_once(self, alert, as_ben):
        take(as_ben, alert)
        end(as_ben, alert)
        assert code(end(as_ben, alert, {"reason": "Again."})) == (409, "wrong_alert_state")
        alert.refresh_from_db()
        assert alert.close_reason == "Called; she is safe."

    def test_not_about_oneself(self, ben_ill, cyd_practises, as_ben, at):
        own = services.raise_alert(ben_ill.pk, alert_class=AlertClass.SUICIDE_RISK, source="f:1", at=at)
        services.acknowledge(own, by=cyd_practises, at=at)
        assert code(end(as_ben, own)) == (404, "not_found")

    def test_absent(self, as_ben):
        assert code(post(as_ben, f"alerts/{ABSENT}/closures", {"reason": "x"})) == (404, "not_found")

    @pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": None}, {"reason": "x", "lift": True}])
    def test_malformed(self, body, alert, as_ben):
        take(as_ben, alert)
        assert code(end(as_ben, alert, body)) == (400, "invalid_input")
        alert.refresh_from_db()
        assert alert.status == "acknowledged"

    def test_a_patient_does_not(self, alert, as_ada):
        assert code(end(as_ada, alert)) == (403, "not_allowed")

    def test_a_stranger_must_sign_in(self, alert, client):
        answer = client.post(f"/api/v1/alerts/{alert.pk}/closures", {"reason": "x"}, "application/json")
        assert code(answer) == (401, "sign_in_required")
