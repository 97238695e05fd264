"""What has to be true before anything serves: the tables, the catalogue, the static files.

`python -m config.release`, the Procfile's `release`: three management commands in one process, because on a
small machine starting Python three times would be most of the work.
"""

import os

import django
from django.core.management import call_command

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    call_command("migrate", interactive=False)
    call_command("load_catalogue")
    call_command("collectstatic", interactive=False, verbosity=0)
