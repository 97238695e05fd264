"""A medical director drafts the next screening policy in the admin, in a real browser."""

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from safety.drafts.models import PolicyDraft
from tests.browser.conftest import show_code, sign_in
from tests.browser.test_policy import listening

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def wrong(page):
    """Return what keeps somebody from using what is ours of a page; around it stands Django's admin."""
    found = Axe().run(page, context="#content").response["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


def test_a_rule_is_changed_with_what_is_wrong_beside_its_field(browse, live_server, ben, tmp_path):
    seen: list[str] = []
    faults: list[tuple[str, list[str]]] = []

    def story(page):
        def look(name):
            # What the looking itself makes the browser complain of is not the page's.
            seen.extend(said)
            page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
            faults.extend(wrong(page))
            said.clear()

        page.set_viewport_size({"width": 1280, "height": 900})
        said = listening(page)
        sign_in(page, live_server.url, ben.email)
        show_code(page)
        page.goto(f"{live_server.url}/admin/safety/policydraft/")
        page.get_by_role("link", name="Begin a draft").click()
        look("begin")
        page.get_by_label("The newest example that ships").check()
        page.get_by_role("button", name="Begin").click()
        expect(page.locator("#content")).to_contain_text("Nothing to mend")
        look("draft")

        page.get_by_role("link", name="blood_pressure_at_crisis_level").click()
        number = page.locator("input[name=part-0-bound]")
        number.fill("1800")
        page.get_by_role("button", name="Save this rule").click()
        expect(page.locator(".messagelist")).to_contain_text("still to be mended")
        expect(page.locator(".parts .mend")).to_contain_text("Number: 1800 is outside")
        expect(number).to_have_value("1800")
        shown = page.locator(".parts").bounding_box()
        assert shown["x"] + shown["width"] <= 1280
        look("rule")
        page.get_by_role("link", name=", version").click()
        expect(page.locator("#content")).to_contain_text("1 to mend")
        told, acts = (page.locator(each).bounding_box() for each in ("#content-main", "form.module >> nth=0"))
        assert acts["y"] >= told["y"] + told["height"]
        look("to_mend")

    browse(story)
    assert not faults, faults
    assert seen == []
    assert PolicyDraft.objects.get().version == 2
