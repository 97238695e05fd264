"""Reads: who somebody is as far as that is settled, and which charts wait for somebody to look."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.likeness.queries import charts_like, pairs_alike
from accounts.models import Patient
from core.acting import seeing_all_charts
from safety.enums import BLOCKS_DOSING, AlertStatus, ComparisonOutcome, IdentityOutcome
from safety.events.models import EventAssessment
from safety.identity.models import ChartComparison, PossibleDuplicate
from safety.identity.rules import IdentityFacts
from safety.models import AdverseEvent, Alert, HealthFact, Hold, IdentityCheck, Screening, ScreeningReview


def identity_facts(patient: Patient) -> IdentityFacts:
    """Gather what is known of who a patient is.

    Whoever asks may not see the other chart: all they are told is that there is one.
    """
    with seeing_all_charts():
        compared = _newest_comparisons(patient.pk)
        is_second = any(
            row.outcome == ComparisonOutcome.SAME and row.kept_id != patient.pk for row in compared.values()
        )
        joinings = _joinings(patient.pk)
        return IdentityFacts(
            refuted=_is_refuted(patient),
            has_unsettled_twin=not charts_like(patient) <= compared.keys()
            or not all(map(_is_settled, {*compared.values(), *joinings})),
            is_second_chart=is_second,
            joined_by=max((row.pk for row in joinings), default=None),
            twin_stands_still=any(_stands_still(row.other_id) for row in joinings),
        )


def charts_of(patient_id: UUID) -> tuple[UUID, ...]:
    """Return a patient's chart and those that were given up for it: all are one person's."""
    with seeing_all_charts():
        others = dict.fromkeys(row.other_id for row in _joinings(patient_id))
    return (patient_id, *(chart for chart in others if chart != patient_id))


def _joinings(patient_id: UUID) -> list[ChartComparison]:
    """Return by what a chart goes on for others, and these for others yet."""
    found: list[ChartComparison] = []
    charts = [patient_id]
    for chart in charts:
        rows = [row for row in _newest_comparisons(chart).values() if _goes_on(chart, row)]
        found += rows
        charts += [row.other_id for row in rows if row.other_id not in charts]
    return found


@dataclass(frozen=True)
class GivenUpChart:
    """What a chart that was given up tells whoever decides on the one that goes on, newest first."""

    chart: UUID
    screenings: list[Screening]
    adverse_events: list[AdverseEvent]


def given_up_charts(patient_id: UUID) -> list[GivenUpChart]:
    """Return the charts that were given up for a patient's, with the answers and the events in them.

    Whoever looks after the patient may have no sight of these: they are the same person's.
    """
    with seeing_all_charts():
        return [
            GivenUpChart(
                chart,
                list(
                    Screening.objects.filter(enrollment__patient_id=chart)
                    .select_related("review__signature")
                    .order_by("-id")
                ),
                list(AdverseEvent.objects.filter(patient_id=chart).order_by("-id")),
            )
            for chart in charts_of(patient_id)[1:]
        ]


def unsettled_duplicates() -> list[list[Patient]]:
    """Return the charts that may be one person's, where nobody has said of some two whose they are.

    For operators, who do not see where anybody lives: all they are told is that charts are alike.
    """
    unsettled = _unsettled_pairs()
    charts = Patient.objects.in_bulk({chart for pair in unsettled for chart in pair})
    return [[charts[chart] for chart in sorted(group)] for group in _joined(unsettled)]


def possible_duplicates() -> QuerySet[PossibleDuplicate]:
    """Return the charts that may be somebody's second one, until somebody has said whose they are."""
    return PossibleDuplicate.objects.filter(pk__in={chart for pair in _unsettled_pairs() for chart in pair})


def unsettled_twins(patient: Patient) -> QuerySet[Patient]:
    """Return the other charts that may be a patient's, the oldest first, until somebody has said whose."""
    with seeing_all_charts():
        compared = _newest_comparisons(patient.pk)
        settled = {other for other, row in compared.items() if _is_settled(row)}
        waiting = (charts_like(patient) | compared.keys()) - settled
    return Patient.objects.filter(pk__in=waiting).order_by("pk")


def _unsettled_pairs() -> set[frozenset[UUID]]:
    with seeing_all_charts():
        compared = {
            frozenset((row.kept_id, row.other_id)): row for row in ChartComparison.objects.order_by("id")
        }
        alike = {frozenset(pair) for pair in pairs_alike()}
        return (alike | compared.keys()) - {pair for pair, row in compared.items() if _is_settled(row)}


def _joined(pairs: Iterable[frozenset[UUID]]) -> list[frozenset[UUID]]:
    """Join what has a chart in common; the oldest charts first."""
    groups: list[frozenset[UUID]] = []
    for pair in pairs:
        touched = [group for group in groups if group & pair]
        groups = [group for group in groups if group not in touched] + [pair.union(*touched)]
    return sorted(groups, key=min)


def _newest_comparisons(patient_id: UUID) -> dict[UUID, ChartComparison]:
    """Return the newest decision about a chart and each other one, by the other's id."""
    found = ChartComparison.objects.filter(Q(kept=patient_id) | Q(other=patient_id)).order_by("id")
    return {row.other_id if row.kept_id == patient_id else row.kept_id: row for row in found}


def _goes_on(patient_id: UUID, row: ChartComparison) -> bool:
    return row.outcome == ComparisonOutcome.SAME and row.kept_id == patient_id


def _is_settled(row: ChartComparison) -> bool:
    """Tell whether enough is known: what a chart that was given up tells since was never looked at."""
    return row.outcome == ComparisonOutcome.DIFFERENT or not _tells_more(row.other_id, since=row.pk)


def _tells_more(patient_id: UUID, *, since: UUID) -> bool:
    return (
        HealthFact.objects.filter(patient_id=patient_id, pk__gt=since).exists()
        or Screening.objects.filter(enrollment__patient_id=patient_id, pk__gt=since).exists()
        or ScreeningReview.objects.filter(screening__enrollment__patient_id=patient_id, pk__gt=since).exists()
        or AdverseEvent.objects.filter(patient_id=patient_id, pk__gt=since).exists()
        or EventAssessment.objects.filter(event__patient_id=patient_id, pk__gt=since).exists()
    )


def _is_refuted(patient: Patient) -> bool:
    checks = IdentityCheck.objects.filter(patient=patient).order_by("-pk")
    return checks.values_list("outcome", flat=True).first() == IdentityOutcome.NOT_CONFIRMED


def _stands_still(patient_id: UUID) -> bool:
    urgent = Alert.objects.filter(patient_id=patient_id, alert_class__in=BLOCKS_DOSING)
    is_held = Hold.objects.filter(patient_id=patient_id, lifted_at=None).exists()
    return is_held or urgent.exclude(status=AlertStatus.CLOSED).exists()
