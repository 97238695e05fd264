"""Command line of the launcher."""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

from config.local import checks, supervisor
from config.local.postgres import Postgres
from config.local.processes import call
from config.local.redis_server import Redis
from config.local.servers import Servers
from config.local.state import ROOT, State, Trouble, free_port, say

HERE = ROOT / ".rekindle"


def up(options: argparse.Namespace) -> int:
    """Run the clinic, or with --check a whole rehearsal in a clinic of its own."""
    folder = options.state_dir or (HERE / "check" if options.check else HERE)
    if options.clean:
        return clean(State(folder))
    if options.check:
        clean(State(folder))
    return supervisor.up(State(folder), procfile=options.procfile, port=options.port, check=options.check)


def clean(state: State) -> int:
    """Remove a state directory with all its data, here and elsewhere; refuse while it is in use."""
    for lock in [*state.folder.glob("*/users.lock"), *state.folder.glob("users.lock")]:
        _clean(State(lock.parent))
    return 0


def _clean(state: State) -> None:
    try:
        with state.lock(state.start_lock), state.lock(state.users_lock, patience_s=0):
            Postgres(state, lasting=True).clean()
            Redis(state, may_fake=True).clean()
            shutil.rmtree(state.folder)
    except BlockingIOError:
        raise Trouble(f"{state.folder} is in use: stop bin/up, bin/test or bin/manage first.") from None
    say(f"Removed {state.folder}.")


def run(options: argparse.Namespace) -> int:
    """Run a command with the environment of the local servers, started for it if they aren't running."""
    state = State(options.state_dir or HERE)
    is_up = state.folder.exists() and state.is_held(state.up_lock)
    if options.up and not is_up:
        raise Trouble("The clinic is not running: start bin/up in another terminal first.")
    with Servers(state) as servers:
        ports = state.remembered("running.json") if is_up else {}
        environment = servers.environment(
            web_port=int(ports.get("web", "8000")), mail_port=int(ports.get("mail", "8025")), demo=True
        )
        return call(options.command, environment)


def test(options: argparse.Namespace) -> int:
    """Run the checks on servers of their own, away from the clinic's data."""
    for name in ("DEMO", "DEBUG"):
        os.environ.pop(name, None)
    with Servers(State(options.state_dir or HERE / "test"), lasting=False, may_fake_redis=False) as servers:
        environment = servers.environment(web_port=free_port(), mail_port=free_port(), demo=False)
        return checks.run_all(environment, pytest_arguments=options.pytest, full=options.full)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the command line; unknown words after `test` are pytest's."""
    parser = argparse.ArgumentParser(prog="python -m config.local", allow_abbrev=False)
    commands = parser.add_subparsers(required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--state-dir", type=Path, help="where data, secrets and logs are (default: .rekindle)"
    )

    verb = commands.add_parser("up", parents=[common], prog="bin/up", description=up.__doc__)
    verb.add_argument("--check", action="store_true", help="start everything afresh, rehearse, stop")
    verb.add_argument("--clean", action="store_true", help="remove all local data and stop")
    verb.add_argument(
        "--port",
        type=int,
        choices=range(1, 65536),
        metavar="N",
        help="the port of the API and the admin (default: 8000 if free)",
    )
    verb.add_argument("--procfile", type=Path, default=ROOT / "Procfile", help="which processes to run")
    verb.set_defaults(verb=up)

    verb = commands.add_parser("run", parents=[common], description=run.__doc__)
    verb.add_argument("--up", action="store_true", help="only against a running bin/up")
    verb.add_argument("command", nargs=argparse.REMAINDER)
    verb.set_defaults(verb=run)

    verb = commands.add_parser(
        "test", parents=[common], prog="bin/test", description=test.__doc__, allow_abbrev=False
    )
    verb.add_argument("--full", action="store_true", help="the long figures and drills too")
    verb.set_defaults(verb=test)

    options, rest = parser.parse_known_args(arguments)
    if options.verb is test:
        options.pytest = rest
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if options.verb is run:
        options.command = options.command[options.command[:1] == ["--"] :]
    return options


def main() -> int:
    """Run one verb; show trouble as one sentence."""
    options = parse(sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, supervisor.unwind)
    try:
        return int(options.verb(options))
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    except PermissionError as error:
        sys.stderr.write(f"No permission for {error.filename}.\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
