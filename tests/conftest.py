"""Real people on a real database, as the role that serves; three of them are in every test."""

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import date, datetime, timedelta
from functools import partial
from threading import Thread
from typing import Any
from uuid import uuid4
from zlib import crc32

import hypothesis
import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.base import SessionBase
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client, TransactionTestCase
from django.test.utils import setup_databases
from rest_framework.test import APIClient

from accounts.enums import Profession, Role
from accounts.models import CareTeamMembership, Patient, User
from accounts.rules import Address
from accounts.services import (
    add_licence,
    grant_role,
    register_clinician,
    save_address,
    save_profile,
    serve_state,
)
from accounts.sign_ins import SessionStore
from core import clock
from core.acting import acting_as
from core.actors import Actor, ActorKind
from core.database import as_owner
from core.quotas import Quota
from desk.catalogue import load
from tests.policies import let_hold

TESTER = Actor(ActorKind.SERVICE, "tester")
PASSWORD = "a long password nobody guesses"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
# Passwords are slow to check on purpose; a thousand test people need not be.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The machine may be busy: an example that takes a second says nothing of the code.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")


def pytest_collection_finish() -> None:
    """Leave what was imported out of every later garbage collection: a twentieth of the suite's time."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


IN_TREATMENT = ("assessments", "sessions")
"""Rooms whose tests find Ada in treatment for a week, but for those marked `from_the_start`."""


def is_treated(item: pytest.Item) -> bool:
    """Tell whether a test finds Ada in treatment; what empties the database when it is over can't."""
    marker = item.get_closest_marker("django_db")
    transactional = marker is not None and marker.kwargs.get("transaction", False)
    begins = item.get_closest_marker("from_the_start") or transactional
    return item.path.relative_to(item.config.rootpath / "tests").parts[0] in IN_TREATMENT and not begins


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Change to the database that the test begins in, before any fixture looks at one."""
    global current
    if current != (wanted := MINE[is_treated(item)]):
        current = wanted
        name_database(wanted)


MINE = [f"test_rekindle_{os.getpid()}", f"test_rekindle_{os.getpid()}_treated"]
current = ""


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    """Copy the test databases from those that the first of several processes makes; use them as the app.

    Each is named after this process, or after that which began the run, so that two runs on one server don't
    meet. To make one takes half a minute, to copy it half a second. In the second Ada is in treatment: to get
    there takes some two hundred statements, too many for each of a thousand tests.
    """
    began_by = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    templates = [f"test_rekindle_template_{began_by}", f"test_rekindle_template_{began_by}_treated"]
    with django_db_blocker.unblock():
        with as_owner(), one_at_a_time(began_by) as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [templates[0]])
            if not cursor.fetchone():
                make_database(templates[0])
                cursor.execute(f"CREATE DATABASE {templates[1]} TEMPLATE {templates[0]}")
                treat(templates[1])
            for name, template in zip(MINE, templates, strict=True):
                cursor.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        name_database(current)
        yield
        connection.close()
        with as_owner(), one_at_a_time(began_by) as cursor:
            for name in MINE + templates:
                cursor.execute(f"DROP DATABASE IF EXISTS {name}")


@contextmanager
def one_at_a_time(key: int) -> Iterator[Any]:
    """Wait for other processes with the same key; yield a cursor on no test database."""
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [key])
        yield cursor


def make_database(name: str) -> None:
    """Make a database as its owner, and what migrations do not fill as the tests' own actor."""
    settings.DATABASES["default"]["TEST"]["NAME"] = name
    setup_databases(verbosity=0, interactive=False)
    with acting_as(TESTER):
        list(load())
        let_hold()
        keep_catalogue()
    connection.close()


def treat(name: str) -> None:
    """Let Ada be in treatment for a week, by the services that every test would call."""
    from tests import steps

    name_database(name)
    a_week_ago = clock.now() - timedelta(days=7)
    with acting_as(TESTER):
        steps.active(make_ada(make_ben(at=a_week_ago), at=a_week_ago), at=a_week_ago)
    connection.close()


def name_database(name: str) -> None:
    """Use another database from now on, here and where a connection is made anew."""
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name


@pytest.fixture(autouse=True, scope="session")
def threads_act_for_their_test() -> None:
    """Let a thread that a test starts act as the test does; Python before 3.14 does not do so by itself."""
    start = Thread.start

    def start_acting(thread: Thread) -> None:
        run = copy_context().run
        thread.run = partial(run, thread.run)  # type: ignore[method-assign]
        start(thread)

    Thread.start = start_acting  # type: ignore[method-assign, assignment]


@pytest.fixture(autouse=True, scope="session")
def flush_as_owner() -> None:
    """Empty what a transactional test has filled, as the tables' owner, then fill the catalogue again."""

    def flush(_: TransactionTestCase) -> None:
        with acting_as(TESTER), as_owner(), transaction.atomic():
            empty_filled_tables()
            fill_catalogue()

    TransactionTestCase._fixture_teardown = flush  # type: ignore[attr-defined]


def filled_tables() -> list[str]:
    """Return every table that has rows, but for those that migrations fill."""
    filled_by_migrations = {ContentType._meta.db_table, Permission._meta.db_table, "django_migrations"}
    tables = set(connection.introspection.django_table_names(only_existing=True)) - filled_by_migrations
    rows = (f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in sorted(tables))  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(rows))
        return [name for (name,) in cursor.fetchall()]


def empty_filled_tables() -> None:
    """Empty what is filled; Django's own flush empties all tables, and makes every permission anew."""
    if filled := filled_tables():
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(filled)} CASCADE")


def keep_catalogue() -> None:
    """Keep a copy of what the catalogue filled: to load it anew takes half a second for each test."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA catalogue")
        for name in filled_tables():
            cursor.execute(f"CREATE TABLE catalogue.{name} AS TABLE {name}")


def fill_catalogue() -> None:
    """Fill the catalogue's tables, in the same transaction that emptied them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'catalogue'")
        for (name,) in cursor.fetchall():
            cursor.execute(f"INSERT INTO {name} SELECT * FROM catalogue.{name}")  # noqa: S608


@pytest.fixture(autouse=True)
def tester() -> Iterator[None]:
    """Look at every chart from outside; inside a request, whoever sends it acts."""
    with acting_as(TESTER):
        yield


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Limits counted in one test, or in another run on the same server, do not bind this one."""
    cache.key_prefix = uuid4().hex
    Quota._shares.clear()


@pytest.fixture
def at() -> datetime:
    """The present moment, once for the whole test: what a view would pass to a service."""
    return clock.now()


def make_user(email: str, **fields: Any) -> User:
    """Make somebody who can sign in, with a verified address."""
    user = User.objects.create_user(email, PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    return user


HOME = Address(
    lines=("12 Example Street",),
    city="Albany",
    state="NY",
    postal_code="12207",
    country="US",
    starts_on=date(2020, 1, 1),
)
"""Where everybody lives, unless a test says otherwise."""


def birth_of(name: str) -> date:
    """Return when somebody was born: Ada on 17 May 1984, everybody else on another day by their name."""
    if name.casefold().split()[0] == "ada":
        return date(1984, 5, 17)
    number = int("".join(filter(str.isdigit, name)) or crc32(name.casefold().encode()))
    return date(1950, 1, 1) + timedelta(days=number % 18_000)


def make_patient(email: str, name: str) -> Patient:
    """Make somebody with a chart, who lives in New York."""
    patient = save_profile(
        make_user(email),
        legal_name=name,
        preferred_name=name.split()[0],
        birth_on=birth_of(name),
        timezone="America/New_York",
    )
    save_address(patient, HOME, actor=Actor.person(patient.user_id), at=clock.now())
    return patient


def make_clinician(user: User, name: str, *, at: datetime, state: str = "NY") -> User:
    """Let somebody practise in a state, which the clinic serves."""
    made = register_clinician(user, full_name=name, credentials="MD", profession=Profession.PHYSICIAN)
    year = timedelta(days=365)
    add_licence(
        made,
        state=state,
        number=f"{state}-{user.pk.hex[-8:]}",
        starts_on=(at - year).date(),
        ends_on=(at + 5 * year).date(),
        recorded_by=None,
        at=at,
    )
    serve_state(state, starts_on=(at - year).date(), set_by=None)
    grant_role(user, Role.CLINICIAN, granted_by=None, at=at - timedelta(days=30))
    return user


def make_ben(*, at: datetime) -> User:
    """Make the clinician."""
    return make_clinician(make_user("ben@clinic.example", is_staff=True), "Ben Example", at=at)


@pytest.fixture
def ben(db: None, at: datetime) -> User:
    """The clinician."""
    return User.objects.filter(email="ben@clinic.example").first() or make_ben(at=at)


@pytest.fixture
def ada(ben: User, at: datetime) -> Patient:
    """The patient, in Ben's care."""
    return Patient.objects.filter(user__email="ada@example.org").first() or make_ada(ben, at=at)


def make_ada(ben: User, *, at: datetime) -> Patient:
    """Make the patient, in Ben's care."""
    patient = make_patient("ada@example.org", "Ada Example")
    CareTeamMembership.objects.create(
        patient=patient, member=ben, role=Role.CLINICIAN, starts_at=at - timedelta(days=1)
    )
    return patient


@pytest.fixture
def cyd(db: None) -> Patient:
    """Another patient, in nobody's care here: to Ada and Ben a stranger."""
    return make_patient("cyd@example.org", "Cyd Example")


def sign_in(session: SessionBase, user: User) -> None:
    """Make a session what it is right after a whole sign-in: with a second factor, for who works here."""
    shown = [{"method": "password", "at": time.time()}]
    if user.is_staff or user.role_grants.exists():
        factor = give_factor(user)
        shown.append({"method": "mfa", "at": time.time(), "type": "totp", "id": factor.pk})
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[AUTHENTICATION_METHODS_SESSION_KEY] = shown
    session["account_authentication_methods_user"] = str(user.pk)


def give_factor(user: User) -> Authenticator:
    """Give somebody an authenticator app, unless they have one."""
    found: Authenticator | None = Authenticator.objects.filter(user=user, type="totp").first()
    return found or TOTP.activate(user, TOTP_SECRET).instance


@pytest.fixture
def client_of(db: None) -> Callable[[User], APIClient]:
    """Return a client signed in as a user by a real session's token, as the mobile app is."""

    def make(user: User) -> APIClient:
        session = SessionStore()
        sign_in(session, user)
        session.create()
        client = APIClient()
        client.credentials(HTTP_X_SESSION_TOKEN=session.session_key)
        return client

    return make


@pytest.fixture(autouse=True, scope="session")
def force_whole_sign_in() -> None:
    """Let `Client.force_login` stand for a whole sign-in, the second factor included."""
    forced = Client.force_login

    def force_login(client: Client, user: User, backend: str | None = None) -> None:
        forced(client, user, backend)
        session = client.session
        sign_in(session, user)
        session.save()

    Client.force_login = force_login  # type: ignore[method-assign,assignment]


@pytest.fixture
def demo(settings: Any) -> None:
    """Demo mode, in which the clock can be moved."""
    settings.DEMO = True


def role_in_use() -> str:
    """Return the database role that this test runs as."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])
