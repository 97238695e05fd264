"""A session's log: everything that was seen, said and done in it, in order."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from core.actors import Actor, ActorKind
from core.documents import digest
from sessions import rules
from sessions.models import (
    Attestation,
    CheckIn,
    CheckInDeadline,
    Dose,
    DoseOutcome,
    MorningAnswer,
    Observation,
    ReadingOverride,
    SessionReview,
    SessionTransition,
    TreatmentSession,
    UnattributedDose,
)
from sessions.queries.facts import policy_of, reading_overrides
from sessions.rules import Gap

MAX_LINES = 2000
"""Of each kind of line; a session of some hours has a hundred."""
MEASURED = (
    "systolic_mmhg",
    "diastolic_mmhg",
    "heart_rate_bpm",
    "oxygen_saturation_pct",
    "alertness",
    "comfort",
    "dissociation",
    "note",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: when it was, when it reached us, who wrote it, and what it says in the units of its names."""

    id: Any
    kind: str
    at: datetime
    received_at: datetime
    by: str
    says: dict[str, Any] = field(default_factory=dict)
    client_id: str = ""
    client_seq: int = -1
    replaces: UUID | None = None
    reason: str = ""
    replaced_by: UUID | None = None
    after_seal: bool = False

    @property
    def is_late(self) -> bool:
        """Tell whether it reached us late; a correction is none, it comes after what it corrects."""
        return self.replaces is None and rules.is_late(self.at, received_at=self.received_at)

    @property
    def order(self) -> tuple[datetime, bool, datetime, str, int, str]:
        """Return its place, which is the same in whatever order lines reached us; after what it corrects."""
        corrected_at = self.received_at if self.replaces else self.at
        own = str(self.id) if not self.client_id else ""
        return (self.at, self.replaces is not None, corrected_at, self.client_id, self.client_seq, own)

    @property
    def content(self) -> dict[str, Any]:
        """Return what a seal binds of it; its form never changes, or no seal would be found intact.

        That a newer version came later is no part of it.
        """
        corrects = {"replaces": str(self.replaces), "reason": self.reason} if self.replaces else {}
        return corrects | {
            "id": str(self.id),
            "kind": self.kind,
            "at": self.at.astimezone(UTC).isoformat(),
            "received_at": self.received_at.astimezone(UTC).isoformat(),
            "by": self.by,
            "says": self.says,
            "client_id": self.client_id,
            "client_seq": self.client_seq,
        }


@dataclass(frozen=True, slots=True)
class Seal:
    """A clinician's review, and whether what it binds is still what the log says."""

    review: SessionReview
    is_intact: bool


@dataclass(frozen=True, slots=True)
class Log:
    """The lines in order, where nobody was heard from, whether every check-in came and all lines are here.

    `sha256` is what a clinician signs who reviews the session; empty where not all lines are here. Of a log
    that is sealed it is the hash of what is below the seal.
    """

    lines: list[Line]
    gaps: list[Gap]
    is_complete: bool
    is_whole: bool
    sha256: str
    seal: Seal | None


def log(session: TreatmentSession, *, at: datetime) -> Log:
    """Return a session's log as it is known at `at`."""
    found = [list(kind[: MAX_LINES + 1]) for kind in _rows(session)]
    patient = Actor.person(session.enrollment.patient.user_id)
    lines = sorted(
        (line for rows in found for line in _lines(rows[:MAX_LINES], patient)), key=lambda line: line.order
    )
    silences = _gaps(session, lines, at=at)
    missed = any(line.kind == "check_in_missed" for line in lines)
    is_whole = all(len(rows) <= MAX_LINES for rows in found)
    return Log(
        lines=lines,
        gaps=silences,
        is_complete=not silences and not missed and session.ended_at is not None,
        is_whole=is_whole,
        sha256=_digest(session, lines) if is_whole else "",
        seal=_seal(session),
    )


def review_of(session: TreatmentSession) -> SessionReview | None:
    """Return the review that sealed a session's log, if it was reviewed."""
    return SessionReview.objects.select_related("signature").filter(session=session).first()


def sealed_content(review: SessionReview) -> dict[str, str]:
    """Return what the signature of a review binds."""
    return {
        "session": str(review.session_id),
        "log_sha256": review.log_sha256,
        "note": review.note,
        "at": review.reviewed_at.astimezone(UTC).isoformat(),
    }


def _seal(session: TreatmentSession) -> Seal | None:
    review = review_of(session)
    if review is None:
        return None
    is_bound = review.signature.document_sha256 == digest(sealed_content(review))
    return Seal(review, is_intact=is_bound and log_sha256(session) == review.log_sha256)


def log_sha256(session: TreatmentSession) -> str:
    """Return the hash of all that a session's log says, however long it is."""
    patient = Actor.person(session.enrollment.patient.user_id)
    lines = (line for rows in _rows(session) for line in _lines(rows, patient))
    return _digest(session, sorted(lines, key=lambda line: line.order))


def _digest(session: TreatmentSession, lines: Iterable[Line]) -> str:
    below = [line.content for line in lines if not line.after_seal]
    return digest({"session": str(session.pk), "lines": below})


def _rows(session: TreatmentSession) -> Iterator[QuerySet[Any]]:
    yield SessionTransition.objects.filter(session=session)
    yield Attestation.objects.filter(session=session)
    yield Observation.objects.filter(session=session).select_related("replaced_by")
    yield CheckIn.objects.filter(session=session)
    yield CheckInDeadline.objects.filter(session=session, missed_at__isnull=False)
    yield Dose.objects.filter(session=session)
    yield UnattributedDose.objects.filter(session=session)
    yield DoseOutcome.objects.filter(session=session)
    yield MorningAnswer.objects.filter(session=session)
    yield reading_overrides(session)


def _lines(rows: Iterable[Any], patient: Actor) -> Iterator[Line]:
    for row in rows:
        if isinstance(row, CheckInDeadline):
            yield Line(row.pk, "check_in_missed", row.due_at, row.due_at, "system")
        elif isinstance(row, ReadingOverride):
            says = {
                "readings": [str(row.first_reading_id), str(row.second_reading_id)],
                "signed_by": row.signature.signer_name,
                "reason": row.reason,
            }
            yield Line(row.pk, "reading_override", row.given_at, row.given_at, "clinician", says)
        else:
            yield _line(row, _by(row.actor, patient))


def _line(row: Any, by: str) -> Line:
    if isinstance(row, Observation):
        says = {name: value for name in MEASURED if (value := getattr(row, name)) not in (None, "")}
        line = _entry(row, row.kind, by, says)
        newer = getattr(row, "replaced_by", None)
        return replace(
            line, replaces=row.replaces_id, reason=row.reason, replaced_by=newer.pk if newer else None
        )
    if isinstance(row, CheckIn):
        return _entry(row, "check_in", by, {"all_well": row.all_well})
    if isinstance(row, SessionTransition):
        return Line(row.pk, row.event, row.at, row.at, by, {"reason": row.reason} if row.reason else {})
    if isinstance(row, Attestation):
        return Line(row.pk, row.kind, row.attested_at, row.attested_at, by, row.answers)
    if isinstance(row, MorningAnswer):
        said: dict[str, Any] = {"slept": row.slept, "is_alert": row.is_alert}
        moments = (row.given_at, row.given_at)
        return Line(row.pk, "morning_answer", *moments, by, said, after_seal=row.after_seal)
    if isinstance(row, DoseOutcome):
        says = {"note": row.note} if row.note else {}
        return Line(row.pk, f"dose_{row.kind}", row.recorded_at, row.recorded_at, by, says)
    kind = "dose" if isinstance(row, Dose) else "unattributed_dose"
    says = {"route": row.route, "dose_mg": str(row.dose_mg)}
    after_seal = isinstance(row, UnattributedDose) and row.after_seal
    return Line(row.pk, kind, row.taken_at, row.recorded_at, by, says, after_seal=after_seal)


def _entry(row: Observation | CheckIn, kind: str, by: str, says: dict[str, Any]) -> Line:
    device, moments = str(row.client_id), (row.observed_at, row.received_at)
    return Line(row.pk, kind, *moments, by, says, device, row.client_seq, after_seal=row.after_seal)


def _by(actor: Actor, patient: Actor) -> str:
    if actor.kind == ActorKind.CAPABILITY:
        return "monitor"
    if actor.kind == ActorKind.SERVICE:
        return "system"
    return "patient" if actor == patient else "clinician"


def _gaps(session: TreatmentSession, lines: Iterable[Line], *, at: datetime) -> list[Gap]:
    """Return where the monitor was not heard from: what counts is when a word reached us."""
    if session.started_at is None:
        return []
    _, policy = policy_of(session, at=at)
    heard = [line.received_at for line in lines if line.by == "monitor"]
    until = session.ended_at or at
    return rules.gaps(heard, starts_at=session.started_at, ends_at=until, longest=policy.check_in_interval)
