"""Everybody's way: sign up, screening, decision, plan, consent, baseline."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from secrets import randbelow, token_hex
from typing import Any, TypeVar

import httpx
from tqdm import tqdm

from assessments.instruments import instruments
from assessments.rules import score
from assessments.schedule import schedule
from desk.rehearsal.client import Client, Mailbox, StepFailed
from desk.rehearsal.people import Person, fill_unasked
from safety.screening.policy import Policy

WORKERS = 6
PASSWORD = "one long rehearsal password"  # noqa: S105 - of people who do not exist
PROGRAMS = ("burnout-6", "burnout-12", "burnout-18")
CITY = {"city": "Chicago", "state": "IL", "postal_code": "60601"}
PLAN = {"route": "sublingual", "dose_mg": "300.0", "min_days_between": 7}

T = TypeVar("T")
_AS_LETTERS = str.maketrans("0123456789", "ghklmnoprs")


@dataclass(eq=False)
class Participant:
    """One person on their way, with what the clinic answered."""

    recorded: Person
    filled: Person
    client: Client
    program: str
    enrollment: str = ""
    outcomes: dict[str, Any] = field(default_factory=dict)
    decision: str = ""
    submitted: dict[str, Any] = field(default_factory=dict)
    crisis_shown: bool = False

    @property
    def label(self) -> str:
        """Name the person in an error: their record, never more."""
        return f"{self.recorded.source} {self.recorded.source_id}"


@dataclass
class Cohort:
    """Everybody, and what went wrong on the way."""

    participants: list[Participant]
    failures: list[str] = field(default_factory=list)

    def each(
        self, what: str, step: Callable[[Participant], None], among: list[Participant] | None = None
    ) -> None:
        """Take one step with everybody, several at a time, showing progress; a failure is kept and told."""
        people = self.participants if among is None else among
        with ThreadPoolExecutor(WORKERS) as pool:
            results = pool.map(lambda person: self._try(what, step, person), people)
            for failure in tqdm(results, total=len(people), desc=f"{what:24}", unit=""):
                if failure:
                    self.failures.append(failure)

    def through(
        self, what: str, step: Callable[[Participant], None], among: list[Participant]
    ) -> list[Participant]:
        """Take one of many short steps, without a line of its own; return who got through it."""
        with ThreadPoolExecutor(WORKERS) as pool:
            found = list(pool.map(lambda person: self._try(what, step, person), among))
        self.failures += filter(None, found)
        return [person for person, failure in zip(among, found, strict=True) if not failure]

    @staticmethod
    def _try(what: str, step: Callable[[Participant], None], person: Participant) -> str:
        try:
            step(person)
        except (StepFailed, httpx.TransportError, OSError, KeyError, ValueError) as error:
            return f"{what}, {person.label}: {type(error).__name__} {error}"
        return ""


def gather(people: list[Person], *, base_url: str, policy: Policy, seed: int) -> Cohort:
    """Give everybody a device, a program, and, beside their record, marked answers to what nobody asked.

    Names and addresses are new each time, so that a clinic can be rehearsed more than once: whose name, birth
    date or home is too like another's is not treated until a person has looked.
    """
    rng = Random(seed)
    run = token_hex(4)
    known = [instruments()[code] for code in schedule().instruments]
    return Cohort(
        [
            Participant(
                recorded=person,
                filled=fill_unasked(person, policy=policy, instruments=known, rng=rng),
                client=Client(base_url, email=f"{person.source}-{person.source_id}@{run}.example".lower()),
                program=PROGRAMS[number % len(PROGRAMS)],
            )
            for number, person in enumerate(people)
        ]
    )


def sign_up(person: Participant) -> None:
    """Make an account."""
    person.client.sign_up(PASSWORD)


def enroll(person: Participant, *, mailbox: Mailbox, today: date) -> None:
    """Confirm the address by the code in the mail, say who one is, choose a program."""
    client = person.client
    client.confirm_address(mailbox)
    age_years = int(str(person.filled.answers["age_years"]))
    name = (token_hex(6).translate(_AS_LETTERS).title() for _ in range(2))
    days = randbelow(max(1, today.timetuple().tm_yday - 1))
    client.put(
        "me",
        {
            "legal_name": " ".join(name),
            "preferred_name": "",
            "birth_on": (date(today.year - age_years, 1, 1) + timedelta(days=days)).isoformat(),
            "timezone": "America/Chicago",
            "address": CITY | {"lines": [f"{1 + randbelow(99_999)} Example Street"]},
        },
    )
    person.enrollment = client.post("enrollments", {"program": person.program})["id"]


def screen_as_recorded(person: Participant) -> None:
    """Answer the screening with nothing but what the record says."""
    _screen(person, "recorded", person.recorded)


def screen_filled(person: Participant) -> None:
    """Answer it again, what nobody asked answered by the generator."""
    _screen(person, "filled", person.filled)


def _screen(person: Participant, which: str, said: Person) -> None:
    path = f"enrollments/{person.enrollment}/screenings"
    answer = person.client.post(path, {"answers": dict(said.answers)})
    if not answer["reasons"] and answer["outcome"] != "eligible":
        raise StepFailed(f"{answer['outcome']} without a reason")
    person.outcomes[which] = answer


def check_fit(person: Participant) -> None:
    """Ask, as a stranger, whether this is for somebody like them."""
    stranger = Client(person.client.base_url)
    stranger.post("fit-checks", {"answers": dict(person.recorded.answers)}, expect=(200,))
    stranger.close()


def decide(person: Participant, clinician: Client) -> None:
    """Decide on the newest screening, and write a plan for whom one accepts."""
    screening = person.outcomes["filled"]
    accepts, reason = stance(screening)
    body = {"outcome": "accepted" if accepts else "declined", "reason": reason}
    person.decision = clinician.post(f"screenings/{screening['id']}/reviews", body)["outcome"]
    if accepts:
        count = int(person.program.rpartition("-")[2])
        clinician.post(f"enrollments/{person.enrollment}/treatment-plans", PLAN | {"session_count": count})


def stance(screening: dict[str, Any]) -> tuple[bool, str]:
    """Decide like a cautious clinician of a rehearsal: no more is claimed for it.

    Accepts what the policy finds eligible, and whoever reports nothing heavier than medicines, other
    conditions or age; whatever is not known, or speaks of the heart, the mind or a substance, is declined.
    """
    light = {"other_conditions", "current_medicines", "age_65_or_over"}
    heavy = [r["rule"] for r in screening["reasons"] if r["level"] != "note" and not _is_light(r, light)]
    if screening["outcome"] == "ineligible" or heavy:
        return False, f"Not at home, for now: {', '.join(heavy) or 'excluded'}."
    return True, "Nothing speaks against treatment at home."


def _is_light(reason: dict[str, Any], light: set[str]) -> bool:
    questions = {finding["question"] for finding in reason["found"]}
    return reason["certainty"] == "true" and (reason["rule"] in light or questions <= light | {"age_years"})


def consent(person: Participant) -> None:
    """Read what is to be agreed to, answer what is asked about it, and agree."""
    path = f"enrollments/{person.enrollment}"
    documents = person.client.get(f"{path}/consent-documents")
    for text in documents:
        if text["questions"]:
            _understand(person, text)
    agreements = [{"document": text["id"], "sha256": text["sha256"]} for text in documents]
    answer = person.client.post(f"{path}/consents", {"agreements": agreements})
    if answer["enrollment_status"] != "active":
        raise StepFailed(f"agreed to everything and is {answer['enrollment_status']}")


def _understand(person: Participant, text: dict[str, Any]) -> None:
    """Answer a text's questions, each wrong one with the next choice, until it is understood."""
    left = {question["key"]: [one["key"] for one in question["choices"]] for question in text["questions"]}
    path = f"enrollments/{person.enrollment}/comprehension-attempts"
    while True:
        answers = {key: choices[0] for key, choices in left.items()}
        body = {"document": text["id"], "sha256": text["sha256"], "answers": answers}
        came_to = person.client.post(path, body)
        if came_to["passed"]:
            return
        for question in came_to["wrong"]:
            left[question["key"]].pop(0)
            if not left[question["key"]]:
                raise StepFailed(f"{question['key']}: no answer is right")


def answer_baseline(person: Participant, *, only_recorded: bool) -> None:
    """Fill in the baseline: what the record has, and unless `only_recorded` the generated rest."""
    answers = (person.recorded if only_recorded else person.filled).responses
    for filled in fill_in(person.client, answers):
        person.crisis_shown |= filled.crisis_shown
        if filled.scores is not None:
            person.submitted[filled.instrument] = filled.scores


@dataclass(frozen=True, slots=True)
class Filled:
    """A form that was filled in; without scores where something is missing still."""

    instrument: str
    crisis_shown: bool
    scores: dict[str, Any] | None


def fill_in(client: Client, answers: Mapping[str, Mapping[str, int]]) -> list[Filled]:
    """Fill in every form that is due and that there are answers to, and submit what is whole."""
    due = client.get("assessments?status=due")["results"]
    return [
        _fill_in(client, form, answers[form["instrument"]]) for form in due if form["instrument"] in answers
    ]


def _fill_in(client: Client, form: dict[str, Any], given: Mapping[str, int]) -> Filled:
    saved = client.patch(f"assessments/{form['id']}", {"answers": dict(given)})
    crisis_shown = saved["crisis"] is not None
    if saved["missing"]:
        return Filled(form["instrument"], crisis_shown, None)
    done = client.post(f"assessments/{form['id']}/submit", {}, expect=(200,))
    _compare(done["scores"], given)
    return Filled(form["instrument"], crisis_shown, done["scores"])


def _compare(scores: dict[str, Any], given: Any) -> None:
    """Hold what the clinic answered against the scoring rules applied here."""
    expected = score(instruments()[scores["instrument"]], dict(given))
    for scale in scores["scales"]:
        here = expected.scale(scale["key"]).value
        same = here is None if scale["value"] is None else float(here or 0) == float(scale["value"])
        if not same:
            raise StepFailed(f"{scores['instrument']} {scale['key']}: {scale['value']} here {here}")


def reasons(cohort: Cohort, which: str, outcome: str) -> Counter[str]:
    """Count people by each reason they were given, among those with that outcome."""
    counted: Counter[str] = Counter()
    for answer in _answers(cohort, which):
        if answer["outcome"] == outcome:
            counted.update({_reason(found) for found in answer["reasons"] if _matters(found, outcome)})
    return counted


def outcomes(cohort: Cohort, which: str) -> Counter[str]:
    """Count people by outcome."""
    return Counter(answer["outcome"] for answer in _answers(cohort, which))


def _answers(cohort: Cohort, which: str) -> Iterator[dict[str, Any]]:
    return (person.outcomes[which] for person in cohort.participants if which in person.outcomes)


def _matters(found: dict[str, Any], outcome: str) -> bool:
    return outcome != "ineligible" or (found["level"] == "exclude" and found["certainty"] == "true")


def _reason(found: dict[str, Any]) -> str:
    return found["rule"] if found["certainty"] == "true" else f"{found['rule']} (not known)"
