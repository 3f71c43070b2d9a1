"""The Celery application and the periodic jobs."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alliance.settings")

app = Celery("alliance")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Every job is repeatable: the beat may fire twice, late, or from two machines at once.
app.conf.beat_schedule = {
    "sweep-outbox": {"task": "alliance.outbox.tasks.sweep_outbox", "schedule": 15.0},
    "process-due-events": {"task": "donations.tasks.process_due_events", "schedule": 15.0},
    "sweep-checkouts": {"task": "donations.tasks.sweep_checkouts", "schedule": 60.0},
    "sweep-plans": {"task": "donations.tasks.sweep_plans", "schedule": 60.0},
    "look-ahead": {"task": "donations.tasks.look_ahead", "schedule": 3600.0},
    "pull-events": {"task": "donations.tasks.pull_events", "schedule": 300.0},
    "sweep-endings": {"task": "donations.tasks.sweep_endings", "schedule": 60.0},
    "sweep-refunds": {"task": "donations.tasks.sweep_refunds", "schedule": 60.0},
    "reconcile": {"task": "donations.tasks.reconcile", "schedule": 3600.0},
    "forget-attempts": {"task": "donations.tasks.forget_attempts", "schedule": 3600.0},
    "check-books": {"task": "donations.tasks.check_books", "schedule": crontab(hour=3, minute=17)},
}
