"""Who is on duty is called first; a gap is told before it happens; a page can be tried."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from accounts.enums import Role
from accounts.models import Patient, RoleGrant, User
from accounts.services import grant_role
from notifications.models import Delivery
from safety import queries, services
from safety.enums import AlertClass
from safety.roster import queries as roster
from safety.roster.models import OnCallShift
from safety.roster.rules import Span, gaps
from safety.roster.services import call_for_gaps
from tests.api import post
from tests.conftest import make_clinician, make_user

HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def span(start: float, end: float) -> Span:
    return NOON + start * HOUR, NOON + end * HOUR


@pytest.mark.parametrize(
    ("shifts", "left"),
    [
        ([], [(0, 24)]),
        ([(0, 24)], []),
        ([(-5, 30)], []),
        ([(0, 12), (12, 24)], []),
        ([(12, 24), (0, 12)], []),
        ([(0, 13), (12, 24)], []),
        ([(0, 24), (3, 4)], []),
        ([(0, 8), (9, 24)], [(8, 9)]),
        ([(1, 23)], [(0, 1), (23, 24)]),
        ([(30, 40)], [(0, 24)]),
        ([(0, 8), (9, 10), (24, 30)], [(8, 9), (10, 24)]),
        ([(-9, -1)], [(0, 24)]),
    ],
)
def test_when_nobody_covers(shifts: list[tuple[int, int]], left: list[tuple[int, int]]) -> None:
    found = gaps([span(*shift) for shift in shifts], starts_at=NOON, ends_at=NOON + 24 * HOUR)
    assert found == [span(*gap) for gap in left]


@pytest.fixture
def dora(db: None, at: datetime) -> User:
    """Another clinician, who made her account after Ben."""
    return make_clinician(make_user("dora@clinic.example", is_staff=True), "Dora Example", at=at)


@pytest.fixture
def olga(db: None, at: datetime) -> User:
    """She runs the clinic."""
    user = make_user("olga@clinic.example")
    grant_role(user, Role.OPERATOR, granted_by=None, at=at - timedelta(days=9))
    return user


def enter(by: User, user: User, at: datetime, start: float, end: float) -> OnCallShift:
    return OnCallShift.objects.create(
        user=user, starts_at=at + start * HOUR, ends_at=at + end * HOUR, entered_by=by, entered_at=at
    )


@pytest.mark.django_db
class TestCalling:
    def first_page(self, ada: Patient, at: datetime) -> list[str]:
        alert = services.raise_alert(ada.pk, alert_class=AlertClass.SERIOUS_EVENT, source="x", at=at)
        pages = Delivery.objects.filter(dedupe_key__startswith=f"alert:{alert.pk}:0:")
        return [page.user.email for page in pages.select_related("user") if page.user]

    def test_without_a_roster_ones_own_clinician(self, ada: Patient, dora: User, at: datetime) -> None:
        assert self.first_page(ada, at) == ["ben@clinic.example"]

    def test_who_is_on_duty_comes_first(self, ada: Patient, dora: User, olga: User, at: datetime) -> None:
        enter(olga, dora, at, -1, 1)
        assert self.first_page(ada, at) == ["dora@clinic.example"]

    @pytest.mark.parametrize(("start", "end"), [(-2, 0), (1, 2)])
    def test_before_and_after_it_does_not(
        self, start: int, end: int, ada: Patient, dora: User, olga: User, at: datetime
    ) -> None:
        enter(olga, dora, at, start, end)
        assert self.first_page(ada, at) == ["ben@clinic.example"]

    def test_nobody_is_left_out(self, ada: Patient, ben: User, dora: User, olga: User, at: datetime) -> None:
        enter(olga, dora, at, -1, 1)
        alert = services.raise_alert(ada.pk, alert_class=AlertClass.SERIOUS_EVENT, source="x", at=at)
        assert queries.on_call(alert, at=at) == [dora, ben]

    def test_who_lost_the_role_covers_nothing(
        self, ada: Patient, dora: User, olga: User, at: datetime
    ) -> None:
        enter(olga, dora, at, -1, 25)
        RoleGrant.objects.filter(user=dora).update(ends_at=at - HOUR)
        assert self.first_page(ada, at) == ["ben@clinic.example"]
        assert roster.gaps_ahead(at=at, ahead=24 * HOUR) == [(at, at + 24 * HOUR)]


@pytest.mark.django_db
class TestGaps:
    def told(self) -> int:
        return Delivery.objects.filter(dedupe_key__startswith="roster-gap:").count()

    def test_no_roster_is_no_gap(self, olga: User, at: datetime) -> None:
        assert call_for_gaps(at=at) == 0

    def test_one_is_told_a_day_before_and_once(
        self, olga: User, dora: User, at: datetime, caplog: pytest.LogCaptureFixture
    ) -> None:
        enter(olga, dora, at, -1, 26)
        assert call_for_gaps(at=at) == 0
        assert [call_for_gaps(at=at + 3 * HOUR) for _ in range(3)] == [1] * 3
        assert self.told() == 1
        assert "Nobody is on duty" in caplog.text

    def test_one_that_is_called_off_at_once(self, olga: User, dora: User, at: datetime) -> None:
        enter(olga, dora, at, -1, 48)
        second = enter(olga, dora, at, -1, 48)
        OnCallShift.objects.exclude(pk=second.pk).update(cancelled_at=at)
        assert call_for_gaps(at=at) == 0
        OnCallShift.objects.update(cancelled_at=at)
        enter(olga, dora, at, 47, 48)
        assert call_for_gaps(at=at) == 1

    def test_the_list(
        self, olga: User, dora: User, at: datetime, client_of: Callable[[User], APIClient]
    ) -> None:
        enter(olga, dora, at, -1, 24 * 6)
        (gap,) = client_of(dora).get("/api/v1/on-call-gaps").json()
        assert datetime.fromisoformat(gap["starts_at"]) == at + 24 * 6 * HOUR


@pytest.mark.django_db
class TestEntering:
    def said(self, user: User, at: datetime, **changed: Any) -> dict[str, Any]:
        ends_at = at + 8 * HOUR
        said = {"user": str(user.pk), "starts_at": at.isoformat(), "ends_at": ends_at.isoformat()}
        return said | changed

    def test_and_calling_off(
        self, olga: User, dora: User, at: datetime, client_of: Callable[[User], APIClient]
    ) -> None:
        as_olga = client_of(olga)
        made = post(as_olga, "on-call-shifts", self.said(dora, at))
        assert (made.status_code, made.json()["name"]) == (201, "Dora Example, MD")
        assert roster.on_duty(at=at) == {dora.pk}
        off = f"on-call-shifts/{made.json()['id']}/cancellations"
        assert post(as_olga, off).status_code == 201
        assert roster.on_duty(at=at) == set()
        assert post(as_olga, off).json()["code"] == "already_cancelled"

    @pytest.mark.parametrize(
        ("changed", "fault"),
        [
            ({"ends_at": -HOUR}, "no_span"),
            ({"ends_at": timedelta(days=8)}, "no_span"),
            ({"starts_at": -9 * HOUR, "ends_at": -8 * HOUR}, "is_over"),
        ],
    )
    def test_not_so(
        self,
        changed: dict[str, timedelta],
        fault: str,
        olga: User,
        dora: User,
        at: datetime,
        client_of: Callable[[User], APIClient],
    ) -> None:
        moved = {name: (at + by).isoformat() for name, by in changed.items()}
        answer = post(client_of(olga), "on-call-shifts", self.said(dora, at, **moved))
        assert answer.status_code == 400
        assert fault in {error["code"] for error in answer.json()["errors"]}

    def test_only_who_practises(
        self, olga: User, at: datetime, client_of: Callable[[User], APIClient]
    ) -> None:
        answer = post(client_of(olga), "on-call-shifts", self.said(olga, at))
        assert answer.json()["errors"][0]["code"] == "does_not_practise"

    def test_not_by_clinicians(self, ben: User, at: datetime, client_of: Callable[[User], APIClient]) -> None:
        assert post(client_of(ben), "on-call-shifts", self.said(ben, at)).status_code == 403
        assert client_of(ben).get("/api/v1/on-call-shifts").status_code == 200

    @pytest.mark.parametrize("change", ["ends_at = now()", "user_id = entered_by_id"])
    def test_sql_changes_none(self, change: str, olga: User, dora: User, at: datetime) -> None:
        enter(olga, dora, at, -1, 1)
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"UPDATE safety_oncallshift SET {change}")  # noqa: S608

    @pytest.mark.parametrize("end", [-1, 24 * 7 + 1])
    def test_sql_makes_no_such_span(self, end: int, olga: User, dora: User, at: datetime) -> None:
        with pytest.raises(DatabaseError, match="shift_ends_within_a_week"), transaction.atomic():
            enter(olga, dora, at, 0, end)


@pytest.mark.django_db
def test_a_page_to_oneself_once_a_minute(ben: User, client_of: Callable[[User], APIClient]) -> None:
    as_ben = client_of(ben)
    for _ in range(2):
        assert post(as_ben, "on-call-test-pages").status_code == 201
    pages = Delivery.objects.filter(dedupe_key__startswith="test-page:")
    assert 1 <= pages.count() <= 2
    assert {(page.kind, page.user_id) for page in pages} == {("alert_page", ben.pk)}
