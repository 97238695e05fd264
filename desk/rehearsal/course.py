"""A small cohort's whole course: six sessions each, four burnout time points, and every reminder of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import cycle
from random import Random
from statistics import mean, stdev
from typing import Any
from uuid import UUID

from assessments.instruments import instruments
from assessments.instruments.definition import Instrument
from assessments.rules import missing_required
from assessments.schedule import BASELINE, Anchor, Point, schedule
from assessments.services import reminder_key
from desk.rehearsal import day
from desk.rehearsal.client import Client, Mailbox
from desk.rehearsal.cohort import Cohort, Participant, fill_in
from desk.rehearsal.harm import EXPECTED
from desk.rehearsal.people import answer_anew, calls_for_help
from desk.rehearsal.report import Row
from notifications.enums import DeliveryStatus
from notifications.models import Delivery
from notifications.queries import reminders_written

SESSIONS = 6
POINTS = (BASELINE, 2, 4, 6)
"""After which sessions burnout is measured: at four time points, the first before any."""
BETWEEN = timedelta(days=7)
LATE_EVERY = 5
"""One of so many answers only once they are reminded."""
CHECK_INS, CHECK_IN_EVERY = 8, timedelta(minutes=14)
"""As few as the policy lets: one in every quarter of an hour, less what the requests of all may take."""
LAST_MINUTES = timedelta(minutes=10)
BOOKED_AHEAD = timedelta(days=2)
REMINDED_AHEAD = timedelta(hours=23, minutes=30)
THERE_AHEAD = timedelta(minutes=30)
OPENS_AFTER, DUE_AFTER = timedelta(days=1, minutes=1), timedelta(days=3, minutes=1)
FORM_REMINDER = r"(Something is waiting for you|Two things for you)"
SESSION_REMINDER = r"(Something is coming up|Two things for you)"


@dataclass(frozen=True)
class Reminders:
    """The reminders of one thing, and how often each delivery arrived."""

    written: list[Delivery]
    arrived: Counter[str]

    def ended(self, status: DeliveryStatus) -> list[Delivery]:
        """Return those that ended so."""
        return [one for one in self.written if one.status == status]

    @property
    def sent(self) -> list[Delivery]:
        """Return those that the mail server took."""
        return self.ended(DeliveryStatus.SENT)

    @property
    def received(self) -> list[Delivery]:
        """Return those of the sent that came, and came once."""
        return [one for one in self.sent if self.arrived[str(one.pk)] == 1]

    def __str__(self) -> str:
        """Say how many were written down, called back after an answer, passed by, sent, received."""
        called_back, passed = self.ended(DeliveryStatus.CANCELLED), self.ended(DeliveryStatus.EXPIRED)
        parts = (self.written, called_back, passed, self.sent, self.received)
        return " / ".join(str(len(part)) for part in parts)


@dataclass
class Course:
    """Who goes through it, who answers late at which point, and what was found."""

    cohort: Cohort
    people: list[Participant]
    clinicians: list[Client]
    late: dict[int, list[Participant]]
    clock: day.Clock
    mailbox: Mailbox
    rngs: dict[Participant, Random]
    say: Callable[[str], None]
    booked: dict[Participant, tuple[day.Device, str]] = field(default_factory=dict)
    sessions: dict[Participant, day.Session] = field(default_factory=dict)
    trends: dict[Participant, list[Any]] = field(default_factory=dict)
    reminders: dict[int | None, Reminders] = field(default_factory=dict)

    def answer_baseline(self) -> None:
        """Have those who did not fill in everything at once do so, once they are reminded."""
        self._each("answering when reminded", self._answer_baseline_reminded, self.late[BASELINE])

    def run(self) -> None:
        """Go through all sessions, a week apart, and fill in what is asked between them."""
        first = day.afternoon(self.clock.now(), in_days=3)
        for number in range(1, SESSIONS + 1):
            self._session(first + BETWEEN * (number - 1))
            ended_at = self.clock.now()
            self.say(f"session {number} of {SESSIONS}: {len(self.people)} people dosed, watched, home")
            self._each("answering in the morning", self._answer_morning)
            self.clock.until(ended_at + OPENS_AFTER)
            if number in POINTS:
                self._ask(number, ended_at=ended_at)
                self.say(f"forms after session {number}: {len(self.late[number])} needed the reminder")
        self._each("reading what was measured", self._read_trends)

    def count_reminders(self) -> None:
        """Gather every reminder to these people: by time point, then all the others."""
        arrived, left = self.mailbox.ids(), reminders_written(since=self.mailbox.began_at)
        for number in POINTS:
            point = Point(Anchor.AFTER_SESSION, number)
            begins = tuple(reminder_key(UUID(person.enrollment), point) for person in self.people)
            written = [one for one in left if one.dedupe_key.startswith(begins)]
            self.reminders[number] = Reminders(written, arrived)
        by_point = {one.pk: one.user_id for found in self.reminders.values() for one in found.written}
        theirs = set(by_point.values())
        others = [one for one in left if one.user_id in theirs and one.pk not in by_point]
        self.reminders[None] = Reminders(others, arrived)

    def _each(
        self, what: str, step: Callable[[Participant], None], among: Iterable[Participant] | None = None
    ) -> None:
        """Take a step with everybody, or some; whoever fails has left the course, and is told of once."""
        asked = self.people if among is None else [person for person in among if person in self.people]
        failed = set(asked) - set(self.cohort.through(what, step, asked))
        self.people = [person for person in self.people if person not in failed]

    def _answer_morning(self, person: Participant) -> None:
        day.answer_morning(self.sessions[person].patient, clock=self.clock)

    def _session(self, at: datetime) -> None:
        self.clock.until(at - BOOKED_AHEAD)
        day.review(self.clinicians)
        self._each("booking", partial(self._book, at=at))
        reminded = self.mailbox.from_now_on()
        self.clock.until(at - REMINDED_AHEAD)
        self._each("binding the link", partial(self._bind, reminded=reminded))
        self.clock.until(at - THERE_AHEAD)
        self._each("vouching", lambda person: day.vouch(self.sessions[person]))
        for pressure in day.PRESSURES:
            now = self.clock.advance(day.SEATED)
            self._each("measuring", partial(self._take, pressure=pressure, at=now))
        self._each("starting", lambda person: day.start(self.sessions[person]))
        for _ in range(CHECK_INS):
            now = self.clock.advance(CHECK_IN_EVERY)
            self._each("checking in", partial(self._check_in, at=now))
        self.clock.advance(LAST_MINUTES)
        self._each("ending", self._end)

    def _book(self, person: Participant, *, at: datetime) -> None:
        patient = day.book(person, at)
        self.booked[person] = (patient, day.invite(patient))
        self._fill_in(person)

    def _bind(self, person: Participant, *, reminded: Mailbox) -> None:
        reminded.wait_for(person.client.email, SESSION_REMINDER)
        patient, address = self.booked[person]
        self.sessions[person] = day.Session(patient, day.open_link(patient, address, mailbox=self.mailbox))

    def _take(self, person: Participant, *, pressure: tuple[int, int], at: datetime) -> None:
        day.measure(self.sessions[person].patient, pressure, at=at)

    def _check_in(self, person: Participant, *, at: datetime) -> None:
        day.check_in(self.sessions[person].monitor, at=at)

    def _end(self, person: Participant) -> None:
        session = self.sessions[person]
        day.end(session, at=self.clock.now())
        person.client.post(f"{session.path}/effects", {"answers": dict.fromkeys(EXPECTED, "no")})

    def _ask(self, number: int, *, ended_at: datetime) -> None:
        """Fill in what is asked after a session: most as it opens, the others once they are reminded."""
        late = self.late[number]
        self._each("answering", self._fill_in, [person for person in self.people if person not in late])
        reminded = self.mailbox.from_now_on()
        self.clock.until(ended_at + DUE_AFTER)
        self._each("answering when reminded", partial(self._answer_reminded, reminded=reminded), late)

    def _answer_reminded(self, person: Participant, *, reminded: Mailbox) -> None:
        reminded.wait_for(person.client.email, FORM_REMINDER)
        self._fill_in(person)

    def _answer_baseline_reminded(self, person: Participant) -> None:
        self.mailbox.wait_for(person.client.email, FORM_REMINDER)
        fill_in(person.client, person.filled.responses)

    def _fill_in(self, person: Participant) -> None:
        asked = [instruments()[code] for code in schedule().every_instrument()]
        fill_in(person.client, answer_anew(asked, rng=self.rngs[person]))

    def _read_trends(self, person: Participant) -> None:
        read = person.client.get(f"enrollments/{person.enrollment}/trends")
        self.trends[person] = read["instruments"]


def choose(treated: list[Participant], *, size: int) -> tuple[list[Participant], list[Participant]]:
    """Choose who goes through a course: who filled in the whole baseline, and who is late with it.

    Nobody whose answers call a clinician: what follows from that is no matter of a quick course. Nobody whose
    record leaves out what a form can't do without: they were asked and would not say, and being reminded
    changes nothing. The last one of those treated has other plans.
    """
    asked = [instruments()[code] for code in schedule().instruments]
    calm = [one for one in treated[:-1] if not one.crisis_shown and not calls_for_help(one.filled, asked)]
    prompt = [one for one in calm if len(one.submitted) == len(asked)]
    late = [one for one in calm if len(one.submitted) < len(asked) and _can_answer(one, asked)]
    late = late[: max(size // LATE_EVERY, 1)]
    return prompt[: size - len(late)], late


def _can_answer(person: Participant, asked: Iterable[Instrument]) -> bool:
    given = person.filled.responses
    return not any(missing_required(each, given.get(each.code, {})) for each in asked)


def plan(
    treated: list[Participant],
    *,
    size: int,
    cohort: Cohort,
    clinicians: list[Client],
    clock: day.Clock,
    mailbox: Mailbox,
    seed: int,
    say: Callable[[str], None],
) -> Course:
    """Return a course for some of those who are treated, with another fifth late at each time point."""
    prompt, late = choose(treated, size=size)
    people = [*late, *prompt]
    firsts = cycle(range(max(1, min(LATE_EVERY, len(people)))))
    return Course(
        cohort=cohort,
        people=people,
        clinicians=clinicians,
        late={BASELINE: late} | {number: people[next(firsts) :: LATE_EVERY] for number in POINTS[1:]},
        clock=clock,
        mailbox=mailbox,
        rngs={person: Random(f"{seed} {person.label}") for person in people},
        say=say,
    )


# --- what came of it -------------------------------------------------------------------------------------


def measured_rows(course: Course) -> list[Row]:
    """Show mean, standard deviation and number of every scale at every time point, as the clinic has them."""
    asked = schedule().instruments
    kept = sum(code in person.recorded.responses for person in course.people for code in asked)
    submitted = _submitted(course)
    rows = [
        Row("people, each through six sessions", str(len(course.people))),
        Row("forms at the four points: from records / made up", f"{kept} / {submitted.total() - kept}"),
    ]
    for number in POINTS:
        wanted = len(course.people) * len(asked)
        rows.append(Row(f"{_name(number)}: forms submitted", f"{submitted[number]} of {wanted}"))
        values = _values(course, number)
        rows += [Row(f"    {label}", _spread(found)) for label, found in sorted(values.items())]
    return rows


def reminder_rows(course: Course) -> list[Row]:
    """Show how far the reminders came, by time point."""
    return [Row(_name(number), str(found)) for number, found in course.reminders.items()]


def shortfalls(course: Course, *, wanted: int) -> Iterator[str]:
    """Name every promise about the course that was not kept."""
    if len(course.people) < wanted:
        yield f"{wanted} people through six sessions, not {len(course.people)}"
    submitted, forms = _submitted(course), len(course.people) * len(schedule().instruments)
    for number in POINTS:
        if submitted[number] != forms:
            yield f"{_name(number)}: {submitted[number]} of {forms} forms submitted"
    for point, found in course.reminders.items():
        if len(found.received) != len(found.sent):
            yield f"{_name(point)}: {len(found.sent)} reminders sent, {len(found.received)} received once"
        late = set(course.late[point or BASELINE]) & set(course.people)
        if point is not None and len(found.sent) != len(late):
            yield f"{_name(point)}: {len(late)} had to be reminded, {len(found.sent)} were"
        if not late and wanted >= LATE_EVERY:
            yield f"{_name(point)}: nobody needed the reminder"


def _name(number: int | None) -> str:
    if number is None:
        return "sessions, and other forms"
    return "baseline" if number == BASELINE else f"after session {number}"


def _points(course: Course) -> Iterator[tuple[str, Any]]:
    """Give every value of every scale, with what it is called, after sessions and before the first."""
    for read in course.trends.values():
        for instrument in read:
            for scale in instrument["scales"]:
                label = f"{instrument['instrument'].upper()} {scale['key'].replace('_', ' ')}"
                asked = (point for point in scale["points"] if point["asked"] == Anchor.AFTER_SESSION)
                yield from ((label, point) for point in asked)


def _values(course: Course, number: int) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for label, point in _points(course):
        if point["number"] == number and point["value"] is not None:
            values.setdefault(label, []).append(point["value"])
    return values


def _submitted(course: Course) -> Counter[int]:
    forms = {point["assessment"]: point["number"] for _, point in _points(course) if point["submitted_at"]}
    return Counter(forms.values())


def _spread(values: list[float]) -> str:
    deviation = f"{stdev(values):.2f}" if len(values) > 1 else "none"
    return f"{mean(values):.2f} (SD {deviation}), n {len(values)}"
