import os
import sys

import django


def main() -> int:
    """Set Django up, whose settings and clock the rehearsal shares with the clinic, and run it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from desk.rehearsal import story  # its imports need Django to be set up

    return story.main()


if __name__ == "__main__":
    sys.exit(main())
