"""The C-SSRS screener is asked where something calls for it: at once, once, and whatever stands still."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from rest_framework.test import APIClient

from accounts.models import Patient, User
from assessments import queries, services
from assessments.instruments import InstrumentError, instruments
from assessments.keeping import keep_schedule
from assessments.models import Assessment, FormCause
from assessments.schedule import Anchor, CauseKind, parse_schedule, schedule
from assessments.services import call_for_form
from core.actors import Actor
from core.ids import new_id
from notifications.models import Delivery
from programs import services as programs
from programs.models import Enrollment
from safety import services as safety
from safety.enums import HoldReason
from tests import steps
from tests.assessments.conftest import CALM_PHQ9, answered, save, submit, url
from tests.assessments.test_schedule import FILE, shipped
from tests.assessments.test_self_harm import alerts, close

DAY = timedelta(days=1)
CALM = {"cssrs_1": 0, "cssrs_2": 0, "cssrs_6": 0}


def asked(enrollment: Enrollment) -> list[Assessment]:
    return list(enrollment.assessments.filter(as_needed__isnull=False).order_by("as_needed"))


def causes(enrollment: Enrollment) -> list[tuple[str, int]]:
    rows = FormCause.objects.filter(enrollment=enrollment).order_by("as_needed", "kind")
    return [(row.kind, row.as_needed) for row in rows]


def do(client: APIClient, form: Assessment, answers: dict[str, int]) -> None:
    assert save(client, form, answers).status_code == 200
    assert submit(client, form).status_code == 200


def hold(enrollment: Enrollment, by: User, *, at: datetime) -> None:
    actor = Actor.person(by.pk)
    safety.place_hold(enrollment.patient_id, reason=HoldReason.CLINICAL, note="", actor=actor, at=at)


# What calls for it


def test_an_answer_that_speaks_of_self_harm_calls_at_once(as_ada: APIClient, phq9: Assessment) -> None:
    assert save(as_ada, phq9, {"phq9_9": 1}).status_code == 200
    (form,) = asked(phq9.enrollment)
    assert (form.instrument, form.as_needed, form.opens_at == form.due_at) == ("cssrs", 1, True)
    assert causes(phq9.enrollment) == [("self_harm_answer", 1)]
    shown = {each["id"]: each for each in as_ada.get("/api/v1/assessments").json()["results"]}
    assert (shown[str(form.pk)]["status"], shown[str(form.pk)]["as_needed"]) == ("open", 1)


def test_a_calm_answer_calls_for_nothing(as_ada: APIClient, phq9: Assessment) -> None:
    assert answered(as_ada, phq9).status_code == 200
    assert asked(phq9.enrollment) == []


@pytest.mark.django_db(transaction=True)
def test_a_refused_answer_calls_too(
    ada: Patient, ben: User, client_of: Callable[[User], APIClient], at: datetime
) -> None:
    enrollment = steps.active(ada, at=at)
    phq9 = enrollment.assessments.get(instrument="phq9")
    body = {"answers": {"phq9_9": 3, "no such item": 1}}
    answer = client_of(ada.user).patch(url(phq9), body, format="json", HTTP_IF_MATCH='"v1"')
    assert (answer.status_code, len(asked(enrollment))) == (400, 1)


def test_a_hold_calls_for_it(enrollment: Enrollment, ben: User, at: datetime) -> None:
    hold(enrollment, ben, at=at)
    assert keep_schedule(at=at).opened == 1
    assert keep_schedule(at=at).opened == 0
    assert causes(enrollment) == [("hold", 1)]


def test_a_serious_event_calls_for_it_once_with_its_hold(enrollment: Enrollment, at: datetime) -> None:
    actor = Actor.person(enrollment.patient.user_id)
    safety.report_event(enrollment.patient_id, report=safety.EventReport("Fell."), actor=actor, at=at)
    keep_schedule(at=at)
    assert causes(enrollment) == [("hold", 1), ("serious_event", 1)]
    assert len(asked(enrollment)) == 1


def test_answers_to_the_screening_in_treatment_call_for_it(enrollment: Enrollment, at: datetime) -> None:
    assert keep_schedule(at=at).opened == 0
    actor = Actor.person(enrollment.patient.user_id)
    safety.screen(enrollment.pk, answers=steps.HEALTHY, actor=actor, at=at + DAY)
    assert keep_schedule(at=at + DAY).opened == 1
    assert causes(enrollment) == [("screening", 1)]


def test_what_is_past_calls_for_nothing(enrollment: Enrollment, ben: User, at: datetime) -> None:
    hold(enrollment, ben, at=at)
    keep_schedule(at=at + 8 * DAY)
    assert asked(enrollment) == []


def test_nobody_who_left_is_asked(enrollment: Enrollment, ben: User, at: datetime) -> None:
    hold(enrollment, ben, at=at)
    programs.withdraw(enrollment.pk, patient_user=enrollment.patient.user, reason="", at=at)
    keep_schedule(at=at)
    assert asked(enrollment) == []


# Once


def test_whatever_else_calls_while_it_waits_is_answered_by_it(
    as_ada: APIClient, phq9: Assessment, ben: User, at: datetime
) -> None:
    for answer in (1, 2, 3):
        assert save(as_ada, phq9, {"phq9_9": answer}).status_code == 200
    hold(phq9.enrollment, ben, at=at)
    hold(phq9.enrollment, ben, at=at)
    keep_schedule(at=at + DAY)
    assert causes(phq9.enrollment) == [("hold", 1), ("hold", 1), ("self_harm_answer", 1)]
    assert len(asked(phq9.enrollment)) == 1


def test_the_same_cause_does_not_call_again_after_it_was_answered(
    as_ada: APIClient, phq9: Assessment
) -> None:
    """The draft called; so does its submission, though the screener was filled in between."""
    assert save(as_ada, phq9, CALM_PHQ9 | {"phq9_9": 1, "phq9_10": 1}).status_code == 200
    (form,) = asked(phq9.enrollment)
    do(as_ada, form, CALM)
    assert submit(as_ada, phq9).status_code == 200
    assert len(asked(phq9.enrollment)) == 1


def save_again(client: APIClient, form: Assessment) -> Any:
    return save(client, form, {"phq9_9": 3})


@pytest.mark.parametrize("say_again", [save_again, submit])
def test_each_new_alert_of_one_draft_asks_anew(
    as_ada: APIClient, phq9: Assessment, ben: User, at: datetime, say_again: Callable[..., Any]
) -> None:
    save(as_ada, phq9, CALM_PHQ9 | {"phq9_9": 1, "phq9_10": 1})
    (first,) = asked(phq9.enrollment)
    do(as_ada, first, CALM)
    close(alerts(phq9).get(), ben, at)
    assert say_again(as_ada, phq9).status_code == 200
    assert [form.submitted_at is None for form in asked(phq9.enrollment)] == [False, True]
    sources = FormCause.objects.filter(enrollment=phq9.enrollment).values_list("source", flat=True)
    assert list(sources) == [f"alert:{alert.pk}" for alert in alerts(phq9)]


def test_a_later_cause_asks_anew_and_what_is_done_stays(
    as_ada: APIClient, phq9: Assessment, ben: User, at: datetime
) -> None:
    save(as_ada, phq9, {"phq9_9": 1})
    (first,) = asked(phq9.enrollment)
    do(as_ada, first, CALM)
    hold(phq9.enrollment, ben, at=at + DAY)
    keep_schedule(at=at + DAY)
    done, waits = asked(phq9.enrollment)
    assert (done.pk, done.answers, waits.submitted_at) == (first.pk, CALM, None)
    assert causes(phq9.enrollment) == [("self_harm_answer", 1), ("hold", 2)]


def test_a_yes_in_the_screener_does_not_call_for_another(as_ada: APIClient, phq9: Assessment) -> None:
    save(as_ada, phq9, {"phq9_9": 1})
    (form,) = asked(phq9.enrollment)
    assert save(as_ada, form, {"cssrs_1": 1}).status_code == 200
    assert len(asked(phq9.enrollment)) == 1


def test_nobody_is_reminded_of_it_after_it_is_done(as_ada: APIClient, phq9: Assessment) -> None:
    save(as_ada, phq9, {"phq9_9": 1})
    (form,) = asked(phq9.enrollment)
    key = f"assessments:{phq9.enrollment_id}:as_needed:1:"
    reminders = Delivery.objects.filter(dedupe_key__startswith=key)
    assert {each.status for each in reminders} == {"due"}
    do(as_ada, form, CALM)
    assert {each.status for each in reminders.all()} == {"cancelled"}


# Nothing stops it


def test_pauses_and_holds_do_not_move_it(enrollment: Enrollment, ben: User, at: datetime) -> None:
    hold(enrollment, ben, at=at)
    programs.pause(enrollment.pk, patient_user=enrollment.patient.user, at=at)
    keep_schedule(at=at)
    (before,) = asked(enrollment)
    assert keep_schedule(at=at + 3 * DAY).moved == 0
    (after,) = asked(enrollment)
    assert (after.opens_at, after.due_at, after.closes_at) == (at, at, at + 365 * DAY)
    assert (before.pk, after.counted_from_at) == (after.pk, None)


def test_no_session_starts_while_it_waits(enrollment: Enrollment, at: datetime) -> None:
    call_for_form(enrollment, kind=CauseKind.HOLD, source="hold:x", at=at)
    for days in (0, 30):
        open_ones = queries.outstanding(enrollment.pk, at=at + days * DAY)
        assert "cssrs" in {each.instrument for each in open_ones}


# The schedule's row


def changed(**said: Any) -> dict[str, Any]:
    values = shipped()
    return values | {"as_needed": values["as_needed"] | said}


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"causes": []}, "causes is empty"),
        ({"causes": ["a whim"]}, "causes names a whim"),
        ({"every": 2}, "as_needed is every 1, and nothing stops it"),
        ({"stands_still": True}, "nothing stops it"),
        ({"spared_for_days": 14}, "nothing stops it"),
        ({"instruments": ["mystery"]}, "mystery"),
        ({"opens_after_days": -1}, "the days have to rise"),
    ],
)
def test_a_faulty_row_is_refused(said: dict[str, Any], fault: str) -> None:
    with pytest.raises(InstrumentError, match=fault):
        parse_schedule(changed(**said), file=FILE)


def test_every_kind_of_cause_is_in_the_shipped_schedule() -> None:
    assert set(schedule().series[Anchor.AS_NEEDED].causes) == set(CauseKind)
    assert instruments()["cssrs"].code in schedule().every_instrument()


# The tables' own walls


def test_a_cause_calls_once(enrollment: Enrollment, at: datetime) -> None:
    said = {"enrollment": enrollment, "kind": "hold", "source": "hold:x", "as_needed": 1, "noted_at": at}
    FormCause.objects.create(id=new_id(), **said)
    with pytest.raises(IntegrityError, match="form_cause_calls_once"), transaction.atomic():
        FormCause.objects.create(id=new_id(), **said)
    assert services.call_for_form(enrollment, kind=CauseKind.HOLD, source="hold:x", at=at) is False


def test_what_called_stays(enrollment: Enrollment, at: datetime) -> None:
    call_for_form(enrollment, kind=CauseKind.HOLD, source="hold:x", at=at)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM assessments_formcause")
