# ruff: noqa: S608 - the numbers in these statements are made here
"""Whoever owns the database can change the trail; the check finds it."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.enums import Role
from accounts.models import RoleGrant, User
from core import trail
from core.acting import acting_as
from core.database import as_owner
from desk import services as desk
from notifications.models import Delivery
from tests.conftest import TESTER
from tests.figures import record

pytestmark = pytest.mark.django_db(transaction=True)

CHAIN = "chart:0199c0de-0000-7000-8000-00000000000"
CHAINS = 5
LONG = 12
REWRITE = r"""
WITH RECURSIVE said AS (
    SELECT seq, convert_to(concat_ws(E'\x1f', chain, seq, (extract(epoch FROM at) * 1000000)::bigint,
        actor, act, subject, row_id, body), 'UTF8') AS said
    FROM guard.event WHERE chain = %(chain)s
), anew AS (
    SELECT seq, sha256(said) AS hash FROM said WHERE seq = 1
    UNION ALL
    SELECT said.seq, sha256(anew.hash || said.said) FROM said JOIN anew ON said.seq = anew.seq + 1
), events AS (
    UPDATE guard.event SET hash = anew.hash FROM anew
    WHERE chain = %(chain)s AND event.seq = anew.seq RETURNING event.seq, event.hash
)
UPDATE guard.head SET (seq, hash) = (SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1)
WHERE chain = %(chain)s
"""
"""What somebody does who knows how the chain is made: a whole chain's hashes, worked out anew."""


def edit(chance: random.Random) -> list[str]:
    column = chance.choice(["actor", "subject", "row_id", "body"])
    return [
        f"UPDATE guard.event SET {column} = {column} || 'x' WHERE chain = %(chain)s AND seq = {any_(chance)}"
    ]


def delete(chance: random.Random) -> list[str]:
    return [f"DELETE FROM guard.event WHERE chain = %(chain)s AND seq = {any_(chance)}"]


def reorder(chance: random.Random) -> list[str]:
    one = chance.randint(1, LONG - 1)
    number = "UPDATE guard.event SET seq = {} WHERE chain = %(chain)s AND seq = {}"
    return [number.format(0, one), number.format(one, one + 1), number.format(one + 1, 0)]


def insert(chance: random.Random) -> list[str]:
    at = any_(chance)
    return [
        f"UPDATE guard.event SET seq = -seq WHERE chain = %(chain)s AND seq > {at}",
        "UPDATE guard.event SET seq = -seq + 1 WHERE chain = %(chain)s AND seq < 0",
        "INSERT INTO guard.event SELECT chain, seq + 1, at, actor, act, subject, row_id, 'x', hash"
        f" FROM guard.event WHERE chain = %(chain)s AND seq = {at}",
    ]


def truncate(chance: random.Random) -> list[str]:
    last = chance.randint(0, LONG - 1)
    cut = [f"DELETE FROM guard.event WHERE chain = %(chain)s AND seq > {last}"]
    if last == 0:
        return [*cut, "DELETE FROM guard.head WHERE chain = %(chain)s"]
    end = f"(SELECT seq, hash FROM guard.event WHERE chain = %(chain)s AND seq = {last})"
    return [*cut, f"UPDATE guard.head SET (seq, hash) = {end} WHERE chain = %(chain)s"]


def rehash(chance: random.Random) -> list[str]:
    return [*edit(chance), REWRITE]


def any_(chance: random.Random) -> int:
    return chance.randint(1, LONG)


KINDS = [edit, delete, reorder, insert, truncate, rehash]


@pytest.fixture
def anchors(settings: Any, tmp_path: Path) -> Path:
    settings.ANCHOR_FILE = tmp_path / "anchors.jsonl"
    return tmp_path / "anchors.jsonl"


@pytest.fixture
def chains(anchors: Path, db: None) -> Iterator[list[str]]:
    """Chains of their own, noted outside, each a number of looks long."""
    names = [f"{CHAIN}{number}" for number in range(CHAINS)]
    with connection.cursor() as cursor:
        for name in names:
            for number in range(LONG):
                cursor.execute("SELECT guard.looked(%s::uuid[], %s, '')", [[name[6:]], f"look {number}"])
    trail.anchor(at=timezone.now())
    yield names
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM guard.event WHERE chain = ANY (%s)", [names])
        cursor.execute("DELETE FROM guard.head WHERE chain = ANY (%s)", [names])


def tamper_and_look(kind: Callable[[random.Random], list[str]], chain: str, chance: random.Random) -> bool:
    """As the owner change a chain and check it; tell whether it was found, and undo it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            for statement in kind(chance):
                cursor.execute(statement, {"chain": chain})
        found = bool(trail.verify(chain=chain))
        transaction.set_rollback(True)
    return found


def missed(tampers: int, chains: list[str], seed: int) -> list[str]:
    chance = random.Random(seed)  # noqa: S311
    tries = [(kind, chance.choice(chains)) for _ in range(tampers // len(KINDS) + 1) for kind in KINDS]
    with as_owner(), acting_as(TESTER):
        return [kind.__name__ for kind, chain in tries[:tampers] if not tamper_and_look(kind, chain, chance)]


def test_tampers_are_found(chains: list[str]) -> None:
    assert missed(120, chains, seed=1) == []


@pytest.mark.full
def test_ten_thousand_tampers_are_found(chains: list[str]) -> None:
    seed, tampers = random.SystemRandom().randint(1, 10**6), 10_002
    lost = missed(tampers, chains, seed)
    record("audit.tampers", tampers, seed=seed)
    record("audit.tampers_missed", len(lost), seed=seed)


def test_twin_without_what_is_noted_outside_a_chain_worked_out_anew_is_believed(
    chains: list[str], anchors: Path
) -> None:
    anchors.unlink()
    chance = random.Random(1)  # noqa: S311
    with as_owner(), acting_as(TESTER):
        assert not tamper_and_look(rehash, chains[0], chance)
        assert tamper_and_look(edit, chains[0], chance)


def verify_audit() -> str:
    out = StringIO()
    call_command("verify_audit", stdout=out)
    return out.getvalue()


def test_a_trail_as_written(chains: list[str]) -> None:
    assert "are as they were written" in verify_audit()


def test_what_came_after_the_last_note_is_no_fault(chains: list[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT guard.looked(%s::uuid[], 'one more', '')", [[chains[0][6:]]])
    assert trail.verify() == []


@pytest.fixture
def cut(chains: list[str]) -> str:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM guard.event WHERE chain = %s AND seq = 3", [chains[0]])
    return chains[0]


def test_a_fault_is_named_and_fails(cut: str) -> None:
    with pytest.raises(CommandError, match="1 faults"):
        verify_audit()
    assert [str(fault) for fault in trail.verify()] == [f"{cut} from 3: events are missing"]


def test_at_night_somebody_is_called(cut: str, ben: User, at: datetime) -> None:
    RoleGrant.objects.create(user=ben, role=Role.PRIVACY_OFFICER, starts_at=at)
    assert not desk.verify_trail(at=at)
    desk.verify_trail(at=at)
    assert Delivery.objects.filter(user=ben).count() == 1


class TestAnchors:
    def test_only_what_moved_is_noted(self, chains: list[str], anchors: Path) -> None:
        assert trail.anchor(at=timezone.now()) == 0
        with connection.cursor() as cursor:
            cursor.execute("SELECT guard.looked(%s::uuid[], 'one more', '')", [[chains[1][6:]]])
        assert trail.anchor(at=timezone.now()) == 1
        assert json.loads(anchors.read_text().splitlines()[-1])["heads"].keys() == {chains[1]}

    @pytest.mark.parametrize("change", ["a number", "a line lost", "another key", "no line"])
    def test_a_changed_file_is_refused(
        self, change: str, chains: list[str], anchors: Path, settings: Any
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT guard.looked(%s::uuid[], 'one more', '')", [[chains[1][6:]]])
        trail.anchor(at=timezone.now())
        first, second = anchors.read_text().splitlines()
        changed = {
            "a number": [first.replace(f"[{LONG},", f"[{LONG - 1},", 1), second],
            "a line lost": [second],
            "another key": [first, second],
            "no line": [first, "x", second],
        }[change]
        if change == "another key":
            settings.ANCHOR_KEY = settings.FIELD_KEYS[0]
        anchors.write_text("\n".join(changed) + "\n")
        with pytest.raises(trail.AnchorsUnreadable):
            trail.verify()
        with pytest.raises(trail.AnchorsUnreadable):
            trail.anchor(at=timezone.now())
