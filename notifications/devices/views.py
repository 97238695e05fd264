from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsPatient, user_of
from accounts.sign_ins import SessionStore
from core import clock
from core.api import View
from core.errors import InputError, InvalidInput
from core.fields import shaped
from core.idempotency import idempotent
from notifications.channels import offered
from notifications.channels.push import public_key
from notifications.devices import queries, serializers, services
from notifications.enums import PUSH, Channel

DEVICE = {
    "id": "0199c0de-0000-5000-8000-0000000000d3",
    "channel": "fcm",
    "registered_at": "2026-03-02T15:00:00Z",
}


class Devices(View):
    """The phones and browsers on which somebody is signed in and wants to be reached."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="devices_read",
        summary="Which of my devices are told something?",
        responses=serializers.PushDevicesOutput,
        examples=[
            OpenApiExample(
                "A phone",
                value={"offered": ["apns", "fcm"], "web_push_key": "", "devices": [DEVICE]},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """List them, the one registered last first, and what can be registered here."""
        return _listed(request)

    @extend_schema(
        operation_id="devices_register",
        summary="Tell me on this device",
        request=serializers.PushDeviceInput,
        responses={201: serializers.PushDeviceOutput},
        examples=[
            OpenApiExample(
                "An app on a phone",
                value={"channel": "fcm", "token": "dGhlLXRva2VuLW9mLXRoaXMtcGhvbmU"},
                request_only=True,
            ),
            OpenApiExample("Registered", value=DEVICE, response_only=True),
        ],
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Register the device that this is sent from, at each start of the app and after a new password.

        It is forgotten as this sign-in ends, by whatever way, and when somebody else registers it.
        """
        said = serializers.PushDeviceInput(data=request.data)
        said.is_valid(raise_exception=True)
        address = said.address()
        if address.channel not in offered():
            detail = "This clinic cannot reach devices of that kind."
            raise InvalidInput(errors=[InputError("/channel", "not_offered", detail)])
        device = services.register(user_of(request), _sign_in(request), address=address, at=clock.now())
        return Response(shaped(serializers.PushDeviceOutput, device), status=201)


def _listed(request: Request) -> Response:
    can_push = PUSH & offered()
    found = {
        "offered": sorted(can_push),
        "web_push_key": public_key() if Channel.WEB in can_push else "",
        "devices": queries.devices_of(user_of(request)),
    }
    return Response(shaped(serializers.PushDevicesOutput, found))


def _sign_in(request: Request) -> str:
    """Return the key of the sign-in that a request came with."""
    session = request.auth if isinstance(request.auth, SessionStore) else request.session
    if not isinstance(session, SessionStore) or session.session_key is None:
        raise NotAuthenticated
    return session.session_key


class Device(View):
    """One of them."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="devices_remove",
        summary="Tell me nothing on this device any more",
        responses={200: serializers.PushDevicesOutput},
        examples=[
            OpenApiExample(
                "None left",
                value={"offered": ["apns", "fcm"], "web_push_key": "", "devices": []},
                response_only=True,
            )
        ],
    )
    def delete(self, request: Request, device_id: UUID) -> Response:
        """Forget it, and list those that are left; it can be registered again."""
        services.remove(user_of(request), device_id)
        return _listed(request)
