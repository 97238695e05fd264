from operator import attrgetter
from uuid import UUID

from drf_spectacular.utils import OpenApiExample, PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsClinician, IsPatient, RecentlyAuthenticated, user_of
from core import clock
from core.actors import Actor
from core.api import View
from core.errors import Problem
from core.idempotency import idempotent
from core.quotas import NEVER_COUNTED, ByAddress
from programs.queries import own_enrollment
from safety import queries, rules, serializers, services, texts
from safety.enums import ReviewOutcome
from safety.identity.queries import given_up_charts
from safety.models import Screening
from safety.rules import Advice
from safety.screening.policy import NO_ANSWER
from safety.screening.texts import weightiest_first
from safety.views.examples import PATIENT, SIGNATURE

REASON = {
    "rule": "current_medicines",
    "code": "medicines",
    "level": "review",
    "certainty": "true",
    "detail": "A clinician will check your medicines.",
    "found": [{"question": "current_medicines", "quantity": None, "value": ["sertraline"]}],
    "source": "Everything reported goes to review",
}
SCREENING = {
    "id": "0199c0de-0000-7000-8000-000000000030",
    "enrollment": "0199c0de-0000-7000-8000-000000000010",
    "outcome": "needs_review",
    "policy_version": 1,
    "submitted_at": "2026-03-02T15:00:00Z",
    "answers": {"current_medicines": ["sertraline"]},
    "summary": "Thank you, a clinician needs to look at some of your answers first. "
    "You can call us at +1-555-0100 any time.",
    "details": ["A clinician will check your medicines."],
    "reasons": [REASON],
    "missing": [],
    "crisis": None,
    "review": None,
}
ROW = {key: SCREENING[key] for key in ("id", "enrollment", "outcome", "submitted_at", "review")}
REVIEW = {
    "id": "0199c0de-0000-7000-8000-000000000031",
    "screening": SCREENING["id"],
    "outcome": "accepted",
    "reason": "Sertraline is no obstacle.",
    "instead": "",
    "ask_again_on": None,
    "signature": SIGNATURE,
    "enrollment_status": "awaiting_plan",
}


class FitCheckLimit(ByAddress):
    """How often one address may ask whether the program might suit somebody."""

    what = "fit_check"


class FitChecks(View):
    """Is this for me? Asked by anybody, without a name."""

    permission_classes = (AllowAny,)
    throttle_classes = (FitCheckLimit,)
    authentication_classes = ()

    def handle_exception(self, exc: Exception) -> Response:
        """Say where to turn to, whatever was wrong with the request."""
        if queries.may_speak_of_suicide(_body(self.request), at=clock.now()):
            exc = texts.with_crisis(exc, texts.crisis_text(None))
        return super().handle_exception(exc)

    @extend_schema(
        operation_id="fit_checks_create",
        summary="Is this program for me?",
        request=serializers.AnswersInput,
        responses=serializers.FitOutput,
        examples=[
            OpenApiExample(
                "Too young",
                value={"answers": {"age_years": 17}},
                request_only=True,
            ),
            OpenApiExample(
                "Not suitable",
                value={
                    "outcome": "not_suitable",
                    "summary": "This program would not be safe for you right now. "
                    "Call us at +1-555-0100, and a person will help you find other care.",
                    "reasons": [{"code": "age_under_18", "detail": "This program is for adults only."}],
                    "missing": [],
                    "crisis": None,
                },
                response_only=True,
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Say what the screening's rules make of these answers; nothing is kept, and nothing promised."""
        said = serializers.AnswersInput(data=request.data)
        said.is_valid(raise_exception=True)
        decision = queries.fit_decision(said.validated_data["answers"], at=clock.now())
        outcome = rules.fit(decision.outcome)
        body = {
            "outcome": outcome,
            "summary": texts.fit_text(outcome),
            "reasons": weightiest_first(decision),
            "missing": decision.missing,
            "crisis": texts.crisis_text(None) if decision.crisis else None,
        }
        return Response(serializers.FitOutput(body).data)


def _crisis_of(screening: Screening) -> dict[str, texts.CrisisText | None]:
    """Return where its patient turns to now, if an answer called for that."""
    if not screening.decision["crisis"]:
        return {"crisis": None}
    return {"crisis": queries.crisis_text_for(screening.enrollment.patient_id, at=clock.now())}


def _body(request: Request) -> object:
    """Return what was sent, if it could be read at all."""
    try:
        return request.data
    except (APIException, Problem):
        return None


class ScreeningQuestions(View):
    """What is asked."""

    permission_classes = (AllowAny,)
    authentication_classes = ()

    @extend_schema(
        operation_id="screening_questions_read",
        summary="What will I be asked?",
        responses=serializers.QuestionsOutput,
        examples=[
            OpenApiExample(
                "One question",
                value={
                    "policy": "home-ketamine-screening",
                    "version": 1,
                    "note": "example, confirm before use",
                    "no_answer": ["prefer_not_to_say", "unknown"],
                    "questions": [
                        {
                            "key": "age_years",
                            "kind": "number",
                            "topic": "age",
                            "ask": "How old are you?",
                            "required": True,
                            "unit": "years",
                            "bounds": {"minimum": 0.0, "maximum": 120.0},
                        }
                    ],
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """List the questions of the policy in force; enrolled, the age comes from the birth date."""
        _, policy = queries.screening_policy(at=clock.now())
        body = {
            "policy": policy.id,
            "version": policy.version,
            "note": policy.note,
            "no_answer": sorted(NO_ANSWER),
            "questions": policy.questions,
        }
        return Response(serializers.QuestionsOutput(body).data)


class EnrollmentScreenings(View):
    """The patient's health questions."""

    permission_classes = (IsPatient,)
    throttle_classes = NEVER_COUNTED

    def handle_exception(self, exc: Exception) -> Response:
        """Hear an answer that speaks of suicide though it was refused, and say where to turn to."""
        heard = self._heard()
        return super().handle_exception(texts.with_crisis(exc, heard) if heard else exc)

    def _heard(self) -> texts.CrisisText | None:
        try:
            return services.heed(self.actor, _body(self.request), at=clock.now())
        except (APIException, Problem):  # nobody is signed in, or not wholly
            return None

    @extend_schema(
        operation_id="screenings_submit",
        summary="Answer the health questions",
        request=serializers.AnswersInput,
        responses={201: serializers.ScreeningOutput},
        examples=[
            OpenApiExample(
                "One medicine",
                value={"answers": {"current_medicines": ["sertraline"]}},
                request_only=True,
            ),
            OpenApiExample("To be reviewed", value=SCREENING, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, enrollment_id: UUID) -> Response:
        """Store the answers and say what the policy makes of them, with every reason; a clinician decides."""
        enrollment = own_enrollment(self.actor, enrollment_id)
        said = serializers.AnswersInput(data=request.data)
        said.is_valid(raise_exception=True)
        screening = services.screen(
            enrollment.pk, answers=said.validated_data["answers"], actor=self.actor, at=clock.now()
        )
        return Response(
            serializers.ScreeningOutput(screening, context=_crisis_of(screening)).data,
            status=status.HTTP_201_CREATED,
            headers={"Location": f"/api/v1/screenings/{screening.pk}"},
        )


class Screenings(View):
    """The clinician's queue."""

    permission_classes = (IsClinician,)

    @extend_schema(
        operation_id="screenings_list",
        summary="Which screenings wait for me?",
        parameters=[serializers.ScreeningsQuery],
        responses=serializers.ScreeningRowOutput(many=True),
        examples=[OpenApiExample("One", value=ROW | {"patient": PATIENT}, response_only=True)],
    )
    def get(self, request: Request) -> Response:
        """List the screenings of one's patients, oldest first: those that wait, or all."""
        asked = serializers.ScreeningsQuery(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        found = queries.listed_screenings(self.actor, asked.validated_data["status"], at=clock.now())
        return self.page(found, serializers.ScreeningRowOutput, chart_of=attrgetter("enrollment.patient_id"))


class ScreeningDetail(View):
    """One screening."""

    permission_classes = (IsPatient | IsClinician,)

    @extend_schema(
        operation_id="screenings_read",
        summary="What did the screening say, and why?",
        responses=PolymorphicProxySerializer(
            component_name="ScreeningRead",
            serializers=[serializers.ScreeningOutput, serializers.ScreeningForClinicianOutput],
            resource_type_field_name=None,
        ),
        examples=[OpenApiExample("As the patient reads it", value=SCREENING, response_only=True)],
    )
    def get(self, request: Request, screening_id: UUID) -> Response:  # noqa: ARG002
        """Show answers, outcome and every reason; to a clinician also their own text and the whole review.

        Where another chart of the same person was given up for this one, a clinician reads what stands in
        that one as well, before they decide.
        """
        screening = queries.screening_for(self.actor, screening_id, at=clock.now())
        patient, context = screening.enrollment.patient, _crisis_of(screening)
        if self.actor == Actor.person(patient.user_id):
            return self.shown(
                Response(serializers.ScreeningOutput(screening, context=context).data), patient.pk
            )
        given_up = given_up_charts(patient.pk)
        whole = serializers.ScreeningForClinicianOutput(
            screening, context={**context, "given_up_charts": given_up}
        )
        return self.shown(Response(whole.data), patient.pk, *(one.chart for one in given_up))


class Reviews(View):
    """A clinician's decision."""

    permission_classes = (IsClinician, RecentlyAuthenticated)
    throttle_classes = NEVER_COUNTED

    @extend_schema(
        operation_id="screenings_review",
        summary="Decide on a screening",
        request=serializers.ReviewInput,
        responses={201: serializers.ReviewAnswer},
        examples=[
            OpenApiExample(
                "Accept",
                value={"outcome": "accepted", "reason": "Sertraline is no obstacle."},
                request_only=True,
            ),
            OpenApiExample(
                "Decline, kindly",
                value={
                    "outcome": "declined",
                    "reason": "A heart attack four weeks ago.",
                    "instead": "Your heart comes first. Your cardiologist can tell you when to ask us again.",
                    "ask_again_on": "2026-09-01",
                },
                request_only=True,
            ),
            OpenApiExample("Accepted", value=REVIEW, response_only=True, status_codes=["201"]),
        ],
    )
    @idempotent
    def post(self, request: Request, screening_id: UUID) -> Response:
        """Sign the decision: once, on the newest answers, and never an acceptance of what is excluded."""
        at = clock.now()
        screening = queries.screening_in_care(self.actor, screening_id, at=at)
        said = serializers.ReviewInput(data=request.data)
        said.is_valid(raise_exception=True)
        review = services.review(
            screening.pk,
            outcome=ReviewOutcome(said.validated_data["outcome"]),
            reason=said.validated_data["reason"],
            advice=Advice(said.validated_data["instead"], said.validated_data["ask_again_on"]),
            reviewer=user_of(request),
            at=at,
        )
        return Response(serializers.ReviewAnswer(review).data, status=status.HTTP_201_CREATED)
