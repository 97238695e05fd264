from core.errors import Conflict, InvalidInput, NotAllowed, Refused, Unavailable


class NotScreening(Conflict):
    """The health questions are answered while a program is open."""

    code = "not_screening"


class AlreadyReviewed(Conflict):
    """A clinician has decided on this screening already."""

    code = "already_reviewed"


class SupersededScreening(Conflict):
    """There are newer answers; decide on those."""

    code = "superseded_screening"


class PolicyChanged(Conflict):
    """The policy has changed since these answers were given; ask for them again."""

    code = "policy_changed"


class NoAuthority(Refused):
    """No law in force lets us prescribe without a visit in person; the medical director knows more."""

    code = "no_authority"


class ProfileChanged(Conflict):
    """Something about this person's health has changed since these answers; ask for them again."""

    code = "profile_changed"


class Ineligible(Refused):
    """The policy excludes this person; nobody can accept them."""

    code = "ineligible"


class IdentityOpen(Refused):
    """It is not settled who this person is; somebody has to look first."""

    code = "identity_open"


class NothingExcludes(Conflict):
    """The policy excludes nobody here; decide on the screening itself."""

    code = "nothing_excludes"


class OverriddenByYou(Conflict):
    """You have signed against this exclusion already; it takes a colleague too."""

    code = "overridden_by_you"


class TakesTwo(Refused):
    """The policy excludes this person; another clinician has to sign against that first."""

    code = "takes_two"


class VersionTaken(Conflict):
    """There is a version with this number, and it says something else; give yours the next number."""

    code = "version_taken"


class DraftClosed(Conflict):
    """This draft is closed: it was put up to be signed, or put aside. Begin another one."""

    code = "draft_closed"


class DraftOvertaken(Conflict):
    """Another version holds since this draft was begun, and is not in it. Begin a draft from that one."""

    code = "draft_overtaken"


class WrongAlertState(Conflict):
    """An alert is acknowledged once, by a named clinician, and closed after that."""

    code = "wrong_alert_state"


class AlreadyLifted(Conflict):
    """This hold has been lifted already."""

    code = "already_lifted"


class PlacedByYou(Conflict):
    """Somebody else lifts a hold than who placed it, or reported what it was placed for; ask a colleague."""

    code = "placed_by_you"


class IdentitySettled(Refused):
    """Your name and birth date were checked against a document. Call us, and we correct them with you."""

    code = "identity_settled"


class NotYet(InvalidInput):
    """What is recorded has happened; that time is still to come."""

    code = "in_the_future"


class NoScreeningPolicy(Unavailable):
    """No screening policy is in force, so nobody can be screened."""

    code = "no_screening_policy"


class NotThisPerson(InvalidInput):
    """The record is about somebody with another name or birth date."""

    code = "not_this_person"


class NotABundle(InvalidInput):
    """This is no FHIR R4 bundle about one patient."""

    code = "not_a_bundle"


class AskYourClinician(NotAllowed):
    """This came from a clinician or a record; tell your clinician what is different."""

    code = "ask_your_clinician"
