"""Opening a set: once, with its windows, with one reminder for all of it; and the table's own walls."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction

from accounts.models import Patient
from assessments import services
from assessments.models import Assessment
from notifications.enums import DeliveryStatus, MessageKind
from notifications.messages import TEMPLATES
from notifications.models import Delivery
from notifications.services import deliver_due
from programs import services as programs
from programs.models import Enrollment
from tests import steps

pytestmark = pytest.mark.from_the_start
DAY = timedelta(days=1)


def windows(enrollment: Enrollment, after_session: int) -> list[tuple[str, datetime, datetime, datetime]]:
    rows = enrollment.assessments.filter(after_session=after_session).order_by("id")
    return [(row.instrument, row.opens_at, row.due_at, row.closes_at) for row in rows]


def reminders(enrollment: Enrollment) -> list[Delivery]:
    found = Delivery.objects.filter(dedupe_key__startswith=f"assessments:{enrollment.pk}:")
    return list(found.order_by("due_at", "id"))


def noon_after(moment: datetime) -> datetime:
    """Return the next noon where Ada lives, give or take an hour: not in her quiet hours."""
    return moment + (datetime.combine(moment, time(17), tzinfo=UTC) - moment) % DAY


def test_the_baseline_opens_at_once(enrollment: Enrollment, at: datetime) -> None:
    expected = [(code, at, at + 3 * DAY, at + 365 * DAY) for code in ("phq9", "gad7", "cbi")]
    assert windows(enrollment, 0) == expected


def test_opening_the_baseline_again_changes_nothing(enrollment: Enrollment, at: datetime) -> None:
    before = windows(enrollment, 0), [reminder.due_at for reminder in reminders(enrollment)]
    services.open_baseline(enrollment, at=at + DAY)
    assert (windows(enrollment, 0), [reminder.due_at for reminder in reminders(enrollment)]) == before


@pytest.mark.parametrize("number", [2, 4, 6])
def test_after_every_second_session_a_set_opens(enrollment: Enrollment, at: datetime, number: int) -> None:
    services.open_after_session(enrollment, number=number, at=at)
    expected = [(code, at + DAY, at + 3 * DAY, at + 7 * DAY) for code in ("phq9", "gad7", "cbi")]
    assert windows(enrollment, number) == expected


@pytest.mark.parametrize("number", [1, 3, 5])
def test_after_the_others_nothing_opens(enrollment: Enrollment, at: datetime, number: int) -> None:
    services.open_after_session(enrollment, number=number, at=at)
    assert (windows(enrollment, number), len(reminders(enrollment))) == ([], 2)


def test_opening_a_later_set_again_changes_nothing(enrollment: Enrollment, at: datetime) -> None:
    services.open_after_session(enrollment, number=2, at=at)
    before = windows(enrollment, 2)
    services.open_after_session(enrollment, number=2, at=at + DAY)
    assert (windows(enrollment, 2), len(reminders(enrollment))) == (before, 4)


def test_a_set_is_reminded_of_when_it_falls_due_and_two_days_later(
    enrollment: Enrollment, at: datetime
) -> None:
    found = reminders(enrollment)
    assert {(one.kind, one.user) for one in found} == {(MessageKind.ASSESSMENT_DUE, enrollment.patient.user)}
    assert [(one.due_at, one.expires_at) for one in found] == [
        (at + 3 * DAY, at + 5 * DAY),
        (at + 5 * DAY, at + 7 * DAY),
    ]


def sent_reminders(patient: Patient) -> list[EmailMessage]:
    subject = TEMPLATES[MessageKind.ASSESSMENT_DUE].subject
    return [sent for sent in mail.outbox if sent.to == [patient.user.email] and sent.subject == subject]


def test_the_reminder_leaves_and_says_nothing_of_health(
    enrollment: Enrollment, ada: Patient, at: datetime
) -> None:
    mail.outbox.clear()
    deliver_due(at=noon_after(at + 3 * DAY))
    assert [one.status for one in reminders(enrollment)] == [DeliveryStatus.SENT, DeliveryStatus.DUE]
    (message,) = sent_reminders(ada)
    said = f"{message.subject} {message.body}".lower()
    for word in ("phq", "gad", "burnout", "depress", "anxi", "ketamine", "session"):
        assert word not in said


def test_whoever_left_is_not_reminded(enrollment: Enrollment, ada: Patient, at: datetime) -> None:
    mail.outbox.clear()
    programs.withdraw(enrollment.pk, patient_user=ada.user, reason="", at=at)
    deliver_due(at=noon_after(at + 3 * DAY))
    assert sent_reminders(ada) == []


def test_nothing_opens_before_every_text_is_agreed_to(ada: Patient, at: datetime) -> None:
    assert not steps.planned(ada, at=at).assessments.exists()


# The table's own walls


def refused(sql: str, params: list[Any], *, by: str) -> None:
    with (
        pytest.raises(IntegrityError, match=by),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, params)


def test_no_second_form_for_one_time_point(phq9: Assessment, gad7: Assessment) -> None:
    sql = "UPDATE assessments_assessment SET instrument = 'phq9' WHERE id = %s"
    refused(sql, [gad7.pk], by="assessment_once_per_timepoint")


@pytest.mark.parametrize(
    "change", ["opens_at = due_at + interval '1 s'", "closes_at = due_at - interval '1 s'"]
)
def test_no_window_that_closes_before_it_opens(gad7: Assessment, change: str) -> None:
    sql = f"UPDATE assessments_assessment SET {change} WHERE id = %s"  # noqa: S608 - the two above
    refused(sql, [gad7.pk], by="assessment_opens_then_is_due_then_closes")


@pytest.mark.parametrize("change", ["submitted_at = now()", "scores = '{}'"])
def test_no_submission_without_scores_nor_the_other_way_round(gad7: Assessment, change: str) -> None:
    sql = f"UPDATE assessments_assessment SET {change} WHERE id = %s"  # noqa: S608 - the two above
    refused(sql, [gad7.pk], by="assessment_submitted_means_scored")
