from typing import Any

from rest_framework import serializers

from core.contact import ContactOutput
from core.fields import InputSerializer
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


class SilentOutput(serializers.Serializer[Any]):
    """Somebody who has not answered: in which program, who, and since when the oldest of it is due."""

    enrollment = serializers.UUIDField(source="id")
    patient = serializers.UUIDField(source="patient_id")
    legal_name = serializers.CharField(source="patient.legal_name")
    since = serializers.DateTimeField()


class LooksQuery(InputSerializer):
    """Whose looks, and which page."""

    by = serializers.ChoiceField(choices=["others", "everybody"], default="others")
    cursor = serializers.IntegerField(required=False, min_value=1, max_value=2**62, help_text="From `next`.")
    limit = serializers.IntegerField(default=20, min_value=1, max_value=100)


class LookOutput(serializers.Serializer[Any]):
    """That somebody looked: when, who they are and as what, at which page, and why they may."""

    at = serializers.DateTimeField()
    who = serializers.CharField()
    role = serializers.CharField()
    what = serializers.CharField()
    why = serializers.CharField()


class LooksOutput(serializers.Serializer[Any]):
    """A page of looks, newest first; `next` is the address of those before."""

    next = serializers.CharField(allow_null=True)
    results = LookOutput(many=True)


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
