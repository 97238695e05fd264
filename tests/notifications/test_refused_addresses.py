"""An address that takes no mail: reminders rest, and somebody who can do something is told."""

from datetime import UTC, date, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress

from accounts.enums import Role
from accounts.models import CareTeamMembership, Patient, RoleGrant, User
from notifications import queries
from notifications.enums import MessageKind
from notifications.models import Delivery
from notifications.services import deliver_due
from tests.notifications.conftest import Due, Sink, member

FORM = MessageKind.ASSESSMENT_DUE
NOON = datetime(2026, 7, 1, 16, tzinfo=UTC)
DAY = timedelta(days=1)


def holds(user: User, role: Role) -> User:
    RoleGrant.objects.create(user=user, role=role, starts_at=NOON - DAY)
    return user


@pytest.fixture
def olga(db: None) -> User:
    """Who runs the clinic."""
    return holds(member("olga@clinic.example"), Role.OPERATOR)


@pytest.fixture
def chart(ada: User, ben: User, olga: User) -> Patient:
    """Ada's, in Ben's care."""
    chart = Patient.objects.create(
        user=ada, legal_name="Ada Example", birth_on=date(1984, 5, 17), timezone="America/New_York"
    )
    holds(ben, Role.CLINICIAN)
    CareTeamMembership.objects.create(patient=chart, member=ben, role=Role.CLINICIAN, starts_at=NOON - DAY)
    return chart


def remind(due: Due, user: User, *, at: datetime = NOON) -> Delivery:
    return due(FORM, user=user, due_at=at, expires_at=at + 5 * DAY, dedupe_key=f"form:{at}")


def told() -> list[str]:
    return sorted(Delivery.objects.filter(kind=MessageKind.NEWS).values_list("user__email", flat=True))


def status(delivery: Delivery) -> str:
    delivery.refresh_from_db()
    return str(delivery.status)


@pytest.fixture
def refused(chart: Patient, due: Due, sink: Sink) -> Delivery:
    """Ada's first reminder, which nobody took."""
    sink.at_recipient = "550 no such mailbox"
    delivery = remind(due, chart.user)
    deliver_due(at=NOON, limit=1)
    sink.at_recipient = "250 OK"
    return delivery


def test_her_clinician_is_told(refused: Delivery, sink: Sink) -> None:
    assert (status(refused), told()) == ("failed", ["ben@clinic.example"])
    deliver_due(at=NOON)
    assert sink.to == ["ben@clinic.example"]
    assert "ada" not in sink.text().lower()


def test_without_a_clinician_who_practises_whoever_runs_the_clinic_is(
    chart: Patient, ben: User, due: Due, sink: Sink
) -> None:
    RoleGrant.objects.filter(user=ben).update(ends_at=NOON - timedelta(hours=1))
    sink.at_recipient = "550 no such mailbox"
    remind(due, chart.user)
    deliver_due(at=NOON, limit=1)
    assert told() == ["olga@clinic.example"]


def test_once_a_month_is_enough(refused: Delivery, chart: Patient, due: Due, sink: Sink) -> None:
    deliver_due(at=NOON)
    Delivery.objects.filter(pk=refused.pk).update(finished_at=NOON - 31 * DAY)
    sink.at_recipient = "550 no such mailbox"
    again = remind(due, chart.user, at=NOON + DAY)
    deliver_due(at=NOON + DAY)
    assert (status(again), told()) == ("failed", ["ben@clinic.example"])


def test_the_next_reminder_does_not_go_there(refused: Delivery, chart: Patient, due: Due, sink: Sink) -> None:
    again = remind(due, chart.user, at=NOON + DAY)
    deliver_due(at=NOON + DAY)
    assert status(again) == "cancelled"
    assert "refuses mail" in again.outcome
    assert "ada@example.org" not in sink.to


def test_twin_without_that_memory_it_does(
    refused: Delivery, chart: Patient, due: Due, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "refused_at", lambda user, address: None)
    remind(due, chart.user, at=NOON + DAY)
    deliver_due(at=NOON + DAY)
    assert "ada@example.org" in sink.to


def test_a_new_address_is_reminded_again(refused: Delivery, chart: Patient, due: Due, sink: Sink) -> None:
    EmailAddress.objects.filter(user=chart.user).update(email="new@example.org")
    again = remind(due, chart.user, at=NOON + DAY)
    deliver_due(at=NOON + DAY)
    assert status(again) == "sent"
    assert "new@example.org" in sink.to


def test_after_a_month_it_is_tried_once_more(refused: Delivery, chart: Patient, due: Due, sink: Sink) -> None:
    again = remind(due, chart.user, at=NOON + 30 * DAY)
    deliver_due(at=NOON + 30 * DAY)
    assert status(again) == "sent"


@pytest.mark.parametrize("kind", [MessageKind.CHECK_IN_MISSED, MessageKind.NEWS])
def test_what_must_get_through_is_tried_all_the_same(
    kind: MessageKind, refused: Delivery, chart: Patient, due: Due, sink: Sink
) -> None:
    call = due(kind, user=chart.user, due_at=NOON + DAY, expires_at=NOON + 2 * DAY)
    deliver_due(at=NOON + DAY)
    assert status(call) == "sent"


def test_a_clinicians_own_address_is_told_to_who_runs_the_clinic(
    ben: User, olga: User, due: Due, sink: Sink
) -> None:
    sink.at_recipient = "550 no such mailbox"
    due(MessageKind.ALERT_PAGE, user=ben, due_at=NOON, expires_at=NOON + DAY)
    deliver_due(at=NOON, limit=1)
    assert told() == ["olga@clinic.example"]


@pytest.mark.parametrize("answer", ["451 later", "250 OK"])
def test_nobody_is_told_of_what_passes(answer: str, chart: Patient, due: Due, sink: Sink) -> None:
    sink.at_recipient = answer
    remind(due, chart.user)
    deliver_due(at=NOON, limit=1)
    assert told() == []


def test_a_refused_text_is_no_refused_address(chart: Patient, due: Due, sink: Sink) -> None:
    sink.at_data = "554 looks like spam"
    remind(due, chart.user)
    deliver_due(at=NOON, limit=1)
    assert told() == []
