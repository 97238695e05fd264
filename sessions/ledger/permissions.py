from datetime import datetime

from accounts.queries import patients_in_care
from core.actors import Actor
from core.errors import NotAllowed
from sessions.ledger.enums import COMES, StockKind
from sessions.ledger.models import Prescription


def require_may_move(
    actor: Actor, prescription: Prescription, kind: StockKind | None, *, at: datetime
) -> None:
    """Raise `NotAllowed` unless the actor may write that into a ledger they see; `None` is a count.

    The patient may, but for what adds to it; so may a clinician who has them in their care, and did not
    merely open the chart to read.
    """
    patient = prescription.enrollment.patient
    if str(patient.user_id) == actor.id:
        if kind in COMES:
            raise NotAllowed("What adds to your medicine is for your clinician to write down.")
        return
    if not patients_in_care(actor, at=at).filter(pk=patient.pk).exists():
        raise NotAllowed("A chart opened by break-glass is for reading.")
