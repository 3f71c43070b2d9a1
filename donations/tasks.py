"""What the worker does about money."""

from celery import shared_task
from django.utils import timezone

from alliance.core import jobs
from donations import books, ending, guard, inbox, plans, reconciliation, refunds, services


@shared_task
def process_events() -> None:
    """Process the events that are due. Woken as soon as one is kept."""
    inbox.process_due(now=timezone.now())


@shared_task
@jobs.periodic
def process_due_events() -> None:
    """Find the events that a lost broker or a dead worker forgot, and those of new types."""
    inbox.adopt(now=timezone.now())
    inbox.process_due(now=timezone.now())


@shared_task
@jobs.periodic
def sweep_checkouts() -> None:
    """Ask Stripe about donations whose news is overdue."""
    services.sweep_checkouts(now=timezone.now())


@shared_task
@jobs.periodic
def sweep_plans() -> None:
    """Ask Stripe about monthly gifts in doubt."""
    plans.sweep(now=timezone.now())


@shared_task
@jobs.periodic
def look_ahead() -> None:
    """Warn of monthly payments that will be other than expected, or can't be taken."""
    plans.look_ahead(now=timezone.now())


@shared_task
@jobs.periodic
def pull_events() -> None:
    """Ask Stripe for events that no webhook brought."""
    inbox.pull(now=timezone.now())


@shared_task
@jobs.periodic
def sweep_refunds() -> None:
    """Ask Stripe again for refunds that it has not answered."""
    refunds.sweep_refunds(now=timezone.now())


@shared_task
@jobs.periodic
def sweep_endings() -> None:
    """Stop the monthly gifts of campaigns that ended so."""
    ending.sweep(now=timezone.now())


@shared_task
@jobs.periodic
def reconcile() -> None:
    """Hold the ledger against Stripe's own."""
    reconciliation.reconcile(now=timezone.now())


@shared_task
@jobs.periodic
def forget_attempts() -> None:
    """Forget who came, once it can't help against card testers any more."""
    guard.forget(now=timezone.now())


@shared_task
@jobs.periodic
def check_books() -> None:
    """Check the books, and shout where they are wrong."""
    books.shout()
