"""The composition root: pages that span several rooms."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "alliance.web"
    label = "web"

    def ready(self) -> None:
        # The campaigns' room knows no mail: this one tells it how its news travels.
        from alliance.web import mails  # noqa: PLC0415 (apps must be ready)
        from alliance.web.account import signals  # noqa: F401, PLC0415 (apps must be ready)
        from campaigns import telling  # noqa: PLC0415 (apps must be ready)

        for what, tell in mails.TELLERS.items():
            telling.register(what, tell)
