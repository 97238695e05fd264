"""A screening decision in words: for the patient, kindly and briefly; for the clinician, completely."""

from dataclasses import dataclass

from safety.screening.findings import Finding
from safety.screening.logic import Truth
from safety.screening.policy import Level
from safety.screening.rules import Outcome, Reason, ScreeningDecision

_SUMMARIES = {
    Outcome.ELIGIBLE: "Thank you, nothing you told us rules this program out. "
    "Next, a clinician will talk with you; you can call us at {phone} any time.",
    Outcome.NEEDS_REVIEW: "Thank you, a clinician needs to look at some of your answers first. "
    "You can call us at {phone} any time.",
    Outcome.INCOMPLETE: "Thank you, a few answers that matter are still missing. "
    "Please answer them next, or call us at {phone} any time.",
    Outcome.INELIGIBLE: "This program would not be safe for you right now. "
    "Please call us at {phone}, and a person will help you find other care.",
}
_HEADLINES = {
    Outcome.ELIGIBLE: "Eligible by the answers given; not a clearance",
    Outcome.NEEDS_REVIEW: "Needs review",
    Outcome.INCOMPLETE: "Incomplete: answers that matter are missing",
    Outcome.INELIGIBLE: "Ineligible",
}


@dataclass(frozen=True, slots=True)
class PatientText:
    """What a patient reads: `summary` of at most two short sentences, and the longer list of reasons."""

    summary: str
    details: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return the text as JSON values."""
        return {"summary": self.summary, "details": list(self.details)}


def patient_text(decision: ScreeningDecision, *, crisis_summary: str, phone: str) -> PatientText:
    """Return the patient's words for a decision, each reason once, the weightiest first.

    Where the crisis text is called for, `crisis_summary` is the summary, and the outcome opens the details.
    """
    details = tuple(dict.fromkeys(reason.patient for reason in weightiest_first(decision)))
    summary = _SUMMARIES[decision.outcome].format(phone=phone)
    if decision.crisis:
        return PatientText(crisis_summary, (summary, *details))
    return PatientText(summary, details)


def clinician_text(decision: ScreeningDecision) -> str:
    """Return the clinician's words: outcome and policy, then each reason, its findings and its source."""
    lines = [
        f"{_HEADLINES[decision.outcome]} (policy {decision.policy_id}, version {decision.policy_version})."
    ]
    if decision.crisis:
        lines.append("The crisis text was called for.")
    return "\n".join(lines + [_clinician_line(reason) for reason in weightiest_first(decision)])


def weightiest_first(decision: ScreeningDecision) -> list[Reason]:
    """Return what excludes, what is to be reviewed, what is noted, and at last what is not known."""
    weights = list(Level)
    return sorted(
        decision.reasons,
        key=lambda reason: (reason.certainty == Truth.UNKNOWN, weights.index(reason.level)),
    )


def _clinician_line(reason: Reason) -> str:
    label = "unknown" if reason.certainty == Truth.UNKNOWN else reason.level
    found = "; ".join(_found(finding) for finding in reason.found)
    status = f", threshold: {reason.threshold_status}" if reason.threshold_status else ""
    origin = f"Rule: {reason.rule}{status}. Source: {reason.source}."
    return f"- [{label}] {reason.clinician} Found: {found}. {origin}"


def _found(finding: Finding) -> str:
    value = finding.value
    if isinstance(value, float) and not value.is_integer():
        value = round(value, 1)
    if isinstance(value, tuple):
        value = ", ".join(map(str, value)) or "none"
    return f"{finding.quantity or finding.question} = {'not known' if value is None else value}"
