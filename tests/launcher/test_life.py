"""Starting, stopping, dying and starting again: bin/up's part of the launcher on a small clinic."""

import json
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from tests.launcher.conftest import ROOT, Launcher, close, unconfigured

NO_PDEATHSIG = "from config.local import processes as p; p.LIBC = None"
NO_CLEARING = "from config.local.postgres import Postgres as p; p._clear_remains = lambda self: None"


@pytest.mark.parametrize("name", ["a clinic's höme (1)", "deep/" + "long-" * 35 + "name"])
def test_serves_from_any_path(place: Path, packages: Path, name: str) -> None:
    launcher = Launcher(place / name, packages=packages)
    try:
        launcher.up()
        assert launcher.visit()["role"] == "rekindle_app"
    finally:
        close(launcher)


def test_twice_in_a_row_keeps_data_and_ports(launcher: Launcher) -> None:
    first = launcher.up()
    assert launcher.visit()["rows"] == 2  # the first visit was the launcher's own
    ports = launcher.ports()
    first.send_signal(signal.SIGINT)
    assert first.wait(30) == 130
    launcher.up()
    answer = launcher.visit()
    assert (answer["rows"], answer["hits"]) == (4, 4)
    assert launcher.ports() == ports


def test_two_at_once(running: Launcher) -> None:
    code, printed = running.run("up")
    assert (code, printed) == (1, f"Rekindle is already running at http://127.0.0.1:{running.port}.\n")
    assert "rows" in running.visit()


def test_four_commands_at_once_share_the_servers(launcher: Launcher) -> None:
    commands = [launcher.call("run", "--", "sh", "-c", "echo $DATABASE_URL; sleep 1") for _ in range(4)]
    assert [command.wait(60) for command in commands] == [0] * 4
    assert len({launcher.printed(command) for command in commands}) == 1
    assert launcher.everyone() == []


def test_sigterm_leaves_nothing_behind(launcher: Launcher) -> None:
    up = launcher.up()
    assert len(launcher.everyone()) > 5
    up.terminate()
    assert up.wait(30) == 143
    assert launcher.everyone() == []


def test_deleted_state_directory_leaves_no_servers(launcher: Launcher) -> None:
    up = launcher.up()
    servers = [launcher.server("postgres"), launcher.server("redis")]
    shutil.rmtree(launcher.state)
    up.terminate()
    up.wait(60)
    assert [server for server in servers if server.is_running()] == []


def test_kill_of_everything_then_start(launcher: Launcher) -> None:
    launcher.up()
    rows = launcher.visit()["rows"]
    launcher.kill_everyone()
    launcher.up()
    assert launcher.visit()["rows"] == rows + 2


def test_kill_of_the_supervisor_takes_only_the_children(launcher: Launcher) -> None:
    up = launcher.up()
    children = psutil.Process(up.pid).children()
    postgres, redis = launcher.server("postgres"), launcher.server("redis")
    children = [child for child in children if child not in (postgres, redis)]
    assert len(children) == 3
    up.kill()
    up.wait()
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert postgres.is_running()
    assert redis.is_running()
    launcher.up()
    assert launcher.server("postgres") == postgres
    assert launcher.server("redis") == redis


def test_without_the_death_signal_children_live_until_a_start(launcher: Launcher) -> None:
    up = launcher.up(patch=NO_PDEATHSIG)
    children = [child for child in psutil.Process(up.pid).children() if child.name() in ("sleep", "python")]
    assert children
    up.kill()
    up.wait()
    assert psutil.wait_procs(children, timeout=2)[1]
    launcher.up()
    assert psutil.wait_procs(children, timeout=2)[1] == []


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_killed_server_comes_back_on_its_port(launcher: Launcher, name: str) -> None:
    launcher.up()
    before, ports = launcher.visit(), launcher.ports()
    victim = launcher.server(name)
    victim.kill()
    launcher.wait(lambda: "rows" in launcher.visit() and not victim.is_running(), 30)
    after = launcher.visit()
    assert launcher.ports() == ports
    assert after["rows"] > before["rows"]
    assert after["hits"] > before["hits"]


@contextmanager
def process_in_the_way(kind: str, account: int) -> Iterator[int]:
    """A process of the server's account that isn't the server: a stranger, or a zombie."""
    command = "exec /bin/sleep 600" if kind == "stranger" else "exit"
    process = subprocess.Popen(["/bin/sh", "-c", command], user=account)
    while kind == "zombie" and psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("kind", ["stranger", "zombie", "empty", "half"])
def test_pid_file_that_lies(launcher: Launcher, kind: str) -> None:
    """A pid file left by a kill: its number given to somebody else since, or only half written."""
    data, pid_file = launcher.data(), launcher.data() / "postmaster.pid"
    owner = data.stat()
    with process_in_the_way(kind, owner.st_uid) as pid:
        full = f"{pid}\n{data}\n1700000000\n{launcher.port}\n\n\n"
        pid_file.write_text({"empty": "", "half": f"{data}"}.get(kind, full))
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        code, printed = launcher.run("run", "true", patch=NO_CLEARING)
        assert (code, "PostgreSQL did not come up" in printed) == (1, True), "without the guard it stays down"
        assert launcher.run("run", "true")[0] == 0


def test_half_made_data_directory_is_made_again(launcher: Launcher) -> None:
    """A run killed while it made one leaves a draft, and nothing where the data would be."""
    if launcher.data().exists():
        launcher.data().rename(launcher.data().with_name("pg.new"))
    launcher.up()
    assert "rows" in launcher.visit()


def test_taken_port(running: Launcher, launcher: Launcher) -> None:
    code, printed = launcher.run("up", "--port", str(running.port))
    assert (code, printed) == (1, f"Port {running.port} is taken: choose another, or leave --port out.\n")


def test_usual_port_taken(launcher: Launcher) -> None:
    """Unasked, another port is taken and named; whoever holds the usual one is left alone."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):  # held already, by somebody else: as good
            holder.bind(("127.0.0.1", 8000))
            holder.listen()
        up = launcher.call("up")
        launcher.wait(lambda: "Ctrl-C stops it." in launcher.printed(up), 60)
    port = json.loads((launcher.state / "running.json").read_text())["web"]
    assert f"Port 8000 is taken; using {port} instead." in launcher.printed(up)
    assert f"http://127.0.0.1:{port}/api/v1/" in launcher.printed(up)


def test_a_dead_process_is_named_and_the_rest_runs_on(launcher: Launcher) -> None:
    up = launcher.up()
    worker = next(child for child in psutil.Process(up.pid).children() if child.name() == "sleep")
    worker.kill()
    launcher.wait(lambda: "worker has ended (exit code -9)." in launcher.printed(up), 10)
    assert "rows" in launcher.visit()


@pytest.mark.parametrize(("name", "procfile"), [("release", "release: false\n"), ("web", "web: false\n")])
def test_a_clinic_that_cannot_start_says_so_and_leaves_nothing(
    launcher: Launcher, name: str, procfile: str
) -> None:
    (launcher.root / "Procfile").write_text(procfile)
    code, printed = launcher.run("up")
    assert (code, name in printed.splitlines()[-1]) == (1, True)
    assert launcher.everyone() == []


def test_check_rehearses_in_a_clinic_of_its_own_and_stops(launcher: Launcher) -> None:
    """The rehearsal's exit code is ours, it finds what it needs, and only logs and mail are left."""
    (launcher.root / "desk").mkdir()
    (launcher.root / "desk" / "rehearsal.py").write_text(
        "import os, sys, urllib.request\n"
        "assert os.environ['DEMO'] == '1' and os.path.isabs(os.environ['MAIL_DIR'])\n"
        "print(urllib.request.urlopen(os.environ['BASE_URL'] + '/healthz').read())\n"
        "sys.exit(3)\n"
    )
    code, printed = launcher.run("up", "--check")
    assert (code, '"rows": ' in printed) == (3, True), printed
    assert launcher.everyone() == []
    assert not list((launcher.state / "check").glob("pg*"))


def test_a_failing_check_ends_the_run(launcher: Launcher) -> None:
    (launcher.root / "broken.py").write_text("x = (\n")
    code, printed = launcher.run("test")
    assert (code, printed.splitlines()[-1].startswith("FAILED ruff check")) == (1, True)
    assert "mypy" not in printed


def test_clean(launcher: Launcher) -> None:
    up = launcher.up()
    code, printed = launcher.run("up", "--clean")
    assert (code, "is in use" in printed) == (1, True)
    assert "rows" in launcher.visit()
    up.kill()
    up.wait()
    elsewhere = launcher.data().parent
    assert launcher.run("up", "--clean")[0] == 0
    assert launcher.everyone() == []
    assert not launcher.state.exists()
    assert elsewhere == launcher.state or not elsewhere.exists()


def test_greeting_shows_addresses_and_sign_ins(running: Launcher) -> None:
    printed = running.printed(running.started[0])
    for wanted in ("/api/v1/", "/api/docs/", "/admin/", "/mail/", "Ada signs in as ada@example.org"):
        assert wanted in printed


def test_mail_becomes_files(running: Launcher) -> None:
    port = int(json.loads((running.state / "running.json").read_text())["mail"])
    for number in (1, 2):
        message = EmailMessage()
        message["Subject"] = f"Message {number}"
        message.set_content("A form is waiting.")
        with smtplib.SMTP("127.0.0.1", port) as client:
            client.send_message(message, "care@localhost", ["../Ada@example.org"])
    kept = sorted((running.state / "mail").rglob("*.eml"))
    assert [str(file.relative_to(running.state / "mail")) for file in kept] == [
        "_ada@example.org/0001.eml",
        "_ada@example.org/0002.eml",
    ]
    assert b"Message 2" in kept[1].read_bytes()


def test_manage_py_by_itself_means_the_clinic_on_this_machine() -> None:
    command = [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, env=unconfigured(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "No changes detected" in done.stdout


def test_without_all_of_its_settings_manage_py_says_which_is_missing() -> None:
    command = [sys.executable, "manage.py", "check"]
    some = unconfigured() | {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}
    done = subprocess.run(command, cwd=ROOT, env=some, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr
