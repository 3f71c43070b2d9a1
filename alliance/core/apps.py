"""The shared kernel as a Django app: heartbeats of the periodic jobs, template tags."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "alliance.core"
    label = "core"
