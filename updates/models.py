"""An update: what an organiser tells supporters, dated."""

from datetime import datetime
from typing import Self

from django.db import models

from campaigns.models import Campaign, Goal


class UpdateQuerySet(models.QuerySet["Update"]):
    def published(self, now: datetime) -> Self:
        """Keep what the public may read, the newest first."""
        return self.filter(published_at__lte=now).order_by("-published_at")


class Update(models.Model):
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="updates")
    title = models.CharField(max_length=120)
    body = models.TextField(help_text="Markdown: headings, lists, emphasis, links.")
    published_at = models.DateTimeField(
        null=True, blank=True, help_text="Left empty, it is a draft. In the future, it waits."
    )
    goals = models.ManyToManyField(
        Goal,
        related_name="proofs",
        blank=True,
        help_text="What of the campaign's goals this shows to be under way, or done.",
    )
    changed_at = models.DateTimeField(auto_now=True)

    objects = UpdateQuerySet.as_manager()

    def __str__(self) -> str:
        return self.title
