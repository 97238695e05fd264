"""Whoever stays, on a phone: without a connection and back nothing is lost; everybody can use the page."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import expect

from core import clock
from core.actors import Actor
from safety.models import AdverseEvent, Alert
from sessions import queries, services
from sessions.models import CheckIn, Dose, DoseOutcome, Observation
from tests.browser.test_policy import listening
from tests.figures import RECORDED
from tests.sessions import stages

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {
    "viewport": {"width": 360, "height": 740},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
SHOWN = RECORDED.parent / "monitor-page.png"
"""Where the page is photographed; docs/monitor-page.png is a copy."""
KEPT = """async () => {
    await navigator.serviceWorker.ready;
    for (;;) {
        const kept = await caches.match("/monitor/");
        if (kept && navigator.serviceWorker.controller) return true;
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}"""


ANOTHER_KEY = """(key) => new Promise((resolve) => {
    const opening = indexedDB.open("monitor", 1);
    opening.onsuccess = () => {
        const facts = opening.result.transaction("facts", "readwrite").objectStore("facts");
        const before = facts.get("device");
        facts.put(key, "device");
        facts.transaction.oncomplete = () => {
            opening.result.close();
            resolve(before.result);
        };
    };
})"""
"""Makes the phone another device than the one that the link is bound to, and returns its first key."""


def on_a_phone(page, **more):
    return page.context.browser.new_context(**PHONE, **more).new_page()


def open_link(page, live_server, token):
    page.goto(f"{live_server.url}/monitor/#monitor/{token}")
    expect(page.get_by_label("Code")).to_be_visible()


def enter(page, code):
    """Enter the code that was read aloud."""
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Use this phone").click()
    expect(page.locator("#stand")).to_contain_text("Ada:")


def unbound(session, *, at):
    """The monitor's link as it comes in the mail, waiting for its code."""
    services.release_monitor(session, at=at)
    return stages.token_in_mail(session), queries.watcher(session, at=at).code


def violations(page):
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


def test_without_a_connection_and_back_nothing_is_lost(browse, live_server, ada, at):
    session, _ = stages.dosed(ada, at=at)
    token, code = unbound(session, at=at)
    due = stages.open_due(session)
    seen: list[str] = []
    faults: list[tuple[str, list[str]]] = []

    def story(desktop):
        page = on_a_phone(desktop)
        said = listening(page)
        open_link(page, live_server, token)
        faults.extend(violations(page))
        enter(page, code)
        assert token not in page.url
        expect(page.locator("#due")).to_contain_text("Next check-in by")
        page.evaluate(KEPT)

        page.context.set_offline(True)
        page.get_by_role("button", name="All is well").click()
        page.get_by_label("Upper number").fill("124")
        page.get_by_label("Lower number").fill("79")
        page.locator("#pressure").get_by_role("button").click()
        page.get_by_label("Talks normally").check()
        page.locator("#alertness").get_by_role("button").click()
        expect(page.locator("#entries .waiting")).to_have_count(3)
        expect(page.locator("#connection")).to_contain_text("3 entries are not sent yet")
        page.reload()
        expect(page.locator("#entries .waiting")).to_have_count(3)
        expect(page.get_by_role("link", name="Call 911")).to_have_attribute("href", "tel:911")
        expect(page.locator("#connection")).to_contain_text("No connection")
        expect(page.locator("main > *").first).to_contain_text("Call 911 now")
        expect(page.locator("#tell")).to_contain_text("The dose was taken at")
        for charted in ("Ada Example", "Example Street", "1984", "Sertraline"):
            expect(page.locator("body")).not_to_contain_text(charted)
        faults.extend(violations(page))
        page.screenshot(path=SHOWN, full_page=True, scale="css")

        page.context.set_offline(False)
        expect(page.locator("#entries .sent")).to_have_count(3, timeout=15_000)
        page.reload()
        expect(page.locator("#entries .sent")).to_have_count(3)
        expect(page.locator("#connection")).to_be_empty()
        faults.extend(violations(page))
        seen.extend(text for text in said if "ERR_INTERNET_DISCONNECTED" not in text)

    browse(story)
    assert faults == []
    assert seen == []
    assert CheckIn.objects.get().all_well
    pressure, alertness = Observation.objects.filter(session=session).order_by("received_at", "id")[2:]
    assert (pressure.systolic_mmhg, pressure.diastolic_mmhg) == (124, 79)
    assert alertness.alertness == "talks_normally"
    assert pressure.observed_at < alertness.observed_at
    assert pressure.client_id == alertness.client_id
    assert stages.open_due(session) == due[1:]


def test_before_the_dose_and_when_help_is_wanted(browse, live_server, ada, at):
    session, _ = stages.started(ada, at=at)
    token, code = unbound(session, at=at)

    def story(desktop):
        page = on_a_phone(desktop)
        open_link(page, live_server, token)
        page.get_by_role("button", name="Something is wrong").click()
        expect(page.locator("#helped")).to_contain_text("Call 911 now")
        expect(page.locator("#entries .sent")).to_have_count(1)

        enter(page, code)
        page.get_by_label("Upper number").fill("14")
        page.get_by_label("Lower number").fill("79")
        page.locator("#pressure").get_by_role("button").click()
        expect(page.locator("#entries .refused").first).to_contain_text("Is a digit missing?")
        page.locator("#harm textarea").fill("She was sick once.")
        page.locator("#harm").get_by_role("button").click()
        expect(page.locator("#entries .sent")).to_have_count(2)

        other = on_a_phone(desktop)
        open_link(other, live_server, token)
        other.get_by_label("Code").fill(code)
        other.get_by_role("button", name="Use this phone").click()
        expect(other.locator("#bind .refusal")).to_contain_text("on another device")

    browse(story)
    assert AdverseEvent.objects.count() == 2
    assert Alert.objects.filter(patient=ada, status="open").exists()
    assert not CheckIn.objects.exists()


def test_from_being_there_to_the_dose(browse, live_server, ada, at):
    session = stages.booked(ada, at=at - timedelta(minutes=10))
    stages.invited(session, at=at - timedelta(minutes=10))
    token, code = unbound(session, at=at - timedelta(minutes=10))
    patient = Actor.person(ada.user_id)
    services.attest_patient_today(session, answers=stages.WELL, actor=patient, at=at)
    services.give_place(session, place=stages.HERE, actor=patient, at=at)
    stages.watchdog_lives()
    for minutes in (6, 3):
        entry = stages.reading(at=at - timedelta(minutes=minutes), seq=minutes)
        services.observe(stages.fetch(session), entry=entry, actor=patient, at=clock.now())

    def story(desktop):
        page = on_a_phone(desktop)
        open_link(page, live_server, token)
        enter(page, code)
        page.get_by_role("button", name="I am an adult, I am here, and I stay").click()
        page.get_by_role("button", name="Start", exact=True).click()
        expect(page.locator("#stand")).to_contain_text("It runs")
        page.get_by_label("How it is taken").select_option("sublingual")
        page.get_by_label("How much, in mg").fill("30")
        page.get_by_role("button", name="It was taken just now").click()
        expect(page.locator("#entries .refused")).to_contain_text("300.0 mg")
        page.get_by_label("How it is taken").select_option("sublingual")
        page.get_by_label("How much, in mg").fill("300")
        page.get_by_role("button", name="It was taken just now").click()
        expect(page.locator("#entries .sent")).to_have_count(1)
        expect(page.locator("#dose")).to_be_hidden()

    browse(story)
    dose = Dose.objects.get()
    assert (dose.session_id, dose.actor.kind) == (session.pk, "capability")


def test_a_dose_that_came_up_again_is_told_without_a_connection_too(browse, live_server, ada, at):
    session, _ = stages.dosed(ada, at=at)
    token, code = unbound(session, at=at)
    faults: list[tuple[str, list[str]]] = []
    heights: list[float] = []

    def story(desktop):
        page = on_a_phone(desktop)
        open_link(page, live_server, token)
        enter(page, code)
        page.evaluate(KEPT)
        page.context.set_offline(True)
        said = page.locator("#outcome")
        expect(said).to_contain_text("Give no second dose today")
        expect(said.get_by_label("It was not taken")).to_be_hidden()
        heights.extend(
            one.bounding_box()["height"] for one in (said.locator("#vomited"), said.locator("button"))
        )
        faults.extend(violations(page))
        said.get_by_label("It came up again").check()
        said.get_by_role("button", name="Tell the care team").click()
        expect(page.locator("#entries .waiting")).to_have_count(1)
        page.reload()
        expect(page.locator("#entries li")).to_contain_text("It came up again. Give no second dose")
        expect(said).to_be_hidden()
        page.context.set_offline(False)
        expect(page.locator("#entries .sent")).to_contain_text("Do not take it again", timeout=15_000)

    browse(story)
    assert faults == []
    assert min(heights) >= 44
    outcome = DoseOutcome.objects.get()
    assert (outcome.session_id, outcome.kind, outcome.actor.kind) == (session.pk, "vomited", "capability")
    assert Alert.objects.filter(source=f"vomited-dose:{session.pk}").exists()


def test_from_a_phone_that_lost_the_link_every_emergency_is_heard_and_kept_for_later(
    browse, live_server, ada, at
):
    session, _ = stages.dosed(ada, at=at)
    token, code = unbound(session, at=at)
    told: list[list[str]] = []

    def story(desktop):
        page = on_a_phone(desktop)
        open_link(page, live_server, token)
        enter(page, code)
        own = page.evaluate(ANOTHER_KEY, "the-key-of-another-phone-22")
        posted: list[str] = []
        page.on("request", lambda sent: posted.append(what(sent)) if what(sent) else None)

        see(page, "talks_normally")
        expect(page.get_by_label("Code")).to_be_visible()
        measure(page, 121, 79)
        measure(page, 230, 130)
        expect(page.locator("#entries .sent")).to_have_count(1)
        expect(page.locator("#helped")).to_contain_text("Call 911 now")
        see(page, "cannot_be_woken")
        expect(page.locator("#entries .sent")).to_have_count(2)
        page.get_by_label("It came up again").check()
        page.locator("#outcome").get_by_role("button").click()
        expect(page.locator("#entries .sent").first).to_contain_text("A clinician is called")
        expect(page.locator("#entries .waiting")).to_have_count(2)
        page.wait_for_timeout(6_000)
        told.append([*posted])

        page.evaluate(ANOTHER_KEY, own)
        posted.clear()
        page.reload()
        expect(page.locator("#entries .sent")).to_have_count(5)
        expect(page.locator("#entries .waiting")).to_have_count(0)
        expect(page.locator("#entries .sent").first).to_contain_text("Do not take it again")
        told.append([*posted])

    browse(story)
    assert told == [
        ["talks_normally", "121", "230", "cannot_be_woken", "vomited"],
        ["cannot_be_woken", "vomited", "121", "230", "talks_normally"],
    ]
    sources = set(Alert.objects.filter(patient=ada).values_list("source", flat=True))
    assert {f"call:{session.pk}", f"vomited-dose:{session.pk}"} <= sources
    assert DoseOutcome.objects.get().kind == "vomited"
    assert Observation.objects.filter(session=session, actor_kind="capability").count() == 2 + 4


def measure(page, upper, lower):
    page.get_by_label("Upper number").fill(str(upper))
    page.get_by_label("Lower number").fill(str(lower))
    page.locator("#pressure").get_by_role("button").click()
    expect(page.locator("#entries")).to_contain_text(f"{upper}/{lower}")


def see(page, alertness):
    page.locator(f"#alertness input[value={alertness}]").check()
    page.locator("#alertness").get_by_role("button").click()


def what(sent):
    """Return what an entry that the page sends is of."""
    if sent.method != "POST" or not sent.url.endswith(("/observations", "/dose-outcomes")):
        return ""
    said = sent.post_data_json
    return said.get("alertness") or str(said.get("systolic_mmhg", said["kind"]))


def test_a_dose_that_was_not_taken_is_told_and_none_is_taken_after_it(browse, live_server, ada, at):
    session, _ = stages.started(ada, at=at)
    token, code = unbound(session, at=at)

    def story(desktop):
        page = on_a_phone(desktop)
        open_link(page, live_server, token)
        enter(page, code)
        expect(page.locator("#dose")).to_be_visible()
        page.get_by_label("It was not taken").check()
        page.locator("#outcome").get_by_role("button").click()
        expect(page.locator("#entries .sent")).to_contain_text("Put the medicine away")
        expect(page.locator("#dose")).to_be_hidden()
        expect(page.get_by_label("It was not taken")).to_be_hidden()

    browse(story)
    assert DoseOutcome.objects.get().kind == "refused"


def test_what_happened_is_written_down_by_one_tap(browse, live_server, ada, at, tmp_path):
    session, _ = stages.dosed(ada, at=at)
    token, code = unbound(session, at=at)

    def story(desktop):
        page = on_a_phone(desktop)
        open_link(page, live_server, token)
        expect(page.get_by_role("button", name="I helped them to the bathroom")).to_be_hidden()
        enter(page, code)
        page.get_by_role("button", name="I helped them to the bathroom").click()
        page.get_by_role("button", name="We spoke with the guide").click()
        expect(page.locator("#entries .sent")).to_have_count(2, timeout=15_000)
        page.locator("#happened").scroll_into_view_if_needed()
        page.screenshot(path=tmp_path / "happened.png")

    browse(story)
    written = Observation.objects.filter(session=session, kind__in=["bathroom", "guide_call"])
    assert sorted(row.kind for row in written) == ["bathroom", "guide_call"]


def test_before_the_end_what_waits_is_sent_or_asked_about(browse, live_server, ada, at):
    session, monitor = stages.dosed(ada, at=at - timedelta(hours=3))
    stages.recovered(session, monitor, at=at)
    token, code = unbound(session, at=at)
    asked: list[str] = []

    def answer(dialog):
        asked.append(dialog.message)
        if asked[1:]:
            dialog.accept()
        else:
            dialog.dismiss()

    def story(desktop):
        page = on_a_phone(desktop)
        open_link(page, live_server, token)
        enter(page, code)
        page.context.route("**/observations", lambda route: route.abort())
        page.locator("#other textarea").fill("She slept.")
        page.locator("#other").get_by_role("button").click()
        expect(page.locator("#entries .waiting")).to_have_count(1)
        page.on("dialog", answer)
        for _ in "once", "twice":
            with page.expect_event("dialog"):
                page.get_by_role("button", name="End the session").click()
            page.context.unroute("**/observations")
        expect(page.locator("#stand")).to_contain_text("No driving", timeout=15_000)
        expect(page.locator("#entries .waiting")).to_have_count(0)

    browse(story)
    assert [message.startswith("Not all that you wrote down is sent yet.") for message in asked] == [
        True,
        False,
    ]
    assert stages.fetch(session).status == "recovering"


def test_twin_where_the_browser_keeps_nothing_a_reload_loses_it(browse, live_server, ada, at):
    """The same way without what the phone keeps: the first test would see it."""
    session, _ = stages.dosed(ada, at=at)
    token, code = unbound(session, at=at)

    def story(desktop):
        page = on_a_phone(desktop)
        page.add_init_script("Object.defineProperty(window, 'indexedDB', { value: undefined })")
        open_link(page, live_server, token)
        enter(page, code)
        expect(page.locator("#connection")).to_contain_text("keep it open")
        page.evaluate(KEPT)
        page.context.set_offline(True)
        page.get_by_role("button", name="All is well").click()
        expect(page.locator("#entries .waiting")).to_have_count(1)
        page.reload()
        expect(page.locator("#connection")).not_to_be_empty()
        expect(page.locator("#entries .waiting")).to_have_count(0)

    # What the server has says nothing: being offline is played to a page only until it is left.
    browse(story)
