from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.documents import LANGUAGE
from core.errors import InputError, InvalidInput
from core.fields import InputSerializer, InstantField
from notifications import messages, queries, rules
from notifications.enums import Channel, DeliveryStatus, MessageKind, Way
from notifications.hours import SHORTEST_WAKING, QuietHours
from notifications.models import Delivery


class PagingNumberInput(InputSerializer):
    """A telephone number with its country, as E.164 writes it; empty for none."""

    number = serializers.RegexField(r"^\+[1-9][0-9]{6,14}\Z", max_length=16, allow_blank=True)


class PagingNumberOutput(serializers.Serializer[Any]):
    """A telephone number, or nothing."""

    number = serializers.CharField()


class UnheardPageOutput(serializers.Serializer[Any]):
    """A page, by which way it went, how far it has come, and whom it was to reach."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=MessageKind.choices)
    channel = serializers.ChoiceField(choices=Channel.choices)
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    due_at = serializers.DateTimeField()
    outcome = serializers.CharField()
    user = serializers.UUIDField(source="user_id")


class ReminderWishesInput(InputSerializer):
    """When reminders leave somebody alone, by their own clock, and whether any are wanted; the rest stays."""

    quiet_from = serializers.TimeField(required=False)
    quiet_until = serializers.TimeField(required=False)
    wanted = serializers.BooleanField(required=False)
    channels = serializers.ListField(
        child=serializers.ChoiceField(choices=Way.choices), required=False, min_length=1, max_length=len(Way)
    )

    def validate_channels(self, said: list[str]) -> list[Way]:
        """Take each way once, and none that the clinic has not set up."""
        ways = [Way(way) for way in said]
        if len(set(ways)) < len(ways):
            raise serializers.ValidationError("Name each way once.", code="twice")
        if not set(ways) <= queries.ways_offered():
            raise serializers.ValidationError("This clinic does not offer that way.", code="not_offered")
        return ways

    def quiet(self, now: QuietHours) -> QuietHours:
        """Return the quiet hours asked for; raises `InvalidInput` where they leave too little of a day."""
        said = self.validated_data
        try:
            return QuietHours(said.get("quiet_from", now.begins), said.get("quiet_until", now.ends))
        except ValueError:
            hours = SHORTEST_WAKING.seconds // 3600
            detail = f"Leave at least {hours} hours of the day in which we may write to you."
            raise InvalidInput(errors=[InputError("/quiet_until", "too_long", detail)]) from None


@extend_schema_field({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"})
class ClockTimeField(serializers.TimeField):
    """Hours and minutes by the reader's own clock; the schema's `time` would have an offset."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%H:%M", **options)


class ReminderWishesOutput(serializers.Serializer[Any]):
    """The same, with whether any come at all: without consent, in a pause and after the end none do."""

    quiet_from = ClockTimeField(source="quiet.begins")
    quiet_until = ClockTimeField(source="quiet.ends")
    timezone = serializers.CharField()
    wanted = serializers.BooleanField()
    come = serializers.BooleanField()
    channels = serializers.ListField(child=serializers.ChoiceField(choices=Way.choices), source="ways")


class StopInput(InputSerializer):
    """What stands in the fragment of the link that ends a reminder."""

    token = serializers.CharField(max_length=200)


class InboxMessageOutput(serializers.Serializer[Any]):
    """A message in somebody's inbox, since when it is there, and when it was seen."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=MessageKind.choices)
    title = serializers.SerializerMethodField()
    text = serializers.SerializerMethodField()
    link = serializers.SerializerMethodField()
    appeared_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(allow_null=True)

    def get_title(self, message: Delivery) -> str:
        """Return the subject that its mail has."""
        return self._said(message).subject

    def get_text(self, message: Delivery) -> str:
        """Return what there is, in one sentence, and how to reach a human."""
        return self._said(message).body

    def _said(self, message: Delivery) -> messages.Message:
        language = LANGUAGE if message.user is None else message.user.patient.language
        return messages.in_inbox(MessageKind(message.kind), language=language)

    def get_link(self, message: Delivery) -> str:  # noqa: ARG002 - one page shows whatever is to be done
        """Return the page of the app that comes next."""
        return messages.link("today")


class InboxReadInput(InputSerializer):
    """Until which moment everything was seen: the newest `appeared_at` that was shown."""

    until = InstantField()


class UnreadOutput(serializers.Serializer[Any]):
    """How many messages somebody has not seen; 99 means that many or more."""

    unread = serializers.IntegerField()


class ReminderOutput(serializers.Serializer[Any]):
    """A reminder, how far it has come, and why it was sent or was not."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=MessageKind.choices)
    channel = serializers.ChoiceField(choices=Channel.choices)
    status = serializers.ChoiceField(choices=DeliveryStatus.choices)
    why = serializers.SerializerMethodField()
    due_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    tries = serializers.IntegerField(source="fence")

    def get_why(self, reminder: Delivery) -> str:
        """Return the last outcome, or what it waits for."""
        return reminder.outcome or rules.WAITS.get(DeliveryStatus(reminder.status), "")
