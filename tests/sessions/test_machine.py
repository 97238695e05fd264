import pytest

from sessions.enums import SessionEvent, SessionStatus
from sessions.rules import TRANSITIONS, Party, next_actions, next_status

ENDED = {SessionStatus.COMPLETED, SessionStatus.CANCELLED, SessionStatus.MISSED, SessionStatus.ABORTED}


def test_the_whole_table() -> None:
    """Every pair of status and event: what is not listed here leads nowhere."""
    allowed = {
        ("scheduled", "monitor_accepted", "ready"),
        ("scheduled", "rescheduled", "scheduled"),
        ("ready", "rescheduled", "scheduled"),
        ("scheduled", "cancelled", "cancelled"),
        ("ready", "cancelled", "cancelled"),
        ("scheduled", "missed", "missed"),
        ("ready", "missed", "missed"),
        ("scheduled", "started", "in_progress"),
        ("ready", "started", "in_progress"),
        ("in_progress", "dosed", "in_progress"),
        ("in_progress", "aborted", "aborted"),
        ("in_progress", "ended", "recovering"),
        ("recovering", "completed", "completed"),
    }
    found = {
        (status.value, event.value, after.value)
        for status in SessionStatus
        for event in SessionEvent
        if (after := next_status(status, event)) is not None
    }
    assert found == allowed


@pytest.mark.parametrize("status", sorted(ENDED))
def test_what_has_ended_stays(status: SessionStatus) -> None:
    assert not [event for before, event in TRANSITIONS if before == status]


def test_every_state_can_come_to_an_end() -> None:
    reached = set(ENDED)
    for _ in SessionStatus:
        reached |= {before for (before, _), after in TRANSITIONS.items() if after in reached}
    assert reached == set(SessionStatus)


@pytest.mark.parametrize("status", list(SessionStatus))
@pytest.mark.parametrize("party", list(Party))
def test_harm_can_always_be_reported(status: SessionStatus, party: Party) -> None:
    assert next_actions(status, party=party, may_dose=True)[-1] == "report_event"


@pytest.mark.parametrize(
    ("status", "party", "may_dose", "actions"),
    [
        ("ready", Party.MONITOR, True, ["attest_monitor_present", "start", "observe"]),
        (
            "in_progress",
            Party.MONITOR,
            True,
            ["record_dose", "check_in", "end", "observe", "record_dose_outcome"],
        ),
        ("in_progress", Party.MONITOR, False, ["check_in", "end", "observe", "record_dose_outcome"]),
        ("in_progress", Party.CLINICIAN, True, ["end", "observe", "record_dose_outcome"]),
        ("recovering", Party.PATIENT, False, ["give_place", "observe", "record_dose_outcome", "reflect"]),
        ("completed", Party.PATIENT, False, ["reflect"]),
        ("cancelled", Party.PATIENT, True, []),
    ],
)
def test_what_each_may_do_next(status: str, party: Party, may_dose: bool, actions: list[str]) -> None:
    assert next_actions(SessionStatus(status), party=party, may_dose=may_dose) == [*actions, "report_event"]
