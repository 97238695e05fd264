import os

from django.core.wsgi import get_wsgi_application

from core.database import refuse_privileged_role

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
refuse_privileged_role()
