from config.settings import *  # noqa: F403 - the clinic's settings, and the floor beside it

DEMO = False
ROOT_URLCONF = "tests.bench.urls"
