from django.db.models import IntegerChoices, TextChoices


class ScreeningOutcome(TextChoices):
    """What the policy says of a person's answers; a clinician decides."""

    ELIGIBLE = "eligible"
    """Nothing found that the policy asks about, and nothing left unanswered."""
    NEEDS_REVIEW = "needs_review"
    """Something a clinician has to weigh, or something not known."""
    INCOMPLETE = "incomplete"
    """Nothing excludes so far, and answers that matter are missing."""
    INELIGIBLE = "ineligible"
    """Something the policy excludes."""


class FitOutcome(TextChoices):
    """What the same rules say to somebody without a name; it clears nobody."""

    MAY_BE_SUITABLE = "may_be_suitable"
    """Nothing they told us speaks against it."""
    NEEDS_A_CLINICIAN = "needs_a_clinician"
    """Something to weigh, or something they left open."""
    NOT_SUITABLE = "not_suitable"
    """Something the policy excludes."""


class ReviewOutcome(TextChoices):
    """What the clinician decided."""

    ACCEPTED = "accepted"
    """May be treated; a plan follows."""
    DECLINED = "declined"
    """May not be treated here."""


class AlertClass(TextChoices):
    """Why somebody must look now."""

    SUICIDE_RISK = "suicide_risk"
    """A form or a screening answer speaks of self-harm."""
    SERIOUS_EVENT = "serious_event"
    """A serious adverse event was reported."""
    MISSED_CHECK_IN = "missed_check_in"
    """A running session went silent."""
    ADVERSE_EVENT = "adverse_event"
    """An adverse event was reported and waits for triage."""
    LATE_DOSE = "late_dose"
    """A dose was reported after the time for it was over; nobody was asked again when it was taken."""
    REFUSED_DOSE = "refused_dose"
    """A dose was refused by the record, or came up without being in it: it may have been swallowed."""
    STOCK_DIFFERS = "stock_differs"
    """A controlled medicine was counted, or taken, and the ledger says otherwise."""
    REPORT_DUE = "report_due"
    """Half of the time for reporting an event is gone, most of it, or all."""
    FOLLOW_UP_DUE = "follow_up_due"
    """What had to be found out about an event is overdue."""
    WORSENING = "worsening"
    """A form came to much worse than an earlier one of the same person."""
    REPLAY_DIFFERS = "replay_differs"
    """A stored screening decision doesn't come out the same from what it was made on."""


class AlertStatus(TextChoices):
    """How far an alert has come."""

    OPEN = "open"
    """Nobody has answered, or something new came after the answer."""
    ACKNOWLEDGED = "acknowledged"
    """A named clinician has it in hand."""
    CLOSED = "closed"
    """A clinician signed that it is dealt with."""


BLOCKS_DOSING = (AlertClass.SUICIDE_RISK, AlertClass.SERIOUS_EVENT, AlertClass.MISSED_CHECK_IN)
"""While one of these is not closed, no dose is taken."""
BLOCKS_STARTING = (*BLOCKS_DOSING, AlertClass.REFUSED_DOSE, AlertClass.STOCK_DIFFERS)
"""While one of these is not closed, no session starts: what may be danger, and pages as that.

Medicine that nobody can account for may have been swallowed. In a session that has started, a refused dose
leaves the way to the one that was ordered: it may be a slip.
"""
IS_A_TASK = (AlertClass.ADVERSE_EVENT, AlertClass.LATE_DOSE)
"""While one of these is not closed, no session starts either: nobody is known to be in danger, and still a
clinician has to say what it was before the next dose.

Not what is overdue to find out: that is a task by itself, however often somebody was called about it. Nor a
report that is due, which is the clinic's paper, nor a form that came to worse.
"""
KEEPS_FROM_DRIVING = (
    AlertClass.SERIOUS_EVENT,
    AlertClass.ADVERSE_EVENT,
    AlertClass.MISSED_CHECK_IN,
    AlertClass.LATE_DOSE,
    AlertClass.REFUSED_DOSE,
)
"""While one of these is not closed, nobody drives after a dose, whatever they say of themselves.

Each may mean that somebody is sedated, and for longer than the clock thinks: a call for help, an effect that
nobody has weighed (that one is not awake in the morning, or has not said so, among them), a silence, a dose
other than the one that the time was counted from. The others speak of papers, stock or mood: a risk of
suicide has a ladder of its own, and no car makes it a matter of sedation.
"""


PLACES_HOLD = (AlertClass.SUICIDE_RISK, AlertClass.SERIOUS_EVENT)
"""The hard triggers: one of these is raised together with a hold, in the same transaction.

Each tells of somebody in danger now: an answer that speaks of suicide; a call for help, that they cannot be
woken, a blood pressure or oxygen reading at emergency levels. A silence is not known to be one, nor is a dose
told of late: they keep sessions from starting until a clinician has closed them.
"""


class HoldReason(TextChoices):
    """Why treatment stands still."""

    SERIOUS_EVENT = "serious_event"
    """Placed in the transaction that recorded a serious adverse event."""
    SAFETY_TRIGGER = "safety_trigger"
    """Placed in the transaction that raised an alert about present danger."""
    CLINICAL = "clinical"
    """A clinician placed it."""


class Seriousness(TextChoices):
    """What makes an event serious (21 CFR 312.32(a), ICH E2A); another thing than how severe it felt."""

    DEATH = "death"
    LIFE_THREATENING = "life_threatening"
    HOSPITALISATION = "hospitalisation"
    DISABILITY = "disability"
    CONGENITAL_ANOMALY = "congenital_anomaly"
    IMPORTANT_MEDICAL_EVENT = "important_medical_event"


class Grade(IntegerChoices):
    """How severe, by the five general grades of CTCAE v5."""

    MILD = 1
    MODERATE = 2
    SEVERE = 3
    LIFE_THREATENING = 4
    DEATH = 5


class Ascertainment(TextChoices):
    """How the event was found out: rates depend on it."""

    ASKED = "asked"
    VOLUNTEERED = "volunteered"
    OBSERVED = "observed"


class IdentityMethod(TextChoices):
    """How somebody was looked at beside their document."""

    VIDEO = "video"
    IN_PERSON = "in_person"


class IdentityDocument(TextChoices):
    """What they showed; its number is not kept."""

    PASSPORT = "passport"
    DRIVING_LICENCE = "driving_licence"
    STATE_ID = "state_id"
    OTHER = "other"


class IdentityOutcome(TextChoices):
    """What the check came to."""

    CONFIRMED = "confirmed"
    """Face, name and birth date are those of the document and the chart."""
    NOT_CONFIRMED = "not_confirmed"
    """They are not, or it could not be told."""


class ComparisonOutcome(TextChoices):
    """Whether two charts are one person's."""

    SAME = "same"
    """They are; one of them goes on."""
    DIFFERENT = "different"
    """They are two people's."""


class MonitoringResult(TextChoices):
    """What a state's register of controlled prescriptions said."""

    NO_CONCERN = "no_concern"
    """Nothing that speaks against prescribing."""
    CONCERN = "concern"
    """Something to think about; the note says what."""
    NO_ANSWER = "no_answer"
    """The register could not be asked, or did not answer."""


class ProfileSection(TextChoices):
    """What part of a health profile a statement is about."""

    CONDITION = "condition"
    MEDICATION = "medication"
    ALLERGY = "allergy"
    PREGNANCY = "pregnancy"
    LACTATION = "lactation"
    VITAL = "vital"
    """One measurement: blood pressure, heart rate or weight."""


class ProfileState(TextChoices):
    """What a statement says of it; which of these a section knows is `profile.rules.STATES`."""

    UNKNOWN = "unknown"
    """It is there, and nobody said how it stands; never the same as over."""
    ACTIVE = "active"
    REMISSION = "remission"
    RESOLVED = "resolved"
    TAKEN = "taken"
    STOPPED = "stopped"
    NONE = "none"
    """Asked, and there is nothing to list."""
    PREGNANT = "pregnant"
    POSSIBLE = "possible"
    NOT_PREGNANT = "not_pregnant"
    LACTATING = "lactating"
    NOT_LACTATING = "not_lactating"
    NOT_APPLICABLE = "not_applicable"
    MEASURED = "measured"
    WITHDRAWN = "withdrawn"
    """It was entered by mistake."""


class ProfileSource(TextChoices):
    """Who says so; as `screening.health.FactSource`."""

    PATIENT = "patient"
    CLINICIAN = "clinician"
    IMPORT = "import"
    PROGRAM = "program"
