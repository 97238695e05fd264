"""Where people live, where clinicians are licensed, and what follows from the two."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts import queries, rules, services
from accounts.errors import CannotGrant, MayNotTreat, NotServed
from accounts.models import CareTeamMembership, Licence, Patient, PatientAddress, ServedState
from core.actors import Actor
from programs import services as programs
from safety import services as safety
from safety.enums import ReviewOutcome
from tests import steps
from tests.api import post
from tests.conftest import HOME, make_clinician, make_user

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def moves(patient, state, *, at, **changed):
    """The patient lives in another state from that day on."""
    where = replace(HOME, state=state, starts_on=at.date(), **changed)
    services.save_address(patient, where, actor=Actor.person(patient.user_id), at=at)


def seen_by(user, *, at):
    return list(queries.patients_in_care(Actor.person(user.pk), at=at))


class TestAddress:
    BODY = {
        "legal_name": "Ada Example",
        "preferred_name": "Ada",
        "birth_on": "1984-05-17",
        "timezone": "America/New_York",
    }
    THERE = {"lines": ["1 Main St", "Apt 2"], "city": "Boston", "state": "MA", "postal_code": "02108"}

    def put(self, client, **body):
        return client.put("/api/v1/me", self.BODY | body, format="json")

    def test_holds_from_its_day_on(self, ada, client_of, at):
        client = client_of(ada.user)
        day = (at + 10 * DAY).date().isoformat()
        listed = self.put(client, address=self.THERE | {"starts_on": day}).json()["addresses"]
        assert [(one["state"], one["city"]) for one in listed] == [("NY", "Albany"), ("MA", "Boston")]
        assert listed[1] == self.THERE | {"country": "US", "starts_on": day}
        assert client.get("/api/v1/me").json()["addresses"] == listed
        assert queries.current_state(ada.pk, at=at) == "NY"
        assert queries.current_state(ada.pk, at=at + 10 * DAY) == "MA"

    def test_saying_it_again_changes_nothing(self, ada, client_of):
        client = client_of(ada.user)
        first = self.put(client, address=self.THERE)
        assert self.put(client, address=self.THERE).json() == first.json()
        assert ada.addresses.count() == 2

    def test_without_one_the_old_stays(self, ada, client_of):
        assert self.put(client_of(ada.user)).json()["addresses"][0]["city"] == "Albany"

    def test_a_correction_of_the_same_day_is_the_last_word(self, ada, at):
        moves(ada, "MA", at=at)
        moves(ada, "NJ", at=at)
        assert [one.state for one in queries.addresses_of(ada, at=at)] == ["NJ"]
        assert list(ada.addresses.order_by("id").values_list("state", flat=True)) == ["NY", "MA", "NJ"]

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"state": "XX"}, "/address/state"),
            ({"state": ""}, "/address/state"),
            ({"state": "ny"}, "/address/state"),
            ({"postal_code": "2108"}, "/address/postal_code"),
            ({"postal_code": "02108-1"}, "/address/postal_code"),
            ({"country": "us"}, "/address/country"),
            ({"country": "DE"}, "/address/state"),
            ({"lines": []}, "/address/lines"),
            ({"lines": ["a", "b", "c", "d"]}, "/address/lines"),
            ({"lines": ["x" * 121]}, "/address/lines/0"),
            ({"starts_on": "tomorrow"}, "/address/starts_on"),
            ({"patient": "other"}, "/address/patient"),
        ],
    )
    def test_what_is_none_is_refused_whole(self, change, pointer, ada, client_of):
        body = {"legal_name": "Somebody Else", "address": self.THERE | change}
        answer = self.put(client_of(ada.user), **body)
        assert answer.status_code == 400
        assert pointer in [fault["pointer"] for fault in answer.json()["errors"]]
        ada.refresh_from_db()
        assert (ada.legal_name, ada.addresses.count()) == ("Ada Example", 1)

    def test_lies_unreadable_in_the_database_but_for_the_state(self, ada):
        stored = str(list(PatientAddress.objects.values()))
        assert "Albany" not in stored
        assert "12207" not in stored
        assert "'NY'" in stored

    @pytest.mark.parametrize(
        "verb", ["UPDATE accounts_patientaddress SET state = 'MA'", "DELETE FROM accounts_patientaddress"]
    )
    def test_is_history(self, verb, ada):
        refused = pytest.raises(DatabaseError, match="permission denied")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(verb)

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"state": ""}, "address_in_the_us_has_a_state"),
            ({"state": "XX"}, "address_in_the_us_has_a_state"),
            ({"country": "DE"}, "address_in_the_us_has_a_state"),
            ({"country": "??", "state": ""}, "address_country_is_a_code"),
        ],
    )
    def test_the_database_refuses_what_is_none(self, change, name, ada, at):
        fields = {"country": "US", "state": "NY", "starts_on": at.date(), "recorded_at": at} | change
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            PatientAddress.objects.create(
                patient=ada, details=b"", actor_kind="person", actor_id="x", **fields
            )

    def test_language(self, ada, client_of):
        client = client_of(ada.user)
        assert client.get("/api/v1/me").json()["patient"]["language"] == "en-US"
        assert self.put(client, language="es-US").json()["patient"]["language"] == "es-US"
        assert self.put(client).json()["patient"]["language"] == "es-US", "not asked, not changed"
        assert self.put(client, language="tlh").status_code == 400
        with pytest.raises(IntegrityError, match="patient_language_is_known"), transaction.atomic():
            Patient.objects.update(language="tlh")


class TestSight:
    def test_ends_where_no_licence_is_good(self, ada, ben, at):
        assert seen_by(ben, at=at) == [ada]
        moves(ada, "MA", at=at)
        assert seen_by(ben, at=at) == []

    def test_the_twin_without_the_licence_sees(self, ada, ben, at, monkeypatch):
        moves(ada, "MA", at=at)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_get_functiondef('guard.charts_in_care'::regproc)")
            rule = cursor.fetchone()[0].replace(" guard.charts_in_care", " pg_temp.charts_in_care")
            assert seen_by(ben, at=at) == []
            cursor.execute(rule.replace("WHERE home.state", "WHERE false AND home.state"))
        monkeypatch.setattr(
            queries.Charts, "template", "(SELECT pg_temp.%(function)s(%(expressions)s))::uuid[]"
        )
        assert seen_by(ben, at=at) == [ada]

    def test_comes_with_a_licence_for_the_state(self, ada, ben, at):
        moves(ada, "MA", at=at)
        make_clinician(ben, "Ben Example", state="MA", at=at)
        assert seen_by(ben, at=at) == [ada]

    @pytest.mark.parametrize(("days", "seen"), [(-1, False), (0, True)])
    def test_ends_with_the_licence(self, days, seen, ada, ben, at):
        services.end_licence(Licence.objects.get(), ends_on=(at + days * DAY).date(), ended_by=None)
        assert seen_by(ben, at=at) == ([ada] if seen else [])
        assert seen_by(ben, at=at + DAY) == []

    def test_anothers_licence_is_good_for_nobody_else(self, ada, ben, at):
        moves(ada, "MA", at=at)
        make_clinician(make_user("x@clinic.example"), "Xenia Example", state="MA", at=at)
        assert seen_by(ben, at=at) == []

    def test_abroad_nobody_sees(self, ada, ben, at):
        moves(ada, "", at=at, country="DE")
        assert seen_by(ben, at=at) == []
        assert queries.visible_patients(Actor.person(ada.user_id), at=at).get() == ada

    def test_a_chart_without_an_address_is_seen(self, ben, at):
        new = services.save_profile(
            make_user("n@example.org"),
            legal_name="N",
            preferred_name="",
            birth_on=HOME.starts_on,
            timezone="UTC",
        )
        CareTeamMembership.objects.create(patient=new, member=ben, role="clinician", starts_at=at)
        assert seen_by(ben, at=at) == [new]

    def test_a_move_to_come_changes_nothing_yet(self, ada, ben, at):
        where = replace(HOME, state="MA", starts_on=(at + 2 * DAY).date())
        services.save_address(ada, where, actor=Actor.person(ada.user_id), at=at)
        assert seen_by(ben, at=at + DAY) == [ada]
        assert seen_by(ben, at=at + 2 * DAY) == []

    def test_reaches_every_room_at_the_next_request(self, ada, ben, client_of, at):
        enrollment = steps.active(ada, at=at)
        client = client_of(ben)
        assert client.get(f"/api/v1/enrollments/{enrollment.pk}").status_code == 200
        moves(ada, "MA", at=at)
        for path in (f"enrollments/{enrollment.pk}", f"enrollments/{enrollment.pk}/timeline"):
            assert client.get(f"/api/v1/{path}").status_code == 404


class TestSigning:
    def faults(self, **changed):
        facts = {"state": "NY", "served": frozenset({"NY"}), "licensed": frozenset({"NY"})} | changed
        return [reason.code for reason in rules.treating_faults(rules.TreatingFacts(**facts))]

    def test_every_reason(self):
        assert self.faults() == []
        assert self.faults(state=None) == ["address_unknown"]
        assert self.faults(served=frozenset()) == ["state_not_served"]
        assert self.faults(licensed=frozenset()) == ["not_licensed_there"]
        assert self.faults(state="") == ["state_not_served", "not_licensed_there"]

    def test_a_plan_needs_to_know_where_the_patient_lives(self, ada, ben, at, monkeypatch):
        enrollment = steps.accepted(ada, at=at)
        unknown = rules.TreatingFacts(state=None, served=frozenset(), licensed=frozenset())
        with monkeypatch.context() as patch:
            patch.setattr(queries, "treating_facts", lambda *args, **kwargs: unknown)
            with pytest.raises(MayNotTreat) as refused, transaction.atomic():
                programs.sign_plan(enrollment.pk, order=steps.ORDER, clinician=ben, at=at)
        assert [reason.code for reason in refused.value.reasons] == ["address_unknown"]
        assert not enrollment.plans.exists()
        programs.sign_plan(enrollment.pk, order=steps.ORDER, clinician=ben, at=at)

    def test_nobody_is_accepted_where_the_clinic_does_not_treat(self, ada, ben, client_of, at):
        enrollment = steps.enrolled(ada, at=at)
        actor = Actor.person(ada.user_id)
        screening = safety.screen(enrollment.pk, answers=steps.HEALTHY, actor=actor, at=at)
        services.stop_serving_state(ServedState.objects.get(), ends_on=(at - DAY).date())
        body = {"outcome": ReviewOutcome.ACCEPTED, "reason": "Fit."}
        path = f"screenings/{screening.pk}/reviews"
        answer = post(client_of(ben), path, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "may_not_treat")
        assert [reason["code"] for reason in answer.json()["reasons"]] == ["state_not_served"]
        assert post(client_of(ben), path, body | {"outcome": ReviewOutcome.DECLINED}).status_code == 201

    def test_nobody_enrolls_where_the_clinic_does_not_treat(self, ada, ben, client_of, at):
        moves(ada, "MA", at=at)
        with pytest.raises(NotServed):
            programs.enroll(ada.user, program_slug="burnout-6", at=at)

    def test_enrolling_goes_to_somebody_licensed_there(self, cyd, ben, at):
        other = make_clinician(make_user("x@clinic.example"), "Xenia Example", state="MA", at=at)
        CareTeamMembership.objects.create(patient=cyd, member=other, role="clinician", starts_at=at)
        assert services.assign_clinician(cyd, at=at) == ben
        moves(cyd, "MA", at=at)
        assert services.assign_clinician(cyd, at=at) == other

    def test_nobody_is_assigned_to_themselves(self, cyd, ben, at):
        Patient.objects.filter(pk=cyd.pk).update(user=ben)
        cyd.refresh_from_db()
        other = make_clinician(make_user("x@clinic.example"), "Xenia Example", at=at)
        CareTeamMembership.objects.create(
            patient=make_other(at), member=other, role="clinician", starts_at=at
        )
        assert services.assign_clinician(cyd, at=at) == other


def make_other(at):
    return services.save_profile(
        make_user("other@example.org"),
        legal_name="Other",
        preferred_name="",
        birth_on=HOME.starts_on,
        timezone="UTC",
    )


class TestLicence:
    def test_nobody_records_their_own(self, ben, at):
        with pytest.raises(CannotGrant):
            services.add_licence(
                ben.clinician,
                state="MA",
                number="1",
                starts_on=at.date(),
                ends_on=at.date(),
                recorded_by=ben,
                at=at,
            )
        assert Licence.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"state": "XX"}, "licence_state_is_known"),
            ({"number": ""}, "licence_has_a_number"),
            ({"ends_on": "1990-01-01"}, "licence_ends_after_it_begins"),
        ],
    )
    def test_the_database_refuses_what_is_none(self, change, name, ben):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Licence.objects.update(**change)

    def test_is_kept(self, ben):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            Licence.objects.all().delete()


class TestServedState:
    def test_once_at_a_time(self, ben, at):
        assert services.serve_state("NY", starts_on=at.date(), set_by=None) == ServedState.objects.get()
        with pytest.raises(IntegrityError, match="served_state_open_once"), transaction.atomic():
            ServedState.objects.create(state="NY", starts_on=at.date())

    def test_from_day_to_day(self, ben, at):
        services.stop_serving_state(ServedState.objects.get(), ends_on=at.date())
        assert queries.served_states(at=at) == {"NY"}
        assert queries.served_states(at=at + DAY) == frozenset()

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"state": "XX"}, "served_state_is_known"),
            ({"ends_on": "1990-01-01"}, "served_state_ends_after_it_begins"),
        ],
    )
    def test_the_database_refuses_what_is_none(self, change, name, ben):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            ServedState.objects.update(**change)
