from core.database import atomic
from core.encryption import encrypt
from sessions import queries
from sessions.enums import BOOKED_STATUSES, LIVE_STATUSES
from sessions.models import TreatmentSession
from sessions.services.steps import lock, require_status


def set_call_link(session: TreatmentSession, *, url: str) -> TreatmentSession:
    """Say where the guide's video call is, in place of what was said before; an empty link takes it back.

    Who did is in the audit trail. The same link again changes nothing. Locks the enrollment, then the
    session. Raises `WrongSessionState` once it is over.
    """
    with atomic():
        locked = lock(session)
        if queries.call_link(locked) == url:
            return locked
        require_status(locked, (*BOOKED_STATUSES, *LIVE_STATUSES))
        locked.call_url = encrypt(url, place=queries.call_place(locked.pk)) if url else b""
        locked.version += 1
        locked.save(update_fields=["call_url", "version"])
        return locked
