from enum import StrEnum


class Who(StrEnum):
    """Who has to act next."""

    PATIENT = "patient"
    CLINICIAN = "clinician"
    MONITOR = "monitor"
    NOBODY = "nobody"


class EntryKind(StrEnum):
    """What a line of the timeline is about."""

    ENROLLMENT = "enrollment"
    SCREENING = "screening"
    PLAN = "plan"
    CONSENT = "consent"
    ASSESSMENT = "assessment"
    SESSION = "session"
    ADVERSE_EVENT = "adverse_event"
    HOLD = "hold"
    HOLD_LIFTED = "hold_lifted"
    ALERT = "alert"
    PAUSE = "pause"
    RESUMPTION = "resumption"
    CONSENT_WITHDRAWAL = "consent_withdrawal"
