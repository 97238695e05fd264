from operator import attrgetter
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.enums import Role
from accounts.permissions import HoldsRole, IsClinician, RecentlyAuthenticated, user_of
from core import clock
from core.api import View
from core.fields import PageQuery
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED
from safety.enums import Grade
from safety.events import (
    following,
    medwatch_pdf,
    naranjo,
    queries,
    reporting,
    reports,
    rules,
    serializers,
    services,
)
from safety.events.enums import ClockEnd, FollowUpEnd
from safety.views.examples import SIGNATURE

SAID: dict[str, Any] = {
    "replaces": 0,
    "term": "vomiting",
    "seriousness": [],
    "grade": 1,
    "causality": "probable",
    "naranjo": {"1": "yes", "2": "yes", "5": "no"},
    "expectedness": "expected",
    "reference": "Ketamine injection, US label",
    "reference_version": "2024-05",
    "outcome": "recovered",
    "action_taken": "dose_not_changed",
    "dechallenge": "not_tried",
    "rechallenge": "not_tried",
    "product": {"name": "Ketamine tablets", "lot": "A12", "dose_mg": "300.0"},
}
ASSESSMENT = {name: value for name, value in SAID.items() if name != "replaces"} | {
    "id": "0199c0de-0000-7000-8000-000000000042",
    "event": "0199c0de-0000-7000-8000-000000000040",
    "version": 1,
    "why_again": "",
    "meddra_code": "",
    "meddra_version": "",
    "is_serious": False,
    "criteria": rules.GRADES[Grade.MILD],
    "naranjo_score": 5,
    "naranjo_category": "probable",
    "treatment_is_held": False,
    "is_intact": True,
    "signature": SIGNATURE,
}


class Scales(View):
    """What an assessment is made by."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="event_scales_read",
        summary="What do grades mean, and what does Naranjo ask?",
        responses=serializers.ScalesOutput,
        examples=[
            OpenApiExample(
                "One of each",
                value={
                    "grades": {"1": ASSESSMENT["criteria"]},
                    "naranjo": {"2": {"topic": naranjo.QUESTIONS["2"].topic, "yes": 2, "no": -1}},
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Show both, to be seen beside the event that is assessed."""
        grades = {str(grade.value): text for grade, text in rules.GRADES.items()}
        return Response(serializers.ScalesOutput({"grades": grades, "naranjo": naranjo.QUESTIONS}).data)


class Assessments(View):
    """What clinicians make of an event."""

    permission_classes = (IsClinician, RecentlyAuthenticated)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="event_assessments_list",
        summary="What was made of this event?",
        parameters=[PageQuery],
        responses=serializers.EventAssessmentOutput(many=True),
        examples=[OpenApiExample("The first", value=ASSESSMENT, response_only=True)],
    )
    def get(self, request: Request, event_id: UUID) -> Response:  # noqa: ARG002
        """List every signed version, oldest first; the last one holds."""
        event = queries.event_for(self.actor, event_id, at=clock.now())
        found = queries.assessments_of(event)
        return self.page(found, serializers.EventAssessmentOutput, also=(event.patient_id,))

    @extend_schema(
        operation_id="event_assessments_sign",
        summary="Sign what I make of this event",
        request=serializers.AssessmentInput,
        responses={201: serializers.EventAssessmentOutput},
        examples=[
            OpenApiExample("Expected", value=SAID, request_only=True),
            OpenApiExample("Signed", value=ASSESSMENT, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, event_id: UUID) -> Response:
        """Sign the next version. One that finds serious what was not reported so holds treatment at once.

        One that finds it not serious lifts nothing: that is somebody else's to sign.
        """
        at = clock.now()
        event = queries.event_for(self.actor, event_id, at=at)
        said = serializers.AssessmentInput(data=request.data)
        said.is_valid(raise_exception=True)
        row = services.assess(
            event,
            said=said.assessed(),
            replaces=said.validated_data["replaces"],
            by=user_of(request),
            at=at,
        )
        return Response(serializers.EventAssessmentOutput(row).data, status=status.HTTP_201_CREATED)


NEWS = {
    "kind": "new_information",
    "text": "The hospital's letter names another medicine.",
    "aware_at": "2026-03-05T16:00:00Z",
}
CLOCK = {
    "id": "0199c0de-0000-7000-8000-000000000043",
    "event": ASSESSMENT["event"],
    "code": "medical_review",
    "authority": "medical director",
    "what": "A clinician reviews every serious event.",
    "zone": "UTC",
    "rule_source": "Proposed default of this software; no law names this figure",
    "rule_status": "example, confirm before use",
    "table_version": 1,
    "start": "reported",
    "aware_at": "2026-03-02T17:45:00Z",
    "due_at": "2026-03-03T17:45:00Z",
    "started_at": "2026-03-02T17:45:00Z",
    "warned_pct": 50,
    "ended_at": None,
    "end": "",
    "end_reason": "",
    "signature": None,
}


class EventNewsOf(View):
    """What comes to be known of an event later."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="event_news_note",
        summary="Note what came to be known of this event",
        request=serializers.NewsInput,
        responses={201: serializers.NewsOutput},
        examples=[
            OpenApiExample("A letter", value=NEWS, request_only=True),
            OpenApiExample(
                "Noted",
                value=NEWS
                | {
                    "id": CLOCK["id"],
                    "event": ASSESSMENT["event"],
                    "noted_at": "2026-03-05T16:10:00Z",
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, event_id: UUID) -> Response:
        """Note new information, which restarts the clocks whose rule says so; or that somebody knew earlier.

        `aware_at` is when anybody in the organisation knew: it is day 0.
        """
        at = clock.now()
        event = queries.event_for(self.actor, event_id, at=at)
        said = serializers.NewsInput(data=request.data)
        said.is_valid(raise_exception=True)
        row = reporting.note_news(event, news=said.news(), actor=self.actor, at=at)
        return Response(serializers.NewsOutput(row).data, status=status.HTTP_201_CREATED)


class Clocks(View):
    """By when events have to be reported."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="reporting_clocks_list",
        summary="By when does what have to be reported?",
        parameters=[serializers.ClocksQuery],
        responses=serializers.ClockOutput(many=True),
        examples=[OpenApiExample("Half its time is gone", value=CLOCK, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List the clocks that run, are overdue, have ended, or all; oldest first."""
        asked = serializers.ClocksQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = queries.listed_clocks(self.actor, asked.validated_data["status"], at=clock.now())
        return self.page(found, serializers.ClockOutput, chart_of=attrgetter("patient_id"))


class ClockEnds(View):
    """That a report was made, or is not due."""

    permission_classes = (IsClinician, RecentlyAuthenticated)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="reporting_clocks_end",
        summary="Sign that it was reported, or why it need not be",
        request=serializers.ClockEndInput,
        responses={201: serializers.ClockOutput},
        examples=[
            OpenApiExample(
                "Reported",
                value={"end": "reported", "reason": "Reviewed with the patient."},
                request_only=True,
            ),
            OpenApiExample(
                "Ended",
                value=CLOCK
                | {
                    "ended_at": "2026-03-03T09:00:00Z",
                    "end": "reported",
                    "end_reason": "Reviewed with the patient.",
                    "signature": SIGNATURE,
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, clock_id: UUID) -> Response:
        """End one clock under signature. Its times can't be changed; news can start another."""
        at = clock.now()
        found = queries.clock_for(self.actor, clock_id, at=at)
        said = serializers.ClockEndInput(data=request.data)
        said.is_valid(raise_exception=True)
        ended = reporting.end_clock(
            found,
            end=ClockEnd(said.validated_data["end"]),
            reason=said.validated_data["reason"],
            by=user_of(request),
            at=at,
        )
        return Response(serializers.ClockOutput(ended).data, status=status.HTTP_201_CREATED)


FOLLOW_UP = {
    "id": "0199c0de-0000-7000-8000-000000000044",
    "event": ASSESSMENT["event"],
    "kind": "detail",
    "what": "Ask the hospital for its letter.",
    "assignee": "0199c0de-0000-7000-8000-000000000003",
    "due_at": "2026-03-09T16:00:00Z",
    "set_at": "2026-03-05T16:00:00Z",
    "called_at": None,
    "ended_at": None,
    "end": "",
    "found": "",
    "signature": None,
}


class FollowsEvents(HoldsRole):
    """A clinician or a safety officer."""

    roles = frozenset({Role.CLINICIAN, Role.SAFETY_OFFICER})


class EventFollowUps(View):
    """What must still be found out about an event."""

    permission_classes = (FollowsEvents,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="follow_ups_set",
        summary="Have somebody find something out",
        request=serializers.FollowUpInput,
        responses={201: serializers.FollowUpOutput},
        examples=[
            OpenApiExample(
                "A letter",
                value={name: FOLLOW_UP[name] for name in ("what", "assignee", "due_at")},
                request_only=True,
            ),
            OpenApiExample("Set", value=FOLLOW_UP, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, event_id: UUID) -> Response:
        """Say what, who and by when; once it is overdue, people are called every day until it ends."""
        at = clock.now()
        event = queries.followed_event(self.actor, event_id, at=at)
        said = serializers.FollowUpInput(data=request.data)
        said.is_valid(raise_exception=True)
        row = following.set_follow_up(event, asked=said.asked(), actor=self.actor, at=at)
        return Response(serializers.FollowUpOutput(row).data, status=status.HTTP_201_CREATED)


class FollowUps(View):
    """What must still be found out."""

    permission_classes = (FollowsEvents,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="follow_ups_list",
        summary="What must still be found out about events?",
        parameters=[serializers.FollowUpsQuery],
        responses=serializers.FollowUpOutput(many=True),
        examples=[OpenApiExample("A letter", value=FOLLOW_UP, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List the follow-ups that are open, overdue, one's own, ended, or all; the first set first."""
        asked = serializers.FollowUpsQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = queries.listed_follow_ups(self.actor, asked.validated_data["status"], at=clock.now())
        return self.page(found, serializers.FollowUpOutput, chart_of=attrgetter("patient_id"))


class FollowUpEnds(View):
    """That something was found out, or can't be."""

    permission_classes = (FollowsEvents, RecentlyAuthenticated)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="follow_ups_end",
        summary="Say what was found out, or sign that nothing more can be",
        request=serializers.FollowUpEndInput,
        responses={201: serializers.FollowUpOutput},
        examples=[
            OpenApiExample(
                "Found out", value={"end": "done", "found": "The letter is here."}, request_only=True
            ),
            OpenApiExample(
                "Ended",
                value=FOLLOW_UP
                | {"ended_at": "2026-03-08T09:00:00Z", "end": "done", "found": "The letter is here."},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, follow_up_id: UUID) -> Response:
        """End one. While it is not known how the event ended, whoever asked for that is to ask again."""
        at = clock.now()
        found = queries.follow_up_for(self.actor, follow_up_id, at=at)
        said = serializers.FollowUpEndInput(data=request.data)
        said.is_valid(raise_exception=True)
        ended = following.end_follow_up(
            found,
            end=FollowUpEnd(said.validated_data["end"]),
            found=said.validated_data["found"],
            by=user_of(request),
            at=at,
        )
        return Response(serializers.FollowUpOutput(ended).data, status=status.HTTP_201_CREATED)


REPORT = {
    "event": ASSESSMENT["event"],
    "version": 1,
    "sha256": "7d1a54127b222502f5b79b5fb0803061152a44f92b37e23c6527baf665d4da9a",
    "content": {
        "form": "Fields of FDA form 3500",
        "a_patient": {"identifier": "AE", "age_years": 41, "sex": None, "weight_kg": 70.0},
        "b_event": {"term": "vomiting", "outcome_code": 1, "grade": 1, "narrative": "…"},
        "d_product": {"name": "Ketamine tablets", "lot": "A12", "action_code": 4},
        "g_reporter": {"name": "Ben Example, MD", "qualification_code": 1, "country": "US"},
    },
}


def _final_report(view: View, request: Request, event_id: UUID) -> tuple[UUID, reports.Report]:
    at = clock.now()
    event = queries.event_for(view.actor, event_id, at=at)
    asked = serializers.ReportQuery(data=request.query_params.dict())
    asked.is_valid(raise_exception=True)
    report = reports.final_report(event, version=asked.validated_data.get("version"), at=at)
    return event.patient_id, report


class EventReport(View):
    """What is told to an authority."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="event_report_read",
        summary="The report of this event, in the blocks of FDA form 3500",
        parameters=[serializers.ReportQuery],
        responses=serializers.ReportOutput,
        examples=[OpenApiExample("Of an expected event", value=REPORT, response_only=True)],
    )
    def get(self, request: Request, event_id: UUID) -> Response:
        """Show the report by the newest signed assessment; 422 with each thing that it lacks, by name."""
        patient_id, report = _final_report(self, request, event_id)
        body = {
            "event": event_id,
            "version": report.version,
            "sha256": report.sha256,
            "content": report.content,
        }
        return self.shown(Response(serializers.ReportOutput(body).data), patient_id)


class EventReportOnPaper(View):
    """The same to sign and send."""

    permission_classes = (IsClinician,)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="event_report_read_pdf",
        summary="The report of this event as a PDF",
        parameters=[serializers.ReportQuery],
        responses={(200, "application/pdf"): bytes},
        examples=[
            OpenApiExample(
                "The beginning", value="%PDF-1.4", media_type="application/pdf", response_only=True
            )
        ],
    )
    def get(self, request: Request, event_id: UUID) -> HttpResponse:
        """Download it with its hash on every page; refused as the report itself is."""
        patient_id, report = _final_report(self, request, event_id)
        return self.shown(medwatch_pdf.answer(report.content, sha256=report.sha256), patient_id)
