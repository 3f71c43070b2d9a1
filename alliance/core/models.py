"""Heartbeats: when each periodic job last ran, so that a silent one is noticed."""

from django.db import models


class Heartbeat(models.Model):
    """One row a job; `beat_at` moves only when the job has ended well."""

    job = models.CharField(max_length=100, primary_key=True)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.job
