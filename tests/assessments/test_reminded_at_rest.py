"""Pauses and holds: what guards somebody's safety is asked on, all else waits and comes back, once each."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.models import Patient, User
from assessments import services
from assessments.keeping import keep_schedule
from assessments.schedule import Anchor, CauseKind
from core.actors import Actor, ServiceName
from notifications import queries as notification_queries
from notifications import services as notifications
from notifications.enums import DeliveryStatus, MessageKind
from notifications.ladders import steps_before
from notifications.models import Delivery, ReminderPreference
from notifications.services import deliver_due
from programs import services as programs
from programs.models import Enrollment
from safety import services as safety
from safety.enums import HoldReason
from tests import steps
from tests.sessions import stages

pytestmark = pytest.mark.from_the_start
DAY = timedelta(days=1)


@pytest.fixture
def begun_at(at: datetime) -> datetime:
    """Noon where Ada lives, or an hour beside it: a day later is her next day, whatever the clocks do."""
    return at.replace(hour=17, minute=0, second=0, microsecond=0)


@pytest.fixture
def enrollment(ada: Patient, begun_at: datetime, mailoutbox: list[Any]) -> Enrollment:
    """Ada's, her baseline due in three days; she has read the news, and may be reminded at any hour."""
    midnight = time(0)
    ReminderPreference.objects.create(
        user=ada.user, quiet_from=midnight, quiet_until=midnight, changed_at=begun_at
    )
    begun = steps.active(ada, at=begun_at)
    deliver_due(at=begun_at)
    mailoutbox.clear()
    return begun


def pause(enrollment: Enrollment, at: datetime) -> None:
    programs.pause(enrollment.pk, patient_user=enrollment.patient.user, at=at)


def resume(enrollment: Enrollment, at: datetime) -> None:
    programs.resume(enrollment.pk, patient_user=enrollment.patient.user, at=at)


def hold(enrollment: Enrollment, at: datetime) -> Any:
    watch = Actor.service(ServiceName.WATCH)
    return safety.place_hold(enrollment.patient_id, reason=HoldReason.CLINICAL, note="", actor=watch, at=at)


def reminders(enrollment: Enrollment, part: str) -> list[Delivery]:
    return list(
        Delivery.objects.filter(dedupe_key__contains=part, user=enrollment.patient.user).order_by(
            "dedupe_key"
        )
    )


def states(enrollment: Enrollment, part: str) -> list[str]:
    return [each.status for each in reminders(enrollment, part)]


BASELINE = ":0:v"
BOOKED = "booked:"
NEEDED = ":as_needed:"
WEEK = ":week:"


def call_for_screener(enrollment: Enrollment, at: datetime) -> None:
    services.call_for_form(enrollment, kind=CauseKind.SCREENING, source="screening:x", at=at)


def book(enrollment: Enrollment, starts_at: datetime) -> None:
    notifications.remind(
        MessageKind.SESSION_TOMORROW, enrollment.patient.user, key=BOOKED, steps=steps_before(starts_at)
    )


def test_who_has_paused_is_reminded_of_the_screener(
    enrollment: Enrollment, begun_at: datetime, mailoutbox: list[Any]
) -> None:
    pause(enrollment, begun_at)
    call_for_screener(enrollment, begun_at)
    deliver_due(at=begun_at)
    assert states(enrollment, NEEDED)[0] == DeliveryStatus.SENT
    assert [each.to for each in mailoutbox] == [["ada@example.org"]]


def test_who_has_paused_is_reminded_of_the_weeks_form(enrollment: Enrollment, begun_at: datetime) -> None:
    stages.fill_in(enrollment, at=begun_at)
    pause(enrollment, begun_at + DAY)
    keep_schedule(at=begun_at + 28 * DAY)
    deliver_due(at=begun_at + 30 * DAY)
    assert states(enrollment, WEEK)[0] == DeliveryStatus.SENT


def test_what_is_open_and_put_off_does_not_spare_from_the_weeks_form(
    enrollment: Enrollment, begun_at: datetime
) -> None:
    """Her baseline has a PHQ-9 that nobody reminds her of while she rests."""
    assert keep_schedule(at=begun_at + 28 * DAY).opened == 0
    pause(enrollment, begun_at + 28 * DAY)
    assert keep_schedule(at=begun_at + 28 * DAY).opened == 1
    assert enrollment.assessments.filter(**{f"{Anchor.WEEK}": 4}).count() == 1


def test_what_a_pause_put_off_comes_on_resuming(
    enrollment: Enrollment, begun_at: datetime, mailoutbox: list[Any]
) -> None:
    pause(enrollment, begun_at)
    deliver_due(at=begun_at + 3 * DAY)
    first = reminders(enrollment, BASELINE)[0]
    assert (first.status, first.outcome) == (DeliveryStatus.DUE, "Kept until what stands still goes on.")
    assert mailoutbox == []
    resume(enrollment, begun_at + 4 * DAY)
    deliver_due(at=begun_at + 4 * DAY)
    assert states(enrollment, BASELINE)[0] == DeliveryStatus.SENT
    assert len(mailoutbox) == 1


def test_what_a_hold_put_off_comes_when_it_is_lifted(
    enrollment: Enrollment, ben: User, begun_at: datetime, mailoutbox: list[Any]
) -> None:
    book(enrollment, begun_at + 5 * DAY)
    placed = hold(enrollment, begun_at)
    deliver_due(at=begun_at + 2 * DAY)
    assert mailoutbox == []
    safety.lift_hold(placed, by=ben, reason="Well.", at=begun_at + 2.5 * DAY)
    deliver_due(at=begun_at + 2.5 * DAY)
    assert states(enrollment, BOOKED)[0] == DeliveryStatus.SENT
    assert len(mailoutbox) == 1


def test_what_is_past_does_not_come_back(enrollment: Enrollment, begun_at: datetime) -> None:
    pause(enrollment, begun_at)
    deliver_due(at=begun_at + 3 * DAY)
    deliver_due(at=begun_at + 5 * DAY)
    deliver_due(at=begun_at + 7 * DAY)
    resume(enrollment, begun_at + 8 * DAY)
    deliver_due(at=begun_at + 8 * DAY)
    assert states(enrollment, BASELINE) == [DeliveryStatus.EXPIRED] * 2
    assert reminders(enrollment, BASELINE)[0].outcome == "Its time passed while everything stood still."


def test_who_leaves_while_resting_is_not_reminded(
    enrollment: Enrollment, begun_at: datetime, mailoutbox: list[Any]
) -> None:
    pause(enrollment, begun_at)
    deliver_due(at=begun_at + 3 * DAY)
    programs.withdraw(enrollment.pk, patient_user=enrollment.patient.user, reason="", at=begun_at + 3 * DAY)
    resume(enrollment, begun_at + 3 * DAY)
    deliver_due(at=begun_at + 3 * DAY)
    assert states(enrollment, BASELINE)[0] == DeliveryStatus.CANCELLED
    assert mailoutbox == []


def resumed_while_it_is_put_off(
    enrollment: Enrollment, begun_at: datetime, monkeypatch: pytest.MonkeyPatch
) -> datetime:
    """Let her resume after the sender has read that she rests; return when what it had in hand is due."""
    pause(enrollment, begun_at)
    read = notification_queries.sending_facts

    def resumed_then(*args: Any, **kwargs: Any) -> Any:
        facts = read(*args, **kwargs)
        resume(enrollment, begun_at + 3 * DAY)
        return facts

    monkeypatch.setattr(notification_queries, "sending_facts", resumed_then)
    deliver_due(at=begun_at + 3 * DAY, limit=1)
    return reminders(enrollment, BASELINE)[0].due_at


def test_a_pause_that_ends_in_that_moment_loses_nothing(
    enrollment: Enrollment, begun_at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resumed_while_it_is_put_off(enrollment, begun_at, monkeypatch) == begun_at + 3 * DAY


def test_twin_without_a_second_look_it_waits_until_it_is_past(
    enrollment: Enrollment, begun_at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "_unless_it_ended", lambda delivery, outcome, *, at: outcome)
    assert resumed_while_it_is_put_off(enrollment, begun_at, monkeypatch) == begun_at + 5 * DAY


# For any pauses and holds

Days = list[list[str]]
days = st.lists(
    st.lists(st.sampled_from(["pause", "resume", "hold", "lift"]), max_size=3), min_size=8, max_size=8
)


def live(enrollment: Enrollment, ben: User, begun_at: datetime, acts: Days) -> None:
    """Live day by day, and say of every reminder on every day whether it has left by then."""
    book(enrollment, begun_at + 6 * DAY)
    call_for_screener(enrollment, begun_at + DAY)
    own = Delivery.objects.filter(
        user=enrollment.patient.user, kind__in=("assessment_due", "session_tomorrow")
    )
    plan = {each.pk: (each.kind, NEEDED in each.dedupe_key, each.due_at, each.expires_at) for each in own}
    paused, holds, left = False, list[Any](), set[Any]()
    for day, todays in enumerate(acts):
        now = begun_at + day * DAY
        for act in todays:
            if act == "pause":
                pause(enrollment, now)
                paused = True
            elif act == "resume":
                resume(enrollment, now)
                paused = False
            elif act == "hold":
                holds.append(hold(enrollment, now))
            elif holds:
                safety.lift_hold(holds.pop(), by=ben, reason="Well.", at=now)
        deliver_due(at=now)
        for pk, (kind, goes_on, due_at, expires_at) in plan.items():
            waits = paused or (bool(holds) and kind == "session_tomorrow")
            if due_at <= now < expires_at and (goes_on or not waits):
                left.add(pk)
        found = own.filter(status="sent") | own.filter(outcome__startswith="Said in the same")
        assert set(found.values_list("pk", flat=True)) == left, (day, acts)
    assert not own.filter(status="cancelled").exclude(outcome__startswith="Said in the same").exists()


def for_any(check: Callable[[Days], None]) -> None:
    @settings(max_examples=25)
    @given(acts=days)
    def each(acts: Days) -> None:
        before = transaction.savepoint()
        try:
            check(acts)
        finally:
            transaction.savepoint_rollback(before)

    each()


def test_for_any_pauses_and_holds_safety_goes_on_and_all_else_waits(
    enrollment: Enrollment, ben: User, begun_at: datetime
) -> None:
    for_any(lambda acts: live(enrollment, ben, begun_at, acts))


def test_twin_a_pause_that_stops_is_found(
    enrollment: Enrollment, ben: User, begun_at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "put_off", notifications.suppress)
    with pytest.raises(AssertionError):
        live(enrollment, ben, begun_at, [["pause"], *([[]] * 3), ["resume"], [], [], []])
