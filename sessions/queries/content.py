"""Which content modules an enrollment has been given."""

from datetime import datetime
from logging import getLogger
from zoneinfo import ZoneInfo

from accounts.policies import queries as policies
from core.documents import NoDocumentInForce
from core.enums import DocumentKind
from core.logs import log_failure
from programs.models import Enrollment
from programs.queries import active_since
from safety.screening.policy import PolicyError
from sessions import rules
from sessions.content import Module, parse_content
from sessions.enums import VOID_STATUSES, SessionEvent
from sessions.models import SessionTransition

logger = getLogger(__name__)


def content_modules(enrollment: Enrollment, *, at: datetime) -> list[rules.Released]:
    """Return what an enrollment has been given to read by `at`, by the version in force, in that order.

    Nothing where no version is signed, or the one that is cannot be read: nobody waits for what is to read.
    """
    return rules.released(_modules_in_force(at=at), content_facts(enrollment), at=at)


def content_facts(enrollment: Enrollment) -> rules.ContentFacts:
    """Gather what releases modules: the bookings that are not void, and the enrollment's first active day."""
    booked = SessionTransition.objects.filter(session__enrollment=enrollment, event=SessionEvent.BOOKED)
    rows = booked.exclude(session__status__in=VOID_STATUSES).values_list(
        "session__number", "at", "session__dosed_at", "session__ended_at"
    )
    sessions = list(rows)
    return rules.ContentFacts(
        booked_at={number: booked_at for number, booked_at, _, _ in sessions},
        ended_at={number: ended_at for number, _, dosed_at, ended_at in sessions if dosed_at and ended_at},
        active_since=active_since(enrollment.pk),
        zone=ZoneInfo(enrollment.patient.timezone),
    )


def _modules_in_force(*, at: datetime) -> tuple[Module, ...]:
    try:
        return parse_content(policies.in_force(DocumentKind.CONTENT_MODULES, at=at).content)
    except NoDocumentInForce:
        return ()
    except PolicyError as error:
        log_failure(logger, "The content modules in force cannot be read; nobody is shown any", error)
        return ()
