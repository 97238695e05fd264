"""Every way to write an answer, with every answer that somebody has to act on: it raises the alert.

Generated over the instruments' files. What can write is found in the code, and has to be declared here: a new
route or function that is not fails the test until somebody has thought about it.
"""

import ast
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from accounts.models import Patient, User
from assessments.instruments import Instrument, instruments
from assessments.models import Assessment
from assessments.rescoring import rescore
from assessments.rules import missing_required
from programs.models import Enrollment
from safety import services as safety
from safety.enums import AlertClass
from safety.models import Alert
from tests import steps
from tests.assessments import test_rescoring
from tests.assessments.conftest import save, submit, url

Case = tuple[str, str, int]

CASES: list[Case] = [
    (instrument.code, rule.item, answer)
    for instrument in instruments().values()
    for rule in instrument.crisis
    for answer in instrument.items[rule.item].values
    if answer >= rule.at_least
]
"""Instrument, item and answer."""


def test_the_instruments_with_such_items_are_the_ones_we_know() -> None:
    assert {code for code, *_ in CASES} == {"cssrs", "phq9"}
    assert len(CASES) == 10


def form(enrollment: Enrollment, case: Case, number: int, at: datetime) -> Assessment:
    """A form of its own for a case, open now."""
    instrument = instruments()[case[0]]
    return Assessment.objects.create(
        enrollment=enrollment,
        instrument=instrument.code,
        instrument_version=instrument.version,
        week=number,
        opens_at=at,
        due_at=at,
        closes_at=at.replace(year=at.year + 1),
    )


def complete(instrument: Instrument, item: str, answer: int) -> dict[str, int]:
    """Answer everything that is asked, lowest but for one item."""
    answers = {item: answer}
    while missing := missing_required(instrument, answers):
        answers |= {key: instrument.items[key].values[0] for key in missing}
    return answers


def unheard(
    write: Callable[[Assessment, Case], Any], enrollment: Enrollment, at: datetime
) -> Iterator[tuple[Case, list[Alert]]]:
    """Write each case by one path, and return those that did not end in exactly one alert that is open."""
    for number, case in enumerate(CASES, start=1):
        row = form(enrollment, case, number, at)
        write(row, case)
        alerts = list(Alert.objects.filter(source=f"assessment:{row.pk}", status="open"))
        heard = [(alert.alert_class, alert.patient_id) for alert in alerts]
        if heard != [(AlertClass.SUICIDE_RISK, enrollment.patient_id)]:
            yield case, alerts


def test_a_draft(enrollment: Enrollment, as_ada: APIClient, at: datetime) -> None:
    def write(row: Assessment, case: Case) -> None:
        answer = save(as_ada, row, {case[1]: case[2]})
        assert (answer.status_code, answer.json()["crisis"] is None) == (200, False)

    assert list(unheard(write, enrollment, at)) == []


def test_a_submission(enrollment: Enrollment, as_ada: APIClient, ben: User, at: datetime) -> None:
    """The draft's alert was closed in between: submitting opens another."""

    def write(row: Assessment, case: Case) -> None:
        assert save(as_ada, row, complete(instruments()[case[0]], *case[1:])).status_code == 200
        (alert,) = Alert.objects.filter(source=f"assessment:{row.pk}")
        safety.acknowledge(alert, by=ben, at=at)
        safety.close(alert, by=ben, reason="We talked.", at=at)
        assert submit(as_ada, row).status_code == 200

    assert list(unheard(write, enrollment, at)) == []


@pytest.mark.parametrize(("days_before", "status"), [(0, 200), (1, 409)])
def test_filled_in_without_a_connection(
    enrollment: Enrollment, as_ada: APIClient, at: datetime, days_before: int, status: int
) -> None:
    """It counts, or it is kept because the form was not open then."""
    then = (at - timedelta(days=days_before)).isoformat()

    def write(row: Assessment, case: Case) -> None:
        answers = complete(instruments()[case[0]], *case[1:])
        said = {"client_id": str(uuid4()), "filled_in_at": then, "etag": '"v1"', "answers": answers}
        answer = as_ada.post(f"{url(row)}/offline-submissions", said, format="json")
        assert answer.status_code == status

    assert list(unheard(write, enrollment, at)) == []


@pytest.mark.django_db(transaction=True)
def test_a_refused_draft_and_a_refused_submission(
    ben: User, ada: Patient, client_of: Callable[[User], APIClient], at: datetime
) -> None:
    enrollment, client = steps.active(ada, at=at), client_of(ada.user)

    def draft(row: Assessment, case: Case) -> None:
        body = {"answers": {case[1]: case[2], "no such item": 1}}
        answer = client.patch(url(row), body, format="json", headers={"If-Match": '"v1"'})
        assert answer.status_code == 400

    def submission(row: Assessment, case: Case) -> None:
        answer = client.post(f"{url(row)}/submit", {"answers": {case[1]: case[2]}}, format="json")
        assert answer.status_code in (400, 422, 428)

    assert list(unheard(draft, enrollment, at)) == []
    Assessment.objects.filter(week__isnull=False).update(month=F("week"), week=None)
    assert list(unheard(submission, enrollment, at)) == []


def test_scored_anew_each_keeps_its_one_alert(
    enrollment: Enrollment, as_ada: APIClient, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later file of the instrument neither loses nor doubles what the answers called for."""

    def write(row: Assessment, case: Case) -> None:
        assert save(as_ada, row, complete(instruments()[case[0]], *case[1:])).status_code == 200
        assert submit(as_ada, row).status_code == 200

    assert list(unheard(write, enrollment, at)) == []
    test_rescoring.ship(monkeypatch, *(test_rescoring.changed(code) for code in ("cssrs", "phq9")))
    assert rescore(at=at).scored == len(CASES)
    sources = [f"assessment:{row.pk}" for row in Assessment.objects.filter(week__isnull=False)]
    alerts = Alert.objects.filter(source__in=sources, status="open", alert_class=AlertClass.SUICIDE_RISK)
    assert alerts.count() == len(CASES)


@pytest.mark.parametrize("case", CASES)
def test_the_table_refuses_it_without_an_alert(phq9: Assessment, case: Case) -> None:
    """Whatever path there is or will be ends here."""
    sql = "UPDATE assessments_assessment SET instrument = %s, answers = %s::jsonb WHERE id = %s"
    with (
        pytest.raises(IntegrityError, match="means_alert"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql, [case[0], f'{{"{case[1]}": {case[2]}}}', phq9.pk])


# What can write


ROUTES = {
    ("assessment", "PATCH"): test_a_draft,
    ("assessment-submission", "POST"): test_a_submission,
    ("offline-submissions", "POST"): test_filled_in_without_a_connection,
    ("worse-form-looks", "POST"): None,  # what a clinician did about one
    ("consents", "POST"): None,  # signatures; the forms it opens are empty
}
"""Every route of the room that changes anything, with what shows that it raises the alert."""

FUNCTIONS = {
    "assessments.services.save_draft": test_a_draft,
    "assessments.services._take_offline": test_filled_in_without_a_connection,
    "assessments.services._close": test_a_submission,
    "assessments.rescoring._rescore": test_scored_anew_each_keeps_its_one_alert,
}
"""Every function that writes answers or scores, with what shows that it raises the alert."""


def routes(patterns: list[Any]) -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
            if view is not None and view.__module__.startswith("assessments."):
                methods = ("post", "put", "patch", "delete")
                yield from ((str(pattern.name), each.upper()) for each in methods if hasattr(view, each))


def test_every_route_that_changes_something_is_declared() -> None:
    assert set(routes(get_resolver().url_patterns)) == set(ROUTES)


WRITTEN = ("answers", "scores")


def writers(source: str, module: str) -> set[str]:
    """Return the functions that set a form's answers or scores: by attribute, by keyword, or by name."""
    found = set()
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef) and any(map(_writes, ast.walk(function))):
            found.add(f"{module}.{function.name}")
    return found


def _writes(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return node.attr in WRITTEN
    if not isinstance(node, ast.Call):
        return False
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    keywords = {keyword.arg for keyword in node.keywords}
    if called in ("update", "create", "get_or_create", "update_or_create", "Assessment", "Rescoring"):
        return bool(keywords & set(WRITTEN))
    named = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
    return called in ("bulk_update", "execute", "setattr") and bool(named & set(WRITTEN))


def modules() -> Iterator[tuple[str, str]]:
    """Return every module of ours that names the table, with its text."""
    root = Path(settings.BASE_DIR)
    for path in root.glob("*/**/*.py"):
        place = path.relative_to(root)
        text = path.read_text() if place.parts[0] not in ("tests", ".venv", ".rekindle") else ""
        if "migrations" not in place.parts and ("Assessment" in text or "assessments_assessment" in text):
            yield ".".join(place.with_suffix("").parts), text


def test_every_function_that_writes_answers_is_declared() -> None:
    found = {name for module, text in modules() for name in writers(text, module)}
    assert found == set(FUNCTIONS)


@pytest.mark.parametrize(
    "line",
    [
        "row.answers = given",
        "Assessment.objects.filter(pk=pk).update(answers=given)",
        "Assessment(enrollment=one, answers=given)",
        "Assessment.objects.bulk_update(rows, ['answers'])",
        "setattr(row, 'answers', given)",
    ],
)
def test_twin_a_new_function_would_be_found(line: str) -> None:
    assert writers(f"def sneak(row):\n    {line}\n", "desk.services") == {"desk.services.sneak"}
