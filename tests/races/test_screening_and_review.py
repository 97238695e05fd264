"""Two who decide at once, or one who decides while the patient answers anew: never both.

The twin of each race is the same path with the row locks alone taken away, and shows what they are for.
"""

from collections import Counter

import pytest
from django.db import IntegrityError

from core.actors import Actor
from safety import queries, services
from safety.enums import ReviewOutcome
from safety.errors import AlreadyReviewed, SupersededScreening
from safety.models import Screening, ScreeningReview
from tests.conftest import make_clinician, make_patient
from tests.races.together import meeting, together, without_row_locks
from tests.safety.conftest import NOTHING_TO_REPORT, answered
from tests.steps import enrolled

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 4
MOST = ROUNDS // 2 + 1
"""How often a twin has to fail: more often than not. How often threads meet is the machine's affair."""


def screened(number, at):
    patient = make_patient(f"ada{number}@example.org", f"Ada{number} Example")
    return answered(enrolled(patient, at=at), at=at)


def reviewing(screening, reviewer, outcome, at):
    return lambda: services.review(screening.pk, outcome=outcome, reason="Because.", reviewer=reviewer, at=at)


def answering(screening, at):
    actor = Actor.person(screening.enrollment.patient.user_id)
    return lambda: services.screen(screening.enrollment_id, answers=NOTHING_TO_REPORT, actor=actor, at=at)


def outcomes(results):
    return frozenset(type(result) for result in results)


def two_who_decide(ben, cyd, at):
    """Return what each round came to, and in how many both had read before either wrote."""
    make_clinician(cyd.user, "Cyd Example", at=at)
    came_to: Counter[frozenset[type]] = Counter()
    overlaps = 0
    for number in range(ROUNDS):
        screening = screened(number, at)
        with meeting((queries, "digest")) as point:
            results = together(
                reviewing(screening, ben, ReviewOutcome.ACCEPTED, at),
                reviewing(screening, cyd.user, ReviewOutcome.DECLINED, at),
            )
        came_to[outcomes(results)] += 1
        overlaps += point.met
        assert ScreeningReview.objects.filter(screening=screening).count() == 1
    return came_to, overlaps


def one_who_decides_and_one_who_answers(ben, at):
    """Return what each round came to, and in how many both had read before either wrote."""
    came_to: Counter[frozenset[type]] = Counter()
    overlaps = 0
    for number in range(ROUNDS):
        screening = screened(number, at)
        with meeting((queries, "digest"), (services, "digest")) as point:
            results = together(
                reviewing(screening, ben, ReviewOutcome.ACCEPTED, at), answering(screening, at)
            )
        came_to[outcomes(results)] += 1
        overlaps += point.met
    return came_to, overlaps


def test_of_two_who_decide_the_second_is_told(ben, cyd, at):
    came_to, overlaps = two_who_decide(ben, cyd, at)
    assert came_to == {frozenset({ScreeningReview, AlreadyReviewed}): ROUNDS}
    assert overlaps == 0


def test_twin_without_locks_the_second_runs_into_the_wall(ben, cyd, at):
    with without_row_locks():
        came_to, overlaps = two_who_decide(ben, cyd, at)
    assert overlaps >= MOST
    assert came_to[frozenset({ScreeningReview, IntegrityError})] >= MOST


def test_nobody_is_accepted_past_newer_answers(ben, at):
    came_to, overlaps = one_who_decides_and_one_who_answers(ben, at)
    either = {
        frozenset({ScreeningReview, Screening}),  # answered anew, which is to be decided on
        frozenset({SupersededScreening, Screening}),
    }
    assert set(came_to) <= either
    assert overlaps == 0


def test_twin_without_locks_both_happen(ben, at):
    with without_row_locks():
        came_to, overlaps = one_who_decides_and_one_who_answers(ben, at)
    assert overlaps >= MOST
    assert came_to[frozenset({ScreeningReview, Screening})] >= MOST
