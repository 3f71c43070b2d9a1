"""Donations: what somebody means to give, and how far that has come."""

import secrets
import uuid
from typing import Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Sum, Value, When
from django.urls import reverse
from django.utils import timezone

from alliance.contacts.models import Contact
from alliance.core.money import Money
from campaigns.models import Campaign, Link
from donations.models.ledger import GIVEN, Dispute, Kind, LedgerEntry, Payment

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
    PARTLY_REFUNDED = "partly_refunded", "partly refunded"
    REFUNDED = "refunded", "refunded"
    DISPUTED = "disputed", "disputed: the bank decides"
    CHARGED_BACK = "charged_back", "taken back by the bank"


# The money came, whatever became of it later.
SETTLED = frozenset(
    {State.PAID, State.PARTLY_REFUNDED, State.REFUNDED, State.DISPUTED, State.CHARGED_BACK}
)


class DonationQuerySet(models.QuerySet["Donation"]):
    def with_state(self) -> Self:
        """Add `state`, worked out from the facts: money that came beats all else.

        And the `net_minor` that is left of it, before fees; None while nothing came.
        """
        entries = LedgerEntry.objects.filter(payment__donation=OuterRef("pk")).order_by()
        sums = entries.values("payment__donation").annotate(
            net=Sum("amount_minor", filter=~Q(kind=Kind.FEE)),
            given=Sum("amount_minor", filter=Q(kind__in=GIVEN)),
            taken=Sum("amount_minor", filter=Q(kind__in=[Kind.DISPUTE, Kind.DISPUTE_WON])),
        )
        open_dispute = Dispute.objects.filter(
            payment__donation=OuterRef("pk"), status__in=Dispute.OPEN
        )
        facts = self.annotate(
            net_minor=Subquery(sums.values("net")),
            given_minor=Subquery(sums.values("given")),
            taken_minor=Subquery(sums.values("taken")),
        )
        return facts.annotate(
            state=Case(
                When(Exists(open_dispute), then=Value(State.DISPUTED)),
                When(taken_minor__lt=0, then=Value(State.CHARGED_BACK)),
                When(net_minor__lte=0, then=Value(State.REFUNDED)),
                When(net_minor__lt=F("given_minor"), then=Value(State.PARTLY_REFUNDED)),
                When(given_minor__gt=0, then=Value(State.PAID)),
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

    def that_came(self) -> Self:
        """Keep gifts, not mere intentions: the money came, or the bank is still at it."""
        came = Exists(Payment.objects.filter(donation=OuterRef("pk")))
        is_done = Q(session_rank=SessionRank.COMPLETE, failed_at__isnull=True)
        return self.filter(is_done | Q(came))

    def awaited(self) -> Self:
        """Keep those whose donors are done and whose banks are not, the longest waiting first."""
        return self.filter(
            awaited_since__isnull=False, failed_at__isnull=True, payments__isnull=True
        ).order_by("awaited_since")

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

    class Frequency(models.TextChoices):
        ONCE = "once", "Once"
        MONTHLY = "monthly", "Every month"

    class Method(models.TextChoices):
        STRIPE = "stripe", "card, by Stripe"
        CASH = "cash", "cash"
        CHEQUE = "cheque", "cheque"
        BANK = "bank", "bank transfer"

    public_id = models.CharField(max_length=22, unique=True, default=new_public_id, editable=False)
    reference = models.CharField(max_length=10, unique=True, default=new_reference, editable=False)
    # Both are looked up by indexes below, which keep the newest first.
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="donations", db_index=False
    )
    contact = models.ForeignKey(Contact, models.PROTECT, related_name="donations")
    # The poster, mail or person that it came by, if its address said so.
    link = models.ForeignKey(
        Link, models.PROTECT, related_name="donations", null=True, blank=True, db_index=False
    )
    name = models.CharField(max_length=100)
    display = models.CharField(max_length=16, choices=Display, default=Display.PRIVATE)
    amount_minor = models.BigIntegerField("amount, in pence")
    currency = models.CharField(max_length=3)
    frequency = models.CharField(max_length=7, choices=Frequency, default=Frequency.ONCE)
    method = models.CharField(max_length=6, choices=Method, default=Method.STRIPE)
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
    # Kept once the money came: it only finds those few among a million that had to wait.
    awaited_since = models.DateTimeField(
        null=True, blank=True, help_text="When the donor was done, and the bank not yet."
    )

    # Only where a query asked for them: `with_state()`.
    state: str
    net_minor: int | None

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
            models.CheckConstraint(
                condition=Q(method="stripe") | Q(frequency="once", session_id__isnull=True),
                name="donation_offline_is_once_and_without_session",
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
            models.Index("campaign", models.F("id").desc(), name="donation_newest"),
            models.Index(
                "link",
                models.F("id").desc(),
                condition=Q(link__isnull=False),
                name="donation_by_link",
            ),
            models.Index(
                "campaign",
                models.F("id").desc(),
                condition=Q(frequency="monthly"),
                name="donation_monthly",
            ),
            models.Index(
                "campaign",
                models.F("id").desc(),
                condition=~Q(display="private"),
                name="donation_named",
            ),
            models.Index(
                "campaign",
                models.F("id").desc(),
                condition=~Q(method="stripe"),
                name="donation_offline",
            ),
            models.Index(
                "campaign",
                "awaited_since",
                condition=Q(awaited_since__isnull=False),
                name="donation_awaited",
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
    def is_monthly(self) -> bool:
        return self.frequency == self.Frequency.MONTHLY

    @property
    def is_under_way(self) -> bool:
        """Whether the donor has paid, or the bank is still at it: nothing may start anew."""
        is_waiting = self.session_rank == SessionRank.COMPLETE and self.failed_at is None
        return is_waiting or self.payments.exists()

    @property
    def idempotency_key(self) -> str:
        """What makes asking Stripe twice ask once."""
        return f"d:{self.public_id}:s:{self.attempt}"
