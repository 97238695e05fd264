"""What a step of an escalation came to: in a drill of the running system, and in a rehearsal."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

LATEST = timedelta(seconds=30)
"""How long after its programmed moment a call may leave (99 of 100 do, by `bin/bench sessions`)."""
FOUND, CALLED = "the silence found", "patient and monitor called"


@dataclass(frozen=True, slots=True)
class Call:
    """One message of a step: when it left, if it did, and how often it arrived."""

    sent_at: datetime | None
    arrived: int


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the escalation: when it was to come, whom it was to call, and what came."""

    what: str
    programmed_at: datetime
    wanted: int
    calls: tuple[Call, ...]

    @property
    def came_at(self) -> datetime | None:
        """Return when the last of its messages left."""
        return max((call.sent_at for call in self.calls if call.sent_at), default=None)


def faults(step: Step) -> Iterator[str]:
    """Name what is wrong with a step: it did not come, came to others than it should, twice, or late."""
    if len(step.calls) != step.wanted:
        yield f"{step.what}: {len(step.calls)} were called, not {step.wanted}"
    for call in step.calls:
        if call.sent_at is None or call.arrived == 0:
            yield f"{step.what}: a call did not come"
        elif call.arrived > 1:
            yield f"{step.what}: a call came {call.arrived} times"
        elif call.sent_at - step.programmed_at > LATEST:
            yield f"{step.what}: {seconds(call.sent_at - step.programmed_at)} late"


def advice(step: Step) -> str:
    """Say what to do about a step with faults: the first thing to look at."""
    if step.what == FOUND:
        return "Look whether worker, beat and watchdog run (/healthz names each), and what their logs say."
    if step.came_at is None and step.what != CALLED and not step.calls:
        return "Look whether anybody who practises is on call (GET /api/v1/on-call-gaps), then at the logs."
    return "Look whether the worker keeps up: messages that wait are under /admin/notifications/delivery/."


def told(step: Step, *, since: datetime) -> tuple[str, str]:
    """Return a step in words: what and when it was to come, and when it came."""
    programmed = minutes(step.programmed_at - since)
    if step.came_at is None:
        return f"{step.what}: programmed {programmed}", "never"
    late = seconds(step.came_at - step.programmed_at)
    return f"{step.what}: programmed {programmed}", f"{minutes(step.came_at - since)} ({late} late)"


def seconds(span: timedelta) -> str:
    """Write a span in seconds."""
    return f"{span.total_seconds():.1f} s"


def minutes(span: timedelta) -> str:
    """Write a span in minutes and seconds."""
    whole, rest = divmod(round(span.total_seconds(), 1), 60)
    return f"{whole:.0f}:{rest:04.1f}"
