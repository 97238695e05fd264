from typing import Any

from rest_framework import serializers

from sessions.enums import AttestationKind, ObservationKind, OutcomeKind, SessionEvent

BY = ("monitor", "patient", "clinician", "system")
LINES = (
    *SessionEvent.values,
    *ObservationKind.values,
    *AttestationKind.values,
    "check_in",
    "check_in_missed",
    "morning_answer",
    "reading_override",
    "dose",
    "unattributed_dose",
    *(f"dose_{kind}" for kind in OutcomeKind.values),
)


class LogLineOutput(serializers.Serializer[Any]):
    """One line; its `content` is what belongs to its kind, in the units of the names.

    One that corrects another names it under `replaces`, with the `reason`; the other stays, and names the
    newer one under `replaced_by`. `after_seal` marks what came after a clinician had sealed the log.
    """

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=sorted(LINES))
    at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    is_late = serializers.BooleanField()
    by = serializers.ChoiceField(choices=BY)
    content = serializers.DictField(source="says")
    replaces = serializers.UUIDField(allow_null=True)
    reason = serializers.CharField()
    replaced_by = serializers.UUIDField(allow_null=True)
    after_seal = serializers.BooleanField()


class SilenceOutput(serializers.Serializer[Any]):
    """When the monitor was not heard from for longer than a check-in may take."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class SealOutput(serializers.Serializer[Any]):
    """Who read the log and signed, when, as what, and the hash they signed; whether it still says that."""

    sealed_at = serializers.DateTimeField(source="review.reviewed_at")
    signed_by = serializers.CharField(source="review.signature.signer_name")
    meaning = serializers.CharField(source="review.signature.meaning")
    sha256 = serializers.CharField(source="review.log_sha256")
    is_intact = serializers.BooleanField()


class LogOutput(serializers.Serializer[Any]):
    """What was seen, said and done in a session, in order; a missed check-in is a line of its own.

    It is complete once the session has ended with every check-in in time, and whole unless there are so many
    lines that the first of each kind alone are given. `sha256` is what a clinician signs; empty unless whole.
    """

    is_complete = serializers.BooleanField()
    is_whole = serializers.BooleanField()
    sha256 = serializers.CharField()
    seal = SealOutput(allow_null=True)
    gaps = SilenceOutput(many=True)
    lines = LogLineOutput(many=True)
