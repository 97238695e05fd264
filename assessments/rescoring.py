"""Scoring anew what was submitted, once an instrument's file has changed; what was stored stays as it is."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from assessments import queries, rules, services
from assessments.instruments import Instrument, instruments
from assessments.keeping import safely
from assessments.models import Assessment, Rescoring
from assessments.worsening.services import notice_anew
from core.database import insert_once
from programs.enums import EnrollmentStatus
from programs.services import lock_enrollment

AT_ONCE = 1_000
"""How many forms of one instrument one turn scores at most; the next turn goes on."""


@dataclass(frozen=True)
class Rescored:
    """What one turn did: forms scored anew, and forms whose answers the new version does not take."""

    scored: int
    unfit: int


def rescore(*, at: datetime) -> Rescored:
    """Score every submitted form that the present file of its instrument has not scored; may run twice.

    Each in a transaction of its own, under the lock of its enrollment; one that fails is logged, the others
    go on. An answer that only the new version calls somebody to raises its alert and, in treatment, calls for
    the form that looks closer; somebody's newest form is noticed where that version finds it to be much
    worse than an earlier one.
    """
    made: list[Rescoring] = []
    for instrument in instruments().values():
        for row in queries.scored_by_another_file(instrument)[:AT_ONCE]:
            safely(partial(_rescore, row, instrument, made, at=at))
    unfit = sum(row.scores is None for row in made)
    return Rescored(scored=len(made) - unfit, unfit=unfit)


def _rescore(row: Assessment, instrument: Instrument, made: list[Rescoring], *, at: datetime) -> bool:
    enrollment = row.enrollment = lock_enrollment(row.enrollment_id)
    fits = not rules.validate_answers(instrument, row.answers)
    rescoring = Rescoring(
        assessment=row,
        enrollment=enrollment,
        version=instrument.version,
        content_sha256=instrument.content_sha256,
        scores=services.stored_scores(instrument, row.answers) if fits else None,
        scored_at=at,
    )
    if not insert_once(rescoring):
        return False
    if fits and row.safety_alert_id is None and rules.crisis_flags(instrument, row.answers):
        alert = services.call_somebody(row, at=at)
        if enrollment.status == EnrollmentStatus.ACTIVE:
            services.call_for_form_by(row, alert, at=at)
    if fits:
        notice_anew(row, instrument, at=at)
    made.append(rescoring)
    return True
