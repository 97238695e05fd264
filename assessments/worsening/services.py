from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.models import User
from accounts.queries import caring_for, in_nobodys_sight
from assessments.enums import WorseningLevel
from assessments.errors import AlertAnswersIt, LookedAtAlready
from assessments.instruments import Instrument
from assessments.models import Assessment, WorseForm
from assessments.worsening import queries
from assessments.worsening.rules import Thresholds, Worse, level_of, thresholds, worse
from core.acting import seeing_all_charts
from core.database import atomic
from core.ids import new_id
from notifications import messages
from notifications import services as notifications
from notifications.enums import MessageKind
from programs.enums import EnrollmentStatus
from safety import services as safety
from safety.enums import AlertClass
from safety.models import Alert

NEWS_LIFE = timedelta(days=7)


def notice(row: Assessment, instrument: Instrument, *, at: datetime) -> WorseForm | None:
    """Let somebody look at a form just submitted that came to much worse than an earlier one.

    A hard threshold opens an alert; a soft one leaves a task for the care team and tells them, or opens an
    alert too where no clinician sees the chart. In the caller's transaction, with the score; the enrollment
    is locked already.
    """
    limits = thresholds(settings.WORSENING_FILE)
    by_scale = limits.of(instrument.code)
    if not by_scale:
        return None
    before = queries.answered_before(row, instrument)
    found = worse(instrument, queries.answered(row, instrument), before, by_scale)
    return _keep(row, instrument, limits, found, at=at) if found else None


def notice_anew(row: Assessment, instrument: Instrument, *, at: datetime) -> None:
    """Do the same for a form that a later file of its instrument has scored, once a form.

    Only for the newest form of somebody who is in treatment: what is over calls nobody.
    """
    is_treated = row.enrollment.status == EnrollmentStatus.ACTIVE
    known = WorseForm.objects.filter(assessment=row)
    if is_treated and queries.is_newest(row) and not known.exists():
        notice(row, instrument, at=at)


def look(worse_form_id: UUID, *, note: str, by: User, at: datetime) -> WorseForm:
    """Say that one has looked, and what was done; saying so again changes nothing. Locks the row.

    Raises `AlertAnswersIt` where somebody was called, or `LookedAtAlready` where somebody else has looked.
    """
    with atomic():
        row = WorseForm.objects.select_for_update(of=("self",)).get(pk=worse_form_id)
        if row.alert_id is not None:
            raise AlertAnswersIt
        if row.looked_by_id not in (None, by.pk):
            raise LookedAtAlready
        if row.looked_at is None:
            row.looked_at, row.looked_by, row.note = at, by, note
            row.save(update_fields=["looked_at", "looked_by", "note"])
        return row


def _keep(
    row: Assessment, instrument: Instrument, limits: Thresholds, found: Sequence[Worse], *, at: datetime
) -> WorseForm:
    level = level_of(found)
    caring = caring_for(row.enrollment.patient_id, at=at)
    is_called = level is WorseningLevel.HARD or _is_unseen(row.enrollment.patient_id, at=at)
    kept = WorseForm.objects.create(
        id=new_id(),
        assessment=row,
        enrollment=row.enrollment,
        level=level,
        found=[_stored(each) for each in found],
        thresholds_version=limits.version,
        thresholds_sha256=limits.content_sha256,
        instrument_sha256=instrument.content_sha256,
        noticed_at=at,
        alert=_call(row, at=at) if is_called else None,
    )
    for user in () if is_called else caring:
        _tell(kept, user, at=at)
    return kept


def _is_unseen(patient_id: UUID, *, at: datetime) -> bool:
    """Tell whether no clinician would find it on their list: a guide, or one without a licence, does not."""
    # Whoever submits sees no licences.
    with seeing_all_charts():
        return in_nobodys_sight(at=at).filter(pk=patient_id).exists()


def _call(row: Assessment, *, at: datetime) -> Alert:
    return safety.raise_alert(
        row.enrollment.patient_id, alert_class=AlertClass.WORSENING, source=f"worsening:{row.pk}", at=at
    )


def _tell(kept: WorseForm, user: User, *, at: datetime) -> None:
    """Say that something waits, and nothing of what: a guide gets to know no score by it."""
    notifications.schedule(
        MessageKind.NEWS,
        dedupe_key=f"worse-form:{kept.pk}:{user.pk}",
        user=user,
        due_at=at,
        expires_at=at + NEWS_LIFE,
        words={"link": messages.link("waiting")},
    )


def _stored(found: Worse) -> dict[str, Any]:
    """Return one scale's finding as JSON; values to three places, as scores are shown."""
    return {
        "scale": found.scale,
        "title": found.title,
        "level": found.level.value,
        "since": found.since.value,
        "earlier_assessment": str(found.earlier.assessment),
        "earlier_submitted_at": found.earlier.submitted_at.isoformat(),
        "earlier_value": round(float(found.earlier_value), 3),
        "value": round(float(found.value), 3),
        "points": float(found.threshold.points),
        "source": found.threshold.source,
    }
