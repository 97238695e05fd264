"""Writes: a screening policy that somebody has drafted in a file, for two people to sign."""

from datetime import datetime

from core.database import atomic
from core.documents import DocumentChanged, publish
from core.enums import DocumentKind
from core.errors import InputError, InvalidInput
from core.models import DocumentVersion
from safety import errors
from safety.screening.files import read_policy
from safety.screening.tables import PolicyError


def import_policy(text: str, *, not_before: datetime) -> DocumentVersion:
    """Store a screening policy from a TOML file as a version that holds once two people have signed it.

    The same file again is the version that is there. Raises `InvalidInput` with line and reason, or
    `VersionTaken` where that version says something else.
    """
    try:
        content, policy = read_policy(text)
    except PolicyError as error:
        raise InvalidInput(errors=[InputError("/file", "not_a_policy", str(error))]) from None
    try:
        with atomic():
            return publish(
                DocumentKind.SCREENING_POLICY,
                version=policy.version,
                content=content,
                effective_at=not_before,
            )
    except DocumentChanged:
        raise errors.VersionTaken from None
