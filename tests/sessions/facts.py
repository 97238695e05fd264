"""One set of facts with which a session may start; a test spoils one of them."""

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from programs.enums import Route
from sessions.policy import SessionPolicy, parse_policy
from sessions.rules import (
    BookingFacts,
    DoseFacts,
    Override,
    PlaceFacts,
    PlanFacts,
    Reading,
    StartFacts,
    TodayAnswers,
)

NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
TODAY = date(2026, 3, 2)


def example_policy() -> dict[str, Any]:
    """Return the example policy as it is published, a new copy each time."""
    path = Path(__file__).parents[2] / "sessions" / "example_policy_4.toml"
    return tomllib.loads(path.read_text())


def stepped_policy() -> dict[str, Any]:
    """Return the example policy with all that it leaves open, as the version after it that a clinic signs."""
    content = example_policy() | {"version": 5}
    for route, step_mg in (("sublingual", 75), ("subcutaneous", 15)):
        content["dose_bounds"][route]["max_step_mg"] = step_mg
        source = content["sources"][f"dose_bounds.{route}.max_mg"]
        content["sources"][f"dose_bounds.{route}.max_step_mg"] = source
    content["max_doses_in_7_days"] = 2
    content["sources"]["max_doses_in_7_days"] = content["sources"]["min_days_between"]
    return content


POLICY: SessionPolicy = parse_policy(example_policy())
STEPPED: SessionPolicy = parse_policy(stepped_policy())
WEEKLY: SessionPolicy = replace(POLICY, max_doses_in_7_days=2)


def reading(*, minutes_ago: float, pressure: tuple[int, int] = (118, 76), rate: int | None = 64) -> Reading:
    """Return a reading taken so long before noon."""
    return Reading(
        observed_at=NOON - timedelta(minutes=minutes_ago),
        systolic_mmhg=pressure[0],
        diastolic_mmhg=pressure[1],
        heart_rate_bpm=rate,
    )


def numbered(*readings: Reading) -> tuple[Reading, ...]:
    """Return readings with ids: 1 for the first of them, and so on."""
    return tuple(replace(one, id=UUID(int=place)) for place, one in enumerate(readings, start=1))


def override(first: int = 1, second: int = 2) -> Override:
    """Return a clinician's signature for two of `numbered`."""
    ids = UUID(int=first), UUID(int=second)
    return Override(UUID(int=100 * first + second), *ids, by="Ben Example, MD", reason="Calm.", given_at=NOON)


PLAN = PlanFacts(
    route=Route.SUBLINGUAL,
    dose_mg=Decimal("300.0"),
    session_count=6,
    min_days_between=7,
    signed_on=date(2026, 2, 1),
)
PLACE = PlaceFacts(state="NY", is_served=True, given_at=NOON - timedelta(minutes=20))
WATCHED = timedelta(minutes=150)
"""How long this policy may have a session watched: thirty minutes for the dose, two hours after it."""
GOOD = StartFacts(
    at=NOON,
    today=TODAY,
    scheduled_on=TODAY,
    number=2,
    enrollment_is_active=True,
    is_paused=False,
    plan=PLAN,
    missing_consents=(),
    clearance_faults=(),
    open_holds=0,
    blocking_alerts=0,
    outstanding_forms=(),
    monitor_is_bound=True,
    monitor_attested_at=NOON - timedelta(minutes=20),
    today_answers=TodayAnswers(
        answers={question.key: "no" for question in POLICY.today_questions},
        given_at=NOON - timedelta(minutes=20),
    ),
    yes_today=(),
    readings=(reading(minutes_ago=10), reading(minutes_ago=4)),
    readings_elsewhere=(),
    overrides=(),
    chart_timezone="America/New_York",
    last_dosed_at=NOON - timedelta(days=7),
    doses_at=(),
    place=PLACE,
    on_call=((NOON, NOON + WATCHED),),
    watch_is_alive=True,
    has_medicine=True,
    open_reviews=0,
    open_safety_tasks=0,
    doses_before_mg=(Decimal("300.0"),),
)

GOOD_DOSE = DoseFacts(
    at=NOON + timedelta(minutes=5),
    dose_by=NOON + timedelta(minutes=30),
    route=Route.SUBLINGUAL,
    dose_mg=Decimal("300.0"),
    ordered_route=Route.SUBLINGUAL,
    ordered_dose_mg=Decimal("300.0"),
    order_is_current=True,
    enrollment_is_active=True,
    is_paused=False,
    missing_consents=(),
    clearance_faults=(),
    open_holds=0,
    blocking_alerts=0,
    monitor_is_bound=True,
    readings=(reading(minutes_ago=10), reading(minutes_ago=4)),
    readings_elsewhere=(),
    overrides=(),
    fresh_from=NOON - timedelta(minutes=30),
    last_dosed_at=NOON - timedelta(days=7),
    doses_at=(),
    chart_timezone="America/New_York",
    min_days_between=7,
    outcomes=(),
)


def booking(**changed: Any) -> BookingFacts:
    """Return the facts of a booking that may be made, some of them changed."""
    facts: dict[str, Any] = {
        "at": NOON,
        "scheduled_at": NOON + timedelta(days=2),
        "zone": ZoneInfo("America/New_York"),
        "number": 2,
        "planned_sessions": 6,
        "min_days_between": 7,
        "last_dosed_at": NOON - timedelta(days=7),
        "doses_at": (),
        "max_doses_in_7_days": None,
    }
    return BookingFacts(**facts | changed)
