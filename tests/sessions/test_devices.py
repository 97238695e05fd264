"""The monitor's link opens on one device: the first on which the code is entered that was read aloud."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from rest_framework.test import APIClient

from accounts import services as accounts
from accounts.models import Capability, Patient
from core.actors import Actor
from safety.models import AdverseEvent, Alert
from sessions import errors, queries, services
from sessions.models import CheckIn, Observation, TreatmentSession
from tests.api import post
from tests.sessions import stages
from tests.sessions.conftest import by_link

PHONE = "the-key-of-dans-phone-1111"
OTHER = "the-key-of-an-old-tablet-2"
DAN = {"first_name": "Dan", "email": "dan@example.org"}


def on(device: str, token: str) -> APIClient:
    """Return a client that shows a link on a device, whatever the link is bound to."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Capability {token} {device}")
    return client


def enter(client: APIClient, code: str, device: str) -> Any:
    return client.post("/api/v1/monitor-devices", {"code": code, "device": device}, format="json")


@pytest.fixture
def token(session: TreatmentSession, as_ada: APIClient) -> str:
    """The link in Dan's mail; he has not entered the code."""
    assert post(as_ada, f"sessions/{session.pk}/monitor-invitations", DAN).status_code == 201
    return stages.token_in_mail(session)


@pytest.fixture
def code(token: str, session: TreatmentSession, as_ada: APIClient) -> str:
    """What Ada reads to him."""
    return str(as_ada.get(f"/api/v1/sessions/{session.pk}/monitor").json()["code"])


def test_the_patient_reads_the_code_and_sees_what_will_be_shown(
    session: TreatmentSession, as_ada: APIClient, as_ben: APIClient, code: str
) -> None:
    told = as_ada.get(f"/api/v1/sessions/{session.pk}/monitor").json()
    assert (len(code), code.isdigit(), told["first_name"], told["bound_at"]) == (6, True, "Dan", None)
    assert told["sees"][0] == "Your first name."
    assert as_ben.get(f"/api/v1/sessions/{session.pk}/monitor").json() == told


def test_before_anybody_is_asked_they_see_what_would_be_shown(
    session: TreatmentSession, as_ada: APIClient
) -> None:
    told = as_ada.get(f"/api/v1/sessions/{session.pk}/monitor").json()
    assert told.pop("sees")
    assert set(told.values()) == {"", None}


def test_the_code_is_kept_encrypted_and_the_key_hashed(code: str, token: str) -> None:
    assert code.encode() not in bytes(Capability.objects.get().code or b"")
    enter(on(PHONE, token), code, PHONE)
    link = Capability.objects.get()
    assert (link.code, PHONE in str(vars(link))) == (None, False)


def test_a_look_at_the_link_binds_nothing(session: TreatmentSession, token: str) -> None:
    """Previews of links open them."""
    for path in (f"sessions/{session.pk}", "monitor-devices"):
        assert on(PHONE, token).get(f"/api/v1/{path}").status_code in (403, 405)
    assert not Capability.objects.get().device_sha256


def test_without_the_code_the_link_opens_nothing(session: TreatmentSession, token: str, at: datetime) -> None:
    dan = on(PHONE, token)
    answer = dan.get(f"/api/v1/sessions/{session.pk}")
    assert (answer.status_code, answer.json()["code"]) == (403, "device_not_bound")
    refused = post(dan, f"sessions/{session.pk}/attestations", {"kind": "monitor_present"})
    assert (refused.status_code, refused.json()["code"]) == (403, "device_not_bound")
    sent = dan.post(f"/api/v1/sessions/{session.pk}/observations", pressure(at), format="json")
    assert (sent.status_code, Observation.objects.count()) == (403, 0)


def test_the_device_with_the_code_gets_in_and_again(
    session: TreatmentSession, code: str, token: str, as_ada: APIClient
) -> None:
    """A phone that does not hear our answer asks again."""
    for _ in range(2):
        answer = enter(on(PHONE, token), code, PHONE)
        assert (answer.status_code, answer.json()) == (200, {"session": str(session.pk)})
    assert on(PHONE, token).get(f"/api/v1/sessions/{session.pk}").status_code == 200
    told = as_ada.get(f"/api/v1/sessions/{session.pk}/monitor").json()
    assert (told["code"], bool(told["bound_at"])) == ("", True)


def test_another_device_does_not(session: TreatmentSession, code: str, token: str) -> None:
    enter(on(PHONE, token), code, PHONE)
    for device in (OTHER, "", PHONE[:-1]):
        answer = on(device, token).get(f"/api/v1/sessions/{session.pk}")
        assert (answer.status_code, answer.json()["code"]) == (403, "other_device")
    assert enter(on(OTHER, token), code, OTHER).json()["code"] == "other_device"
    assert on(PHONE, token).get(f"/api/v1/sessions/{session.pk}").status_code == 200


@pytest.mark.parametrize(
    "wrong", ["000000", "", " ", "1234567890123456789012345", "\u0661\u0662\u0663\u0664\u0665\u0666"]
)
def test_another_code_binds_nothing(code: str, token: str, wrong: str) -> None:
    answer = enter(on(PHONE, token), wrong if wrong != code else "111111", PHONE)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/code")
    assert not Capability.objects.get().device_sha256


@pytest.mark.parametrize("device", ["", "short", "with a space in the middle of it", "é" * 30, "a" * 101])
def test_a_key_that_is_none_is_refused(code: str, token: str, device: str) -> None:
    answer = enter(on(PHONE, token), code, device)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/device")


def test_codes_are_tried_ten_times_and_no_more(
    session: TreatmentSession, code: str, token: str, settings: Any
) -> None:
    settings.LIMITS = settings.LIMITS | {"monitor_code": (3, 900)}
    wrong = "000000" if code != "000000" else "111111"
    assert [enter(on(OTHER, token), wrong, OTHER).status_code for _ in range(4)] == [400, 400, 400, 429]
    assert enter(on(OTHER, token), code, OTHER).status_code == 429


def test_a_bound_device_is_never_counted(code: str, token: str, settings: Any) -> None:
    settings.LIMITS = settings.LIMITS | {"monitor_code": (1, 900)}
    assert [enter(on(PHONE, token), code, PHONE).status_code for _ in range(4)] == [200] * 4


def test_of_two_devices_that_show_the_code_at_once_one_gets_the_link(
    session: TreatmentSession, code: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one has come in between the look at the code and the bond."""
    link = Capability.objects.get()

    def slowly(row: Capability) -> str:
        Capability.objects.filter(pk=link.pk).update(
            code=None, device_sha256=accounts.hash_token(PHONE), bound_at=link.created_at
        )
        return code

    monkeypatch.setattr("accounts.queries.code_of", slowly)
    answer = enter(on(OTHER, token), code, OTHER)
    assert (answer.status_code, answer.json()["code"]) == (403, "other_device")
    assert Capability.objects.get().device_sha256 == accounts.hash_token(PHONE)


def test_a_new_code_lets_another_device_in_and_the_first_one_out(
    session: TreatmentSession, code: str, token: str, as_ada: APIClient
) -> None:
    enter(on(PHONE, token), code, PHONE)
    fresh = post(as_ada, f"sessions/{session.pk}/monitor/releases").json()["code"]
    assert on(PHONE, token).get(f"/api/v1/sessions/{session.pk}").status_code == 403
    if fresh != code:
        assert enter(on(OTHER, token), code, OTHER).status_code == 400
    assert enter(on(OTHER, token), fresh, OTHER).status_code == 200
    assert on(PHONE, token).get(f"/api/v1/sessions/{session.pk}").json()["code"] == "other_device"


def test_a_broken_phone_is_replaced_while_the_session_runs(
    ada: Patient, at: datetime, as_ben: APIClient
) -> None:
    """The clinician reads the new code to them; every deadline stands."""
    session, _ = stages.dosed(ada, at=at)
    due = stages.open_due(session)
    token = stages.token_in_mail(session)
    told = post(as_ben, f"sessions/{session.pk}/monitor/releases")
    assert enter(on(OTHER, token), told.json()["code"], OTHER).status_code == 200
    entry = pressure(at) | {"kind": "comfort", "comfort": 8}
    del entry["systolic_mmhg"], entry["diastolic_mmhg"]
    sent = on(OTHER, token).post(f"/api/v1/sessions/{session.pk}/observations", entry, format="json")
    assert sent.status_code == 201, sent.content
    assert stages.open_due(session) == due


def test_without_an_invitation_there_is_nothing_to_release(
    session: TreatmentSession, as_ada: APIClient
) -> None:
    answer = post(as_ada, f"sessions/{session.pk}/monitor/releases")
    assert (answer.status_code, answer.json()["code"]) == (409, "nobody_invited")


def test_nobody_else_reads_or_makes_a_code(
    session: TreatmentSession, as_dan: APIClient, as_cyd: APIClient
) -> None:
    path = f"sessions/{session.pk}/monitor"
    assert [client.get(f"/api/v1/{path}").status_code for client in (as_dan, as_cyd)] == [403, 404]
    assert [post(client, f"{path}/releases").status_code for client in (as_dan, as_cyd)] == [403, 404]


def test_no_dose_while_the_link_waits_for_a_device(ada: Patient, at: datetime) -> None:
    session = stages.booked(ada, at=at)
    monitor = Actor.capability(stages.prepared(session, at=at).pk)
    services.release_monitor(session, at=at)
    with stages.refused(errors.SessionNotStartable) as refusal:
        services.start_session(stages.fetch(session), actor=Actor.person(ada.user_id), at=at)
    assert {"monitor_missing", "monitor_not_present"} <= {one.code for one in refusal.value.reasons}
    later = at + timedelta(seconds=1)
    link = queries.current_link(session.pk, at=at)
    assert link is not None
    code = str(queries.watcher(session, at=at).code)
    accounts.bind_device(link.capability_id, code=code, device=OTHER, at=later)
    with stages.refused(errors.SessionNotStartable) as refusal:
        services.start_session(stages.fetch(session), actor=monitor, at=later)
    assert [one.code for one in refusal.value.reasons] == ["monitor_not_present"]
    services.attest_monitor_present(stages.fetch(session), actor=monitor, at=later)
    assert services.start_session(stages.fetch(session), actor=monitor, at=later).status == "in_progress"


def test_twin_when_every_device_counts_as_bound_it_starts(
    ada: Patient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = stages.booked(ada, at=at)
    monitor = Actor.capability(stages.prepared(session, at=at).pk)
    services.release_monitor(session, at=at)
    monkeypatch.setattr(Capability, "is_held", True)
    assert services.start_session(stages.fetch(session), actor=monitor, at=at).status == "in_progress"


class TestHeardAllTheSame:
    """Whoever has the link and calls for help is heard, on whatever device."""

    @pytest.fixture
    def stranger(self, ada: Patient, at: datetime) -> APIClient:
        self.session, _ = stages.dosed(ada, at=at)
        return on(OTHER, stages.token_in_mail(self.session))

    def test_help_is_wanted(self, stranger: APIClient, at: datetime) -> None:
        said = entry(at) | {"all_well": False}
        answer = stranger.post(f"/api/v1/sessions/{self.session.pk}/check-ins", said, format="json")
        reasons = {one["code"] for one in answer.json()["reasons"]}
        assert (answer.status_code, answer.json()["code"], reasons) == (
            403,
            "other_device",
            {"call_emergency"},
        )
        assert Alert.objects.filter(status="open").count() == 1
        assert not CheckIn.objects.exists()

    def test_all_is_well_is_not_taken(self, stranger: APIClient, at: datetime) -> None:
        due = stages.open_due(self.session)
        said = entry(at) | {"all_well": True}
        answer = stranger.post(f"/api/v1/sessions/{self.session.pk}/check-ins", said, format="json")
        assert (answer.status_code, CheckIn.objects.count(), stages.open_due(self.session)) == (403, 0, due)

    def test_a_report_of_harm(self, stranger: APIClient) -> None:
        answer = post(stranger, "adverse-events", {"description": "She does not breathe well."})
        assert answer.status_code == 201
        assert AdverseEvent.objects.get().is_serious


def test_a_link_made_before_there_were_codes_goes_on(session: TreatmentSession, at: datetime) -> None:
    _, token = stages.invited(session, at=at)
    Capability.objects.update(code=None, device_sha256="", bound_at=None)
    assert on(PHONE, token).get(f"/api/v1/sessions/{session.pk}").status_code == 200
    assert enter(on(PHONE, token), "000000", PHONE).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"device_sha256": "a" * 64},
        {"bound_at": datetime.fromisoformat("2026-03-02T12:00:00+00:00")},
        {
            "device_sha256": "a" * 64,
            "bound_at": datetime.fromisoformat("2026-03-02T12:00:00+00:00"),
            "code": b"x",
        },
    ],
)
def test_the_database_refuses_half_a_bond(
    session: TreatmentSession, token: str, change: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Capability.objects.update(**change)


def test_the_page_has_no_chart_and_asks_every_time(db: None, client: Any) -> None:
    page = client.get("/monitor/")
    assert (page.status_code, page["Cache-Control"]) == (200, "no-cache")
    assert page.content.decode().index("Call 911 now") < page.content.decode().index("<form")
    assert b"They cannot be woken." in page.content
    worker = client.get("/monitor/worker.js")
    assert worker["Content-Type"].startswith("text/javascript")
    assert client.post("/monitor/").status_code == 405


def test_another_text_is_another_worker(db: None, client: Any, settings: Any) -> None:
    first = client.get("/monitor/worker.js").content
    assert client.get("/monitor/worker.js").content == first
    settings.CLINIC_PHONE = "+1-555-0199"
    assert client.get("/monitor/worker.js").content != first


def test_an_old_invitation_leads_on(db: None, client: Any) -> None:
    assert b"desk/app.js" in client.get("/app/").content
    assert by_link("wrong").get("/api/v1/me").status_code == 401


def entry(at: datetime) -> dict[str, Any]:
    return {
        "client_id": "0199c0de-0000-4000-8000-000000000001",
        "client_seq": 1,
        "observed_at": at.isoformat(),
    }


def pressure(at: datetime) -> dict[str, Any]:
    return entry(at) | {"kind": "blood_pressure", "systolic_mmhg": 118, "diastolic_mmhg": 76}
