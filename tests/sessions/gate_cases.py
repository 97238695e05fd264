"""Facts for the gate by chance: mostly good ones, spoiled at the boundaries, with what is not known."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from core.errors import Reason
from programs.enums import Route
from safety.roster.rules import Span
from sessions.policy import DoseBounds, Limits, SessionPolicy
from sessions.rules import Override, PlaceFacts, PlanFacts, Reading, StartFacts, TodayAnswers
from tests.sessions.clocks import DAY, clock_of
from tests.sessions.facts import POLICY, STEPPED, numbered

ZONES = (
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Europe/Dublin",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "UTC",
)
YEARS = (int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2028, 1, 1, tzinfo=UTC).timestamp()))
NEW_YEAR_1970 = date(1970, 1, 1)
STEP_MG = Decimal("0.1")
DAY_LONG = timedelta(days=1)
POLICIES = (
    STEPPED,
    replace(
        POLICY,
        max_doses_in_7_days=3,
        min_days_between=7,
        max_gap_days=28,
        attestation_max_age=timedelta(minutes=15),
        dose_bounds={Route.SUBLINGUAL: DoseBounds(min_mg=100, max_mg=300)},
        readings=replace(
            POLICY.readings,
            required=3,
            max_age=timedelta(minutes=5),
            hold_above=Limits(systolic_mmhg=130, diastolic_mmhg=85, heart_rate_bpm=100),
            crisis_from=Limits(systolic_mmhg=160, diastolic_mmhg=100),
        ),
    ),
)
FAULTS = (Reason("screening_changed", "…"), Reason("clearance_expired", "…"), Reason("weight_too_old", "…"))


def cases(seed: int, count: int) -> Iterator[tuple[StartFacts, SessionPolicy]]:
    """Give so many sets of facts and the policy to ask them by, the same ones for a seed.

    One in five is good; the next four are the same ones with up to three things spoiled, or all of them.
    """
    chance = Random(seed)  # noqa: S311 - the same facts every time
    names = tuple(SPOILERS)
    for place in range(count):
        if place % 5 == 0:
            policy = POLICIES[chance.random() < 0.25]
            facts = good(chance, _moment(chance), policy)
            yield StartFacts(**facts), policy
            continue
        spoiled = set(chance.choices(names, k=chance.choices((1, 2, 3, 60), (60, 20, 10, 10))[0]))
        if chance.random() < 0.2:
            spoiled.add("readings")
        changed = {name: SPOILERS[name](chance, facts, policy) for name in sorted(spoiled)}
        if chance.random() < 0.2:
            changed = {"readings": _raised(chance, facts, policy)}
        if changed.get("readings") and chance.random() < 0.8:
            changed["overrides"] = _overrides(chance, changed["readings"])
        yield StartFacts(**{**facts, **changed}), policy


def _moment(chance: Random) -> int:
    """Return a moment of two years, every other one within four days of a clock change."""
    zone = clock_of(chance.choice(ZONES))
    changes = (
        [change for change in zone.changes if YEARS[0] <= change < YEARS[1]] if chance.random() < 0.5 else []
    )
    if changes:
        return chance.choice(changes) + chance.randint(-4 * DAY, 4 * DAY)
    return chance.randint(*YEARS)


def good(chance: Random, moment: int, policy: SessionPolicy) -> dict[str, Any]:
    """Return facts with which a session may start, each as near to its limit as it happens."""
    at = datetime.fromtimestamp(moment, UTC) + timedelta(microseconds=chance.choice((0, 1, 999_999)))
    zone, count = chance.choice(ZONES), chance.choice((1, 6, 18))
    now = clock_of(zone).day(moment)
    number = chance.choice((1, count, chance.randint(1, count)))
    apart = max(policy.min_days_between, plan_days := chance.choice((1, 7, 14)))
    ago = chance.choice((apart + 1, policy.max_gap_days, chance.randint(apart, policy.max_gap_days)))
    today = NEW_YEAR_1970 + timedelta(days=now + chance.choice((0, 0, 0, 1, -1)))
    facts: dict[str, Any] = {
        "at": at,
        "today": today,
        "scheduled_on": today - timedelta(days=chance.choice((0, 0, 1))),
        "number": number,
        "enrollment_is_active": True,
        "is_paused": False,
        "plan": PlanFacts(
            *_dose(chance, policy),
            session_count=count,
            min_days_between=plan_days,
            signed_on=NEW_YEAR_1970 + timedelta(days=now - chance.randint(0, 400)),
        ),
        "missing_consents": (),
        "clearance_faults": (),
        "open_holds": 0,
        "blocking_alerts": 0,
        "outstanding_forms": (),
        "monitor_is_bound": True,
        "monitor_attested_at": at - policy.attestation_max_age * chance.choice((0, 1, chance.random())),
        "today_answers": TodayAnswers(
            {question.key: "no" for question in policy.today_questions},
            at - policy.attestation_max_age * chance.choice((0, 1, chance.random())),
        ),
        "yes_today": (),
        "readings": _good_readings(chance, at, policy),
        "readings_elsewhere": (),
        "overrides": (),
        "chart_timezone": zone,
        "last_dosed_at": None if number == 1 and chance.random() < 0.5 else _on_day(chance, zone, now - ago),
        "doses_at": _doses_at(
            chance, zone, now, inside=chance.randint(0, (policy.max_doses_in_7_days or 1) - 1)
        ),
        "place": PlaceFacts(
            "NY", True, at - policy.attestation_max_age * chance.choice((0, 1, chance.random()))
        ),
        "on_call": _covering(chance, at, _watched(policy)),
        "watch_is_alive": True,
        "has_medicine": True,
        "open_reviews": 0,
        "open_safety_tasks": 0,
    }
    return facts | {"doses_before_mg": _doses_before(chance, facts["plan"], policy)}


def _watched(policy: SessionPolicy) -> timedelta:
    return policy.dose_window + max(policy.timer, policy.observation)


def _covering(chance: Random, at: datetime, watched: timedelta) -> tuple[Span, ...]:
    """Return the shifts of people who relieve each other from the first moment to the last, in any order."""
    changes = sorted(at + watched * chance.random() for _ in range(chance.choice((0, 0, 1, 2, 4))))
    edges = [at - chance.choice((0, 1)) * DAY_LONG * chance.random(), *changes]
    ends = [*changes, at + watched + chance.choice((0, 1)) * DAY_LONG * chance.random()]
    overlap = chance.choice((timedelta(), timedelta(minutes=30)))
    spans = [(begins, end + overlap) for begins, end in zip(edges, ends, strict=True)]
    chance.shuffle(spans)
    return tuple(spans)


def _on_call(chance: Random, facts: Mapping[str, Any], policy: SessionPolicy) -> tuple[Span, ...] | None:
    """Return shifts with a piece missing: at either end or in the middle, a moment or more."""
    if chance.random() < 0.1:
        return chance.choice((None, ()))
    at, watched = facts["at"], _watched(policy)
    short = chance.choice(
        (timedelta(microseconds=1), timedelta(seconds=1), watched * chance.random(), watched)
    )
    middle = at + watched * chance.random()
    return chance.choice(
        (
            ((at + short, at + watched),),
            ((at, at + watched - short),),
            ((middle + short, at + watched + DAY_LONG), (at - DAY_LONG, middle)),
            ((at - DAY_LONG, at), (at + watched, at + DAY_LONG)),
            _covering(chance, at, watched),
        )
    )


def _place(chance: Random, facts: Mapping[str, Any], policy: SessionPolicy) -> PlaceFacts | None:
    if chance.random() < 0.2:
        return None
    is_served = chance.choice((True, True, False, None))
    return PlaceFacts("NY", is_served, facts["at"] - _age(chance, policy.attestation_max_age))


def _dose(chance: Random, policy: SessionPolicy) -> tuple[Route, Decimal]:
    """Return a route and an amount of it that may be ordered."""
    route = chance.choice(tuple(policy.dose_bounds))
    bounds = policy.dose_bounds[route]
    return route, Decimal(chance.choice((bounds.min_mg, bounds.max_mg, bounds.max_mg - STEP_MG)))


def _doses_before(chance: Random, plan: PlanFacts, policy: SessionPolicy) -> tuple[Decimal, ...]:
    """Return doses of before of which the last is a step below at most; the others may be anything."""
    step = policy.dose_bounds[plan.route].max_step_mg or 500
    last = plan.dose_mg - chance.choice((step, step - STEP_MG, 0, -200))
    return chance.choice(((), (last,), (Decimal(1), last), (Decimal(900), last)))


def _doses_too_low(
    chance: Random, facts: Mapping[str, Any], policy: SessionPolicy
) -> tuple[Decimal, ...] | None:
    plan = facts["plan"]
    bounds = policy.dose_bounds.get(plan.route) if plan else None
    if bounds is None or chance.random() < 0.2:
        return None
    last = plan.dose_mg - (bounds.max_step_mg or 0) - chance.choice((0, STEP_MG, 20))
    return chance.choice(((last,), (plan.dose_mg, last), (last, plan.dose_mg)))


def _good_readings(chance: Random, at: datetime, policy: SessionPolicy) -> tuple[Reading, ...]:
    count = policy.readings.required
    step = policy.readings.max_age.total_seconds() / (count + 1)
    limits = policy.readings.hold_above
    return numbered(
        *(
            Reading(
                at - timedelta(seconds=step * (count - place)),
                limits.systolic_mmhg - chance.choice((0, 1, 20)),
                limits.diastolic_mmhg - chance.choice((0, 1, 10)),
                (limits.heart_rate_bpm or 0) - chance.choice((0, 1, 40)),
            )
            for place in range(count)
        )
    )


def _on_day(chance: Random, zone: str, day: int) -> datetime:
    """Return a moment of that day: its first, its last, or any."""
    begin, end = clock_of(zone).moment(day * DAY), clock_of(zone).moment((day + 1) * DAY)
    return datetime.fromtimestamp(chance.choice((begin, end - 1, chance.randrange(begin, end))), UTC)


def _doses_at(chance: Random, zone: str, now: int, *, inside: int) -> tuple[datetime, ...]:
    """Return so many doses on this day and the six before it, most at the edge, and some before them."""
    days = [now - chance.choice((0, 6, 6, chance.randint(0, 6))) for _ in range(inside)]
    days += [now - chance.choice((7, 7, 8)) for _ in range(chance.choice((0, 1, 2)))]
    return tuple(_on_day(chance, zone, day) for day in days)


def _too_many(chance: Random, facts: Mapping[str, Any], policy: SessionPolicy) -> tuple[datetime, ...] | None:
    if chance.random() < 0.2:
        return None
    zone, most = facts["chart_timezone"], policy.max_doses_in_7_days or 1
    now = clock_of(zone).day(int(facts["at"].timestamp()))
    return _doses_at(chance, zone, now, inside=most + chance.choice((-1, 0, 0, 1)))


def _age(chance: Random, limit: timedelta) -> timedelta:
    """Return an age: mostly at an edge, or within a second of it."""
    edge = chance.choice(
        (limit, limit, timedelta(), timedelta(minutes=-2), limit * chance.random(), limit * 2)
    )
    return edge + timedelta(microseconds=chance.choice((0, 0, 1, -1, 1_000_000, -1_000_000)))


def _readings(chance: Random, facts: Mapping[str, Any], policy: SessionPolicy) -> tuple[Reading, ...] | None:
    """Return none, few or many, near each other or apart, whole or in part, at the limits or over them."""
    how = chance.random()
    if how < 0.05:
        return None
    if how < 0.1:
        alone = Reading(facts["at"] - _age(chance, policy.readings.max_age), heart_rate_bpm=64)
        without = [replace(one, heart_rate_bpm=None) for one in facts["readings"]]
        taken = chance.choice((without, [*without, alone]))
        return tuple(sorted(taken, key=lambda one: one.observed_at))
    at, taken = facts["at"], []
    kept = [one for one in facts["readings"] if chance.random() < 0.7]
    for _ in range(chance.choice((0, 1, 1, 2, 3, 5))):
        if taken and chance.random() < 0.5:
            gap = chance.choice((0, 30, 59.999999, 60, 60.000001, 90))
            moment = taken[-1].observed_at + timedelta(seconds=gap)
        else:
            limit = chance.choice((policy.readings.max_age, policy.readings.max_age, timedelta(days=1)))
            moment = at - _age(chance, limit)
        taken.append(_reading(chance, moment, policy))
    return numbered(*sorted([*kept, *taken], key=lambda one: one.observed_at))


def _raised(chance: Random, facts: Mapping[str, Any], policy: SessionPolicy) -> tuple[Reading, ...]:
    """Return readings of which some are above the limits, and mostly nothing else is wrong with them."""
    held, taken = policy.readings.hold_above, list(facts["readings"])
    if chance.random() < 0.3:
        gap = timedelta(seconds=chance.choice((0, 59.999999, 60, 90)))
        taken.insert(0, replace(taken[0], observed_at=taken[0].observed_at - gap))
    if chance.random() < 0.3:
        taken.insert(0, replace(taken[0], observed_at=facts["at"] - _age(chance, policy.readings.max_age)))
    for place, one in enumerate(taken):
        if chance.random() < 0.6:
            above = {"systolic_mmhg": held.systolic_mmhg + 1, "diastolic_mmhg": held.diastolic_mmhg + 1}
            name = chance.choice(tuple(above))
            taken[place] = replace(one, **{name: above[name]})
        if chance.random() < 0.1:
            name = chance.choice(("is_corrected", "taken_there"))
            taken[place] = replace(taken[place], **{name: name == "is_corrected"})
        if chance.random() < 0.02:
            taken[place] = replace(taken[place], systolic_mmhg=policy.readings.crisis_from.systolic_mmhg)
    return numbered(*sorted(taken, key=lambda one: one.observed_at))


def _overrides(chance: Random, readings: Sequence[Reading]) -> tuple[Override, ...]:
    """Return what clinicians signed: of two readings in a row mostly, the last two, or of none there."""
    count = len(readings)
    firsts = chance.choices((count - 1, *range(count + 1)), k=chance.choice((1, 1, 1, 2, 3)))
    return tuple(
        Override(
            id=UUID(int=1000 + place),
            first=UUID(int=max(first, 0)),
            second=UUID(int=max(first, 0) + chance.choice((1, 1, 1, 1, 1, 0, 2))),
            by="Ben Example, MD",
            reason="Calm.",
            given_at=datetime(2026, 3, 2, tzinfo=UTC),
        )
        for place, first in enumerate(firsts)
    )


def _reading(chance: Random, moment: datetime, policy: SessionPolicy) -> Reading:
    held, crisis = policy.readings.hold_above, policy.readings.crisis_from
    systolic = chance.choice((110, held.systolic_mmhg, held.systolic_mmhg + 1, crisis.systolic_mmhg - 1))
    diastolic = chance.choice((70, held.diastolic_mmhg, held.diastolic_mmhg + 1, crisis.diastolic_mmhg - 1))
    if chance.random() < 0.15:
        systolic = crisis.systolic_mmhg
    if chance.random() < 0.15:
        diastolic = crisis.diastolic_mmhg
    if chance.random() < 0.3:
        systolic, diastolic = 110, 70
    parts = chance.choices(("both", "pressure", "rate", "half"), (60, 20, 15, 5))[0]
    rate = chance.choice((64, held.heart_rate_bpm, (held.heart_rate_bpm or 0) + 1))
    return Reading(
        observed_at=moment,
        systolic_mmhg=None if parts == "rate" else systolic,
        diastolic_mmhg=None if parts in ("rate", "half") else diastolic,
        heart_rate_bpm=None if parts == "pressure" else rate,
        taken_there=chance.random() < 0.8,
        is_corrected=chance.random() < 0.1,
    )


def _elsewhere(chance: Random, facts: Mapping[str, Any], policy: SessionPolicy) -> tuple[Reading, ...] | None:
    if chance.random() < 0.2:
        return None
    moments = [facts["at"] - _age(chance, timedelta(days=1)) for _ in range(chance.choice((1, 2)))]
    return tuple(_reading(chance, moment, policy) for moment in sorted(moments))


def _plan(chance: Random, facts: Mapping[str, Any], policy: SessionPolicy) -> PlanFacts | None:
    if chance.random() < 0.2:
        return None
    now = clock_of(facts["chart_timezone"]).day(int(facts["at"].timestamp()))
    ago = chance.choice((0, 1, policy.max_gap_days - 1, policy.max_gap_days, policy.max_gap_days + 1, 400))
    route, dose_mg = _dose(chance, policy)
    if chance.random() < 0.5:
        bounds = policy.dose_bounds[route]
        dose_mg = chance.choice((bounds.min_mg - STEP_MG, bounds.max_mg + STEP_MG))
    return PlanFacts(
        route=chance.choice((route, route, Route.SUBCUTANEOUS)),
        dose_mg=dose_mg,
        session_count=facts["number"] + chance.choice((-1, 0, 1)),
        min_days_between=chance.choice((1, policy.min_days_between, 14)),
        signed_on=NEW_YEAR_1970 + timedelta(days=now - ago),
    )


def _last_dosed_at(chance: Random, facts: Mapping[str, Any], policy: SessionPolicy) -> datetime | None:
    if chance.random() < 0.1:
        return None
    plan, zone = facts["plan"], facts["chart_timezone"]
    apart = max(policy.min_days_between, plan.min_days_between if plan else 0)
    if chance.random() < 0.2:
        hours = (apart - chance.choice((0, 1))) * 24
        return facts["at"] - timedelta(hours=hours, microseconds=chance.choice((0, 1, -1)))  # type: ignore[no-any-return]
    ago = chance.choice(
        (
            -1,
            0,
            1,
            *(apart + near for near in (-1, 0, 1)),
            *(policy.max_gap_days + near for near in (0, 1, 200)),
        )
    )
    return _on_day(chance, zone, clock_of(zone).day(int(facts["at"].timestamp())) - ago)


def _today_answers(chance: Random, facts: Mapping[str, Any], policy: SessionPolicy) -> TodayAnswers | None:
    if chance.random() < 0.2:
        return None
    answers = {question.key: "no" for question in policy.today_questions}
    for key in chance.sample(sorted(answers), chance.choice((0, 1, 1, 2))):
        answers[key] = chance.choice(("yes", "unknown", "", "No"))
        if chance.random() < 0.3:
            del answers[key]
    return TodayAnswers(answers, facts["at"] - _age(chance, policy.attestation_max_age))


def _any_of(*values: Any) -> "Spoiler":
    return lambda chance, facts, policy: chance.choice(values)


Spoiler = Callable[[Random, Mapping[str, Any], SessionPolicy], Any]
SPOILERS: Mapping[str, Spoiler] = {
    "today": lambda chance, facts, policy: facts["today"] + timedelta(days=chance.choice((-1, 1))),
    "scheduled_on": lambda chance, facts, policy: facts["today"] + timedelta(days=chance.choice((-1, 0, 1))),
    "number": lambda chance, facts, policy: chance.choice((1, 2, 6, 7, 18, 19)),
    "enrollment_is_active": _any_of(False, None),
    "is_paused": _any_of(True, None),
    "plan": _plan,
    "missing_consents": _any_of(None, ("off_label_disclosure",), ("a", "b")),
    "clearance_faults": _any_of(None, FAULTS[:1], FAULTS),
    "open_holds": _any_of(None, 1, 2),
    "blocking_alerts": _any_of(None, 1, 2),
    "outstanding_forms": _any_of(None, ("phq9",), ("phq9", "gad7")),
    "monitor_is_bound": _any_of(False, None),
    "monitor_attested_at": lambda chance, facts, policy: chance.choice(
        (None, facts["at"] - _age(chance, policy.attestation_max_age))
    ),
    "today_answers": _today_answers,
    "yes_today": lambda chance, facts, policy: chance.choice(
        (None, ("other",), (chance.choice(policy.today_questions).key,))
    ),
    "readings": _readings,
    "readings_elsewhere": _elsewhere,
    "chart_timezone": _any_of(*ZONES),
    "last_dosed_at": _last_dosed_at,
    "doses_at": _too_many,
    "place": _place,
    "on_call": _on_call,
    "watch_is_alive": _any_of(False, None),
    "has_medicine": _any_of(False, None),
    "open_reviews": _any_of(None, 1, 2),
    "open_safety_tasks": _any_of(None, 1, 2),
    "doses_before_mg": _doses_too_low,
}
