from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.fields import InputSerializer, InstantField
from safety.enums import Ascertainment, Grade, Seriousness
from safety.events.enums import Flag
from safety.events.rules import AS_GIVEN
from safety.models import AdverseEvent
from safety.services import EventReport

_T = TypeVar("_T")


@extend_schema_field({})
class Said(serializers.Field[Any, Any, Any, Any]):
    """A value as somebody gave it: any at all, because a report is not refused for how it is written."""

    def to_internal_value(self, data: Any) -> Any:
        """Take whatever was said."""
        return data

    def to_representation(self, value: Any) -> Any:
        """Give it back as it came."""
        return value


class EventInput(InputSerializer):
    """What went wrong, in one's own words, and whatever else is known; nothing of it is required.

    A value that cannot be read, and a key that nobody knows, is kept beside the words, not lost; whether it
    was serious, where nobody says, is taken to be yes.
    """

    session = Said(required=False, allow_null=True)
    enrollment = Said(required=False, allow_null=True)
    description = Said(required=False, allow_null=True)
    action_taken = Said(required=False, allow_null=True)
    onset_at = Said(required=False, allow_null=True)
    ended_at = Said(required=False, allow_null=True)
    is_serious = Said(required=False, allow_null=True)
    seriousness = Said(required=False, allow_null=True)
    answers = Said(required=False, allow_null=True)
    observation = Said(required=False, allow_null=True)
    grade = Said(required=False, allow_null=True)
    ascertainment = Said(required=False, allow_null=True)

    def to_internal_value(self, data: Any) -> Any:
        """Take the known keys as they are, and keep the others to be read by a person."""
        unknown = {key: data[key] for key in data if key not in self.fields} if isinstance(data, dict) else {}
        known = {key: data[key] for key in data if key in self.fields} if isinstance(data, dict) else data
        return super().to_internal_value(known) | {"unknown": unknown}

    def id_of(self, name: str) -> UUID | None:
        """Return the session, enrollment or observation that was named, if it can be read."""
        return self._read_field(name, _uuid, [])

    def is_unreadable(self, name: str) -> bool:
        """Tell whether something was given there that is no id."""
        return self.validated_data.get(name) not in (None, "") and self.id_of(name) is None

    def to_report(self, *, unused: Sequence[str]) -> EventReport:
        """Return the report; what could not be read, or is `unused`, stands below its description."""
        unread = [
            _as_given(name, said)
            for name, said in [
                *((name, self.validated_data.get(name)) for name in unused),
                *self.validated_data["unknown"].items(),
            ]
        ]
        description = self._read_field("description", _text, unread)
        action_taken = self._read_field("action_taken", _text, unread)
        named = self.validated_data.get("seriousness")
        criteria = [
            self._read("seriousness", given, _criterion, unread)
            for given in (named if isinstance(named, list) else [named])
        ]
        answers = self._answers(unread)
        onset_at = self._read_field("onset_at", _instant, unread)
        ended_at = self._read_field("ended_at", _instant, unread)
        grade = self._read_field("grade", _grade, unread)
        ascertainment = self._read_field("ascertainment", Ascertainment, unread)
        # Something was said that we could not read: then "no" is no answer.
        is_serious = True if unread else self._read_field("is_serious", _yes_no, unread)
        return EventReport(
            description="\n".join([*([description] if description else []), *unread]),
            action_taken=action_taken or "",
            onset_at=onset_at,
            ended_at=ended_at,
            is_serious=is_serious,
            seriousness=tuple(criterion for criterion in criteria if criterion is not None),
            answers=answers,
            grade=grade,
            ascertainment=ascertainment or Ascertainment.VOLUNTEERED,
        )

    def _answers(self, unread: list[str]) -> dict[Seriousness, bool | None]:
        """Read the answers to the closed questions; one to a question that nobody asks is kept unread."""
        said = self.validated_data.get("answers")
        if not isinstance(said, dict):
            self._read("answers", said, _nothing, unread)
            return {}
        known = {key: answer for key, answer in said.items() if key in Seriousness.values}
        unread.extend(_as_given(f"answers.{key}", said[key]) for key in said if key not in known)
        return {
            Seriousness(key): self._read(f"answers.{key}", answer, _yes_no, unread)
            for key, answer in known.items()
        }

    def _read_field(self, name: str, read: Callable[[Any], _T | None], unread: list[str]) -> _T | None:
        return self._read(name, self.validated_data.get(name), read, unread)

    def _read(self, name: str, said: Any, read: Callable[[Any], _T | None], unread: list[str]) -> _T | None:
        """Read what was said; what cannot be read is added to `unread`."""
        if said is None or said == "":
            return None
        try:
            return read(said)
        except (TypeError, ValueError, OverflowError, serializers.ValidationError):
            unread.append(_as_given(name, said))
            return None


def _as_given(name: str, said: Any) -> str:
    return _storable(f"[{name}{AS_GIVEN}{said}]")


def _storable(text: str) -> str:
    """Return a text as a column can hold it: what no column can is replaced by a mark."""
    return text.encode(errors="replace").decode().replace("\0", "?")


def _text(said: Any) -> str:
    if not isinstance(said, str):
        raise TypeError(said)
    return _storable(said.strip())


def _nothing(said: Any) -> None:
    raise TypeError(said)


def _uuid(said: Any) -> UUID:
    return UUID(said if isinstance(said, str) else "")


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
    answers = serializers.DictField(child=serializers.BooleanField(allow_null=True))
    observation = serializers.UUIDField(source="session_link.observation_id", default=None, allow_null=True)
    grade = serializers.ChoiceField(choices=Grade.choices, allow_null=True)
    ascertainment = serializers.ChoiceField(choices=Ascertainment.choices)
    flags = serializers.ListField(child=serializers.ChoiceField(choices=Flag.choices))
    reported_at = serializers.DateTimeField()
    treatment_is_held = serializers.SerializerMethodField()

    def get_treatment_is_held(self, event: AdverseEvent) -> bool:
        """Tell whether the report has made treatment stand still."""
        return event.hold_id is not None
