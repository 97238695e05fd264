"""One whole first session: booked, prepared, watched, dosed, an adverse event, the morning after."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import count
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from desk.rehearsal.client import Client, Mailbox, StepFailed
from desk.rehearsal.cohort import Participant

MONITOR = "mona@friends.example"
CHECK_IN_EVERY = timedelta(minutes=10)
WATCHED = timedelta(minutes=130)
HERE = {
    "address": {
        "lines": ["12 Example Street"],
        "city": "Albany",
        "state": "NY",
        "postal_code": "12207",
    },
    "phone": "+1 518 555 0100",
    "contact": {"name": "Mona Example", "phone": "+1 518 555 0101"},
}
REFLECTION = "I said yes to everything, and nobody had asked me to."


@dataclass
class Clock:
    """The demo clock, moved by `advance`, which returns the moment it then shows."""

    advance: Callable[[timedelta], datetime]

    def now(self) -> datetime:
        """Return the moment it shows."""
        return self.advance(timedelta(0))


@dataclass
class Device:
    """A client whose entries carry their own numbers, so that none is stored twice."""

    client: Client
    session: str

    def __post_init__(self) -> None:
        self._id, self._numbers = str(uuid4()), count(1)

    def enter(self, kind: str, at: datetime, body: dict[str, Any]) -> Any:
        """Send an observation or a check-in."""
        numbered = {"client_id": self._id, "client_seq": next(self._numbers), "observed_at": at.isoformat()}
        return self.client.enter(f"sessions/{self.session}/{kind}", numbered | body)


def run(person: Participant, *, clock: Clock, mailbox: Mailbox, say: Callable[[str], None]) -> dict[str, int]:
    """Take one person through their first session; return what happened, counted."""
    session, scheduled_at = _book(person, clock=clock)
    path = f"sessions/{session}"
    with _monitor(person, path, mailbox=mailbox) as monitor:
        say("booked, prepared, monitor invited and here")
        _refused_too_early(person.client, path)
        clock.advance(scheduled_at - timedelta(hours=1, minutes=30) - clock.now())
        mailbox.wait_for(person.client.email, "(Something is coming up)")
        clock.advance(timedelta(hours=1))
        _start(person, monitor, session, clock=clock)
        say("readings taken, gate passed, dose taken")
        check_ins = _watch(person, Device(monitor, session), clock=clock)
        say(f"watched for {WATCHED.seconds // 60} minutes with {check_ins} check-ins")
        event = _report_event(monitor, session)
        monitor.post(f"{path}/end", {}, expect=(200, 201))
    _afterwards(person, path, clock=clock)
    say("ended, reflected on, no driving until the morning after")
    return {"sessions": 1, "check-ins": check_ins, "adverse events": 1, "serious": int(event["is_serious"])}


def _book(person: Participant, *, clock: Clock) -> tuple[str, datetime]:
    """Book an afternoon, so that the reminder needn't wait for the end of quiet hours; prepare for it."""
    zone = ZoneInfo("America/Chicago")
    day = (clock.now() + timedelta(days=2)).astimezone(zone).date()
    at = datetime.combine(day, time(15), tzinfo=zone)
    body = {"scheduled_at": at.isoformat(), "timezone": zone.key}
    session: str = person.client.post(f"enrollments/{person.enrollment}/sessions", body)["id"]
    preparation = person.client.get(f"sessions/{session}/preparation")
    done = {item["key"]: True for item in preparation["items"]}
    person.client.patch(f"sessions/{session}/preparation", {"items": done})
    return session, at


@contextmanager
def _monitor(person: Participant, path: str, *, mailbox: Mailbox) -> Iterator[Client]:
    """Invite somebody, and open the link from their mail as they would."""
    person.client.post(f"{path}/monitor-invitations", {"first_name": "Mona", "email": MONITOR})
    token = mailbox.wait_for(MONITOR, r"#monitor/([A-Za-z0-9_-]{43,})")
    key = token_urlsafe()
    monitor = Client(person.client.base_url, headers={"Authorization": f"Capability {token} {key}"})
    try:
        code = person.client.get(f"{path}/monitor")["code"]
        monitor.post("monitor-devices", {"code": code, "device": key}, expect=(200,))
        if "enrollment" in monitor.get(path):
            raise StepFailed("the monitor sees more than the session")
        yield monitor
    finally:
        monitor.close()


def _refused_too_early(client: Client, path: str) -> None:
    refusal = client.post(f"{path}/start", {}, expect=(409, 422))
    if refusal["status"] == 422 and len(refusal["reasons"]) < 3:
        raise StepFailed(f"refused with too few reasons: {refusal['reasons']}")


def _start(person: Participant, monitor: Client, session: str, *, clock: Clock) -> None:
    path = f"sessions/{session}"
    monitor.post(f"{path}/attestations", {"kind": "monitor_present"})
    today = dict.fromkeys(
        (
            "alcohol_or_intoxication",
            "fever_or_vomiting",
            "sedatives_or_stimulants",
            "new_medicine",
            "pregnancy_possible",
        ),
        "no",
    )
    person.client.post(f"{path}/attestations", {"kind": "patient_today", "answers": today})
    person.client.post(f"{path}/places", HERE)
    device = Device(person.client, session)
    for systolic_mmhg, diastolic_mmhg in ((124, 79), (121, 78)):
        clock.advance(timedelta(minutes=5))
        reading = {
            "kind": "blood_pressure",
            "systolic_mmhg": systolic_mmhg,
            "diastolic_mmhg": diastolic_mmhg,
        }
        device.enter("observations", clock.now(), reading)
        device.enter("observations", clock.now(), {"kind": "heart_rate", "heart_rate_bpm": 71})
    person.client.post(f"{path}/start", {}, expect=(200, 201))
    monitor.post(f"{path}/doses", {"route": "sublingual", "dose_mg": "300.0"})


def _watch(person: Participant, device: Device, *, clock: Clock) -> int:
    check_ins = 0
    for _ in range(WATCHED // CHECK_IN_EVERY):
        now = clock.advance(CHECK_IN_EVERY)
        device.enter("check-ins", now, {"all_well": True})
        device.enter("observations", now, {"kind": "alertness", "alertness": "talks_normally"})
        check_ins += 1
    running = person.client.get(f"sessions/{device.session}")
    if running["status"] != "in_progress":
        raise StepFailed(f"the session is {running['status']}")
    return check_ins


def _report_event(monitor: Client, session: str) -> Any:
    said = {
        "session": session,
        "description": "Felt sick for ten minutes, then it passed.",
        "seriousness": [],
        "is_serious": "no",
        "ascertainment": "observed",
    }
    return monitor.post("adverse-events", said)


def _afterwards(person: Participant, path: str, *, clock: Clock) -> None:
    person.client.post(f"{path}/reflections", {"text": REFLECTION, "shared_with": "clinician"})
    ended = person.client.get(path)
    if not ended["no_drive_until"] or ended["status"] != "recovering":
        raise StepFailed(f"after the end: {ended['status']}, no driving until {ended['no_drive_until']}")
    clock.advance(timedelta(days=1))
    titles = [
        entry["title"] for entry in person.client.get(f"enrollments/{person.enrollment}/timeline")["results"]
    ]
    if not any("dosed" in title for title in titles):
        raise StepFailed(f"the timeline does not tell of the dose: {titles}")
