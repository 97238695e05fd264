from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import SuspiciousOperation
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import DeviceNotBound
from accounts.permissions import require_device
from core import clock
from core.api import View, etag
from core.errors import NotAllowed, Problem, Reason
from core.fields import shaped
from core.problems import problem_for
from core.quotas import NEVER_COUNTED
from sessions import queries
from sessions.models import TreatmentSession
from sessions.permissions import InSession, party_of, require_party
from sessions.rules import Party
from sessions.serializers.sessions import DayOutput

SESSION_ID = "0199c0de-0000-7000-8000-000000000030"
DAY = {
    "id": SESSION_ID,
    "enrollment": "0199c0de-0000-7000-8000-000000000010",
    "number": 1,
    "status": "in_progress",
    "scheduled_at": "2026-03-02T17:00:00Z",
    "timezone": "America/New_York",
    "started_at": "2026-03-02T17:02:00Z",
    "dosed_at": "2026-03-02T17:05:00Z",
    "ended_at": None,
    "no_drive_until": None,
    "may_drive": False,
    "drive_reasons": [],
    "server_time": "2026-03-02T17:09:30Z",
    "patient_first_name": "Ada",
    "dose_by": None,
    "deadlines": [{"id": "0199c0de-0000-7000-8000-000000000031", "due_at": "2026-03-02T17:17:00Z"}],
    "next_actions": ["check_in", "end", "observe", "record_dose_outcome", "report_event"],
    "emergency": {
        "phone": "911",
        "call_first": "Call 911 now. Tell us afterwards.",
        "signs": ["They cannot be woken."],
    },
    "overrides": [],
    "call_url": "",
}


class SessionView(View):
    """A view of one session, for whoever is part of it."""

    permission_classes: tuple[Any, ...] = InSession
    throttle_classes = NEVER_COUNTED

    def session(self, session_id: UUID, *allowed: Party, at: datetime) -> TreatmentSession:
        """Return a session that the actor may see and, as one of `allowed`, act in.

        A chart that was opened by break-glass is for reading: raises `NotAllowed` for anything else.
        """
        session = queries.session_for(self.actor, session_id, at=at)
        self.admit(session, *allowed, at=at)
        return session

    def admit(self, session: TreatmentSession, *allowed: Party, at: datetime) -> None:
        """Raise `NotAllowed` unless the actor may act, as one of `allowed`, in a session that they see.

        Not from another device than the one that a link is bound to.
        """
        require_device(self.request)
        party = require_party(self.actor, session, *allowed)
        reads = self.request.method in SAFE_METHODS
        if party == Party.CLINICIAN and not reads and not queries.cares_for(self.actor, session, at=at):
            raise NotAllowed("A chart opened by break-glass is for reading.")

    def answer(self, session: TreatmentSession, *, at: datetime, code: int = status.HTTP_200_OK) -> Response:
        """Answer with the session as the actor sees it now, and the tag of its version."""
        day = queries.day(session, party=party_of(self.actor, session), at=at)
        headers = {"ETag": etag(session.version), "Location": f"/api/v1/sessions/{session.pk}"}
        if code != status.HTTP_201_CREATED:
            del headers["Location"]
        answer = Response(shaped(DayOutput, day), status=code, headers=headers)
        return self.shown(answer, session.enrollment.patient_id)


class TellingView(SessionView):
    """A view of what may have been swallowed: no refusal hides it from a clinician (ADR 0012).

    Whatever else is wrong with the request; a device that the link is not bound to is heard as well. What
    cannot be read as JSON, or comes from nobody there, is answered by its first refusal.
    """

    hears_any_device = True
    told_by: tuple[Party, ...] = tuple(Party)

    def heard(self, session: TreatmentSession, *, refused: Exception, at: datetime) -> Reason | None:
        """Act on what was said though it was `refused`; return what to say of that, nothing where none is.

        After the refusal has undone everything else.
        """
        raise NotImplementedError

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a device that the link is not bound to, before it could get a stored answer."""
        super().initial(request, *args, **kwargs)
        require_device(request)

    def handle_exception(self, exc: Exception) -> Response:
        """Hear what was said, and add to the refusal what came of it."""
        if self._is_known and isinstance(exc, Problem | ValidationError) and (said := self._hear(exc)):
            exc = problem_for(exc)
            exc.reasons += (said,)
        return super().handle_exception(exc)

    def _hear(self, refused: Exception) -> Reason | None:
        at = clock.now()
        with suppress(Problem, APIException, SuspiciousOperation):
            session = queries.session_for(self.actor, self.kwargs["session_id"], at=at)
            if not isinstance(refused, DeviceNotBound):
                self.admit(session, *self.told_by, at=at)
            return self.heard(session, refused=refused, at=at)
        return None
