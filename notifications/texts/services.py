import secrets
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from core.encryption import decrypt, encrypt
from notifications import services
from notifications.enums import MessageKind
from notifications.queries import OPTED_OUT
from notifications.rules import REMINDERS
from notifications.texts import queries
from notifications.texts.errors import WrongCode
from notifications.texts.models import TextNumber

CODE_DIGITS = 6
CODE_LASTS = timedelta(minutes=15)
"""As long as the text of VERIFY_NUMBER says."""
STOPS = frozenset({"stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "optout", "revoke"})
STARTS = frozenset({"start", "unstop"})
"""What carriers in the US take for a wish to get no more, or to get texts again (47 CFR 64.1200(a)(10) names
the first; not verified to be all)."""


def set_number(user: User, number: str, *, at: datetime) -> None:
    """Say where somebody wants texts, and send a code there; an empty one takes it back.

    Nothing else goes there before the code has come back. The number that was there gets no more, though no
    key may open it. Locks the row.
    """
    with transaction.atomic():
        TextNumber.objects.get_or_create(user=user, defaults={"set_at": at})
        row = TextNumber.objects.select_for_update(of=("self",)).get(user=user)
        if number and row.number and row.confirmed_at is not None and queries.number_in(row) == number:
            return
        code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        row.number = encrypt(number, place=queries.place(row, "number")) if number else b""
        row.code = encrypt(code, place=queries.place(row, "code")) if number else b""
        row.code_ends_at = at + CODE_LASTS if number else None
        row.confirmed_at = row.stopped_at = None
        row.set_at = at
        row.save()
        services.cancel(f"number:{row.pk}:", at=at)
        if number:
            services.schedule(
                MessageKind.VERIFY_NUMBER,
                dedupe_key=f"number:{row.pk}:{at.isoformat()}",
                due_at=at,
                expires_at=at + CODE_LASTS,
                address=number,
                words={"code": code},
            )
        services.reroute(user)


def confirm(user: User, code: str, *, at: datetime) -> None:
    """Take the code that came to somebody's number; from now on texts go there. Raises `WrongCode`.

    Locks the row.
    """
    with transaction.atomic():
        row = TextNumber.objects.select_for_update(of=("self",)).filter(user=user).first()
        if row is None or not row.code or row.code_ends_at is None or at >= row.code_ends_at:
            raise WrongCode
        expected = str(decrypt(row.code, place=queries.place(row, "code")))
        if not secrets.compare_digest(expected.encode(), code.encode()):
            raise WrongCode
        row.code, row.code_ends_at, row.confirmed_at = b"", None, at
        row.save()
        services.reroute(user)


def take_reply(number: str, words: str, *, said_at: datetime, at: datetime) -> None:
    """Do what somebody asks who answers a text with STOP or START; to anything else say that nobody reads it.

    STOP ends texts to that number, and reminders by any way; START lets texts come again, and reminders come
    again once their person says so in the app. A START from before the last word does nothing: told again,
    it is no news. Everybody who gave that number counts; whose it is not is not answered. A row that no key
    opens is passed over, and written to the log. Locks the rows.
    """
    word = " ".join(words.casefold().split()).strip(".! ")
    with transaction.atomic():
        rows = TextNumber.objects.select_for_update(of=("self",)).exclude(number=b"").select_related("user")
        theirs = [row for row in rows.order_by("pk") if number and queries.number_in(row) == number]
        for row in theirs:
            if word in STOPS | STARTS:
                _obey(row, stops=word in STOPS, said_at=said_at, at=at)
        if theirs and word not in STOPS | STARTS:
            _say_that_nobody_reads(theirs[0], number, at=at)


def _obey(row: TextNumber, *, stops: bool, said_at: datetime, at: datetime) -> None:
    if row.replied_at is not None and (said_at < row.replied_at or (said_at == row.replied_at and not stops)):
        return
    row.replied_at = said_at
    row.stopped_at = at if stops else None
    row.save(update_fields=["replied_at", "stopped_at"])
    if stops:
        services.suppress(row.user, kinds=REMINDERS, cause=OPTED_OUT, at=at)
    services.reroute(row.user)


def _say_that_nobody_reads(row: TextNumber, number: str, *, at: datetime) -> None:
    """Say where to call; once a day, so that two machines do not answer each other for ever."""
    services.schedule(
        MessageKind.NOBODY_READS,
        dedupe_key=f"reply:{row.pk}:{at:%Y%m%d}",
        due_at=at,
        expires_at=at + CODE_LASTS,
        address=number,
    )
