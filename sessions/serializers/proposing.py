from rest_framework import serializers

from sessions.enums import ProposalAnswer
from sessions.models import SessionProposal
from sessions.serializers.sessions import BookingInput

MAX_NOTE = 300


class ProposalInput(BookingInput):
    """When a session could be, and in which time zone; without one, the patient's own. A note is optional."""

    note = serializers.CharField(max_length=MAX_NOTE, allow_blank=True, default="")


class ProposalOutput(serializers.Serializer[SessionProposal]):
    """A proposed time and its answer; `is_open` while that can still be given."""

    id = serializers.UUIDField()
    enrollment = serializers.UUIDField(source="enrollment_id")
    scheduled_at = serializers.DateTimeField()
    timezone = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    proposed_at = serializers.DateTimeField()
    is_open = serializers.BooleanField()
    answer = serializers.ChoiceField(choices=ProposalAnswer.choices, allow_blank=True)
    answered_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    session = serializers.UUIDField(source="session_id", allow_null=True)
