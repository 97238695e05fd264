from collections.abc import Sequence

from core.actors import Actor
from core.errors import Conflict, InvalidInput, NotAllowed, Reason, Refused


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


class UnfitAddress(InvalidInput):
    """That address is not complete."""

    code = "unfit_address"


class UnfitPrescriberNumber(InvalidInput):
    """That is no prescriber number; look for a typing error."""

    code = "unfit_prescriber_number"


class MayNotTreat(Refused):
    """Nobody signs for a person outside the places where clinic and clinician may treat."""

    code = "may_not_treat"


class NotServed(Refused):
    """We cannot treat people where you live yet; please call us."""

    code = "state_not_served"


class CannotGrant(Refused):
    """This role cannot be given so; each reason is listed."""

    code = "cannot_grant"


class RoleNotHeld(Conflict):
    """They do not hold that role."""

    code = "role_not_held"


class AddressTaken(Conflict):
    """There is an account with this address already; give it the role instead."""

    code = "address_taken"


class InvitationSpent(Conflict):
    """This invitation has been used or called back; sign in, or ask for a new one."""

    code = "invitation_spent"


class OperatorExists(Conflict):
    """There is an operator already, who can invite another."""

    code = "operator_exists"


class UnfitPassword(InvalidInput):
    """That password is too easy to guess."""

    code = "unfit_password"


class NoSuchPerson(InvalidInput):
    """There is no active account with that id."""

    code = "no_such_person"


class CannotHandOver(Refused):
    """This patient cannot be put into their care; each reason is listed."""

    code = "cannot_hand_over"


class WorksHere(Refused):
    """You work here with this account; ask the clinic's operator to end your roles first."""

    code = "works_here"


class SecondFactorRequired(NotAllowed):
    """Whoever works here signs in with a second factor."""

    type = "second-factor-required"
    title = "Second factor required"
    code = "second_factor_required"

    def __init__(self, *, principal: Actor, reasons: Sequence[Reason]) -> None:
        super().__init__(reasons=reasons)
        self.principal = principal


class DeviceNotBound(NotAllowed):
    """Enter the code first; whoever invited you has it in their app."""

    code = "device_not_bound"

    def __init__(self, *, principal: Actor | None = None) -> None:
        super().__init__()
        self.principal = principal


class OtherDevice(DeviceNotBound):
    """This link is in use on another device; whoever invited you can ask for a new code."""

    code = "other_device"


class ReauthenticationRequired(NotAllowed):
    """Show once more that it is you: this needs a password or code given in the last five minutes."""

    type = "reauthentication-required"
    title = "Sign in once more"
    code = "reauthentication_required"


class ChartIsOpen(Conflict):
    """This chart is open to you already; read it as usual."""

    code = "chart_is_open"


class AskPrivacyOfficer(Refused):
    """This cannot be told apart from here; call the privacy officer."""

    code = "ask_privacy_officer"


class OpeningReviewed(Conflict):
    """Somebody has reviewed this already."""

    code = "opening_reviewed"


class OwnOpening(Refused):
    """Nobody reviews what they opened themselves; ask another privacy officer."""

    code = "own_opening"


class OtherPolicy(Conflict):
    """This is not the text that you read; read it again before you sign."""

    code = "other_policy"


class SignedAlready(NotAllowed):
    """Two people sign a policy; you have signed this version, so somebody else has to."""

    code = "signed_already"


class PolicyTakesEffect(Conflict):
    """This version has its two signatures."""

    code = "policy_takes_effect"


class PolicySuperseded(Conflict):
    """A newer version has taken effect; publish what this one says as a version after it."""

    code = "policy_superseded"


class CannotRollBack(Conflict):
    """Only a version that was signed by two people and does not hold now can be gone back to."""

    code = "cannot_roll_back"


class MedicalDirectorAlone(NotAllowed):
    """A medical director goes back to an earlier version; ask one."""

    code = "medical_director_alone"
