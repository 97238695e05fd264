from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.queries import charts_in_care, one, within
from assessments import rules
from assessments.instruments import Instrument
from assessments.models import Assessment, WorseForm
from assessments.worsening.rules import Answered
from core.actors import Actor
from safety.enums import AlertStatus

WORSE_FORM_LISTS = {
    "open": Q(alert=None, looked_at=None) | Q(alert__isnull=False) & ~Q(alert__status=AlertStatus.CLOSED),
    "all": Q(),
}
"""What waits for somebody, an alert that is not closed too; and everything."""


def worse_forms(actor: Actor, *, at: datetime) -> QuerySet[WorseForm]:
    """Return those of the patients in a clinician's care, the longest waiting first."""
    rows = WorseForm.objects.filter(within(charts_in_care(actor, at=at), "enrollment__patient_id"))
    return rows.select_related("enrollment__patient", "assessment", "alert", "looked_by")


def worse_form(actor: Actor, worse_form_id: UUID, *, at: datetime) -> WorseForm:
    """Return one of a patient in one's care; another's is as absent as none (`NotFound`)."""
    return one(worse_forms(actor, at=at), worse_form_id)


def answered_before(row: Assessment, instrument: Instrument) -> list[Answered]:
    """Return the program's earlier forms of an instrument, oldest first, as its present file scores them.

    Whichever file scored them first: values of two versions are never compared. One whose answers the present
    file does not take is left out.
    """
    same = Assessment.objects.filter(enrollment=row.enrollment_id, instrument=instrument.code)
    earlier = same.filter(submitted_at__lt=row.submitted_at).order_by("submitted_at", "id")
    fits = (each for each in earlier if not rules.validate_answers(instrument, each.answers))
    return [answered(each, instrument) for each in fits]


def answered(row: Assessment, instrument: Instrument) -> Answered:
    """Return a submitted form's exact values; `InvalidAnswersError` where the file does not take it."""
    if row.submitted_at is None:
        raise ValueError("a form that is not submitted has no values")
    return Answered(row.pk, row.submitted_at, rules.exact_values(instrument, row.answers))


def is_newest(row: Assessment) -> bool:
    """Tell whether nobody submitted the same instrument in this program later."""
    same = Assessment.objects.filter(enrollment=row.enrollment_id, instrument=row.instrument)
    return not same.filter(submitted_at__gt=row.submitted_at).exists()
