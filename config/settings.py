"""Settings: everything that differs between installations comes from the environment (docs/settings.md)."""

from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
import environ
from celery.schedules import crontab
from corsheaders.defaults import default_headers
from environ.fileaware_mapping import FileAwareMapping

# Lets `ModelAdmin[Row]` be written at run time, as the type checker reads it.
django_stubs_ext.monkeypatch()


class _FromFiles(environ.FileAwareEnv):  # type: ignore[misc]  # the library is untyped
    """`NAME` from the environment, or from the file that `NAME_FILE` names, without its last line break."""

    class _Mapping(FileAwareMapping):  # type: ignore[misc]
        def __getitem__(self, key: str) -> str:
            return str(super().__getitem__(key)).rstrip("\r\n")

    ENVIRON = _Mapping()


env = _FromFiles()
BASE_DIR = Path(__file__).resolve().parent.parent

# --- where this runs -------------------------------------------------------------------------------------
SECRET_KEY = env.str("SECRET_KEY")
# Former ones, which still verify what they signed; remove them once that has run out.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
# Base64 of 32 bytes each; the first encrypts what must not lie readable in the database, all of them read it.
FIELD_KEYS = env.list("FIELD_KEY")
# Base64 of the 32 bytes of an Ed25519 key: signs where the audit trail stands, outside the database.
ANCHOR_KEY = env.str("ANCHOR_KEY")
DEBUG = env.bool("DEBUG", default=False)
# A rehearsal: the clock can be moved, demo people exist, sign-up limits are wide. Never with real people.
DEMO = env.bool("DEMO", default=False)
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000")
# Where the app that patients use is served; links in messages lead there.
APP_URL = env.str("APP_URL", default=f"{BASE_URL}/app/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
# Where web apps of ours are served from, if not from here: they may call the API from a browser.
APP_ORIGINS = env.list("APP_ORIGINS", default=[])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[]) + APP_ORIGINS
CORS_ALLOWED_ORIGINS = APP_ORIGINS
CORS_ALLOW_CREDENTIALS = True
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = (
    *default_headers,
    "idempotency-key",
    "if-match",
    "x-session-token",
)
CORS_EXPOSE_HEADERS = ("ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy")
# A domain above the app's and the API's, so that an app on another host can read the CSRF cookie it has to
# send back. Empty: an app elsewhere uses a token.
SESSION_COOKIE_DOMAIN = CSRF_COOKIE_DOMAIN = env.str("COOKIE_DOMAIN", default="") or None
# One proxy of ours stands before us: what it adds to X-Forwarded-For and -Proto is true.
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
STATE_DIR = Path(env.str("STATE_DIR", default=str(BASE_DIR / ".rekindle")))
# Where that is noted. Best on a disk that whoever runs the database cannot write to.
ANCHOR_FILE = Path(env.str("ANCHOR_FILE", default=str(STATE_DIR / "anchors.jsonl")))

# --- the house ---------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "core.apps.CoreConfig",
    "accounts.apps.AccountsConfig",
    "notifications.apps.NotificationsConfig",
    "programs.apps.ProgramsConfig",
    "safety.apps.SafetyConfig",
    "assessments.apps.AssessmentsConfig",
    "sessions.apps.SessionsConfig",
    "desk.apps.DeskConfig",
    "accounts.apps.ClinicAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.usersessions",
]

MIDDLEWARE = [
    "core.middleware.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "core.middleware.PrivateMiddleware",
    "core.middleware.StrictAddressMiddleware",
    "core.middleware.StrictSignInMiddleware",
    "accounts.limits.SignInLimits",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "core.middleware.ActingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- database, cache ---------------------------------------------------------------------------------------
# A new connection costs more than a request; the health check replaces one that a restart has cut.
KEPT_OPEN = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DATABASES = {"default": env.db("DATABASE_URL", engine="core.postgresql") | KEPT_OPEN}
# The role that migrates (core.database.as_owner); the app itself serves as one that owns nothing.
DATABASE_OWNER = env.db("DATABASE_OWNER_URL", default=env.str("DATABASE_URL"))
REDIS_URL = env.str("REDIS_URL")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

# --- time, language ----------------------------------------------------------------------------------------
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False

# --- people ------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["accounts.hashers.Argon2Hasher"]
# A file of hashes of passwords that were in breaches (docs/operations.md).
BREACHED_PASSWORDS_FILE = env.str("BREACHED_PASSWORDS_FILE", default="")
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 15},  # NIST SP 800-63B-4: a password that stands alone
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.breached_passwords.BreachedPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
ACCOUNT_ADAPTER = "notifications.mail_adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
HEADLESS_CLIENTS = ("app", "browser")
HEADLESS_TOKEN_STRATEGY = "accounts.sign_ins.TokenStrategy"  # noqa: S105 - a class, not a secret
HEADLESS_FRONTEND_URLS = {"account_signup": f"{APP_URL}#sign-up"}
ACCOUNT_EMAIL_NOTIFICATIONS = True
# How long a password or a code that was just given speaks for whoever is there (accounts.sign_ins).
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# The library's pages are for staff, who work in the admin; apps use the API.
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
MFA_ADAPTER = "accounts.second_factor.Adapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# The library remembers a used code for one period: a longer life of the code would outlast its memory.
MFA_TOTP_TOLERANCE = 0
MFA_TOTP_ISSUER = "Rekindle"
# The domain that passkeys belong to: that of the app, or one above both the app's and the API's.
PASSKEY_DOMAIN = env.str("PASSKEY_DOMAIN", default=urlsplit(BASE_URL).hostname or "localhost")
# One engine for cookies and app tokens, so that a sign-in ends in the same way whichever carries it.
SESSION_ENGINE = "accounts.sign_ins"
# After how many minutes a sign-in ends: in all, and without a request. NIST SP 800-63B-4 (draft of 2023; the
# final figures are not verified): 12 hours and 15 minutes at AAL3, for staff; 30 minutes at AAL2.
WORKFORCE_SIGN_IN_MINUTES = env.int("WORKFORCE_SIGN_IN_MINUTES", default=720)
WORKFORCE_IDLE_MINUTES = env.int("WORKFORCE_IDLE_MINUTES", default=15)
PATIENT_SIGN_IN_MINUTES = env.int("PATIENT_SIGN_IN_MINUTES", default=720)
PATIENT_IDLE_MINUTES = env.int("PATIENT_IDLE_MINUTES", default=30)
SESSION_COOKIE_AGE = 60 * max(WORKFORCE_SIGN_IN_MINUTES, PATIENT_SIGN_IN_MINUTES)
if DEMO:
    # A rehearsal signs up hundreds of people from one address within minutes.
    ACCOUNT_RATE_LIMITS = {"signup": "5000/m/ip", "login": "5000/m/ip"}

# --- API ---------------------------------------------------------------------------------------------------
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.CapabilityAuthentication",
        "accounts.authentication.TokenAuthentication",
        "accounts.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["core.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "core.paging.Paging",
    "DEFAULT_SCHEMA_CLASS": "core.schema.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["core.quotas.Quota"],
    "EXCEPTION_HANDLER": "core.problems.handle_exception",
}
API_QUOTA_PER_MINUTE = env.int("API_QUOTA_PER_MINUTE", default=60_000 if DEMO else 600)
# How many in how many seconds, counted in PostgreSQL (core.limits), as the sign-in library's own are.
LIMITS = {
    "fit_check": (30, 60),  # by address
    "link_guess": (20, 60),  # by address: tokens that open nothing; one that opens is never counted
    "monitor_code": (10, 900),  # by link: codes that bind it to a device; one that is bound is never counted
    "code": (10, 900),  # by begun sign-in: mailed codes, TOTP, passwords asked again
    "text_code": (5, 86_400),  # by person: codes sent to a telephone number
    "text_try": (10, 900),  # by person: codes that prove one
    "late_reminders": (300, 60),  # in all: reminders that an outage has kept, as they are caught up with
    "break_glass": (10, 3600),  # by person: asking for charts by name and birth date
    "auth": (120, 60),  # by address: everything that changes something under /api/v1/auth/
}
if DEMO:
    LIMITS |= {"fit_check": (5000, 60), "auth": (20_000, 60)}
SPECTACULAR_SETTINGS = {
    "TITLE": "Rekindle",
    "DESCRIPTION": "The backend of a telehealth treatment program for burnout.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],  # the same for everybody, so also for who may not work yet
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.schema.add_problem_responses",
    ],
    "ENUM_NAME_OVERRIDES": {
        "EnrollmentStatus": "programs.enums.EnrollmentStatus",
        "AlertStatus": "safety.enums.AlertStatus",
        "SessionStatus": "sessions.enums.SessionStatus",
        "AssessmentStatus": "assessments.schedule.AssessmentStatus",
        "ScreeningOutcome": "safety.enums.ScreeningOutcome",
        "ReviewOutcome": "safety.enums.ReviewOutcome",
        "ComparisonOutcome": "safety.enums.ComparisonOutcome",
        "IdentityOutcome": "safety.enums.IdentityOutcome",
        "EventOutcome": "safety.events.enums.EventOutcome",
        "EffectsOutcome": "sessions.enums.EffectsOutcome",
        "Challenge": "safety.events.enums.Challenge",
        "NewsKind": "safety.events.enums.NewsKind",
        "FollowUpKind": "safety.events.enums.FollowUpKind",
        "DoseOutcomeKind": "sessions.enums.OutcomeKind",
        "DeviationKind": "sessions.deviations.enums.DeviationKind",
        "DeviationFinding": "sessions.deviations.enums.DeviationFinding",
        "StockKind": "sessions.ledger.enums.StockKind",
        "StockMove": "sessions.ledger.serializers.STOCK_MOVES",
        "FollowUpEnd": "safety.events.serializers.FOLLOW_UP_ENDS",
        "ClockEnd": "safety.events.serializers.CLOCK_ENDS",
        "FitOutcome": "safety.enums.FitOutcome",
        "ObservationKind": "sessions.enums.ObservationKind",
        "ConsentKind": "programs.enums.ConsentKind",
        "AttestationKind": "sessions.enums.AttestationKind",
        "QuestionKind": "safety.screening.policy.QuestionKind",
        "Role": "accounts.enums.Role",
        "UsState": "accounts.enums.STATES",
        "PolicyKind": "accounts.policies.serializers.KINDS",
        "HealthState": "safety.enums.ProfileState",
        "HealthSource": "safety.enums.ProfileSource",
        "CaringRole": "accounts.enums.CARING",
        "BreakGlassPurpose": "accounts.enums.BreakGlassPurpose",
        "TimelineKind": "desk.enums.EntryKind",
        "DeliveryStatus": "notifications.enums.DeliveryStatus",
        "MessageKind": "notifications.enums.MessageKind",
        "Channel": "notifications.enums.Channel",
        "PushChannel": "notifications.enums.PUSH_CHANNELS",
        "Way": "notifications.enums.Way",
    },
}
CSRF_FAILURE_VIEW = "core.problems.forbidden"

# --- background --------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Nothing of value is in Redis: work is rows in PostgreSQL, a lost message is found by the next tick.
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "core.beat.HeartbeatScheduler"
CELERY_BEAT_SCHEDULE_FILENAME = str(STATE_DIR / "beat-schedule")
# Ticks only ask "what is due?". Each expires with the next, so that they cannot pile up. A page waits for a
# second at most, and so does a backlog whose sender has died.
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": seconds, "options": {"expires": seconds}}
    for name, task, seconds in [
        ("tick", "core.tasks.tick", 5.0),
        ("deliver", "notifications.tasks.deliver_due", 1.0),
        ("watch", "sessions.tasks.watch", 10.0),
        ("forget limits", "core.tasks.forget_ended_limits", 3600.0),
        ("anchor", "core.tasks.anchor", 300.0),
        ("assessments", "assessments.tasks.keep_schedule", 300.0),
        ("roster gaps", "safety.tasks.call_for_roster_gaps", 300.0),
        ("reporting clocks", "safety.tasks.watch_clocks", 60.0),
        ("end of the law", "safety.tasks.warn_of_the_end", 3600.0),
        ("break-glass reviews", "safety.tasks.call_for_overdue_reviews", 300.0),
        ("possible duplicates", "safety.tasks.call_for_duplicates", 3600.0),
        ("deviations", "sessions.tasks.find_deviations", 600.0),
        ("silent people", "desk.tasks.tell_of_silence", 600.0),
    ]
} | {
    "verify trail": {"task": "desk.tasks.verify_trail", "schedule": crontab(hour="3", minute="0")},
    "rescore": {"task": "assessments.tasks.rescore", "schedule": crontab(hour="4", minute="0")},
    "replay screenings": {
        "task": "safety.tasks.replay_screenings",
        "schedule": crontab(hour="3", minute="30"),
    },
}

# --- mail --------------------------------------------------------------------------------------------------
EMAIL_CONFIG = env.email("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
EMAIL_TIMEOUT = 10
# The header by which the mail provider tells that it has taken a message before, and drops it then.
EMAIL_KEY_HEADER = env.str("EMAIL_KEY_HEADER", default="")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="care@localhost")
# A second way to page who works here, by text or call: a gateway that takes one POST for each message
# (docs/operations.md). Without it pages go by e-mail alone.
PAGING_GATEWAY_URL = env.str("PAGING_GATEWAY_URL", default="")
PAGING_GATEWAY_KEY = env.str("PAGING_GATEWAY_KEY", default="")
PAGING_GATEWAY_CALLBACK_KEY = env.str("PAGING_GATEWAY_CALLBACK_KEY", default="")
# Whether that gateway sends texts to patients too, who have confirmed their number; they can answer STOP.
PATIENT_TEXTS = env.bool("PATIENT_TEXTS", default=False)
# Notices on patients' phones and in their browsers; each is offered where it is set up. The JSON of a Google
# service account that may send by Firebase; Apple's key for APNs, its id, the team's, and the app's name.
FCM_ACCOUNT = env.str("FCM_ACCOUNT", default="")
APNS_KEY = env.str("APNS_KEY", default="", multiline=True)
APNS_KEY_ID = env.str("APNS_KEY_ID", default="")
APNS_TEAM = env.str("APNS_TEAM", default="")
APNS_TOPIC = env.str("APNS_TOPIC", default="")
APNS_URL = env.str("APNS_URL", default="https://api.push.apple.com")
# What we show browsers' push services: 32 bytes in base64url, and how they reach whoever runs this.
WEB_PUSH_KEY = env.str("WEB_PUSH_KEY", default="")
WEB_PUSH_CONTACT = env.str("WEB_PUSH_CONTACT", default="")
# In place of every provider but the mail server: "console" shows what would leave, "sink" puts it into files.
CHANNEL_STAND_IN = env.str("CHANNEL_STAND_IN", default="")
# Where a person in the program can always reach a human; shown in every answer that says what comes next.
CLINIC_PHONE = env.str("CLINIC_PHONE", default="+1-555-0100")
EMERGENCY_PHONE = env.str("EMERGENCY_PHONE", default="911")
CRISIS_PHONE = env.str("CRISIS_PHONE", default="988")
# Crisis lines and emergency numbers beyond those that ship (safety/lines.toml shows such a file).
CRISIS_LINES_FILE = env.str("CRISIS_LINES_FILE", default="")
# Which duties to report events the clinic has: roles of the table in safety/events/reporting_rules.
REPORTING_ROLES = env.list("REPORTING_ROLES", default=["clinic"])
# A folder with the words of questionnaires, from whoever may show them; without it, our own topics.
INSTRUMENT_WORDING_DIR = env.str("INSTRUMENT_WORDING_DIR", default="")
# Codes of instruments that nobody may use without permission, and whose holders gave it.
INSTRUMENT_PERMISSIONS = env.list("INSTRUMENT_PERMISSIONS", default=[])
# By how much a form has to come to worse before somebody looks; without it, the example that ships.
WORSENING_FILE = env.str("WORSENING_FILE", default="")
TERMINOLOGY_FILE = env.str("TERMINOLOGY_FILE", default="")

# --- pages, transport --------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = STATE_DIR / "static"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Plain HTTP is for one's own machine: a demo, or a test against loopback.
BEHIND_TLS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = BEHIND_TLS
SESSION_COOKIE_HTTPONLY = True
# The prefix makes a browser refuse such a cookie without TLS, and from a neighbour unless hosts share it.
COOKIE_PREFIX = ("__Secure-" if SESSION_COOKIE_DOMAIN else "__Host-") if BEHIND_TLS else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "core.logs.Formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"httpx": {"level": "WARNING"}},
}
