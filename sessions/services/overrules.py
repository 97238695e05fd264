"""Where a clinician signs against what holds a session back: a mistaken yes, a pressure above the limits."""

from datetime import datetime
from uuid import UUID

from accounts import services as accounts
from accounts.enums import SignatureMeaning
from accounts.models import User
from core.database import atomic
from core.documents import digest
from sessions import errors, queries, rules
from sessions.enums import BOOKED_STATUSES
from sessions.models import Overrule, ReadingOverride, TreatmentSession
from sessions.services.steps import lock, require_status


def overrule(session: TreatmentSession, *, question: str, reason: str, by: User, at: datetime) -> Overrule:
    """Sign that today's yes to one question was a mistake; the patient then answers every question again.

    Nothing else is overruled: what they answer now counts, and so does a later yes. Locks the enrollment,
    then the session. Raises `MayNotTreat`, `NothingToOverrule`, or `WrongSessionState` once it has started.
    """
    with atomic():
        locked = lock(session)
        require_status(locked, BOOKED_STATUSES)
        accounts.require_may_treat(by, locked.enrollment.patient_id, at=at)
        if question not in queries.yes_today(locked, at=at):
            raise errors.NothingToOverrule
        content = {"session": str(locked.pk), "question": question, "reason": reason, "at": at.isoformat()}
        signature = accounts.sign(
            by, meaning=SignatureMeaning.DECIDED, document_sha256=digest(content), at=at
        )
        return Overrule.objects.create(
            session=locked, question=question, reason=reason, signature=signature, given_at=at
        )


def override_readings(
    session: TreatmentSession,
    *,
    first_reading: UUID,
    second_reading: UUID,
    reason: str,
    by: User,
    at: datetime,
) -> ReadingOverride:
    """Sign that two blood pressures, the first above the limits, do not hold this session back.

    The signature binds what was measured. It is for those two: whatever is measured above the limits besides,
    before or after, holds the session back as ever, and so does a crisis. The gate asks again whether it
    holds. Locks the enrollment, then the session. Raises `MayNotTreat`, `NotOverridable` with every reason,
    or `WrongSessionState` once it has started.
    """
    with atomic():
        locked = lock(session)
        require_status(locked, BOOKED_STATUSES)
        accounts.require_may_treat(by, locked.enrollment.patient_id, at=at)
        _, policy = queries.policy_in_force(at=at)
        measured = queries.measured(locked, policy, at=at)
        faults = [
            *rules.override_faults(first_reading, second_reading, measured=measured, policy=policy),
            *rules.other_fault(first_reading, second_reading, measured=measured, policy=policy),
        ]
        if faults:
            raise errors.NotOverridable(reasons=faults)
        values = {one.id: f"{one.systolic_mmhg}/{one.diastolic_mmhg} mmHg" for one in measured.here or ()}
        content = {
            "session": str(locked.pk),
            "readings": [[str(one), values[one]] for one in (first_reading, second_reading)],
            "reason": reason,
            "at": at.isoformat(),
        }
        return ReadingOverride.objects.create(
            session=locked,
            first_reading_id=first_reading,
            second_reading_id=second_reading,
            reason=reason,
            signature=accounts.sign(
                by, meaning=SignatureMeaning.DECIDED, document_sha256=digest(content), at=at
            ),
            given_at=at,
        )
