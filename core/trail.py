"""Checks the trail of changes against itself, and against what was noted of it outside the database."""

import base64
import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connection, transaction

LONGEST_TRANSACTION = timedelta(minutes=15)
"""How long before the last anchor a head may have been dated that was not yet to be seen then."""
EVENTS = r"""
    SELECT coalesce(event.chain, head.chain), event.seq, event.hash, convert_to(concat_ws(
        E'\x1f', event.chain, event.seq, (extract(epoch FROM event.at) * 1000000)::bigint,
        actor, act, subject, row_id, body
    ), 'UTF8'), head.seq, head.hash
    FROM guard.event FULL JOIN guard.head ON head.chain = event.chain
    WHERE %(chain)s::text IS NULL OR coalesce(event.chain, head.chain) = %(chain)s ORDER BY 1, 2
"""
"""One statement, and so one moment: each event with the end that the database keeps of its chain."""
_FETCHED = 5_000

Head = tuple[int, bytes]
"""The number of a chain's last event, and its hash."""


@dataclass(frozen=True)
class Fault:
    """Something that is not as it was written: in which chain, from which event on, and what."""

    chain: str
    seq: int
    what: str

    def __str__(self) -> str:
        return f"{self.chain} from {self.seq}: {self.what}"


class AnchorsUnreadable(Exception):
    """What was noted outside is not what was noted: a line changed, missing, or signed by another key."""


def verify(*, chain: str | None = None, seen: Callable[[int], object] = lambda _: None) -> list[Fault]:
    """Return every fault of the trail, or of one chain; `seen` is told now and then of how many more it was.

    Walks each chain from its first event, and compares its end with the head that the database keeps and
    with the last one that was noted outside. Raises `AnchorsUnreadable`.
    """
    anchored = {name: head for name, head in anchored_heads().items() if chain in (None, name)}
    faults: list[Fault] = []
    with transaction.atomic():
        for name, events in groupby(_events(chain, seen), key=itemgetter(0)):
            faults += _walk(name, events, noted=anchored.pop(name, None))
    return faults + [Fault(name, 1, "every event is gone, and its head") for name in anchored]


def _events(chain: str | None, seen: Callable[[int], object]) -> Iterator[tuple[Any, ...]]:
    """Read events as they come, in a transaction: a server-side cursor needs one."""
    connection.ensure_connection()
    with connection.connection.cursor(name="trail", binary=True) as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(EVENTS, {"chain": chain})
        for number, event in enumerate(cursor, start=1):
            if number % _FETCHED == 0:
                seen(_FETCHED)
            yield event


def _walk(chain: str, events: Iterator[tuple[Any, ...]], *, noted: Head | None) -> list[Fault]:
    """Follow one chain; after a fault it goes on from what is written, so that each is named once."""
    faults, before, last = [], b"", 0
    head: Head | None = None
    for _, seq, digest, said, *end in events:
        head = (end[0], end[1])
        if seq is None:
            break
        if seq != last + 1:
            faults.append(Fault(chain, last + 1, "events are missing"))
        elif hashlib.sha256(before + said).digest() != digest:
            faults.append(Fault(chain, seq, "not what was written"))
        if noted is not None and seq == noted[0] and digest != noted[1]:
            faults.append(Fault(chain, seq, "written anew since it was noted outside"))
        before, last = digest, seq
    if head != (last, before):
        faults.append(Fault(chain, last, "does not end where its head says"))
    if noted is not None and last < noted[0]:
        faults.append(Fault(chain, last + 1, "cut off since it was noted outside"))
    return faults


# --- what is noted outside -------------------------------------------------------------------------------


def anchor(*, at: datetime) -> int:
    """Note the heads that have moved since the last time, signed, in `ANCHOR_FILE`; return how many.

    Each line holds the hash of the line before it. Raises `AnchorsUnreadable` rather than add to a file that
    somebody has changed.
    """
    path = Path(settings.ANCHOR_FILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        lines = list(_checked(file.read()))
        known = _heads_in(lines)
        since = datetime.fromisoformat(lines[-1]["at"]) - LONGEST_TRANSACTION if lines else None
        moved = {name: head for name, head in _heads(since).items() if known.get(name) != head}
        if moved:
            file.write(_line(moved, after=lines[-1]["signature"] if lines else "", at=at) + "\n")
    return len(moved)


def anchored_heads() -> dict[str, Head]:
    """Return the last head of every chain that was noted outside; raises `AnchorsUnreadable`."""
    path = Path(settings.ANCHOR_FILE)
    return _heads_in(_checked(path.read_text())) if path.exists() else {}


def _heads(since: datetime | None) -> dict[str, Head]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT chain, seq, hash FROM guard.head WHERE %(since)s::timestamptz IS NULL OR at >= %(since)s",
            {"since": since},
        )
        return {name: (seq, bytes(digest)) for name, seq, digest in cursor.fetchall()}


def _heads_in(lines: Any) -> dict[str, Head]:
    return {
        name: (seq, bytes.fromhex(digest)) for line in lines for name, (seq, digest) in line["heads"].items()
    }


def _line(heads: Mapping[str, Head], *, after: str, at: datetime) -> str:
    noted = {name: [seq, digest.hex()] for name, (seq, digest) in sorted(heads.items())}
    line = {"at": at.isoformat(), "after": after, "heads": noted}
    return json.dumps(line | {"signature": base64.b64encode(_key().sign(_bytes(line))).decode()})


def _checked(text: str) -> Iterator[dict[str, Any]]:
    public, after = _key().public_key(), ""
    for number, written in enumerate(text.splitlines(), start=1):
        try:
            line = json.loads(written)
            signature = line.pop("signature")
            public.verify(base64.b64decode(signature), _bytes(line))
            if line["after"] != after:
                raise ValueError("not the line that followed")
        except (ValueError, KeyError, TypeError, AttributeError, InvalidSignature) as error:
            raise AnchorsUnreadable(f"{settings.ANCHOR_FILE}, line {number}") from error
        after = signature
        yield line | {"signature": signature}


def _bytes(line: Mapping[str, Any]) -> bytes:
    return json.dumps(line, sort_keys=True, separators=(",", ":")).encode()


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(settings.ANCHOR_KEY))
