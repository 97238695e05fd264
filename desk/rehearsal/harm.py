"""What went wrong: several expected effects and one serious event, what it set off, and how often that is."""

from collections.abc import Callable, Iterator
from typing import Any

from desk.rehearsal.client import Client, StepFailed
from desk.rehearsal.report import Row

EXPECTED = ("dissociation", "dizziness", "nausea")
SERIOUS = {
    "description": "She fainted in the bathroom and was taken to the hospital.",
    "is_serious": "yes",
    "answers": {"hospitalisation": "yes", "death": "no", "life_threatening": "unknown"},
    "ascertainment": "volunteered",
}
ASSESSED = {
    "replaces": 0,
    "term": "fainting",
    "seriousness": ["hospitalisation"],
    "grade": 3,
    "causality": "possible",
    "naranjo": {"1": "yes", "2": "yes", "5": "yes"},
    "expectedness": "unexpected",
    "reference": "Ketamine injection, US label",
    "reference_version": "2024-05",
    "outcome": "recovered",
    "action_taken": "withdrawn",
    "dechallenge": "yes",
    "rechallenge": "not_tried",
    "product": {"name": "Ketamine tablets", "lot": "A12", "dose_mg": "300.0"},
}


def run(patient: Client, session: str, clinicians: list[Client], *, say: Callable[[str], None]) -> list[Row]:
    """Report both about a session, answer as the clinic would, and return what came of it."""
    rows = [Row("expected effects ticked, nobody paged", _expected(patient, session, clinicians))]
    event = patient.post("adverse-events", SERIOUS | {"session": session})
    if not event["treatment_is_held"]:
        raise StepFailed("a serious event did not hold treatment")
    answering = _who_sees(clinicians, event["id"])
    rows += _what_stands(answering, event["id"])
    say("a serious event was reported: treatment stands still, people are paged, clocks run")
    rows += _answered(answering, event["id"])
    say("assessed and reported; the hold lifted by somebody else than who reported it")
    return [*rows, *_rates(clinicians)]


def _expected(patient: Client, session: str, clinicians: list[Client]) -> str:
    before = _triages(clinicians)
    patient.post(f"sessions/{session}/effects", {"answers": dict.fromkeys(EXPECTED, "yes")})
    if _triages(clinicians) != before:
        raise StepFailed("somebody was paged for an expected effect")
    return str(len(EXPECTED))


def _triages(clinicians: list[Client]) -> int:
    alerts = clinicians[0].every("alerts?limit=100")
    return sum(alert["alert_class"] == "adverse_event" for alert in alerts)


def _who_sees(clinicians: list[Client], event: str) -> Client:
    for clinician in clinicians:
        if _alert(clinician, event):
            return clinician
    raise StepFailed("no clinician was called about the serious event")


def _alert(clinician: Client, event: str) -> Any:
    alerts = clinician.every("alerts?limit=100")
    return next((alert for alert in alerts if alert["source"] == f"event:{event}"), None)


def _what_stands(clinician: Client, event: str) -> Iterator[Row]:
    alert = _alert(clinician, event)
    yield Row("pages sent for the serious event", str(alert["pages_sent"]))
    holds = clinician.get(f"holds?patient={alert['patient']['id']}")["results"]
    if not holds or not alert["pages_sent"]:
        raise StepFailed("a serious event without its hold or its page")
    yield Row("holds that stand", str(len(holds)))
    for clock in _clocks(clinician, event):
        yield Row(f"clock: tell the {clock['authority']} by", clock["due_at"][:16].replace("T", " "))


def _clocks(clinician: Client, event: str) -> list[Any]:
    clocks = clinician.every("reporting-clocks?limit=100")
    return [clock for clock in clocks if clock["event"] == event]


def _answered(clinician: Client, event: str) -> Iterator[Row]:
    alert = _alert(clinician, event)
    clinician.post(f"alerts/{alert['id']}/acknowledgements", {}, expect=(200, 201))
    lacking = clinician.get(f"adverse-events/{event}/report", expect=422)["reasons"]
    yield Row("what the report lacked before the assessment", str(len(lacking)))
    clinician.post(f"adverse-events/{event}/assessments", ASSESSED)
    report = clinician.get(f"adverse-events/{event}/report")
    yield Row("report whole, by version", str(report["version"]))
    for clock in _clocks(clinician, event):
        said = {"end": "reported", "reason": "Sent with the report."}
        clinician.post(f"reporting-clocks/{clock['id']}/ends", said)
    closed = clinician.post(f"alerts/{alert['id']}/closures", {"reason": "Back home, well."})
    holds = closed["holds_still_standing"]
    for hold in holds:
        clinician.post(f"holds/{hold['id']}/lifts", {"reason": "Seen in person; recovered."})
    yield Row("holds lifted under signature", str(len(holds)))


def _rates(clinicians: list[Client]) -> Iterator[Row]:
    officer = next((one for one in clinicians if one.email.startswith("dora@")), None)
    if officer is None:
        raise StepFailed("nobody follows how often something goes wrong")
    for rate in officer.get("event-rates"):
        interval = f"({rate['low']:.3f}-{rate['high']:.3f})"
        if rate["group"] == "all" and rate["per"] == "dosed session":
            yield Row(
                f"{rate['what']} per {rate['per']}, 95 %", f"{rate['count']} of {rate['exposure']} {interval}"
            )
        if rate["group"] == "all" and rate["what"].startswith("expected effect") and rate["count"]:
            yield Row(f"{rate['what']}, 95 %", f"{rate['count']} of {rate['exposure']} asked {interval}")
