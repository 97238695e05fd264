"""A mail server of our own on the loopback, that can be told to misbehave; and people who never sign in."""

import email
import logging
from asyncio import WriteTransport, sleep
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import Message
from threading import Event
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from allauth.account.models import EmailAddress

from accounts.models import User
from config.local.state import free_port
from notifications.enums import MessageKind
from notifications.messages import link
from notifications.models import Delivery
from notifications.rules import Nobody
from notifications.services import schedule

OK = "250 OK"


class Sink:
    """What the server took, and how it answers from now on."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.to: list[str] = []
        self.at_mail = self.at_recipient = self.at_data = OK
        self.cuts: str | None = None
        """Where the connection is cut: "helo", "mail", "before" or "after" the message is taken."""
        self.let_go = Event()
        self.let_go.set()
        """Cleared, every answer to a message waits."""
        self.has_it = Event()
        """Set once a message is being handed over."""

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.cut(server, "helo")
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.cut(server, "mail")
        envelope.mail_from = address
        return self.at_mail

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.at_recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.has_it.set()
        while not self.let_go.is_set():
            await sleep(0.01)
        if self.cut(server, "before"):
            return self.at_data
        if self.at_data == OK:
            assert isinstance(envelope.content, bytes)
            self.taken.append(email.message_from_bytes(envelope.content))
            self.to.extend(envelope.rcpt_tos)
        self.cut(server, "after")
        return self.at_data

    def cut(self, server: SMTP, where: str) -> bool:
        if self.cuts == where:
            assert isinstance(server.transport, WriteTransport)
            server.transport.abort()
        return self.cuts == where

    @property
    def ids(self) -> list[str]:
        return [str(message["Message-ID"]) for message in self.taken]

    def text(self, index: int = -1) -> str:
        return str(self.taken[index].get_payload())


@pytest.fixture(scope="session")
def mail_server() -> Iterator[Controller]:
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    server = Controller(Sink(), hostname="127.0.0.1", port=free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture
def sink(mail_server: Controller, settings: Any) -> Iterator[Sink]:
    sink = mail_server.handler = Sink()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = mail_server.hostname, mail_server.port
    yield sink
    sink.let_go.set()


def member(email: str) -> User:
    """Make somebody with a verified address and no password: hashing one takes longer than a test here."""
    user = User.objects.create_user(email)
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    return user


@pytest.fixture
def ada(db: None) -> User:
    """The patient."""
    return member("ada@example.org")


@pytest.fixture
def ben(db: None) -> User:
    """Her clinician."""
    return member("ben@clinic.example")


@pytest.fixture
def cyd(db: None) -> User:
    """Neither."""
    return member("cyd@example.org")


Due = Callable[..., Delivery]


@pytest.fixture
def due(at: datetime) -> Due:
    """Schedule a message that is due now, and return its row."""

    def make(kind: MessageKind, *, user: User | None = None, address: str = "", **fields: Any) -> Delivery:
        key = fields.pop("dedupe_key", f"test:{Delivery.objects.count()}")
        pages = (MessageKind.ALERT_PAGE, MessageKind.TRIAGE_PAGE)
        words = {"link": link("alerts", "1")} if kind in pages else {}
        values: dict[str, Any] = {"due_at": at, "expires_at": at + timedelta(days=1), "words": words} | fields
        values.setdefault("about", Nobody.CHART)
        schedule(kind, dedupe_key=key, user=user, address=address, **values)
        return Delivery.objects.get(dedupe_key=key)

    return make
