"""Everything that is kept about one patient, for themselves: whatever leads to them, table by table.

A room's new table has to be named here, in `PARTS` or with a reason in `WITHHELD`; a guard walks every
foreign key and finds the one that is in neither.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.db.models import BinaryField, Field, Model

from accounts.models import (
    BreakGlass,
    CareTeamMembership,
    Clinician,
    Licence,
    Patient,
    PatientAddress,
    PolicyEnactment,
    PolicySignature,
    RoleGrant,
    ServedState,
    Signature,
    SignIn,
    StaffInvitation,
    User,
)
from assessments.models import Assessment, FormCause, OfflineSubmission, Rescoring, WorseForm
from core.encryption import decrypt
from core.models import DocumentVersion
from desk.looks import looks
from notifications.devices.models import Device
from notifications.models import Delivery, PagingNumber, ReminderPreference, Suppression
from notifications.texts.models import TextNumber
from programs.enums import ConsentKind
from programs.models import (
    ComprehensionAttempt,
    Consent,
    ConsentWithdrawal,
    Enrollment,
    EnrollmentTransition,
    Pause,
    TreatmentPlan,
)
from safety.drafts.models import PolicyDraft
from safety.events.models import EventAssessment, EventNews, FollowUp, ReportingClock
from safety.identity.models import ChartComparison
from safety.models import (
    AdverseEvent,
    Alert,
    HealthFact,
    Hold,
    IdentityCheck,
    MonitoringQuery,
    ProgramResult,
    Screening,
    ScreeningReview,
)
from safety.overrides.models import ExclusionOverride
from safety.roster.models import OnCallShift
from sessions.deviations.models import Deviation, DeviationAssessment
from sessions.drills.models import Drill
from sessions.ledger.models import Prescription, StockCount, StockEntry
from sessions.models import (
    Attestation,
    CheckIn,
    CheckInDeadline,
    Dose,
    DoseOutcome,
    EffectsChecklist,
    EffectsTriage,
    EmergencyPacket,
    GateDecision,
    MonitorInvitation,
    MorningAnswer,
    Observation,
    Overrule,
    PreparationItem,
    ReadingOverride,
    Reflection,
    SessionEventLink,
    SessionPlace,
    SessionProposal,
    SessionReview,
    SessionTransition,
    TreatmentSession,
    UnattributedDose,
)


@dataclass(frozen=True)
class Part:
    """One table: what it is called for its reader, which rows are theirs, and which columns stay here."""

    title: str
    model: type[Model]
    path: str
    hidden: frozenset[str] = frozenset()


_ENROLLMENT = "enrollment__patient"
_SESSION = "session__enrollment__patient"
_ACCOUNT = "user__patient"
PARTS = (
    Part("Who you are", Patient, "pk"),
    Part("Your addresses", PatientAddress, "patient"),
    Part(
        "Your account",
        User,
        "patient",
        hidden=frozenset({"password", "is_staff", "is_superuser"}),
    ),
    Part("Your mail addresses", EmailAddress, _ACCOUNT),
    Part("Your roles", RoleGrant, _ACCOUNT),
    Part("Where you are signed in", SignIn, _ACCOUNT, hidden=frozenset({"session_key", "session_data"})),
    Part("Who cares for you", CareTeamMembership, "patient"),
    # The words are for reviewers: they may name somebody who called for help (ADR 0017).
    Part(
        "Who opened your record in an emergency",
        BreakGlass,
        "patient",
        hidden=frozenset({"reason", "note", "next_call_at"}),
    ),
    Part("How we checked who you are", IdentityCheck, "patient"),
    Part("Your programs", Enrollment, "patient"),
    Part("What happened in your programs", EnrollmentTransition, _ENROLLMENT),
    Part("What is known of your health", HealthFact, "patient"),
    Part("What was measured and asked in your program", ProgramResult, "patient"),
    Part("Your screenings", Screening, _ENROLLMENT),
    Part("What was decided on them", ScreeningReview, "screening__enrollment__patient"),
    Part("What was signed against an exclusion", ExclusionOverride, "screening__enrollment__patient"),
    Part("What registers of controlled medicines said", MonitoringQuery, _ENROLLMENT),
    Part("Your treatment plans", TreatmentPlan, _ENROLLMENT),
    Part("What you agreed to", Consent, _ENROLLMENT),
    Part("What you took back", ConsentWithdrawal, "consent__enrollment__patient"),
    Part("Your answers about the texts", ComprehensionAttempt, _ENROLLMENT),
    Part("Your pauses", Pause, _ENROLLMENT),
    Part("Your signatures", Signature, "signer__patient"),
    Part("Your forms and their scores", Assessment, _ENROLLMENT),
    Part("What you filled in without a connection", OfflineSubmission, _ENROLLMENT),
    Part("What called for a form", FormCause, _ENROLLMENT),
    Part("What later versions made of your forms", Rescoring, _ENROLLMENT),
    Part("When a form came to worse than an earlier one", WorseForm, _ENROLLMENT),
    Part("Times that were proposed to you", SessionProposal, _ENROLLMENT),
    Part("Your sessions", TreatmentSession, _ENROLLMENT),
    Part("What happened in your sessions", SessionTransition, _SESSION),
    Part("What was prepared", PreparationItem, _SESSION),
    Part("Whom you invited", MonitorInvitation, _SESSION),
    Part("What was vouched for", Attestation, _SESSION),
    Part("Prescriptions", Prescription, _ENROLLMENT),
    Part("What came and went of your medicine", StockEntry, _ENROLLMENT),
    Part("What was counted of it", StockCount, _ENROLLMENT),
    Part("Answers of the day that a clinician found to be mistaken", Overrule, _SESSION),
    Part("Readings that a clinician looked at and let pass", ReadingOverride, _SESSION),
    Part("Where you were for a session", SessionPlace, _SESSION),
    Part("What was written down for an emergency", EmergencyPacket, "patient"),
    Part("What was asked before a dose", GateDecision, _SESSION),
    Part("Your doses", Dose, _SESSION),
    Part("Doses beside your sessions", UnattributedDose, _SESSION),
    Part("Doses that were refused or came up again", DoseOutcome, _SESSION),
    Part("What was seen and measured", Observation, _SESSION),
    Part("When somebody was to check in", CheckInDeadline, _SESSION),
    Part("Who checked in", CheckIn, _SESSION),
    Part("How you were the morning after", MorningAnswer, _SESSION),
    Part("What you wrote down", Reflection, _SESSION),
    Part("Where a session went otherwise than planned", Deviation, "patient"),
    Part("What was made of that", DeviationAssessment, "patient"),
    Part("What a clinician signed who read about a session", SessionReview, _SESSION),
    Part("What the medicine did", EffectsChecklist, _SESSION),
    Part("What was made of that", EffectsTriage, _SESSION),
    Part("Reports of harm", AdverseEvent, "patient"),
    Part("What clinicians made of a report", EventAssessment, "patient"),
    Part("What came to be known later", EventNews, "patient"),
    Part("What had to be found out", FollowUp, "patient"),
    Part("By when a report had to be passed on", ReportingClock, "patient"),
    Part("Which session a report is about", SessionEventLink, _SESSION),
    Part("When treatment was held", Hold, "patient"),
    Part("When somebody was called", Alert, "patient"),
    # What was in a message is emptied when it has left; before that it is a secret of whoever gets it.
    Part("Messages to you", Delivery, _ACCOUNT, hidden=frozenset({"payload", "leased_until", "fence"})),
    Part("Messages that are stopped", Suppression, _ACCOUNT),
    Part("When messages leave you alone", ReminderPreference, _ACCOUNT),
    Part("Where texts are sent to you", TextNumber, _ACCOUNT, hidden=frozenset({"code", "code_ends_at"})),
    Part(
        "Devices that are told something",
        Device,
        _ACCOUNT,
        hidden=frozenset({"sign_in", "address", "password_sha256"}),
    ),
)
WITHHELD: Mapping[type[Model], str] = {
    Clinician: "about somebody who works here",
    Licence: "about somebody who works here",
    ServedState: "about the clinic",
    StaffInvitation: "about somebody who works here",
    OnCallShift: "about somebody who works here",
    PagingNumber: "about somebody who works here",
    PolicySignature: "about somebody who works here",
    PolicyEnactment: "about the clinic",
    PolicyDraft: "about the clinic",
    ChartComparison: "names somebody else's chart beside theirs",
    Drill: "about a chart that is nobody's",
}
"""Tables that lead to a person and hold nothing of a patient's, and why."""


_SHOWN_WHOLE: Mapping[Any, tuple[str, ...]] = {
    Signature: ("signer_name", "meaning", "signed_at", "document_sha256"),
    DocumentVersion: ("kind", "version", "minor", "language", "sha256", "content"),
}
"""What stands in place of the bare id of a row that a signature or a decision rests on."""


@dataclass(frozen=True)
class Chapter:
    """One part with its rows: each a dictionary of column and value."""

    name: str
    title: str
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Export:
    """Everything about one patient as of one moment."""

    made_at: datetime
    chapters: list[Chapter]


def export(patient: Patient, *, at: datetime) -> Export:
    """Return everything that is kept about a patient, what is encrypted opened."""
    chapters = [_chapter(part, patient) for part in PARTS]
    return Export(made_at=at, chapters=[*chapters, _who_looked(patient)])


def _who_looked(patient: Patient) -> Chapter:
    seen = [asdict(look) for look in looks(patient, with_own=True)]
    return Chapter(name="looks", title="Who looked at your record", rows=seen)


def _chapter(part: Part, patient: Patient) -> Chapter:
    fields = [field for field in part.model._meta.concrete_fields if field.name not in part.hidden]
    related = [field.name for field in fields if field.related_model in _SHOWN_WHOLE]
    found = part.model._default_manager.filter(**{part.path: patient.pk}).order_by("pk")
    rows = found.select_related(*related) if related else found
    return Chapter(
        name=part.model._meta.label_lower,
        title=part.title,
        rows=[{field.name: _value(row, field) for field in fields} for row in rows],
    )


def _value(row: Model, field: "Field[Any, Any]") -> Any:
    """Return a column's value: what is signed or agreed to in full, what is encrypted opened."""
    if (shown := _SHOWN_WHOLE.get(field.related_model)) is not None:
        related = getattr(row, field.name)
        whole = related and {name: getattr(related, name) for name in shown}
        if field.related_model is DocumentVersion and related.kind not in ConsentKind.values:
            del whole["content"]  # a policy is the clinic's, long, and told apart by its hash
        return whole
    value = getattr(row, field.attname)
    if isinstance(field, BinaryField):
        place = f"{row._meta.db_table}.{field.column}:{row.pk}"
        return decrypt(bytes(value), place=place) if value else None
    return value
