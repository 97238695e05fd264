"""What every view of ours is built on."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar
from uuid import UUID

from django.db import Error, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import exceptions, permissions, views
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from core import looks, quotas
from core.acting import acting_as
from core.actors import Actor
from core.errors import MethodNotAllowed, PreconditionRequired, Stale
from core.fields import shaped
from core.limits import Limit, Verdict
from core.paging import Paging
from core.problems import was_cut_off

_Answer = TypeVar("_Answer", bound=HttpResponseBase)
REFUSALS = (401, 403, 404)


class View(views.APIView):
    """A DRF view that knows who acts, pages its lists and answers in problem documents."""

    pagination_class: type[Paging] | None = Paging
    quota: tuple[Limit, Verdict] | None = None
    _is_known = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer; whoever is found to send the request acts until then.

        Where the database has cut the request off, what only reads finds that out at the end.
        """
        try:
            with ExitStack() as self._request:
                return super().dispatch(request, *args, **kwargs)
        except Error as failure:
            if not was_cut_off(failure):
                raise
            told = self.handle_exception(failure)
            answer: Response = self.finalize_response(self.request, told, *args, **kwargs)
            self.response = answer
            return answer

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let nobody through who may not; what only reads is one transaction."""
        super().initial(request, *args, **kwargs)
        if request.method in permissions.SAFE_METHODS:
            self._request.enter_context(transaction.atomic())

    def perform_authentication(self, request: Request) -> None:
        """Find out who sends the request, and let them act."""
        super().perform_authentication(request)
        if request.user.is_authenticated:
            self._request.enter_context(acting_as(self.actor))
            self._is_known = True

    @property
    def actor(self) -> Actor:
        """Return who acts: the holder of the link that was shown, or the signed-in person."""
        return actor_of(self.request)

    def page(
        self,
        rows: QuerySet[Any],
        shape: type[Serializer[Any]],
        *,
        chart_of: Callable[[Any], UUID] | None = None,
        also: tuple[UUID, ...] = (),
    ) -> Response:
        """Answer with one page of `rows`, each in `shape`, and where the next page is.

        `chart_of` says whose chart a row is part of; `also` is a chart that was opened whatever is in it.
        """
        paging = (self.pagination_class or Paging)()
        found = paging.paginate_queryset(rows, self.request, view=self) or []
        answer = paging.get_paginated_response([shaped(shape, row) for row in found])
        return self.shown(answer, *also, *map(chart_of, found) if chart_of else ())

    def shown(self, answer: _Answer, *charts: UUID) -> _Answer:
        """Return an answer to a reader, having written down whose charts it shows; the last thing to do.

        What changes a chart leaves the lines of its changes instead.
        """
        if self.request.method in permissions.SAFE_METHODS:
            looks.looked_at(*charts, what=self.route)
        return answer

    def shown_in_emergency(self, answer: _Answer, chart: UUID, *, named: UUID) -> _Answer:
        """Do what `shown` does, or where the database takes no writes note the look in the log."""
        looks.looked_in_emergency(chart, what=self.route, named=named)
        return answer

    @property
    def route(self) -> str:
        """Return the name of the address that was asked for, as the audit trail calls it."""
        match = self.request.resolver_match
        return str(match.view_name if match else "")

    def handle_exception(self, exc: Exception) -> Response:
        """Answer with a problem document; whom we know and refuse leaves a line in the audit trail.

        By now what the request did is rolled back.
        """
        response = super().handle_exception(exc)
        if response.status_code not in REFUSALS:
            return response
        try:
            self._note_refusal(response.status_code, known=getattr(exc, "principal", None))
        except Error as failure:
            if not was_cut_off(failure):
                raise
            return super().handle_exception(failure)
        return response

    def _note_refusal(self, status: int, *, known: Actor | None) -> None:
        """Note it of the actor, or of `known`: whose link is dead, whose sign-in is not whole."""
        with ExitStack() as acting:
            if known is not None:
                acting.enter_context(acting_as(known))
            elif not self._is_known:
                return
            asked = {name: str(value) for name, value in self.kwargs.items()}
            method = str(self.request.method)
            looks.refused(what=self.route, status=status, method=method, **asked)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say in every answer under the quota how much of it is left."""
        for name, value in quotas.headers(*self.quota).items() if self.quota else ():
            response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)

    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> Response:  # noqa: ARG002
        """Refuse a method, for strangers as for members."""
        raise MethodNotAllowed(headers={"Allow": ", ".join(self.allowed_methods)})


def actor_of(request: Request | HttpRequest) -> Actor:
    """Return who acts in `request`; raises DRF's `NotAuthenticated` where nobody does."""
    shown = getattr(request, "auth", None)
    if isinstance(shown, Actor):
        return shown
    if request.user.is_authenticated:
        return Actor.person(request.user.pk)
    raise exceptions.NotAuthenticated


def etag(version: int) -> str:
    """Return the entity tag for a row's version counter."""
    return f'"v{version}"'


def require_match(request: Request, *, version: int) -> None:
    """Check `If-Match` against the row just locked.

    Raises `PreconditionRequired` (428) without the header and `Stale` (412) if the row has moved on.
    """
    given = request.headers.get("If-Match")
    if given is None:
        raise PreconditionRequired("Send If-Match with the ETag you read.")
    if given != etag(version):
        raise Stale
