from core.errors import InvalidInput, NotAllowed, Refused


class ProfileMissing(Refused):
    """Tell us your name, birth date and time zone first: PUT /api/v1/me."""

    code = "profile_missing"


class NobodyToAssign(Refused):
    """No clinician can take a new person just now; please call us."""

    code = "no_clinician_available"


class NoName(NotAllowed):
    """A signature needs a name; this account has none."""

    code = "signer_has_no_name"


class UnknownTimezone(InvalidInput):
    """That time zone is not in the IANA list."""

    code = "unknown_timezone"
