"""Monthly gifts: the plan as Stripe last told it, each change to it, and payments it missed."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from alliance.core.money import Money
from campaigns.models import Campaign
from donations.models.giving import Donation

# Stripe's words for a plan that will never take a payment again.
OVER = frozenset({"canceled", "incomplete_expired"})
FAILING = frozenset({"past_due", "unpaid"})


class PlanQuerySet(models.QuerySet["Plan"]):
    def running(self) -> Self:
        """Keep those that will take a payment some time."""
        return self.exclude(status__in=OVER)

    def in_doubt(self, now: datetime) -> Self:
        """Keep those whose state only Stripe can tell, asked about longest ago first."""
        return self.filter(is_in_doubt=True, ask_again_at__lte=now).order_by("ask_again_at")


class Plan(models.Model):
    """A donation that repeats: Stripe's subscription, in its latest known state."""

    donation = models.ForeignKey(Donation, models.PROTECT, related_name="plans")
    subscription_id = models.CharField(max_length=255, unique=True)
    customer_id = models.CharField(max_length=255, db_index=True)
    item_id = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=30)
    amount_minor = models.BigIntegerField("amount a month, in pence")
    currency = models.CharField(max_length=3)
    next_payment_at = models.DateTimeField(null=True, blank=True)
    is_paused = models.BooleanField(default=False)
    resumes_at = models.DateTimeField(null=True, blank=True)
    will_end = models.BooleanField(default=False, help_text="At the end of the month paid for.")
    ended_at = models.DateTimeField(null=True, blank=True)

    payment_method_id = models.CharField(max_length=255, blank=True)
    card_brand = models.CharField(max_length=30, blank=True)
    card_last4 = models.CharField(max_length=4, blank=True)
    card_expires_on = models.DateField(null=True, blank=True, help_text="Its last good day.")

    # Whose word this is: the latest by Stripe's clock; of one second, by the event's name. Two
    # that contradict each other within a second leave a doubt, which the sweep settles by asking.
    told_at = models.DateTimeField()
    told_by = models.CharField(max_length=255, blank=True)
    is_in_doubt = models.BooleanField(default=False)
    ask_again_at = models.DateTimeField(default=timezone.now)
    # Who of us asked for the change that Stripe is to make, until it is seen.
    wish = models.CharField(max_length=10, blank=True)
    wished_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, blank=True
    )

    objects = PlanQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_minor__gt=0), name="plan_amount_is_positive"
            ),
        ]
        indexes = [
            models.Index("ask_again_at", condition=Q(is_in_doubt=True), name="plan_in_doubt"),
            models.Index("next_payment_at", name="plan_next_payment"),
        ]

    def __str__(self) -> str:
        return self.subscription_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    @property
    def is_failing(self) -> bool:
        return self.status in FAILING


class PlanTally(models.Model):
    """A share of what a campaign is promised every month: the sum of its slots is the whole.

    A trigger of the database moves it with each plan that begins, changes, is paused or ends, so
    that no page counts plans; `books` compares.
    """

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="plan_tallies")
    slot = models.PositiveSmallIntegerField()
    plans = models.BigIntegerField(help_text="That will take their next payment.")
    promised_minor = models.BigIntegerField(help_text="By them, a month.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "slot"], name="plan_tally_once"),
        ]

    def __str__(self) -> str:
        return f"plans in slot {self.slot} of campaign {self.campaign_id}"


class PlanChange(models.Model):
    """Something that changed about a plan, whoever brought it about; told to the donor once."""

    class What(models.TextChoices):
        CANCELLED = "cancelled", "cancelled"
        GAVE_UP = "gave_up", "ended: the payments failed"
        PAUSED = "paused", "paused"
        RESUMED = "resumed", "resumed"
        AMOUNT = "amount", "amount changed"
        CARD = "card", "card changed"

    class Origin(models.TextChoices):
        DONOR = "donor", "the donor"
        STAFF = "staff", "staff"
        ENDING = "ending", "the end of the campaign"
        STRIPE = "stripe", "Stripe, or somebody in its dashboard"

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="changes")
    what = models.CharField(max_length=10, choices=What)
    origin = models.CharField(max_length=6, choices=Origin)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", null=True, blank=True
    )
    amount_minor = models.BigIntegerField("amount a month from then on, in pence")
    until = models.DateTimeField(null=True, blank=True, help_text="When a pause ends.")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(origin="staff", by__isnull=False)
                | (~Q(origin="staff") & Q(by__isnull=True)),
                name="plan_change_by_staff_names_them",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.pk}"

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.plan.currency)


class MissedPayment(models.Model):
    """A monthly payment that failed; it may still be paid, by Stripe's next try or by hand."""

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="missed")
    invoice_id = models.CharField(max_length=255, unique=True)
    amount_minor = models.BigIntegerField("amount, in pence")
    currency = models.CharField(max_length=3)
    attempts = models.PositiveSmallIntegerField()
    next_try_at = models.DateTimeField(null=True, blank=True)
    pay_url = models.TextField(help_text="Stripe's page, where it can be paid at once.")
    failed_at = models.DateTimeField(help_text="For the first time.")

    def __str__(self) -> str:
        return self.invoice_id

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
