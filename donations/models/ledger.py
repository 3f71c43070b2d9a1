"""Money that moved: payments, the ledger that is the truth, and what is derived from it."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from alliance.contacts.models import Contact
from alliance.core.money import Money
from campaigns.models import Campaign, Link


class Payment(models.Model):
    """Money that reached Stripe, or the campaign's own hands, for a donation."""

    donation = models.ForeignKey("donations.Donation", models.PROTECT, related_name="payments")
    stripe_id = models.CharField(
        max_length=255,
        unique=True,
        help_text="Of the payment intent or a monthly gift's invoice; our own if not by card.",
    )
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
        return self.stripe_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class InvoiceIntent(models.Model):
    """The payment intent that paid a monthly gift's invoice: refunds and disputes name only it."""

    payment_intent = models.CharField(max_length=255, unique=True)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="intents")

    def __str__(self) -> str:
        return self.payment_intent


class Kind(models.TextChoices):
    """Why money moved. The sign of an entry is fixed by its kind."""

    GIFT = "gift", "gift"
    OFFLINE = "offline", "gift not made by card"
    FEE = "fee", "fee of the card company"
    REFUND = "refund", "refund"
    REFUND_FAILED = "refund_failed", "refund that failed: the money came back"
    DISPUTE = "dispute", "taken back by a bank"
    DISPUTE_WON = "dispute_won", "dispute won: the money came back"


# What makes a payment a gift: each payment has exactly one entry of these.
GIVEN = frozenset({Kind.GIFT, Kind.OFFLINE})
# What undoes a gift, and what undoes that. Sorted: it is part of an index.
WENT_BACK = ("dispute", "dispute_won", "refund", "refund_failed")
_COMES = frozenset({*GIVEN, Kind.REFUND_FAILED, Kind.DISPUTE_WON})
_GOES = frozenset({Kind.REFUND, Kind.DISPUTE, Kind.FEE})


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
                fields=["payment"],
                condition=Q(kind__in=sorted(GIVEN)),
                name="entry_one_gift_a_payment",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=sorted(_COMES), amount_minor__gt=0)
                | Q(kind__in=sorted(_GOES), amount_minor__lt=0),
                name="entry_sign_is_its_kinds",
            ),
        ]
        indexes = [
            models.Index("entered_at", name="entry_entered"),
            models.Index(
                "campaign",
                models.F("id").desc(),
                condition=Q(kind__in=WENT_BACK),
                name="entry_went_back",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.stripe_id}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class Donor(models.Model):
    """Somebody whose money reached a campaign; counted once, while any of it is still there."""

    # The constraint's own index finds a campaign's donors, and so does the one by what they gave.
    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="donors", db_index=False)
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="campaigns_given_to")
    given_minor = models.BigIntegerField("gifts less what went back, in pence", default=0)
    since = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "contact"], name="donor_once"),
        ]
        indexes = [
            models.Index(
                "campaign",
                models.F("given_minor").desc(),
                models.F("id").desc(),
                name="donor_most",
            ),
        ]

    def __str__(self) -> str:
        return f"donor {self.pk}"


class TotalSlot(models.Model):
    """A share of a campaign's shown total.

    The total is the sum of the slots; each batch of entries moves one of them, so that no row
    is hot. Only the counting statement in `ledger` writes here, and `books` compares.
    """

    SLOTS: ClassVar[int] = 16

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="total_slots")
    slot = models.PositiveSmallIntegerField()
    raised_minor = models.BigIntegerField(help_text="Gifts less what went back, before fees.")
    fees_minor = models.BigIntegerField(default=0, help_text="Negative, as in the ledger.")
    gifts = models.BigIntegerField()
    donors = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "slot"], name="slot_once"),
        ]

    def __str__(self) -> str:
        return f"slot {self.slot} of campaign {self.campaign_id}"


class Tally(models.Model):
    """What a day brought a campaign, by link and by how often it is given.

    Moved by the statement that counts, like the slots, and spread like them. Overviews read this:
    its rows grow with days, not with gifts.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="tallies")
    day = models.DateField(help_text="In London.")
    link = models.ForeignKey(Link, models.PROTECT, related_name="tallies", null=True)
    is_monthly = models.BooleanField()
    slot = models.PositiveSmallIntegerField()
    raised_minor = models.BigIntegerField(help_text="Gifts less what went back that day.")
    refunded_minor = models.BigIntegerField(help_text="What went back, as a positive sum.")
    gifts = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "day", "link", "is_monthly", "slot"],
                nulls_distinct=False,
                name="tally_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} of campaign {self.campaign_id}"


class Thanks(models.Model):
    """A campaign's own words of thanks for a gift: once each."""

    donation = models.OneToOneField("donations.Donation", models.PROTECT, related_name="thanks")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    words = models.TextField(max_length=2000)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"thanks {self.pk}"


class RefundRequest(models.Model):
    """Somebody of ours wants a payment given back; written down before Stripe hears of it.

    Its key is Stripe's idempotency key: asked however often, it is one refund. Only an error of
    Stripe's own, which it would repeat under that key for a day, makes another attempt.
    """

    class Reason(models.TextChoices):
        ASKED = "requested_by_customer", "the donor asked for it"
        DUPLICATE = "duplicate", "given twice by mistake"
        FRAUD = "fraudulent", "fraud: a stolen card"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refund_requests")
    amount_minor = models.BigIntegerField("amount, in pence")
    reason = models.CharField(max_length=30, choices=Reason)
    note = models.CharField(max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    attempt = models.PositiveSmallIntegerField(default=1, editable=False)
    refund_id = models.CharField(max_length=255, unique=True, null=True, blank=True)
    refused = models.CharField(max_length=500, blank=True, help_text="Why Stripe would not.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="refund_amount_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(refund_id__isnull=True) | Q(refused=""),
                name="refund_is_made_or_refused",
            ),
        ]
        indexes = [
            models.Index(
                "asked_at", condition=Q(refund_id__isnull=True, refused=""), name="refund_open"
            ),
        ]

    def __str__(self) -> str:
        return f"refund {self.pk}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.payment.currency)


class Dispute(models.Model):
    """A bank asks about a payment or takes it back. What it moves stands in the ledger."""

    # In these nothing is decided yet; a "warning" is a question that moves no money.
    OPEN = frozenset(
        {"needs_response", "under_review", "appeal_needs_response", "appeal_under_review"}
    )
    stripe_id = models.CharField(max_length=255, unique=True)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="disputes")
    amount_minor = models.BigIntegerField("amount, in pence")
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=30)
    reason = models.CharField(max_length=50)
    answer_by = models.DateTimeField(null=True, blank=True)
    # Whose word the status is: the latest by Stripe's clock, then by rank and event.
    told_at = models.DateTimeField()
    told_rank = models.SmallIntegerField(default=0)
    told_by = models.CharField(max_length=255, blank=True)

    class Meta:
        indexes = [
            models.Index(
                "payment",
                condition=Q(
                    status__in=[
                        "appeal_needs_response",
                        "appeal_under_review",
                        "needs_response",
                        "under_review",
                    ]
                ),
                name="dispute_open",
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
