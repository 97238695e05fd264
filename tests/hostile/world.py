"""A clinic with somebody in every role and something at every address, to be attacked."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from accounts.models import Patient, SignIn
from assessments.models import Assessment
from safety import services as safety
from safety.enums import AlertClass
from safety.models import AdverseEvent, Hold, Screening
from tests.hostile.payloads import Body, Sent
from tests.sessions import stages
from tests.sessions.conftest import by_link
from tests.steps import clinician

SIGN_IN_BODY: Body = {"email": "ada@example.org", "password": "wrong", "key": "123456", "code": "123456"}
WRITING = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Operation:
    """Something that can be written: method, address with its parameters, and a valid body."""

    method: str
    path: str
    body: Body


def operations() -> list[Operation]:
    """Return every writable operation of the URLconf: ours with the schema's example, the library's."""
    examples = {(op.method, op.path): op.body for op in _from_schema()}
    found = {}
    for path, methods in _routes(get_resolver().url_patterns):
        if path.startswith("/api/v1/"):
            for method in methods:
                default = SIGN_IN_BODY if "/auth/" in path else {}
                found[method, path] = Operation(method, path, examples.get((method, path), default))
    assert set(examples) <= set(found), set(examples) - set(found)
    return [found[key] for key in sorted(found)]


def _from_schema() -> Iterator[Operation]:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if method.upper() in WRITING:
                content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
                shown = [example["value"] for example in content.get("examples", {}).values()]
                yield Operation(method.upper(), path, max(shown, key=len, default={}))


def _routes(patterns: Any, prefix: str = "/") -> Iterator[tuple[str, list[str]]]:
    for pattern in patterns:
        path = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            view: Any = getattr(pattern.callback, "cls", None) or getattr(
                pattern.callback, "view_class", None
            )
            yield path, [method for method in WRITING if hasattr(view, method.lower())]


@dataclass
class World:
    """Who attacks, and what is there."""

    clients: dict[str, APIClient]
    ids: dict[str, str]

    def send(self, role: str, operation: Operation, sent: Sent) -> Any:
        """Send one request; nothing it raises comes here, a broken view answers 500."""
        client = self.clients[role]
        path = re.sub(r"\{(\w+)\}", lambda name: self.ids.get(name[1], str(uuid4())), operation.path)
        headers = {"Idempotency-Key": str(uuid4()), "If-Match": '"v1"'} | dict(sent.headers)
        return client.generic(
            operation.method,
            f"{path}?{sent.query}" if sent.query else path,
            sent.body,  # type: ignore[arg-type]  # bytes go through as they are
            content_type=sent.content_type,
            headers=headers,
        )


ROLES = ("stranger", "patient", "clinician", "other patient", "monitor")


def build(ada: Patient, cyd: Patient, client_of: Any, *, at: datetime) -> World:
    """Ada in a running session with everything in her chart; Ben, Cyd, Dan with his link, and a stranger."""
    session = stages.dosed(ada, at=at)[0]
    alert = safety.raise_alert(ada.pk, alert_class=AlertClass.SUICIDE_RISK, source="test", at=at)
    patient = client_of(ada.user)
    patient.post(
        "/api/v1/adverse-events",
        {"description": "She is not well."},
        format="json",
        headers={"Idempotency-Key": str(uuid4())},
    )
    ids: dict[str, Any] = {
        "enrollment_id": session.enrollment_id,
        "session_id": session.pk,
        "alert_id": alert.pk,
        "screening_id": Screening.objects.latest("id").pk,
        "assessment_id": Assessment.objects.filter(enrollment=session.enrollment).latest("id").pk,
        "hold_id": Hold.objects.latest("id").pk,
        "event_id": AdverseEvent.objects.latest("id").pk,
        "client": "app",
    }
    clients = {
        "stranger": APIClient(),
        "patient": patient,
        "clinician": client_of(clinician(ada)),
        "other patient": client_of(cyd.user),
        "monitor": by_link(stages.token_in_mail(session)),
    }
    # That a device was seen again is written once a minute: no attack's doing, and not in a minute's tests.
    SignIn.objects.update(last_seen_at=at + timedelta(hours=1))
    for client in clients.values():
        client.raise_request_exception = False
    return World(clients, {name: str(value) for name, value in ids.items()})
