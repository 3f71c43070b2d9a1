"""Donations, the payments they became, the ledger that is the truth, and Stripe's events."""

import secrets
import uuid
from typing import ClassVar, Self

from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, Value, When
from django.urls import reverse
from django.utils import timezone

from alliance.contacts.models import Contact
from alliance.core.money import Money
from campaigns.models import Campaign

# No letter or figure that a person could take for another when reading one out.
READABLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_public_id() -> str:
    """Return 128 random bits: who has the address of a gift's page may read it."""
    return secrets.token_urlsafe(16)


def new_reference() -> str:
    """Return a short name for a gift, to be read out on the telephone."""
    return "".join(secrets.choice(READABLE) for _ in range(10))


class SessionRank(models.IntegerChoices):
    """How far Stripe's Checkout session is known to have come; it only ever rises."""

    NONE = 0, "not asked for yet"
    OPEN = 1, "open"
    EXPIRED = 2, "expired"
    COMPLETE = 3, "complete"


class State(models.TextChoices):
    """What is shown of a donation: a function of its facts, never the last event's word."""

    OPEN = "open", "not paid yet"
    EXPIRED = "expired", "expired unpaid"
    CONFIRMING = "confirming", "being confirmed"
    FAILED = "failed", "not paid: the bank refused"
    PAID = "paid", "paid"


class DonationQuerySet(models.QuerySet["Donation"]):
    def with_state(self) -> Self:
        """Add `state`, worked out from the facts: money that came beats all else."""
        paid = LedgerEntry.objects.filter(payment__donation=OuterRef("pk"), kind=Kind.GIFT)
        return self.annotate(
            state=Case(
                When(Exists(paid), then=Value(State.PAID)),
                When(failed_at__isnull=False, then=Value(State.FAILED)),
                When(session_rank=SessionRank.COMPLETE, then=Value(State.CONFIRMING)),
                When(session_rank=SessionRank.EXPIRED, then=Value(State.EXPIRED)),
                default=Value(State.OPEN),
                output_field=models.CharField(),
            )
        )

    def to_be_shown(self) -> Self:
        """Keep those whose donors are named in public, the latest first."""
        return self.filter(shown_at__isnull=False).order_by("-shown_at")

    def unsettled(self) -> Self:
        """Keep those with a Checkout session whose end is not known."""
        return self.filter(
            session_id__isnull=False,
            session_rank__in=[SessionRank.OPEN, SessionRank.COMPLETE],
            payments__isnull=True,
            failed_at__isnull=True,
        )


class Donation(models.Model):
    """Somebody's intention to give, written down before Stripe hears of it."""

    class Display(models.TextChoices):
        PRIVATE = "private", "Don’t show my name"
        NAME = "name", "Show my name"
        NAME_AND_AMOUNT = "name_and_amount", "Show my name and the amount"

    public_id = models.CharField(max_length=22, unique=True, default=new_public_id, editable=False)
    reference = models.CharField(max_length=10, unique=True, default=new_reference, editable=False)
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="donations")
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="donations")
    name = models.CharField(max_length=100)
    display = models.CharField(max_length=16, choices=Display, default=Display.PRIVATE)
    amount_minor = models.BigIntegerField("amount, in pence")
    currency = models.CharField(max_length=3)
    # The words beside each box that was ticked, by scope: proof, once the gift is paid.
    consents = models.JSONField(default=dict)
    # One form, one donation: the second click finds the first one's row.
    form_nonce = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    said_at = models.DateTimeField(default=timezone.now, help_text="When the form was last sent.")
    shown_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the donor, who asked for it, is named."
    )

    # What Stripe is asked, stored, so that asking again asks the same. Each attempt has a key.
    attempt = models.PositiveSmallIntegerField(default=1)
    session_expires_at = models.DateTimeField()
    session_id = models.CharField(max_length=255, unique=True, null=True, blank=True)
    session_url = models.TextField(blank=True)
    session_rank = models.SmallIntegerField(choices=SessionRank, default=SessionRank.NONE)
    asked_at = models.DateTimeField(null=True, blank=True, help_text="When Stripe was last asked.")
    told_at = models.DateTimeField(null=True, blank=True, help_text="When Stripe last told.")
    failed_at = models.DateTimeField(null=True, blank=True)

    # Only where a query asked for it: `with_state()`.
    state: str

    objects = DonationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="donation_amount_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(shown_at__isnull=True) | ~Q(display="private"),
                name="donation_private_is_never_shown",
            ),
            models.CheckConstraint(
                condition=Q(session_rank=SessionRank.NONE) | Q(session_id__isnull=False),
                name="donation_session_rank_has_its_session",
            ),
        ]
        indexes = [
            models.Index(
                "asked_at",
                condition=Q(session_rank=SessionRank.OPEN),
                name="donation_unsettled",
            ),
            models.Index(
                fields=["campaign", "-shown_at"],
                condition=Q(shown_at__isnull=False),
                name="donation_shown",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        return reverse("donations:gift", args=[self.public_id])

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def is_under_way(self) -> bool:
        """Whether the donor has paid, or the bank is still at it: nothing may start anew."""
        is_waiting = self.session_rank == SessionRank.COMPLETE and self.failed_at is None
        return is_waiting or self.payments.exists()

    @property
    def idempotency_key(self) -> str:
        """What makes asking Stripe twice ask once."""
        return f"d:{self.public_id}:s:{self.attempt}"


class Payment(models.Model):
    """Money that reached Stripe for a donation."""

    donation = models.ForeignKey(Donation, models.PROTECT, related_name="payments")
    payment_intent = models.CharField(max_length=255, unique=True)
    amount_minor = models.BigIntegerField("amount, in pence")
    currency = models.CharField(max_length=3)
    paid_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="payment_amount_is_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.payment_intent

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class Kind(models.TextChoices):
    """Why money moved. The sign of an entry is fixed by its kind."""

    GIFT = "gift", "gift"


class LedgerEntry(models.Model):
    """One movement of money, for ever: the database refuses to change or remove a row."""

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="entries")
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=20, choices=Kind)
    # Stripe's id of what moved the money: the same thing told twice is one row.
    stripe_id = models.CharField(max_length=255)
    amount_minor = models.BigIntegerField("amount, in pence, with its sign")
    currency = models.CharField(max_length=3)
    entered_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(fields=["kind", "stripe_id"], name="entry_once"),
            models.UniqueConstraint(
                fields=["payment"], condition=Q(kind="gift"), name="entry_one_gift_a_payment"
            ),
            models.CheckConstraint(
                condition=Q(kind="gift", amount_minor__gt=0), name="entry_sign_is_its_kinds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.stripe_id}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class Donor(models.Model):
    """Somebody whose money reached a campaign; counted once, however often they give."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="donors")
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="campaigns_given_to")
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "contact"], name="donor_once"),
        ]

    def __str__(self) -> str:
        return f"donor {self.pk}"


class TotalSlot(models.Model):
    """A share of a campaign's shown total.

    The total is the sum of the slots; each entry moves one of them, so that no row is hot.
    Only the counting statement in `ledger` writes here, and `books` compares.
    """

    SLOTS: ClassVar[int] = 16

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="total_slots")
    slot = models.PositiveSmallIntegerField()
    raised_minor = models.BigIntegerField()
    gifts = models.BigIntegerField()
    donors = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "slot"], name="slot_once"),
        ]

    def __str__(self) -> str:
        return f"slot {self.slot} of campaign {self.campaign_id}"


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
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"
