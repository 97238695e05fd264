from uuid import UUID

import uuid6


def new_id() -> UUID:
    """Return a new version-7 UUID: unique, and sorted by the time it was made."""
    return uuid6.uuid7()
