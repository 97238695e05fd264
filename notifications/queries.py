import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import Max, Q, QuerySet, Subquery
from django.utils.crypto import salted_hmac

from accounts import queries as accounts
from accounts.enums import Role
from accounts.models import Patient, User
from core.acting import seeing_all_charts
from core.documents import LANGUAGE
from core.encryption import decrypt
from core.errors import NotFound
from notifications.addresses import readable
from notifications.channels import offered
from notifications.devices.models import Device
from notifications.devices.queries import address_of, reachable
from notifications.enums import PUSH, Channel, DeliveryStatus, MessageKind, Way
from notifications.hours import USUAL, Habits, QuietHours, end_of_day
from notifications.models import Delivery, PagingNumber, ProviderCircuit, ReminderPreference, Suppression
from notifications.rules import (
    BY_WISH,
    IN_INBOX,
    LEFT,
    MISCARRIED,
    REMINDERS,
    SAID_IN,
    TEXTED_AFTER,
    USUAL_WAYS,
    Reach,
    SendingFacts,
    chosen,
)
from notifications.texts.queries import confirmed_number, has_confirmed_number

NOBODYS = "nobody@drill.invalid"
"""Stands for every address in a drill, so that a real one is not even read."""


def deliveries() -> QuerySet[Delivery]:
    """Return all deliveries for operators, newest first, without what was in them."""
    return Delivery.objects.defer("payload").order_by("-due_at", "-id")


def sending_facts(delivery: Delivery, *, address: str, in_doubt: bool, at: datetime) -> SendingFacts:
    """Return what decides whether `delivery` may leave now, read at this moment.

    `address` is the one it was scheduled for, if it was; else where its user can be reached now is read. In
    doubt it goes by no other channel than the one on which it may have left.
    """
    user, channel = delivery.user, Channel(delivery.channel)
    if channel == Channel.RECORD:
        reaches = [Reach(channel, NOBODYS)]
    elif user is None:
        reaches = [Reach(channel, address, drops_repeats=drops_repeats(channel))]
    elif delivery.kind in BY_WISH:
        reaches = [
            reach for reach in ways_to(user, kind=delivery.kind) if not in_doubt or reach.channel == channel
        ]
    elif channel in PUSH:
        # A call is to one device, and no other's address is even read.
        devices = reachable(user, by=[channel])
        reaches = _on(one for one in devices if delivery.dedupe_key.endswith(f":{one.pk}"))
    else:
        reaches = by_channel(user, channel)
    reach, has_another_way = chosen(reaches, given_up=given_up(delivery), at=at)
    standing = Suppression.objects.filter(user=user, kind=delivery.kind, lifted_at=None).order_by("puts_off")
    stopped = standing.values_list("puts_off", "cause").first()
    reader = reader_of(user) if user is not None and delivery.kind in REMINDERS else None
    return SendingFacts(
        kind=MessageKind(delivery.kind),
        attempt=delivery.fence,
        in_doubt=in_doubt,
        expires_at=delivery.expires_at,
        account_closed=user is not None and not user.is_active,
        reach=reach or Reach(channel, "", drops_repeats=drops_repeats(channel)),
        has_another_way=has_another_way,
        suppressed_by=stopped[1] if stopped and not stopped[0] else "",
        is_put_off=bool(stopped and stopped[0]) and not delivery.goes_on,
        habits=reader.habits if reader else None,
        language=reader.language if reader else language_of(user, kind=delivery.kind),
    )


def given_up(delivery: Delivery) -> set[Channel]:
    """Return by which channels a message is not tried again."""
    return {Channel(name) for name in delivery.given_up.split()}


def drops_repeats(channel: Channel) -> bool:
    """Tell whether a channel's provider knows a message again that it has taken before."""
    return bool(settings.EMAIL_KEY_HEADER) if channel == Channel.EMAIL else channel == Channel.TEXT


def by_channel(user: User, channel: Channel) -> list[Reach]:
    """Return where somebody is reached by text or by mail."""
    if channel == Channel.TEXT:
        found = [number_of(user) or confirmed_number(user, even_if_stopped=True)]
    else:
        verified = EmailAddress.objects.filter(user=user, primary=True, verified=True)
        found = list(verified.values_list("email", flat=True)[:1])
    return [Reach(channel, address, drops_repeats=drops_repeats(channel)) for address in found]


def ways_to(user: User, *, kind: str) -> list[Reach]:
    """Return every way to reach a patient for what goes by their wish, the one they like best first.

    Mail where none of those that they like is there any more: somebody counts on being told. A way whose
    address no key opens is none.
    """
    ways = ways_offered()
    found: list[Reach] = []
    if ways != {Way.EMAIL}:
        found = [reach for way in ways_of(user) if way in ways for reach in _by_way(user, way)]
    found = found or by_channel(user, Channel.EMAIL)
    if kind not in REMINDERS:
        return found
    return [replace(one, refused_at=None if one.device else refused_at(user, one.address)) for one in found]


def _by_way(user: User, way: Way) -> list[Reach]:
    if way == Way.EMAIL:
        return by_channel(user, Channel.EMAIL)
    if way == Way.TEXT:
        number = confirmed_number(user, even_if_stopped=False)
        return [Reach(Channel.TEXT, number, drops_repeats=True)] if number else []
    return _on(one for one in reachable(user, by=PUSH & offered()) if _is_readable(one))


def _is_readable(device: Device) -> bool:
    return bool(readable(partial(address_of, device), of=f"device {device.pk}"))


def _on(devices: Iterable[Device]) -> list[Reach]:
    return [Reach(Channel(one.channel), address_of(one), device=one.pk) for one in devices]


def ways_for_calls(user: User) -> dict[str, Channel]:
    """Return every way beside mail to call a patient, whatever they have stopped, each by a name of its own.

    A device's name ends in its id: by that `sending_facts` knows which one a call is to.

    No address is read: one that no key opens must not undo what calls them.
    """
    ways = ways_offered()
    devices = reachable(user, by=PUSH & offered()) if Way.PUSH in ways else []
    found = {f"{one.channel}:{one.pk}": Channel(one.channel) for one in devices}
    if Way.TEXT in ways and has_confirmed_number(user):
        found[Channel.TEXT.value] = Channel.TEXT
    return found


def first_channel(user: User, *, kind: str) -> Channel:
    """Return by which channel a message for them would go now; what that depends on is read again then."""
    if kind not in BY_WISH or ways_offered() == {Way.EMAIL}:
        return Channel.EMAIL
    with seeing_all_charts():
        found = ways_to(user, kind=MessageKind.NEWS)
    return found[0].channel if found else Channel.EMAIL


def ways_of(user: User) -> tuple[Way, ...]:
    """Return the ways somebody wants to be reached, the best first."""
    said = ReminderPreference.objects.filter(user=user).values_list("ways", flat=True).first()
    return tuple(Way(way) for way in said.split()) if said else USUAL_WAYS


def ways_offered() -> frozenset[Way]:
    """Return the ways in which this clinic can reach a patient."""
    has_text = settings.PATIENT_TEXTS and Channel.TEXT in offered()
    has = {Way.PUSH: bool(PUSH & offered()), Way.TEXT: has_text, Way.EMAIL: True}
    return frozenset(way for way, is_offered in has.items() if is_offered)


def paging_number(user: User) -> PagingNumber | None:
    """Return at which number somebody is paged, if they have given one."""
    return PagingNumber.objects.filter(user=user).exclude(number=b"").first()


def number_of(user: User) -> str:
    """Return that number, or nothing."""
    found = paging_number(user)
    return "" if found is None else str(decrypt(found.number, place=number_place(found)))


def number_place(found: PagingNumber) -> str:
    """Return the place that a number is encrypted for."""
    return f"notifications_pagingnumber.number:{found.pk}"


def resting_channels(*, at: datetime) -> QuerySet[ProviderCircuit]:
    """Return the channels whose providers are let alone at `at`."""
    return ProviderCircuit.objects.filter(open_until__gt=at)


UNCONFIRMED_AFTER = timedelta(minutes=3)
"""After that without a receipt, a text counts as one that nobody may have got."""


def unheard_pages(*, since: datetime, at: datetime) -> QuerySet[Delivery]:
    """Return the pages since then that reached nobody, or that no provider says have arrived.

    E-mail has no receipts: taken by the server counts as sent. A page that was called back, because somebody
    answered by another way, is none of them.
    """
    pages = Delivery.objects.filter(kind__in=list(TEXTED_AFTER), due_at__gt=since)
    pages = pages.exclude(channel=Channel.RECORD)
    silent = Q(status=DeliveryStatus.SENT, channel=Channel.TEXT, finished_at__lte=at - UNCONFIRMED_AFTER)
    waiting = Q(status__in=[DeliveryStatus.DUE, DeliveryStatus.LEASED], due_at__lte=at - UNCONFIRMED_AFTER)
    unheard = pages.filter(Q(status__in=list(MISCARRIED)) | silent | waiting)
    return unheard.defer("payload").select_related("user__clinician").order_by("id")


MOST_SHOWN = 200


def how_far(dedupe_key_prefix: str) -> list[Delivery]:
    """Return the messages whose keys begin so, oldest first, 200 at most, without what was in them.

    For whoever answers what they are about: they see how far each has come, whomever it was to reach.
    """
    with seeing_all_charts():
        found = Delivery.objects.filter(dedupe_key__startswith=dedupe_key_prefix).order_by("id")
        return list(found.defer("payload").select_related("user__clinician")[:MOST_SHOWN])


def gone(dedupe_key_prefix: str) -> int:
    """Return how many messages whose keys begin so somebody has, or may have, by themselves or in another."""
    may_have = Q(status__in=[*LEFT, DeliveryStatus.LEASED]) | Q(outcome__startswith=SAID_IN)
    with seeing_all_charts():
        return Delivery.objects.filter(may_have, dedupe_key__startswith=dedupe_key_prefix).count()


MOST_UNREAD = 99
"""As far as unread messages are counted."""


def inbox(user: User) -> QuerySet[Delivery]:
    """Return what a patient finds in their inbox."""
    found = Delivery.objects.filter(user=user, appeared_at__isnull=False).defer("payload")
    return found.select_related("user__patient")


def unread_count(user: User) -> int:
    """Return how much of it they have not seen, up to `MOST_UNREAD`."""
    return inbox(user).filter(read_at=None).order_by()[:MOST_UNREAD].count()


def reminders_of(user: User) -> QuerySet[Delivery]:
    """Return every reminder written down for somebody, whatever became of it."""
    return Delivery.objects.filter(user=user, kind__in=REMINDERS).defer("payload")


def reminder_for(user: User, reminder_id: UUID, *, at: datetime) -> Delivery:
    """Return a reminder of one's own, or to who runs the clinic anybody's; raises `NotFound`."""
    found = Delivery.objects.filter(kind__in=REMINDERS, pk=reminder_id).defer("payload")
    if Role.OPERATOR not in accounts.roles_of(user.pk, at=at):
        found = found.filter(user=user)
    reminder = found.first()
    if reminder is None:
        raise NotFound
    return reminder


def digest_of(address: str) -> str:
    """Return by what an address is known that refused mail; without regard to case.

    There are so few telephone numbers that a plain hash of one would be the number.
    """
    if address.startswith("+"):
        return salted_hmac("notifications.refused", address, algorithm="sha256").hexdigest()
    return hashlib.sha256(address.lower().encode()).hexdigest()


def refused_at(user: User, address: str) -> datetime | None:
    """Return when somebody's address last refused mail for good, if it did."""
    refused = Delivery.objects.filter(user=user, refused_sha256=digest_of(address))
    last: datetime | None = refused.aggregate(last=Max("finished_at"))["last"]
    return last


def who_looks_after(user: User, *, at: datetime) -> list[User]:
    """Return whom to tell that somebody can't be reached: who cares for a patient, else who runs the clinic.

    Never the person themselves.
    """
    with seeing_all_charts():
        patient = accounts.patient_of(user.pk)
        caring = [] if patient is None else accounts.caring_for(patient.pk, at=at)
    told = caring or list(accounts.holders(Role.OPERATOR, at=at))
    return [one for one in told if one.pk != user.pk]


def zone_of(user_id: UUID | None) -> ZoneInfo | None:
    """Return in which zone somebody's days are; `None` where there is no chart."""
    with seeing_all_charts():
        zone = Patient.objects.filter(user=user_id).values_list("timezone", flat=True).first()
    return None if zone is None else ZoneInfo(zone)


def is_told_on(user_id: UUID | None, day: date) -> bool:
    """Tell whether a reminder has left, or may have, on that day of somebody's; one in hand may yet not."""
    with seeing_all_charts():
        return Delivery.objects.filter(user=user_id, told_on=day, status__in=list(LEFT)).exists()


@dataclass(frozen=True)
class Reader:
    """When somebody with a chart may be reminded, and in which language they are spoken to."""

    habits: Habits
    language: str


def language_of(user: User | None, *, kind: str) -> str:
    """Return in which language somebody is sent what stands in an inbox too; all else has one."""
    if user is None or kind not in IN_INBOX:
        return LANGUAGE
    with seeing_all_charts():
        return Patient.objects.filter(user=user).values_list("language", flat=True).first() or LANGUAGE


def reader_of(user: User) -> Reader | None:
    """Return what a message to somebody goes by; `None` where there is no chart, and so nobody to remind.

    One statement: it is asked for every reminder that leaves.
    """
    may_have_left = Delivery.objects.filter(user=user, kind__in=REMINDERS, status__in=list(LEFT))
    last = may_have_left.filter(finished_at__isnull=False).order_by("-finished_at").values("finished_at")
    with seeing_all_charts():
        row = (
            Patient.objects.filter(user=user)
            .values_list(
                "language",
                "timezone",
                "user__reminder_preference__quiet_from",
                "user__reminder_preference__quiet_until",
                Subquery(last[:1]),
            )
            .first()
        )
    if row is None:
        return None
    language, zone, quiet_from, quiet_until, reminded_at = row
    quiet = USUAL if quiet_from is None else QuietHours(quiet_from, quiet_until)
    return Reader(Habits(zone=ZoneInfo(zone), quiet=quiet, reminded_at=reminded_at), language)


OPTED_OUT = "opted out"
"""The cause under which somebody has stopped reminders themselves."""


@dataclass(frozen=True)
class Wishes:
    """How somebody wants to be reminded; `come` says whether anything comes, whoever stopped it."""

    quiet: QuietHours
    timezone: str
    wanted: bool
    come: bool
    version: int
    ways: tuple[Way, ...] = (Way.EMAIL,)


def wishes(user: User) -> Wishes:
    """Return how somebody with a chart wants to be reminded; raises `NotFound` without one."""
    patient = accounts.patient_of(user.pk)
    if patient is None:
        raise NotFound
    said = ReminderPreference.objects.filter(user=user).first()
    stopped = Suppression.objects.filter(user=user, kind=MessageKind.ASSESSMENT_DUE, lifted_at=None)
    causes = set(stopped.values_list("cause", flat=True))
    return Wishes(
        quiet=QuietHours(said.quiet_from, said.quiet_until) if said else USUAL,
        timezone=patient.timezone,
        wanted=OPTED_OUT not in causes,
        come=not causes,
        version=said.version if said else 1,
        ways=tuple(way for way in ways_of(user) if way in ways_offered()),
    )


@dataclass(frozen=True)
class Waiting:
    """A reminder that waits for the same person and day."""

    id: UUID
    kind: MessageKind


def waiting_beside(delivery: Delivery, *, zone: ZoneInfo, at: datetime) -> list[Waiting]:
    """Return the other reminders that this person would get until the end of their day."""
    beside = Delivery.objects.filter(
        user=delivery.user_id,
        kind__in=REMINDERS,
        status=DeliveryStatus.DUE,
        due_at__lt=end_of_day(zone, at),
        expires_at__gt=at,
    ).exclude(pk=delivery.pk)
    rows = list(beside.order_by("due_at", "id").values_list("pk", "kind", "goes_on"))
    if not rows:
        return []
    standing = Suppression.objects.filter(user=delivery.user_id, lifted_at=None)
    stops = list(standing.values_list("kind", "puts_off"))
    stopped = {kind for kind, puts_off in stops if not puts_off}
    put_off = {kind for kind, puts_off in stops if puts_off}
    return [
        Waiting(pk, MessageKind(kind))
        for pk, kind, goes_on in rows
        if kind not in stopped and (goes_on or kind not in put_off)
    ]


def reminders_written(*, since: datetime) -> list[Delivery]:
    """Return every reminder written down since then, in real time, without what is in it."""
    return list(Delivery.objects.filter(created_at__gte=since, kind__in=REMINDERS).defer("payload"))


def kinds_sent(*, since: datetime) -> dict[UUID, str]:
    """Return, by its id, the kind of every message written down since then, in real time, that has left."""
    sent = Delivery.objects.filter(created_at__gte=since, status=DeliveryStatus.SENT)
    return dict(sent.values_list("id", "kind"))
