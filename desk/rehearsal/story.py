"""Drives the whole clinic over real HTTP, with real people's records, and says what came of it."""

import argparse
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from random import Random

from django.conf import settings
from tqdm import tqdm

from accounts.policies.queries import in_force
from assessments.schedule import schedule
from core import clock as demo_clock
from core.enums import DocumentKind
from desk import demo
from desk.rehearsal import cohort as steps
from desk.rehearsal import course, day, harm, report
from desk.rehearsal.client import Client, Mailbox, StepFailed
from desk.rehearsal.cohort import Cohort, Participant
from desk.rehearsal.course import Course
from desk.rehearsal.people import Person, fhir_patients, students, survey_adults
from desk.rehearsal.silence import Silence
from notifications.enums import MessageKind
from notifications.messages import TEMPLATES, telling
from notifications.queries import kinds_sent
from safety.screening.policy import parse_policy

AT_LEAST_ASSESSED = 100
FIT_CHECKS = 20
SEED = 20261121
COURSE = 6
NOON = time(18)
"""By UTC, in Chicago."""


@dataclass
class Found:
    """What came of it, beside what stands in the cohort."""

    treated: list[Participant] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    harm: list[report.Row] = field(default_factory=list)
    silence: Silence | None = None
    course: Course | None = None
    alerts_closed: int = 0
    sent: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def main() -> int:
    """Run the rehearsal; return 0 if every step did what it should. The table is printed either way."""
    options = _options()
    policy = parse_policy(in_force(DocumentKind.SCREENING_POLICY, at=demo_clock.now()).content)
    people = _people(options.records)[: options.people]
    cohort = steps.gather(people, base_url=settings.BASE_URL, policy=policy, seed=options.seed)
    found = Found()
    try:
        _play(cohort, found, options)
    except (StepFailed, OSError, KeyError, ValueError) as error:
        found.problems.append(f"{type(error).__name__} {error}")
    print("\n".join(_tables(cohort, people, found)))
    problems = cohort.failures + found.problems + _shortfalls(options, cohort, found)
    for problem in problems[:20]:
        print(f"FAILED {problem}", file=sys.stderr)
    print(f"\n{len(problems) or 'No'} step or promise failed.")
    return 1 if problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/rehearse", description=__doc__)
    parser.add_argument(
        "--records", type=Path, help="folder of further real records (FHIR patients, students)"
    )
    parser.add_argument("--people", type=_number, default=None, help="only so many of them")
    parser.add_argument(
        "--course", type=_number, default=COURSE, help="so many go through six sessions, with all their forms"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of the generated answers")
    return parser.parse_args()


def _number(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("has to be 1 or more")
    return number


def _people(records: Path | None) -> list[Person]:
    people = survey_adults()
    if records is not None:
        people = students(records / "questionnaires" / "ukm_phq9_gad7_pss10.csv") + people
        people = fhir_patients(records / "eligibility" / "synthea", on=demo_clock.now().date()) + people
    return people


def _play(cohort: Cohort, found: Found, options: argparse.Namespace) -> None:
    mailbox = Mailbox(settings.STATE_DIR / "mail")
    clock = day.Clock(_advance)
    clinicians = _clinicians()
    _screen(cohort, mailbox)
    found.treated = _treat(cohort, clinicians)
    found.alerts_closed = _answer_alerts(clinicians)
    first, second = _ready(found.treated)
    _session(first, clinicians, found=found, clock=clock, mailbox=mailbox)
    found.alerts_closed += _answer_alerts(clinicians)
    found.course = course.plan(
        [one for one in found.treated if one not in (first, second)],
        size=options.course,
        cohort=cohort,
        clinicians=clinicians,
        clock=clock,
        mailbox=mailbox,
        seed=options.seed,
        say=partial(_say, "course"),
    )
    _until_noon(clock)
    found.course.answer_baseline()
    found.silence = Silence(
        second, clinicians, clock, mailbox, partial(_say, "silence"), Random(options.seed)
    )
    found.silence.run()
    found.course.run()
    _count_mails(mailbox, found)
    _farewell(found.treated)


def _say(what: str, line: str) -> None:
    tqdm.write(f"  {what}: {line}")


def _clinicians() -> list[Client]:
    clinicians = []
    for name, *_ in demo.STAFF:
        client = Client(settings.BASE_URL)
        client.sign_in(
            f"{name}@{demo.DOMAIN}", demo.PASSWORD, code=lambda: demo.code(at=datetime.now(tz=UTC))
        )
        clinicians.append(client)
    return clinicians


def _screen(cohort: Cohort, mailbox: Mailbox) -> None:
    cohort.each("asking: is this for me?", steps.check_fit, cohort.participants[:FIT_CHECKS])
    today = demo_clock.now().date()
    cohort.each("signing up", steps.sign_up)
    cohort.each("choosing a program", partial(steps.enroll, mailbox=mailbox, today=today))
    enrolled = [person for person in cohort.participants if person.enrollment]
    cohort.each("screening as recorded", steps.screen_as_recorded, enrolled)
    cohort.each("screening, filled in", steps.screen_filled, enrolled)


def _treat(cohort: Cohort, clinicians: list[Client]) -> list[Participant]:
    """Have clinicians decide and plan, and patients agree and fill in their first forms.

    Most fill in every form; the others only what they were really asked, and are reminded of the rest.
    """
    screened = [person for person in cohort.participants if "filled" in person.outcomes]
    cohort.each("clinicians deciding", partial(_decide, clinicians=clinicians), screened)
    accepted = [person for person in screened if person.decision == "accepted"]
    cohort.each("agreeing", steps.consent, accepted)
    most = len(accepted) - max(len(accepted) // 10, min(3, len(accepted) // 4))
    cohort.each("first forms", partial(steps.answer_baseline, only_recorded=False), accepted[:most])
    cohort.each("first forms, recorded", partial(steps.answer_baseline, only_recorded=True), accepted[most:])
    return accepted


def _decide(person: Participant, *, clinicians: list[Client]) -> None:
    """Let the clinician in whose care the person is decide; to the other the screening does not exist."""
    mine = person.outcomes["filled"]["id"]
    for clinician in clinicians:
        try:
            clinician.get(f"screenings/{mine}")
        except StepFailed:
            continue
        steps.decide(person, clinician)
        return
    raise StepFailed("no clinician sees this screening")


def _answer_alerts(clinicians: list[Client]) -> int:
    """Have each clinician take every alert they see in hand, close it, and lift its hold."""
    closed = 0
    for clinician in clinicians:
        while alerts := clinician.get("alerts?limit=100")["results"]:
            for alert in tqdm(alerts, desc=f"{'answering alerts':24}", unit=""):
                clinician.post(f"alerts/{alert['id']}/acknowledgements", {}, expect=(200, 201))
                reason = {"reason": "Called and talked; safe for now, plan agreed."}
                answer = clinician.post(f"alerts/{alert['id']}/closures", reason, expect=(200, 201))
                for hold in answer["holds_still_standing"]:
                    if hold["reason"] == "safety_trigger":
                        clinician.post(f"holds/{hold['id']}/lifts", reason)
                closed += 1
    return closed


def _ready(treated: list[Participant]) -> list[Participant]:
    """Return two whose forms are done and raised no alarm."""
    ready = [person for person in treated if _is_assessed(person) and not person.crisis_shown]
    if len(ready) < 2:
        raise StepFailed(f"{len(ready)} people were ready for a session, not 2")
    return ready[:2]


def _session(
    person: Participant, clinicians: list[Client], *, found: Found, clock: day.Clock, mailbox: Mailbox
) -> None:
    """Take one person through a first session, and what followed."""
    say = partial(_say, "session")

    def answer_alerts() -> None:
        found.alerts_closed += _answer_alerts(clinicians)

    went = day.run(person, clock=clock, mailbox=mailbox, answer_alerts=answer_alerts, say=say)
    found.events = Counter(went)
    session = person.client.get(f"enrollments/{person.enrollment}/sessions")["results"][-1]["id"]
    found.harm = harm.run(person.client, session, clinicians, say=say)


def _is_assessed(person: Participant) -> bool:
    return len(person.submitted) == len(schedule().instruments)


def _advance(by: timedelta) -> datetime:
    demo_clock.advance_demo(by=by)
    return demo_clock.now()


def _until_noon(clock: day.Clock) -> None:
    """Let it be noon where the cohort lives: at night nobody is reminded.

    A stop there, because the first reminders are good for two days from when the forms fall due: a longer
    leap would pass them by.
    """
    now = clock.now()
    clock.advance((datetime.combine(now, NOON, tzinfo=UTC) - now) % timedelta(days=1))


def _count_mails(mailbox: Mailbox, found: Found) -> None:
    """Count what was sent and how often it came, once nothing more comes; none may tell what it is about.

    Not what was written down before: in a clinic rehearsed earlier those people are reminded as weeks pass.
    """
    mailbox.wait_for_quiet()
    if found.course is not None:
        found.course.count_reminders()
    arrived = mailbox.ids()
    for message_id, kind in kinds_sent(since=mailbox.began_at).items():
        subject = TEMPLATES[MessageKind(kind)].subject
        found.sent[subject] += 1
        found.received[subject] += arrived[str(message_id)]
    for recipient in mailbox.recipients():
        for message in mailbox.messages(recipient):
            # A random code or token says nothing, though its letters may happen to spell something.
            if telling(re.sub(r"https?://\S+|Your code is \S+", "", message)):
                found.problems.append(f"a mail to {recipient} tells what it is about")


def _farewell(treated: list[Participant]) -> None:
    """Have the last person pause, go on, leave and sign out: both must work at any time."""
    person = treated[-1]
    for step in ("pauses", "resumptions", "withdrawals"):
        said = person.client.post(f"enrollments/{person.enrollment}/{step}", {})
        if not said["contact"]["clinic_phone"]:
            raise StepFailed(f"{step}: nobody to call")
    step = person.client.get(f"enrollments/{person.enrollment}/next-step")
    if not step["contact"]["clinic_phone"]:
        raise StepFailed("whoever leaves has nobody to call")
    person.client.sign_out()


def _tables(cohort: Cohort, people: list[Person], found: Found) -> list[str]:
    recorded, filled = report.screening_rows(cohort, "recorded"), report.screening_rows(cohort, "filled")
    flow = {
        "accepted by a clinician": len(found.treated),
        "whole baseline submitted": sum(map(_is_assessed, found.treated)),
    }
    return [
        report.table("Screened as recorded: what was not asked is not known", recorded),
        report.table("Screened again, unasked questions answered by a generator", filled),
        report.table("Answers that the generator made, by question or form", report.generated_rows(cohort)),
        *_records(people),
        report.table(
            "Assessed in the clinic at baseline, generated forms included",
            [*report.count_rows(flow), *report.assessed_rows(found.treated)],
        ),
        report.table("Sessions", report.count_rows(found.events)),
        report.table("Harm: expected effects, and one serious event", found.harm),
        *_silence(found.silence),
        *_course(found.course),
        report.table("Alerts", report.count_rows({"acknowledged and closed": found.alerts_closed})),
        report.table("Mails sent, by subject", report.count_rows(found.sent)),
        report.table("Mails received, by subject", report.count_rows(found.received)),
    ]


def _silence(found: Silence | None) -> list[str]:
    if found is None:
        return []
    title = "One person's three sessions, silent in the second: minutes since the missed check-in"
    return [report.table(title, found.rows)]


def _course(found: Course | None) -> list[str]:
    if found is None:
        return []
    return [
        report.table(
            "Four burnout time points: mean (SD), n; made-up answers, no effect", course.measured_rows(found)
        ),
        report.table(
            "Their reminders: written down / called back / passed by / sent / received",
            course.reminder_rows(found),
        ),
    ]


def _records(people: list[Person]) -> list[str]:
    tables = []
    for source in sorted({person.source for person in people}):
        same = [person for person in people if person.source == source]
        rows = report.record_rows(same, "phq9") + report.record_rows(same, "gad7")
        tables.append(report.table(f"Real forms in the records: {source}, {len(same)} people", rows))
    return tables


def _shortfalls(options: argparse.Namespace, cohort: Cohort, found: Found) -> list[str]:
    """Name every promise that the numbers do not keep."""
    wanted = AT_LEAST_ASSESSED if options.people is None else 1
    assessed = sum(map(_is_assessed, found.treated))
    kept = {
        "everybody screened twice": all(len(person.outcomes) == 2 for person in cohort.participants),
        f"{wanted} people through a whole baseline, not {assessed}": assessed >= wanted,
        "a whole session": found.events["sessions"] >= 1,
        "a reminder received": found.received["Something is waiting for you"] >= 1,
        "an invitation received": found.received["An invitation"] >= 1,
        "every mail sent has come": found.sent == found.received,
    }
    lacking = [promise for promise, is_kept in kept.items() if not is_kept]
    lacking += found.silence.problems if found.silence else ["three sessions of one person"]
    size = options.course if options.people is None else min(options.course, 1)
    lacking += course.shortfalls(found.course, wanted=size) if found.course else ["a course"]
    return [f"not kept: {promise}" for promise in lacking]
