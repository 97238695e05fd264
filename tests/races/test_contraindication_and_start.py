"""Something new that speaks against the medicine, against the start of a session: never both.

The twin is the same path with the row locks alone taken away, and shows what they are for.
"""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial

import pytest
from django.db import transaction

from accounts.models import User
from core.actors import Actor
from programs.services import lock_open_enrollments
from safety.enums import ProfileSection, ProfileSource, ProfileState
from safety.models import HealthFact
from safety.profile import services as profile
from safety.profile.rules import Statement
from sessions import rules, services
from sessions.errors import SessionNotStartable
from sessions.models import TreatmentSession
from tests import figures
from tests.races.test_start_and_hold import kind_of, ready
from tests.races.together import meeting, together, without_row_locks

pytestmark = pytest.mark.django_db(transaction=True)

A_FEW = 4
MANY = 1000
PREGNANT = Statement(ProfileSection.PREGNANCY, ProfileState.PREGNANT)
NEVER_BOTH = {
    frozenset({"TreatmentSession", "said after it"}),
    frozenset({SessionNotStartable.__name__, "said before it"}),
}
LOST = frozenset({"TreatmentSession", "said before it"})


def saying(session: TreatmentSession, at: datetime) -> Callable[[], str]:
    """Say that they are pregnant, and whether at that moment the session had started."""
    patient = session.enrollment.patient

    def say() -> str:
        with transaction.atomic():
            lock_open_enrollments(patient.pk)
            started = TreatmentSession.objects.filter(pk=session.pk, started_at__isnull=False).exists()
            actor, source = Actor.person(patient.user_id), ProfileSource.PATIENT
            profile.state_fact(patient.pk, said=PREGNANT, source=source, actor=actor, at=at)
        return "said after it" if started else "said before it"

    return say


def race(rounds: int, at: datetime) -> tuple[Counter[frozenset[str]], int]:
    """Run rounds of a start and the news at once; return what they came to, and how many overlapped."""
    came_to: Counter[frozenset[str]] = Counter()
    overlaps = 0
    for number in range(rounds):
        session, monitor = ready(number, at)
        start = partial(services.start_session, session, actor=monitor, at=at)
        with meeting((rules, "decide_start"), (profile, "_stored")) as point:
            results = together(start, saying(session, at))
        came_to[frozenset(map(kind_of, results))] += 1
        overlaps += point.met
    return came_to, overlaps


def test_a_start_never_passes_a_new_contraindication(ben: User, at: datetime) -> None:
    came_to, overlaps = race(A_FEW, at)
    assert set(came_to) <= NEVER_BOTH
    assert overlaps == 0
    assert HealthFact.objects.count() == A_FEW


def test_twin_without_locks_most_starts_pass_it(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, overlaps = race(A_FEW, at)
    assert overlaps > A_FEW / 2
    assert came_to[LOST] > A_FEW / 2


@pytest.mark.full
def test_a_thousand_starts_never_pass_a_new_contraindication(ben: User, at: datetime) -> None:
    came_to, _ = race(MANY, at)
    figures.record("screening.races", came_to.total())
    lost = sum(count for ends, count in came_to.items() if ends not in NEVER_BOTH)
    figures.record("screening.races_lost", lost)


@pytest.mark.full
def test_twin_without_locks_most_of_a_thousand_pass_it(ben: User, at: datetime) -> None:
    with without_row_locks():
        came_to, _ = race(MANY, at)
    figures.record("screening.races_lost_guard_off", came_to[LOST])
