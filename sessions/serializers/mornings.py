from typing import Any

from django.conf import settings
from rest_framework import serializers

from core.fields import InputSerializer
from sessions import queries
from sessions.models import MorningAnswer

DRIVE = "You may drive again. Call us if anything feels wrong."
SLEEP = "Do not drive yet. Sleep first, then answer again, or call us."
REST = "Do not drive today: a clinician will call you. If it gets worse, call {phone} now."


class MorningAnswerInput(InputSerializer):
    """Did you sleep, and do you feel awake?"""

    slept = serializers.BooleanField()
    is_alert = serializers.BooleanField()


class MorningAnswerOutput(serializers.Serializer[Any]):
    """What was said, and what to do now."""

    id = serializers.UUIDField()
    slept = serializers.BooleanField()
    is_alert = serializers.BooleanField()
    given_at = serializers.DateTimeField()
    what_now = serializers.SerializerMethodField()

    def get_what_now(self, row: MorningAnswer) -> str:
        """Return one next thing to do."""
        if queries.may_drive(row.session, at=row.given_at):
            return DRIVE
        if row.is_alert and not row.slept:
            return SLEEP
        return REST.format(phone=settings.EMERGENCY_PHONE)
