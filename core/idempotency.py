"""A POST that is sent twice acts once: same key and body, the same answer."""

import hashlib
import json
from collections.abc import Callable
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import View
from core.encryption import decrypt, encrypt
from core.errors import InputError, InvalidInput, KeyReused, PreconditionRequired
from core.ids import new_id
from core.models import IdempotencyRecord

HEADER = "Idempotency-Key"
MAX_KEY_LENGTH = 100
_KEPT_HEADERS = ("ETag", "Location")

P = ParamSpec("P")
Handler = Callable[Concatenate[Any, Request, P], Response]
Once = Callable[Concatenate[View, Request, P], HttpResponseBase]


def idempotent(handler: Handler[P]) -> Once[P]:
    """Run a POST handler in one transaction, at most once per principal and `Idempotency-Key`.

    The answer is stored in the transaction of the effect: both exist or neither does. A second request with
    the same key waits for the first and gets its answer; with another body it gets `KeyReused` (422). A
    refusal is not stored, so that it can be asked again. Without the header: `PreconditionRequired` (428).
    """
    what_for = "A value of your own choosing, new for each act; repeat it when you retry."
    return extend_schema(parameters=[_header(what_for, required=True)])(_once(handler, key_of=_key_of))


def idempotent_report(handler: Handler[P]) -> Once[P]:
    """Run the POST of a report of harm, which is never refused for its key.

    A retry is the same key with the same body, whatever the key looks like: it gets the same answer. Other
    words under a used key are a new report, and so is a request without one: told twice does no harm.
    """
    what_for = "Repeat it when you retry, so that the report is stored once; taken without it too."
    return extend_schema(parameters=[_header(what_for, required=False)])(_once(handler, key_of=_report_key))


def _header(what_for: str, *, required: bool) -> OpenApiParameter:
    return OpenApiParameter(
        name=HEADER,
        type=OpenApiTypes.STR,
        location=OpenApiParameter.HEADER,
        required=required,
        description=what_for,
    )


def _once(handler: Handler[P], *, key_of: Callable[[Request, str], str]) -> Once[P]:
    def once(view: View, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        fingerprint = _fingerprint(request)
        key = key_of(request, fingerprint)
        principal = str(view.actor)
        with transaction.atomic():
            record_id = _claim(principal=principal, key=key, fingerprint=fingerprint)
            if record_id is None:
                return _stored_answer(principal=principal, key=key, fingerprint=fingerprint)
            response = handler(view, request, *args, **kwargs)
            headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
            body = "" if response.data is None else JSONRenderer().render(response.data).decode()
            _keep(record_id, status=response.status_code, headers=headers, body=body)
        return _answer(body, status=response.status_code, headers=headers)

    # `functools.wraps` keeps the name and docstring that the schema reads; the signature gains HttpResponse.
    update_wrapper(once, handler)
    return once


def _key_of(request: Request, fingerprint: str) -> str:  # noqa: ARG001 - as `_report_key`
    key = request.headers.get(HEADER, "")
    if not key:
        raise PreconditionRequired(f"Send an {HEADER} header with a value of your own, new for each act.")
    if len(key) > MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        fault = f"at most {MAX_KEY_LENGTH} printable ASCII characters"
        raise InvalidInput(errors=[InputError(pointer=f"header:{HEADER}", code="invalid", detail=fault)])
    return key


def _report_key(request: Request, fingerprint: str) -> str:
    given = request.headers.get(HEADER, "")
    if not given:
        return str(new_id())
    return hashlib.sha256(f"{given}\n{fingerprint}".encode()).hexdigest()


def _fingerprint(request: Request) -> str:
    body = json.dumps(request.data, sort_keys=True)
    return hashlib.sha256(f"{request.method} {request.path}\n{body}".encode()).hexdigest()


def _claim(*, principal: str, key: str, fingerprint: str) -> UUID | None:
    """Insert the key, waiting for a twin in flight; `None` if it is already answered."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO core_idempotencyrecord (id, principal, key, fingerprint, headers, answer)
            VALUES (%s, %s, %s, %s, '{}', '') ON CONFLICT (principal, key) DO NOTHING RETURNING id
            """,
            [new_id(), principal, key, fingerprint],
        )
        row = cursor.fetchone()
    return UUID(str(row[0])) if row else None


def _keep(record_id: UUID, *, status: int, headers: dict[str, str], body: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_idempotencyrecord SET status = %s, headers = %s, answer = %s WHERE id = %s",
            [status, json.dumps(headers), encrypt(body, place=_place(record_id)), record_id],
        )


def _answer(body: str, *, status: int | None, headers: dict[str, str]) -> HttpResponse:
    """Return the answer as it is kept, the first time too: the words of a retry are the same to the byte."""
    return HttpResponse(body, status=status, headers=headers, content_type="application/json")


def _place(record_id: UUID) -> str:
    return f"core_idempotencyrecord.answer:{record_id}"


def _stored_answer(*, principal: str, key: str, fingerprint: str) -> HttpResponse:
    record = IdempotencyRecord.objects.get(principal=principal, key=key)
    if record.fingerprint != fingerprint:
        raise KeyReused
    body = decrypt(record.answer, place=_place(record.pk))
    return _answer(body, status=record.status, headers=record.headers)
