"""What a patient reads who pauses, leaves, or takes an agreement back."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from core.errors import Reason
from sessions.enums import SessionStatus


class Step(StrEnum):
    """What somebody did, in two taps and without giving a reason."""

    PAUSED = "paused"
    LEFT = "left"
    TOOK_BACK = "took_back"
    """An agreement that sessions need."""
    TOOK_BACK_OPTIONAL = "took_back_optional"
    """An agreement that treatment does not depend on."""
    RESUMED = "resumed"
    CLOSED = "closed"
    """Left everything, and closed the account."""


@dataclass(frozen=True, slots=True)
class LeavingFacts:
    """What was done, how many booked sessions it called off, and the session that runs, if one does."""

    step: Step
    called_off: int
    running: SessionStatus | None
    is_dosed: bool


@dataclass(frozen=True, slots=True)
class Leaving:
    """The answer: in short, what stops, and what goes on for their safety."""

    summary: str
    stops: tuple[Reason, ...]
    goes_on: tuple[Reason, ...]


_SUMMARIES = {
    Step.PAUSED: "You have paused. Come back whenever you want, or call us.",
    Step.LEFT: "You have left the program. You can call us at any time.",
    Step.TOOK_BACK: "You have taken this back, and it counts from now on. Call us if you have a question.",
    Step.TOOK_BACK_OPTIONAL: "You have taken this back, and it counts from now on. Your treatment goes on.",
    Step.CLOSED: "Your account is closed. You can call us at any time.",
    Step.RESUMED: "Welcome back. Book your next session when you are ready.",
}


def leaving(facts: LeavingFacts) -> Leaving:
    """Return what a step stops and what it leaves running; nothing ends a session that was dosed."""
    return Leaving(_SUMMARIES[facts.step], tuple(_stops(facts)), tuple(_goes_on(facts)))


def _stops(facts: LeavingFacts) -> Iterator[Reason]:
    if facts.step == Step.CLOSED:
        yield Reason("sign_in", "You are signed out everywhere. To come back, call us.")
    if facts.step in (Step.PAUSED, Step.LEFT, Step.CLOSED):
        yield Reason("reminders", "We send no more reminders.")
    if facts.step in (Step.PAUSED, Step.LEFT, Step.CLOSED, Step.TOOK_BACK):
        yield Reason("sessions", "No session can start.")
    if facts.called_off:
        yield Reason("booking", "Your booked session is called off. Tell the adult who wanted to stay.")
    if facts.step != Step.RESUMED and facts.running == SessionStatus.IN_PROGRESS and not facts.is_dosed:
        yield Reason("dose", "Do not take the medicine. The adult with you can end this session now.")


def _goes_on(facts: LeavingFacts) -> Iterator[Reason]:
    if facts.running == SessionStatus.IN_PROGRESS and facts.is_dosed:
        yield Reason("watch", "Your session is watched to its end. Stay with the adult who is with you.")
    yield from _closed_goes_on(facts) if facts.step == Step.CLOSED else _open_goes_on(facts)


def _open_goes_on(facts: LeavingFacts) -> Iterator[Reason]:
    if facts.is_dosed:
        yield Reason("driving", "Do not drive before the time that your session shows.")
    yield Reason("help", "If something is wrong, tell us or call. Somebody answers.")
    if facts.step == Step.LEFT:
        yield Reason("record", "We keep your record as the law asks. You can read and download it.")


def _closed_goes_on(facts: LeavingFacts) -> Iterator[Reason]:
    """Say it without the app, which shows them nothing any more."""
    if facts.is_dosed:
        yield Reason("driving", "Do not drive today. Call us to hear from when you may.")
        yield Reason("check_in", "If we do not hear from the adult with you, we still write to you both.")
    yield Reason("help", "If something is wrong, call. Somebody answers.")
    yield Reason("record", "We keep your record as the law asks. Call us if you want a copy.")
