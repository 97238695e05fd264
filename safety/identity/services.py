"""Writes: what somebody found out about charts that look alike, and plans for whoever is who they say."""

from datetime import datetime
from uuid import UUID

from accounts.models import Patient, User
from core.database import atomic
from core.errors import InputError, InvalidInput, NotAllowed, NotFound
from programs import services as programs
from programs.models import TreatmentPlan
from programs.services import PlanOrder, lock_enrollment, lock_open_enrollments
from safety import errors
from safety.enums import ComparisonOutcome
from safety.identity.models import ChartComparison
from safety.identity.queries import identity_facts
from safety.identity.rules import identity_faults


def compare_charts(
    kept_id: UUID, other_id: UUID, *, outcome: ComparisonOutcome, reason: str, by: User, at: datetime
) -> ChartComparison:
    """Store whether two charts are one person's; until then neither is cleared. The newest word counts.

    Where they are, `kept` goes on, once its patient has answered the health questions anew and a clinician
    has decided on them; nobody is cleared on the other. No rows move. Locks the open enrollments of both.
    Raises `InvalidInput` for one chart named twice, `NotFound`, or `NotAllowed` where one of them is one's
    own.
    """
    if kept_id == other_id:
        raise InvalidInput(errors=[InputError("/other", "same_chart", "Name two charts.")])
    with atomic():
        # In one order, so that two who compare the same charts do not wait for each other.
        for patient_id in sorted((kept_id, other_id)):
            lock_open_enrollments(patient_id)
        charts = list(Patient.objects.filter(pk__in=(kept_id, other_id)))
        if len(charts) < 2:
            raise NotFound
        if any(chart.user_id == by.pk for chart in charts):
            raise NotAllowed("One of these charts is yours; somebody else looks at it.")
        return ChartComparison.objects.create(
            kept_id=kept_id, other_id=other_id, outcome=outcome, reason=reason, decided_by=by, decided_at=at
        )


def require_identity(patient: Patient) -> None:
    """Raise `IdentityOpen` with every reason, unless it is settled who a patient is."""
    if reasons := identity_faults(identity_facts(patient)):
        raise errors.IdentityOpen(reasons=reasons)


def sign_plan(enrollment_id: UUID, *, order: PlanOrder, clinician: User, at: datetime) -> TreatmentPlan:
    """Sign a treatment plan for somebody of whom it is settled who they are.

    Locks the enrollment. Raises `IdentityOpen`, and what `programs.services.sign_plan` raises.
    """
    with atomic():
        require_identity(lock_enrollment(enrollment_id).patient)
        return programs.sign_plan(enrollment_id, order=order, clinician=clinician, at=at)
