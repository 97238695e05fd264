from functools import partial

from accounts.models import User
from core.encryption import decrypt
from notifications.addresses import readable
from notifications.texts.models import TextNumber


def number_row(user: User) -> TextNumber | None:
    """Return what is known of somebody's number, if they have given one."""
    return TextNumber.objects.filter(user=user).exclude(number=b"").first()


def number_in(row: TextNumber) -> str:
    """Return the number, or nothing where no key opens it; to who gave it, it is as if they had not."""
    return readable(partial(_decrypted, row), of=f"number {row.pk}")


def _decrypted(row: TextNumber) -> str:
    return str(decrypt(row.number, place=place(row, "number")))


def confirmed_number(user: User, *, even_if_stopped: bool) -> str:
    """Return where a patient can be sent a text, or nothing."""
    row = number_row(user)
    if row is None or row.confirmed_at is None or (row.stopped_at is not None and not even_if_stopped):
        return ""
    return number_in(row)


def has_confirmed_number(user: User) -> bool:
    """Tell whether a patient has shown a number to be theirs, stopped or not; reads no number."""
    return TextNumber.objects.filter(user=user, confirmed_at__isnull=False).exists()


def place(row: TextNumber, column: str) -> str:
    """Return the place that a value of that column is encrypted for."""
    return f"notifications_textnumber.{column}:{row.pk}"
