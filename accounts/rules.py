import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from accounts.enums import STATES, AccountNeed, FactorStep, Role
from core.errors import InputError, Reason

US = "US"
_ZIP = re.compile(r"[0-9]{5}(-[0-9]{4})?")
_COUNTRY = re.compile(r"[A-Z]{2}")
_DEA = re.compile(r"[A-Z][A-Z9][0-9]{7}")


# --- addresses -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """Where somebody lives, from a day on; `state` is a USPS code, and empty outside the United States."""

    lines: tuple[str, ...]
    city: str
    state: str
    postal_code: str
    country: str
    starts_on: date


def address_faults(address: Address) -> list[InputError]:
    """Return everything that keeps an address from being one; in the United States it needs state and ZIP."""
    faults = []
    if not _COUNTRY.fullmatch(address.country):
        faults.append(_fault("country", "unknown_country", "Use a code of two capital letters, such as US."))
    if address.country == US:
        if address.state not in STATES:
            faults.append(_fault("state", "unknown_state", "Use the state's two letters, such as NY."))
        if not _ZIP.fullmatch(address.postal_code):
            faults.append(_fault("postal_code", "invalid", "A ZIP code has five digits, or nine."))
    elif address.state:
        faults.append(_fault("state", "unknown_state", "Leave the state empty outside the United States."))
    return faults


def _fault(field: str, code: str, detail: str) -> InputError:
    return InputError(pointer=f"/address/{field}", code=code, detail=detail)


# --- licences --------------------------------------------------------------------------------------------


def is_dea_number(number: str) -> bool:
    """Tell whether `number` can be a prescriber's: a letter, a letter or 9, six digits, a check digit.

    The first, third and fifth digit and twice the second, fourth and sixth sum up to a number that ends in
    the check digit. Not verified against a source of the DEA's own; it finds typing errors, not forgeries.
    """
    if not _DEA.fullmatch(number):
        return False
    digits = [int(digit) for digit in number[2:]]
    return (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10 == digits[6]


@dataclass(frozen=True)
class TreatingFacts:
    """Where a patient lives (`None`: no address on file), and where treating them is allowed."""

    state: str | None
    served: frozenset[str]
    licensed: frozenset[str]


def treating_faults(facts: TreatingFacts) -> list[Reason]:
    """Return why a clinician may not sign for a patient; an unknown address is one: it could be anywhere."""
    if facts.state is None:
        return [Reason("address_unknown", "There is no address on file; a licence is good for a state.")]
    faults = []
    if facts.state not in facts.served:
        faults.append(Reason("state_not_served", "The clinic does not treat where this person lives."))
    if facts.state not in facts.licensed:
        faults.append(Reason("not_licensed_there", "You hold no licence now for where this person lives."))
    return faults


# --- roles -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GrantFacts:
    """Who gives which role to whom; `grantor_roles` is `None` where the installation itself grants."""

    role: Role
    to_themselves: bool
    grantor_roles: frozenset[Role] | None
    is_clinician: bool
    is_licensed: bool


def grant_faults(facts: GrantFacts) -> list[Reason]:
    """Return why a role cannot be given: operators grant, never to themselves, and some roles need a person.

    A clinician needs a name to sign with, a medical director a licence as well.
    """
    faults = []
    if facts.to_themselves:
        faults.append(Reason("own_role", "Nobody gives a role to themselves; ask another operator."))
    if facts.grantor_roles is not None and Role.OPERATOR not in facts.grantor_roles:
        faults.append(Reason("not_an_operator", "Roles are given by operators."))
    if facts.role in (Role.CLINICIAN, Role.MEDICAL_DIRECTOR) and not facts.is_clinician:
        faults.append(Reason("not_a_clinician", "Record name and credentials first."))
    if facts.role == Role.MEDICAL_DIRECTOR and not facts.is_licensed:
        faults.append(Reason("not_licensed", "A medical director holds a licence; record it first."))
    return faults


def invitation_faults(role: Role) -> list[Reason]:
    """Return why nobody can be invited to be that: a director has a licence before they have the role."""
    if role == Role.MEDICAL_DIRECTOR:
        return [Reason("not_licensed", "Invite a clinician, record the licence, then give the role.")]
    return []


# --- care ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HandoverFacts:
    """Who puts whom into whose care."""

    role: Role
    by_roles: frozenset[Role]
    to_themselves: bool
    is_patient: bool
    takes_roles: frozenset[Role]
    takes_part: bool
    patient_state: str | None
    licensed: frozenset[str]


def handover_faults(facts: HandoverFacts) -> list[Reason]:
    """Return why a patient cannot be put into somebody's care.

    Operators and the medical director do, and never into their own: that would be a way into any chart.
    Whoever takes over practises, holds a licence for where the patient lives, and is not the patient.
    """
    faults = []
    if not facts.by_roles & {Role.OPERATOR, Role.MEDICAL_DIRECTOR}:
        faults.append(Reason("not_an_operator", "Operators and the medical director assign care."))
    if facts.to_themselves:
        faults.append(Reason("own_care", "Nobody takes a patient into their own care; ask a colleague."))
    if facts.is_patient:
        faults.append(Reason("own_chart", "Nobody cares for themselves."))
    if facts.role not in facts.takes_roles or not facts.takes_part:
        faults.append(Reason("role_not_held", "They do not hold that role now."))
    elsewhere = facts.patient_state is not None and facts.patient_state not in facts.licensed
    if facts.role == Role.CLINICIAN and elsewhere:
        faults.append(Reason("not_licensed_there", "They hold no licence now for where this person lives."))
    return faults


# --- sign-ins --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Limits:
    """How long a sign-in lasts: in all, and from one request to the next."""

    whole: timedelta
    idle: timedelta


@dataclass(frozen=True)
class SignInFacts:
    """What decides whether a device is still signed in."""

    signed_in_at: datetime
    last_seen_at: datetime
    works_here: bool
    """Holds a role, or is let into the admin."""
    has_lost_a_role: bool
    """Since signing in."""
    has_factor: bool
    """Has set up a second factor: recovery codes alone are none."""


def is_over(facts: SignInFacts, *, limits: Limits | None, at: datetime) -> bool:
    """Tell whether a sign-in has ended by `at`: too long, too long unused, or a role taken away meanwhile."""
    if facts.has_lost_a_role:
        return True
    if limits is None:
        return False
    return at >= facts.signed_in_at + limits.whole or at >= facts.last_seen_at + limits.idle


def factor_step(facts: SignInFacts, *, has_shown_factor: bool) -> FactorStep | None:
    """Return what somebody has yet to do before they may work here; patients may go without."""
    if not facts.works_here:
        return None
    if not facts.has_factor:
        return FactorStep.ENROLL
    return None if has_shown_factor else FactorStep.USE


def is_recent(given_at: datetime | None, *, within: timedelta, at: datetime) -> bool:
    """Tell whether a password or code came so shortly before `at` that it speaks for whoever is there."""
    return given_at is not None and timedelta(0) <= at - given_at < within


def account_needs(
    *, is_verified: bool, step: FactorStep | None, works_here: bool, has_chart: bool
) -> list[AccountNeed]:
    """Return what an account still needs, in the order in which to do it."""
    needs = [] if is_verified else [AccountNeed.VERIFY_EMAIL]
    if step is not None:
        needs.append(AccountNeed(step.value))
    if not works_here and not has_chart:
        needs.append(AccountNeed.PROFILE)
    return needs
