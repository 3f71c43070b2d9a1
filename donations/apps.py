"""Donations: from the form to Stripe to the ledger."""

from django.apps import AppConfig


class DonationsConfig(AppConfig):
    name = "donations"

    def ready(self) -> None:
        # The outbox knows no donation: this room tells it how a receipt reads.
        from alliance.outbox import kinds  # noqa: PLC0415 (apps must be ready)
        from donations import mails  # noqa: PLC0415 (apps must be ready)

        kinds.register(mails.RECEIPT, mails.receipt)
