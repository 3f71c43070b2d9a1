"""The shared kernel as a Django app: heartbeats of the periodic jobs, template tags."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CoreConfig(AppConfig):
    name = "alliance.core"
    label = "core"

    def ready(self) -> None:
        # Each room tells what it holds about people: see `alliance.core.personal`.
        autodiscover_modules("personal")
