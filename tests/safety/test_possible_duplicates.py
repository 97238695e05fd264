"""Charts that look alike stop treatment: operators are told while any waits, and have a page to settle it."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.enums import Role
from accounts.models import User
from accounts.services import grant_role
from core.encryption import decrypt
from notifications.models import Delivery
from safety import tasks
from safety.identity.models import ChartComparison
from safety.identity.queries import identity_facts
from safety.identity.services import call_for_duplicates
from tests.conftest import make_clinician, make_patient, make_user
from tests.core.test_looks import looks

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
LIST = "/admin/safety/possibleduplicate/"
FOUND = {"compare-outcome": "two", "compare-reason": "Called both; born in different towns."}


def operator(email, at) -> User:
    user = make_user(email, is_staff=True)
    grant_role(user, Role.OPERATOR, granted_by=None, at=at - DAY)
    return user


@pytest.fixture
def olga(at) -> User:
    """The operator."""
    return operator("olga@clinic.example", at)


@pytest.fixture
def again(ada):
    """Somebody with Ada's name and birth date, in another account."""
    return make_patient("ada2@example.org", "ADA  Example")


@pytest.fixture
def browser(olga) -> Client:
    client = Client()
    client.force_login(olga)
    return client


def calls() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("pk").values_list("user__email", "kind"))


class TestCalling:
    def test_nobody_while_nothing_waits(self, ada, cyd, olga, at):
        assert not call_for_duplicates(at=at)
        assert calls() == []

    def test_every_operator_once_a_day_until_it_is_settled(self, ada, again, olga, at):
        operator("omar@clinic.example", at)
        for hours in (0, 1, 2):
            assert call_for_duplicates(at=at + timedelta(hours=hours))
        assert sorted(calls()) == [
            ("olga@clinic.example", "triage_page"),
            ("omar@clinic.example", "triage_page"),
        ]
        assert call_for_duplicates(at=at + DAY)
        assert len(calls()) == 4
        ChartComparison.objects.create(
            kept=ada, other=again, outcome="different", reason="Called both.", decided_by=olga, decided_at=at
        )
        assert not call_for_duplicates(at=at + 2 * DAY)
        assert len(calls()) == 4

    def test_the_message_leads_to_the_chart_that_waits_longest(self, ada, again, browser, at):
        call_for_duplicates(at=at)
        mail = Delivery.objects.get()
        words = decrypt(bytes(mail.payload), place=f"notifications_delivery.payload:{mail.pk}")["words"]
        assert words["link"].endswith(f"{LIST}{ada.pk}/change/")
        assert "Ada Example" in browser.get(f"{LIST}{ada.pk}/change/").content.decode()

    def test_without_an_operator_the_log_has_an_error(self, ada, again, at, caplog):
        assert call_for_duplicates(at=at)
        assert calls() == []
        assert "no operator looks at them" in caplog.text
        assert "Ada" not in caplog.text

    def test_by_the_clock(self, ada, again, olga):
        tasks.call_for_duplicates()
        tasks.call_for_duplicates()
        assert len(calls()) == 1


class TestPage:
    def test_lists_who_waits_and_nobody_else(self, ada, again, cyd, browser):
        shown = browser.get(LIST).content.decode()
        assert all(str(chart.pk) in shown for chart in (ada, again))
        assert str(cyd.pk) not in shown
        assert browser.get(f"{LIST}{cyd.pk}/change/").status_code == 302

    def test_whoever_is_shown_there_was_looked_at(self, ada, again, olga, browser):
        browser.get(f"{LIST}{ada.pk}/change/")
        for chart in (ada, again):
            assert {(who, what) for who, what, _ in looks(chart)} == {
                (f"person:{olga.pk}", "admin:possibleduplicate")
            }

    def test_two_people_are_treated_again(self, ada, again, browser):
        assert identity_facts(ada).has_unsettled_twin
        form = FOUND | {"compare-other": str(again.pk)}
        answer = browser.post(f"{LIST}{ada.pk}/acts/compare/", form, follow=True)
        assert answer.redirect_chain[-1][0] == LIST
        assert "both may be treated" in answer.content.decode()
        assert not identity_facts(ada).has_unsettled_twin
        assert not identity_facts(again).has_unsettled_twin

    @pytest.mark.parametrize("goes_on", ["this", "other"])
    def test_of_one_person_the_chosen_chart_goes_on(self, ada, again, browser, goes_on):
        form = FOUND | {"compare-other": str(again.pk), "compare-outcome": goes_on}
        browser.post(f"{LIST}{ada.pk}/acts/compare/", form)
        assert identity_facts(ada).is_second_chart == (goes_on == "other")
        assert identity_facts(again).is_second_chart == (goes_on == "this")

    def test_a_third_one_still_waits_and_the_page_stays(self, ada, again, browser):
        third = make_patient("ada3@example.org", "Ada Example")
        form = FOUND | {"compare-other": str(again.pk)}
        answer = browser.post(f"{LIST}{ada.pk}/acts/compare/", form, follow=True)
        assert answer.redirect_chain[-1][0] == f"{LIST}{ada.pk}/change/"
        shown = answer.content.decode()
        assert str(third.pk) in shown
        assert str(again.pk) not in shown

    @pytest.mark.parametrize("change", [{"compare-reason": ""}, {"compare-outcome": "same"}, {"cyd": True}])
    def test_half_an_answer_is_asked_again(self, ada, again, cyd, browser, change):
        form = FOUND | {"compare-other": str(cyd.pk if change.pop("cyd", False) else again.pk)} | change
        answer = browser.post(f"{LIST}{ada.pk}/acts/compare/", form)
        assert answer.status_code == 200
        assert "errorlist" in answer.content.decode()
        assert not ChartComparison.objects.exists()

    def test_nobody_settles_their_own(self, ada, again, at):
        user = again.user
        user.is_staff = True
        user.save()
        grant_role(user, Role.OPERATOR, granted_by=None, at=at - DAY)
        client = Client()
        client.force_login(user)
        client.post(f"{LIST}{ada.pk}/acts/compare/", FOUND | {"compare-other": str(again.pk)})
        assert not ChartComparison.objects.exists()

    def test_it_is_the_operators_alone(self, ada, again, ben):
        client = Client()
        client.force_login(ben)
        assert client.get(LIST).status_code == 403
        assert client.get(f"{LIST}{ada.pk}/change/").status_code == 403
        form = FOUND | {"compare-other": str(again.pk)}
        assert client.post(f"{LIST}{ada.pk}/acts/compare/", form).status_code == 404
        assert not ChartComparison.objects.exists()


def test_who_hands_a_chart_over_comes_back_to_the_list(ada, ben, browser, at):
    """The row that they acted on is in the past by then."""
    make_clinician(make_user("dora@clinic.example", is_staff=True), "Dora Example", at=at)
    page = f"/admin/accounts/careteammembership/{ada.care_team.get().pk}"
    answer = browser.post(f"{page}/acts/hand-over/", {"hand-over-to": "dora@clinic.example"}, follow=True)
    assert answer.redirect_chain[-1][0] == "/admin/accounts/careteammembership/"
    assert "deleted" not in answer.content.decode()
