"""What is remembered against card testers, for a day: hashes, never an address or a card."""

from django.db import models
from django.utils import timezone


class Attempt(models.Model):
    """Somebody was let through to Stripe. Unpaid ones are what the budgets count."""

    donation = models.ForeignKey("donations.Donation", models.PROTECT, related_name="attempts")
    at = models.DateTimeField(default=timezone.now)
    network = models.CharField(max_length=32, help_text="Keyed hash of the address range.")
    visitor = models.CharField(max_length=32, help_text="Keyed hash of the browser's cookie.")
    contact = models.ForeignKey("contacts.Contact", models.PROTECT, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="attempt_at"),
            models.Index(fields=["network", "at"], name="attempt_network"),
            models.Index(fields=["visitor", "at"], name="attempt_visitor"),
            models.Index(fields=["contact", "at"], name="attempt_contact"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.pk}"


class Decline(models.Model):
    """A card was turned down, as Stripe reports it."""

    event_id = models.CharField(max_length=255, unique=True)
    donation = models.ForeignKey("donations.Donation", models.PROTECT, related_name="declines")
    card = models.CharField(max_length=32, help_text="Keyed hash of the card's fingerprint.")
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="decline_at"),
            models.Index(fields=["card", "at"], name="decline_card"),
        ]

    def __str__(self) -> str:
        return f"decline {self.pk}"


class SpentProof(models.Model):
    """A proof of work that somebody has used: it opens the way once."""

    challenge = models.CharField(max_length=128, unique=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"proof {self.pk}"
