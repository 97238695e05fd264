import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from accounts.models import User
from tests.accounts.conftest import totp_now
from tests.conftest import PASSWORD, give_factor

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
Story = Callable[[Page], None]


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[Story], None]:
    """Return what lets a story happen in a real Chromium; it says NOT RUN where there is none.

    In a thread of its own: the browser's driver runs an event loop, in which Django would refuse to query.
    """
    if CHROMIUM is None:
        pytest.skip("NOT RUN: no Chromium here (.ci/run installs Debian's where it is root)")

    def run(story: Story) -> None:
        with sync_playwright() as driver:
            sandbox = [] if os.geteuid() else ["--no-sandbox"]
            quiet = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, *quiet])
            page = browser.new_page()
            try:
                story(page)
            finally:
                page.screenshot(path=tmp_path / "last.png", full_page=True)
                browser.close()

    def in_thread(story: Story) -> None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(run, story).result()

    return in_thread


def sign_in(page: Page, address: str, email: str) -> None:
    page.goto(f"{address}/admin/")
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", PASSWORD)
    page.get_by_role("button", name="Sign In", exact=True).click()


def show_code(page: Page) -> None:
    page.fill("input[name=code]", totp_now())
    page.get_by_role("button", name="Sign In", exact=True).click()


@pytest.fixture
def ben(ben: User) -> User:
    """Ben, who has an authenticator app."""
    give_factor(ben)
    return ben
