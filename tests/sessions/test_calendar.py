"""An entry for one's own calendar tells when, and nothing of what; a call's link is shown, never sent."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar
from rest_framework.test import APIClient

from accounts.models import Patient
from notifications.messages import telling
from notifications.models import Delivery
from sessions.calendar import entry
from sessions.enums import SessionStatus
from sessions.models import TreatmentSession
from sessions.rules.calls import MOST_CHARACTERS, call_fault
from tests.api import post
from tests.sessions import stages

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
LASTS = timedelta(hours=3)
LINK = "https://video.example/j/42?pwd=abc#room"


def made(**changes: Any) -> TreatmentSession:
    values = {
        "pk": UUID(int=7),
        "status": SessionStatus.SCHEDULED,
        "scheduled_at": datetime(2026, 3, 8, 6, 30, tzinfo=UTC),
        "timezone": "America/New_York",
        "version": 1,
    }
    return TreatmentSession(**values | changes)


def only_event(file: bytes) -> Any:
    (event,) = Calendar.from_ical(file).walk("VEVENT")
    return event


def read(session: TreatmentSession) -> Any:
    return only_event(entry(session, lasts=LASTS, at=AT))


def test_it_is_in_the_zone_it_was_booked_in_over_a_change_of_the_clocks() -> None:
    event = read(made())
    begins, ends = event["DTSTART"].dt, event["DTEND"].dt
    assert event["DTSTART"].params["TZID"] == "America/New_York"
    assert begins.isoformat() == "2026-03-08T01:30:00-05:00"
    # The night in which two o'clock is skipped: three hours later it is half past five.
    assert ends.isoformat() == "2026-03-08T05:30:00-04:00"


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"])
def test_whoever_reads_it_finds_the_same_moment(zone: str) -> None:
    session = made(timezone=zone)
    event = read(session)
    assert event["DTSTART"].dt.astimezone(UTC) == session.scheduled_at
    assert event["DTEND"].dt.astimezone(UTC) == session.scheduled_at + LASTS
    file = entry(session, lasts=LASTS, at=AT).decode()
    assert ("BEGIN:VTIMEZONE" in file) is (zone != "UTC")


def test_a_change_is_the_same_entry_with_a_higher_sequence() -> None:
    before, after = read(made()), read(made(version=2, scheduled_at=AT + timedelta(days=9)))
    assert before["UID"] == after["UID"]
    assert before["SEQUENCE"] < after["SEQUENCE"]
    assert read(made(pk=UUID(int=8)))["UID"] != before["UID"]


def test_called_off_it_is_marked_so_and_blocks_no_time() -> None:
    event = read(made(status=SessionStatus.CANCELLED, version=3))
    assert (event["STATUS"], event["SUMMARY"], event["TRANSP"]) == ("CANCELLED", "Called off", "TRANSPARENT")


@pytest.mark.parametrize("status", SessionStatus.values)
def test_it_tells_nothing_of_what_it_is(status: str) -> None:
    session = made(status=status)
    file = entry(session, lasts=LASTS, at=AT).decode().replace("\r\n ", "")
    lines = [line.partition(":")[2] for line in file.splitlines() if not line.startswith("TZ")]
    assert not [line for line in lines if telling(line)]
    assert str(session.pk) not in file
    assert "example" not in file.lower().replace("+1-555", "")


def test_twin_a_telling_word_in_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.calendar.SUMMARY", "Ketamine session")
    with pytest.raises(AssertionError):
        test_it_tells_nothing_of_what_it_is(SessionStatus.SCHEDULED)


def test_patient_and_monitor_download_it(
    as_ada: APIClient, as_dan: APIClient, session: TreatmentSession
) -> None:
    for client in (as_ada, as_dan):
        answer = client.get(f"/api/v1/sessions/{session.pk}/calendar", HTTP_ACCEPT="text/calendar")
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/calendar")
        assert answer["Content-Disposition"] == 'attachment; filename="appointment.ics"'
        event = only_event(answer.content)
        zone = ZoneInfo(session.timezone)
        assert event["DTSTART"].dt == session.scheduled_at.astimezone(zone).replace(microsecond=0)


def test_a_stranger_finds_none(as_cyd: APIClient, session: TreatmentSession) -> None:
    answer = as_cyd.get(f"/api/v1/sessions/{session.pk}/calendar", HTTP_ACCEPT="text/calendar")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


# --- the call ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", [LINK, "https://a.example", "https://a.example:8443/x", "https://xn--4ca.example/"]
)
def test_a_link_to_a_page_by_https_is_taken(url: str) -> None:
    assert call_fault(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://video.example/j/42",
        "javascript:alert(1)",
        "data:text/html,x",
        "//video.example/j",
        "video.example/j/42",
        "https://",
        "https://localhost/j",
        "https://ada:secret@video.example/j",
        "https://video.example@evil.example/j",
        "https://video.example/a b",
        "https://video.example/a\\b",
        "https://video.example/\u202e",
        "https://vidéo.example/j",
        "https://video.example:port/",
        "https://[::1/",
        "https://video.example/" + "x" * MOST_CHARACTERS,
    ],
)
def test_anything_else_is_refused_in_words(url: str) -> None:
    assert call_fault(url).endswith(".")


def test_it_is_shown_with_the_session_and_kept_encrypted(
    as_ben: APIClient, as_ada: APIClient, as_dan: APIClient, session: TreatmentSession
) -> None:
    path = f"sessions/{session.pk}"
    tag = as_ada.get(f"/api/v1/{path}")["ETag"]
    assert post(as_ben, f"{path}/call-link", {"url": LINK}).json()["call_url"] == LINK
    for client in (as_ada, as_dan):
        assert client.get(f"/api/v1/{path}").json()["call_url"] == LINK
    assert as_ada.get(f"/api/v1/{path}")["ETag"] != tag
    assert b"video" not in bytes(stages.fetch(session).call_url)
    assert post(as_ben, f"{path}/call-link", {"url": ""}).status_code == 200
    assert as_ada.get(f"/api/v1/{path}").json()["call_url"] == ""


def test_no_message_and_no_calendar_has_it(
    as_ben: APIClient, as_ada: APIClient, ada: Patient, session: TreatmentSession, at: datetime
) -> None:
    before = Delivery.objects.count()
    post(as_ben, f"sessions/{session.pk}/call-link", {"url": LINK})
    assert Delivery.objects.count() == before
    file = as_ada.get(f"/api/v1/sessions/{session.pk}/calendar", HTTP_ACCEPT="text/calendar").content
    assert b"video.example" not in file


@pytest.mark.parametrize("body", [{"url": "http://video.example"}, {"url": None}, {}, {"url": LINK, "x": 1}])
def test_bad_input_is_a_400(as_ben: APIClient, session: TreatmentSession, body: dict[str, Any]) -> None:
    assert post(as_ben, f"sessions/{session.pk}/call-link", body).status_code == 400


def test_neither_patient_nor_monitor_nor_stranger_sets_it(
    as_ada: APIClient, as_dan: APIClient, as_cyd: APIClient, session: TreatmentSession
) -> None:
    path = f"sessions/{session.pk}/call-link"
    assert [post(one, path, {"url": LINK}).status_code for one in (as_ada, as_dan, as_cyd)] == [403, 403, 404]


def test_not_once_it_is_over(as_ben: APIClient, as_ada: APIClient, session: TreatmentSession) -> None:
    path = f"sessions/{session.pk}"
    post(as_ada, f"{path}/cancel", {"reason": ""})
    assert post(as_ben, f"{path}/call-link", {"url": LINK}).status_code == 409
