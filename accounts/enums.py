from django.db.models import TextChoices


class Role(TextChoices):
    """What somebody is here; a grant of it has a beginning and may have an end."""

    CLINICIAN = "clinician"
    """Screens, decides, plans, signs; licensed."""
    GUIDE = "guide"
    """Coaches between sessions; no clinical detail beyond that."""
    SAFETY_OFFICER = "safety_officer"
    """Follows adverse events and alerts."""
    MEDICAL_DIRECTOR = "medical_director"
    """Signs the policies that gate a dose."""
    PRIVACY_OFFICER = "privacy_officer"
    """Reviews who looked at what."""
    OPERATOR = "operator"
    """Runs the installation; sees no chart."""


class CapabilityScope(TextChoices):
    """What a link allows its holder to do."""

    MONITOR = "monitor"
    """Watch one session: attest, observe, check in, report harm."""


class SignatureMeaning(TextChoices):
    """What a signature says about the document it is bound to."""

    DECIDED = "decided"
    """This is my clinical decision."""
    ORDERED = "ordered"
    """This is the treatment I order."""
    AGREED = "agreed"
    """I have read this and agree."""
    CLOSED = "closed"
    """I have dealt with this."""
