"""Donations: from the form to Stripe to the ledger."""

from django.apps import AppConfig


class DonationsConfig(AppConfig):
    name = "donations"

    def ready(self) -> None:
        # The outbox knows no donation: this room tells it how its mails read.
        from alliance.outbox import kinds  # noqa: PLC0415 (apps must be ready)
        from donations import mails  # noqa: PLC0415 (apps must be ready)

        for kind, render in mails.RENDERERS.items():
            kinds.register(kind, render)
