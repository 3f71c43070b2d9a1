"""Every setting of the site: read from the environment, strictly, once."""

import logging
from pathlib import Path
from urllib.parse import urlsplit

import django_stubs_ext
from django.core.exceptions import ImproperlyConfigured
from environs import FileAwareEnv, validate

# Django's generic classes take their type in brackets, at run time too.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

# NAME_FILE works for each NAME: secrets may come from files. An error names its variable.
env = FileAwareEnv()

# -- who we are -----------------------------------------------------------------------------

PLATFORM_NAME = env.str("PLATFORM_NAME", "Alliance")
# Where people reach the site. Links in mails are built from it, never from a Host header.
SITE_URL = env.str("SITE_URL", validate=validate.URL(schemes={"http", "https"}, require_tld=False))
SITE_URL = SITE_URL.rstrip("/")
# Who answers questions and complaints; printed on the privacy page and in every mail.
CONTACT_EMAIL = env.str("CONTACT_EMAIL", "hello@example.org", validate=validate.Email())

IS_HTTPS = SITE_URL.startswith("https://")
DEBUG = env.bool("DEBUG", False)
# A file's last line break is no part of a secret.
SECRET_KEY = env.str("SECRET_KEY", validate=validate.Length(min=50)).strip()
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", [urlsplit(SITE_URL).hostname])
# Set only behind a proxy that overwrites X-Forwarded-Proto and adds to X-Forwarded-For.
TRUST_PROXY = env.bool("TRUST_PROXY", False)
if TRUST_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# One machine is enough: set by the embedded services, never in production.
LOCAL = env.bool("ALLIANCE_LOCAL", False)

# -- apps, pages ----------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "alliance.core",
    "alliance.accounts",
    "campaigns",
    "alliance.contacts",
    "alliance.outbox",
    "donations",
    "events",
    "updates",
    "alliance.web",
    *(["alliance.local"] if LOCAL else []),
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "alliance.core.http.security_headers",
    "alliance.core.http.body_limit",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "alliance.web.middleware.session_limits",
    "alliance.web.middleware.second_factor",
    "alliance.web.middleware.account_pages",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "alliance.core.http.Unavailable",
]

ROOT_URLCONF = "alliance.urls"
WSGI_APPLICATION = "alliance.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "alliance.core.context_processors.platform",
            ],
        },
    },
    {
        # Plain-text parts of mails: HTML escapes have no place in them.
        "NAME": "text",
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {"autoescape": False},
    },
]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Collected by the web server at start from the apps; names carry their content's hash.
STATIC_ROOT = env.path("STATIC_ROOT", BASE_DIR / ".data" / "static")
MEDIA_URL = "/media/"
MEDIA_ROOT = str(env.path("MEDIA_ROOT", BASE_DIR / ".data" / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_TZ = True

# -- data -----------------------------------------------------------------------------------

DATABASES = {
    # A connection lives as long as its thread: opening one costs more than a page.
    "default": env.dj_db_url(
        "DATABASE_URL", conn_max_age=600, conn_health_checks=True, ssl_require=False
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# -- accounts -------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/me/"
ACCOUNT_ADAPTER = "alliance.web.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# A code has to come back to the browser that asked for it. A link would let whoever clicks it,
# in good faith, verify an account that a stranger made under their address.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
# Seconds; a letter with a code is of no use for longer, and not sent any more.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT
# Beside allauth's own limits: nobody's mailbox is filled by asking for codes on their behalf.
ACCOUNT_RATE_LIMITS = {
    "request_login_code": "20/m/ip,3/m/key,20/h/key",
    "reset_password": "20/m/ip,3/m/key,20/h/key",
    "confirm_email": "1/10s/key,20/h/key",
}
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 10
ACCOUNT_USER_DISPLAY = "alliance.web.adapters.display"
ACCOUNT_FORMS = {
    name: f"alliance.web.account.forms.{form}"
    for name, form in {
        "login": "LoginForm",
        "signup": "SignupForm",
        "add_email": "AddEmailForm",
        "change_password": "ChangePasswordForm",
        "set_password": "SetPasswordForm",
        "reset_password": "ResetPasswordForm",
        "reset_password_from_key": "ResetPasswordKeyForm",
        "reauthenticate": "ReauthenticateForm",
        "request_login_code": "RequestLoginCodeForm",
        "confirm_login_code": "ConfirmLoginCodeForm",
        "confirm_email_verification_code": "ConfirmEmailForm",
        "confirm_password_reset_code": "ConfirmResetForm",
    }.items()
}
# How long a session lasts is decided by `alliance.web.middleware`.
ACCOUNT_SESSION_REMEMBER = True
# The proxy adds one address to X-Forwarded-For: with none trusted, all visitors would be one,
# and one attacker would lock everybody out.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if TRUST_PROXY else 0
MFA_ADAPTER = "alliance.web.adapters.MFAAdapter"
MFA_FORMS = {
    name: f"alliance.web.account.forms.{form}"
    for name, form in {
        "authenticate": "AuthenticateForm",
        "reauthenticate": "ReauthenticateMFAForm",
        "activate_totp": "ActivateTOTPForm",
        "add_webauthn": "AddWebAuthnForm",
        "authenticate_webauthn": "AuthenticateWebAuthnForm",
        "reauthenticate_webauthn": "ReauthenticateWebAuthnForm",
        "login_webauthn": "LoginWebAuthnForm",
        "edit_webauthn": "EditWebAuthnForm",
    }.items()
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = PLATFORM_NAME
# One step of the clock either way: telephones are not always on time.
MFA_TOTP_TOLERANCE = 1
# Browsers offer passkeys over plain HTTP on this machine alone.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_HTTPS

CACHES = {
    # What allauth counts against its limits: one for all web workers, and there without a broker.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "core_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
    # Rendered pages, keyed by everything that can change them; losing one costs milliseconds.
    "pages": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 500},
    },
}

# -- background work ------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", validate=validate.Regexp(r"(rediss?|unix)://"))
# Celery's name for the same thing: kombu calls a Unix socket redis+socket.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # The defaults leave a killed worker's tasks lying for as long as the worker's successors
    # live; with these they come back within seconds of the time-out.
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A lost broker must not hold up a donor: rows in Postgres are the queue.
    "socket_connect_timeout": 1,
    "socket_timeout": 5,
    "max_retries": 0,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 120
CELERY_TASK_TIME_LIMIT = 150
# Mail may wait for a slow server, questions for a slow Stripe; what was told waits for neither.
CELERY_TASK_ROUTES = {
    "alliance.outbox.*": {"queue": "mail"},
    "donations.tasks.look_ahead": {"queue": "stripe"},
    "donations.tasks.pull_events": {"queue": "stripe"},
    "donations.tasks.reconcile": {"queue": "stripe"},
    "donations.tasks.sweep_*": {"queue": "stripe"},
}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"

# -- mail -----------------------------------------------------------------------------------

_email = env.dj_email_url("EMAIL_URL")
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_HOST = _email["EMAIL_HOST"]
EMAIL_PORT = _email["EMAIL_PORT"]
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _email["EMAIL_USE_TLS"]
EMAIL_USE_SSL = _email["EMAIL_USE_SSL"]
# Seconds for each step of a hand-over to the mail server.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", validate=validate.Email())
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# -- money ----------------------------------------------------------------------------------

STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", validate=validate.Length(min=1)).strip()
# Two while one is being replaced.
STRIPE_WEBHOOK_SECRETS: list[str] = env.list(
    "STRIPE_WEBHOOK_SECRETS",
    subcast=str.strip,
    validate=[validate.Length(min=1), validate.ContainsNoneOf([""])],
)
STRIPE_IS_STANDIN = STRIPE_SECRET_KEY.startswith("sk_test_standin_")
STRIPE_IS_LIVE = "_live_" in STRIPE_SECRET_KEY
# The stand-in's address. Asked for only with a key of its own kind, so that no wrong
# setting can send a real key, or a real donor, anywhere but to Stripe.
STRIPE_API_BASE = env.str("STRIPE_API_BASE") if STRIPE_IS_STANDIN else None
if STRIPE_IS_LIVE and (LOCAL or DEBUG):
    raise ImproperlyConfigured("STRIPE_SECRET_KEY is live: unset ALLIANCE_LOCAL and DEBUG.")
STRIPE_PAGES = (
    [STRIPE_API_BASE]
    if STRIPE_API_BASE
    else ["https://checkout.stripe.com", "https://billing.stripe.com"]
)

# -- security -------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        # Chromium applies form-action to the redirect that follows a form, too.
        "form-action": ["'self'", *STRIPE_PAGES],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
SECURE_SSL_REDIRECT = IS_HTTPS
SECURE_HSTS_SECONDS = 31536000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS
SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "alliance.web.views.csrf_failure"
# More than any event of Stripe's or any form, pictures aside.
DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024

# -- logging --------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "alliance.core.logs.Masked",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
        }
    },
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", logging.INFO)},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # Each call, at length: of use to its authors.
        "stripe": {"level": "WARNING"},
    },
}
