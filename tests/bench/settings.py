from config.settings import *  # noqa: F403 - the clinic's settings, and the floor beside it

DEMO = False
ROOT_URLCONF = "tests.bench.urls"
# One person asks all of it; the quota is counted all the same.
API_QUOTA_PER_MINUTE = 100_000_000
# A provider that takes everything at once: what is measured is ours.
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
