"""What the worker does about mail."""

from celery import shared_task
from django.utils import timezone

from alliance.core import jobs
from alliance.outbox import services


@shared_task
def deliver_due() -> None:
    """Send what is due. Woken after each commit that owes a mail."""
    services.deliver_due()


@shared_task
@jobs.periodic
def sweep_outbox() -> None:
    """Find what a lost broker or a dead worker forgot."""
    services.recover_abandoned(timezone.now())
    services.deliver_due()
