"""Drives the whole clinic over real HTTP, with real people's records, and says what came of it."""

import argparse
import re
import sys
from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from tqdm import tqdm

from core import clock as demo_clock
from core.documents import in_force
from core.enums import DocumentKind
from desk import demo
from desk.rehearsal import cohort as steps
from desk.rehearsal import day, report
from desk.rehearsal.client import Client, Mailbox, StepFailed
from desk.rehearsal.cohort import Cohort, Participant
from desk.rehearsal.people import Person, fhir_patients, students, survey_adults
from notifications.messages import telling
from safety.screening.policy import parse_policy

AT_LEAST_ASSESSED = 100
FIT_CHECKS = 20
SEED = 20261121


def main() -> int:
    """Run the rehearsal; return 0 if every step did what it should."""
    options = _options()
    mailbox = Mailbox(settings.STATE_DIR / "mail")
    policy = parse_policy(in_force(DocumentKind.SCREENING_POLICY, at=demo_clock.now()).content)
    people = _people(options.records)[: options.people]
    cohort = steps.gather(people, base_url=settings.BASE_URL, policy=policy, seed=options.seed)
    clinicians = _clinicians()

    _screen(cohort, mailbox)
    treated = _treat(cohort, clinicians)
    answered = _answer_alerts(clinicians)
    events, problems = _session(treated, mailbox)
    events["alerts acknowledged and closed"] = answered
    reminders, telling_mails = _reminders(mailbox)
    _farewell(treated)

    _print_report(cohort, people, treated, events, reminders)
    problems += cohort.failures + telling_mails + _shortfalls(options, cohort, treated, events, reminders)
    for problem in problems[:20]:
        print(f"FAILED {problem}", file=sys.stderr)
    print(
        f"\n{len(problems)} step(s) did not do what they should."
        if problems
        else "\nEvery step did what it should."
    )
    return 1 if problems else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/rehearse", description=__doc__)
    parser.add_argument(
        "--records", type=Path, help="folder of further real records (FHIR patients, students)"
    )
    parser.add_argument("--people", type=int, default=None, help="only so many of them")
    parser.add_argument("--seed", type=int, default=SEED, help="of the generated answers")
    return parser.parse_args()


def _people(records: Path | None) -> list[Person]:
    people = survey_adults()
    if records is not None:
        people = students(records / "questionnaires" / "ukm_phq9_gad7_pss10.csv") + people
        people = fhir_patients(records / "eligibility" / "synthea", on=demo_clock.now().date()) + people
    return people


def _clinicians() -> list[Client]:
    clinicians = []
    for name, *_ in demo.STAFF:
        client = Client(settings.BASE_URL)
        client.sign_in(f"{name}@{demo.DOMAIN}", demo.PASSWORD)
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
    """Have clinicians decide and plan, and patients agree and fill in their first forms."""
    screened = [person for person in cohort.participants if "filled" in person.outcomes]
    cohort.each("clinicians deciding", partial(_decide, clinicians=clinicians), screened)
    accepted = [person for person in screened if person.decision == "accepted"]
    cohort.each("agreeing", steps.consent, accepted)
    cohort.each(
        "first forms", partial(steps.answer_forms, only_recorded=False), accepted[: len(accepted) // 2]
    )
    # The others fill in only what they were really asked; they are the ones to be reminded.
    cohort.each(
        "first forms, recorded",
        partial(steps.answer_forms, only_recorded=True),
        accepted[len(accepted) // 2 :],
    )
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
    """Have each clinician take every alert they see in hand and close it; return how many."""
    closed = 0
    for clinician in clinicians:
        while alerts := clinician.get("alerts?limit=100")["results"]:
            for alert in tqdm(alerts, desc=f"{'answering alerts':24}", unit=""):
                clinician.post(f"alerts/{alert['id']}/acknowledgements", {}, expect=(200, 201))
                reason = {"reason": "Called and talked; safe for now, plan agreed."}
                clinician.post(f"alerts/{alert['id']}/closures", reason, expect=(200, 201))
                closed += 1
    return closed


def _session(treated: list[Participant], mailbox: Mailbox) -> tuple[Counter[str], list[str]]:
    """Take one person whose forms are done and raised no alarm through a first session."""
    ready = [p for p in treated if len(p.submitted) == 3 and not p.crisis_shown]
    if not ready:
        return Counter(), ["nobody was ready for a session"]
    try:
        happened = day.run(
            ready[0],
            clock=day.Clock(_advance),
            mailbox=mailbox,
            say=lambda line: tqdm.write(f"  session: {line}"),
        )
    except (StepFailed, OSError, KeyError) as error:
        return Counter(), [f"session, {ready[0].label}: {type(error).__name__} {error}"]
    return Counter(happened), []


def _advance(by: timedelta) -> datetime:
    demo_clock.advance_demo(by=by)
    return demo_clock.now()


def _reminders(mailbox: Mailbox) -> tuple[Counter[str], list[str]]:
    """Let the forms fall due and count the mails that came; none may tell what it is about."""
    _advance(timedelta(days=3))
    mailbox.wait_for_quiet()
    received: Counter[str] = Counter()
    faults = []
    for recipient in mailbox.recipients():
        for message in mailbox.messages(recipient):
            received[message.split("\n")[0]] += 1
            # A random code or token says nothing, though its letters may happen to spell something.
            if telling(re.sub(r"https?://\S+|Your code is \S+", "", message)):
                faults.append(f"a mail to {recipient} tells what it is about")
    return received, faults


def _farewell(treated: list[Participant]) -> None:
    """Have the last person leave and sign out: both must work at any time."""
    if not treated:
        return
    person = treated[-1]
    person.client.post(f"enrollments/{person.enrollment}/withdrawals", {})
    step = person.client.get(f"enrollments/{person.enrollment}/next-step")
    if not step["contact"]["clinic_phone"]:
        raise StepFailed("whoever leaves has nobody to call")
    person.client.sign_out()


def _print_report(
    cohort: Cohort,
    people: list[Person],
    treated: list[Participant],
    events: Counter[str],
    reminders: Counter[str],
) -> None:
    tables = [
        report.table(
            "Screened as recorded: what was not asked is not known", report.screening_rows(cohort, "recorded")
        ),
        report.table(
            "Screened again, unasked questions answered by a generator",
            report.screening_rows(cohort, "filled"),
        ),
        report.table("Answers that the generator made, by question or form", report.generated_rows(cohort)),
    ]
    for source in sorted({person.source for person in people}):
        same = [person for person in people if person.source == source]
        rows = report.record_rows(same, "phq9") + report.record_rows(same, "gad7")
        tables.append(report.table(f"Real forms in the records: {source}, {len(same)} people", rows))
    tables += [
        report.table(
            "Assessed in the clinic at baseline, generated forms included",
            [report.Row("accepted by a clinician", str(len(treated))), *report.assessed_rows(treated)],
        ),
        report.table("Sessions", report.count_rows(events)),
        report.table("Mails received, by subject", report.count_rows(reminders)),
    ]
    print("\n".join(tables))


def _shortfalls(
    options: argparse.Namespace,
    cohort: Cohort,
    treated: list[Participant],
    events: Counter[str],
    reminders: Counter[str],
) -> list[str]:
    """Name every promise that the numbers do not keep."""
    wanted = AT_LEAST_ASSESSED if options.people is None else 1
    assessed = sum(bool(person.submitted) for person in treated)
    kept = {
        "everybody screened twice": all(len(person.outcomes) == 2 for person in cohort.participants),
        f"at least {wanted} assessed, not {assessed}": assessed >= wanted,
        "a whole session": events["sessions"] >= 1,
        "a reminder received": reminders["Something is waiting for you"] >= 1,
        "an invitation received": reminders["An invitation"] >= 1,
    }
    return [f"not kept: {promise}" for promise, is_kept in kept.items() if not is_kept]
