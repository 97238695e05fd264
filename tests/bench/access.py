"""`bin/bench access`: what walls and trail cost, in rounds with them and without, at a million rows."""

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
import psycopg
from django.conf import settings
from django.db import connection
from django.utils import timezone
from tqdm import tqdm

from core import trail
from core.acting import Acting, acting_as
from core.database import as_owner
from sessions.models import TreatmentSession
from tests.bench.api import BENCH, REQUESTS, ROUNDS, clean, prepare
from tests.bench.measure import Request, Round, measure, serve
from tests.guards.test_walls import NOT_AUDITED, NOT_WALLED, tables

ROWS = 1_000_000
CHAINS = 1_000
WRITERS = 8
APPENDED = 1_000
"""Appends of each writer in a round."""

OBSERVATIONS = f"""
    INSERT INTO treatment_sessions_observation (id, session_id, actor_kind, actor_id, client_id, client_seq,
        observed_at, received_at, kind, systolic_mmhg, diastolic_mmhg, alertness, note)
    SELECT gen_random_uuid(), %(session)s, 'service', 'bench', %(device)s, n, now(), now(), 'blood_pressure',
        120, 80, '', '' FROM generate_series(1, {ROWS}) AS n
"""  # noqa: S608
EVENTS = f"""
    INSERT INTO guard.event (chain, seq, at, actor, act, subject, row_id, body, hash)
    SELECT 'chart:' || md5(c::text)::uuid, n, now(), 'service:bench', 'look', 'bench', '', '{{}}', ''
    FROM generate_series(1, {CHAINS}) AS c, generate_series(1, {ROWS // CHAINS}) AS n
"""  # noqa: S608
HASHES = r"""
    WITH RECURSIVE anew AS (
        SELECT chain, seq, sha256(said) AS hash FROM said WHERE seq = 1
        UNION ALL
        SELECT said.chain, said.seq, sha256(anew.hash || said.said)
        FROM anew JOIN said ON said.chain = anew.chain AND said.seq = anew.seq + 1
    )
    UPDATE guard.event SET hash = anew.hash FROM anew
    WHERE event.chain = anew.chain AND event.seq = anew.seq
"""
SAID = r"""
    CREATE TEMPORARY TABLE said AS SELECT chain, seq, convert_to(concat_ws(E'\x1f', chain, seq,
        (extract(epoch FROM at) * 1000000)::bigint, actor, act, subject, row_id, body), 'UTF8') AS said
    FROM guard.event;
    ALTER TABLE said ADD PRIMARY KEY (chain, seq)
"""
LOOKED = "guard.looked(charts uuid[], subject_ text, body_ text)"


def run() -> int:
    """Measure and print one JSON line each; progress goes to stderr."""
    with acting_as(BENCH):
        clean()
        _requests()
        _appends()
        _verification()
    return 0


def _requests() -> None:
    token, _ = prepare()
    session = TreatmentSession.objects.get()
    table = "treatment_sessions_observation"
    off, on = (f"ALTER TABLE {table} {word} TRIGGER audit" for word in ("DISABLE", "ENABLE"))
    _fill(off, OBSERVATIONS, on, table=table, values={"session": session.pk, "device": uuid4()})
    device, numbers = str(uuid4()), count(1)

    def observation() -> Request:
        body = {
            "client_id": device,
            "client_seq": next(numbers),
            "observed_at": timezone.now().isoformat(),
            "kind": "blood_pressure",
            "systolic_mmhg": 120,
            "diastolic_mmhg": 80,
        }
        return "POST", f"/api/v1/sessions/{session.pk}/observations", body, {}

    cases = {
        "add an observation": observation,
        "read a session": lambda: ("GET", f"/api/v1/sessions/{session.pk}", None, {}),
    }
    results: dict[str, dict[bool, list[Round]]] = {name: {True: [], False: []} for name in cases}
    with serve() as (base_url, server):
        client = httpx.Client(base_url=base_url, timeout=60)
        client.headers["X-Session-Token"] = token
        for walled in tqdm([True, False] * (ROUNDS + 1), desc="rounds"):
            with _walls(up=walled):
                before = _events()
                for name, request in cases.items():
                    measure(client, server, request, REQUESTS // 4)  # plans and caches of the change
                    results[name][walled].append(measure(client, server, request, REQUESTS))
                if (_events() > before) != walled:
                    raise SystemExit("the trail was not what it was to be")
    for name, rounds in results.items():
        cost, bare = (median(one.cpu_ms for one in rounds[walled][1:]) for walled in (True, False))
        _print(f"{name}, with walls and trail", cost, "CPU ms per request", baseline=bare, rows=ROWS)


def _events() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(seq) FROM guard.head")
        return int(cursor.fetchone()[0])


@contextmanager
def _walls(*, up: bool) -> Iterator[None]:
    """Take walls and trail away, and nothing else, unless they are to stay `up`."""
    if up:
        yield
        return
    walled, audited = tables() - set(NOT_WALLED), tables() - set(NOT_AUDITED)
    off = [f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY" for name in walled]
    off += [f"ALTER TABLE {name} DISABLE TRIGGER audit" for name in audited]
    off += ["SET ROLE rekindle_guard", "ALTER FUNCTION guard.looked RENAME TO looked_on"]
    off += [f"CREATE FUNCTION {LOOKED} RETURNS void LANGUAGE sql AS ''", "RESET ROLE"]
    on = [f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY" for name in walled]
    on += [f"ALTER TABLE {name} ENABLE TRIGGER audit" for name in audited]
    on += ["SET ROLE rekindle_guard", "DROP FUNCTION guard.looked"]
    on += ["ALTER FUNCTION guard.looked_on RENAME TO looked", "RESET ROLE"]
    _as_owner(off)
    try:
        yield
    finally:
        _as_owner(on)


def _as_owner(statements: list[str]) -> None:
    with as_owner(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def _fill(*statements: str, table: str, values: dict[str, Any] | None = None) -> None:
    print(f"making {ROWS} rows ...", file=sys.stderr)
    with as_owner(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values)
        cursor.execute(f"ANALYZE {table}")


def _appends() -> None:
    """Write looks from several connections at once, each its own commit."""
    charts = [str(uuid4()) for _ in range(CHAINS)]
    rates = []
    for _ in tqdm(range(ROUNDS), desc="appends"):
        began = time.monotonic()
        with ThreadPoolExecutor(WRITERS) as threads:
            list(threads.map(lambda number: _append(charts, number), range(WRITERS)))
        rates.append(WRITERS * APPENDED / (time.monotonic() - began))
    _print("appends to the trail", median(rates), "per s", writers=WRITERS, chains=CHAINS)


def _append(charts: list[str], writer: int) -> None:
    server = connection.settings_dict
    names = ("host", "port", "user", "password")
    options = {name: server[name.upper()] for name in names} | {"dbname": server["NAME"]}
    who = Acting(BENCH).sql
    with psycopg.connect(**options, autocommit=True) as made:
        for number in range(APPENDED):
            chart = charts[(writer * APPENDED + number) * 7 % CHAINS]
            made.execute(f"{who}; SELECT guard.looked('{{{chart}}}', 'bench', '')")


def _verification() -> None:
    """Check a million events; how they were made is not measured."""
    _as_owner(["TRUNCATE guard.event, guard.head"])
    _fill(EVENTS, table="guard.event", values={})
    ends = "SELECT DISTINCT ON (chain) chain, seq, at, hash FROM guard.event ORDER BY chain, seq DESC"
    _as_owner([SAID, HASHES, f"INSERT INTO guard.head {ends}", "ANALYZE guard.event"])
    settings.ANCHOR_FILE.unlink(missing_ok=True)
    trail.anchor(at=timezone.now())
    began = time.monotonic()
    with tqdm(total=ROWS, desc="verified") as bar:
        faults = trail.verify(seen=bar.update)
    took_s = time.monotonic() - began
    if faults:
        raise SystemExit(f"{len(faults)} faults, the first {faults[0]}")
    _print("events verified", took_s, "s", rows=ROWS)


def _print(case: str, value: float, unit: str, *, baseline: float | None = None, **more: Any) -> None:
    line = {"bench": "access", "case": case, "value": round(value, 2), "unit": unit}
    if baseline is not None:
        line |= {"baseline": round(baseline, 2), "ratio": round(value / baseline, 3)}
    print(json.dumps(line | {"runs": ROUNDS} | more))
