"""What help asks for, written down beforehand."""

from datetime import datetime

from core.documents import digest
from core.encryption import encrypt
from core.ids import new_id
from sessions import queries
from sessions.models import EmergencyPacket, TreatmentSession


def keep_packet(session: TreatmentSession, *, at: datetime) -> None:
    """Write the next version of a locked session's emergency packet; none before its start.

    In the transaction of what it tells of: the start, a dose, a place. Sealed, not signed (ADR 0027): the
    hash of its canonical JSON stands beside it, the row never changes, and the line of it in the chart's
    trail, whose head is signed outside the database, holds the row's hash.
    """
    if session.started_at is None:
        return
    packet_id, written_before = new_id(), session.emergency_packets.count()
    told = queries.told_in_emergency(session, at=at)
    EmergencyPacket.objects.create(
        id=packet_id,
        patient_id=session.enrollment.patient_id,
        session=session,
        version=written_before + 1,
        details=encrypt(told, place=queries.place_of_packet(packet_id)),
        sha256=digest(told),
        written_at=at,
    )
