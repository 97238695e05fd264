"""A yes of the day that was a mistake: a clinician signs so, and the patient answers again."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.errors import MayNotTreat
from accounts.models import Licence, Patient, User
from sessions import services
from sessions.errors import NothingToOverrule, WrongSessionState
from sessions.models import Overrule, TreatmentSession
from tests.api import post
from tests.sessions import stages
from tests.sessions.conftest import by_link
from tests.sessions.test_constraints import refused_by
from tests.sessions.test_gate import a_drink, ada_of, booked_again, refusal

MINUTE = timedelta(minutes=1)
DRINK = "alcohol_or_intoxication"
SAID = {"question": DRINK, "reason": "Talked on video; she read the wrong line."}


@pytest.fixture
def mistaken(ada: Patient, at: datetime) -> TreatmentSession:
    """Everything is ready, but for a yes to one question."""
    Patient.objects.filter(pk=ada.pk).update(timezone=stages.zone_at_noon(at))
    session = stages.booked(ada, at=at)
    stages.prepared(session, at=at)
    a_drink(stages.fetch(session), at)
    return stages.fetch(session)


def overrule(session: TreatmentSession, by: User, *, at: datetime, **changed: Any) -> Overrule:
    said: dict[str, Any] = SAID | changed
    return services.overrule(session, by=by, at=at, **said)


def answer(session: TreatmentSession, *, at: datetime, **changed: str) -> None:
    services.attest_patient_today(session, answers=stages.WELL | changed, actor=ada_of(session), at=at)


def test_it_lets_the_patient_answer_again(mistaken: TreatmentSession, ben: User, at: datetime) -> None:
    """Without the clinician, answering again changes nothing; with them alone, nothing is answered."""
    answer(mistaken, at=at)
    assert refusal(mistaken, at=at) == {f"today_{DRINK}"}
    overrule(mistaken, ben, at=at + MINUTE)
    assert refusal(mistaken, at=at + MINUTE) == {"today_not_answered"}
    answer(mistaken, at=at + 2 * MINUTE)
    started = services.start_session(mistaken, actor=ada_of(mistaken), at=at + 2 * MINUTE)
    assert started.status == "in_progress"


def test_a_later_yes_counts_again(mistaken: TreatmentSession, ben: User, at: datetime) -> None:
    overrule(mistaken, ben, at=at + MINUTE)
    answer(mistaken, at=at + 2 * MINUTE, **{DRINK: "yes"})
    answer(mistaken, at=at + 3 * MINUTE)
    assert refusal(mistaken, at=at + 3 * MINUTE) == {f"today_{DRINK}"}


def test_it_overrules_nothing_else(mistaken: TreatmentSession, ben: User, at: datetime) -> None:
    answer(mistaken, at=at, new_medicine="yes")
    overrule(mistaken, ben, at=at + MINUTE)
    answer(mistaken, at=at + 2 * MINUTE)
    assert refusal(mistaken, at=at + 2 * MINUTE) == {"today_new_medicine"}


def test_it_is_for_one_session(mistaken: TreatmentSession, ben: User, at: datetime) -> None:
    overrule(mistaken, ben, at=at + MINUTE)
    again = booked_again(mistaken, at + 2 * MINUTE)
    stages.prepared(again, at=at + 3 * MINUTE)
    assert refusal(again, at=at + 4 * MINUTE) == {f"today_{DRINK}"}


@pytest.mark.parametrize("question", ["fever_or_vomiting", "no_such_question"])
def test_what_nobody_said_yes_to_is_not_overruled(
    mistaken: TreatmentSession, ben: User, at: datetime, question: str
) -> None:
    with stages.refused(NothingToOverrule):
        overrule(mistaken, ben, at=at, question=question)
    assert not Overrule.objects.exists()


def test_nor_is_a_yes_of_yesterday(mistaken: TreatmentSession, ben: User, at: datetime) -> None:
    with stages.refused(NothingToOverrule):
        overrule(mistaken, ben, at=at + timedelta(days=1))


def test_nor_twice(mistaken: TreatmentSession, ben: User, at: datetime) -> None:
    overrule(mistaken, ben, at=at + MINUTE)
    with stages.refused(NothingToOverrule):
        overrule(mistaken, ben, at=at + 2 * MINUTE)


def test_who_holds_no_licence_there_overrules_nothing(
    mistaken: TreatmentSession, ben: User, at: datetime
) -> None:
    Licence.objects.update(ends_on=(at - timedelta(days=1)).date())
    with stages.refused(MayNotTreat):
        overrule(mistaken, ben, at=at)


def test_a_session_that_started_is_past_it(ada: Patient, ben: User, at: datetime) -> None:
    session, _ = stages.started(ada, at=at)
    with stages.refused(WrongSessionState):
        overrule(session, ben, at=at)


def test_it_is_signed_by_the_clinician_alone(
    mistaken: TreatmentSession, as_ada: APIClient, as_ben: APIClient, as_cyd: APIClient
) -> None:
    path = f"sessions/{mistaken.pk}/overrules"
    dan = by_link(stages.token_in_mail(mistaken))
    assert [post(who, path, SAID).status_code for who in (as_ada, dan, as_cyd)] == [403, 403, 404]
    signed = post(as_ben, path, SAID)
    assert signed.status_code == 201, signed.content
    assert (signed.json()["signed_by"], signed.json()["question"]) == ("Ben Example, MD", DRINK)
    row = Overrule.objects.get()
    assert (row.signature.meaning, row.reason) == ("decided", SAID["reason"])


@pytest.mark.parametrize(
    "body", [{}, {"question": DRINK}, SAID | {"reason": " "}, SAID | {"question": "a b"}]
)
def test_it_needs_a_reason(mistaken: TreatmentSession, as_ben: APIClient, body: dict[str, str]) -> None:
    assert post(as_ben, f"sessions/{mistaken.pk}/overrules", body).status_code == 400


def test_the_database_keeps_none_without_a_reason(
    mistaken: TreatmentSession, ben: User, at: datetime
) -> None:
    signature = overrule(mistaken, ben, at=at).signature
    assert signature.signer == ben
    with refused_by("overrule_gives_a_reason"):
        Overrule.objects.create(session=mistaken, question=DRINK, reason="", signature=signature, given_at=at)
