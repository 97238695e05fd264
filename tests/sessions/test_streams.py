"""A monitor's entries over a bad line: lost, doubled and out of order, they end in the log that was meant."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from rest_framework.test import APIClient

from accounts.models import Patient, User
from safety.models import Alert
from sessions.models import TreatmentSession
from tests.figures import record
from tests.sessions import stages
from tests.sessions.conftest import ClientOf, by_link

SEED = 20261122
FULL, SMALL, FEW = 1000, 4, 2
TRIES_AT_MOST = 400
Sent = dict[str, Any]


@dataclass
class Phone:
    """A phone that keeps each entry until it hears that it was taken, and sends them in any order."""

    client: APIClient
    session: TreatmentSession
    chosen: random.Random
    renumbers: bool = False
    """What no phone may do: give an entry a new number each time it is sent."""
    forgets: bool = False
    """Nor that: send each entry once."""

    def deliver(self, entries: list[Sent]) -> None:
        """Send until every entry is taken, over a line that loses requests and answers and repeats both."""
        waiting = list(entries)
        for _ in range(TRIES_AT_MOST):
            if not waiting:
                return
            entry = self.chosen.choice(waiting)
            if self.forgets or self._was_heard(entry):
                waiting.remove(entry)
        raise AssertionError("the line never lets anything through")

    def _was_heard(self, entry: Sent) -> bool:
        fate = self.chosen.random()
        if fate < 0.25:
            return False
        for _ in range(2 if fate > 0.75 else 1):
            assert self._post(entry) in (200, 201)
        return fate > 0.5

    def _post(self, entry: Sent) -> int:
        kind = "check-ins" if "all_well" in entry else "observations"
        body = entry | {"client_seq": self.chosen.randrange(10**6, 10**9)} if self.renumbers else entry
        path = f"/api/v1/sessions/{self.session.pk}/{kind}"
        return int(self.client.post(path, body, format="json").status_code)


def written(chosen: random.Random, *, at: datetime) -> list[Sent]:
    """Return what a monitor writes in an hour, oldest first, some of it at the same moment."""
    device = str(UUID(int=chosen.getrandbits(128), version=4))
    moments = sorted(at - timedelta(seconds=chosen.randrange(3600)) for _ in range(chosen.randrange(4, 14)))
    moments[1] = moments[0]
    kinds: list[Callable[[], Sent]] = [
        lambda: {"all_well": chosen.random() > 0.05},
        lambda: {"kind": "blood_pressure", "systolic_mmhg": chosen.randrange(100, 200), "diastolic_mmhg": 70},
        lambda: {"kind": "heart_rate", "heart_rate_bpm": chosen.randrange(50, 110)},
        lambda: {"kind": "oxygen_saturation", "oxygen_saturation_pct": chosen.randrange(95, 100)},
        lambda: {"kind": "alertness", "alertness": "talks_normally"},
        lambda: {"kind": "comfort", "comfort": chosen.randrange(11)},
        lambda: {"kind": "bathroom"},
        lambda: {"kind": "guide_call"},
        lambda: {"kind": "note", "note": f"Seen {chosen.randrange(1000)}."},
    ]
    return [
        chosen.choice(kinds)() | {"client_id": device, "client_seq": seq, "observed_at": moment.isoformat()}
        for seq, moment in enumerate(moments)
    ]


def meant(entries: list[Sent]) -> list[tuple[str, str, Sent]]:
    """Return the lines that entries should end in, by what the phone wrote and in its order."""
    ordered = sorted(entries, key=lambda entry: (entry["observed_at"], entry["client_seq"]))
    numbering = ("client_id", "client_seq", "observed_at", "kind")
    return [
        (
            entry.get("kind", "check_in"),
            entry["observed_at"],
            {name: value for name, value in entry.items() if name not in numbering},
        )
        for entry in ordered
    ]


def logged(clinician: APIClient, session: TreatmentSession, *, but: set[str]) -> list[tuple[str, str, Sent]]:
    """Return the log's lines of entries, without those that were there before."""
    answer = clinician.get(f"/api/v1/sessions/{session.pk}/log").json()
    assert answer["is_whole"]
    return [
        (line["kind"], datetime.fromisoformat(line["at"]).isoformat(), line["content"])
        for line in answer["lines"]
        if line["id"] not in but
    ]


def ids_in(clinician: APIClient, session: TreatmentSession) -> set[str]:
    lines = clinician.get(f"/api/v1/sessions/{session.pk}/log").json()["lines"]
    return {line["id"] for line in lines}


@contextmanager
def undone() -> Iterator[None]:
    """Undo what is done inside; what must be a transaction of its own takes it for one, as in a test."""
    block: Any = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


Line = Callable[..., int]


@pytest.fixture
def differences(ada: Patient, ben: User, client_of: ClientOf, at: datetime) -> Line:
    """Return what counts the streams, of so many, whose log is not what was meant."""
    session, _ = stages.dosed(ada, at=at - timedelta(minutes=70))
    phone = partial(Phone, by_link(stages.token_in_mail(session)), session)
    before = ids_in(client_of(ben), session)

    def count(streams: int, **habits: bool) -> int:
        wrong = 0
        for stream in range(streams):
            chosen = random.Random(SEED + stream)  # noqa: S311
            entries = written(chosen, at=at)
            with undone():
                phone(chosen, **habits).deliver(entries)
                # Anew each time: what is undone is also that the clinician was heard from.
                log = logged(client_of(ben), session, but=before)
                wrong += log != meant(entries) or not alarmed_as_meant(entries)
        return wrong

    return count


def alarmed_as_meant(entries: list[Sent]) -> bool:
    """Tell whether each call for help is one alert, however often it was sent."""
    calls = sum(entry.get("all_well") is False for entry in entries)
    return Alert.objects.filter(source__startswith="help:").count() == calls


@pytest.mark.django_db
def test_bad_lines_end_in_the_log_that_was_meant(differences: Line) -> None:
    assert differences(SMALL) == 0


@pytest.mark.full
@pytest.mark.django_db
def test_a_thousand_bad_lines_end_in_the_log_that_was_meant(differences: Line) -> None:
    record("streams.differences", differences(FULL), seed=SEED)


@pytest.mark.django_db
@pytest.mark.parametrize("habit", ["renumbers", "forgets"])
def test_twin_a_phone_without_the_habit_is_seen(differences: Line, habit: str) -> None:
    assert differences(FEW, **{habit: True}) > 0


@pytest.mark.django_db
def test_twin_without_the_one_number_one_row_a_stream_differs(
    differences: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same way, with the look for a number that was used taken away: what comes twice is stored twice."""

    def insert_anew(row: Any) -> bool:
        taken = type(row).objects.filter(client_id=row.client_id).count()
        row.client_seq += taken * 1000
        row.save(force_insert=True)
        return True

    monkeypatch.setattr("sessions.services.entries.insert_once", insert_anew)
    assert differences(FEW) > 0
