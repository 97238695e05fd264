"""What went wrong is stored as it is told; if serious, treatment stands still from the same commit on."""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Licence
from core.actors import Actor
from core.errors import NotFound
from notifications.models import Delivery, Suppression
from safety import queries, services
from safety.enums import AlertClass, Ascertainment, Grade, HoldReason, Seriousness
from safety.models import AdverseEvent, Alert, Hold
from safety.services import EventReport
from tests.api import post
from tests.safety.conftest import ABSENT, bytes_without, code

pytestmark = pytest.mark.django_db


def report(patient, at, **said):
    actor = Actor.person(patient.user_id)
    return services.report_event(patient.pk, report=EventReport(**said), actor=actor, at=at)


class TestHardTriggers:
    """What tells of somebody in danger now holds treatment in the same transaction."""

    def raised(self, patient, alert_class, at, source="test"):
        return services.raise_alert(patient.pk, alert_class=alert_class, source=source, at=at)

    @pytest.mark.parametrize("alert_class", AlertClass)
    def test_the_hard_ones_hold_and_no_others(self, ada, cyd, at, alert_class):
        self.raised(ada, alert_class, at)
        hard = alert_class in (AlertClass.SUICIDE_RISK, AlertClass.SERIOUS_EVENT)
        assert [hold.reason for hold in queries.open_holds(ada.pk)] == ["safety_trigger"] * hard
        assert Suppression.objects.filter(user=ada.user).exists() == hard
        assert queries.open_holds(cyd.pk) == []

    def test_once_until_it_is_lifted(self, ada, ben, at):
        for source in ("one", "one", "other"):
            self.raised(ada, AlertClass.SUICIDE_RISK, at, source)
        self.raised(ada, AlertClass.SERIOUS_EVENT, at, "call")
        (hold,) = queries.open_holds(ada.pk)
        services.lift_hold(hold, by=ben, reason="Talked.", at=at)
        self.raised(ada, AlertClass.SUICIDE_RISK, at, "one")
        (again,) = queries.open_holds(ada.pk)
        assert again != hold

    def test_a_clinicians_own_hold_is_another(self, ada, ben, at):
        actor = Actor.person(ben.pk)
        services.place_hold(ada.pk, reason=HoldReason.CLINICAL, note="", actor=actor, at=at)
        self.raised(ada, AlertClass.SUICIDE_RISK, at)
        assert sorted(hold.reason for hold in queries.open_holds(ada.pk)) == ["clinical", "safety_trigger"]

    def test_a_serious_event_has_its_own_alone(self, ada, at):
        event = report(ada, at, description="An ambulance came.", is_serious=True)
        assert queries.open_holds(ada.pk) == [event.hold]


class TestReporting:
    def test_a_serious_one_holds_and_pages(self, ada, ben, at):
        event = report(ada, at, description="Could not be woken.", is_serious=True)
        assert event.is_serious
        assert (event.hold.reason, event.hold.patient) == (HoldReason.SERIOUS_EVENT, ada)
        assert (event.alert.alert_class, event.alert.pages_sent) == ("serious_event", 1)
        assert event.alert.source == f"event:{event.pk}"
        assert queries.open_holds(ada.pk) == [event.hold]
        assert queries.blocking_alerts(ada.pk) == [event.alert]

    def test_a_mild_one_waits_for_triage_and_holds_nothing(self, ada, at):
        event = report(ada, at, description="Felt sick.", is_serious=False, grade=Grade.MILD)
        assert not event.is_serious
        assert (event.hold, event.alert.alert_class) == (None, "adverse_event")
        assert queries.open_holds(ada.pk) == []
        assert queries.blocking_alerts(ada.pk) == []

    def test_mild_ones_share_an_alert_until_it_is_closed(self, ada, ben, at):
        events = [report(ada, at, description=f"Felt sick, {n}.", is_serious=False) for n in range(20)]
        assert len({event.pk for event in events}) == 20
        (alert,) = {event.alert for event in events}
        assert Delivery.objects.count() == 1
        services.close(services.acknowledge(alert, by=ben, at=at), by=ben, reason="Read.", at=at)
        assert report(ada, at, description="Again.", is_serious=False).alert != alert

    def test_each_patient_and_each_serious_one_has_an_alert_of_its_own(self, ada, cyd, ben, at):
        told = [(ada, False), (cyd, False), (ada, True), (ada, True)]
        events = [report(who, at, description="x", is_serious=serious) for who, serious in told]
        assert len({event.alert for event in events}) == 4

    def test_a_mild_ones_page_gives_way(self, ada, ben, at):
        report(ada, at, description="Felt sick.", is_serious=False)
        assert Delivery.objects.get().kind == "triage_page"

    def test_all_that_is_told_is_kept(self, ada, at):
        event = report(
            ada,
            at,
            description="Fell.",
            action_taken="Called a doctor.",
            onset_at=at,
            ended_at=at,
            seriousness=(Seriousness.HOSPITALISATION, Seriousness.DISABILITY),
            grade=Grade.SEVERE,
            ascertainment=Ascertainment.OBSERVED,
        )
        event.refresh_from_db()
        assert (event.description, event.action_taken) == ("Fell.", "Called a doctor.")
        assert (event.onset_at, event.ended_at, event.reported_at) == (at, at, at)
        assert event.seriousness == ["hospitalisation", "disability"]
        assert (event.grade, event.ascertainment) == (3, "observed")
        assert event.actor.id == str(ada.user_id)

    @pytest.mark.parametrize("description", ["", "😵", "x" * 50_000, "=cmd|' /C calc'!A0"])
    def test_any_words_are_kept_and_not_known_is_serious(self, description, ada, at):
        event = report(ada, at, description=description)
        assert (event.description, event.is_serious) == (description, True)

    def test_an_end_before_its_beginning_is_kept(self, ada, at):
        event = report(ada, at, description="?", onset_at=at, ended_at=at.replace(year=2020))
        assert event.ended_at < event.onset_at

    def test_each_report_has_its_own(self, ada, at):
        report(ada, at, description="Again.")
        report(ada, at, description="Again.")
        assert (AdverseEvent.objects.count(), Hold.objects.count(), Alert.objects.count()) == (2, 2, 2)

    def test_without_a_program_it_is_stored_all_the_same(self, cyd, at):
        assert report(cyd, at, description="Long after.").hold is not None

    def test_all_of_it_or_nothing(self, ada, at):
        with pytest.raises(IntegrityError), transaction.atomic():
            report(ada, at, description="x", ascertainment="rumour")
        assert not Alert.objects.exists()
        assert not Hold.objects.exists()

    def test_one_is_read_by_whoever_sees_the_chart(self, ada, ben, cyd, at):
        event = report(ada, at, description="Fell.")
        for user in (ada.user, ben):
            assert queries.event_for(Actor.person(user.pk), event.pk, at=at) == event
        with pytest.raises(NotFound):
            queries.event_for(Actor.person(cyd.user_id), event.pk, at=at)


class TestHolding:
    def test_stops_booking_reminders_and_nothing_else(self, hold, ada):
        stopped = Suppression.objects.filter(user=ada.user, lifted_at=None)
        assert [(row.kind, row.cause) for row in stopped] == [("session_tomorrow", f"hold:{hold.pk}")]

    def test_a_clinician_can_place_one(self, ada, ben, at):
        actor = Actor.person(ben.pk)
        hold = services.place_hold(ada.pk, reason=HoldReason.CLINICAL, note="Surgery.", actor=actor, at=at)
        assert queries.open_holds(ada.pk) == [hold]
        assert hold.actor == actor

    def test_it_holds_nobody_else(self, hold, cyd):
        assert queries.open_holds(cyd.pk) == []


class TestListing:
    def listed(self, client, query=""):
        return [row["id"] for row in client.get(f"/api/v1/holds{query}").json()["results"]]

    def test_of_ones_patients(self, hold, as_ben):
        (row,) = as_ben.get("/api/v1/holds").json()["results"]
        assert (row["id"], row["reason"]) == (str(hold.pk), "serious_event")
        assert row["patient"]["legal_name"] == "Ada Example"

    def test_by_patient_and_state(self, hold, ada, cyd, ben, as_ben, at):
        assert self.listed(as_ben, f"?patient={ada.pk}") == [str(hold.pk)]
        assert self.listed(as_ben, f"?patient={cyd.pk}") == []
        services.lift_hold(hold, by=ben, reason="Recovered.", at=at)
        assert self.listed(as_ben) == []
        assert self.listed(as_ben, "?status=lifted") == self.listed(as_ben, "?status=all") == [str(hold.pk)]

    def test_who_was_called_about_them_sees_them(self, hold, ada, cyd_practises, as_cyd):
        assert self.listed(as_cyd) == [str(hold.pk)]

    def test_a_stranger_sees_nobodys(self, hold, ada, ben, cyd_practises, as_cyd, at):
        answered(hold, ben, at)
        assert self.listed(as_cyd, f"?status=all&patient={ada.pk}") == []

    def test_a_patient_does_not(self, hold, as_ada):
        assert code(as_ada.get("/api/v1/holds")) == (403, "not_allowed")

    def test_a_stranger_must_sign_in(self, client):
        assert code(client.get("/api/v1/holds")) == (401, "sign_in_required")

    @pytest.mark.parametrize("query", ["status=mine", "patient=ada", "limit=0"])
    def test_malformed(self, query, as_ben):
        assert code(as_ben.get(f"/api/v1/holds?{query}")) == (400, "invalid_input")


def answered(hold, clinician, at):
    """The alert that came with the hold is dealt with: nobody else is called about it any more."""
    alert = services.acknowledge(Alert.objects.get(patient=hold.patient), by=clinician, at=at)
    services.close(alert, by=clinician, reason="Seen.", at=at)


def place(client, patient, body=None):
    return post(client, f"patients/{patient.pk}/holds", {"reason": "Surgery."} if body is None else body)


class TestPlacing:
    def test_makes_treatment_stand_still(self, ada, ben, as_ben):
        placed = place(as_ben, ada)
        assert placed.status_code == 201, placed.content
        assert placed.json().items() >= {"reason": "clinical", "note": "Surgery.", "lifted_at": None}.items()
        (hold,) = queries.open_holds(ada.pk)
        assert hold.actor == Actor.person(ben.pk)

    def test_whoever_is_called_about_somebody_can(self, alert, ada, cyd_practises, as_cyd):
        assert place(as_cyd, ada).status_code == 201
        assert {hold.reason for hold in queries.open_holds(ada.pk)} == {"safety_trigger", "clinical"}
        assert Suppression.objects.filter(user=ada.user, lifted_at=None).exists()

    def test_a_stranger_cannot(self, ada, cyd_practises, as_cyd):
        assert code(place(as_cyd, ada)) == (404, "not_found")

    def test_nobody_for_themselves(self, ben_ill, as_ben):
        assert code(place(as_ben, ben_ill)) == (404, "not_found")

    def test_a_patient_cannot(self, ada, as_ada):
        assert code(place(as_ada, ada)) == (403, "not_allowed")

    @pytest.mark.parametrize("body", [{}, {"reason": " "}, {"reason": "x", "until": "tomorrow"}])
    def test_malformed(self, body, ada, as_ben):
        assert code(place(as_ben, ada, body)) == (400, "invalid_input")
        assert not Hold.objects.exists()


def lift(client, hold, body=None):
    return post(client, f"holds/{hold.pk}/lifts", {"reason": "Recovered."} if body is None else body)


class TestLifting:
    def test_signs_and_lets_reminders_go(self, hold, ada, ben, as_ben):
        answer = lift(as_ben, hold)
        assert answer.status_code == 201
        assert answer.json()["lift_signature"]["signer_name"] == "Ben Example, MD"
        assert answer.json()["lift_reason"] == "Recovered."
        hold.refresh_from_db()
        assert hold.lift_signature.signer == ben
        assert queries.open_holds(ada.pk) == []
        assert not Suppression.objects.filter(user=ada.user, lifted_at=None).exists()

    def test_other_holds_and_open_alerts_stand(self, hold, ada, at, as_ben):
        other = report(ada, at, description="Again.")
        lift(as_ben, hold)
        assert queries.open_holds(ada.pk) == [other.hold]
        assert len(queries.blocking_alerts(ada.pk)) == 2

    def test_never_by_who_placed_it(self, ada, as_ben):
        place(as_ben, ada)
        (hold,) = queries.open_holds(ada.pk)
        assert code(lift(as_ben, hold)) == (409, "placed_by_you")
        assert queries.open_holds(ada.pk) == [hold]

    def test_never_by_who_reported_what_it_was_placed_for(self, ada, ben, as_ben, at):
        told = EventReport(description="She told me that she had fallen.")
        event = services.report_event(ada.pk, report=told, actor=Actor.person(ben.pk), at=at)
        assert code(lift(as_ben, event.hold)) == (409, "placed_by_you")
        assert queries.open_holds(ada.pk) == [event.hold]

    def test_a_colleague_who_is_called_lifts_it(self, ada, ben, cyd_practises, as_cyd, at):
        told = EventReport(description="She told me that she had fallen.")
        event = services.report_event(ada.pk, report=told, actor=Actor.person(ben.pk), at=at)
        assert lift(as_cyd, event.hold).status_code == 201
        assert queries.open_holds(ada.pk) == []
        assert not Suppression.objects.filter(user=ada.user, lifted_at=None).exists()

    def test_only_with_a_licence_for_where_the_patient_lives(self, hold, ada, cyd_practises, as_cyd, at):
        Licence.objects.filter(clinician__user=cyd_practises).update(state="MA")
        answer = lift(as_cyd, hold)
        assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (422, "not_licensed_there")
        assert queries.open_holds(ada.pk) == [hold]

    def test_once(self, hold, as_ben):
        lift(as_ben, hold)
        assert code(lift(as_ben, hold, {"reason": "Again."})) == (409, "already_lifted")
        hold.refresh_from_db()
        assert hold.lift_reason == "Recovered."

    def test_somebody_elses_is_as_absent_as_none(self, hold, ada, ben, cyd_practises, as_cyd, at):
        answered(hold, ben, at)
        others = lift(as_cyd, hold)
        absent = post(as_cyd, f"holds/{ABSENT}/lifts", {"reason": "x"})
        assert others.status_code == absent.status_code == 404
        assert bytes_without(others, hold.pk) == bytes_without(absent, ABSENT)
        assert queries.open_holds(ada.pk) == [hold]

    def test_not_ones_own(self, ben_ill, as_ben, at):
        own = report(ben_ill, at, description="Fell.").hold
        assert code(lift(as_ben, own)) == (404, "not_found")

    @pytest.mark.parametrize(
        "body", [{}, {"reason": " "}, {"reason": 5 * ["x"]}, {"reason": "x", "by": "me"}]
    )
    def test_malformed(self, body, hold, ada, as_ben):
        assert code(lift(as_ben, hold, body)) == (400, "invalid_input")
        assert queries.open_holds(ada.pk) == [hold]

    def test_a_patient_does_not(self, hold, ada, as_ada):
        assert code(lift(as_ada, hold)) == (403, "not_allowed")
        assert queries.open_holds(ada.pk) == [hold]

    def test_a_stranger_must_sign_in(self, hold, client):
        answer = client.post(f"/api/v1/holds/{hold.pk}/lifts", {"reason": "x"}, "application/json")
        assert code(answer) == (401, "sign_in_required")
