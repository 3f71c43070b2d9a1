"""The outbox: one row for each mail that is owed to somebody."""

from datetime import datetime
from typing import Self
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import Q

from alliance.contacts.models import Contact


class State(models.TextChoices):
    QUEUED = "queued", "queued: will be sent"
    CLAIMED = "claimed", "claimed: a worker prepares it"
    HANDING_OVER = "handing_over", "handing over: the mail server is being asked"
    SENT = "sent", "sent: the mail server took it"
    FAILED = "failed", "failed: it was refused, or we gave up"
    UNKNOWN = "unknown", "unknown: it may or may not have left"


# The kind of mail whose words are a row of their own.
LETTER = "letter"

LEASED = frozenset({State.CLAIMED, State.HANDING_OVER})


class MailQuerySet(models.QuerySet["Mail"]):
    def due(self, now: datetime) -> Self:
        """Keep what should leave by now, the longest waiting first."""
        return self.filter(state=State.QUEUED, next_try_at__lte=now).order_by("next_try_at")

    def abandoned(self, now: datetime) -> Self:
        """Keep what a worker took and, by the clock, will never bring back."""
        return self.filter(state__in=LEASED, lease_until__lt=now)


class Mail(models.Model):
    """What is said lives with its kind (see `kinds`); what happened to it lives here."""

    kind = models.CharField(max_length=30)
    reference = models.CharField(max_length=64, help_text="The row that the mail is about.")
    contact = models.ForeignKey(
        Contact,
        models.PROTECT,
        related_name="mails",
        null=True,
        blank=True,
        help_text="A letter has none: it says itself where it goes.",
    )
    state = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "reference"], name="mail_once"),
            models.CheckConstraint(
                condition=Q(contact__isnull=False) | Q(kind=LETTER),
                name="mail_has_its_contact",
            ),
            models.CheckConstraint(
                condition=Q(state=State.SENT, sent_at__isnull=False)
                | (~Q(state=State.SENT) & Q(sent_at__isnull=True)),
                name="mail_sent_has_its_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=LEASED, lease_until__isnull=False)
                | (~Q(state__in=LEASED) & Q(lease_until__isnull=True)),
                name="mail_in_hand_has_a_lease",
            ),
        ]
        indexes = [
            models.Index("next_try_at", condition=Q(state=State.QUEUED), name="mail_due"),
            models.Index(
                "created_at", condition=~Q(state__in=["sent", "failed"]), name="mail_open"
            ),
            models.Index("lease_until", condition=Q(state__in=LEASED), name="mail_leased"),
            models.Index(
                "created_at", condition=Q(state__in=["failed", "unknown"]), name="mail_lost"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"

    @property
    def message_id(self) -> str:
        """The same for every attempt, so that a double, should there be one, is recognised."""
        return f"<{self.kind}.{self.reference}.{self.pk}@{urlsplit(settings.SITE_URL).hostname}>"


class Letter(models.Model):
    """A mail's words and address, sealed, where no other row can tell them.

    A code to sign in with is such a mail. It is gone once it was sent, and is of no use after
    a while.
    """

    sealed = models.TextField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"letter {self.pk}"
