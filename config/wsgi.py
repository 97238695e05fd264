import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()

from core.database import privileges_held

if held := privileges_held():
    raise SystemExit(f"Refusing to serve: the role of DATABASE_URL {' and '.join(held)}.")
