from collections.abc import Callable
from datetime import datetime

import pytest
from rest_framework.test import APIClient

from accounts.models import Capability, Patient, User
from accounts.services import hash_token
from sessions.models import TreatmentSession
from tests import steps
from tests.sessions import stages

ClientOf = Callable[[User], APIClient]


@pytest.fixture
def as_ada(ada: Patient, client_of: ClientOf) -> APIClient:
    """The patient's app."""
    return client_of(ada.user)


@pytest.fixture
def as_ben(ben: User, client_of: ClientOf) -> APIClient:
    """Her clinician's."""
    return client_of(ben)


@pytest.fixture
def as_cyd(cyd: Patient, client_of: ClientOf) -> APIClient:
    """A stranger's."""
    return client_of(cyd.user)


@pytest.fixture
def session(ada: Patient, at: datetime) -> TreatmentSession:
    """Ada's first session, booked for a minute from now; her baseline is still to be filled in."""
    return stages.fetch(stages.book(steps.active(ada, at=at), at=at))


@pytest.fixture
def as_dan(session: TreatmentSession, at: datetime) -> APIClient:
    """The monitor's phone, with the link from his mail."""
    return by_link(stages.invited(session, at=at)[1])


def by_link(token: str) -> APIClient:
    """Return a client that shows a link's token, on the device that has entered its code, if it has one."""
    stages.bind(Capability.objects.filter(token_sha256=hash_token(token)))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Capability {token} {stages.DEVICE}")
    return client
