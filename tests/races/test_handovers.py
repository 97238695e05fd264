"""Two who hand over one patient at once: one follows the other, and there is one clinician at the end."""

from collections import Counter

import pytest
from django.db import IntegrityError

from accounts import queries, services
from accounts.enums import Role
from accounts.models import CareTeamMembership
from accounts.services import Succession
from tests.conftest import make_clinician, make_patient, make_user
from tests.races.together import meeting, together, without_row_locks

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 4
MOST = ROUNDS // 2 + 1
"""How often a twin has to fail: more often than not. How often threads meet is the machine's affair."""


@pytest.fixture
def takers(ben, at):
    return [make_clinician(make_user(f"{name}@clinic.example"), name, at=at) for name in ("dora", "emil")]


@pytest.fixture
def olga(db, at):
    user = make_user("olga@clinic.example")
    services.grant_role(user, Role.OPERATOR, granted_by=None, at=at)
    return user


def two_handovers(ben, takers, olga, at):
    """Return what each round came to, and in how many both had read before either wrote."""
    came_to: Counter[frozenset[type]] = Counter()
    overlaps = 0
    for number in range(ROUNDS):
        patient = make_patient(f"p{number}@example.org", f"Patient {number}")
        CareTeamMembership.objects.create(patient=patient, member=ben, role=Role.CLINICIAN, starts_at=at)

        def act(to, patient=patient):
            return lambda: services.hand_over(patient.pk, Role.CLINICIAN, to=to, by=olga, at=at)

        with meeting((services, "_succeed")) as point:
            results = together(*[act(to) for to in takers])
        came_to[frozenset(type(result) for result in results)] += 1
        overlaps += point.met
        assert patient.care_team.filter(ends_at=None).count() == 1
        assert queries.current_clinician(patient.pk) in takers
    return came_to, overlaps


def test_one_follows_the_other(ben, takers, olga, at):
    came_to, overlaps = two_handovers(ben, takers, olga, at)
    assert came_to == {frozenset({Succession}): ROUNDS}
    assert overlaps == 0


def test_twin_without_the_lock_one_runs_into_the_wall(ben, takers, olga, at):
    with without_row_locks():
        came_to, overlaps = two_handovers(ben, takers, olga, at)
    assert overlaps >= MOST
    assert came_to[frozenset({Succession, IntegrityError})] >= MOST
