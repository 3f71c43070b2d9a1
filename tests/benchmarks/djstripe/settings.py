"""Settings of the peer: no more than dj-stripe needs, and the quickest of each."""

import os

SECRET_KEY = "signs nothing"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "djstripe"]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "djstripe.urls"
LOGGING_CONFIG = None
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PEER_DATABASE_HOST"],
        "PORT": os.environ["PEER_DATABASE_PORT"],
        "USER": os.environ["PEER_DATABASE_USER"],
        "PASSWORD": os.environ["PEER_DATABASE_PASSWORD"],
        "NAME": "djstripe",
        "CONN_MAX_AGE": None,
    }
}
# Tables straight from the models: the same ones, half a minute sooner than by the migrations.
MIGRATION_MODULES = {"auth": None, "contenttypes": None, "djstripe": None}
STRIPE_LIVE_MODE = False
STRIPE_API_HOST = os.environ["PEER_STRIPE_API"]
# dj-stripe refuses the stand-in's own key for its underscores.
STRIPE_TEST_SECRET_KEY = "sk_test_" + 6 * "peer"
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
