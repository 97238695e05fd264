"""Where a clinician takes a patient's yes for the mistake that it was."""

from datetime import datetime

from accounts import services as accounts
from accounts.enums import SignatureMeaning
from accounts.models import User
from core.database import atomic
from core.documents import digest
from sessions import errors, queries
from sessions.enums import BOOKED_STATUSES
from sessions.models import Overrule, TreatmentSession
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
