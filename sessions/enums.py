from django.db.models import TextChoices


class SessionStatus(TextChoices):
    """How far one session has come."""

    SCHEDULED = "scheduled"
    """Booked."""
    READY = "ready"
    """Booked, and a monitor has accepted."""
    IN_PROGRESS = "in_progress"
    """The gate was passed; the dose window is open, or the dose is taken."""
    RECOVERING = "recovering"
    """The watched time is over; the no-driving time and the next morning remain."""
    COMPLETED = "completed"
    """Everything that belongs to it is done."""
    CANCELLED = "cancelled"
    """Called off before it started."""
    MISSED = "missed"
    """Its day passed without a start."""
    ABORTED = "aborted"
    """Started and ended without a dose."""


LIVE_STATUSES = (SessionStatus.IN_PROGRESS, SessionStatus.RECOVERING)
BOOKED_STATUSES = (SessionStatus.SCHEDULED, SessionStatus.READY)
VOID_STATUSES = (SessionStatus.CANCELLED, SessionStatus.MISSED, SessionStatus.ABORTED)
"""A session in one of these does not count: its number may be booked again."""


class SessionEvent(TextChoices):
    """What moves a session."""

    BOOKED = "booked"
    MONITOR_ACCEPTED = "monitor_accepted"
    RESCHEDULED = "rescheduled"
    STARTED = "started"
    DOSED = "dosed"
    ENDED = "ended"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    MISSED = "missed"
    ABORTED = "aborted"


class ProposalAnswer(TextChoices):
    """What became of a time that was proposed."""

    CONFIRMED = "confirmed"
    """The patient took it: the session is booked, or moved, to it."""
    DECLINED = "declined"
    """The patient does not want it."""
    WITHDRAWN = "withdrawn"
    """The care team took it back."""
    SUPERSEDED = "superseded"
    """The patient confirmed another one."""


class AttestationKind(TextChoices):
    """What somebody vouches for before a session starts."""

    MONITOR_PRESENT = "monitor_present"
    """The monitor: I am an adult, I am here, and I stay."""
    PATIENT_TODAY = "patient_today"
    """The patient: how I am today; carries the day's answers."""


class ObservationKind(TextChoices):
    """What was seen or measured."""

    BLOOD_PRESSURE = "blood_pressure"
    HEART_RATE = "heart_rate"
    OXYGEN_SATURATION = "oxygen_saturation"
    ALERTNESS = "alertness"
    """Lay terms only: talks normally, wakes when spoken to, cannot be woken."""
    COMFORT = "comfort"
    DISSOCIATION = "dissociation"
    """The person's own rating, asked of nobody else."""
    BATHROOM = "bathroom"
    """They went, with the monitor's help."""
    GUIDE_CALL = "guide_call"
    """They, or the monitor for them, spoke with the guide."""
    NOTE = "note"


class Alertness(TextChoices):
    """How awake the person is, in words a lay monitor can use; nothing that hurts is asked for."""

    TALKS_NORMALLY = "talks_normally"
    WAKES_WHEN_SPOKEN_TO = "wakes_when_spoken_to"
    CANNOT_BE_WOKEN = "cannot_be_woken"
    """An emergency: call the emergency number first."""


class Audience(TextChoices):
    """Who may read a reflection."""

    PRIVATE = "private"
    GUIDE = "guide"
    CLINICIAN = "clinician"
    CARE_TEAM = "care_team"


class ExpectedEffect(TextChoices):
    """What ketamine often does for some hours; asked after every session, so that a rate has a denominator.

    From what the US label of esketamine and the general literature report as common; not verified drug by
    drug, and no list of everything that can happen: whatever else there is goes into one's own words.
    """

    DISSOCIATION = "dissociation"
    SLEEPINESS = "sleepiness"
    DIZZINESS = "dizziness"
    NAUSEA = "nausea"
    VOMITING = "vomiting"
    HEADACHE = "headache"
    RAISED_BLOOD_PRESSURE = "raised_blood_pressure"
    COGNITIVE_IMPAIRMENT = "cognitive_impairment"
    ANXIETY = "anxiety"
    BLURRED_VISION = "blurred_vision"
    NUMBNESS = "numbness"


class OutcomeKind(TextChoices):
    """What became of a dose that was not taken, or not kept."""

    REFUSED = "refused"
    """The person did not want it; nothing was swallowed."""
    VOMITED = "vomited"
    """It came up again."""


class EffectAnswer(TextChoices):
    """Whether there was an effect; what nobody answered is unknown, not no."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class EffectsOutcome(TextChoices):
    """What a clinician makes of a checklist."""

    EXPECTED = "expected"
    """What was ticked is what the medicine does; nothing more follows."""
    ADVERSE_EVENT = "adverse_event"
    """It is an adverse event; one is recorded."""


class EscalationFault(TextChoices):
    """Why silence might go unseen; what an outside probe reads at `/healthz/escalation`."""

    WATCHDOG_STALE = "watchdog_stale"
    """The watchdog gives no sign of life."""
    WORKER_STALE = "worker_stale"
    """Beat, Redis and worker together give none."""
    DEADLINE_OVERDUE = "deadline_overdue"
    """A check-in did not come, and nobody has noticed."""
    PAGE_OVERDUE = "page_overdue"
    """An alert's next page is overdue."""
    PAGE_FOR_NOBODY = "page_for_nobody"
    """An alert stands open, and nobody was on call to be paged."""
    DATABASE_UNREACHABLE = "database_unreachable"
    """Nothing can be asked, nor written down."""
