"""How often something may be tried: counted in PostgreSQL, by one statement, whatever becomes of the try."""

from dataclasses import dataclass, replace

from django.db import connection, transaction
from django.utils.crypto import salted_hmac


@dataclass(frozen=True)
class Limit:
    """At most `amount` in a window of `per_s` seconds, which opens with the first."""

    amount: int
    per_s: int


@dataclass(frozen=True)
class Verdict:
    """Whether one more is admitted, how many are left after it, and seconds until the window ends."""

    admitted: bool
    left: int
    wait_s: int


_TAKE = """
    INSERT INTO core_limitcounter AS counter (key, taken, ends_at)
    VALUES (%(key)s, %(cost)s, clock_timestamp() + %(window)s * interval '1 second')
    ON CONFLICT (key) DO UPDATE SET
        taken = CASE WHEN counter.ends_at <= clock_timestamp() THEN 0 ELSE counter.taken END + %(cost)s,
        ends_at = CASE WHEN counter.ends_at <= clock_timestamp() THEN excluded.ends_at
                       ELSE counter.ends_at END
    WHERE counter.ends_at <= clock_timestamp() OR counter.taken + %(cost)s <= %(amount)s
    RETURNING taken, ceil(extract(epoch FROM ends_at - clock_timestamp()))::int
"""
_LOOK = """
    SELECT taken, ceil(extract(epoch FROM ends_at - clock_timestamp()))::int
    FROM core_limitcounter WHERE key = %s AND ends_at > clock_timestamp()
"""


def take(what: str, *, by: str, limit: Limit, cost: int = 1) -> Verdict:
    """Count one more of `what` by somebody, or refuse it where the window is full.

    One statement decides and counts, so that of any number at once no more are admitted than fit. It has
    to be called outside a transaction, and raises `RuntimeError` inside one: undone with its caller's work, a
    try that failed would not have counted. The database's clock measures; a rehearsal's does not move it.
    """
    key = _key(what, by)
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_TAKE, {"key": key, "cost": cost, "window": limit.per_s, "amount": limit.amount})
        row = cursor.fetchone()
    if row is None:
        return replace(look(what, by=by, limit=limit), admitted=False)
    taken, wait_s = row
    return Verdict(admitted=True, left=limit.amount - taken, wait_s=wait_s)


def look(what: str, *, by: str, limit: Limit) -> Verdict:
    """Return whether one more would be admitted, counting nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, [_key(what, by)])
        taken, wait_s = cursor.fetchone() or (0, 0)
    return Verdict(admitted=taken < limit.amount, left=limit.amount - taken, wait_s=wait_s)


def give_back(what: str, *, by: str) -> None:
    """Count one less: what was taken turned out to be no try, such as the right password."""
    _run("UPDATE core_limitcounter SET taken = taken - 1 WHERE key = %s AND taken > 0", _key(what, by))


def clear(what: str, *, by: str) -> None:
    """Begin anew for somebody, such as after a new password."""
    _run("DELETE FROM core_limitcounter WHERE key = %s", _key(what, by))


def forget_ended() -> None:
    """Delete the counters whose window ended more than a day ago."""
    _run("DELETE FROM core_limitcounter WHERE ends_at < clock_timestamp() - interval '1 day'")


def _run(statement: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _key(what: str, by: str) -> str:
    """Return what stands for the two in the table, which is to hold no address of anybody."""
    return salted_hmac(f"core.limits.{what}", by, algorithm="sha256").hexdigest()
