"""One whole first session: booked, prepared, watched, dosed, an adverse event, the morning after.

Its steps serve every other session of the rehearsal, too.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as hour_of_day
from itertools import count
from secrets import token_urlsafe
from threading import Lock
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from desk.rehearsal.client import Client, Mailbox, StepFailed
from desk.rehearsal.cohort import PLAN, Participant

ZONE = ZoneInfo("America/Chicago")
CHECK_IN_EVERY = timedelta(minutes=10)
WATCHED = timedelta(minutes=130)
PRESSURES = ((124, 79), (121, 78))
PRESSURE_AFTER = (127, 80)
SEATED = timedelta(minutes=5)
STREET = ["12 Example Street"]
HERE = {
    "address": {
        "lines": STREET,
        "city": "Albany",
        "state": "NY",
        "postal_code": "12207",
    },
    "phone": "+1 518 555 0100",
    "contact": {"name": "Mona Example", "phone": "+1 518 555 0101"},
}
PATIENCE_S = 60
"""More than a step may take, so that a late one is seen to be late."""
REFLECTION = "I said yes to everything, and nobody had asked me to."


@dataclass
class Clock:
    """The demo clock, which many go by at once; `advance` moves it and returns the moment it then shows."""

    advance: Callable[[timedelta], datetime]
    _moved: Lock = field(default_factory=Lock)

    def now(self) -> datetime:
        """Return the moment it shows."""
        return self.advance(timedelta(0))

    def until(self, moment: datetime) -> None:
        """Let it be `moment`, unless it is later already."""
        with self._moved:
            self.advance(max(moment - self.now(), timedelta(0)))


class Device:
    """A client whose entries carry their own numbers, so that none is stored twice."""

    def __init__(self, client: Client, session: str) -> None:
        self.client, self.session = client, session
        self._id, self._numbers = str(uuid4()), count(1)

    @property
    def path(self) -> str:
        """Return where the session is."""
        return f"sessions/{self.session}"

    def enter(self, kind: str, at: datetime, body: dict[str, Any]) -> Any:
        """Send an observation or a check-in."""
        numbered = {"client_id": self._id, "client_seq": next(self._numbers), "observed_at": at.isoformat()}
        return self.client.enter(f"{self.path}/{kind}", numbered | body)


@dataclass
class Session:
    """One session from its two ends."""

    patient: Device
    monitor: Device

    @property
    def path(self) -> str:
        """Return where it is."""
        return self.patient.path


def run(
    person: Participant,
    *,
    clock: Clock,
    mailbox: Mailbox,
    answer_alerts: Callable[[], None],
    say: Callable[[str], None],
) -> dict[str, int]:
    """Take one person through their first session; return what happened, counted."""
    scheduled_at = afternoon(clock.now(), in_days=2)
    patient = book(person, scheduled_at)
    address = invite(patient)
    session = Session(patient, open_link(patient, address, mailbox=mailbox))
    say("booked, prepared, monitor invited and here")
    _refused_too_early(patient)
    clock.until(scheduled_at - timedelta(hours=1, minutes=30))
    mailbox.wait_for(person.client.email, "(Something is coming up)")
    clock.advance(timedelta(hours=1))
    begin(session, clock=clock)
    say("readings taken, gate passed, dose taken")
    check_ins = _watch(session, clock=clock)
    say(f"watched for {WATCHED.seconds // 60} minutes with {check_ins} check-ins")
    event = _report_event(session.monitor)
    end(session, at=clock.now())
    _afterwards(person, session, answer_alerts, clock=clock)
    say("ended, reflected on, no driving until the morning after")
    return {"sessions": 1, "check-ins": check_ins, "adverse events": 1, "serious": int(event["is_serious"])}


def afternoon(now: datetime, *, in_days: int) -> datetime:
    """Return three o'clock where the cohort lives, some days from now: no reminder waits for quiet hours."""
    day = (now + timedelta(days=in_days)).astimezone(ZONE).date()
    return datetime.combine(day, hour_of_day(15), tzinfo=ZONE)


def book(person: Participant, at: datetime) -> Device:
    """Book the person's next session, and prepare for it."""
    body = {"scheduled_at": at.isoformat(), "timezone": ZONE.key}
    booked = person.client.post(f"enrollments/{person.enrollment}/sessions", body)
    patient = Device(person.client, booked["id"])
    preparation = person.client.get(f"{patient.path}/preparation")
    done = {item["key"]: True for item in preparation["items"]}
    person.client.patch(f"{patient.path}/preparation", {"items": done})
    return patient


def invite(patient: Device) -> str:
    """Invite somebody to stay, by an address that nobody else has; return it."""
    address = f"mona-{patient.session}@friends.example"
    body = {"first_name": "Mona", "email": address}
    patient.client.post(f"{patient.path}/monitor-invitations", body)
    return address


def open_link(patient: Device, address: str, *, mailbox: Mailbox) -> Device:
    """Open the link from the monitor's mail as they would, and bind it to their device by the code."""
    token = mailbox.wait_for(address, r"#monitor/([A-Za-z0-9_-]{43,})")
    key = token_urlsafe()
    monitor = Client(patient.client.base_url, headers={"Authorization": f"Capability {token} {key}"})
    code = patient.client.get(f"{patient.path}/monitor")["code"]
    monitor.post("monitor-devices", {"code": code, "device": key}, expect=(200,))
    if "enrollment" in monitor.get(patient.path):
        raise StepFailed("the monitor sees more than the session")
    return Device(monitor, patient.session)


def _refused_too_early(patient: Device) -> None:
    refusal = patient.client.post(f"{patient.path}/start", {}, expect=(409, 422))
    if refusal["status"] == 422 and len(refusal["reasons"]) < 3:
        raise StepFailed(f"refused with too few reasons: {refusal['reasons']}")


def begin(session: Session, *, clock: Clock) -> None:
    """Go through everything that the gate asks on the day, and take the dose."""
    vouch(session)
    for pressure in PRESSURES:
        clock.advance(SEATED)
        measure(session.patient, pressure, at=clock.now())
    start(session)


def vouch(session: Session) -> None:
    """Say that the monitor is there, how the patient is today, and where they are."""
    session.monitor.client.post(f"{session.path}/attestations", {"kind": "monitor_present"})
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
    client = session.patient.client
    client.post(f"{session.path}/attestations", {"kind": "patient_today", "answers": today})
    client.post(f"{session.path}/places", HERE)


def measure(patient: Device, pressure: tuple[int, int], *, at: datetime) -> None:
    """Enter a blood pressure in mmHg, and a heart rate."""
    systolic_mmhg, diastolic_mmhg = pressure
    reading = {"systolic_mmhg": systolic_mmhg, "diastolic_mmhg": diastolic_mmhg}
    patient.enter("observations", at, {"kind": "blood_pressure"} | reading)
    patient.enter("observations", at, {"kind": "heart_rate", "heart_rate_bpm": 71})


def start(session: Session) -> None:
    """Pass the gate, and take the dose that the plan orders."""
    session.patient.client.post(f"{session.path}/start", {}, expect=(200, 201))
    dose = {name: PLAN[name] for name in ("route", "dose_mg")}
    session.monitor.client.post(f"{session.path}/doses", dose)


def check_in(monitor: Device, *, at: datetime) -> None:
    """Say that all is well."""
    monitor.enter("check-ins", at, {"all_well": True})


def _watch(session: Session, *, clock: Clock) -> int:
    check_ins = 0
    for _ in range(WATCHED // CHECK_IN_EVERY):
        now = clock.advance(CHECK_IN_EVERY)
        check_in(session.monitor, at=now)
        session.monitor.enter("observations", now, {"kind": "alertness", "alertness": "talks_normally"})
        check_ins += 1
    running = session.patient.client.get(session.path)
    if running["status"] != "in_progress":
        raise StepFailed(f"the session is {running['status']}")
    return check_ins


def _report_event(monitor: Device) -> Any:
    said = {
        "session": monitor.session,
        "description": "Felt sick for ten minutes, then it passed.",
        "seriousness": [],
        "is_serious": "no",
        "ascertainment": "observed",
    }
    return monitor.client.post("adverse-events", said)


def end(session: Session, *, at: datetime) -> None:
    """Say that they talk normally, measure once more, end the watched time, and put the device away."""
    session.monitor.enter("observations", at, {"kind": "alertness", "alertness": "talks_normally"})
    measure(session.monitor, PRESSURE_AFTER, at=at)
    session.monitor.client.post(f"{session.path}/end", {}, expect=(200, 201))
    session.monitor.client.close()


def review(clinicians: Iterable[Client]) -> int:
    """Have each clinician read and sign what waits for their review and can be signed; return how many.

    Their sessions are over by the clock; the watchdog is given the seconds that it takes to say so.
    """
    signed = 0
    for clinician in clinicians:
        for waiting in clinician.every("sessions-to-review?limit=100"):
            path = f"sessions/{waiting['session']}"
            if _unsettled(clinician, path):
                continue
            read = {"log_sha256": clinician.get(f"{path}/log")["sha256"], "note": "Read; goes on as planned."}
            clinician.post(f"{path}/review", read)
            signed += 1
    return signed


def answer_morning(patient: Device, *, clock: Clock) -> None:
    """Say, once it is the morning after, that one slept and feels awake; only then one may drive."""
    clock.until(datetime.fromisoformat(patient.client.get(patient.path)["no_drive_until"]))
    before = patient.client.get(patient.path)
    patient.client.post(f"{patient.path}/morning-answers", {"slept": True, "is_alert": True})
    if before["may_drive"] or not patient.client.get(patient.path)["may_drive"]:
        raise StepFailed("driving is not a matter of the person's own word")


def _unsettled(clinician: Client, path: str) -> list[str]:
    """Return why a review cannot be signed, once its session is over, or does not get so in time."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        reasons = [reason["code"] for reason in clinician.get(f"{path}/review")["reasons"]]
        if "session_not_over" not in reasons or time.monotonic() > deadline:
            return reasons
        time.sleep(0.2)


def reflect(patient: Device) -> None:
    """Write down what came up, for the clinician to read."""
    patient.client.post(f"{patient.path}/reflections", {"text": REFLECTION, "shared_with": "clinician"})
    ended = patient.client.get(patient.path)
    if not ended["no_drive_until"] or ended["status"] != "recovering":
        raise StepFailed(f"after the end: {ended['status']}, no driving until {ended['no_drive_until']}")


def _afterwards(
    person: Participant, session: Session, answer_alerts: Callable[[], None], *, clock: Clock
) -> None:
    """Reflect, and be let drive in the morning: not while a clinician has yet to weigh what was reported."""
    day_later = clock.now() + timedelta(days=1)
    reflect(session.patient)
    answer_alerts()
    answer_morning(session.patient, clock=clock)
    clock.until(day_later)
    titles = [
        entry["title"] for entry in person.client.get(f"enrollments/{person.enrollment}/timeline")["results"]
    ]
    if not any("dosed" in title for title in titles):
        raise StepFailed(f"the timeline does not tell of the dose: {titles}")
