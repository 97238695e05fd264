from django.db.models import TextChoices


class MessageKind(TextChoices):
    """Every message that can leave, each a closed text in `notifications/messages.py`."""

    VERIFY_EMAIL = "verify_email"
    """A code that proves an address."""
    VERIFY_NUMBER = "verify_number"
    """A code that proves a telephone number."""
    NOBODY_READS = "nobody_reads"
    """An answer to an answer: texts to us reach nobody."""
    ACCOUNT_NOTICE = "account_notice"
    """Something about sign-in happened or was asked for."""
    ASSESSMENT_DUE = "assessment_due"
    """There is something to fill in."""
    NEWS = "news"
    """Somebody decided or wrote something for this person to read."""
    SESSION_TOMORROW = "session_tomorrow"
    """Something is booked for tomorrow."""
    TIME_PROPOSED = "time_proposed"
    """Somebody proposes a time; this person says whether it suits them."""
    MONITOR_INVITATION = "monitor_invitation"
    """Somebody asks this person to keep them company; carries a link."""
    STAFF_INVITATION = "staff_invitation"
    """Somebody is offered an account here; carries a link."""
    ALERT_PAGE = "alert_page"
    """A clinician must look now."""
    PACKET_PAGE = "packet_page"
    """Nobody has answered: call for help, and here is what help asks for."""
    GUIDE_TOLD = "guide_told"
    """Somebody whom this person guides may need them; a clinician is called."""
    TRIAGE_PAGE = "triage_page"
    """A clinician must look soon: nobody is known to be in danger."""
    CHECK_IN_MISSED = "check_in_missed"
    """A check-in did not come; answer now."""


class Channel(TextChoices):
    """By what kind of way a message leaves, each with a provider of its own."""

    EMAIL = "email"
    """To an account's verified address."""
    TEXT = "text"
    """To a telephone number that somebody has given, by the clinic's gateway."""
    RECORD = "record"
    """To nobody: in a drill it is written down that it would have left now."""
    FCM = "fcm"
    """To an app on a phone, by Firebase."""
    APNS = "apns"
    """To an app on a phone, by Apple."""
    WEB = "web"
    """To a browser, by its own push service."""


PUSH = frozenset({Channel.FCM, Channel.APNS, Channel.WEB})
"""The channels that reach a device which somebody has registered."""
PUSH_CHANNELS = [(channel.value, channel.label) for channel in (Channel.FCM, Channel.APNS, Channel.WEB)]


class Way(TextChoices):
    """How a patient wants to be reached."""

    PUSH = "push"
    """By a notice on the device that they used last."""
    TEXT = "text"
    """By a text to the number they have confirmed."""
    EMAIL = "email"
    """By mail."""


class DeliveryStatus(TextChoices):
    """How far a message has come."""

    DUE = "due"
    """Waiting for its time, or for another try."""
    LEASED = "leased"
    """A worker has it in hand until its lease runs out."""
    SENT = "sent"
    """The provider took it."""
    DELIVERED = "delivered"
    """The provider says that it has arrived."""
    FAILED = "failed"
    """The provider refused it, or every try failed; somebody must look."""
    CANCELLED = "cancelled"
    """Not wanted any more at the moment of sending."""
    EXPIRED = "expired"
    """Its time passed before it could be sent."""
    UNKNOWN = "unknown"
    """It may have been taken: the connection broke after the message was handed over."""
