import smtplib
from contextlib import suppress

from django.conf import settings
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend

from notifications import rules
from notifications.channels.interface import HandedOver, Letter
from notifications.rules import Answer


class Mail:
    """E-mail, by SMTP or whatever Django's backend is."""

    def hand_over(self, letter: Letter) -> HandedOver:
        """Try once; the connection is closed whatever comes of it."""
        connection = mail.get_connection()
        try:
            return _hand_over(_compose(letter), connection)
        finally:
            with suppress(OSError):
                connection.close()


def _compose(letter: Letter) -> mail.EmailMessage:
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    key = {settings.EMAIL_KEY_HEADER: str(letter.id)} if settings.EMAIL_KEY_HEADER else {}
    return mail.EmailMessage(
        subject=letter.subject,
        body=letter.body,
        to=[letter.to],
        # The same for every try: by it a provider, a mailbox, or whoever reads two logs, can tell that two
        # are one.
        headers={"Message-ID": f"<{letter.id}@{domain}>", "Auto-Submitted": "auto-generated", **key},
    )


def _hand_over(message: mail.EmailMessage, connection: BaseEmailBackend) -> HandedOver:
    """Try once, and say what is known then.

    `smtplib` does not tell at which word of the dialogue a connection broke, so that any break after both
    sides have greeted counts as doubt.
    """
    try:
        connection.open()
        dialogue = getattr(connection, "connection", None)
        if isinstance(dialogue, smtplib.SMTP):
            dialogue.ehlo_or_helo_if_needed()
    except OSError as error:
        return HandedOver(Answer.NOT_NOW, f"no connection: {type(error).__name__}", broke=True)
    try:
        connection.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        code = next(iter(error.recipients.values()))[0]
        return HandedOver(rules.refusal_of_recipient(code), f"recipient refused with {code}")
    except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        return HandedOver(rules.answer_to(error.smtp_code), f"refused with {error.smtp_code}")
    except OSError as error:
        return HandedOver(Answer.DOUBT, f"connection broke: {type(error).__name__}", broke=True)
    except ValueError as error:
        return HandedOver(Answer.NEVER, f"cannot be written: {type(error).__name__}")
    return HandedOver(Answer.TAKEN)
