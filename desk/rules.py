"""What comes next, as a pure function of where somebody stands; decides nothing clinical."""

from dataclasses import dataclass
from uuid import UUID

from desk.enums import EntryKind, Who
from programs.enums import OPEN_STATUSES, EnrollmentStatus
from sessions.enums import SessionStatus


@dataclass(frozen=True)
class OpenSession:
    """The session that is booked or running."""

    id: UUID
    number: int
    status: SessionStatus
    monitor_invited: bool


@dataclass(frozen=True)
class Standing:
    """Where one enrollment stands, gathered by `queries.standing`."""

    enrollment_id: UUID
    status: EnrollmentStatus
    screening_waits: bool
    consents_missing: bool
    alert_open: bool
    held: bool
    paused: bool
    assessment_due: bool
    review_open: bool
    task_open: bool
    time_proposed: bool
    morning_of: UUID | None
    effects_of: UUID | None
    session: OpenSession | None


@dataclass(frozen=True)
class NextStep:
    """One sentence, one link, and who has to act."""

    code: str
    sentence: str
    link: str
    who: Who


_ENDED = {
    EnrollmentStatus.DECLINED: "This program is not right for you now. Call us, and we look for other help.",
    EnrollmentStatus.COMPLETED: "You have finished the program. Call us whenever you want to talk.",
    EnrollmentStatus.DISCONTINUED: "Your clinician has ended this program. Call us if you have a question.",
    EnrollmentStatus.WITHDRAWN: "You have left the program. You can call us at any time.",
}


def next_step(standing: Standing) -> NextStep:
    """Return the one thing to do next; safety first, then what runs, then the way through the program."""
    for step in (_safety, _running_session, _paused, _before_treatment, _in_treatment):
        if found := step(standing):
            return found
    return NextStep("ended", _ENDED[standing.status], _home(standing), Who.NOBODY)


def _safety(standing: Standing) -> NextStep | None:
    if standing.session and standing.session.status == SessionStatus.IN_PROGRESS:
        return None  # What has been dosed is watched to its end, whatever else is open.
    if standing.alert_open:
        sentence = "A clinician wants to talk with you before anything else. Please pick up, or call us now."
        return NextStep("clinician_will_call", sentence, _home(standing), Who.CLINICIAN)
    if standing.held:
        sentence = (
            "Your treatment is paused until a clinician has talked with you. You do not need to do anything."
        )
        return NextStep("on_hold", sentence, _home(standing), Who.CLINICIAN)
    return None


def _running_session(standing: Standing) -> NextStep | None:
    if standing.morning_of is not None:
        sentence = "Did you sleep, and do you feel awake? Tell us before you drive, or call us."
        link = f"/api/v1/sessions/{standing.morning_of}/morning-answers"
        return NextStep("answer_morning", sentence, link, Who.PATIENT)
    session = standing.session
    if session is None:
        return None
    link = f"/api/v1/sessions/{session.id}"
    if session.status == SessionStatus.IN_PROGRESS:
        return NextStep("session_running", "Rest. Your monitor is with you.", link, Who.MONITOR)
    if session.status == SessionStatus.RECOVERING:
        sentence = "Rest, and do not drive before the time shown. Write down what came up, if you like."
        return NextStep("recovering", sentence, f"{link}/reflections", Who.PATIENT)
    return None


def _paused(standing: Standing) -> NextStep | None:
    if not standing.paused or standing.status not in OPEN_STATUSES:
        return None
    sentence = "You have paused. Come back whenever you want, or call us."
    return NextStep("paused", sentence, f"{_home(standing)}/resumptions", Who.PATIENT)


def _before_treatment(standing: Standing) -> NextStep | None:
    here = _home(standing)
    decided_next = (EnrollmentStatus.SCREENING, EnrollmentStatus.AWAITING_PLAN)
    if standing.status in decided_next and standing.screening_waits:
        sentence = "A clinician is looking at your answers. We will tell you as soon as there is a decision."
        return NextStep("waiting_for_review", sentence, here, Who.CLINICIAN)
    if standing.status == EnrollmentStatus.SCREENING:
        sentence = "Answer some questions about your health. It takes about ten minutes."
        return NextStep("answer_screening", sentence, f"{here}/screenings", Who.PATIENT)
    if standing.status == EnrollmentStatus.AWAITING_PLAN:
        sentence = "Your clinician is writing your plan. We will tell you when it is ready to read."
        return NextStep("waiting_for_plan", sentence, f"{here}/treatment-plans", Who.CLINICIAN)
    if standing.status == EnrollmentStatus.AWAITING_CONSENT or (
        standing.status == EnrollmentStatus.ACTIVE and standing.consents_missing
    ):
        sentence = "Read what the treatment is and what can go wrong. Agree only if you want to."
        return NextStep("give_consent", sentence, f"{here}/consent-documents", Who.PATIENT)
    return None


def _in_treatment(standing: Standing) -> NextStep | None:
    if standing.status not in (EnrollmentStatus.ACTIVE, EnrollmentStatus.COMPLETED):
        return None
    if standing.effects_of is not None:
        sentence = "Tell us what the medicine did last time. It takes about a minute."
        link = f"/api/v1/sessions/{standing.effects_of}/effects"
        return NextStep("note_effects", sentence, link, Who.PATIENT)
    if standing.assessment_due:
        sentence = "Answer a short form about how you have been. It takes about five minutes."
        return NextStep("fill_in_form", sentence, "/api/v1/assessments?status=due", Who.PATIENT)
    if standing.status == EnrollmentStatus.COMPLETED:
        return None
    if standing.time_proposed:
        sentence = "Your care team proposes a time for a session. Say whether it suits you."
        return NextStep("answer_proposal", sentence, f"{_home(standing)}/session-proposals", Who.PATIENT)
    if standing.session is None:
        sentence = "Book your next session. Choose a day when somebody can stay with you."
        return NextStep("book_session", sentence, f"{_home(standing)}/sessions", Who.PATIENT)
    link = f"/api/v1/sessions/{standing.session.id}"
    if not standing.session.monitor_invited:
        sentence = "Ask an adult you trust to stay with you. We send them a link."
        return NextStep("invite_monitor", sentence, f"{link}/monitor-invitations", Who.PATIENT)
    if standing.review_open:
        sentence = "Your clinician looks at an earlier session before this one. Call us if it takes too long."
        return NextStep("waiting_for_session_review", sentence, link, Who.CLINICIAN)
    if standing.task_open:
        sentence = "Your clinician looks at what was reported first. Call us if it takes too long."
        return NextStep("waiting_for_clinician", sentence, link, Who.CLINICIAN)
    sentence = f"Get ready for session {standing.session.number}. Look at what to prepare."
    return NextStep("prepare_session", sentence, f"{link}/preparation", Who.PATIENT)


def _home(standing: Standing) -> str:
    return f"/api/v1/enrollments/{standing.enrollment_id}"


_TITLES = {
    EntryKind.SCREENING: "Screening answered",
    EntryKind.PLAN: "Treatment plan signed, version",
    EntryKind.CONSENT: "Agreed to",
    EntryKind.ASSESSMENT: "Form submitted",
    EntryKind.ADVERSE_EVENT: "Adverse event reported",
    EntryKind.HOLD: "Treatment paused",
    EntryKind.HOLD_LIFTED: "Pause lifted",
    EntryKind.ALERT: "Alert raised",
    EntryKind.PAUSE: "Paused by the patient",
    EntryKind.RESUMPTION: "Gone on after a pause",
    EntryKind.CONSENT_WITHDRAWAL: "Agreement taken back",
    EntryKind.ENROLLMENT: "Program",
    EntryKind.SESSION: "Session",
}


def title(kind: EntryKind, *, what: str) -> str:
    """Return a timeline entry's line."""
    return f"{_TITLES[kind]}: {what.replace('_', ' ')}" if what else _TITLES[kind]
