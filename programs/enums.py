from django.db.models import TextChoices


class EnrollmentStatus(TextChoices):
    """Where a person stands in a program. A hold is a row beside it, not a status."""

    SCREENING = "screening"
    """Answering the screening, or waiting for a clinician's decision."""
    DECLINED = "declined"
    """A clinician decided against it."""
    AWAITING_PLAN = "awaiting_plan"
    """Accepted; the clinician has yet to sign a plan."""
    AWAITING_CONSENT = "awaiting_consent"
    """There is a plan; the patient has yet to agree."""
    ACTIVE = "active"
    """In treatment."""
    COMPLETED = "completed"
    """Every session is done."""
    DISCONTINUED = "discontinued"
    """A clinician ended it."""
    WITHDRAWN = "withdrawn"
    """The patient left."""


OPEN_STATUSES = (
    EnrollmentStatus.SCREENING,
    EnrollmentStatus.AWAITING_PLAN,
    EnrollmentStatus.AWAITING_CONSENT,
    EnrollmentStatus.ACTIVE,
)
"""While it is one of these, there is no second enrollment."""


class EnrollmentEvent(TextChoices):
    """What moves an enrollment."""

    ENROLLED = "enrolled"
    DECLINED = "declined"
    ACCEPTED = "accepted"
    PLAN_SIGNED = "plan_signed"
    CONSENTED = "consented"
    COMPLETED = "completed"
    DISCONTINUED = "discontinued"
    WITHDRAWN = "withdrawn"


class Route(TextChoices):
    """How the medicine is taken; doses of different routes are never compared."""

    SUBLINGUAL = "sublingual"
    SUBCUTANEOUS = "subcutaneous"


class ConsentKind(TextChoices):
    """What a patient is asked to agree to; each names a document kind of `core`."""

    TREATMENT = "treatment_consent"
    OFF_LABEL = "off_label_disclosure"
    TELEHEALTH = "telehealth_consent"
    SCHEDULE_III = "schedule_iii_information"
    PRIVACY = "privacy_notice"
    MESSAGING = "messaging_consent"
    DATA_USE = "data_use_consent"


OPTIONAL_CONSENTS = (ConsentKind.MESSAGING, ConsentKind.DATA_USE)
"""Free to refuse: treatment does not depend on them. Without every other one there is no session."""
