"""Reads: what clinicians have signed against an exclusion."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from safety.models import Screening
from safety.overrides.models import ExclusionOverride
from safety.overrides.rules import Term


def overrides(screening: Screening) -> QuerySet[ExclusionOverride]:
    """Return what clinicians have signed about a screening, first signed first."""
    found = ExclusionOverride.objects.filter(screening=screening).select_related("signature")
    return found.order_by("id")


def overridden_by_another(screening: Screening, reviewer_id: UUID) -> bool:
    """Tell whether another clinician than the reviewer has overridden what excludes."""
    return overrides(screening).exclude(clinician=reviewer_id).exists()


def term(screening: Screening, reviewer_id: UUID) -> Term | None:
    """Return how long an acceptance against an exclusion holds: as long as the first other clinician said."""
    found = overrides(screening).exclude(clinician=reviewer_id).first()
    return None if found is None else Term(found.screen_again_on, found.ends_on)


def signed_content(override: ExclusionOverride) -> dict[str, Any]:
    """Return what an override's signature is bound to: the screening as it was decided, and what was said."""
    return {
        "screening": str(override.screening_id),
        "answers_sha256": override.screening.answers_sha256,
        "reason": override.reason,
        "screen_again_on": override.screen_again_on.isoformat(),
        "ends_on": override.ends_on.isoformat(),
        "overridden": True,
    }
