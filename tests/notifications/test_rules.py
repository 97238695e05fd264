from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import uuid4

import pytest

from notifications import rules
from notifications.enums import Channel, DeliveryStatus, MessageKind
from notifications.rules import (
    Answer,
    Reach,
    SendingFacts,
    after_sending,
    answer_to,
    before_sending,
    chosen,
    pause,
)

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
MAIL = Reach(Channel.EMAIL, "ada@example.org")
NOWHERE = Reach(Channel.EMAIL, "")
REMINDER = SendingFacts(
    kind=MessageKind.ASSESSMENT_DUE,
    attempt=1,
    in_doubt=False,
    expires_at=AT + timedelta(days=1),
    account_closed=False,
    reach=MAIL,
    suppressed_by="",
)
PAGE = replace(REMINDER, kind=MessageKind.ALERT_PAGE)
UNSTOPPABLE = sorted(set(MessageKind) - rules.REMINDERS)


def test_nothing_stands_in_the_way() -> None:
    assert before_sending(REMINDER, at=AT) is None


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"expires_at": AT}, DeliveryStatus.EXPIRED),
        ({"attempt": rules.MAX_ATTEMPTS + 1}, DeliveryStatus.FAILED),
        ({"account_closed": True}, DeliveryStatus.CANCELLED),
        ({"account_closed": True, "kind": MessageKind.NEWS}, DeliveryStatus.CANCELLED),
        ({"account_closed": True, "kind": MessageKind.ALERT_PAGE}, DeliveryStatus.CANCELLED),
        ({"reach": NOWHERE}, DeliveryStatus.CANCELLED),
        ({"suppressed_by": "hold:1"}, DeliveryStatus.CANCELLED),
        ({"in_doubt": True}, DeliveryStatus.UNKNOWN),
        ({"in_doubt": True, "expires_at": AT}, DeliveryStatus.UNKNOWN),
    ],
)
def test_what_keeps_a_reminder_from_leaving(change: dict[str, object], status: DeliveryStatus) -> None:
    outcome = before_sending(replace(REMINDER, **change), at=AT)  # type: ignore[arg-type]
    assert outcome is not None
    assert outcome.status == status
    assert outcome.text


@pytest.mark.parametrize("kind", UNSTOPPABLE)
def test_suppressions_stop_reminders_alone(kind: MessageKind) -> None:
    assert before_sending(replace(REMINDER, kind=kind, suppressed_by="hold:1"), at=AT) is None


@pytest.mark.parametrize("kind", UNSTOPPABLE)
def test_what_must_arrive_is_repeated_in_doubt(kind: MessageKind) -> None:
    assert before_sending(replace(REMINDER, kind=kind, in_doubt=True), at=AT) is None


def test_a_reminder_is_repeated_in_doubt_where_the_provider_drops_repeats() -> None:
    keyed = replace(REMINDER, reach=replace(MAIL, drops_repeats=True))
    assert before_sending(replace(keyed, in_doubt=True), at=AT) is None
    assert rules.after_sending(keyed, Answer.DOUBT, "", at=AT).status == DeliveryStatus.LEASED


@pytest.mark.parametrize("change", [{"expires_at": AT}, {"attempt": rules.MAX_ATTEMPTS + 1}])
def test_a_doubt_that_cannot_be_repeated_stays_one(change: dict[str, object]) -> None:
    outcome = before_sending(replace(PAGE, in_doubt=True, **change), at=AT)  # type: ignore[arg-type]
    assert outcome is not None
    assert outcome.status == DeliveryStatus.UNKNOWN


@pytest.mark.parametrize(
    ("facts", "answer", "status"),
    [
        (REMINDER, Answer.TAKEN, DeliveryStatus.SENT),
        (REMINDER, Answer.NOT_NOW, DeliveryStatus.DUE),
        (REMINDER, Answer.NEVER, DeliveryStatus.FAILED),
        (REMINDER, Answer.DOUBT, DeliveryStatus.UNKNOWN),
        (PAGE, Answer.DOUBT, DeliveryStatus.LEASED),
        (replace(REMINDER, attempt=rules.MAX_ATTEMPTS), Answer.NOT_NOW, DeliveryStatus.FAILED),
        (replace(REMINDER, expires_at=AT + rules.FIRST_PAUSE), Answer.NOT_NOW, DeliveryStatus.FAILED),
    ],
)
def test_where_a_message_stands_after_a_try(
    facts: SendingFacts, answer: Answer, status: DeliveryStatus
) -> None:
    assert after_sending(facts, answer, "why", at=AT).status == status


@pytest.mark.parametrize("kind", sorted(rules.URGENT))
def test_a_page_that_reaches_nobody_has_failed(kind: MessageKind) -> None:
    outcome = before_sending(replace(REMINDER, kind=kind, reach=NOWHERE), at=AT)
    assert outcome is not None
    assert outcome.status == DeliveryStatus.FAILED


def test_only_another_try_has_a_time() -> None:
    outcomes = {answer: after_sending(REMINDER, answer, "", at=AT) for answer in Answer}
    assert {answer for answer, outcome in outcomes.items() if outcome.due_at} == {Answer.NOT_NOW}
    assert outcomes[Answer.NOT_NOW].due_at == AT + timedelta(seconds=15)


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (421, Answer.NOT_NOW),
        (451, Answer.NOT_NOW),
        (550, Answer.NEVER),
        (599, Answer.NEVER),
        (-1, Answer.DOUBT),
        (252, Answer.DOUBT),
        (600, Answer.DOUBT),
    ],
)
def test_reply_codes(code: int, answer: Answer) -> None:
    assert answer_to(code) == answer


@pytest.mark.parametrize("kind", MessageKind)
def test_pauses_double_up_to_a_longest(kind: MessageKind) -> None:
    longest = rules.LONGEST_PAUSE_URGENT if kind in rules.URGENT else rules.LONGEST_PAUSE
    pauses = [pause(kind, attempt=attempt) for attempt in range(1, rules.MAX_ATTEMPTS + 1)]
    assert pauses[0] == rules.FIRST_PAUSE
    assert all(later == min(2 * earlier, longest) for earlier, later in pairwise(pauses))


def test_tries_outlast_an_outage() -> None:
    def outlasts(kind: MessageKind) -> timedelta:
        return sum((pause(kind, attempt=n) for n in range(1, rules.MAX_ATTEMPTS)), timedelta(0))

    assert outlasts(MessageKind.ASSESSMENT_DUE) > timedelta(hours=6)
    assert outlasts(MessageKind.ALERT_PAGE) > timedelta(minutes=15)  # by then the next page is on its way


# --- by which way ------------------------------------------------------------------------------------------

PHONE = Reach(Channel.FCM, "a", device=uuid4())
OLD_PHONE = Reach(Channel.FCM, "b", device=uuid4())
REFUSED = replace(MAIL, refused_at=AT - timedelta(days=1))


@pytest.mark.parametrize(
    ("reaches", "given_up", "expected"),
    [
        ([], set(), (None, False)),
        ([MAIL], set(), (MAIL, False)),
        ([PHONE, MAIL], set(), (PHONE, True)),
        ([PHONE, OLD_PHONE], set(), (PHONE, False)),
        ([PHONE, OLD_PHONE, MAIL], {Channel.FCM}, (MAIL, False)),
        ([REFUSED, PHONE], set(), (PHONE, False)),
        ([PHONE, REFUSED], set(), (PHONE, False)),
        ([REFUSED], set(), (REFUSED, False)),
        ([PHONE], {Channel.FCM}, (None, False)),
        ([PHONE, REFUSED], {Channel.FCM}, (REFUSED, False)),
    ],
)
def test_the_best_way_that_is_left(
    reaches: list[Reach], given_up: set[Channel], expected: tuple[Reach | None, bool]
) -> None:
    assert chosen(reaches, given_up=given_up, at=AT) == expected


@pytest.mark.parametrize(
    ("answer", "attempt", "status", "gives_up"),
    [
        (Answer.TAKEN, 1, DeliveryStatus.SENT, False),
        (Answer.DOUBT, 9, DeliveryStatus.UNKNOWN, False),
        (Answer.NOT_NOW, rules.PATIENCE - 1, DeliveryStatus.DUE, False),
        (Answer.NOT_NOW, rules.PATIENCE, DeliveryStatus.DUE, True),
        (Answer.NEVER, 1, DeliveryStatus.DUE, True),
        (Answer.NOBODY, 1, DeliveryStatus.DUE, True),
    ],
)
def test_with_another_way_left_only_what_was_not_taken_goes_by_it(
    answer: Answer, attempt: int, status: DeliveryStatus, gives_up: bool
) -> None:
    facts = replace(REMINDER, attempt=attempt, has_another_way=True)
    outcome = after_sending(facts, answer, "why", at=AT)
    assert (outcome.status, outcome.gives_up) == (status, gives_up)


def test_a_device_that_is_gone_is_no_reason_to_give_up_the_others() -> None:
    outcome = after_sending(replace(REMINDER, reach=PHONE), Answer.NOBODY, "gone", at=AT)
    assert (outcome.status, outcome.due_at, outcome.gives_up) == (DeliveryStatus.DUE, AT, False)
