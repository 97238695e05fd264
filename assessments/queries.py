from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, reduce
from operator import or_
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from accounts.queries import Charts, charts_in_care, charts_owned, one, visible_charts, within
from assessments import rules
from assessments.instruments import (
    Instrument,
    Item,
    Wording,
    answer_labels,
    instruments,
    item_text,
    load_wording,
)
from assessments.models import Assessment, FormCause, OfflineSubmission, Rescoring
from assessments.schedule import (
    ANSWERED_IN,
    BASELINE,
    Anchor,
    AssessmentStatus,
    CauseKind,
    Moments,
    Point,
    is_late,
    schedule,
    status_of,
)
from assessments.stillness import Still
from assessments.trends import InstrumentTrend, Scored
from assessments.trends import trends as trends_of
from core.actors import Actor
from programs import queries as programs
from programs.enums import EnrollmentStatus
from programs.models import Enrollment
from safety import queries as safety
from safety.enums import HoldReason
from safety.models import AdverseEvent, Hold, Screening
from safety.texts import CrisisText


def assessments_for(actor: Actor, *, at: datetime) -> QuerySet[Assessment]:
    """Return the assessments in charts that `actor` may see."""
    return _assessments_of(visible_charts(actor, at=at))


def assessment_for(actor: Actor, assessment_id: UUID, *, at: datetime) -> Assessment:
    """Return one that `actor` may see; somebody else's is as absent as none (`NotFound`)."""
    return one(assessments_for(actor, at=at), assessment_id)


def own_assessments(actor: Actor) -> QuerySet[Assessment]:
    """Return one's own assessments: only the patient answers."""
    return _assessments_of(charts_owned(actor))


def own_assessment(actor: Actor, assessment_id: UUID) -> Assessment:
    """Return one's own, for what only the patient does; raises `NotFound`."""
    return one(own_assessments(actor), assessment_id)


def assessments_in_care(actor: Actor, *, at: datetime) -> QuerySet[Assessment]:
    """Return the assessments of the patients in a clinician's care."""
    return _assessments_of(charts_in_care(actor, at=at)).select_related("enrollment__patient")


def offline_submissions(assessment: Assessment) -> QuerySet[OfflineSubmission]:
    """Return what was filled in of a form without a connection."""
    return OfflineSubmission.objects.filter(assessment=assessment)


ASSESSMENT_LISTS = {
    "due": AssessmentStatus.OPEN,
    "upcoming": AssessmentStatus.UPCOMING,
    "submitted": AssessmentStatus.SUBMITTED,
}
"""The lists one can ask for, by the names that a patient would use."""


def listed_assessments(actor: Actor, which: str, *, at: datetime) -> QuerySet[Assessment]:
    """Return one of the lists, narrowed to the charts that `actor` may see."""
    return with_status(assessments_for(actor, at=at), ASSESSMENT_LISTS[which], at=at)


def with_status(
    assessments: QuerySet[Assessment], status: AssessmentStatus, *, at: datetime
) -> QuerySet[Assessment]:
    """Narrow to those that `schedule.status_of` would give this status at `at`."""
    return assessments.filter(_in_status(status, at=at))


@dataclass(frozen=True, slots=True)
class Outstanding:
    """A form that still has to be answered: which, after which session if any, and since when it is due."""

    instrument: str
    title: str
    after_session: int | None
    due_at: datetime | None


def outstanding(enrollment_id: UUID, *, at: datetime) -> list[Outstanding]:
    """Return every form that is open and not submitted, and every part of a baseline that is not submitted.

    The gate before a dose asks. A baseline comes before the first dose or never, so that it is outstanding
    though its window has closed, or was never opened (`due_at` is `None` then).
    """
    rows = Assessment.objects.filter(enrollment_id=enrollment_id)
    asked = rows.filter(Q(after_session=BASELINE) | _in_status(AssessmentStatus.OPEN, at=at))
    found = list(asked.order_by("after_session", "id"))
    if not any(row.after_session == BASELINE for row in found):
        return [_never_opened(code) for code in schedule().instruments]
    return [_outstanding(row) for row in found if row.submitted_at is None]


@dataclass(frozen=True, slots=True)
class AnswerChoice:
    """One answer that may be given, with the words to show for it."""

    value: int
    label: str


@dataclass(frozen=True, slots=True)
class AskedWhen:
    """To be asked only once the answers to `items` add up to more than `above`."""

    items: tuple[str, ...]
    above: int


@dataclass(frozen=True, slots=True)
class ShownItem:
    """One question as it is shown: its topic in our words, and the text to show in their place."""

    key: str
    topic: str
    text: str
    choices: tuple[AnswerChoice, ...]
    asked_when: AskedWhen | None


@dataclass(frozen=True, slots=True)
class Form:
    """An assessment as it is shown: its row beside its instrument, the words for it, and where it stands."""

    row: Assessment
    instrument: Instrument
    items: tuple[ShownItem, ...]
    status: AssessmentStatus
    is_late: bool
    missing: tuple[str, ...]
    crisis: CrisisText | None


def form(assessment: Assessment, *, at: datetime) -> Form:
    """Return what to show of an assessment.

    Once an answer has called for the crisis text it stays, whatever is answered afterwards.
    """
    instrument = instruments()[assessment.instrument]
    moments = moments_of(assessment)
    return Form(
        row=assessment,
        instrument=instrument,
        items=_shown_items(instrument.code, settings.INSTRUMENT_WORDING_DIR),
        status=status_of(moments, at=at),
        is_late=is_late(moments, at=at),
        missing=rules.missing_required(instrument, assessment.answers),
        crisis=crisis_text_of(assessment, at=at) if assessment.safety_alert_id else None,
    )


def crisis_text_of(assessment: Assessment, *, at: datetime) -> CrisisText:
    """Return where whoever answers this turns to now."""
    return safety.crisis_text_for(assessment.enrollment.patient_id, at=at)


def moments_of(assessment: Assessment) -> Moments:
    """Gather what an assessment's status depends on."""
    return Moments(
        opens_at=assessment.opens_at,
        due_at=assessment.due_at,
        closes_at=assessment.closes_at,
        submitted_at=assessment.submitted_at,
        enrollment_status=EnrollmentStatus(assessment.enrollment.status),
    )


TRENDS_SHOW = 300
"""How many forms go into trends at most; three years of a long program are fewer."""


@dataclass(frozen=True, slots=True)
class Trends:
    """Scores over time; `is_whole` says that no form was left out."""

    is_whole: bool
    instruments: tuple[InstrumentTrend, ...]


def trends(enrollment_id: UUID, *, at: datetime) -> Trends:
    """Return what was measured in an enrollment, and what was asked and not answered; the newest forms."""
    ended = _in_status(AssessmentStatus.SUBMITTED, at=at) | _in_status(AssessmentStatus.EXPIRED, at=at)
    rows = Assessment.objects.filter(ended, enrollment_id=enrollment_id).select_related("enrollment")
    newest = list(rows.order_by("-due_at", "-id")[: TRENDS_SHOW + 1])
    shown = newest[TRENDS_SHOW - 1 :: -1]
    forms = [_scored(row, at=at) for row in shown]
    by_id = {row.pk: row for row in shown}
    anew = Rescoring.objects.filter(assessment__in=by_id, scores__isnull=False)
    forms += [_scored(by_id[each.assessment_id], anew=each, at=at) for each in anew]
    forms.sort(key=lambda form: (form.due_at, form.assessment))
    return Trends(is_whole=len(newest) <= TRENDS_SHOW, instruments=trends_of(forms))


def _scored(row: Assessment, *, anew: Rescoring | None = None, at: datetime) -> Scored:
    scores = anew.scores if anew else row.scores
    return Scored(
        assessment=row.pk,
        instrument=row.instrument,
        version=scores["version"] if scores else row.instrument_version,
        point=point_of(row),
        due_at=row.due_at,
        submitted_at=row.submitted_at,
        is_late=is_late(moments_of(row), at=at),
        rescored_at=anew.scored_at if anew else None,
        scores=scores,
    )


def point_of(assessment: Assessment) -> Point:
    """Return the point of the program at which it is asked; the database lets it have exactly one."""
    numbers = ((anchor, getattr(assessment, anchor)) for anchor in Anchor)
    return next(Point(anchor, number) for anchor, number in numbers if number is not None)


def scored_by_another_file(instrument: Instrument) -> QuerySet[Assessment]:
    """Return what was submitted and not scored, at first or later, by the present file of `instrument`."""
    digest = instrument.content_sha256
    submitted = Assessment.objects.filter(instrument=instrument.code, submitted_at__isnull=False)
    anew = Rescoring.objects.filter(assessment=OuterRef("pk"), content_sha256=digest)
    found = submitted.exclude(scores__content_sha256=digest).exclude(Exists(anew))
    return found.select_related("enrollment").order_by("id")


def open_as_needed(enrollment: Enrollment, *, at: datetime) -> int | None:
    """Return the number of the form asked where needed that waits for its answer, or None."""
    waiting = Assessment.objects.filter(enrollment=enrollment, submitted_at=None, closes_at__gt=at)
    numbers = waiting.filter(as_needed__isnull=False).order_by("as_needed")
    return numbers.values_list("as_needed", flat=True).last()


def next_as_needed(enrollment: Enrollment) -> int:
    """Return the number for another form asked where needed, from 1."""
    rows = Assessment.objects.filter(enrollment=enrollment)
    newest: int | None = rows.aggregate(newest=Max("as_needed"))["newest"]
    return (newest or 0) + 1


def called_for(*, since: datetime) -> list[tuple[UUID, CauseKind, str]]:
    """Return what calls for a form since then, and has not yet: enrollment in treatment, kind and source.

    Holds, serious events, and answers to the screening since the treatment began. Not a hard trigger's hold:
    where that was an answer, the answer has called, and a reading or a call for help is not about suicide.
    """
    treated = Enrollment.objects.filter(status=EnrollmentStatus.ACTIVE)
    by_patient = dict(treated.values_list("patient_id", "pk"))
    began = Assessment.objects.filter(
        enrollment=OuterRef("enrollment"), after_session=BASELINE, opens_at__lt=OuterRef("submitted_at")
    )
    screened = Screening.objects.filter(Exists(began), enrollment__in=treated, submitted_at__gt=since)
    held = Hold.objects.filter(placed_at__gt=since).exclude(reason=HoldReason.SAFETY_TRIGGER)
    harmed = AdverseEvent.objects.filter(is_serious=True, reported_at__gt=since).values_list("patient", "pk")
    found = [
        *((each, CauseKind.SCREENING, pk) for each, pk in screened.values_list("enrollment", "pk")),
        *((by_patient.get(patient), CauseKind.HOLD, pk) for patient, pk in held.values_list("patient", "pk")),
        *((by_patient.get(patient), CauseKind.SERIOUS_EVENT, pk) for patient, pk in harmed),
    ]
    known = set(FormCause.objects.filter(noted_at__gt=since).values_list("enrollment", "source"))
    causes = ((enrollment, kind, f"{kind}:{pk}") for enrollment, kind, pk in found if enrollment is not None)
    return [each for each in causes if (each[0], each[2]) not in known]


def guards_safety() -> Q:
    """Return which forms guard somebody's safety, as a condition on rows."""
    numbers = (Q(**{f"{anchor}__isnull": False}) for anchor in schedule().safety_anchors)
    return reduce(or_, numbers, Q(pk__in=[]))


def put_off() -> QuerySet[Assessment]:
    """Return what has not been submitted and whose opening a pause or a hold may put off."""
    return Assessment.objects.filter(submitted_at=None, counted_from_at__isnull=False)


def asked_by_the_calendar(*, at: datetime) -> set[tuple[UUID, Point]]:
    """Return at which weeks and months somebody is asked already, as far as those are open."""
    by_calendar = Q(week__isnull=False) | Q(month__isnull=False)
    rows = Assessment.objects.filter(by_calendar, closes_at__gt=at)
    return {(row.enrollment_id, point_of(row)) for row in rows.only("enrollment", *Anchor)}


def stills(enrollment: Enrollment, *, since: datetime) -> list[Still]:
    """Return when a program has stood still since then: its pauses, and the holds of its patient."""
    paused = [Still(pause.paused_at, pause.resumed_at) for pause in programs.pauses(enrollment.pk)]
    held = safety.holds_since(enrollment.patient_id, since=since)
    return [*paused, *(Still(hold.placed_at, hold.lifted_at) for hold in held)]


def _assessments_of(charts: Charts) -> QuerySet[Assessment]:
    found = Assessment.objects.filter(within(charts, "enrollment__patient_id"))
    return found.select_related("enrollment")


def _in_status(status: AssessmentStatus, *, at: datetime) -> Q:
    """The rule of `schedule.status_of` as a condition on rows."""
    waiting = Q(submitted_at=None, enrollment__status__in=ANSWERED_IN)
    conditions: Mapping[AssessmentStatus, Q] = {
        AssessmentStatus.SUBMITTED: Q(submitted_at__isnull=False),
        AssessmentStatus.NOT_APPLICABLE: Q(submitted_at=None) & ~Q(enrollment__status__in=ANSWERED_IN),
        AssessmentStatus.UPCOMING: waiting & Q(opens_at__gt=at),
        AssessmentStatus.OPEN: waiting & Q(opens_at__lte=at, closes_at__gt=at),
        AssessmentStatus.EXPIRED: waiting & Q(opens_at__lte=at, closes_at__lte=at),
    }
    return conditions[status]


def _never_opened(code: str) -> Outstanding:
    return Outstanding(code, instruments()[code].title, BASELINE, due_at=None)


def _outstanding(row: Assessment) -> Outstanding:
    return Outstanding(row.instrument, instruments()[row.instrument].title, row.after_session, row.due_at)


@cache
def _shown_items(code: str, wording_dir: str) -> tuple[ShownItem, ...]:
    """Return an instrument's questions in the words at hand; a holder's file is read once per process."""
    instrument = instruments()[code]
    wording = load_wording(instrument, Path(wording_dir)) if wording_dir else None
    return tuple(_shown_item(instrument, item, wording) for item in instrument.items.values())


def _shown_item(instrument: Instrument, item: Item, wording: Wording | None) -> ShownItem:
    labels = answer_labels(item, wording)
    return ShownItem(
        key=item.key,
        topic=item.topic,
        text=item_text(item, wording),
        choices=tuple(AnswerChoice(value, labels[value]) for value in item.values),
        asked_when=_asked_when(instrument, item),
    )


def _asked_when(instrument: Instrument, item: Item) -> AskedWhen | None:
    """Say as a sum when an item is asked; a gate's answer is a whole number, so "at least" is "above"."""
    if item.asked_when is not None:
        return AskedWhen(instrument.deciding(item.asked_when), item.asked_when.above)
    for scale in instrument.scales:
        if scale.applies_when is not None and item in scale.items:
            return AskedWhen((scale.applies_when.item,), scale.applies_when.at_least - 1)
    return None
