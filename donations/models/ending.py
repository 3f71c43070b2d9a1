"""The end of a campaign, and what becomes of each monthly gift that still ran then."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from campaigns.models import Campaign
from donations.models.plans import OVER, Plan


class Ending(models.Model):
    """A campaign has ended, and its monthly gifts go on or are stopped."""

    campaign = models.OneToOneField(Campaign, models.PROTECT, related_name="ending")
    stops_plans = models.BooleanField("stops monthly gifts")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"end of campaign {self.campaign_id}"


class LastPlanQuerySet(models.QuerySet["LastPlan"]):
    def to_be_stopped(self) -> Self:
        """Keep those that are to be stopped and still run, as far as is known."""
        ours = self.filter(ending__stops_plans=True, refused="")
        return ours.exclude(plan__status__in=OVER)

    def due(self, now: datetime) -> Self:
        """Keep those that Stripe is to be asked about by now, the longest waiting first."""
        return self.to_be_stopped().filter(ask_at__lte=now).order_by("ask_at")


class LastPlan(models.Model):
    """A monthly gift that ran when its campaign ended: where that stops it, the queue."""

    ending = models.ForeignKey(Ending, models.PROTECT, related_name="plans")
    plan = models.OneToOneField(Plan, models.PROTECT, related_name="last")
    ask_at = models.DateTimeField()
    refused = models.CharField(max_length=500, blank=True, help_text="Why Stripe would not.")

    objects = LastPlanQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index("ask_at", condition=Q(refused=""), name="last_plan_due"),
        ]

    def __str__(self) -> str:
        return f"last of plan {self.plan_id}"
