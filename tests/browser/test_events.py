"""A clinician triages an event in the admin, in a real browser."""

from datetime import timedelta

import pytest
from playwright.sync_api import expect

from core.actors import Actor
from safety import services as safety
from safety.events.models import EventAssessment, FollowUp
from safety.services import EventReport
from tests.browser.conftest import show_code, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_triages_an_event(browse, live_server, ada, ben, at, tmp_path):
    told = "She fainted in the bathroom. 😵 I found her on the floor, she came round after a minute."
    reports = (
        EventReport(description=told, onset_at=at - timedelta(hours=3)),
        EventReport(description="Felt sick for ten minutes, then it passed.", is_serious=False),
    )
    for report in reports:
        safety.report_event(
            ada.pk, report=report, actor=Actor.person(ada.user_id), at=at - timedelta(hours=2)
        )

    def story(page):
        page.set_viewport_size({"width": 1280, "height": 900})
        sign_in(page, live_server.url, ben.email)
        show_code(page)
        page.goto(f"{live_server.url}/admin/safety/adverseevent/")
        rows = page.locator("#result_list tbody tr")
        expect(rows.nth(0)).to_contain_text("Serious: nobody said not")
        expect(rows.nth(1)).to_contain_text("not serious")
        page.screenshot(path=tmp_path / "queue.png", full_page=True)
        rows.nth(0).get_by_role("link").click()
        expect(page.locator("#content")).to_contain_text("She fainted in the bathroom. 😵")
        page.get_by_role("button", name="I have this in hand").click()
        expect(page.locator(".messagelist")).to_contain_text("nobody is paged any more")
        page.screenshot(path=tmp_path / "event.png", full_page=True)

        signing = page.locator("details#assess")
        signing.get_by_label("What it was").fill("fainting")
        signing.get_by_label("2: Little had to be done", exact=False).check()
        for question, answer in (
            ("Outcome", "recovering"),
            ("Causality (WHO-UMC)", "possible"),
            ("Expectedness:", "unexpected"),
            ("What was done about the medicine", "unknown"),
            ("Went away without the medicine", "not_tried"),
            ("Came back with it", "not_tried"),
        ):
            signing.get_by_label(question, exact=False).first.select_option(answer)
        signing.get_by_label("Expectedness is judged by").fill("Ketamine injection, US label")
        page.screenshot(path=tmp_path / "form.png", full_page=True)
        signing.get_by_label("Its version").fill("2024-05")
        signing.get_by_label("MedDRA code").fill("nausea")
        signing.get_by_role("button").click()
        expect(page.locator(".messagelist")).to_contain_text("MedDRA code")
        expect(signing.get_by_label("What it was")).to_have_value("fainting")
        signing.get_by_label("MedDRA code").fill("")
        signing.get_by_role("button").click()
        expect(page.locator(".messagelist")).to_contain_text("Signed: version 1, grade 2.")
        expect(page.locator("#content")).to_contain_text("Find out how it goes on")

    browse(story)
    assert EventAssessment.objects.get().term == "fainting"
    asked = FollowUp.objects.filter(event__description=told)
    assert [follow_up.ended_at is None for follow_up in asked.order_by("set_at")] == [False, True]
