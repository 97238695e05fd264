import os

from django.core.wsgi import get_wsgi_application

from core.database import privileges_held

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

if held := privileges_held():
    raise SystemExit(f"Refusing to serve: the role of DATABASE_URL {' and '.join(held)}.")
