from django.db.models import TextChoices


class DocumentKind(TextChoices):
    """The texts and policies that are kept by version."""

    SCREENING_POLICY = "screening_policy"
    """Who may be treated, as rules."""
    SESSION_POLICY = "session_policy"
    """How a session runs: limits of readings, intervals, spacing."""
    PRESCRIBING_AUTHORITY = "prescribing_authority"
    """By what law medicine is prescribed without a visit in person, and until when."""
    ESCALATION_LADDERS = "escalation_ladders"
    """How an alert of each class pages, and within what time."""
    CONTENT_MODULES = "content_modules"
    """What a patient is given to read before a session and after it, and when."""
    TREATMENT_CONSENT = "treatment_consent"
    """What a person agrees to when treated at home."""
    OFF_LABEL_DISCLOSURE = "off_label_disclosure"
    """That the medicine is not approved for burnout, and what follows from it."""
    TELEHEALTH_CONSENT = "telehealth_consent"
    """What care by video can do and cannot."""
    SCHEDULE_III_INFORMATION = "schedule_iii_information"
    """That the medicine is a controlled one, and what follows from it."""
    PRIVACY_NOTICE = "privacy_notice"
    """What is kept about a person, who sees it, and what they can do about it."""
    MESSAGING_CONSENT = "messaging_consent"
    """Whether reminders may be sent."""
    DATA_USE_CONSENT = "data_use_consent"
    """Whether the record may be used, without a name, to learn from."""


POLICIES = (
    DocumentKind.SCREENING_POLICY,
    DocumentKind.SESSION_POLICY,
    DocumentKind.PRESCRIBING_AUTHORITY,
    DocumentKind.ESCALATION_LADDERS,
    DocumentKind.CONTENT_MODULES,
)
"""The kinds by which the program decides, or speaks: a version takes effect only signed by two people."""
