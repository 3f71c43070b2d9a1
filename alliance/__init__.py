"""The project package: settings, entry points, and the rooms that every app shares."""

from alliance.celery import app as celery_app

__all__ = ["celery_app"]
