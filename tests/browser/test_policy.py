"""In a real browser no page of ours is hindered by what its own headers forbid."""

import pytest
from playwright.sync_api import expect

from safety import services as safety
from safety.enums import AlertClass
from tests.browser.conftest import show_code, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def listening(page):
    """Return what the browser complains of on this page, and what the page failed at, as it happens."""
    said = []

    def heard(message):
        # The one picture that a browser asks for by itself; we have none.
        if message.type == "error" and not message.location["url"].endswith("/favicon.ico"):
            said.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said


def test_nothing_is_blocked_in_the_admin_the_app_page_and_the_api_page(browse, live_server, ada, ben, at):
    alert = safety.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=at)
    seen = []

    def story(page):
        said = listening(page)
        sign_in(page, live_server.url, ben.email)
        show_code(page)
        paths = ["admin/", "admin/safety/alert/", f"admin/safety/alert/{alert.pk}/change/", "app/"]
        for path in paths:
            page.goto(f"{live_server.url}/{path}")
        page.goto(f"{live_server.url}/api/docs/")
        expect(page.locator("#swagger-ui .opblock").first).to_be_visible()
        page.locator("#swagger-ui .opblock-summary").first.click()
        expect(page.locator("#swagger-ui .opblock-body").first).to_be_visible()
        seen.extend(said)

    browse(story)
    assert seen == []


def test_an_inline_script_does_not_run(browse, live_server, ada):
    seen = []

    def story(page):
        said = listening(page)
        page.goto(f"{live_server.url}/app/")
        page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
            " document.body.append(s); }"
        )
        seen.append(page.evaluate("window.ran"))
        seen.extend(said)

    browse(story)
    assert seen[0] is None
    assert "Content Security Policy" in seen[1]
