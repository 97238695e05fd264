"""Clinicians work in the admin: they see what the API lets them see, and act through the same services."""

from datetime import timedelta

import pytest
from django.test import Client

from notifications.models import Delivery
from safety import queries, services
from safety.models import Alert, ScreeningReview
from tests.conftest import make_user
from tests.safety.conftest import ABSENT, answered

pytestmark = pytest.mark.django_db

LISTS = ["screening", "alert", "hold"]


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def admin(ben):
    """The admin as Ben sees it."""
    return signed_in(ben)


def page(row, name="change"):
    return f"/admin/safety/{row._meta.model_name}/{row.pk}/{name}/"


def do(client, row, act, **said):
    """Send the form of an act, and return the page that comes next."""
    form = {f"{act}-{field}": value for field, value in said.items()}
    return client.post(page(row, f"acts/{act}"), form, follow=True)


def told(answer):
    return [str(message) for message in answer.context["messages"]]


class TestWhoSeesWhat:
    def test_a_clinician_sees_their_lists(self, admin, screening, alert, hold):
        index = admin.get("/admin/").content.decode()
        for name in LISTS:
            assert f"/admin/safety/{name}/" in index
            answer = admin.get(f"/admin/safety/{name}/")
            assert answer.status_code == 200
            assert "Ada" in answer.content.decode()

    @pytest.mark.parametrize("fields", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}])
    @pytest.mark.parametrize("name", LISTS)
    def test_staff_who_do_not_practise_see_nothing(self, name, fields, screening, alert, hold):
        client = signed_in(make_user("operator@clinic.example", **fields))
        assert client.get(f"/admin/safety/{name}/").status_code == 403
        for row in (screening, alert, hold):
            assert client.get(page(row)).status_code == 403
        assert "/admin/safety/" not in client.get("/admin/").content.decode()

    @pytest.mark.parametrize("name", LISTS)
    def test_a_patient_is_sent_to_sign_in(self, name, ada):
        answer = signed_in(ada.user).get(f"/admin/safety/{name}/")
        assert answer["Location"].startswith("/admin/login/")

    def test_who_no_longer_practises_sees_nothing(self, admin, ben, screening, at):
        ben.role_grants.update(ends_at=at - timedelta(hours=1))
        assert admin.get(page(screening)).status_code == 403

    def test_somebody_elses_is_as_absent_as_none(self, screening, hold, ben, cyd_practises, cyd, at):
        taken = services.acknowledge(Alert.objects.get(patient=hold.patient), by=ben, at=at)
        services.close(taken, by=ben, reason="Seen.", at=at)
        cyd.user.is_staff = True
        cyd.user.save()
        client = signed_in(cyd.user)
        for row in (screening, hold):
            others = client.get(page(row))
            row.pk = ABSENT
            absent = client.get(page(row))
            assert (others.status_code, others["Location"]) == (absent.status_code, absent["Location"])

    def test_nothing_is_added_changed_or_deleted_by_hand(self, admin, screening, alert, hold):
        for row in (screening, alert, hold):
            name = row._meta.model_name
            assert admin.get(f"/admin/safety/{name}/add/").status_code == 403
            assert admin.get(page(row, "delete")).status_code == 403
            assert admin.post(page(row), {"status": "closed", "note": "x"}).status_code == 403
            assert "delete_selected" not in admin.get(f"/admin/safety/{name}/").content.decode()


class TestScreenings:
    def test_what_waits_comes_first(self, admin, enrollment, screening, at):
        newer = answered(enrollment, at=at)
        shown = admin.get("/admin/safety/screening/").content.decode()
        assert page(newer) in shown
        assert page(screening) not in shown
        assert page(screening) in admin.get("/admin/safety/screening/?list=all").content.decode()

    def test_the_explanation_is_shown_and_escaped(self, admin, enrollment, at):
        screening = answered(enrollment, at=at, other_conditions=["<script>alert(1)</script>"])
        shown = admin.get(page(screening)).content.decode()
        assert "Rule: other_conditions" in shown
        assert "<script>alert(1)" not in shown
        assert "&lt;script&gt;alert(1)" in shown

    def test_deciding_signs(self, admin, screening, ben):
        answer = do(admin, screening, "review", outcome="accepted", reason="Nothing against it.")
        assert told(answer) == ["Signed: accepted."]
        review = ScreeningReview.objects.get()
        assert (review.signature.signer, review.reason) == (ben, "Nothing against it.")
        shown = answer.content.decode()
        assert "Ben Example, MD" in shown
        assert "acts/review/" not in shown

    def test_a_refusal_is_shown_with_its_reasons(self, admin, enrollment, at):
        screening = answered(enrollment, at=at, ketamine_allergy="yes")
        answer = do(admin, screening, "review", outcome="accepted", reason="Mild.")
        assert "Hypersensitivity to ketamine" in told(answer)[0]
        assert not ScreeningReview.objects.exists()

    def test_once(self, admin, screening):
        do(admin, screening, "review", outcome="accepted", reason="Fine.")
        answer = do(admin, screening, "review", outcome="declined", reason="No.")
        assert "decided on this screening already" in told(answer)[0]
        assert ScreeningReview.objects.get().outcome == "accepted"

    @pytest.mark.parametrize("said", [{}, {"outcome": "accepted"}, {"outcome": "maybe", "reason": "x"}])
    def test_an_incomplete_form_decides_nothing(self, said, admin, screening):
        assert told(do(admin, screening, "review", **said))
        assert not ScreeningReview.objects.exists()

    def test_somebody_elses_cannot_be_decided(self, screening, cyd_practises, cyd):
        cyd.user.is_staff = True
        cyd.user.save()
        answer = do(signed_in(cyd.user), screening, "review", outcome="accepted", reason="x")
        assert answer.status_code == 404
        assert not ScreeningReview.objects.exists()

    def test_who_does_not_practise_decides_nothing(self, screening):
        operator = make_user("operator@clinic.example", is_staff=True, is_superuser=True)
        answer = do(signed_in(operator), screening, "review", outcome="accepted", reason="x")
        assert answer.status_code == 404
        assert not ScreeningReview.objects.exists()

    def test_an_act_needs_its_form(self, admin, screening):
        assert admin.get(page(screening, "acts/review")).status_code == 405
        assert do(admin, screening, "no-such-act").status_code == 404

    def test_an_act_needs_a_token_from_our_own_page(self, screening, ben):
        client = Client(enforce_csrf_checks=True)
        client.force_login(ben)
        answer = client.post(
            page(screening, "acts/review"), {"review-outcome": "accepted", "review-reason": "x"}
        )
        assert answer.status_code == 403
        assert not ScreeningReview.objects.exists()


class TestAlerts:
    def test_the_page_offers_the_next_step_alone(self, admin, alert, ben, at):
        shown = admin.get(page(alert)).content.decode()
        assert "acts/acknowledge/" in shown
        assert "acts/close/" not in shown
        services.acknowledge(alert, by=ben, at=at)
        shown = admin.get(page(alert)).content.decode()
        assert "acts/acknowledge/" not in shown
        assert "acts/close/" in shown

    def test_taking_in_hand_and_closing(self, admin, alert, ben):
        do(admin, alert, "acknowledge")
        answer = do(admin, alert, "close", reason="Talked.")
        assert told(answer) == ["Closed. Holds that stand until each is lifted: 1."]
        alert.refresh_from_db()
        assert (alert.status, alert.acknowledged_by) == ("closed", ben)
        assert alert.signature.signer == ben

    def test_closing_says_which_holds_stand(self, admin, hold, ada):
        alert = Alert.objects.get()
        do(admin, alert, "acknowledge")
        assert "stand until each is lifted: 1" in told(do(admin, alert, "close", reason="Seen."))[0]
        assert queries.open_holds(ada.pk) == [hold]

    def test_out_of_order(self, admin, alert):
        assert "cannot become closed" in told(do(admin, alert, "close", reason="Talked."))[0]
        alert.refresh_from_db()
        assert alert.status == "open"

    def test_a_list_that_there_is_not_is_the_first(self, admin, alert):
        answer = admin.get("/admin/safety/alert/?list=zzz")
        assert answer.status_code == 200
        assert page(alert) in answer.content.decode()

    def test_closed_ones_are_on_another_list(self, admin, alert, ben, at):
        services.close(services.acknowledge(alert, by=ben, at=at), by=ben, reason="Talked.", at=at)
        assert page(alert) not in admin.get("/admin/safety/alert/").content.decode()
        assert page(alert) in admin.get("/admin/safety/alert/?list=closed").content.decode()


class TestHolds:
    def test_lifting(self, admin, hold, ada, ben):
        answer = do(admin, hold, "lift", reason="Recovered.")
        assert told(answer) == ["Lifted. Other holds and open alerts stand."]
        hold.refresh_from_db()
        assert hold.lift_signature.signer == ben
        assert queries.open_holds(ada.pk) == []

    def test_not_without_a_reason(self, admin, hold, ada):
        assert told(do(admin, hold, "lift", reason=" "))
        assert queries.open_holds(ada.pk) == [hold]

    def test_once(self, admin, hold):
        do(admin, hold, "lift", reason="Recovered.")
        assert "lifted already" in told(do(admin, hold, "lift", reason="Again."))[0]


def test_an_alerts_page_shows_who_was_paged_and_how_far_that_came(admin, alert, at):
    pages = Delivery.objects.filter(dedupe_key__startswith=f"alert:{alert.pk}:")
    assert pages.update(status="failed", finished_at=at, outcome="Not taken at try 1 (refused with 550).")
    shown = admin.get(page(alert)).content.decode()
    assert "Ben Example, MD" in shown
    assert "refused with 550" in shown
