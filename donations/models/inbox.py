"""Stripe's events as Stripe told them."""

from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

_KEEP = """
INSERT INTO donations_stripeevent ({columns}) VALUES ({values}) ON CONFLICT (id) DO NOTHING
"""


class StripeEvent(models.Model):
    """Something Stripe told us, as it told it. Stored first, understood later."""

    class State(models.TextChoices):
        PENDING = "pending", "waits to be processed"
        PROCESSED = "processed", "processed"
        IGNORED = "ignored", "not ours"
        UNHANDLED = "unhandled", "of a type that this version does not know"
        DEAD = "dead", "failed too often: needs a person"

    id = models.CharField(max_length=255, primary_key=True)
    type = models.CharField(max_length=100)
    created_at = models.DateTimeField(help_text="By Stripe's clock.")
    received_at = models.DateTimeField(default=timezone.now)
    # Text, not JSON: Postgres refuses some of what JSON allows, and a refusal here loses money.
    payload = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    processed_at = models.DateTimeField(null=True, blank=True)
    # What must be known first. Until it is, the event is not ours, for all that anybody knows.
    waits_for = models.CharField(max_length=255, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="processed", processed_at__isnull=False)
                | (~Q(state="processed") & Q(processed_at__isnull=True)),
                name="event_processed_has_its_time",
            ),
        ]
        indexes = [
            models.Index("next_try_at", condition=Q(state="pending"), name="event_due"),
            models.Index(
                "received_at",
                condition=Q(state__in=["pending", "dead"]),
                name="event_open",
            ),
            models.Index("type", condition=Q(state="unhandled"), name="event_unhandled"),
            models.Index("received_at", name="event_received"),
            models.Index("waits_for", condition=~Q(waits_for=""), name="event_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    def keep(self) -> bool:
        """Insert this event unless it is known, and return whether it was new."""
        row = {str(f.column): getattr(self, f.attname) for f in self._meta.concrete_fields}
        statement = _KEEP.format(columns=", ".join(row), values=", ".join(["%s"] * len(row)))
        with connection.cursor() as cursor:
            cursor.execute(statement, list(row.values()))
            return bool(cursor.rowcount)
