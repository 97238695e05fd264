#!/usr/bin/env python
import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

HERE = Path(__file__).resolve().parent
CONFIGURED = {"SECRET_KEY", "SECRET_KEY_FILE", "DATABASE_URL", "DATABASE_URL_FILE"}


def is_unconfigured_checkout() -> bool:
    """Tell whether the launcher's own `.venv` runs this, and nothing says which clinic is meant."""
    return Path(sys.prefix).resolve() == HERE / ".venv" and not CONFIGURED & os.environ.keys()


if __name__ == "__main__":
    if is_unconfigured_checkout():
        os.execv(HERE / "bin" / "manage", ["manage", *sys.argv[1:]])  # noqa: S606  # a script of our own
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    execute_from_command_line(sys.argv)
