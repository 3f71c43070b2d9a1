"""Every mail is a row before it is a message."""

from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "alliance.outbox"
    label = "outbox"

    def ready(self) -> None:
        from alliance.outbox import kinds, services  # noqa: PLC0415 (apps must be ready)
        from alliance.outbox.models import LETTER  # noqa: PLC0415 (apps must be ready)

        kinds.register(LETTER, services.letter)
