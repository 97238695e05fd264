"""A clinician's morning in the admin, in a real browser."""

import pytest
from playwright.sync_api import expect

from core.actors import Actor
from programs.models import Enrollment
from safety import services as safety
from safety.enums import AlertClass
from tests import steps
from tests.browser.conftest import show_code, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_decides_on_a_screening_and_signs_a_plan(browse, live_server, ada, ben, at):
    enrollment = steps.enrolled(ada, at=at)
    safety.screen(enrollment.pk, answers=steps.HEALTHY, actor=Actor.person(ada.user_id), at=at)

    def story(page):
        sign_in(page, live_server.url, ben.email)
        show_code(page)
        page.get_by_role("link", name="Screenings", exact=True).first.click()
        page.get_by_role("link", name="Ada Example").click()
        expect(page.locator("#content")).to_contain_text("Eligible by the answers given")
        page.get_by_label("Accepted").check()
        page.get_by_label("Reason").fill("Nothing speaks against it.")
        page.get_by_role("button", name="Sign a decision").click()
        expect(page.locator(".messagelist")).to_contain_text("Signed: accepted")

        page.goto(f"{live_server.url}/admin/programs/enrollment/{enrollment.pk}/change/")
        page.get_by_label("Dose in mg").fill("300")
        page.get_by_label("Sessions:", exact=True).fill("6")
        page.get_by_label("Days between sessions").fill("7")
        page.get_by_role("button", name="Sign a treatment plan").click()
        expect(page.locator(".messagelist")).to_contain_text("Signed: plan version 1")

        page.goto(f"{live_server.url}/admin/accounts/patient/{ada.pk}/change/")
        expect(page.locator("#content")).to_contain_text("Treatment plan signed, version: 1")
        expect(page.locator("#content")).to_contain_text("turn of the patient")

    browse(story)
    assert Enrollment.objects.get(pk=enrollment.pk).status == "awaiting_consent"


def test_answers_an_alert(browse, live_server, ada, ben, at):
    alert = safety.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=at)

    def story(page):
        sign_in(page, live_server.url, ben.email)
        show_code(page)
        page.goto(f"{live_server.url}/admin/safety/alert/{alert.pk}/change/")
        page.get_by_role("button", name="I have this in hand").click()
        expect(page.locator(".messagelist")).to_contain_text("nobody is paged any more")
        closing = page.locator("form", has=page.get_by_role("button", name="Sign that it is dealt with"))
        closing.get_by_label("Reason").fill("We talked; she is safe.")
        page.get_by_role("button", name="Sign that it is dealt with").click()
        expect(page.locator(".messagelist")).to_contain_text("Closed.")

    browse(story)
    alert.refresh_from_db()
    assert alert.status == "closed"


def test_a_patient_sees_nothing_of_it(browse, live_server, ada):
    def story(page):
        sign_in(page, live_server.url, ada.user.email)
        expect(page.locator("body")).to_contain_text("not_allowed")

    browse(story)
