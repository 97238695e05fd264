"""What becomes of a message: at the moment of sending, and after the mail server answered or fell silent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from core.documents import LANGUAGE
from notifications.enums import Channel, DeliveryStatus, MessageKind, Way
from notifications.hours import Habits, next_moment

REMINDERS = frozenset({MessageKind.ASSESSMENT_DUE, MessageKind.SESSION_TOMORROW})
"""Suppressions stop these alone; and these alone are better lost in sight of staff than read twice."""
CLAIMED_FIRST = frozenset(
    {
        MessageKind.ALERT_PAGE,
        MessageKind.PACKET_PAGE,
        MessageKind.GUIDE_TOLD,
        MessageKind.CHECK_IN_MISSED,
    }
)
"""Claimed before everything else: somebody may be in danger."""
ABOUT_A_LIFE = frozenset({MessageKind.CHECK_IN_MISSED})
"""Sent to whoever has closed their account, too: the session that they were in is watched to its end."""
URGENT = CLAIMED_FIRST | {MessageKind.TRIAGE_PAGE}
"""Tried again at short intervals, and written to the log where they miscarry."""


class Nobody(Enum):
    """Stands where an urgent message is about nobody's chart: a gap in the roster, a page to oneself."""

    CHART = "nobody's chart"


TO_MEMBERS = REMINDERS | {
    MessageKind.ALERT_PAGE,
    MessageKind.PACKET_PAGE,
    MessageKind.GUIDE_TOLD,
    MessageKind.TRIAGE_PAGE,
    MessageKind.NEWS,
    MessageKind.TIME_PROPOSED,
}
"""Sent to an account's verified address as it is when sending, never to an address written down before."""
TO_ADDRESSES = frozenset(
    {
        MessageKind.VERIFY_EMAIL,
        MessageKind.VERIFY_NUMBER,
        MessageKind.NOBODY_READS,
        MessageKind.ACCOUNT_NOTICE,
        MessageKind.MONITOR_INVITATION,
        MessageKind.STAFF_INVITATION,
    }
)
"""Sent to the address they were scheduled for: it is what the message is about."""
TO_NUMBERS = frozenset({MessageKind.VERIFY_NUMBER, MessageKind.NOBODY_READS})
"""Of those, what goes to a telephone number."""
TEXTED_AFTER: Mapping[MessageKind, timedelta] = {
    MessageKind.ALERT_PAGE: timedelta(0),
    MessageKind.PACKET_PAGE: timedelta(0),
    MessageKind.GUIDE_TOLD: timedelta(0),
    MessageKind.TRIAGE_PAGE: timedelta(minutes=5),
}
"""What goes by text as well as by e-mail, and how long that waits for an answer: not at all where the e-mail
has miscarried, nor where somebody may be in danger."""
MISCARRIED = frozenset({DeliveryStatus.FAILED, DeliveryStatus.EXPIRED, DeliveryStatus.UNKNOWN})
"""Ends that nobody wished for; in an urgent message each is written to the log as an error."""

LEFT = frozenset({DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.UNKNOWN})
"""Somebody has it, or may: it counts as the reminder of their day."""

IN_INBOX = REMINDERS | {MessageKind.NEWS, MessageKind.TIME_PROPOSED, MessageKind.CHECK_IN_MISSED}
"""What a patient finds in their inbox too, whichever way it went."""

BY_WISH = REMINDERS | {MessageKind.NEWS, MessageKind.TIME_PROPOSED}
"""What goes to patients by the way they like best, and where that fails by the next; never by two."""
USUAL_WAYS = (Way.PUSH, Way.TEXT, Way.EMAIL)
"""For who has said nothing: first a device that they have registered, then a number they have confirmed."""
PATIENCE = 4
"""So many tries in which a provider cannot take a message, about two minutes, and another way is tried."""

MAX_ATTEMPTS = 20
"""With the pauses below: six hours and a half of an absent mail server, for an urgent message 18 minutes."""
ADDRESS_RESTS = timedelta(days=30)
"""How long no reminder goes to an address that refused one for good: it may be somebody else's by now."""
FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=30)
LONGEST_PAUSE_URGENT = timedelta(minutes=1)


LATE = timedelta(minutes=15)
"""So late, a reminder is one of those that an outage has kept; they are caught up with at a pace of their own
(`late_reminders` in LIMITS), so that mailboxes, providers and whoever answers are not met by all at once."""


def is_late(kind: MessageKind, due_at: datetime, *, at: datetime) -> bool:
    """Tell whether a message is a reminder that an outage has kept."""
    return kind in REMINDERS and due_at < at - LATE


class Answer(Enum):
    """What is known after a try to hand a message over."""

    TAKEN = "taken"
    """The server said that it has it."""
    NOT_NOW = "not now"
    """The server cannot be reached, or refused for the moment (4yz): it does not have it."""
    NOBODY = "nobody"
    """The server refused the recipient for good (5yz): there is no such mailbox, or it takes nothing."""
    NEVER = "never"
    """The server refused the message for good (5yz), or it cannot be written: the server does not have it."""
    DOUBT = "doubt"
    """The connection broke, or the answer made no sense: it may have it."""


@dataclass(frozen=True)
class Reach:
    """One way to reach somebody: `address` is empty where there is none.

    `refused_at` is when this very address last refused for good. `drops_repeats`: the provider knows by its
    key a message that it has taken before, and drops it. `device` is whose address it is, in a push.
    """

    channel: Channel
    address: str
    refused_at: datetime | None = None
    drops_repeats: bool = False
    device: UUID | None = None


def chosen(
    reaches: Sequence[Reach], *, given_up: Collection[Channel], at: datetime
) -> tuple[Reach | None, bool]:
    """Return by which of somebody's ways a message goes, the best first, and whether there is another yet.

    A way that was given up for this message is not gone again; one whose address refuses is passed over while
    there is another.
    """
    open_ones = [reach for reach in reaches if reach.channel not in given_up]
    left = [reach for reach in open_ones if not _rests(reach, at=at)]
    first = next(iter(left or open_ones[-1:]), None)
    return first, any(first is not None and reach.channel != first.channel for reach in left)


def another_way(reaches: Sequence[Reach], *, given_up: Collection[Channel], at: datetime) -> Reach | None:
    """Return by which of somebody's ways a message goes that did not arrive, or `None` where none is left."""
    reach, _ = chosen(reaches, given_up=given_up, at=at)
    return None if reach is None or _rests(reach, at=at) else reach


def _rests(reach: Reach, *, at: datetime) -> bool:
    return reach.refused_at is not None and at < reach.refused_at + ADDRESS_RESTS


@dataclass(frozen=True)
class SendingFacts:
    """What is true of a message at the moment of sending.

    `is_put_off`: a pause or a hold keeps it until it ends.
    `attempt` counts claims, this one included. `in_doubt`: an earlier holder's lease ran out, so the message
    may have been taken. `reach` is where it goes. `habits` say when a reminder may leave, `None` for other
    messages, and for who has no chart. `has_another_way`: where this one fails, it can go by another channel.
    `language` is that of the reader's chart (BCP 47), English where there is none.
    """

    kind: MessageKind
    attempt: int
    in_doubt: bool
    expires_at: datetime
    account_closed: bool
    reach: Reach
    suppressed_by: str
    habits: Habits | None = None
    has_another_way: bool = False
    is_put_off: bool = False
    language: str = LANGUAGE

    @property
    def is_better_lost(self) -> bool:
        """Tell whether, once it may have been taken, it is not to be tried again."""
        return self.kind in REMINDERS and not self.reach.drops_repeats


@dataclass(frozen=True)
class Outcome:
    """Where a message stands now and why, for a person to read; `due_at` if it is to be tried again then.

    `is_unreachable`: it was wanted, and there was no way to send it. `gives_up`: by this channel it is not
    tried again.
    """

    status: DeliveryStatus
    text: str
    due_at: datetime | None = None
    is_unreachable: bool = False
    gives_up: bool = False


def appears(kind: MessageKind, outcome: Outcome) -> bool:
    """Tell whether somebody finds a message in their inbox after that outcome.

    What left, or may have, or could not reach them otherwise; not what was called back, stopped or stale.
    """
    may_be_missed = outcome.status in LEFT or outcome.status == DeliveryStatus.FAILED
    return kind in IN_INBOX and (may_be_missed or outcome.is_unreachable)


PUT_OFF = "Kept until what stands still goes on."
"""Why a reminder waits that a pause or a hold has met; by this it is found when that ends."""

SAID_IN = "Said in the same message as"
"""How the outcome of a reminder begins that another one's text stands for."""

WAITS: Mapping[DeliveryStatus, str] = {
    DeliveryStatus.DUE: "It waits for its time.",
    DeliveryStatus.LEASED: "It is being sent.",
}
"""Why a message has not left, where no outcome says more."""


def before_sending(facts: SendingFacts, *, at: datetime) -> Outcome | None:
    """Return how a message ends without being sent, or `None` if it is to be sent now.

    After a crash in the middle of sending, a mail server cannot be asked what it took. What must arrive is
    sent again: a page, a call for a missed check-in, a code or an invitation that comes twice does no harm,
    one that never comes may (the repeat carries the same Message-ID, by which many mailboxes drop it). A
    reminder ends UNKNOWN, unless the provider drops repeats: the person finds what it was about in the app
    anyway, and a nagging system is one that people stop reading.

    Who has closed their account, or was shut out, gets nothing any more, except a call about themselves: it
    is meant for somebody who may lie on the floor, whatever became of their account.

    Without a verified address a reminder is not wanted any more, but an urgent message has FAILED: somebody
    counted on it.
    """
    if facts.in_doubt and facts.is_better_lost:
        return Outcome(DeliveryStatus.UNKNOWN, "It may have arrived; not repeated (its sender stopped).")
    if at >= facts.expires_at:
        said = "while everything stood still" if facts.is_put_off else "before it could be sent"
        return _too_late(DeliveryStatus.EXPIRED, f"Its time passed {said}.", facts)
    if facts.attempt > MAX_ATTEMPTS:
        return _too_late(DeliveryStatus.FAILED, f"Given up after {MAX_ATTEMPTS} tries.", facts)
    if facts.account_closed and facts.kind not in ABOUT_A_LIFE:
        return Outcome(DeliveryStatus.CANCELLED, "The account is closed.")
    if facts.kind in REMINDERS and facts.suppressed_by:
        return Outcome(DeliveryStatus.CANCELLED, f"Reminders are stopped ({facts.suppressed_by}).")
    if facts.kind in REMINDERS and facts.is_put_off:
        return Outcome(DeliveryStatus.DUE, PUT_OFF, due_at=facts.expires_at)
    if not facts.reach.address:
        ended = DeliveryStatus.FAILED if facts.kind in URGENT else DeliveryStatus.CANCELLED
        return Outcome(ended, "The account has no verified address.", is_unreachable=True)
    if facts.kind in REMINDERS and _rests(facts.reach, at=at):
        text = "The address refuses mail; somebody was told."
        return Outcome(DeliveryStatus.CANCELLED, text, is_unreachable=True)
    return None if facts.habits is None else kept_for_later(facts, facts.habits, at=at)


def refusal_of_recipient(code: int) -> Answer:
    """Return what a reply code to a recipient means: refused for good, there is nobody there."""
    answer = answer_to(code)
    return Answer.NOBODY if answer is Answer.NEVER else answer


def kept_for_later(facts: SendingFacts, habits: Habits, *, at: datetime) -> Outcome | None:
    """Return until when a reminder waits, or `None` if it may leave now.

    Pages, calls, codes and news have no habits: nothing that cannot wait is bound by them.
    """
    moment = next_moment(habits, at=at)
    if moment <= at:
        return None
    if moment >= facts.expires_at:
        return Outcome(
            DeliveryStatus.EXPIRED, "Its time passed in quiet hours, or on a day with another one."
        )
    return Outcome(DeliveryStatus.DUE, "Kept for after the quiet hours, or for another day.", due_at=moment)


def after_sending(facts: SendingFacts, answer: Answer, detail: str, *, at: datetime) -> Outcome:
    """Return where a message stands after a try; `detail` says what the server or the network did.

    In doubt, a reminder ends UNKNOWN, unless the provider drops repeats. Anything else stays LEASED until the
    lease runs out: to whoever claims it then, a broken connection and a crashed sender are the same doubt.
    """
    if answer is Answer.TAKEN:
        said = f" ({detail})" if detail else ""
        return Outcome(DeliveryStatus.SENT, f"Taken by the provider at try {facts.attempt}{said}.")
    if answer is Answer.DOUBT:
        if facts.is_better_lost:
            return Outcome(DeliveryStatus.UNKNOWN, f"It may have arrived; not repeated ({detail}).")
        return Outcome(DeliveryStatus.LEASED, f"It may have arrived; to be repeated ({detail}).")
    if facts.reach.device is not None and answer is Answer.NOBODY:
        return Outcome(DeliveryStatus.DUE, f"To be tried another way ({detail}).", due_at=at)
    is_refused = answer in (Answer.NOBODY, Answer.NEVER)
    if facts.has_another_way and (is_refused or facts.attempt >= PATIENCE):
        text = f"Not taken by {facts.reach.channel}, to be tried another way ({detail})."
        return Outcome(DeliveryStatus.DUE, text, due_at=at, gives_up=True)
    again_at = at + pause(facts.kind, attempt=facts.attempt)
    if is_refused or facts.attempt >= MAX_ATTEMPTS or again_at >= facts.expires_at:
        return Outcome(DeliveryStatus.FAILED, f"Not taken at try {facts.attempt} ({detail}).")
    return Outcome(DeliveryStatus.DUE, f"To be tried again ({detail}).", due_at=again_at)


BREAKS_AT = 3
"""So many tries in a row that a provider did not answer, and it is let alone for a while."""


@dataclass(frozen=True)
class Circuit:
    """How a provider has done lately: tries in a row that it broke off, and until when none is made."""

    broken: int = 0
    open_until: datetime | None = None


def after_try(circuit: Circuit, *, broke: bool, at: datetime) -> Circuit:
    """Return how a provider has done after one more try: an answer, whatever it says, mends everything.

    Let alone for 15 seconds, then for 30; then it is tried again, and a failure opens it again. No longer,
    because a page waits for its end.
    """
    if not broke:
        return Circuit()
    broken = circuit.broken + 1
    if broken < BREAKS_AT:
        return Circuit(broken)
    rest = FIRST_PAUSE if broken == BREAKS_AT else 2 * FIRST_PAUSE
    return Circuit(broken, open_until=at + rest)


RECEIVED: Mapping[tuple[DeliveryStatus, bool], DeliveryStatus] = {
    (DeliveryStatus.LEASED, True): DeliveryStatus.DELIVERED,
    (DeliveryStatus.SENT, True): DeliveryStatus.DELIVERED,
    (DeliveryStatus.UNKNOWN, True): DeliveryStatus.DELIVERED,
    (DeliveryStatus.SENT, False): DeliveryStatus.FAILED,
    (DeliveryStatus.UNKNOWN, False): DeliveryStatus.FAILED,
}
"""Where a message stands after its provider's receipt, by whether it arrived: forward alone, never back."""


def after_receipt(
    status: DeliveryStatus, *, arrived: bool, given_up: Collection[Channel]
) -> DeliveryStatus | None:
    """Return where a text stands after its provider's word, `None` where that changes nothing.

    Once it was to go another way, the word still counts that it arrived after all, as long as it waits.
    """
    if Channel.TEXT not in given_up:
        return RECEIVED.get((status, arrived))
    return DeliveryStatus.DELIVERED if arrived and status == DeliveryStatus.DUE else None


def answer_to(code: int) -> Answer:
    """Return what a reply code to an envelope or to the data means (RFC 5321 section 4.2.1)."""
    if 400 <= code < 500:
        return Answer.NOT_NOW
    if 500 <= code < 600:
        return Answer.NEVER
    return Answer.DOUBT


def pause(kind: MessageKind, *, attempt: int) -> timedelta:
    """Return how long to wait after the `attempt`-th try: doubled each time, up to a longest."""
    longest = LONGEST_PAUSE_URGENT if kind in URGENT else LONGEST_PAUSE
    return min(FIRST_PAUSE * (1 << attempt - 1), longest)


def _too_late(status: DeliveryStatus, text: str, facts: SendingFacts) -> Outcome:
    if facts.in_doubt:
        return Outcome(DeliveryStatus.UNKNOWN, f"It may have arrived at an earlier try. {text}")
    return Outcome(status, text)
