"""Somebody tells of their health in one chart while an operator says that it is given up for another."""

from datetime import datetime
from threading import Event

import pytest
from django.db import transaction

from accounts.models import Patient
from core.acting import acting_as
from core.actors import Actor
from safety.enums import ComparisonOutcome, ProfileSection, ProfileSource, ProfileState
from safety.identity.queries import identity_facts
from safety.identity.services import compare_charts
from safety.profile import queries as profile
from safety.profile.rules import Statement
from safety.profile.services import state_fact
from tests.conftest import make_patient
from tests.races.together import together
from tests.safety.test_possible_duplicates import operator

pytestmark = pytest.mark.django_db(transaction=True)

SAID = Statement(ProfileSection.CONDITION, ProfileState.ACTIVE, "Schizophrenia")
LONG_S = 3.0
"""How long the statement stays unfinished, unless the operator is done before."""


def told_while_joined(ada: Patient, *, at: datetime) -> bool:
    """Tell whether what was written, and not yet there to be read, is known in the chart that goes on."""
    again = make_patient("ada2@example.org", "Ada Example")
    olga = operator("olga@clinic.example", at)
    written, joined = Event(), Event()
    actor = Actor.person(again.user_id)

    def tell() -> None:
        with acting_as(actor), transaction.atomic():
            state_fact(again.pk, said=SAID, source=ProfileSource.PATIENT, actor=actor, at=at)
            written.set()
            joined.wait(LONG_S)

    def join() -> None:
        assert written.wait(10)
        with acting_as(Actor.person(olga.pk)):
            compare_charts(
                ada.pk, again.pk, outcome=ComparisonOutcome.SAME, reason="Called both.", by=olga, at=at
            )
        joined.set()

    assert together(tell, join) == [None, None]
    known = profile.current(ada.pk).filter(text="Schizophrenia").exists()
    return known or identity_facts(ada).has_unsettled_twin


def test_nothing_is_lost_though_no_program_is_open(ada: Patient, at: datetime) -> None:
    assert told_while_joined(ada, at=at)


def test_twin_without_the_charts_own_lock_it_is(
    ada: Patient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("safety.identity.services", "safety.profile.services"):
        monkeypatch.setattr(f"{place}.lock_chart", lambda patient_id: None)
    assert not told_while_joined(ada, at=at)
