import os
import sys

import django


def main() -> int:
    """Set Django up, whose settings and clock the rehearsal shares with the clinic, and run it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    # Their imports need Django to be set up.
    from core.acting import acting_as
    from core.actors import Actor, ServiceName
    from desk.rehearsal import story

    # What was sent, it counts in the database; everything else goes through the API.
    with acting_as(Actor.service(ServiceName.DEMO)):
        return story.main()


if __name__ == "__main__":
    sys.exit(main())
