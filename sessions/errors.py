from core.errors import Conflict, InvalidInput, Refused, Unavailable


class WrongSessionState(Conflict):
    """The session is not at the step for this."""

    code = "wrong_session_state"


class AlreadyBooked(Conflict):
    """There is an open session already; finish it or cancel it first."""

    code = "session_already_booked"


class AlreadyProposed(Conflict):
    """This time is proposed already, and waits for an answer."""

    code = "time_already_proposed"


class ProposalAnswered(Conflict):
    """This proposal has had another answer."""

    code = "proposal_answered"


class NotBookable(Refused):
    """A session cannot be booked for that time."""

    code = "session_not_bookable"


class SessionNotStartable(Refused):
    """The session cannot start now."""

    code = "session_not_startable"


class SessionNotWatched(Unavailable):
    """The session cannot start now: nobody would notice if it went silent."""

    code = "session_not_watched"


class NotAPlace(InvalidInput):
    """That is not a place that help can be sent to."""

    code = "not_a_place"


class NothingToOverrule(Refused):
    """There is no yes to that question today."""

    code = "nothing_to_overrule"


class NotOverridable(Refused):
    """These readings cannot be overridden."""

    code = "readings_not_overridable"


class DoseNotNow(Refused):
    """The dose cannot be taken now."""

    code = "dose_not_now"


class NotALateDose(Refused):
    """This is not the report of a dose that was taken in its time."""

    code = "not_a_late_dose"


class DoseAlreadyTaken(Conflict):
    """The dose of this session is taken; there is never a second one."""

    code = "dose_already_taken"


class NotTheMorning(Refused):
    """The morning after has not come."""

    code = "not_the_morning"


class NotOverYet(Refused):
    """The session is still being watched."""

    code = "session_not_over_yet"


class NotDosed(Conflict):
    """No dose was taken in this session, so there are no effects of one."""

    code = "not_dosed"


class AlreadyTriaged(Conflict):
    """A clinician has looked at this already."""

    code = "already_triaged"


class AlreadyReviewed(Conflict):
    """A clinician has reviewed this session and sealed its log."""

    code = "already_reviewed"


class LogChanged(Conflict):
    """The log is not what was read any more; read it again, then sign."""

    code = "log_changed"


class LogSealed(Conflict):
    """The log is sealed: a clinician corrects it, with a reason; a report of harm is always taken."""

    code = "log_sealed"


class EntryReplaced(Conflict):
    """There is a newer version of this entry; correct that one."""

    code = "entry_replaced"


class NotReviewable(Refused):
    """The session cannot be reviewed yet."""

    code = "session_not_reviewable"


class NobodyInvited(Conflict):
    """Nobody holds a link to this session; invite somebody first."""

    code = "nobody_invited"


class EntryChanged(Conflict):
    """An entry with this number was sent before and said something else; give the new one a new number."""

    code = "entry_changed"


class MonitorIsPatient(InvalidInput):
    """Somebody else has to be there; this is the patient's own address."""

    code = "monitor_is_patient"
