from django.db.models import TextChoices


class DocumentKind(TextChoices):
    """The texts and policies that are kept by version."""

    SCREENING_POLICY = "screening_policy"
    """Who may be treated, as rules."""
    SESSION_POLICY = "session_policy"
    """How a session runs: limits of readings, intervals, spacing."""
    TREATMENT_CONSENT = "treatment_consent"
    """What a person agrees to when treated at home."""
    OFF_LABEL_DISCLOSURE = "off_label_disclosure"
    """That the medicine is not approved for burnout, and what follows from it."""
