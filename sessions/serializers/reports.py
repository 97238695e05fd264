from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.fields import InputSerializer, InstantField
from safety.enums import Ascertainment, Grade, Seriousness
from safety.models import AdverseEvent
from safety.services import EventReport

_T = TypeVar("_T")


@extend_schema_field({"type": ["string", "number", "boolean", "null"]})
class Said(serializers.Field[Any, Any, Any, Any]):
    """A value as somebody gave it: any single one, because a report is not refused for how it is written."""

    def to_internal_value(self, data: Any) -> Any:
        """Take any text, number, yes or no; a list or an object is another shape."""
        if isinstance(data, list | dict):
            raise serializers.ValidationError("Give one value here.", code="invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        """Give it back as it came."""
        return value


class EventInput(InputSerializer):
    """What went wrong, in one's own words. Everything else is optional.

    A value that cannot be read is kept beside the words, not lost; whether it was serious, where nobody
    says, is taken to be yes.
    """

    session = serializers.UUIDField(required=False, allow_null=True)
    enrollment = serializers.UUIDField(required=False, allow_null=True)
    description = serializers.CharField()
    action_taken = serializers.CharField(required=False, allow_blank=True, default="")
    onset_at = Said(required=False, allow_null=True)
    ended_at = Said(required=False, allow_null=True)
    is_serious = Said(required=False, allow_null=True)
    seriousness = serializers.ListField(child=Said(), required=False, default=list)
    grade = Said(required=False, allow_null=True)
    ascertainment = Said(required=False, allow_null=True)

    def to_report(self) -> EventReport:
        """Return the report; what could not be read stands below its description."""
        unread: list[str] = []
        criteria = [
            self._read("seriousness", given, _criterion, unread)
            for given in self.validated_data["seriousness"]
        ]
        onset_at = self._read_field("onset_at", _instant, unread)
        ended_at = self._read_field("ended_at", _instant, unread)
        grade = self._read_field("grade", _grade, unread)
        ascertainment = self._read_field("ascertainment", Ascertainment, unread)
        # Something was said that we could not read: then "no" is no answer.
        is_serious = None if unread else self._read_field("is_serious", _yes_no, unread)
        return EventReport(
            description="\n".join([self.validated_data["description"], *unread]),
            action_taken=self.validated_data["action_taken"],
            onset_at=onset_at,
            ended_at=ended_at,
            is_serious=is_serious,
            seriousness=tuple(criterion for criterion in criteria if criterion is not None),
            grade=grade,
            ascertainment=ascertainment or Ascertainment.VOLUNTEERED,
        )

    def _read_field(self, name: str, read: Callable[[Any], _T | None], unread: list[str]) -> _T | None:
        return self._read(name, self.validated_data.get(name), read, unread)

    def _read(self, name: str, said: Any, read: Callable[[Any], _T | None], unread: list[str]) -> _T | None:
        """Read what was said; what cannot be read is added to `unread`."""
        if said is None or said == "":
            return None
        try:
            return read(said)
        except (ValueError, serializers.ValidationError):
            unread.append(f"[{name}, as it was given: {said}]")
            return None


def _yes_no(said: Any) -> bool | None:
    """Read yes or no; "unknown" is neither, and anything else is not understood."""
    answers: dict[Any, bool | None] = {True: True, False: False, "yes": True, "no": False, "unknown": None}
    if not isinstance(said, bool | str) or said not in answers:
        raise ValueError(said)
    return answers[said]


def _instant(said: Any) -> datetime:
    return InstantField().to_internal_value(said)


def _grade(said: Any) -> Grade:
    """Read a grade as a number or in digits: 5, 5.0 and "5" are the same."""
    number = None if isinstance(said, bool) else float(said)
    if number is None or not number.is_integer():
        raise ValueError(said)
    return Grade(int(number))


def _criterion(said: Any) -> Seriousness:
    return Seriousness(said)


class EventOutput(serializers.Serializer[Any]):
    """An adverse event as it was recorded."""

    id = serializers.UUIDField()
    session = serializers.UUIDField(source="session_link.session_id", default=None, allow_null=True)
    description = serializers.CharField()
    action_taken = serializers.CharField()
    onset_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    is_serious = serializers.BooleanField()
    seriousness = serializers.ListField(child=serializers.ChoiceField(choices=Seriousness.choices))
    grade = serializers.ChoiceField(choices=Grade.choices, allow_null=True)
    ascertainment = serializers.ChoiceField(choices=Ascertainment.choices)
    reported_at = serializers.DateTimeField()
    treatment_is_held = serializers.SerializerMethodField()

    def get_treatment_is_held(self, event: AdverseEvent) -> bool:
        """Tell whether the report has made treatment stand still."""
        return event.hold_id is not None
