"""Running acts against each other, each in its own thread and transaction."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections
from django.db.models import QuerySet

LOCKED_OUT_S = 0.4
"""How long one party waits for the other at the meeting point before it takes it to be locked out."""
ON_ITS_WAY_S = 5.0
"""The same where no lock keeps the other out: it comes, however busy the machine is."""


class Meeting:
    """A point in the code where two parties wait for each other once: `met` if they really overlapped."""

    def __init__(self) -> None:
        self.met = False
        self._barrier = threading.Barrier(2)
        self._been_here = threading.local()

    def wait(self) -> None:
        """Wait for the other party, unless this one has waited before, or the other is locked out."""
        if getattr(self._been_here, "yes", False):
            return
        self._been_here.yes = True
        try:
            self._barrier.wait(timeout=LOCKED_OUT_S)
            self.met = True
        except threading.BrokenBarrierError:
            pass


@contextmanager
def meeting(*places: tuple[Any, str]) -> Iterator[Meeting]:
    """Make two parties meet where either calls a function of ours: it does what it did, after the wait."""
    point = Meeting()

    def after_meeting(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            point.wait()
            return function(*args, **kwargs)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for module, name in places:
            patch.setattr(module, name, after_meeting(getattr(module, name)))
        yield point


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Run acts at once, each on a connection of its own; return what each came to, a refusal included."""
    results: list[Any] = [None] * len(acts)

    def run(place: int) -> None:
        try:
            results[place] = acts[place]()
        except Exception as refusal:
            results[place] = refusal
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@contextmanager
def without_row_locks() -> Iterator[None]:
    """Take the row locks away, and nothing else: the guard-off twin of a race."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "LOCKED_OUT_S", ON_ITS_WAY_S)
        patch.setattr(QuerySet, "select_for_update", lambda rows, **options: rows.all())
        yield
