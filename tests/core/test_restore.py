"""A dump restored beside the key gives a chart back; without the key it does not."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from config.local.postgres import BINARIES, WHEEL
from config.local.state import ROOT
from sessions.enums import Audience
from sessions.services import reflect
from tests.sessions import stages

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = "The garden behind my grandmother's house."
SECRETS = Path(settings.STATE_DIR) / "secrets"

READ = """
from accounts.models import Patient
from sessions import queries
from sessions.models import Reflection
from core.encryption import decrypt
from core.acting import acting_as
from core.actors import Actor, ServiceName
with acting_as(Actor.service(ServiceName.INSTALL)):
    patient = Patient.objects.get(legal_name="Ada Example")
    row = Reflection.objects.get()
    print(patient.legal_name, patient.birth_on, decrypt(row.text, place=queries.reflection_place(row.pk)))
"""


@pytest.fixture
def server() -> dict[str, str]:
    """How to reach the server as its superuser; this needs the launcher's own."""
    if not SECRETS.exists():
        pytest.skip("NOT RUN: the superuser's password is known for the launcher's own PostgreSQL only")
    return {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(connection.settings_dict["PORT"]),
        "PGUSER": "postgres",
        "PGPASSWORD": json.loads(SECRETS.read_text())["postgres"],
    }


def run(program: str, *arguments: str, server: dict[str, str]) -> None:
    wheel = find_spec(WHEEL)  # found, not imported: it would look for a runtime directory
    assert wheel
    assert wheel.origin
    path = Path(wheel.origin).parent / BINARIES / program
    subprocess.run([str(path), *arguments], env=os.environ | server, check=True, capture_output=True)


@pytest.fixture
def restored(server: dict[str, str], ada: Any, at: Any, tmp_path: Path) -> Iterator[str]:
    """The address of a database restored from a dump of this one, in which Ada has written a reflection."""
    session = stages.fetch(stages.ended(ada, at=at)[0])
    reflect(session, text=WORDS, shared_with=Audience.PRIVATE, at=at)
    name = f"{connection.settings_dict['NAME']}_restored"
    dump = str(tmp_path / "dump")
    run("pg_dump", "-Fc", "-f", dump, str(connection.settings_dict["NAME"]), server=server)
    run("createdb", "-T", "template0", "-O", "rekindle_owner", name, server=server)
    try:
        run("pg_restore", "--exit-on-error", "-d", name, dump, server=server)
        yield name
    finally:
        run("dropdb", "--force", name, server=server)


def read_chart(database: str, **environment: str) -> subprocess.CompletedProcess[str]:
    url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{database}"
    return subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", READ],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": url} | environment,
        text=True,
        check=False,
        capture_output=True,
    )


def test_a_chart_is_read_from_a_dump_beside_its_key_and_not_without(restored: str) -> None:
    with_key = read_chart(restored)
    assert f"Ada Example 1984-05-17 {WORDS}" in with_key.stdout, with_key.stderr
    without = read_chart(restored, FIELD_KEY="A" * 43 + "=")
    assert WORDS not in without.stdout
    assert "Undecipherable" in without.stderr
