from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Patient, User
from core.ids import new_id
from notifications.enums import Channel, DeliveryStatus, MessageKind
from notifications.hours import USUAL
from notifications.rules import CLAIMED_FIRST, REMINDERS


class Delivery(models.Model):
    """One message to one person: the job itself; Celery only wakes whoever does it.

    The address is read at the moment of sending from `user`; `payload` (the words a template needs, and the
    address of somebody without an account) is encrypted for this row and emptied once the message has left.
    `told_on` is the day, in the reader's own zone, that a reminder has for itself: taken before it is sent,
    given back if it was not. `refused_sha256` is the hash of an address that refused it for good.
    `given_up` names the channels, by spaces, on which it was not taken, or did not arrive, before another one
    was tried.
    `appeared_at` is since when a patient finds it in their inbox, `read_at` when they had seen it there.
    `goes_on`: it asks for what guards the reader's safety, and no pause puts it off.
    `about` is whose chart an urgent one is about; the database itself lets one about a drill's chart, or to
    its account, be of no channel but RECORD.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    dedupe_key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=24, choices=MessageKind.choices)
    channel = models.CharField(
        max_length=8, choices=Channel.choices, default=Channel.EMAIL, db_default=Channel.EMAIL
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="deliveries")
    about = models.ForeignKey(Patient, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    payload = models.BinaryField(default=b"")
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=DeliveryStatus.choices, default=DeliveryStatus.DUE)
    fence = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=200, blank=True)
    told_on = models.DateField(null=True)
    refused_sha256 = models.CharField(max_length=64, blank=True, default="", db_default="")
    given_up = models.CharField(max_length=40, blank=True, default="", db_default="")
    goes_on = models.BooleanField(default=False, db_default=False)
    appeared_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=MessageKind.values), name="delivery_kind_is_known"),
            models.CheckConstraint(
                condition=Q(status__in=DeliveryStatus.values), name="delivery_status_is_known"
            ),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="delivery_channel_is_known"),
            models.CheckConstraint(
                condition=Q(status=DeliveryStatus.LEASED, leased_until__isnull=False)
                | ~Q(status=DeliveryStatus.LEASED) & Q(leased_until=None),
                name="delivery_leased_until_somebody_gives_it_back",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["due", "leased"], finished_at=None)
                | ~Q(status__in=["due", "leased"]) & Q(finished_at__isnull=False),
                name="delivery_finished_when_it_ended",
            ),
            # Two workers with a reminder each find out here that it is one person and one day.
            models.UniqueConstraint(
                fields=["user", "told_on"],
                condition=Q(told_on__isnull=False),
                name="delivery_one_reminder_a_day",
            ),
            models.CheckConstraint(
                condition=Q(told_on=None) | Q(kind__in=sorted(REMINDERS), user__isnull=False),
                name="delivery_told_on_is_of_a_reminder",
            ),
            models.CheckConstraint(
                condition=Q(read_at=None) | Q(appeared_at__isnull=False),
                name="delivery_read_where_it_appeared",
            ),
        ]
        indexes = [
            # The tick asks for what is due, or leased to somebody who never came back.
            models.Index(
                fields=["due_at"], condition=Q(status__in=["due", "leased"]), name="delivery_open_by_due_at"
            ),
            # It asks for these first, and must not read a backlog of reminders to find that there is none.
            models.Index(
                fields=["due_at"],
                condition=Q(status__in=["due", "leased"], kind__in=sorted(CLAIMED_FIRST)),
                name="delivery_claimed_first",
            ),
            models.Index(
                fields=["user", "-appeared_at", "-id"],
                condition=Q(appeared_at__isnull=False),
                name="delivery_inbox",
            ),
        ]


class Suppression(models.Model):
    """Reminders of these kinds to this person stop while the row stands; sending re-reads it.

    `puts_off`: what it stops is not called off, but waits for the row's end; what `goes_on` is not stopped.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="suppressions")
    kind = models.CharField(max_length=24, choices=MessageKind.choices)
    cause = models.CharField(max_length=120)
    puts_off = models.BooleanField(default=False, db_default=False)
    placed_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "kind", "cause"],
                condition=Q(lifted_at=None),
                name="suppression_placed_once_per_cause",
            )
        ]


class ReminderPreference(models.Model):
    """When somebody wants to be left alone by reminders; who has no row has the usual quiet hours.

    Local times, in the zone of the chart; both alike means at no time. `ways` are those they want to be
    reached by, the best first and by spaces; empty stands for the usual.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="reminder_preference")
    quiet_from = models.TimeField(default=USUAL.begins)
    quiet_until = models.TimeField(default=USUAL.ends)
    ways = models.CharField(max_length=40, blank=True, default="", db_default="")
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()


class PagingNumber(models.Model):
    """The telephone number at which somebody who works here is paged; encrypted for this row.

    An empty one was taken back.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="paging_number")
    number = models.BinaryField(default=b"")
    set_at = models.DateTimeField()


class ProviderCircuit(models.Model):
    """How one channel's provider has done lately (`rules.Circuit`); no row is all well."""

    channel = models.CharField(max_length=8, choices=Channel.choices, primary_key=True)
    broken = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True)


from notifications.devices import models as device_models  # noqa: E402, F401
from notifications.texts import models as text_models  # noqa: E402, F401
