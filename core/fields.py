from datetime import datetime
from functools import cache
from typing import Any

from django.utils.dateparse import parse_datetime
from rest_framework import serializers


class InstantField(serializers.DateTimeField):
    """A moment with its offset from UTC; a time without one is refused, because it names no moment."""

    default_error_messages = {
        "naive": "Give the time with its offset, for example 2026-01-31T09:30:00+01:00."
    }

    def to_internal_value(self, value: Any) -> datetime:
        """Parse an ISO 8601 time that carries an offset."""
        try:
            parsed = parse_datetime(value) if isinstance(value, str) else None
        except ValueError:
            parsed = None
        if parsed is not None and parsed.tzinfo is None:
            self.fail("naive")
        return super().to_internal_value(value)


class InputSerializer(serializers.Serializer[Any]):
    """The shape of what comes in: a key that nobody declared is a fault, not something to drop silently."""

    default_error_messages = {"unknown_field": "This field is not known here."}

    def to_internal_value(self, data: Any) -> Any:
        """Refuse undeclared keys, then validate the declared ones."""
        unknown = set(data) - set(self.fields) if isinstance(data, dict) else set()
        if unknown:
            message = str(self.error_messages["unknown_field"])
            raise serializers.ValidationError(
                {name: [serializers.ErrorDetail(message, code="unknown_field")] for name in sorted(unknown)}
            )
        return super().to_internal_value(data)


class NothingInput(InputSerializer):
    """Nothing is asked: whatever is said would be dropped silently, so it is refused."""


def shaped(shape: type[serializers.Serializer[Any]], value: object) -> dict[str, Any]:
    """Return `value` in an output's shape.

    As `shape(value).data` does, which copies every field for each value; one set of them is enough.
    """
    shown: dict[str, Any] = _one(shape).to_representation(value)
    return shown


def checked(shape: type[serializers.Serializer[Any]], data: object) -> dict[str, Any]:
    """Return what an input's shape makes of `data`; raises DRF's `ValidationError` with every fault.

    As `is_valid` and `validated_data` do, without a copy of every field.
    """
    valid: dict[str, Any] = _one(shape).run_validation(data)
    return valid


@cache
def _one(shape: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return a shape's only serializer: these two leave nothing behind in it."""
    return shape()


class PageQuery(InputSerializer):
    """Which page of a list."""

    cursor = serializers.CharField(required=False, help_text="From `next` of the page before.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=100)
