"""Updates: what became of the money."""

from django.apps import AppConfig


class UpdatesConfig(AppConfig):
    name = "updates"
