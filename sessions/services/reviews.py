"""Where a clinician reads what happened in a session, and seals it."""

from datetime import datetime

from accounts import services as accounts
from accounts.enums import SignatureMeaning
from accounts.models import User
from core.database import atomic
from core.documents import digest
from sessions import errors, queries, rules
from sessions.models import SessionReview, TreatmentSession
from sessions.services.steps import lock


def review_session(
    session: TreatmentSession, *, log_sha256: str, note: str, by: User, at: datetime
) -> SessionReview:
    """Sign that a session's log was read, as it stands; with that it is sealed, and the next may start.

    Signing the same again is harmless. Locks the enrollment, then the session, and that whole: an entry that
    is being written is either in the log that is signed or comes after the seal. Raises `MayNotTreat`,
    `AlreadyReviewed`, `NotReviewable` with every reason, or `LogChanged`.
    """
    with atomic():
        locked = lock(session)
        TreatmentSession.objects.select_for_update().get(pk=locked.pk)
        accounts.require_may_treat(by, locked.enrollment.patient_id, at=at)
        if (known := queries.review_of(locked)) is not None:
            if (known.signature.signer_id, known.log_sha256, known.note) == (by.pk, log_sha256, note):
                return known
            raise errors.AlreadyReviewed
        if faults := rules.review_faults(queries.review_facts(locked)):
            raise errors.NotReviewable(reasons=faults)
        if queries.log_sha256(locked) != log_sha256:
            raise errors.LogChanged
        review = SessionReview(session=locked, log_sha256=log_sha256, note=note, reviewed_at=at)
        said = digest(queries.sealed_content(review))
        review.signature = accounts.sign(by, meaning=SignatureMeaning.REVIEWED, document_sha256=said, at=at)
        review.save(force_insert=True)
        return review
