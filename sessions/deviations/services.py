from dataclasses import dataclass
from datetime import datetime

from accounts import services as accounts
from accounts.enums import SignatureMeaning
from accounts.models import User
from core.actors import Actor, ServiceName
from core.database import atomic
from core.documents import digest
from core.errors import InputError, InvalidInput, Stale
from programs.services import lock_enrollment
from sessions.deviations import queries
from sessions.deviations.enums import DeviationFinding, DeviationKind
from sessions.deviations.models import Deviation, DeviationAssessment
from sessions.models import TreatmentSession

FINDER = Actor.service(ServiceName.WATCH)


@dataclass(frozen=True)
class Report:
    """What somebody writes down: what was expected and what happened, with units, and when."""

    kind: DeviationKind
    expected: str
    happened: str
    occurred_at: datetime


@dataclass(frozen=True)
class Assessed:
    """What a clinician makes of a deviation, and what is done so that it does not happen again."""

    finding: DeviationFinding
    assessment: str
    corrective_action: str


def find_deviations(*, at: datetime) -> int:
    """Write down every deviation that the record shows, each once; return how many were found.

    Any number of processes may do this at once. It stands beside the watch, not in it: nothing of it can keep
    an alarm waiting.
    """
    rows = [
        Deviation(
            patient_id=one.session.enrollment.patient_id,
            session=one.session,
            kind=one.kind,
            expected=one.expected,
            happened=one.happened,
            occurred_at=one.occurred_at,
            recorded_at=max(at, one.occurred_at),
            found_by=one.found_by,
            actor_kind=FINDER.kind,
            actor_id=FINDER.id,
        )
        for one in queries.not_written_down()
    ]
    Deviation.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def record_deviation(session: TreatmentSession, *, report: Report, actor: Actor, at: datetime) -> Deviation:
    """Write down that the protocol was not kept; raises `InvalidInput` for what has not happened yet."""
    if report.occurred_at > at:
        detail = "Give a time that has been."
        raise InvalidInput(errors=[InputError("/occurred_at", "in_the_future", detail)])
    return Deviation.objects.create(
        patient_id=session.enrollment.patient_id,
        session=session,
        kind=report.kind,
        expected=report.expected,
        happened=report.happened,
        occurred_at=report.occurred_at,
        recorded_at=at,
        actor_kind=actor.kind,
        actor_id=actor.id,
    )


def assess_deviation(
    deviation: Deviation, *, said: Assessed, replaces: int, by: User, at: datetime
) -> DeviationAssessment:
    """Sign what is made of a deviation, in place of the version that was read, 0 for none.

    What was written before stays. Locks the enrollment. Raises `Stale` where somebody signed meanwhile.
    """
    with atomic():
        lock_enrollment(deviation.session.enrollment_id)
        if deviation.assessments.count() != replaces:
            raise Stale
        content = {
            "deviation": str(deviation.pk),
            "kind": deviation.kind,
            "expected": deviation.expected,
            "happened": deviation.happened,
            "version": replaces + 1,
            "finding": said.finding,
            "assessment": said.assessment,
            "corrective_action": said.corrective_action,
        }
        signature = accounts.sign(
            by, meaning=SignatureMeaning.DECIDED, document_sha256=digest(content), at=at
        )
        return DeviationAssessment.objects.create(
            patient_id=deviation.patient_id,
            deviation=deviation,
            version=replaces + 1,
            finding=said.finding,
            assessment=said.assessment,
            corrective_action=said.corrective_action,
            signature=signature,
        )
