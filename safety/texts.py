"""Words that a person in danger reads, and those for somebody who only asks whether this is for them."""

from datetime import date
from typing import TypedDict

from django.conf import settings

from core.errors import Problem, Reason
from core.problems import problem_for
from safety.enums import FitOutcome
from safety.lines import Lines


class CrisisText(TypedDict):
    """`summary` in two short sentences, `text` for who reads on, and the numbers to call in order."""

    summary: str
    text: str
    phones: list[str]


def with_crisis(refused: Exception, text: CrisisText) -> Problem:
    """Return a refusal with where to turn to now as one more reason: the answer was heard, if not stored."""
    problem = problem_for(refused)
    problem.reasons += (Reason("crisis", text["summary"]),)
    return problem


def crisis_text(lines: Lines | None) -> CrisisText:
    """Return where to turn to now: the one place for these words, whatever calls for them.

    `lines` are those of where the person is (`queries.crisis_text_for`). Where none are known no number is
    named but the clinic's: another country's would lead nowhere.
    """
    clinic = settings.CLINIC_PHONE
    emergency = lines.emergency if lines else "your local emergency number"
    if lines is None or not lines.crisis:
        return {
            "summary": f"If you are in danger, call {emergency} now. You can also call our team at {clinic}.",
            "text": "Somebody near you can call with you. "
            "You do not have to be sure that it is bad enough to call.",
            "phones": [lines.emergency, clinic] if lines else [clinic],
        }
    by = "call or text" if lines.crisis_takes_texts else "call"
    return {
        "summary": f"Please {by} {lines.crisis} now, or call {emergency} if you are in danger. "
        "You can also call our team.",
        "text": f"{lines.crisis} and {emergency} answer day and night, and work without this app. "
        f"Our team is at {clinic}. You do not have to be sure that it is bad enough to call.",
        "phones": [lines.crisis, emergency, clinic],
    }


class Refusal(TypedDict):
    """`summary` in two short sentences, and the rest for who reads on."""

    summary: str
    instead: str
    again: str
    cost: str
    ask_again_on: date | None
    phone: str


def refusal(instead: str, ask_again_on: date | None) -> Refusal:
    """Return what somebody reads who was declined: no blame, what to do, whether and when to ask again."""
    phone = settings.CLINIC_PHONE
    return {
        "summary": "This program is not the right care for you at this time. "
        f"Call us at {phone}, and a person will talk with you about what can help.",
        "instead": instead or "Your own doctor can help you find other care. Call us if you have none.",
        "again": f"You can ask us again from {ask_again_on:%B} {ask_again_on.day}, {ask_again_on.year}."
        if ask_again_on
        else "If something changes, tell us. We will look again.",
        "cost": "You pay nothing for this.",
        "ask_again_on": ask_again_on,
        "phone": phone,
    }


_FIT = {
    FitOutcome.MAY_BE_SUITABLE: "This program may suit you. "
    "To be sure, a clinician has to ask you more and decide.",
    FitOutcome.NEEDS_A_CLINICIAN: "A clinician has to look at some of this before anybody can say. "
    "You can sign up and answer everything, or call us at {phone}.",
    FitOutcome.NOT_SUITABLE: "This program would not be safe for you right now. "
    "Call us at {phone}, and a person will help you find other care.",
}


def fit_text(outcome: FitOutcome) -> str:
    """Return what somebody reads who has told us no name: never a promise of treatment."""
    return _FIT[outcome].format(phone=settings.CLINIC_PHONE)
