"""A meeting, and who speaks at it."""

from datetime import datetime
from typing import ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from campaigns.models import Campaign


class EventQuerySet(models.QuerySet["Event"]):
    def upcoming(self, now: datetime) -> Self:
        """Keep what is still to come, the next first."""
        return self.filter(starts_at__gte=now).order_by("starts_at")

    def past(self, now: datetime) -> Self:
        """Keep what has been, parents before their follow-ups; without a time means long ago."""
        return self.filter(Q(starts_at__lt=now) | Q(starts_at__isnull=True)).order_by(
            models.F("starts_at").desc(nulls_last=True), "position", "pk"
        )


class Event(models.Model):
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="events")
    parent = models.ForeignKey(
        "self",
        models.SET_NULL,
        related_name="follow_ups",
        null=True,
        blank=True,
        help_text="The meeting that this one follows.",
    )
    title = models.CharField(max_length=120)
    town = models.CharField(max_length=80, blank=True)
    summary = models.TextField(max_length=600, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    when_text = models.CharField(
        "when, in words", max_length=80, blank=True, help_text="Where the exact time isn't known."
    )
    position = models.PositiveSmallIntegerField(default=0, help_text="Order among follow-ups.")
    changed_at = models.DateTimeField(auto_now=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__isnull=False) | ~Q(when_text=""),
                name="event_says_when",
                violation_error_message="Give a time, or say in words when it is.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.parent_id is not None and self.parent_id == self.pk:
            raise ValidationError({"parent": "A meeting can't follow itself."})


class Speaker(models.Model):
    event = models.ForeignKey(Event, models.CASCADE, related_name="speakers")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=120, blank=True, help_text="Party, movement or work.")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "pk"]

    def __str__(self) -> str:
        return self.name
