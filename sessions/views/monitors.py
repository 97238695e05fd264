from datetime import datetime
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import services as accounts
from accounts.limits import count_code_try
from accounts.permissions import IsMonitor, link_of, require_device
from core import clock
from core.api import View
from core.fields import NothingInput, checked, shaped
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED
from sessions import queries, services
from sessions.models import TreatmentSession
from sessions.rules import Party
from sessions.serializers.sessions import BoundOutput, DeviceInput, MonitorOutput
from sessions.views.base import SESSION_ID, SessionView

INVITED = {
    "first_name": "Dan",
    "invited_at": "2026-02-26T09:00:00Z",
    "expires_at": "2026-03-04T17:00:00Z",
    "code": "408213",
    "bound_at": None,
    "sees": ["Your first name.", "When the session is, and how far it has come."],
}


class SessionMonitor(SessionView):
    """Who stays for the session."""

    @extend_schema(
        operation_id="session_monitor_read",
        summary="Who stays, and what is the code for their link?",
        responses=MonitorOutput,
        examples=[OpenApiExample("Asked, and not there yet", value=INVITED, response_only=True)],
    )
    def get(self, request: Request, session_id: UUID) -> Response:  # noqa: ARG002
        """Show who was asked, the code to read to them, since when a device has it, and what they will see.

        The code is empty once it was entered; before anybody is asked, all but `sees` is.
        """
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, Party.CLINICIAN, at=at)
        return self.shown(_told(session, at=at), session.enrollment.patient_id)


class MonitorReleases(SessionView):
    """Another device for whoever stays."""

    @extend_schema(
        operation_id="session_monitor_release",
        summary="Let the link be used on another device",
        request=NothingInput,
        responses=MonitorOutput,
        examples=[OpenApiExample("A new code", value=INVITED, response_only=True)],
    )
    @idempotent
    def post(self, request: Request, session_id: UUID) -> Response:
        """Take the link from the device that has it and make a new code, also while the session runs."""
        checked(NothingInput, request.data)
        at = clock.now()
        session = self.session(session_id, Party.PATIENT, Party.CLINICIAN, at=at)
        services.release_monitor(session, at=at)
        return _told(session, at=at)


def _told(session: TreatmentSession, *, at: datetime) -> Response:
    return Response(shaped(MonitorOutput, queries.watcher(session, at=at)))


class MonitorDevices(View):
    """The device on which a link is used."""

    permission_classes = (IsMonitor,)
    throttle_classes = NEVER_COUNTED
    hears_any_device = True

    @extend_schema(
        operation_id="monitor_devices_bind",
        summary="Use this link on this device",
        request=DeviceInput,
        responses={200: BoundOutput},
        examples=[
            OpenApiExample(
                "The code was read aloud",
                value={"code": "408213", "device": "Zm9yIHRoaXMgZXhhbXBsZSBhbG9uZQ"},
                request_only=True,
            ),
            OpenApiExample("Bound", value={"session": SESSION_ID}, response_only=True),
        ],
    )
    def post(self, request: Request) -> Response:
        """Bind the link to the device that has the code; from then on it shows its key beside the token.

        Needs no Idempotency-Key: the device's own key says whether it is the same one that asks again.
        """
        said = checked(DeviceInput, request.data)
        holder = link_of(request)
        if holder.capability.is_held:
            require_device(request)
        else:
            count_code_try(holder.capability.pk)
            accounts.bind_device(holder.capability.pk, at=clock.now(), **said)
        return Response({"session": holder.capability.target_id}, status=status.HTTP_200_OK)
