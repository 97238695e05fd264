"""The link that ends a reminder: it stops them without a sign-in, does nothing else, and tells nothing."""

from uuid import UUID

from django.core.signing import BadSignature, Signer

_SALT = "notifications.stops"


def token_for(user_id: UUID) -> str:
    """Return what stands in the link: whose reminders, signed; it holds as long as `SECRET_KEY` is known."""
    return Signer(sep=".", salt=_SALT).sign(user_id.hex)


def user_of(token: str) -> UUID | None:
    """Return whose reminders a link stops, `None` for one that we did not make."""
    try:
        return UUID(Signer(sep=".", salt=_SALT).unsign(token))
    except (BadSignature, ValueError):
        return None
