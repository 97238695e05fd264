import os
import sys

import django

BENCHES = {"api": "four operations of the API, beside a bare view doing one statement"}


def main() -> int:
    """List the benches, or run one."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in BENCHES:
        for known, about in BENCHES.items():
            print(f"{known:12}{about}")
        return 2 if name else 0
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"
    django.setup()
    from tests.bench import api

    return api.run()


if __name__ == "__main__":
    sys.exit(main())
