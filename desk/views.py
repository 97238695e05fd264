import base64
from datetime import UTC, datetime
from operator import attrgetter
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, IsPatient, IsPerson, RecentlyAuthenticatedToRead, user_of
from core import clock
from core.api import View
from core.contact import contact
from core.errors import InputError, InvalidInput
from core.fields import PageQuery, shaped
from desk import queries, serializers, silence
from desk.export import export
from desk.looks import looks
from desk.queries import Before, own_patient
from desk.rules import next_step
from programs import queries as programs

PAGE = 20
MAX_PAGE = 100


class Timeline(View):
    """What happened."""

    permission_classes = (IsPerson,)

    @extend_schema(
        operation_id="timeline_read",
        summary="What happened?",
        parameters=[
            OpenApiParameter("limit", int, description=f"How many, at most {MAX_PAGE}."),
            OpenApiParameter("cursor", str, description="From `next` of the page before."),
        ],
        responses=serializers.TimelineOutput,
        examples=[
            OpenApiExample(
                "Just enrolled",
                value={
                    "next": None,
                    "results": [
                        {
                            "id": "0199c0de-0000-7000-8000-000000000020",
                            "at": "2026-03-02T15:00:00Z",
                            "kind": "enrollment",
                            "title": "Program: enrolled",
                        }
                    ],
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, enrollment_id: UUID) -> Response:
        """List what happened in this program, newest first."""
        at = clock.now()
        enrollment = programs.enrollment_row(self.actor, enrollment_id, at=at)
        limit, before = _limit(request), _cursor(request)
        entries = queries.timeline(enrollment, actor=self.actor, before=before, limit=limit + 1, at=at)
        shown, more = entries[:limit], len(entries) > limit
        link = f"{request.path}?limit={limit}&cursor={_encode(shown[-1])}" if more else None
        answer = Response(shaped(serializers.TimelineOutput, {"next": link, "results": shown}))
        return self.shown(answer, enrollment.patient_id)


class SilentPatients(View):
    """Who has stopped answering."""

    permission_classes = (IsClinician,)

    @extend_schema(
        operation_id="silent_patients_list",
        summary="Which of my patients have stopped answering?",
        parameters=[PageQuery],
        responses=serializers.SilentOutput(many=True),
        examples=[
            OpenApiExample(
                "One",
                value={
                    "enrollment": "0199c0de-0000-7000-8000-000000000010",
                    "patient": "0199c0de-0000-7000-8000-000000000002",
                    "legal_name": "Ada Example",
                    "since": "2026-03-05T15:00:00Z",
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List those in one's care with a form that is unanswered past all reminders; call them."""
        found = silence.silent_in_care(self.actor, at=clock.now())
        return self.page(found, serializers.SilentOutput, chart_of=attrgetter("patient_id"))


class NextStep(View):
    """What comes next."""

    permission_classes = (IsPerson,)

    @extend_schema(
        operation_id="next_step_read",
        summary="What comes next?",
        responses=serializers.NextStepOutput,
        examples=[
            OpenApiExample(
                "Just enrolled",
                value={
                    "code": "answer_screening",
                    "sentence": "Answer some questions about your health. It takes about ten minutes.",
                    "link": "/api/v1/enrollments/0199c0de-0000-7000-8000-000000000010/screenings",
                    "who": "patient",
                    "contact": {
                        "clinic_phone": "+1-555-0100",
                        "emergency_phone": "911",
                        "crisis_phone": "988",
                    },
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, enrollment_id: UUID) -> Response:  # noqa: ARG002
        """Say the one thing to do next, who has to do it, and how to reach a human."""
        at = clock.now()
        enrollment = programs.enrollment_for(self.actor, enrollment_id, at=at)
        step = next_step(queries.standing(enrollment, at=at))
        body = {
            "code": step.code,
            "sentence": step.sentence,
            "link": step.link,
            "who": step.who,
            "contact": contact(),
        }
        return self.shown(Response(serializers.NextStepOutput(body).data), enrollment.patient_id)


class Export(View):
    """Everything about oneself."""

    permission_classes = (IsPatient, RecentlyAuthenticatedToRead)

    @extend_schema(
        operation_id="export_read",
        summary="Everything that is kept about me",
        responses=serializers.ExportOutput,
        examples=[
            OpenApiExample(
                "The beginning",
                value={
                    "made_at": "2026-03-02T15:00:00Z",
                    "chapters": [
                        {
                            "name": "accounts.patient",
                            "title": "Who you are",
                            "rows": [{"legal_name": "Ada Example"}],
                        }
                    ],
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Download one's whole record, free text and signatures too; nobody else's."""
        patient = own_patient(user_of(request))
        made = export(patient, at=clock.now())
        body = {"made_at": made.made_at, "chapters": [vars(chapter) for chapter in made.chapters]}
        answer = Response(body, headers={"Content-Disposition": 'attachment; filename="my-record.json"'})
        return self.shown(answer, patient.pk)


class ReadableExport(View):
    """The same to read."""

    permission_classes = (IsPatient, RecentlyAuthenticatedToRead)

    @extend_schema(
        operation_id="export_read_page",
        summary="Everything that is kept about me, as a page",
        responses={(200, "text/html"): str},
        examples=[
            OpenApiExample(
                "The beginning", value="<!doctype html>", media_type="text/html", response_only=True
            )
        ],
    )
    def get(self, request: Request) -> HttpResponse:
        """Download one's whole record as a page without any script."""
        patient = own_patient(user_of(request))
        made = export(patient, at=clock.now())
        page = render(request, "desk/export.html", {"export": made, "clinic_phone": settings.CLINIC_PHONE})
        page["Content-Disposition"] = 'attachment; filename="my-record.html"'
        return self.shown(page, patient.pk)


class Looks(View):
    """Who looked."""

    permission_classes = (IsPatient,)

    @extend_schema(
        operation_id="looks_list",
        summary="Who looked at my chart?",
        parameters=[serializers.LooksQuery],
        responses=serializers.LooksOutput,
        examples=[
            OpenApiExample(
                "My clinician",
                value={
                    "next": None,
                    "results": [
                        {
                            "at": "2026-03-02T15:00:00Z",
                            "who": "Ben Example, MD",
                            "role": "clinician",
                            "what": "timeline",
                            "why": "care",
                        }
                    ],
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """List who was shown one's chart, newest first: others, or everybody."""
        asked = serializers.LooksQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        by, limit = asked.validated_data["by"], asked.validated_data["limit"]
        patient, before = own_patient(user_of(request)), asked.validated_data.get("cursor")
        found = looks(patient, with_own=by == "everybody", before=before, limit=limit + 1)
        shown, more = found[:limit], len(found) > limit
        link = f"{request.path}?by={by}&limit={limit}&cursor={shown[-1].number}" if more else None
        answer = Response(serializers.LooksOutput({"next": link, "results": shown}).data)
        return self.shown(answer, patient.pk)


@require_safe
def app_page(request: HttpRequest) -> HttpResponse:
    """Stand in where a message's link leads and no app is served: say what to do, and whom to call."""
    phones = {"clinic_phone": settings.CLINIC_PHONE, "emergency_phone": settings.EMERGENCY_PHONE}
    return render(request, "desk/app.html", phones)


def _limit(request: Request) -> int:
    given = request.query_params.get("limit", str(PAGE))
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:4]) <= MAX_PAGE and len(given) < 4):
        detail = f"A whole number from 1 to {MAX_PAGE}."
        raise InvalidInput(errors=[InputError(pointer="query:limit", code="invalid", detail=detail)])
    return int(given)


def _encode(entry: queries.Entry) -> str:
    return base64.urlsafe_b64encode(f"{entry.at.isoformat()} {entry.id}".encode()).decode()


def _cursor(request: Request) -> Before | None:
    given = request.query_params.get("cursor")
    if given is None:
        return None
    try:
        moment, entry = base64.urlsafe_b64decode(given.encode()).decode().split(" ")
        at = datetime.fromisoformat(moment)
        # In UTC, so that what the database gets is a moment it can hold; one without offset is not ours.
        before = Before(at=at.astimezone(UTC), id=UUID(entry)) if at.tzinfo else None
    except (ValueError, OverflowError):
        before = None
    if before is None:
        detail = "Use the address that `next` gave."
        raise InvalidInput(errors=[InputError(pointer="query:cursor", code="invalid", detail=detail)])
    return before
