from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from logging import getLogger
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from core import limits
from core.acting import seeing_all_charts
from core.encryption import decrypt, encrypt
from core.errors import NotFound, Stale
from core.logs import log_failure
from core.quotas import limit_of
from notifications import messages, queries, rules, stops
from notifications.channels import Letter, offered, provider
from notifications.devices.models import Device
from notifications.devices.queries import address_of
from notifications.enums import PUSH, Channel, DeliveryStatus, MessageKind, Way
from notifications.hours import QuietHours, day_of
from notifications.ladders import Step
from notifications.messages import UnfitMessage
from notifications.models import (
    Delivery,
    PagingNumber,
    ProviderCircuit,
    ReminderPreference,
    Suppression,
)
from notifications.queries import Waiting
from notifications.rules import Answer, Nobody, Outcome, Reach, SendingFacts

LEASE = timedelta(seconds=30)
"""How long a worker may hold a message: one send with time to spare, and how late a crash is noticed.

By the database's clock, in real time: one clock for all workers, and moving the demo clock must not take a
message out of the hands of somebody who is sending it.
"""

NEWS_LIFE = timedelta(days=7)

logger = getLogger(__name__)


def schedule(
    kind: MessageKind,
    *,
    dedupe_key: str,
    due_at: datetime,
    expires_at: datetime,
    user: User | None = None,
    address: str = "",
    words: Mapping[str, str] | None = None,
    about: UUID | Nobody | None = None,
    goes_on: bool = False,
) -> None:
    """Write down, in the caller's transaction, that a message is to leave at `due_at`; once per `dedupe_key`.

    It goes to `user`, wherever their verified address is when it leaves, or to a literal `address` where
    `rules` allow one. An urgent one has to say whose chart it is `about`, or that it is about nobody's: about
    a drill's it goes nowhere. A reminder that `goes_on` is put off by no pause. Raises `UnfitMessage` for
    words that the text of `kind` does not take.
    """
    _check_recipient(kind, user=user, address=address)
    if kind in rules.URGENT and about is None:
        raise UnfitMessage(f"{kind}: has to say whose chart it is about")
    if due_at >= expires_at:
        raise UnfitMessage(f"{kind}: expires before it is due")
    messages.check(kind, words or {})
    channel = Channel.TEXT if kind in rules.TO_NUMBERS else Channel.EMAIL
    if user is not None:
        channel = queries.first_channel(user, kind=kind)
    delivery = Delivery(
        dedupe_key=dedupe_key,
        kind=kind,
        channel=channel,
        user=user,
        due_at=due_at,
        expires_at=expires_at,
        goes_on=goes_on,
    )
    delivery.about_id = None if isinstance(about, Nobody) else about
    delivery.payload = encrypt({"address": address, "words": dict(words or {})}, place=_place(delivery))
    beside = [*_text_beside(delivery, words or {}), *_calls_beside(delivery, words or {})]
    Delivery.objects.bulk_create([delivery, *beside], ignore_conflicts=True)


def _text_beside(page: Delivery, words: Mapping[str, str]) -> list[Delivery]:
    """Return the text that goes with an e-mail to somebody who is paged, where there is a way to send one."""
    wait = rules.TEXTED_AFTER.get(MessageKind(page.kind))
    if wait is None or page.user is None or page.due_at + wait >= page.expires_at:
        return []
    if Channel.TEXT not in offered() or queries.paging_number(page.user) is None:
        return []
    return [_same(page, words, channel=Channel.TEXT, key=_text_key(page), due_at=page.due_at + wait)]


def _calls_beside(call: Delivery, words: Mapping[str, str]) -> list[Delivery]:
    """Return what goes with the mail of a missed check-in: a text, and a notice to every device.

    Each is a row of its own: a device that is gone, or whose address no key opens, keeps none of the others.
    """
    if call.kind not in rules.ABOUT_A_LIFE or call.user is None:
        return []
    with seeing_all_charts():
        ways = queries.ways_for_calls(call.user)
    return [
        _same(call, words, channel=channel, key=f"{call.dedupe_key}:{name}", due_at=call.due_at)
        for name, channel in ways.items()
    ]


def _same(
    mail: Delivery, words: Mapping[str, str], *, channel: Channel, key: str, due_at: datetime
) -> Delivery:
    """Return the row by which the same message leaves on another channel as well."""
    beside = Delivery(
        dedupe_key=key,
        kind=mail.kind,
        channel=channel,
        user=mail.user,
        about_id=mail.about_id,
        due_at=due_at,
        expires_at=mail.expires_at,
    )
    beside.payload = encrypt({"address": "", "words": dict(words)}, place=_place(beside))
    return beside


def _text_key(page: Delivery) -> str:
    return f"{page.dedupe_key}:text"


def set_paging_number(user: User, number: str, *, at: datetime) -> None:
    """Say at which telephone number somebody is paged; an empty one takes it back."""
    row, _ = PagingNumber.objects.get_or_create(user=user, defaults={"set_at": at})
    row.number = encrypt(number, place=queries.number_place(row)) if number else b""
    row.set_at = at
    row.save()


def receive(delivery_id: UUID, *, arrived: bool, at: datetime) -> DeliveryStatus | None:
    """Take a provider's word for a text, forward alone; again changes nothing.

    What did not arrive and goes by its reader's wish leaves by their next way, unless its time has passed,
    they have seen it, or it was called back meanwhile; should the text have arrived after all, it leaves no
    more if it still waits. Return where it stands now, `None` for what is no text of ours. Locks the row, and
    those that were said in it.
    """
    with transaction.atomic():
        was_text = Q(channel=Channel.TEXT) | Q(given_up__contains=Channel.TEXT)
        text = Delivery.objects.select_for_update(of=("self",)).filter(was_text, pk=delivery_id).first()
        if text is None:
            return None
        before = DeliveryStatus(text.status)
        after = rules.after_receipt(before, arrived=arrived, given_up=queries.given_up(text))
        if after is None:
            return before
        way = _another_way(text, at=at) if after == DeliveryStatus.FAILED else None
        if way is not None:
            _leave_again(text, by=way, at=at)
            return DeliveryStatus.DUE
        said = "arrived" if arrived else "did not arrive"
        outcome = Outcome(after, f"The provider says that it {said}.")
        # Where it was to go another way, it went by this one after all.
        columns = _columns(outcome, at=at) | {"channel": Channel.TEXT}
        if text.appeared_at is None:
            columns |= _appearance(text, outcome, at=at)
        Delivery.objects.filter(pk=text.pk).update(**columns)
    if after == DeliveryStatus.FAILED and text.kind in rules.URGENT:
        logger.error("Urgent delivery %s: %s. %s", text.pk, after, outcome.text)
    return after


def _another_way(text: Delivery, *, at: datetime) -> Channel | None:
    """Return by which channel a message goes whose text did not arrive, or `None` where it goes no more."""
    is_over = at >= text.expires_at or text.read_at is not None
    if text.user is None or text.kind not in rules.BY_WISH or is_over:
        return None
    with seeing_all_charts():
        ways = queries.ways_to(text.user, kind=text.kind)
    reach = rules.another_way(ways, given_up={*queries.given_up(text), Channel.TEXT}, at=at)
    return None if reach is None else reach.channel


def _leave_again(text: Delivery, *, by: Channel, at: datetime) -> None:
    """Let a message wait once more whose text did not arrive, and what was said in the same.

    Their words are gone, and are those of the text again: what it said it said without any. Their reader's
    day is free for them, unless another reminder has it.
    """
    with_it = Delivery.objects.select_for_update(of=("self",)).filter(
        user=text.user,
        status=DeliveryStatus.CANCELLED,
        outcome=_said_in(text),
        expires_at__gt=at,
        read_at=None,
    )
    for one in [text, *with_it]:
        given_up = sorted({*queries.given_up(one), Channel.TEXT})
        columns = _columns(Outcome(DeliveryStatus.DUE, _DID_NOT_ARRIVE, due_at=at), at=at)
        payload = encrypt({"address": "", "words": {}}, place=_place(one))
        Delivery.objects.filter(pk=one.pk).update(
            **columns, channel=by, given_up=" ".join(given_up), payload=payload, finished_at=None
        )


_DID_NOT_ARRIVE = "The provider says that the text did not arrive; to be tried another way."


def mark_read(user: User, *, until: datetime, at: datetime) -> None:
    """Note that somebody has seen what was in their inbox by `until`; what was seen before keeps its time."""
    queries.inbox(user).filter(read_at=None, appeared_at__lte=until).update(read_at=at)


def mark_one_read(user: User, message_id: UUID, *, at: datetime) -> None:
    """Note that somebody has seen one message in their inbox; again keeps the time. Raises `NotFound`."""
    message = queries.inbox(user).filter(pk=message_id).first()
    if message is None:
        raise NotFound
    Delivery.objects.filter(pk=message.pk, read_at=None).update(read_at=at)


def remind(
    kind: MessageKind, user: User, *, key: str, steps: Collection[Step], goes_on: bool = False
) -> None:
    """Write down every reminder of one thing, to be called back together by `key`; again changes nothing.

    What guards the reader's safety `goes_on` though everything else stands still. Raises `UnfitMessage` for a
    kind that is no reminder.
    """
    if kind not in rules.REMINDERS:
        raise UnfitMessage(f"{kind}: no reminder")
    for step in steps:
        schedule(
            kind,
            dedupe_key=f"{key}{step.name}",
            due_at=step.due_at,
            expires_at=step.expires_at,
            user=user,
            goes_on=goes_on,
        )


@dataclass(frozen=True)
class Wish:
    """When somebody wants to be left alone, whether they want reminders, and how, the best way first."""

    quiet: QuietHours
    wanted: bool
    ways: Sequence[Way] | None = None
    """`None` leaves them as they are."""


def wish(user: User, said: Wish, *, expected_version: int, at: datetime) -> None:
    """Keep how somebody wants to be reminded.

    Locks the row. Raises `Stale` where it has moved on.
    """
    with transaction.atomic():
        ReminderPreference.objects.get_or_create(user=user, defaults={"changed_at": at})
        row = ReminderPreference.objects.select_for_update(of=("self",)).get(user=user)
        if row.version != expected_version:
            raise Stale
        row.quiet_from, row.quiet_until = said.quiet.begins, said.quiet.ends
        if said.ways is not None:
            row.ways = " ".join(said.ways)
        row.version, row.changed_at = row.version + 1, at
        row.save()
        reroute(user)
        if said.wanted:
            unsuppress(user, cause=queries.OPTED_OUT, at=at)
        else:
            suppress(user, kinds=rules.REMINDERS, cause=queries.OPTED_OUT, at=at)


def reroute(user: User) -> None:
    """Say by which channel what waits for somebody would go now, so that no other's standstill keeps it."""
    waiting = Delivery.objects.filter(user=user, kind__in=rules.BY_WISH, status=DeliveryStatus.DUE)
    waiting.update(channel=queries.first_channel(user, kind=MessageKind.NEWS))


def stop_by_link(token: str, *, at: datetime) -> None:
    """Stop reminders for whom a link in one of theirs was made; any other token changes nothing.

    Which it was is told to nobody.
    """
    user_id = stops.user_of(token)
    if user_id is None:
        return
    with seeing_all_charts(), transaction.atomic():
        user = User.objects.filter(pk=user_id).first()
        if user is not None:
            suppress(user, kinds=rules.REMINDERS, cause=queries.OPTED_OUT, at=at)


def cancel(dedupe_key_prefix: str, *, at: datetime) -> int:
    """Call back every message not yet gone whose key begins so; return how many.

    One that is being handed over in this very moment still goes, and is then recorded as SENT. One that left
    is not to leave again, whatever its provider says of it: its time ends now.
    """
    meant = Delivery.objects.filter(dedupe_key__startswith=dedupe_key_prefix)
    left = meant.filter(kind__in=rules.BY_WISH, expires_at__gt=at).exclude(status=DeliveryStatus.DUE)
    waiting = meant.filter(status__in=[DeliveryStatus.DUE, DeliveryStatus.LEASED])
    # Whoever calls back may not see whom it was to reach.
    with seeing_all_charts():
        # First: where a receipt has it in hand, this waits, and what is made to leave again waits below.
        left.update(expires_at=at)
        return waiting.update(**_columns(Outcome(DeliveryStatus.CANCELLED, "Called back."), at=at))


def suppress(user: User, *, kinds: Collection[MessageKind], cause: str, at: datetime) -> None:
    """Stop reminders of these kinds to `user` until `unsuppress` with the same cause; again is harmless.

    Raises `UnfitMessage` for a kind that must get through.
    """
    _stop([Suppression(user=user, kind=kind, cause=cause, placed_at=at) for kind in kinds])


def put_off(user: User, *, kinds: Collection[MessageKind], cause: str, at: datetime) -> None:
    """Let reminders of these kinds wait until `unsuppress` with the same cause; again is harmless.

    Then they leave, as far as their time has not passed. What guards the reader's safety goes on meanwhile.
    Raises `UnfitMessage` for a kind that must get through.
    """
    _stop([Suppression(user=user, kind=kind, cause=cause, puts_off=True, placed_at=at) for kind in kinds])


def _stop(rows: Collection[Suppression]) -> None:
    if unstoppable := {row.kind for row in rows} - rules.REMINDERS:
        raise UnfitMessage(f"cannot be stopped: {sorted(unstoppable)}")
    Suppression.objects.bulk_create(rows, ignore_conflicts=True)


def unsuppress(user: User, *, cause: str, at: datetime) -> None:
    """Lift what was placed for `cause`; what other causes stop stays stopped.

    What was put off is due now; where another pause still stands it is put off again.
    """
    lifted = Suppression.objects.filter(user=user, cause=cause, lifted_at=None)
    # In this order: whoever is putting something off meanwhile waits for the first, and then finds it lifted.
    if lifted.update(lifted_at=at):
        kept = Delivery.objects.filter(user=user, status=DeliveryStatus.DUE, outcome=rules.PUT_OFF)
        kept.update(due_at=at, outcome="")


def deliver_due(*, at: datetime, limit: int = 50) -> int:
    """Send what is due at `at`, urgent messages first; return how many were dealt with, at most `limit`.

    Any number of processes may do this at once. Each message is claimed by itself, under a lease and a new
    fence number, and the claim is committed before sending: a killed process leaves one message in doubt, a
    backlog keeps no page waiting longer than one send, and a worker that comes back too late writes nothing.
    """
    for dealt_with in range(limit):
        claimed = _claim(at=at)
        if claimed is None:
            return dealt_with
        _deliver(claimed[0], in_doubt=claimed[1], at=at)
    return limit


def _check_recipient(kind: MessageKind, *, user: User | None, address: str) -> None:
    if (user is None) == (not address):
        raise UnfitMessage(f"{kind}: goes to a user or to an address, one of the two")
    if kind in (rules.TO_MEMBERS if address else rules.TO_ADDRESSES):
        raise UnfitMessage(f"{kind}: cannot go to {'a literal address' if address else 'a user'}")


def _place(delivery: Delivery) -> str:
    return f"notifications_delivery.payload:{delivery.pk}"


def _claim(*, at: datetime) -> tuple[Delivery, bool] | None:
    """Take the next message in hand; also tell whether somebody before let go of it without a word."""
    free = Q(status=DeliveryStatus.DUE) | Q(status=DeliveryStatus.LEASED, leased_until__lt=Now())
    with transaction.atomic(durable=True):
        resting = queries.resting_channels(at=at).values("channel")
        rows = Delivery.objects.select_for_update(skip_locked=True).filter(free, due_at__lte=at)
        rows = rows.exclude(channel__in=resting)
        waiting = rows.order_by("due_at")
        delivery = waiting.filter(kind__in=rules.CLAIMED_FIRST).first() or waiting.first()
        if delivery is not None and _is_late(delivery, at=at) and not _may_catch_up():
            delivery = waiting.exclude(kind__in=rules.REMINDERS).first()
            delivery = delivery or waiting.filter(due_at__gte=at - rules.LATE).first()
        if delivery is None:
            return None
        in_doubt = delivery.status == DeliveryStatus.LEASED
        delivery.status = DeliveryStatus.LEASED
        delivery.fence += 1
        Delivery.objects.filter(pk=delivery.pk).update(
            status=delivery.status, fence=delivery.fence, leased_until=Now() + LEASE
        )
    return delivery, in_doubt


def _is_late(delivery: Delivery, *, at: datetime) -> bool:
    return rules.is_late(MessageKind(delivery.kind), delivery.due_at, at=at)


def _may_catch_up() -> bool:
    """Tell whether another late reminder may leave in this minute."""
    return limits.look("late_reminders", by="all", limit=limit_of("late_reminders")).admitted


@dataclass(frozen=True)
class _Read:
    """What is true of a message in hand at one moment, and the letter that would leave by it."""

    facts: SendingFacts
    beside: Sequence[Waiting]
    letter: Letter


def _deliver(delivery: Delivery, *, in_doubt: bool, at: datetime) -> None:
    try:
        # The day first: that may wait for another sender, and what a reminder goes by is read after that.
        has_day = _take_the_day(delivery, at=at)
        with transaction.atomic():  # who acts is said once; each statement reads what is committed by then
            read = _read(delivery, in_doubt=in_doubt, at=at)
            outcome = _kept(delivery, read.facts, has_day=has_day, at=at)
    except (LookupError, ValueError) as error:
        log_failure(logger, f"Delivery {delivery.pk} cannot be read or written", error)
        _record(delivery, Outcome(DeliveryStatus.FAILED, "It cannot be read or written: see the log."), at=at)
        return
    if outcome is not None:
        with transaction.atomic():
            _record(delivery, _unless_it_ended(delivery, outcome, at=at), at=at)
        return
    facts, beside, letter = read.facts, read.beside, read.letter
    _note_the_way(delivery, facts)
    if _is_late(delivery, at=at):
        limits.take("late_reminders", by="all", limit=limit_of("late_reminders"))
    handed = provider(facts.reach.channel).hand_over(letter)
    outcome = rules.after_sending(facts, handed.answer, handed.detail, at=at)
    with transaction.atomic():
        _record(delivery, outcome, at=at)
        if outcome.status == DeliveryStatus.SENT:
            _say_that_they_were_said(beside, delivery, at=at)
        if handed.answer is Answer.NOBODY:
            _tell_of_refusing(delivery, facts.reach, at=at)
    _note_how_it_did(facts.reach.channel, broke=handed.broke, at=at)


def _read(delivery: Delivery, *, in_doubt: bool, at: datetime) -> _Read:
    payload = decrypt(bytes(delivery.payload), place=_place(delivery))
    facts = queries.sending_facts(delivery, address=payload["address"], in_doubt=in_doubt, at=at)
    beside = _beside(delivery, facts, at=at)
    return _Read(facts, beside, _compose(delivery, facts, payload["words"], beside))


def _kept(delivery: Delivery, facts: SendingFacts, *, has_day: bool, at: datetime) -> Outcome | None:
    """Return what keeps a message from leaving now, or nothing.

    Whether a reminder was called back is asked last. No lock keeps all this still while it is handed over:
    whoever stops reminders, or holds treatment, would wait for a mail server.
    """
    if (outcome := rules.before_sending(facts, at=at)) is not None:
        return outcome
    if facts.habits is not None and not has_day:
        if queries.is_told_on(delivery.user_id, day_of(facts.habits.zone, at)):
            return rules.kept_for_later(facts, replace(facts.habits, reminded_at=at), at=at)
        return Outcome(DeliveryStatus.DUE, "Another reminder of theirs is in hand.", due_at=at + LEASE)
    if delivery.kind in rules.REMINDERS and not _held(delivery).filter(status=DeliveryStatus.LEASED).exists():
        return Outcome(DeliveryStatus.CANCELLED, "Called back.")
    return None


def _unless_it_ended(delivery: Delivery, outcome: Outcome, *, at: datetime) -> Outcome:
    """Return that a message is due now where what puts it off has ended meanwhile: nobody else would say so.

    Locks what puts it off, so that its end either was seen here or finds the message put off.
    """
    if outcome.text != rules.PUT_OFF:
        return outcome
    standing = Suppression.objects.select_for_update(of=("self",)).filter(
        user=delivery.user, kind=delivery.kind, puts_off=True, lifted_at=None
    )
    return outcome if list(standing) else Outcome(DeliveryStatus.DUE, "", due_at=at)


def _note_the_way(delivery: Delivery, facts: SendingFacts) -> None:
    """Write down by which channel a message is about to leave: in doubt, it goes by no other."""
    if delivery.channel != facts.reach.channel:
        _held(delivery).update(channel=facts.reach.channel)
        delivery.channel = facts.reach.channel


def _go_another_way(delivery: Delivery, *, at: datetime) -> None:
    """Let the text that waits for an answer to this e-mail wait no longer."""
    text = Delivery.objects.filter(dedupe_key=_text_key(delivery), status=DeliveryStatus.DUE, due_at__gt=at)
    text.update(due_at=at)


def _note_how_it_did(channel: Channel, *, broke: bool, at: datetime) -> None:
    """Keep how a provider did, so that one that does not answer is let alone and keeps no other waiting."""
    if not broke and not ProviderCircuit.objects.filter(channel=channel, broken__gt=0).exists():
        return
    with transaction.atomic():
        ProviderCircuit.objects.bulk_create([ProviderCircuit(channel=channel)], ignore_conflicts=True)
        row = ProviderCircuit.objects.select_for_update().get(channel=channel)
        before = rules.Circuit(row.broken, row.open_until)
        after = rules.after_try(before, broke=broke, at=at)
        row.broken, row.open_until = after.broken, after.open_until
        row.save()
    if after.open_until is not None:
        logger.error("The provider of %s has not answered %s times in a row", channel, after.broken)


def _beside(delivery: Delivery, facts: SendingFacts, *, at: datetime) -> Sequence[Waiting]:
    """Return the other reminders of the day, which are said in the same message."""
    if facts.habits is None:
        return ()
    return queries.waiting_beside(delivery, zone=facts.habits.zone, at=at)


def _take_the_day(delivery: Delivery, *, at: datetime) -> bool:
    """Take the reader's day for a reminder, before it is sent; tell whether it was free.

    Committed by itself: whoever has another one in hand in this moment finds out from the database. What
    does not leave after all gives the day back (`_columns`).
    """
    zone = queries.zone_of(delivery.user_id) if delivery.kind in rules.REMINDERS else None
    if zone is None:
        return True
    try:
        with transaction.atomic():
            _held(delivery).filter(status=DeliveryStatus.LEASED).update(told_on=day_of(zone, at))
            return True
    except IntegrityError:
        return False


def _say_that_they_were_said(beside: Sequence[Waiting], delivery: Delivery, *, at: datetime) -> None:
    waiting = Delivery.objects.filter(pk__in=[one.id for one in beside], status=DeliveryStatus.DUE)
    outcome = Outcome(DeliveryStatus.CANCELLED, _said_in(delivery))
    waiting.update(**_columns(outcome, at=at), appeared_at=at)


def _said_in(delivery: Delivery) -> str:
    return f"{rules.SAID_IN} {delivery.pk}."


def _tell_of_refusing(delivery: Delivery, reach: Reach, *, at: datetime) -> None:
    """Keep which address refused, and tell whoever looks after its owner, once a month for each address.

    For a patient that is who cares for them, for anybody else who runs the clinic. An address without an
    account is whoever's who wrote it: the row says that it failed. A device that is gone is forgotten.
    """
    if reach.device is not None:
        _forget(reach.device, address=reach.address)
        return
    refused = queries.digest_of(reach.address)
    _held(delivery).update(refused_sha256=refused)
    if delivery.user is None:
        return
    for told in queries.who_looks_after(delivery.user, at=at):
        schedule(
            MessageKind.NEWS,
            dedupe_key=f"refused:{refused[:16]}:{at:%Y%m}:{told.pk}",
            user=told,
            due_at=at,
            expires_at=at + NEWS_LIFE,
            words={"link": messages.link("waiting")},
        )


def _forget(device_id: UUID, *, address: str) -> None:
    """Forget a device that its provider does not know any more, unless it was registered anew since."""
    for device in Device.objects.filter(pk=device_id):
        if address_of(device) == address:
            device.delete()


def _compose(
    delivery: Delivery, facts: SendingFacts, words: Mapping[str, str], beside: Sequence[Waiting]
) -> Letter:
    kinds = [facts.kind, *(one.kind for one in beside)]
    if facts.reach.channel in PUSH:
        return _notice(delivery, facts, kinds, link=words.get("link", ""))
    if facts.reach.channel == Channel.TEXT and facts.kind in rules.IN_INBOX:
        text = messages.as_text(kinds, can_stop=facts.kind in rules.BY_WISH, language=facts.language)
        return Letter(id=delivery.pk, to=facts.reach.address, subject="", body=text.body)
    language = facts.language
    if beside:
        text = messages.render_reminders(kinds, language=language)
    else:
        text = messages.render(facts.kind, words, language=language)
    if facts.kind in rules.REMINDERS and delivery.user is not None:
        text = messages.with_stop(text, token=stops.token_for(delivery.user.pk), language=language)
    return Letter(id=delivery.pk, to=facts.reach.address, subject=text.subject, body=text.body)


def _notice(delivery: Delivery, facts: SendingFacts, kinds: Collection[MessageKind], *, link: str) -> Letter:
    text = messages.on_a_lock_screen(kinds, language=facts.language)
    return Letter(
        id=delivery.pk,
        to=facts.reach.address,
        subject=text.subject,
        body=text.body,
        link=link or messages.link("today"),
    )


def _record(delivery: Delivery, outcome: Outcome, *, at: datetime) -> None:
    """Write where the message stands, unless somebody else has claimed it since.

    A message called back while it was being handed over is SENT all the same if it was, but not tried again.
    """
    open_to = [DeliveryStatus.LEASED]
    if outcome.status in (DeliveryStatus.SENT, DeliveryStatus.UNKNOWN):
        open_to.append(DeliveryStatus.CANCELLED)
    columns = _columns(outcome, at=at) | _appearance(delivery, outcome, at=at)
    if outcome.gives_up:
        columns["given_up"] = f"{delivery.given_up} {delivery.channel}".strip()
    if not _held(delivery).filter(status__in=open_to).update(**columns):
        logger.warning("Delivery %s: %s came too late to be recorded", delivery.pk, outcome.status)
        return
    if delivery.kind in rules.URGENT and outcome.status in rules.MISCARRIED:
        logger.error("Urgent delivery %s: %s. %s", delivery.pk, outcome.status, outcome.text)
    if delivery.kind in rules.TEXTED_AFTER and outcome.status != DeliveryStatus.SENT:
        _go_another_way(delivery, at=at)


def _appearance(delivery: Delivery, outcome: Outcome, *, at: datetime) -> dict[str, datetime]:
    is_seen = _is_the_readers(delivery) and rules.appears(MessageKind(delivery.kind), outcome)
    return {"appeared_at": at} if is_seen else {}


def _is_the_readers(delivery: Delivery) -> bool:
    """Tell whether it is somebody's own message, and not the same one beside its mail."""
    is_first = delivery.kind in rules.BY_WISH or delivery.channel == Channel.EMAIL
    return delivery.user_id is not None and is_first


def _held(delivery: Delivery) -> QuerySet[Delivery]:
    """The row as long as nobody else has claimed it: the fence."""
    return Delivery.objects.filter(pk=delivery.pk, fence=delivery.fence)


def _columns(outcome: Outcome, *, at: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = {"status": outcome.status, "outcome": outcome.text}
    if outcome.status == DeliveryStatus.LEASED:
        return columns
    columns["leased_until"] = None
    if outcome.status not in rules.LEFT:
        # It did not leave: the day is free for another reminder.
        columns["told_on"] = None
    if outcome.status == DeliveryStatus.DUE:
        return columns | {"due_at": outcome.due_at}
    return columns | {"finished_at": at, "payload": b""}
