"""Reads: who somebody is as far as that is settled, and which charts wait for somebody to look."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.likeness.queries import charts_like, pairs_alike
from accounts.models import Patient
from core.acting import seeing_all_charts
from safety.enums import BLOCKS_DOSING, AlertStatus, ComparisonOutcome, IdentityOutcome
from safety.identity.models import ChartComparison, PossibleDuplicate
from safety.identity.rules import IdentityFacts
from safety.models import Alert, Hold, IdentityCheck


def identity_facts(patient: Patient) -> IdentityFacts:
    """Gather what is known of who a patient is.

    Whoever asks may not see the other chart: all they are told is that there is one.
    """
    with seeing_all_charts():
        compared = _newest_comparisons(patient.pk)
        same = [row for row in compared.values() if row.outcome == ComparisonOutcome.SAME]
        goes_on_for = [row for row in same if row.kept_id == patient.pk]
        return IdentityFacts(
            refuted=_is_refuted(patient),
            has_unsettled_twin=not compared.keys() >= charts_like(patient),
            is_second_chart=len(goes_on_for) < len(same),
            joined_by=max((row.pk for row in goes_on_for), default=None),
            twin_stands_still=any(_stands_still(row.other_id) for row in goes_on_for),
        )


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
        alike = charts_like(patient)
    return Patient.objects.filter(pk__in=alike - _newest_comparisons(patient.pk).keys()).order_by("pk")


def _unsettled_pairs() -> set[frozenset[UUID]]:
    with seeing_all_charts():
        alike = pairs_alike()
    compared = ChartComparison.objects.values_list("kept_id", "other_id")
    return {frozenset(pair) for pair in alike} - {frozenset(pair) for pair in compared}


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


def _is_refuted(patient: Patient) -> bool:
    checks = IdentityCheck.objects.filter(patient=patient).order_by("-pk")
    return checks.values_list("outcome", flat=True).first() == IdentityOutcome.NOT_CONFIRMED


def _stands_still(patient_id: UUID) -> bool:
    urgent = Alert.objects.filter(patient_id=patient_id, alert_class__in=BLOCKS_DOSING)
    is_held = Hold.objects.filter(patient_id=patient_id, lifted_at=None).exists()
    return is_held or urgent.exclude(status=AlertStatus.CLOSED).exists()
