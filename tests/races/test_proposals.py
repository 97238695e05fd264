"""A proposal confirmed while the same person confirms it again, or books for themselves: one session."""

from contextlib import nullcontext
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError

from accounts.models import Patient, User
from core.actors import Actor
from sessions import queries, services
from sessions.errors import AlreadyBooked
from sessions.models import SessionProposal, TreatmentSession
from tests.races.together import meeting, together, without_row_locks
from tests.sessions import stages

ROUNDS = 4
MOST = ROUNDS // 2 + 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("locked", [True, False])
@pytest.mark.parametrize("against", ["confirming", "booking"])
def test_a_confirmation_against(ada: Patient, ben: User, at: datetime, against: str, locked: bool) -> None:
    """With the lock one waits for the other; in the twin without it the database refuses the second."""
    enrollment, actor = stages.measured(ada, at=at), Actor.person(ada.user_id)
    overlaps, kinds = 0, set[type]()
    for number in range(ROUNDS):
        when, zone = at + timedelta(days=3, hours=number), "America/New_York"
        proposal = services.propose(enrollment.pk, scheduled_at=when, timezone=zone, note="", by=ben, at=at)

        def confirm(to: SessionProposal = proposal) -> TreatmentSession:
            return services.confirm_proposal(to, by=ada.user, at=at)

        def book() -> TreatmentSession:
            soon = at + timedelta(days=1)
            return services.book(enrollment.pk, scheduled_at=soon, timezone="Etc/GMT", actor=actor, at=at)

        locks = nullcontext() if locked else without_row_locks()
        with locks, meeting((queries, "booking_facts")) as point:
            results = together(confirm, confirm if against == "confirming" else book)
        overlaps += point.met
        kinds |= {type(result) for result in results}
        (session,) = queries.booked_sessions(enrollment.pk)
        proposal.refresh_from_db()
        if locked:
            assert (proposal.answer, proposal.session) == ("confirmed", session)
            assert session.scheduled_at == proposal.scheduled_at
        services.cancel(session, reason="", actor=actor, at=at)
    assert TreatmentSession in kinds
    assert kinds <= {TreatmentSession, IntegrityError if not locked else AlreadyBooked}
    assert overlaps == 0 if locked else overlaps >= MOST
