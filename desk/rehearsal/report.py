"""The table at the end: counts with their denominators, and nothing that was not measured."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from assessments.instruments import instruments
from assessments.rules import score
from desk.rehearsal.cohort import Cohort, Participant, outcomes, reasons
from desk.rehearsal.people import Person

WIDTH = 78
OUTCOMES = ("eligible", "needs_review", "incomplete", "ineligible")


@dataclass(frozen=True)
class Row:
    """One line: what, and what it came to."""

    label: str
    value: str


def table(title: str, rows: Iterable[Row]) -> str:
    """Draw one table."""
    lines = [f"  {row.label:<52}{row.value:>24}" for row in rows]
    return "\n".join(["", title, "─" * WIDTH, *lines])


def screening_rows(cohort: Cohort, which: str) -> list[Row]:
    """Count outcomes, then people by each reason."""
    counted = outcomes(cohort, which)
    screened = counted.total()
    rows = [Row("screened", str(screened))]
    for outcome in OUTCOMES:
        rows.append(Row(outcome.replace("_", " "), _share(counted[outcome], screened)))
        if outcome != "eligible":
            rows += _by_reason(reasons(cohort, which, outcome))
    return rows


def _by_reason(counted: Counter[str]) -> list[Row]:
    return [Row(f"    {rule.replace('_', ' ')}", str(number)) for rule, number in counted.most_common()]


def generated_rows(cohort: Cohort) -> list[Row]:
    """Count the answers that nobody gave, by question or instrument."""
    counted = Counter(key for person in cohort.participants for key in person.filled.generated)
    return [Row(key.replace("_", " "), str(number)) for key, number in counted.most_common()]


def record_rows(people: Sequence[Person], code: str) -> list[Row]:
    """Score one instrument over everybody whose record has it, whatever became of them."""
    instrument = instruments()[code]
    answered = [person.responses[code] for person in people if code in person.responses]
    if not answered:
        return [Row(f"{instrument.code.upper()} in the records", "never asked")]
    totals = [score(instrument, dict(answers)).scale("total") for answers in answered]
    whole = [total for total in totals if total.value is not None]
    return _scale_rows(f"{instrument.code.upper()} in the records", [(t.value, t.band) for t in whole])


def assessed_rows(people: Iterable[Participant]) -> list[Row]:
    """Show what was submitted, scale by scale, as the clinic scored it."""
    found: dict[str, list[tuple[Any, Any]]] = {}
    for person in people:
        for code, scores in person.submitted.items():
            for scale in scores["scales"]:
                if scale["value"] is not None:
                    label = f"{code.upper()} {scale['key'].replace('_', ' ')}"
                    found.setdefault(label, []).append((scale["value"], scale["band"]))
    return [row for label, values in sorted(found.items()) for row in _scale_rows(label, values)]


def _scale_rows(label: str, values: Sequence[tuple[Any, Any]]) -> list[Row]:
    numbers = [float(value) for value, _ in values]
    if len(numbers) < 2:
        return [Row(label, f"n {len(numbers)}")]
    rows = [Row(label, f"n {len(numbers)}  mean {mean(numbers):.6f}"), Row("    SD", f"{stdev(numbers):.6f}")]
    bands = Counter(band for _, band in values if band)
    return rows + [Row(f"    {band}", _share(number, len(values))) for band, number in bands.most_common()]


def count_rows(counts: Mapping[str, int]) -> list[Row]:
    """Show plain counts."""
    return [Row(label, str(number)) for label, number in counts.items()]


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.1f} %)" if whole else "0"
