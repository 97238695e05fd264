from typing import Any

from rest_framework import serializers

from core.contact import ContactOutput
from desk.enums import EntryKind, Who


class ChapterOutput(serializers.Serializer[Any]):
    """One table of the record, its rows as they are kept."""

    name = serializers.CharField()
    title = serializers.CharField()
    rows = serializers.ListField(child=serializers.DictField())


class ExportOutput(serializers.Serializer[Any]):
    """Everything that is kept about somebody."""

    made_at = serializers.DateTimeField()
    chapters = ChapterOutput(many=True)


class NextStepOutput(serializers.Serializer[Any]):
    """One sentence, one link, who has to act, and how to reach a human."""

    code = serializers.CharField()
    sentence = serializers.CharField()
    link = serializers.CharField()
    who = serializers.ChoiceField(choices=[(who.value, who.value) for who in Who])
    contact = ContactOutput()


class EntryOutput(serializers.Serializer[Any]):
    """One line of a timeline."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=[(kind.value, kind.value) for kind in EntryKind])
    title = serializers.CharField()


class TimelineOutput(serializers.Serializer[Any]):
    """A page of a timeline, newest first; `next` is the address of the page before it in time."""

    next = serializers.CharField(allow_null=True)
    results = EntryOutput(many=True)
