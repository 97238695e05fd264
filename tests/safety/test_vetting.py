"""Who somebody is, how old, and what registers know of them: recorded once, by whom and when."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.models import Patient
from core.models import DocumentVersion
from safety.models import IdentityCheck, MonitoringQuery
from tests.api import post
from tests.safety.conftest import ABSENT

pytestmark = pytest.mark.django_db

SAID = {"method": "video", "document": "passport", "outcome": "confirmed"}
ASKED = {"states": ["NY", "MA"], "result": "concern", "note": "Two prescribers of opioids."}


def identity(client, patient_id, at, **changed):
    body = SAID | {"checked_at": at.isoformat()} | changed
    return post(client, f"patients/{patient_id}/identity-checks", body)


def monitoring(client, enrollment_id, at, **changed):
    body = ASKED | {"queried_at": at.isoformat()} | changed
    return post(client, f"enrollments/{enrollment_id}/monitoring-queries", body)


class TestIdentity:
    def test_is_recorded_with_who_how_and_when(self, ada, ben, as_ben, at):
        answer = identity(as_ben, ada.pk, at)
        assert answer.status_code == 201
        assert answer.json()["checked_by"] == "Ben Example, MD"
        assert (answer.json()["is_adult"], answer.json()["is_current"]) == (True, True)
        stored = IdentityCheck.objects.get()
        assert (stored.checked_by, stored.checked_at, stored.legal_name) == (ben, at, "Ada Example")
        listed = as_ben.get(f"/api/v1/patients/{ada.pk}/identity-checks").json()["results"]
        assert listed == [answer.json()]

    def test_is_of_the_past_once_the_chart_says_otherwise(self, ada, as_ben, at):
        identity(as_ben, ada.pk, at)
        Patient.objects.filter(pk=ada.pk).update(legal_name="Ada Other")
        listed = as_ben.get(f"/api/v1/patients/{ada.pk}/identity-checks").json()["results"]
        assert [row["is_current"] for row in listed] == [False]

    @pytest.mark.parametrize(("years", "adult"), [(17, False), (18, True), (19, True)])
    def test_whether_an_adult_is_said_by_the_policy(self, years, adult, ada, as_ben, at):
        birth_on = (at - timedelta(days=round(years * 365.25) + 2)).date()
        Patient.objects.filter(pk=ada.pk).update(birth_on=birth_on)
        assert identity(as_ben, ada.pk, at).json()["is_adult"] is adult

    @pytest.mark.parametrize(
        "change",
        [
            {"method": "by heart"},
            {"document": "library card"},
            {"outcome": ""},
            {"checked_at": "2026-03-02T15:00:00"},
            {"is_adult": True},
            {"checked_by": str(ABSENT)},
        ],
    )
    def test_malformed(self, change, ada, as_ben, at):
        assert identity(as_ben, ada.pk, at, **change).status_code == 400
        assert not IdentityCheck.objects.exists()

    def test_not_before_it_happened(self, ada, as_ben, at):
        answer = identity(as_ben, ada.pk, at + timedelta(hours=1))
        assert (answer.status_code, answer.json()["code"]) == (400, "in_the_future")
        assert answer.json()["errors"][0]["pointer"] == "/checked_at"


class TestMonitoring:
    def test_is_recorded_with_states_reviewer_and_result(self, enrollment, as_ben, at):
        answer = monitoring(as_ben, enrollment.pk, at)
        assert answer.status_code == 201
        assert (answer.json()["states"], answer.json()["reviewer"]) == (["MA", "NY"], "Ben Example, MD")
        listed = as_ben.get(f"/api/v1/enrollments/{enrollment.pk}/monitoring-queries").json()["results"]
        assert listed == [answer.json()]
        assert listed[0]["note"] == "Two prescribers of opioids."

    def test_the_note_lies_unreadable_in_the_database(self, enrollment, as_ben, at):
        monitoring(as_ben, enrollment.pk, at)
        assert b"opioids" not in bytes(MonitoringQuery.objects.get().note)

    @pytest.mark.parametrize(
        "change",
        [
            {"states": []},
            {"states": ["XX"]},
            {"result": "fine"},
            {"queried_at": "yesterday"},
            {"reviewer": "me"},
        ],
    )
    def test_malformed(self, change, enrollment, as_ben, at):
        assert monitoring(as_ben, enrollment.pk, at, **change).status_code == 400
        assert not MonitoringQuery.objects.exists()

    def test_not_before_it_happened(self, enrollment, as_ben, at):
        answer = monitoring(as_ben, enrollment.pk, at + timedelta(hours=1))
        assert (answer.status_code, answer.json()["code"]) == (400, "in_the_future")


class TestWho:
    def test_not_the_patient(self, enrollment, ada, as_ada, at):
        assert identity(as_ada, ada.pk, at).status_code == 403
        assert monitoring(as_ada, enrollment.pk, at).status_code == 403

    def test_for_another_clinician_it_is_as_absent_as_none(self, enrollment, ada, cyd_practises, as_cyd, at):
        for answer in (
            identity(as_cyd, ada.pk, at),
            identity(as_cyd, ABSENT, at),
            monitoring(as_cyd, enrollment.pk, at),
            monitoring(as_cyd, ABSENT, at),
            as_cyd.get(f"/api/v1/patients/{ada.pk}/identity-checks"),
            as_cyd.get(f"/api/v1/enrollments/{enrollment.pk}/monitoring-queries"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


class TestWalls:
    @pytest.fixture
    def rows(self, enrollment, ada, as_ben, at):
        identity(as_ben, ada.pk, at)
        monitoring(as_ben, enrollment.pk, at)

    @pytest.mark.parametrize("table", ["safety_identitycheck", "safety_monitoringquery"])
    @pytest.mark.parametrize("verb", ["UPDATE {} SET recorded_at = now()", "DELETE FROM {}"])
    def test_history_stays(self, verb, table, rows):
        refused = pytest.raises(DatabaseError, match="permission denied")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(verb.format(table))

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"method": "x"}, "identity_method_is_known"),
            ({"document": "x"}, "identity_document_is_known"),
            ({"outcome": "x"}, "identity_outcome_is_known"),
            ({"checked_at": "2999-01-01T00:00Z"}, "identity_checked_before_recorded"),
        ],
    )
    def test_an_identity_check_is_whole(self, change, name, ada, ben, at):
        fields = (
            SAID | {"checked_at": at, "recorded_at": at, "is_adult": True, "birth_on": at.date()} | change
        )
        policy = DocumentVersion.objects.filter(kind="screening_policy").latest("version")
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            IdentityCheck.objects.create(patient=ada, checked_by=ben, legal_name="A", policy=policy, **fields)

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"states": []}, "monitoring_query_names_states"),
            ({"states": ["XX"]}, "monitoring_query_names_states"),
            ({"result": "x"}, "monitoring_result_is_known"),
            ({"queried_at": "2999-01-01T00:00Z"}, "monitoring_queried_before_recorded"),
        ],
    )
    def test_a_monitoring_query_is_whole(self, change, name, enrollment, ben, at):
        fields = {"states": ["NY"], "result": "concern", "queried_at": at, "recorded_at": at} | change
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            MonitoringQuery.objects.create(enrollment=enrollment, reviewer=ben, note=b"", **fields)


class TestAdmin:
    def test_a_clinician_records_both_on_the_patients_page(self, enrollment, ada, ben, client):
        client.force_login(ben)
        page = f"/admin/accounts/patient/{ada.pk}"
        client.post(f"{page}/acts/identity/", {f"identity-{name}": said for name, said in SAID.items()})
        registers = {"registers-states": ["NY"], "registers-result": "no_concern", "registers-note": "Clean."}
        client.post(f"{page}/acts/registers/", registers)
        shown = client.get(f"{page}/change/").content.decode()
        assert "Confirmed, adult" in shown
        assert "Clean." in shown
        assert IdentityCheck.objects.get().checked_by == ben
        assert MonitoringQuery.objects.get().reviewer == ben

    def test_nobody_else(self, enrollment, ada, cyd_practises, client):
        cyd_practises.is_staff = True
        cyd_practises.save()
        client.force_login(cyd_practises)
        client.post(f"/admin/accounts/patient/{ada.pk}/acts/identity/", SAID)
        assert not IdentityCheck.objects.exists()
