from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, services
from accounts.permissions import IsPerson, RecentlyAuthenticated, user_of
from accounts.serializers import MeOutput, ProfileInput
from accounts.sign_ins import factor_step
from core import clock
from core.api import View


class Me(View):
    """The signed-in person."""

    permission_classes = (IsPerson, RecentlyAuthenticated)
    before_second_factor = True
    save = staticmethod(services.save_me)

    @extend_schema(
        operation_id="me_read",
        summary="Who am I here?",
        responses=MeOutput,
        examples=[
            OpenApiExample(
                "A new account",
                value={
                    "id": "0199c0de-0000-7000-8000-000000000001",
                    "email": "ada@example.org",
                    "roles": [],
                    "patient": None,
                    "addresses": [],
                    "needs": ["profile"],
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Show the account, its roles, and the patient behind it."""
        return self._answer(request)

    @extend_schema(
        operation_id="me_save_profile",
        summary="Say who I am, before choosing a program",
        request=ProfileInput,
        responses=MeOutput,
        examples=[
            OpenApiExample(
                "Ada",
                value={
                    "legal_name": "Ada Example",
                    "preferred_name": "Ada",
                    "birth_on": "1984-05-17",
                    "timezone": "America/New_York",
                    "language": "en-US",
                    "address": {
                        "lines": ["12 Example Street"],
                        "city": "Albany",
                        "state": "NY",
                        "postal_code": "12207",
                        "country": "US",
                    },
                },
                request_only=True,
            )
        ],
    )
    def put(self, request: Request) -> Response:
        """Store name, birth date, zone, language and address; sending the same again changes nothing.

        An address holds from the day it says, or from today; without one, what is on file stays.
        """
        profile = ProfileInput(data=request.data)
        profile.is_valid(raise_exception=True)
        self.save(
            user_of(request), profile=profile.profile(), address=profile.address_given(), at=clock.now()
        )
        return self._answer(request)

    def _answer(self, request: Request) -> Response:
        user, at = user_of(request), clock.now()
        patient = queries.patient_of(user.pk)
        body = {
            "id": user.pk,
            "email": user.email,
            "roles": sorted(queries.roles_of(user.pk, at=at)),
            "patient": patient,
            "addresses": [] if patient is None else queries.addresses_of(patient, at=at),
            "needs": queries.account_needs(user, step=factor_step(request), at=at),
        }
        charts = () if patient is None else (patient.pk,)
        return self.shown(Response(MeOutput(body).data), *charts)
