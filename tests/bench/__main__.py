import os
import sys
from collections.abc import Callable
from importlib import import_module

import django

BENCHES = {
    "access": "what walls and trail cost at a million rows; how fast the trail is written and checked",
    "assessments": "how many PHQ-9 responses one core scores in a second",
    "api": "four operations of the API, beside a bare view doing one statement",
    "reminders": "what a tick reads and costs from 10,000 rows to 10,000,000; claims and messages a second",
    "safety": "how soon a serious event pages, alone and behind a heap; what a report costs",
    "screening": "people decided a second, with and without reasons; a request; a dry run of 100,000",
    "sessions": "what the watch reads and costs from 1,000 past sessions to 1,000,000",
}


def main() -> int:
    """List the benches, or run one."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in BENCHES:
        for known, about in BENCHES.items():
            print(f"{known:12}{about}")
        return 2 if name else 0
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
    django.setup()
    run: Callable[[], int] = import_module(f"tests.bench.{name}").run
    return run()


if __name__ == "__main__":
    sys.exit(main())
