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
    "dose",
    "unattributed_dose",
    *(f"dose_{kind}" for kind in OutcomeKind.values),
)


class LogLineOutput(serializers.Serializer[Any]):
    """One line; its `content` is what belongs to its kind, in the units of the names."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(choices=sorted(LINES))
    at = serializers.DateTimeField()
    received_at = serializers.DateTimeField()
    is_late = serializers.BooleanField()
    by = serializers.ChoiceField(choices=BY)
    content = serializers.DictField(source="says")


class SilenceOutput(serializers.Serializer[Any]):
    """When the monitor was not heard from for longer than a check-in may take."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class LogOutput(serializers.Serializer[Any]):
    """What was seen, said and done in a session, in order; a missed check-in is a line of its own.

    It is complete once the session has ended with every check-in in time, and whole unless there are so many
    lines that the first of each kind alone are given. `sha256` is what a clinician signs; empty unless whole.
    """

    is_complete = serializers.BooleanField()
    is_whole = serializers.BooleanField()
    sha256 = serializers.CharField()
    gaps = SilenceOutput(many=True)
    lines = LogLineOutput(many=True)
