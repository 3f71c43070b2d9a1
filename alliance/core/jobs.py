"""Periodic jobs that run once at a time, and wake-up calls that survive a lost broker."""

import logging
from collections.abc import Callable
from functools import partial, wraps
from time import monotonic

from celery import current_app
from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from alliance.core.db import try_advisory_lock
from alliance.core.models import Heartbeat

logger = logging.getLogger(__name__)

QUIET_SECONDS = 10
_quiet_until = 0.0


def periodic(job: Callable[[], object]) -> Callable[[], None]:
    """Make a job skip itself while another process runs it, and leave a heartbeat behind."""

    @wraps(job)
    def run() -> None:
        with try_advisory_lock(job.__name__) as is_ours:
            if not is_ours:
                return
            job()
            Heartbeat.objects.update_or_create(
                job=job.__name__, defaults={"beat_at": timezone.now()}
            )

    return run


def wake_after_commit(task: str, *args: object) -> None:
    """Send a task, by name, once the rows it will read are committed.

    A lost broker is no error here: the rows are the queue, and a sweep finds them.
    """
    transaction.on_commit(partial(_wake, task, *args))


def _wake(task: str, *args: object) -> None:
    global _quiet_until  # noqa: PLW0603 (one broker a process, one memory of its loss)
    if monotonic() < _quiet_until:
        return
    try:
        current_app.send_task(task, args)
    except OperationalError as error:
        # A broker that hangs costs seconds to find out: nobody shall pay that twice in a row.
        _quiet_until = monotonic() + QUIET_SECONDS
        logger.warning("broker away, %s waits for its sweep: %s", task, error)
