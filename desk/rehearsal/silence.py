"""Three sessions of one person's program; in the second the monitor falls silent, and somebody comes."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from accounts.enums import Role
from accounts.models import User
from accounts.services import grant_role
from assessments.instruments import instruments
from assessments.schedule import schedule
from desk.rehearsal import day
from desk.rehearsal.client import Client, Mailbox, StepFailed
from desk.rehearsal.cohort import PASSWORD, Participant, fill_in
from desk.rehearsal.people import answer_anew
from desk.rehearsal.report import Row
from notifications.enums import DeliveryStatus
from notifications.models import Delivery
from notifications.queries import how_far
from safety.enums import AlertClass
from safety.ladders import shipped
from sessions.drills.queries import by_step, page_name
from sessions.drills.rules import Call, Step, faults, minutes, seconds, told

SESSIONS, SILENT = 3, 2
REVIEWED = (1,)
"""After which of them the policy that ships has a clinician read the log, before the next one starts."""
BETWEEN = timedelta(days=7)
TOO_SOON = timedelta(days=3)
BEFORE = timedelta(seconds=3)
"""So long before a moment the clock's leap ends: what follows is found in real time."""
PAGES = 3
"""So many before somebody answers: to one clinician, then twice to everybody on call."""
BACK_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was heard of a silence: which check-in was missed, the alert, when each page was to come."""

    deadline: str
    alert: str
    programmed: tuple[datetime, ...]
    packet_read_at: datetime

    @property
    def missed_at(self) -> datetime:
        """Return by when the check-in should have come."""
        return self.programmed[0]


@dataclass
class Silence:
    """One person's three sessions, and what was found in them."""

    person: Participant
    clinicians: list[Client]
    clock: day.Clock
    mailbox: Mailbox
    say: Callable[[str], None]
    rng: Random
    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Go through the sessions, a week apart, with everything that is asked between them."""
        self._guided()
        first = day.afternoon(self.clock.now(), in_days=3)
        for number in range(1, SESSIONS + 1):
            at = first + BETWEEN * (number - 1)
            session = self._prepared(at)
            day.begin(session, clock=self.clock)
            heard = self._escalated(session) if number == SILENT else None
            self._watch_to_the_end(session)
            if heard is not None:
                self._tell(session, heard)
            self._afterwards(session, at=at, number=number)
            self.say(f"session {number} of {SESSIONS} of one person is over")
        self.rows.insert(0, Row("sessions completed, a week apart", str(SESSIONS)))

    def _prepared(self, at: datetime) -> day.Session:
        """Book, fill in what is due before it, and bind the monitor's link; let it be the hour before."""
        self.clock.until(at - timedelta(days=2))
        patient = day.book(self.person, at)
        self._fill_in()
        address = day.invite(patient)
        session = day.Session(patient, day.open_link(patient, address, mailbox=self.mailbox))
        reminded = self.mailbox.from_now_on()
        self.clock.until(at - timedelta(hours=1))
        reminded.wait_for(self.person.client.email, "(Something is coming up)")
        return session

    def _watch_to_the_end(self, session: day.Session) -> None:
        """Check in as long as somebody has to be watched, then end."""
        dosed_at = datetime.fromisoformat(self.person.client.get(session.path)["dosed_at"])
        while self.clock.now() < dosed_at + day.WATCHED:
            day.check_in(session.monitor, at=self.clock.advance(day.CHECK_IN_EVERY))
        day.end(session, at=self.clock.now())

    def _afterwards(self, session: day.Session, *, at: datetime, number: int) -> None:
        """Reflect, tell of an effect, which a clinician looks at; fill in what opens, be seen to be done."""
        day.reflect(session.patient)
        noted = self.person.client.post(f"{session.path}/effects", {"answers": {"nausea": "yes"}})
        said = {"outcome": "expected", "reason": "Passed within the hour."}
        self._carer(session).post(f"effects/{noted['id']}/triages", said)
        if number < SESSIONS:
            self._refused_too_soon(at + TOO_SOON)
        opens_at = self.clock.now() + timedelta(days=1, minutes=1)
        day.answer_morning(session.patient, clock=self.clock)
        self.clock.until(opens_at)
        self._fill_in()
        _until(lambda: self.person.client.get(session.path)["status"] == "completed", "completed")
        if number in REVIEWED:
            self._refused_unread(session)
            _until(lambda: day.review(self.clinicians), "a review")

    def _refused_unread(self, session: day.Session) -> None:
        """Have whoever signs a log that they have not read be told so."""
        unread = {"log_sha256": "0" * 64, "note": "Not read."}
        refusal = self._carer(session).post(f"{session.path}/review", unread, expect=(409,))
        if refusal["code"] != "log_changed":
            raise StepFailed(f"a log was signed unread: {refusal}")

    def _fill_in(self) -> None:
        asked = [instruments()[code] for code in schedule().every_instrument()]
        fill_in(self.person.client, answer_anew(asked, rng=self.rng))

    def _refused_too_soon(self, at: datetime) -> None:
        body = {"scheduled_at": at.isoformat(), "timezone": day.ZONE.key}
        path = f"enrollments/{self.person.enrollment}/sessions"
        refusal = self.person.client.post(path, body, expect=(409, 422))
        if [reason["code"] for reason in refusal["reasons"]] != ["too_soon"]:
            raise StepFailed(f"{TOO_SOON.days} days after a dose: {refusal['reasons']}")

    def _carer(self, session: day.Session) -> Client:
        """Return the clinician in whose care the person is; to the other the session does not exist."""
        for clinician in self.clinicians:
            try:
                clinician.get(session.path)
            except StepFailed:
                continue
            return clinician
        raise StepFailed("nobody cares for whoever is in session")

    # --- the silence ---------------------------------------------------------------------------------

    def _escalated(self, session: day.Session) -> Heard:
        """Let the monitor check in once and fall silent, until somebody answers; then they come back."""
        day.check_in(session.monitor, at=self.clock.advance(day.CHECK_IN_EVERY))
        deadline = self._first_deadline(session)
        programmed = [datetime.fromisoformat(deadline["due_at"])]
        clinician = self._carer(session)
        self.clock.until(programmed[0] - BEFORE)
        alert = self._found(clinician, session)
        _left(f"check-in:{deadline['id']}:")
        _left(f"alert:{alert['id']}:0:")
        _left(f"alert:{alert['id']}:guide:")
        self.say("the monitor is silent: a deadline was missed, people are called")
        while len(programmed) < PAGES:
            programmed.append(datetime.fromisoformat(alert["next_page_at"]))
            self.clock.until(programmed[-1] - BEFORE)
            alert = self._paged(clinician, alert["id"], times=len(programmed))
            _left(f"alert:{alert['id']}:{len(programmed) - 1}:")
        packet_read_at = self._read_packet(session, clinician)
        clinician.post(f"alerts/{alert['id']}/acknowledgements", {})
        self.clock.advance(BACK_AFTER)
        day.check_in(session.monitor, at=self.clock.now())
        reason = {"reason": "The monitor had fallen asleep; called, both are well."}
        clinician.post(f"alerts/{alert['id']}/closures", reason)
        self.say("a clinician answered and closed it, the monitor is back")
        return Heard(deadline["id"], alert["id"], tuple(programmed), packet_read_at)

    def _guided(self) -> None:
        """Let somebody guide the person, as they are told of a silence too."""
        guide = Client(self.person.client.base_url, email=f"guide-of-{self.person.client.email}")
        guide.sign_up(PASSWORD)
        guide.confirm_address(self.mailbox)
        user = User.objects.get(email=guide.email)
        grant_role(user, Role.GUIDE, granted_by=None, at=self.clock.now())
        patient = self.person.client.get("me")["patient"]["id"]
        director = self.clinicians[0]
        director.post("care-team/handovers", {"role": Role.GUIDE, "to": str(user.pk), "patient": patient})
        guide.close()

    def _read_packet(self, session: day.Session, clinician: Client) -> datetime:
        """Have a colleague who does not care for the person read, in one call, what help asks for."""
        colleague = next(one for one in self.clinicians if one is not clinician)
        packet = colleague.get(f"{session.path}/emergency-packet")
        street = packet["snapshot"]["place"]["address"]["lines"]
        if not packet["is_intact"] or street != day.STREET:
            raise StepFailed(f"the emergency packet is not what was given: {street}")
        return self.clock.now()

    def _first_deadline(self, session: day.Session) -> dict[str, str]:
        deadlines: list[dict[str, str]] = self.person.client.get(session.path)["deadlines"]
        return min(deadlines, key=lambda deadline: datetime.fromisoformat(deadline["due_at"]))

    def _found(self, clinician: Client, session: day.Session) -> Any:
        source = f"check-in:{session.patient.session}"

        def look() -> Any:
            alerts = clinician.every("alerts?limit=100")
            return next((one for one in alerts if one["source"] == source and one["pages_sent"]), None)

        return _until(look, "an alert about the silence")

    @staticmethod
    def _paged(clinician: Client, alert: str, *, times: int) -> Any:
        def look() -> Any:
            shown = clinician.get(f"alerts/{alert}")
            return shown if shown["pages_sent"] >= times else None

        return _until(look, f"page {times}")

    def _tell(self, session: day.Session, heard: Heard) -> None:
        """Keep what came of each step, as whoever answered the alert reads it."""
        clinician = self._carer(session)
        alert = clinician.get(f"alerts/{heard.alert}")
        log = clinician.get(f"{session.path}/log")["lines"]
        missed = [line["id"] for line in log if line["kind"] == "check_in_missed"]
        pages = by_step(how_far(f"alert:{heard.alert}:"))
        steps = self._steps(heard, pages)
        if missed != [heard.deadline] or set(pages) != set(range(PAGES)):
            self.problems.append(f"{len(missed)} check-ins missed, pages {sorted(pages)}")
        self.problems += [fault for step in steps for fault in faults(step)]
        found_after = datetime.fromisoformat(alert["opened_at"]) - heard.missed_at
        self.rows += [
            Row("missed check-in found", f"{seconds(found_after)} after it"),
            *(_row(step, since=heard.missed_at) for step in steps),
            Row("calls received by SMTP, each once", _received(steps)),
            Row(
                "emergency packet read by a colleague on call",
                minutes(heard.packet_read_at - heard.missed_at),
            ),
            Row(f"{alert['status']}, answered by", str(alert["acknowledged_by"])),
        ]

    def _steps(self, heard: Heard, pages: Mapping[int, list[Delivery]]) -> list[Step]:
        arrived = self.mailbox.ids()
        called = how_far(f"check-in:{heard.deadline}:")
        steps = [_step("patient and monitor called", heard.missed_at, 2, called, arrived)]
        guide = how_far(f"alert:{heard.alert}:guide:")
        steps.append(_step("guide told, beside page 1", heard.missed_at, 1, guide, arrived))
        ladder = shipped()[AlertClass.MISSED_CHECK_IN]
        for number, moment in enumerate(heard.programmed):
            wanted = len(ladder.step(number).called(self.clinicians))
            rows = pages.get(number, [])
            steps.append(_step(page_name(number, ladder), moment, wanted, rows, arrived))
        return steps


def _step(
    what: str, programmed_at: datetime, wanted: int, rows: Iterable[Delivery], arrived: Mapping[str, int]
) -> Step:
    calls = (
        Call(row.finished_at if row.status == DeliveryStatus.SENT else None, arrived[str(row.pk)])
        for row in rows
    )
    return Step(what, programmed_at, wanted, tuple(calls))


def _until(look: Callable[[], Any], what: str) -> Any:
    """Look until there is something; raises `StepFailed` where it does not come in time."""
    deadline = time.monotonic() + day.PATIENCE_S
    while not (found := look()):
        if time.monotonic() > deadline:
            raise StepFailed(f"{what} did not come")
        time.sleep(0.2)
    return found


def _left(prefix: str) -> None:
    """Wait until every message whose key begins so has left: a leap of the clock would count as delay."""
    waiting = (DeliveryStatus.DUE, DeliveryStatus.LEASED)
    _until(lambda: all(row.status not in waiting for row in how_far(prefix)), f"the messages of {prefix}")


def _row(step: Step, *, since: datetime) -> Row:
    return Row(*told(step, since=since))


def _received(steps: Iterable[Step]) -> str:
    calls = [call for step in steps for call in step.calls]
    return f"{sum(call.arrived == 1 for call in calls)} of {sum(step.wanted for step in steps)}"
