"""Writes: what somebody found out about charts that look alike, and plans for whoever is who they say."""

from datetime import datetime, timedelta
from logging import getLogger
from uuid import UUID

from accounts.enums import Role
from accounts.models import Patient, User
from accounts.queries import holders
from core.acting import seeing_all_charts
from core.actors import Actor
from core.database import atomic
from core.errors import InputError, InvalidInput, NotAllowed, NotFound
from notifications import messages
from notifications import services as notifications
from notifications.enums import MessageKind
from programs import services as programs
from programs.models import TreatmentPlan
from programs.services import PlanOrder, lock_chart, lock_enrollment, lock_open_enrollments
from safety import errors
from safety.enums import ComparisonOutcome
from safety.identity.models import ChartComparison
from safety.identity.queries import identity_facts, unsettled_duplicates
from safety.identity.rules import identity_faults
from safety.profile import services as profile

CALL_LIFE = timedelta(days=1)

logger = getLogger(__name__)


def compare_charts(
    kept_id: UUID, other_id: UUID, *, outcome: ComparisonOutcome, reason: str, by: User, at: datetime
) -> ChartComparison:
    """Store whether two charts are one person's; until then neither is cleared. The newest word counts.

    Where they are, `kept` goes on, once its patient has answered the health questions anew and a clinician
    has decided on them; nobody is cleared on the other. No rows move: what the other says of their health is
    said in `kept` too from then on, and taken back there where it was a mistake. Locks the open enrollments
    of both.
    Raises `InvalidInput` for one chart named twice, `NotFound`, or `NotAllowed` where one of them is one's
    own.
    """
    if kept_id == other_id:
        raise InvalidInput(errors=[InputError("/other", "same_chart", "Name two charts.")])
    with atomic():
        # In one order, so that two who compare the same charts do not wait for each other.
        for patient_id in sorted((kept_id, other_id)):
            lock_open_enrollments(patient_id)
            lock_chart(patient_id)
        charts = list(Patient.objects.filter(pk__in=(kept_id, other_id)))
        if len(charts) < 2:
            raise NotFound
        if any(chart.user_id == by.pk for chart in charts):
            raise NotAllowed("One of these charts is yours; somebody else looks at it.")
        actor = Actor.person(by.pk)
        with seeing_all_charts():
            if outcome == ComparisonOutcome.SAME:
                profile.carry_over(other_id, to=kept_id, actor=actor, at=at)
            else:
                profile.take_back(other_id, from_=kept_id, actor=actor, at=at)
                profile.take_back(kept_id, from_=other_id, actor=actor, at=at)
        # Made last: what was carried over is older than the word by which it was.
        return ChartComparison.objects.create(
            kept_id=kept_id, other_id=other_id, outcome=outcome, reason=reason, decided_by=by, decided_at=at
        )


def call_for_duplicates(*, at: datetime) -> bool:
    """Tell the operators that charts wait for somebody to say whose they are, once a day while any does.

    Until then nobody is treated on them. Returns whether any waits; may run as often as it likes.
    """
    groups = unsettled_duplicates()
    if not groups:
        return False
    operators = holders(Role.OPERATOR, at=at)
    if not operators:
        logger.error("Charts may be one person's (groups: %d), and no operator looks at them", len(groups))
    oldest = groups[0][0]
    for user in operators:
        notifications.schedule(
            MessageKind.TRIAGE_PAGE,
            dedupe_key=f"duplicates:{at.date()}:{user.pk}",
            user=user,
            due_at=at,
            expires_at=at + CALL_LIFE,
            words={"link": messages.staff_link(f"safety/possibleduplicate/{oldest.pk}")},
            about=oldest.pk,
        )
    return True


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
