from datetime import datetime
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, IsPatient, RecentlyAuthenticated, user_of
from assessments import queries, serializers, services
from assessments.models import Assessment
from core import clock
from core.api import View, etag, require_match
from core.errors import Problem
from core.fields import NothingInput, PageQuery, checked, shaped
from core.idempotency import idempotent
from core.paging import Paging
from core.quotas import NEVER_COUNTED
from programs import queries as programs
from programs.serializers import ConsentInput, DocumentOutput, LanguageQuery
from safety.texts import CrisisText, with_crisis

GAD7: dict[str, Any] = {
    "id": "0199c0de-0000-7000-8000-000000000030",
    "etag": '"v1"',
    "enrollment": "0199c0de-0000-7000-8000-000000000010",
    "instrument": "gad7",
    "instrument_version": "1",
    "title": "GAD-7 anxiety questionnaire",
    "licence_note": "Free to reproduce, in a paid program too.",
    "recall_days": 14,
    "after_session": 0,
    "before_session": None,
    "week": None,
    "month": None,
    "as_needed": None,
    "status": "open",
    "is_late": False,
    "opens_at": "2026-03-02T15:00:00Z",
    "due_at": "2026-03-05T15:00:00Z",
    "closes_at": "2027-03-02T15:00:00Z",
    "items": [
        {
            "key": "gad7_1",
            "topic": "nervousness",
            "text": "nervousness",
            "choices": [
                {"value": 0, "label": "never"},
                {"value": 1, "label": "1"},
                {"value": 2, "label": "2"},
                {"value": 3, "label": "almost daily"},
            ],
            "asked_when": None,
        }
    ],
    "answers": {"gad7_1": 1, "gad7_2": 2, "gad7_3": 0, "gad7_4": 1, "gad7_5": 0, "gad7_6": 1},
    "missing": ["gad7_7"],
    "submitted_at": None,
    "scores": None,
    "crisis": None,
}
KEPT: dict[str, Any] = {
    "client_id": "5b0c1a52-7a3c-4c0e-9d5e-2f6f0d9a7c11",
    "filled_in_at": "2026-03-04T09:30:00-05:00",
    "received_at": "2026-03-06T15:00:00Z",
    "conflict": "changed_meanwhile",
    "answers": {f"gad7_{number}": 1 for number in range(1, 8)},
}
SUBMITTED: dict[str, Any] = GAD7 | {
    "etag": '"v3"',
    "status": "submitted",
    "answers": GAD7["answers"] | {"gad7_7": 0},
    "missing": [],
    "submitted_at": "2026-03-02T15:20:00Z",
    "scores": {
        "instrument": "gad7",
        "version": "1",
        "content_sha256": "6f1d0d5b0f6e8b7d3d8a0f5c0b9e4a7c2d1e3f4a5b6c7d8e9f0a1b2c3d4e5f60",
        "scales": [
            {
                "key": "total",
                "value": 5,
                "band": "mild",
                "answered": 7,
                "missing": [],
                "complete": True,
                "reason": None,
                "method": "sum",
            }
        ],
        "findings": [],
        "profile": None,
    },
}
_VALUE: dict[str, Any] = {
    "assessment": "0199c0de-0000-7000-8000-000000000030",
    "asked": "after_session",
    "number": 0,
    "due_at": "2026-03-05T15:00:00Z",
    "submitted_at": "2026-03-02T15:20:00Z",
    "is_late": False,
    "rescored_at": None,
    "value": 12.0,
    "band": "moderate",
    "missing": None,
}
TRENDS: dict[str, Any] = {
    "is_whole": True,
    "instruments": [
        {
            "instrument": "gad7",
            "version": "1",
            "title": "GAD-7 anxiety questionnaire",
            "scales": [
                {
                    "key": "total",
                    "title": "Anxiety total",
                    "worsens": "up",
                    "points": [
                        _VALUE,
                        _VALUE
                        | {
                            "assessment": "0199c0de-0000-7000-8000-000000000031",
                            "number": 2,
                            "due_at": "2026-03-26T15:00:00Z",
                            "submitted_at": None,
                            "is_late": True,
                            "value": None,
                            "band": None,
                            "missing": "not_answered",
                        },
                        _VALUE
                        | {
                            "assessment": "0199c0de-0000-7000-8000-000000000032",
                            "number": 4,
                            "due_at": "2026-04-09T15:00:00Z",
                            "submitted_at": "2026-04-08T10:00:00Z",
                            "value": 7.0,
                            "band": "mild",
                        },
                    ],
                    "from_first": {
                        "since": "0199c0de-0000-7000-8000-000000000030",
                        "difference": -5.0,
                        "direction": "better",
                    },
                    "from_previous": {
                        "since": "0199c0de-0000-7000-8000-000000000030",
                        "difference": -5.0,
                        "direction": "better",
                    },
                    "yardsticks": [
                        {
                            "kind": "minimal_important_difference",
                            "points": 1.5,
                            "first_from": 10.0,
                            "first_to": 14.0,
                            "source": "Kounali 2020: for a moderate first value",
                            "reached": True,
                        }
                    ],
                }
            ],
        }
    ],
}
DOCUMENT: dict[str, Any] = {
    "id": "0199c0de-0000-7000-8000-000000000040",
    "kind": "treatment_consent",
    "version": 1,
    "minor": 0,
    "language": "en",
    "is_required": True,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "title": "Being treated at home",
    "summary": "What will happen, and what may go wrong.",
    "text": "The whole text.",
    "note": "Example, have your counsel confirm.",
    "questions": [
        {
            "key": "driving",
            "question": "When may you drive after a session?",
            "choices": [
                {"key": "a", "text": "When I feel awake again."},
                {"key": "b", "text": "The next day, when the time we show has come."},
            ],
        }
    ],
    "right_to_pass": 1,
}


class Assessments(View):
    """Forms to answer, or answered."""

    permission_classes = (IsPatient | IsClinician,)

    @extend_schema(
        operation_id="assessments_list",
        summary="What is there to fill in?",
        parameters=[serializers.AssessmentsQuery],
        responses=serializers.AssessmentOutput(many=True),
        examples=[OpenApiExample("One, begun", value=GAD7, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List the forms that one may see, those of one's patients too."""
        asked = serializers.AssessmentsQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        at = clock.now()
        rows = queries.listed_assessments(self.actor, asked.validated_data["status"], at=at)
        paging = Paging()
        found = paging.paginate_queryset(rows, request, view=self)
        forms = [queries.form(assessment, at=at) for assessment in found or ()]
        answer = paging.get_paginated_response(serializers.AssessmentOutput(forms, many=True).data)
        return self.shown(answer, *(assessment.enrollment.patient_id for assessment in found or ()))


class AssessmentDetail(View):
    """One form."""

    throttle_classes = NEVER_COUNTED

    def get_permissions(self) -> list[Any]:
        """Let a clinician read, and only a patient answer."""
        allowed = IsPatient if self.request.method == "PATCH" else IsPatient | IsClinician
        return [allowed()]

    @extend_schema(
        operation_id="assessments_read",
        summary="One form, as far as it is answered",
        responses=serializers.AssessmentOutput,
        examples=[OpenApiExample("Begun", value=GAD7, response_only=True)],
    )
    def get(self, request: Request, assessment_id: UUID) -> Response:  # noqa: ARG002
        """Show a form with its answers, and its scores once it is submitted."""
        at = clock.now()
        assessment = queries.assessment_for(self.actor, assessment_id, at=at)
        return self.shown(_answer(assessment, at=at), assessment.enrollment.patient_id)

    @extend_schema(
        operation_id="assessments_save_draft",
        summary="Save some answers",
        parameters=[
            OpenApiParameter(
                name="If-Match",
                type=OpenApiTypes.STR,
                location=OpenApiParameter.HEADER,
                required=True,
                description="The `etag` of the form as it was read.",
            )
        ],
        request=serializers.DraftInput,
        responses=serializers.AssessmentOutput,
        examples=[
            OpenApiExample(
                "Two answers, one taken back",
                value={"answers": {"gad7_1": 1, "gad7_2": 2, "gad7_3": None}},
                request_only=True,
            ),
            OpenApiExample("Saved", value=GAD7, response_only=True),
        ],
    )
    def patch(self, request: Request, assessment_id: UUID) -> Response:
        """Save answers by item; null takes one back.

        What `crisis` says is to be shown at once, and so is a refusal's reason of that code: the alert
        stands, though nothing was saved.
        """
        at = clock.now()
        assessment = queries.own_assessment(self.actor, assessment_id)
        heeded = services.heed(assessment, request.data, at=at)
        crisis = queries.crisis_text_of(assessment, at=at) if heeded else None
        try:
            return self._save(request, assessment, at=at)
        except (Problem, ValidationError) as refused:
            if crisis is None:
                raise
            raise with_crisis(refused, crisis) from refused

    def _save(self, request: Request, assessment: Assessment, *, at: datetime) -> Response:
        require_match(request, version=assessment.version)
        draft = serializers.DraftInput(data=request.data)
        draft.is_valid(raise_exception=True)
        saved = services.save_draft(
            assessment,
            answers=draft.validated_data["answers"],
            expected_version=assessment.version,
            actor=self.actor,
            at=at,
        )
        return _answer(saved, at=at)


class AssessmentSubmission(View):
    """Closing a form."""

    permission_classes = (IsPatient,)
    throttle_classes = NEVER_COUNTED

    def handle_exception(self, exc: Exception) -> Response:
        """Hear an answer that speaks of suicide though it was refused, and say where to turn to."""
        heard = self._heard()
        return super().handle_exception(with_crisis(exc, heard) if heard else exc)

    def _heard(self) -> CrisisText | None:
        at = clock.now()
        try:
            if not self.request.data:
                return None
            assessment = queries.own_assessment(self.actor, self.kwargs["assessment_id"])
            heeded = services.heed(assessment, self.request.data, at=at)
        except (APIException, Problem):  # nobody is signed in, it is not theirs, or the body is unreadable
            return None
        return queries.crisis_text_of(assessment, at=at) if heeded else None

    @extend_schema(
        operation_id="assessments_submit",
        summary="Submit a form, and see what it came to",
        request=None,
        responses=serializers.AssessmentOutput,
        examples=[OpenApiExample("Submitted", value=SUBMITTED, response_only=True)],
    )
    @idempotent
    def post(self, request: Request, assessment_id: UUID) -> Response:
        """Submit what was saved, for good; items still needed are named one by one.

        What a refusal's reason of code `crisis` says is to be shown at once.
        """
        at = clock.now()
        assessment = queries.own_assessment(self.actor, assessment_id)
        checked(NothingInput, request.data)  # what was saved is what is submitted
        return _answer(services.submit(assessment, actor=self.actor, at=at), at=at)


class OfflineSubmissions(View):
    """What was filled in of a form without a connection."""

    throttle_classes = NEVER_COUNTED

    def get_permissions(self) -> list[Any]:
        """Let a clinician read, and only a patient answer."""
        allowed = IsPatient if self.request.method == "POST" else IsPatient | IsClinician
        return [allowed()]

    @extend_schema(
        operation_id="offline_submissions_list",
        summary="What came in of a form that was filled in without a connection?",
        parameters=[PageQuery],
        responses=serializers.OfflineOutput(many=True),
        examples=[OpenApiExample("One that does not count", value=KEPT, response_only=True)],
    )
    def get(self, request: Request, assessment_id: UUID) -> Response:  # noqa: ARG002
        """List what arrived, oldest first, with what does not count and is kept."""
        assessment = queries.assessment_for(self.actor, assessment_id, at=clock.now())
        answer = self.page(queries.offline_submissions(assessment), serializers.OfflineOutput)
        return self.shown(answer, assessment.enrollment.patient_id)

    @extend_schema(
        operation_id="offline_submissions_create",
        summary="Submit a form that was filled in without a connection",
        request=serializers.OfflineInput,
        responses=serializers.AssessmentOutput,
        examples=[
            OpenApiExample(
                "Two days ago",
                value={
                    "client_id": KEPT["client_id"],
                    "filled_in_at": KEPT["filled_in_at"],
                    "etag": '"v1"',
                    "answers": KEPT["answers"],
                },
                request_only=True,
            ),
            OpenApiExample("Submitted", value=SUBMITTED, response_only=True),
        ],
    )
    def post(self, request: Request, assessment_id: UUID) -> Response:
        """Submit the whole form at once, later: send it with the same `client_id` until an answer comes.

        It may arrive after the form has closed, if it was filled in before, and is shown as late. `etag` is
        the form's as the app last read it. A 409 `offline_conflict` says why it does not count; it is kept,
        and listed by GET: show both, let the person decide, and send it with the newest `etag` under a new
        `client_id`. What a refusal's reason of code `crisis` says is to be shown at once.
        """
        at = clock.now()
        assessment = queries.own_assessment(self.actor, assessment_id)
        try:
            said = checked(serializers.OfflineInput, request.data)
            sent = services.Offline(version=int(said.pop("etag")[2:-1]), **said)
            return _answer(services.submit_offline(assessment, sent, actor=self.actor, at=at), at=at)
        except (Problem, ValidationError) as refused:
            if not services.heed_refused(assessment, request.data, refused, at=at):
                raise
            raise with_crisis(refused, queries.crisis_text_of(assessment, at=at)) from refused
        except Exception:
            # A fault of ours undoes what was stored, and would again at every try: it is heard before that.
            services.heed(assessment, request.data, at=at)
            raise


class ConsentDocuments(View):
    """Texts to agree to."""

    pagination_class = None
    permission_classes = (IsPatient | IsClinician,)

    @extend_schema(
        operation_id="consent_documents_list",
        summary="What is there to read and agree to?",
        parameters=[LanguageQuery],
        responses=DocumentOutput(many=True),
        examples=[OpenApiExample("One text", value=DOCUMENT, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: UUID) -> Response:
        """List the texts in force that are not agreed to yet, each with the hash to agree by.

        Those that are not required are free to leave.
        """
        asked = LanguageQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        at = clock.now()
        enrollment = programs.enrollment_for(self.actor, enrollment_id, at=at)
        language = asked.validated_data["language"] or enrollment.patient.language
        texts = programs.consents_open(enrollment.pk, at=at, language=language)
        return self.shown(Response(DocumentOutput(texts, many=True).data), enrollment.patient_id)


class Consents(View):
    """Agreeing to be treated; it lives here because the last agreement opens the baseline."""

    permission_classes = (IsPatient, RecentlyAuthenticated)

    @extend_schema(
        operation_id="consents_create",
        summary="Agree to what was read",
        request=ConsentInput,
        responses={201: serializers.ConsentsOutput},
        examples=[
            OpenApiExample(
                "One text",
                value={"agreements": [{"document": DOCUMENT["id"], "sha256": DOCUMENT["sha256"]}]},
                request_only=True,
            ),
            OpenApiExample(
                "Signed",
                value={
                    "enrollment_status": "active",
                    "consents": [
                        {
                            "document": DOCUMENT["id"],
                            "kind": DOCUMENT["kind"],
                            "version": DOCUMENT["version"],
                            "signature": {
                                "signer_name": "Ada Example",
                                "meaning": "agreed",
                                "signed_at": "2026-03-02T15:00:00Z",
                                "document_sha256": DOCUMENT["sha256"],
                            },
                        }
                    ],
                },
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Sign one or more texts; with the last of them treatment becomes possible and the baseline opens."""
        at = clock.now()
        enrollment = programs.own_enrollment(self.actor, enrollment_id)
        said = ConsentInput(data=request.data)
        said.is_valid(raise_exception=True)
        moved, consents = services.give_consent(
            enrollment.pk, agreements=said.to_agreements(), patient_user=user_of(request), at=at
        )
        body = {"enrollment_status": moved.status, "consents": consents}
        return Response(serializers.ConsentsOutput(body).data, status=status.HTTP_201_CREATED)


class EnrollmentTrends(View):
    """Scores over time."""

    permission_classes = (IsPatient | IsClinician,)

    @extend_schema(
        operation_id="trends_read",
        summary="How have the scores changed?",
        responses=serializers.TrendsOutput,
        examples=[OpenApiExample("Two of three asked", value=TRENDS, response_only=True)],
    )
    def get(self, request: Request, enrollment_id: UUID) -> Response:  # noqa: ARG002
        """Show each scale of each instrument over time, with what was asked and not answered.

        Values of different versions of an instrument stand side by side. A yardstick is a figure that was
        published for an improvement; most scales have none.
        """
        at = clock.now()
        enrollment = programs.enrollment_row(self.actor, enrollment_id, at=at)
        found = queries.trends(enrollment.pk, at=at)
        return self.shown(Response(shaped(serializers.TrendsOutput, found)), enrollment.patient_id)


def _answer(assessment: Assessment, *, at: datetime) -> Response:
    form = queries.form(assessment, at=at)
    return Response(shaped(serializers.AssessmentOutput, form), headers={"ETag": etag(assessment.version)})
