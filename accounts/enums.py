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
    """Reviews what was opened by break-glass."""
    OPERATOR = "operator"
    """Runs the installation; sees no chart."""


STAFF = frozenset(
    {Role.CLINICIAN, Role.SAFETY_OFFICER, Role.MEDICAL_DIRECTOR, Role.PRIVACY_OFFICER, Role.OPERATOR}
)
"""The roles whose work is in the admin; a guide's is not."""


CARING = [(role.value, role.label) for role in (Role.CLINICIAN, Role.GUIDE)]
"""The roles in which somebody belongs to a patient's care team, as choices."""


class Profession(TextChoices):
    """What a clinician's licence is for."""

    PHYSICIAN = "physician"
    NURSE_PRACTITIONER = "nurse_practitioner"
    PHYSICIAN_ASSOCIATE = "physician_associate"
    PSYCHOLOGIST = "psychologist"
    NURSE = "nurse"


class Language(TextChoices):
    """The language in which somebody wants to be spoken to, as a BCP 47 tag."""

    ENGLISH = "en-US"
    SPANISH = "es-US"


STATES = tuple(
    "AK AL AR AS AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MP MS MT "  # noqa: SIM905
    "NC ND NE NH NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UT VA VI VT WA WI WV WY".split()
)
"""Where in the United States somebody can live and be licensed, by USPS codes: territories too."""


class CapabilityScope(TextChoices):
    """What a link allows its holder to do."""

    MONITOR = "monitor"
    """Watch one session: attest, observe, check in, report harm."""
    INVITATION = "invitation"
    """Make oneself an account with the role that was offered, once."""


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
    REVIEWED = "reviewed"
    """I have read what was written down, as it stands."""
    APPROVED = "approved"
    """This is the policy by which we shall decide."""


class AccountNeed(TextChoices):
    """What an account lacks before everything in it works."""

    VERIFY_EMAIL = "verify_email"
    """The code from the mail."""
    ENROLL_SECOND_FACTOR = "enroll_second_factor"
    """Somebody who works here has none."""
    USE_SECOND_FACTOR = "use_second_factor"
    """They have one, and this sign-in has not seen it."""
    PROFILE = "profile"
    """A patient's name, birth date and zone."""


class FactorStep(TextChoices):
    """What somebody who works here still has to do about their second factor."""

    ENROLL = "enroll_second_factor"
    """Set one up: an authenticator app or a passkey."""
    USE = "use_second_factor"
    """Show the one they have: this sign-in has not seen it yet."""


class BreakGlassPurpose(TextChoices):
    """Why a chart was opened by break-glass, in words that the patient reads."""

    DANGER = "danger", "Somebody was thought to be in danger."
    COVER = "cover", "Your own clinician could not be reached."
    OTHER = "other", "Something else; call us and ask."


class BreakGlassFinding(TextChoices):
    """What a privacy officer found about a chart that was opened by break-glass."""

    JUSTIFIED = "justified"
    """There was a reason to open it."""
    NOT_JUSTIFIED = "not_justified"
    """There was none; what follows is for people to do."""
