"""People made up for screening: mostly well, with every kind of gap, slip and finding, from a seed."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from typing import Any

from safety.screening.health import (
    NOTHING_KNOWN,
    VITAL_UNITS,
    ClinicalStatus,
    CodeSystem,
    Coding,
    FactSource,
    HealthEntry,
    HealthFacts,
    InstrumentFact,
    Lactation,
    Pregnancy,
    Vital,
    VitalFact,
)
from safety.screening.policy import Policy, Question
from tests.steps import HEALTHY

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
WELL: dict[str, Any] = {"age_years": 44, **HEALTHY}
NO_ANSWER: list[Any] = [None, "", "  ", "unknown", "prefer_not_to_say", "Yes ", True, 7.5, {}, ["yes"], "no "]
WELL_KNOWN = HealthFacts(
    at=AT,
    conditions=(),
    medications=(),
    allergies=(),
    pregnancy=Pregnancy.NOT_PREGNANT,
    lactation=Lactation.NOT_LACTATING,
    location="US-IL",
    route="sublingual",
)
OTHER_CODES = ["E11.9", "M54.50", "F32.9", "J45.909", "Z00.00", "I21.9", "F1", "F10", "F31", "I", "K74", "O"]
PRODUCTS = ["197361", "308971", "7052", "313782", "6130"]
WORDS = ["opioid", "maoi", "nasal_medicine", "ketamine", "harmless", "z_drug", "schizophrenia", "alcohol"]
READINGS = (
    (118, 76),
    (139, 89),
    (140, 90),
    (181, 121),
    (250, 60),
    (90, None),
    (179, 119.5),
    (80, 120),
    (1, 1),
    (140, 80),
    (180, 110),
)


def anybody(policy: Policy, rng: Random) -> tuple[dict[str, Any], HealthFacts]:
    """Return somebody's answers and health facts."""
    wild = rng.choice([0.0, 0.02, 0.1, 0.5])
    answers = {}
    for question in policy.questions:
        if rng.random() >= wild / 4:
            answers[question.key] = _answer(question, wild, rng)
    knows = policy.format > 1 and rng.random() < 0.7
    return answers, _facts(policy, wild, rng) if knows else NOTHING_KNOWN


def with_one_finding(policy: Policy) -> Iterator[tuple[dict[str, Any], HealthFacts]]:
    """Yield people who are well, of whom all is known, and who have one thing: each, however it stands."""
    answers = {question.key: WELL[question.key] for question in policy.questions}
    for concept in policy.concepts.values():
        # A code with exceptions below it leaves open which one is meant; one below it does not.
        icd = [code for group in concept.groups for code in (*group.codes[:1], f"{group.codes[0]}0")]
        by_code = [Coding(CodeSystem.ICD_10_CM, code) for code in icd]
        by_word = [Coding(CodeSystem.MEDICINE_CLASS, concept.key)] if concept.kind == "medicine" else []
        for coding, status in product((*by_code, *by_word), (None, *ClinicalStatus)):
            entry = HealthEntry("entry", (coding,), status, FactSource.CLINICIAN, (coding,))
            if concept.kind == "condition":
                yield answers, replace(WELL_KNOWN, conditions=(entry,))
            else:
                yield answers, replace(WELL_KNOWN, medications=(entry,))
                yield answers, replace(WELL_KNOWN, allergies=(entry,))
    for question in policy.questions:
        for systolic, diastolic in READINGS if question.kind == "readings" else ():
            reading = {"systolic_mmhg": systolic, "diastolic_mmhg": diastolic}
            for readings in ([reading, reading], [reading, *WELL[question.key]]):
                yield answers | {question.key: readings}, WELL_KNOWN


def _answer(question: Question, wild: float, rng: Random) -> Any:
    if rng.random() >= wild:
        return WELL[question.key]
    if rng.random() < 0.3:
        return rng.choice(NO_ANSWER)
    if question.kind == "number":
        return rng.choice([-1, 0, 17, 17.99, 18, 64.5, 65, 120, 121, "44", float("nan"), 10**30])
    if question.kind == "readings":
        pairs = [rng.choice(READINGS) for _ in range(rng.choice([0, 1, 2, 3, 11]))]
        return [{"systolic_mmhg": systolic, "diastolic_mmhg": diastolic} for systolic, diastolic in pairs]
    if question.kind == "list":
        return rng.choice([[], ["asthma"], ["x", "y"], [""], ["x" * 201], "asthma", [7], ["x"] * 51])
    return rng.choice([choice.value for choice in question.choices])  # type: ignore[union-attr]


def _facts(policy: Policy, wild: float, rng: Random) -> HealthFacts:
    def some(make: Callable[[], Any], odds: float = 0.5) -> Any:
        return make() if rng.random() < odds else None

    return HealthFacts(
        at=some(lambda: AT, 0.9),
        conditions=some(lambda: _entries(policy, "condition", wild, rng), 0.8),
        medications=some(lambda: _entries(policy, "medicine", wild, rng), 0.8),
        allergies=some(lambda: _entries(policy, "medicine", wild, rng)),
        pregnancy=some(
            lambda: rng.choice(list(Pregnancy)) if rng.random() < wild else Pregnancy.NOT_PREGNANT
        ),
        lactation=some(
            lambda: rng.choice(list(Lactation)) if rng.random() < wild else Lactation.NOT_LACTATING
        ),
        vitals=tuple(_vital(rng) for _ in range(rng.choice([0, 0, 0, 1, 4]))),
        instruments=tuple(_result(wild, rng) for _ in range(rng.choice([0, 0, 1, 3]))),
        location=some(lambda: rng.choice(["US-IL", "US-CA", "DE", "CA-ON"]), 0.8),
        route=some(lambda: rng.choice(["sublingual", "subcutaneous", "intranasal"])),
    )


def _entries(policy: Policy, kind: str, wild: float, rng: Random) -> tuple[HealthEntry, ...]:
    count = rng.choice([0, 1, 2, 5]) if rng.random() < max(wild, 0.2) else 0
    return tuple(_entry(policy, kind, rng) for _ in range(count))


def _entry(policy: Policy, kind: str, rng: Random) -> HealthEntry:
    concept = rng.choice([each for each in policy.concepts.values() if each.kind == kind])
    icd = [code for group in concept.groups for code in (*group.codes, *group.but_not)]
    code = rng.choice([*(icd or OTHER_CODES), *(rng.sample(OTHER_CODES, 2))])
    code += rng.choice(["", "", "0", "1"]) if len(code) > 3 else ""
    rxnorm = rng.choice([*(sorted(concept.ingredients) or PRODUCTS), rng.choice(PRODUCTS)])
    condition = Coding(CodeSystem.ICD_10_CM, code)
    medicine = Coding(CodeSystem.RXNORM, rxnorm)
    snomed = Coding(CodeSystem.SNOMED_CT, rng.choice(["84757009", "38341003"]))
    word = Coding(CodeSystem.MEDICINE_CLASS, rng.choice([concept.key, *WORDS]))
    own = condition if kind == "condition" else medicine
    codings = rng.choice([(own,), (snomed,), (), (own, snomed)])
    meanings = rng.choice([(own,), (word,), (), (own, word), tuple(c for c in codings if c is condition)])
    return HealthEntry(
        text="entry",
        codings=codings,
        status=rng.choice([None, *ClinicalStatus]),
        source=rng.choice(list(FactSource)),
        meanings=meanings,
    )


def _vital(rng: Random) -> VitalFact:
    vital = rng.choice([Vital.SYSTOLIC, Vital.SYSTOLIC, Vital.DIASTOLIC, Vital.WEIGHT])
    unit = rng.choice([*VITAL_UNITS[vital], "stone"])
    value = rng.choice([119, 139.9, 140, 180, 185, 90, 120, 18.7, 24, 26.5, 0, 5000, 12])
    return VitalFact(vital, value, unit, _when(rng))


def _result(wild: float, rng: Random) -> InstrumentFact:
    if rng.random() < 0.5:
        word = rng.choice(["low", "moderate", "high", None, 3]) if rng.random() < max(wild, 0.3) else "low"
        return InstrumentFact("cssrs", "triage", word, _when(rng))
    value = rng.choice([0, 1, 3, None, "one"]) if rng.random() < max(wild, 0.3) else 0
    return InstrumentFact("phq9", rng.choice(["phq9_9", "phq9_9", "total"]), value, _when(rng))


def _when(rng: Random) -> datetime:
    """Return a moment on either side of every age that the policy asks for, or to come."""
    return AT - rng.choice(
        [
            timedelta(0),
            timedelta(days=1, seconds=rng.randrange(9)),
            timedelta(days=30),
            timedelta(days=30, seconds=1),
            timedelta(days=90),
            timedelta(days=90, seconds=1),
            timedelta(days=-1),
        ]
    )
