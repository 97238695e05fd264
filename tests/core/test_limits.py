"""Limits: what fits is admitted, what doesn't is refused, and nothing else depends on them."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core import limits, quotas
from core.addresses import client_address
from core.limits import Limit, take
from core.models import LimitCounter
from tests.races.together import together

pytestmark = pytest.mark.django_db
FIVE = Limit(amount=5, per_s=60)


def tries(count: int, *, by: str = "ada", what: str = "test") -> int:
    return sum(take(what, by=by, limit=FIVE).admitted for _ in range(count))


def test_what_fits_is_admitted_and_no_more() -> None:
    assert tries(20) == 5


def test_each_is_counted_alone() -> None:
    tries(20)
    assert tries(20, by="cyd") == 5
    assert tries(20, what="other") == 5


def test_a_refusal_says_how_long_to_wait() -> None:
    tries(5)
    refused = take("test", by="ada", limit=FIVE)
    assert (refused.admitted, refused.left) == (False, 0)
    assert 0 < refused.wait_s <= 60


def test_a_refusal_does_not_lengthen_the_wait() -> None:
    tries(1)
    ends_at = LimitCounter.objects.get().ends_at
    tries(50)
    assert LimitCounter.objects.get().ends_at == ends_at


def test_the_window_ends() -> None:
    tries(20)
    LimitCounter.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    assert tries(20) == 5


def test_looking_counts_nothing() -> None:
    for _ in range(10):
        assert limits.look("test", by="ada", limit=FIVE).admitted
    assert not LimitCounter.objects.exists()


def test_what_is_given_back_can_be_taken_again() -> None:
    tries(5)
    limits.give_back("test", by="ada")
    assert tries(5) == 1
    limits.clear("test", by="ada")
    assert tries(9) == 5


def test_more_is_never_given_back_than_was_taken() -> None:
    limits.give_back("test", by="ada")
    tries(1)
    for _ in range(3):
        limits.give_back("test", by="ada")
    assert tries(9) == 5


def test_a_batch_that_does_not_fit_is_refused_whole() -> None:
    tries(3)
    assert not take("test", by="ada", limit=FIVE, cost=3).admitted
    assert tries(9) == 2


def test_the_table_names_nobody() -> None:
    tries(1, by="ada@example.org")
    assert "example" not in LimitCounter.objects.get().key


def test_what_ended_long_ago_is_forgotten() -> None:
    tries(1)
    tries(1, by="cyd")
    LimitCounter.objects.filter(key=limits._key("test", "ada")).update(
        ends_at=timezone.now() - timedelta(days=2)
    )
    limits.forget_ended()
    assert LimitCounter.objects.get().key == limits._key("test", "cyd")


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_nothing_is_counted_and_the_mistake_is_heard() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        take("test", by="ada", limit=FIVE)


@pytest.mark.django_db(transaction=True)
def test_any_number_at_once_are_admitted_no_more_than_fit() -> None:
    admitted = together(*[lambda: take("test", by="ada", limit=FIVE).admitted] * 40)
    assert sorted(admitted) == [False] * 35 + [True] * 5


@pytest.mark.django_db(transaction=True)
def test_reading_before_counting_admits_more() -> None:
    """The twin: the same threads and table, looking first."""

    everybody_has_looked = threading.Barrier(10)

    def careless() -> bool:
        admitted = limits.look("test", by="ada", limit=FIVE).admitted
        everybody_has_looked.wait(timeout=30)
        take("test", by="ada", limit=FIVE)
        return admitted

    assert sum(together(*[careless] * 10)) == 10


@pytest.mark.parametrize(
    ("behind_proxy", "peer", "forwarded", "address"),
    [
        (False, "203.0.113.7", None, "203.0.113.7"),
        (False, "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (True, "10.0.0.2", "198.51.100.1", "198.51.100.1"),
        (True, "10.0.0.2", "1.1.1.1, 2.2.2.2, 198.51.100.1", "198.51.100.1"),
        (True, "10.0.0.2", "198.51.100.1, nonsense", "10.0.0.2"),
        (True, "10.0.0.2", None, "10.0.0.2"),
        (False, "2001:db8:1:2:3:4:5:6", None, "2001:db8:1:2::/64"),
        (False, "::ffff:203.0.113.7", None, "203.0.113.7"),
        (False, "", None, ""),
    ],
)
def test_an_address_is_what_our_own_proxy_saw(
    settings: Any, behind_proxy: bool, peer: str, forwarded: str | None, address: str
) -> None:
    settings.BEHIND_PROXY = behind_proxy
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    request = RequestFactory().get("/", REMOTE_ADDR=peer, **headers)  # type: ignore[arg-type]
    assert client_address(request) == address


@pytest.fixture
def quota(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota small enough to use up, dealt in fives."""
    settings.API_QUOTA_PER_MINUTE = 20
    monkeypatch.setattr(quotas, "BATCH", 5)


def test_the_quota_is_told_and_kept(quota, ada, client_of) -> None:
    client = client_of(ada.user)
    answers = [client.get("/api/v1/enrollments") for _ in range(25)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 5
    assert answers[0]["RateLimit-Policy"] == '"api";q=20;w=60'
    assert [answer["RateLimit"].split(";")[1] for answer in answers[:3]] == ["r=19", "r=18", "r=17"]
    refused = answers[-1]
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["code"] == "too_many"
    assert 0 < int(refused["Retry-After"]) <= 61
    assert refused["RateLimit"].startswith('"api";r=0;')


def test_somebody_elses_quota_is_their_own(quota, ada, cyd, client_of) -> None:
    for _ in range(25):
        client_of(ada.user).get("/api/v1/enrollments")
    assert client_of(cyd.user).get("/api/v1/enrollments").status_code == 200


def test_four_processes_together_keep_the_quota(quota, ada, client_of, monkeypatch) -> None:
    client, admitted = client_of(ada.user), 0
    for _ in range(4):
        monkeypatch.setattr(quotas.Quota, "_shares", {})  # another process knows nothing of these
        admitted += sum(client.get("/api/v1/enrollments").status_code == 200 for _ in range(9))
    assert admitted == 18, "of two batches each, the first two left one unused"


def test_the_quota_costs_a_statement_in_a_batch(ada, client_of) -> None:
    client = client_of(ada.user)
    client.get("/api/v1/enrollments")
    with CaptureQueriesContext(connection) as captured:
        for _ in range(quotas.BATCH - 1):
            client.get("/api/v1/enrollments")
    assert not [query for query in captured.captured_queries if "core_limitcounter" in query["sql"]]


def test_a_process_does_not_remember_everybody(monkeypatch, quota, ada, cyd, client_of) -> None:
    monkeypatch.setattr(quotas, "_MOST_SHARES", 1)
    monkeypatch.setattr(quotas.Quota, "_shares", {})
    for person in (ada, cyd, ada):
        assert client_of(person.user).get("/api/v1/enrollments").status_code == 200
        assert len(quotas.Quota._shares) == 1
