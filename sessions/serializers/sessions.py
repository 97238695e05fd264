from typing import Any

from rest_framework import serializers

from core.fields import InputSerializer, InstantField
from core.parsing import timezones
from sessions.enums import AttestationKind, SessionStatus
from sessions.models import ReadingOverride
from sessions.queries import Day
from sessions.rules import Party

MAX_REASON = 2000


class BookingInput(InputSerializer):
    """When a session is to be, and in which time zone; without one, the patient's own."""

    scheduled_at = InstantField()
    timezone = serializers.CharField(max_length=64, required=False)

    def validate_timezone(self, value: str) -> str:
        """Refuse a zone that is not in the IANA list."""
        if value not in timezones():
            raise serializers.ValidationError("Use a name such as America/New_York.", code="unknown_timezone")
        return value


class ReasonInput(InputSerializer):
    """Why; welcome, never required."""

    reason = serializers.CharField(max_length=MAX_REASON, allow_blank=True, default="")


class SessionOutput(serializers.Serializer[Any]):
    """One session in a list."""

    id = serializers.UUIDField()
    enrollment = serializers.UUIDField(source="enrollment_id")
    number = serializers.IntegerField()
    status = serializers.ChoiceField(choices=SessionStatus.choices)
    scheduled_at = serializers.DateTimeField()
    timezone = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    dosed_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    no_drive_until = serializers.DateTimeField(allow_null=True)


class DeadlineOutput(serializers.Serializer[Any]):
    """By when the monitor must be heard from."""

    id = serializers.UUIDField()
    due_at = serializers.DateTimeField()


class EmergencyOutput(serializers.Serializer[Any]):
    """What to do first, and the signs that call for it; to be kept on the phone."""

    phone = serializers.CharField(source="emergency_phone")
    call_first = serializers.CharField(source="emergency.call_first")
    signs = serializers.ListField(child=serializers.CharField(), source="emergency.signs")


class OpenReasonOutput(serializers.Serializer[Any]):
    """Why something cannot be done yet."""

    code = serializers.CharField()
    detail = serializers.CharField()


HIGH_AND_SEEN = "The blood pressure is above our limit. A clinician looked at it: it does not hold you back."


class LetPassOutput(serializers.Serializer[ReadingOverride]):
    """That a clinician let readings above the limits pass, and why; the holder of a link sees no reason."""

    detail = serializers.SerializerMethodField()
    signed_by = serializers.CharField(source="signature.signer_name")
    given_at = serializers.DateTimeField()
    reason = serializers.CharField(required=False)

    def get_detail(self, override: ReadingOverride) -> str:  # noqa: ARG002
        """Say it to whoever is there."""
        return HIGH_AND_SEEN


class DayOutput(serializers.Serializer[Any]):
    """A session as one sees it now; the holder of a link sees what keeping watch needs, and no chart."""

    id = serializers.UUIDField(source="session.id")
    enrollment = serializers.UUIDField(source="session.enrollment_id", required=False)
    number = serializers.IntegerField(source="session.number", required=False)
    status = serializers.ChoiceField(choices=SessionStatus.choices, source="session.status")
    scheduled_at = serializers.DateTimeField(source="session.scheduled_at")
    timezone = serializers.CharField(source="session.timezone")
    started_at = serializers.DateTimeField(source="session.started_at", allow_null=True)
    dosed_at = serializers.DateTimeField(source="session.dosed_at", allow_null=True)
    ended_at = serializers.DateTimeField(source="session.ended_at", allow_null=True)
    no_drive_until = serializers.DateTimeField(
        source="session.no_drive_until", allow_null=True, required=False
    )
    may_drive = serializers.BooleanField(required=False)
    drive_reasons = OpenReasonOutput(many=True, required=False)
    server_time = serializers.DateTimeField()
    patient_first_name = serializers.CharField()
    dose_by = serializers.DateTimeField(allow_null=True)
    deadlines = DeadlineOutput(many=True)
    next_actions = serializers.ListField(child=serializers.CharField())
    emergency = EmergencyOutput(source="*")
    overrides = LetPassOutput(many=True)
    call_url = serializers.CharField(allow_blank=True)

    def to_representation(self, instance: Day) -> dict[str, Any]:
        """Leave out for a monitor what belongs to the chart."""
        shown: dict[str, Any] = super().to_representation(instance)
        if instance.party == Party.MONITOR:
            for name in ("enrollment", "number", "no_drive_until", "may_drive", "drive_reasons"):
                del shown[name]
            for override in shown["overrides"]:
                del override["reason"]
        return shown


class PreparationInput(InputSerializer):
    """Items by their key, done or not; what is not named stays."""

    items = serializers.DictField(child=serializers.BooleanField(), allow_empty=False)


class PreparedItemOutput(serializers.Serializer[Any]):
    """One thing to prepare."""

    key = serializers.CharField(source="item.key")
    title = serializers.CharField(source="item.title")
    text = serializers.CharField(source="item.text")
    done_at = serializers.DateTimeField(allow_null=True)


class PreparationOutput(serializers.Serializer[Any]):
    """What there is to prepare before this session."""

    items = PreparedItemOutput(many=True)


class InvitationInput(InputSerializer):
    """Whom to ask to stay: an adult, not the patient."""

    first_name = serializers.CharField(max_length=60)
    email = serializers.EmailField(max_length=254)


class InvitationOutput(serializers.Serializer[Any]):
    """Who was asked, and until when their link lasts; the link itself is in their mail alone."""

    id = serializers.UUIDField()
    first_name = serializers.CharField()
    invited_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(source="capability.expires_at")


class MonitorOutput(serializers.Serializer[Any]):
    """Who was asked to stay, the code for their link while it waits for one, and what they are shown."""

    first_name = serializers.CharField()
    invited_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    code = serializers.CharField()
    bound_at = serializers.DateTimeField(allow_null=True)
    sees = serializers.ListField(child=serializers.CharField())


class DeviceInput(InputSerializer):
    """The code that was read aloud, and a key of the device's own making: random, and kept to itself."""

    code = serializers.CharField(max_length=20)
    device = serializers.RegexField(r"\A[A-Za-z0-9_-]{22,100}\Z")


class BoundOutput(serializers.Serializer[Any]):
    """Which session the link opens."""

    session = serializers.UUIDField()


class AttestationInput(InputSerializer):
    """What somebody vouches for; `answers` belong to the patient's, and what is left out is not known."""

    kind = serializers.ChoiceField(choices=AttestationKind.choices)
    answers = serializers.DictField(
        child=serializers.ChoiceField(choices=["yes", "no", "unknown"]), required=False
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask the patient for answers, and nobody else."""
        if ("answers" in attrs) != (attrs["kind"] == AttestationKind.PATIENT_TODAY):
            raise serializers.ValidationError(
                {"answers": "The patient's answers of today belong here, and to nothing else."}
            )
        return attrs


class AttestationOutput(serializers.Serializer[Any]):
    """What was vouched for."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=AttestationKind.choices)
    answers = serializers.DictField(child=serializers.CharField())
    attested_at = serializers.DateTimeField()
