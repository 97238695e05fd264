"""Clocks start with a report, restart with news, call people in time, and end by a signature alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from accounts.models import Patient, User
from core.actors import Actor
from safety.enums import AlertClass
from safety.events import watching
from safety.events.models import ReportingClock
from safety.models import AdverseEvent, Alert
from safety.services import EventReport, acknowledge, report_event
from tests.api import post
from tests.safety.events.test_assessments import assess, code

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def as_ben(ben: User, client_of: Callable[[User], APIClient]) -> APIClient:
    return client_of(ben)


@pytest.fixture
def event(ada: Patient, ben: User, at: datetime) -> AdverseEvent:
    """Ada fell; nobody said that it was not serious."""
    return report(ada, at)


def report(ada: Patient, at: datetime, **said: Any) -> AdverseEvent:
    actor = Actor.person(ada.user_id)
    return report_event(ada.pk, report=EventReport(**{"description": "Fell.", **said}), actor=actor, at=at)


def running() -> dict[str, ReportingClock]:
    return {clock.rule_code: clock for clock in ReportingClock.objects.filter(ended_at=None)}


def news(client: APIClient, event: AdverseEvent, aware_at: datetime, kind: str = "new_information") -> Any:
    said = {"kind": kind, "text": "A letter.", "aware_at": aware_at.isoformat()}
    return post(client, f"adverse-events/{event.pk}/news", said)


def end(client: APIClient, clock: ReportingClock, end: str = "reported", reason: str = "Case 7.") -> Any:
    return post(client, f"reporting-clocks/{clock.pk}/ends", {"end": end, "reason": reason})


def test_a_serious_event_starts_the_clocks_of_the_clinics_roles(event: AdverseEvent, at: datetime) -> None:
    clocks = running()
    assert set(clocks) == {"medical_review", "tell_pharmacy"}
    review = clocks["medical_review"]
    assert (review.aware_at, review.due_at, review.start) == (at, at + DAY, "reported")
    assert (review.rule["authority"], review.table_version) == ("medical director", 1)


def test_other_roles_have_other_clocks(ada: Patient, at: datetime, settings: Any) -> None:
    settings.REPORTING_ROLES = ["ind_sponsor"]
    report(ada, at)
    assert set(running()) == {"ind_fatal", "ind_serious"}


def test_one_that_is_not_serious_starts_none(ada: Patient, at: datetime) -> None:
    report(ada, at, is_serious=False)
    assert not ReportingClock.objects.exists()


def test_one_that_turns_out_serious_starts_them_from_the_report(
    ada: Patient, as_ben: APIClient, at: datetime
) -> None:
    told = report(ada, at - HOUR, is_serious=False)
    found = {"seriousness": ["hospitalisation"], "grade": 3, "expectedness": "unexpected"}
    assert assess(as_ben, told, **found).status_code == 201
    clocks = running()
    assert {clock.start for clock in clocks.values()} == {"assessed"}
    assert clocks["medical_review"].due_at == at - HOUR + DAY


def test_one_found_expected_leaves_the_clock_to_a_signature(event: AdverseEvent, as_ben: APIClient) -> None:
    assess(as_ben, event)
    assert "tell_pharmacy" in running()
    assert end(as_ben, running()["tell_pharmacy"], "not_required", "Expected.").status_code == 201
    assert set(running()) == {"medical_review"}


def test_new_information_restarts_what_restarts(event: AdverseEvent, as_ben: APIClient, at: datetime) -> None:
    before = running()
    assert news(as_ben, event, at).status_code == 201
    after = running()
    assert after["medical_review"] == before["medical_review"]
    assert after["tell_pharmacy"] != before["tell_pharmacy"]
    assert ReportingClock.objects.get(pk=before["tell_pharmacy"].pk).end == "replaced"


def test_what_was_done_with_restarts_and_what_was_never_due_does_not(
    event: AdverseEvent, as_ben: APIClient, at: datetime
) -> None:
    end(as_ben, running()["tell_pharmacy"])
    news(as_ben, event, at)
    assert running()["tell_pharmacy"].start == "new_information"
    other = report(event.patient, at)
    end(as_ben, ReportingClock.objects.get(event=other, rule_code="tell_pharmacy"), "not_required")
    news(as_ben, other, at)
    assert not ReportingClock.objects.filter(event=other, rule_code="tell_pharmacy", ended_at=None).exists()


def test_who_knew_earlier_moves_day_0_of_every_clock(
    event: AdverseEvent, as_ben: APIClient, at: datetime
) -> None:
    assert news(as_ben, event, at - 2 * DAY, "known_earlier").status_code == 201
    assert {clock.aware_at for clock in running().values()} == {at - 2 * DAY}
    assert running()["medical_review"].due_at == at - DAY
    assert code(news(as_ben, event, at - DAY, "known_earlier")) == (400, "not_earlier")


def test_nobody_knows_tomorrow(event: AdverseEvent, as_ben: APIClient, at: datetime) -> None:
    assert code(news(as_ben, event, at + DAY)) == (400, "in_the_future")


class TestCalling:
    def warned(self, at: datetime) -> list[tuple[str, int]]:
        watching.watch_clocks(at=at)
        return [(clock.rule_code, clock.warned_pct) for clock in running().values() if clock.warned_pct]

    def test_at_half_at_most_and_when_it_is_late(self, event: AdverseEvent, at: datetime) -> None:
        assert self.warned(at + 11 * HOUR) == []
        assert self.warned(at + 12 * HOUR) == [("medical_review", 50)]
        assert self.warned(at + 20 * HOUR) == [("medical_review", 80)]
        assert self.warned(at + 24 * HOUR) == [("medical_review", 100)]
        assert watching.watch_clocks(at=at + 25 * HOUR) == 0

    def test_by_one_alert_that_is_opened_again(self, event: AdverseEvent, ben: User, at: datetime) -> None:
        self.warned(at + 12 * HOUR)
        alert = Alert.objects.get(alert_class=AlertClass.REPORT_DUE)
        acknowledge(alert, by=ben, at=at + 12 * HOUR)
        self.warned(at + 20 * HOUR)
        alert.refresh_from_db()
        assert alert.status == "open"
        assert Alert.objects.filter(alert_class=AlertClass.REPORT_DUE).count() == 1

    def test_nobody_about_what_is_done(self, event: AdverseEvent, as_ben: APIClient, at: datetime) -> None:
        for clock in running().values():
            end(as_ben, clock)
        assert watching.watch_clocks(at=at + 30 * DAY) == 0


class TestEnding:
    def test_is_signed_and_once(self, event: AdverseEvent, as_ben: APIClient) -> None:
        clock = running()["medical_review"]
        answer = end(as_ben, clock)
        assert answer.json()["signature"]["signer_name"] == "Ben Example, MD"
        assert code(end(as_ben, clock)) == (409, "clock_has_ended")

    @pytest.mark.parametrize(("how", "why"), [("replaced", "x"), ("", "x"), ("reported", " "), ("late", "x")])
    def test_malformed(self, how: str, why: str, event: AdverseEvent, as_ben: APIClient) -> None:
        assert end(as_ben, running()["medical_review"], how, why).status_code == 400
        assert len(running()) == 2


def test_the_register(event: AdverseEvent, as_ben: APIClient, at: datetime) -> None:
    def listed(which: str) -> list[str]:
        rows = as_ben.get(f"/api/v1/reporting-clocks?status={which}").json()["results"]
        return sorted(row["code"] for row in rows)

    assert listed("running") == ["medical_review", "tell_pharmacy"]
    news(as_ben, event, at - 2 * DAY, "known_earlier")
    assert listed("overdue") == ["medical_review"]
    end(as_ben, running()["medical_review"])
    assert listed("overdue") == []
    assert len(listed("ended")) == 3
    assert len(listed("all")) == 4


@pytest.mark.parametrize(
    ("match", "sql"),
    [
        ("permission denied", "UPDATE safety_reportingclock SET due_at = now() + interval '9 years'"),
        ("permission denied", "UPDATE safety_reportingclock SET aware_at = now()"),
        ("permission denied", "DELETE FROM safety_reportingclock"),
        ("permission denied", "UPDATE safety_eventnews SET text = 'x'"),
        ("clock_ends_with_a_reason", "UPDATE safety_reportingclock SET ended_at = now()"),
        (
            "clock_ends_with_a_reason",
            "UPDATE safety_reportingclock SET ended_at = now(), \"end\" = 'reported', end_reason = 'x'",
        ),
    ],
)
def test_sql_cannot_either(match: str, sql: str, event: AdverseEvent) -> None:
    with pytest.raises(DatabaseError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_sql_cannot_let_an_ended_one_run(event: AdverseEvent, as_ben: APIClient) -> None:
    end(as_ben, running()["medical_review"])
    nothing = "ended_at = NULL, \"end\" = '', end_reason = '', signature_id = NULL"
    with (
        pytest.raises(DatabaseError, match="clock_ends_once"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE safety_reportingclock SET {nothing}")  # noqa: S608
