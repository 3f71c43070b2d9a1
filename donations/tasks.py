"""What the worker does about money."""

from celery import shared_task
from django.utils import timezone

from alliance.core import jobs
from donations import books, inbox, services


@shared_task
def process_event(event_id: str) -> None:
    """Process one event. Woken as soon as the event is kept."""
    inbox.process(event_id)


@shared_task
@jobs.periodic
def process_due_events() -> None:
    """Find the events that a lost broker or a dead worker forgot, and those of new types."""
    inbox.adopt()
    inbox.process_due(now=timezone.now())


@shared_task
@jobs.periodic
def sweep_checkouts() -> None:
    """Ask Stripe about donations whose news is overdue."""
    services.sweep_checkouts(now=timezone.now())


@shared_task
@jobs.periodic
def pull_events() -> None:
    """Ask Stripe for events that no webhook brought."""
    inbox.pull(now=timezone.now())


@shared_task
@jobs.periodic
def check_books() -> None:
    """Check the books, and shout where they are wrong."""
    books.shout()
