from typing import Any

from rest_framework import serializers

from sessions.content import Part, Release


class ContentModuleOutput(serializers.Serializer[Any]):
    """Something to read, since when it is there, and what released it.

    `number` is that of the session, or with `day` the days since the enrollment became active.
    """

    key = serializers.CharField(source="module.key")
    title = serializers.CharField(source="module.title")
    text = serializers.CharField(source="module.text")
    part = serializers.ChoiceField(choices=list(Part), source="module.part")
    released_at = serializers.DateTimeField()
    released_by = serializers.ChoiceField(choices=list(Release), source="module.release")
    number = serializers.IntegerField(source="module.number")
