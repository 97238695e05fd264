"""A real pgbouncer in transaction mode, in front of the test's database."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.db import connection
from psycopg_pool import ConnectionPool

CONFIG = """
[databases]
{NAME} = host={HOST} port={PORT} dbname={NAME} user={USER} password={PASSWORD}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = 3
"""
STARTS_WITHIN_S = 10


@contextmanager
def pool() -> Iterator[ConnectionPool[Any]]:
    """A pool of connections to pgbouncer, which deals out fewer of its own, one transaction at a time."""
    from tests.core.test_pool import pool_at

    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("NOT RUN: no pgbouncer here (Debian has one)")
    with TemporaryDirectory() as folder, socket.socket() as probe:
        Path(folder).chmod(0o755)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        server = connection.settings_dict
        (Path(folder) / "users").write_text(f'"{server["USER"]}" ""\n')
        config = Path(folder) / "ini"
        config.write_text(CONFIG.format(**server, port=port, folder=folder))
        process = subprocess.Popen([program, "-q", *_user(), str(config)])
        try:
            _await(port)
            with pool_at(server | {"HOST": "127.0.0.1", "PORT": port}) as made:
                yield made
        finally:
            process.terminate()
            process.wait(timeout=10)


def _user() -> list[str]:
    """It will not run as root."""
    return ["-u", "nobody"] if Path.home() == Path("/root") else []


def _await(port: int) -> None:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("pgbouncer did not come up")
