"""What the page of a monthly gift can truly say: how the gift stands, its card, what is owed."""

from django.db import models
from django.db.models import Exists, OuterRef, QuerySet

from donations.models import MissedPayment, Payment, Plan

# As the card companies write themselves; Stripe's other words are written with a capital.
BRANDS = {
    "amex": "American Express",
    "diners": "Diners Club",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "unionpay": "UnionPay",
    "visa": "Visa",
}


class Standing(models.TextChoices):
    """How a monthly gift stands, in the order in which one hides the next."""

    OVER = "over", "Ended"
    FAILING = "failing", "Payment failed"
    ENDING = "ending", "Ending"
    PAUSED = "paused", "Paused"
    RUNNING = "running", "Runs every month"
    UNKNOWN = "unknown", "Being confirmed"


def standing(plan: Plan) -> Standing:
    """Say how a plan stands by Stripe's latest word."""
    if plan.is_over:
        return Standing.OVER
    if _fell_behind(plan) or (plan.is_failing and not _caught_up(plan)):
        return Standing.FAILING
    if plan.is_failing:
        return Standing.UNKNOWN
    if plan.will_end:
        return Standing.ENDING
    if plan.is_paused:
        return Standing.PAUSED
    return Standing.RUNNING if plan.status == "active" else Standing.UNKNOWN


def with_standing(plans: QuerySet[Plan]) -> QuerySet[Plan]:
    """Have asked with many plans at once what `standing` would ask of each."""
    payments = Payment.objects.filter(donation=OuterRef("donation"))
    came = Payment.objects.filter(stripe_id=OuterRef("invoice_id"))
    missed = MissedPayment.objects.filter(plan=OuterRef("pk"), failed_at__gt=OuterRef("told_at"))
    return plans.annotate(
        fell_behind=Exists(missed.exclude(Exists(came))),
        caught_up=Exists(payments.filter(paid_at__gte=OuterRef("told_at"))),
    )


def unpaid(plan: Plan) -> QuerySet[MissedPayment]:
    """Return the payments that failed and have not come since, the latest first."""
    came = Payment.objects.filter(donation=plan.donation_id).values("stripe_id")
    return plan.missed.exclude(invoice_id__in=came).order_by("-failed_at")


def card_of(plan: Plan) -> str:
    """Name the card as its owner knows it; nothing where it is not known yet."""
    if not plan.card_brand:
        return ""
    if not plan.card_last4:
        return "no card, but another way to pay that Stripe knows"
    brand = BRANDS.get(plan.card_brand, plan.card_brand.replace("_", " ").capitalize())
    return f"{brand} ending in {plan.card_last4}"


def _fell_behind(plan: Plan) -> bool:
    """Say whether a payment failed since Stripe last told how the plan stands."""
    if hasattr(plan, "fell_behind"):
        return bool(plan.fell_behind)
    return unpaid(plan).filter(failed_at__gt=plan.told_at).exists()


def _caught_up(plan: Plan) -> bool:
    """Say whether money came since, and the news of it is only under way."""
    if hasattr(plan, "caught_up"):
        return bool(plan.caught_up)
    return plan.donation.payments.filter(paid_at__gte=plan.told_at).exists()
