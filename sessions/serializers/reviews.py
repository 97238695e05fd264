from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer
from sessions.serializers.sessions import MAX_REASON, OpenReasonOutput


class SessionReviewInput(InputSerializer):
    """Which log you have read, by the hash that came with it, and what you make of it."""

    log_sha256 = serializers.RegexField(r"^[0-9a-f]{64}$")
    note = serializers.CharField(max_length=MAX_REASON)


class SessionReviewOutput(serializers.Serializer[Any]):
    """That somebody reviewed a session: what they signed, when, and by which hash of its log."""

    id = serializers.UUIDField()
    session = serializers.UUIDField(source="session_id")
    signed_by = serializers.CharField(source="signature.signer_name")
    meaning = serializers.CharField(source="signature.meaning")
    log_sha256 = serializers.CharField()
    note = serializers.CharField()
    reviewed_at = serializers.DateTimeField()


class ReviewStandingOutput(serializers.Serializer[Any]):
    """What is open before the next session, why the review cannot be signed yet, and what to sign."""

    session = serializers.UUIDField(source="session.id")
    due_at = serializers.DateTimeField(source="session.review_due_at", allow_null=True)
    is_overdue = serializers.BooleanField()
    forms = serializers.ListField(child=serializers.CharField())
    effects_to_triage = serializers.IntegerField()
    alerts = serializers.IntegerField()
    holds = serializers.IntegerField()
    safety_tasks = serializers.IntegerField()
    reasons = OpenReasonOutput(many=True)
    log_sha256 = serializers.CharField()
    review = SessionReviewOutput(allow_null=True)


class SessionToReviewOutput(serializers.Serializer[Any]):
    """A session that waits for its review: whose, by when, and who looks after them."""

    session = serializers.UUIDField(source="id")
    enrollment = serializers.UUIDField(source="enrollment_id")
    number = serializers.IntegerField()
    patient = serializers.UUIDField(source="enrollment.patient_id")
    legal_name = serializers.CharField(source="enrollment.patient.legal_name")
    ended_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(source="review_due_at")
    owner = serializers.CharField(allow_null=True)
