"""Periodic jobs that run once at a time, and wake-up calls that survive a lost broker."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial, wraps
from time import monotonic

from celery import current_app
from celery.schedules import crontab
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max
from django.utils import timezone
from kombu.exceptions import OperationalError

from alliance.core.db import try_advisory_lock
from alliance.core.models import Heartbeat

logger = logging.getLogger(__name__)

QUIET_SECONDS = 10
# A job takes its time, too, before it leaves its heartbeat.
SLACK = timedelta(minutes=2)
_quiet_until = 0.0

# A task that was woken is woken again after this many seconds at the earliest: each call wakes
# it for all rows that are there, and in a rush most of an answer's time would go into waking.
PAUSE_SECONDS = 0.05
_lock = threading.Lock()
_woken_at: dict[str, float] = {}
_waiting: set[str] = set()


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


def late(*, now: datetime) -> list[str]:
    """Return the jobs that have not ended well in twice their time.

    Of one that never did, time runs from when the database was last migrated.
    """
    beats = dict(Heartbeat.objects.values_list("job", "beat_at"))
    migrations = MigrationRecorder(connection).migration_qs
    begun = migrations.aggregate(last=Max("applied"))["last"] or now
    return sorted(
        job
        for job, every in _schedule().items()
        if beats.get(job, begun) < now - 2 * every - SLACK
    )


def _schedule() -> dict[str, timedelta]:
    """How often each periodic job is to run."""
    return {
        entry["task"].rpartition(".")[2]: timedelta(days=1)
        if isinstance(entry["schedule"], crontab)
        else timedelta(seconds=entry["schedule"])
        for entry in current_app.conf.beat_schedule.values()
    }


def wake_after_commit(task: str) -> None:
    """Send a task, by name, once the rows it will read are committed.

    A lost broker is no error here: the rows are the queue, and a sweep finds them.
    """
    transaction.on_commit(partial(_wake, task))


def _wake(task: str) -> None:
    """Send a task now or, if it was just sent, a moment later for all who ask meanwhile."""
    with _lock:
        if task in _waiting:
            return
        now = monotonic()
        wait = _woken_at.get(task, -PAUSE_SECONDS) + PAUSE_SECONDS - now
        _woken_at[task] = now + max(wait, 0)
        if wait > 0:
            _waiting.add(task)
            timer = threading.Timer(wait, _wake_late, [task])
            timer.daemon = True
            timer.start()
            return
    _send(task)


def _wake_late(task: str) -> None:
    with _lock:
        _waiting.discard(task)
    _send(task)


def _send(task: str) -> None:
    global _quiet_until  # noqa: PLW0603 (one broker a process, one memory of its loss)
    if monotonic() < _quiet_until:
        return
    try:
        current_app.send_task(task)
    except OperationalError as error:
        # A broker that hangs costs seconds to find out: nobody shall pay that twice in a row.
        _quiet_until = monotonic() + QUIET_SECONDS
        logger.warning("broker away, %s waits for its sweep: %s", task, error)
