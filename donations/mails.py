"""How the mails of this room read. No appeal in any of them, and nothing to opt out of."""

from collections.abc import Callable
from datetime import date

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from alliance.contacts.models import Contact
from alliance.core.money import Money
from alliance.outbox import transport
from alliance.outbox.kinds import Message
from donations import desk, guard, links, managing, receipts
from donations.models import (
    Dispute,
    Donation,
    LedgerEntry,
    MissedPayment,
    Payment,
    Plan,
    PlanChange,
    Thanks,
)

RECEIPT = "receipt"
REFUND = "refund"
REFUND_FAILED = "refund_failed"
DISPUTE_LOST = "dispute_lost"
PLAN_CHANGE = "plan_change"
MISSED_PAYMENT = "missed_payment"
AMOUNT_AHEAD = "amount_ahead"
CARD_ENDS = "card_ends"
CAMPAIGN_ENDED = "campaign_ended"
LINKS = "links"
CONFIRM = "confirm"
THANKS = "thanks"


def receipt(reference: str) -> Message:
    """Thank for a payment, and say all that its donor may want to keep."""
    payment = Payment.objects.select_related("donation__campaign").get(pk=reference)
    donation = payment.donation
    return _about(
        donation,
        RECEIPT,
        f"Receipt: {payment.amount.exact} for {donation.campaign.name}",
        receipt=receipts.receipt_of(payment),
    )


def refund(reference: str) -> Message:
    """Tell that money is on its way back."""
    return _about_entry(reference, REFUND, "Refund: {amount} from {campaign}")


def refund_failed(reference: str) -> Message:
    """Tell that money could not go back, and is here again."""
    return _about_entry(reference, REFUND_FAILED, "Your refund of {amount} came back to us")


def dispute_lost(reference: str) -> Message:
    """Tell that the bank took a payment back for good."""
    disputes = Dispute.objects.select_related("payment__donation__campaign")
    dispute = disputes.get(pk=reference)
    donation = dispute.payment.donation
    return _about(
        donation,
        DISPUTE_LOST,
        f"Your bank took back {dispute.amount.exact} from {donation.campaign.name}",
        amount=dispute.amount,
        receipt=receipts.receipt_of(dispute.payment),
    )


def plan_change(reference: str) -> Message:
    """Tell what changed about a monthly gift, and whose doing it was."""
    changes = PlanChange.objects.select_related("plan__donation__campaign")
    change = changes.get(pk=reference)
    campaign = change.plan.donation.campaign
    what = PlanChange.What
    news = {
        what.CANCELLED: "has ended",
        what.GAVE_UP: "has ended",
        what.PAUSED: "is paused",
        what.RESUMED: "goes on",
        what.AMOUNT: f"is now {change.amount.exact}",
        what.CARD: "is paid by another card",
    }[what(change.what)]
    return _about_plan(
        change.plan,
        PLAN_CHANGE,
        f"Your monthly gift to {campaign.name} {news}",
        change=change,
        news=news,
    )


def missed_payment(reference: str) -> Message:
    """Tell that a monthly payment failed, what Stripe will do, and what its donor can."""
    missed = MissedPayment.objects.select_related("plan__donation__campaign").get(pk=reference)
    plan = missed.plan
    is_tried_again = missed.next_try_at is not None and missed.next_try_at > timezone.now()
    return _about_plan(
        plan,
        MISSED_PAYMENT,
        f"Your {missed.amount.exact} for {plan.donation.campaign.name} could not be taken",
        missed=missed,
        has_come=not managing.unpaid(plan).filter(pk=missed.pk).exists(),
        next_try_at=missed.next_try_at if is_tried_again else None,
    )


def amount_ahead(reference: str) -> Message:
    """Warn that the next payment is not of the amount of the last."""
    plan, due_on = _plan_and_day(reference)
    return _about_plan(
        plan,
        AMOUNT_AHEAD,
        f"Your next payment to {plan.donation.campaign.name} is {plan.amount.exact}",
        due_on=due_on,
        last=plan.donation.payments.order_by("-pk").first(),
    )


def card_ends(reference: str) -> Message:
    """Warn that the card will be no good any more when the next payment is due."""
    plan, ends_on = _plan_and_day(reference)
    return _about_plan(
        plan,
        CARD_ENDS,
        f"Your card ends before your next payment to {plan.donation.campaign.name}",
        ends_on=ends_on,
    )


def campaign_ended(reference: str) -> Message:
    """Tell that a campaign has ended, and whether the monthly gift to it goes on."""
    plan = Plan.objects.select_related("donation__campaign").get(pk=reference)
    return _about_plan(
        plan,
        CAMPAIGN_ENDED,
        f"{plan.donation.campaign.name} has ended: your monthly gift",
    )


def fresh_links(reference: str) -> Message:
    """List the ways to what somebody gives and gave; only the owner of the address reads it."""
    contact = Contact.objects.get(pk=reference.partition(":")[0])
    now = timezone.now()
    return _message(
        LINKS,
        f"Your giving through {settings.PLATFORM_NAME}",
        plans=[(plan, links.manage_url(plan)) for plan in links.plans_of(contact, now=now)],
        gifts=links.gifts_of(contact, now=now),
    )


def confirm(reference: str) -> Message:
    """Lead on to paying, where a giver was asked to prove that they are no machine."""
    pk = reference.partition(":")[0]
    donation = Donation.objects.select_related("campaign").get(pk=pk)
    return _message(
        CONFIRM,
        f"Go on with your gift to {donation.campaign.name}",
        donation=donation,
        campaign=donation.campaign,
        link=guard.link_to(donation),
    )


def thanks(reference: str) -> Message:
    """Pass on a campaign's own words, while its donor still wants them. Raises Refused."""
    found = Thanks.objects.select_related("donation__campaign").get(pk=reference)
    donation = found.donation
    if not desk.has_agreed(donation.campaign, donation.contact_id):
        raise transport.Refused("Not sent: the donor wants no more mail from this campaign.")
    return _message(
        THANKS,
        f"Thank you, from {donation.campaign.name}",
        donation=donation,
        campaign=donation.campaign,
        words=found.words,
        # Of the receipts, that alone says how a monthly gift is managed.
        manage_urls=[],
    )


RENDERERS: dict[str, Callable[[str], Message]] = {
    RECEIPT: receipt,
    REFUND: refund,
    REFUND_FAILED: refund_failed,
    DISPUTE_LOST: dispute_lost,
    PLAN_CHANGE: plan_change,
    MISSED_PAYMENT: missed_payment,
    AMOUNT_AHEAD: amount_ahead,
    CARD_ENDS: card_ends,
    CAMPAIGN_ENDED: campaign_ended,
    LINKS: fresh_links,
    CONFIRM: confirm,
    THANKS: thanks,
}


def _about_entry(reference: str, kind: str, subject: str) -> Message:
    entries = LedgerEntry.objects.select_related("payment__donation__campaign")
    entry = entries.get(pk=reference)
    donation = entry.payment.donation
    amount = Money(abs(entry.amount_minor), entry.currency)
    return _about(
        donation,
        kind,
        subject.format(amount=amount.exact, campaign=donation.campaign.name),
        amount=amount,
        entry=entry,
        receipt=receipts.receipt_of(entry.payment),
    )


def _about_plan(plan: Plan, kind: str, subject: str, **more: object) -> Message:
    return _about(plan.donation, kind, subject, plan=plan, card=managing.card_of(plan), **more)


def _about(donation: Donation, kind: str, subject: str, **more: object) -> Message:
    """Write about a gift; while it runs every month, with the way to manage it."""
    return _message(
        kind,
        subject,
        donation=donation,
        campaign=donation.campaign,
        gift_url=settings.SITE_URL + donation.get_absolute_url(),
        manage_urls=links.manage_urls(donation),
        **more,
    )


def _message(kind: str, subject: str, **context: object) -> Message:
    context |= {
        "subject": subject,
        "platform_name": settings.PLATFORM_NAME,
        "contact_email": settings.CONTACT_EMAIL,
        "stripe_is_standin": settings.STRIPE_IS_STANDIN,
        "site_url": settings.SITE_URL,
        "giving_url": settings.SITE_URL + reverse("me:home"),
    }
    return Message(
        subject=subject,
        text=render_to_string(f"emails/{kind}.txt", context, using="text"),
        html=render_to_string(f"emails/{kind}.html", context, using="django"),
    )


def _plan_and_day(reference: str) -> tuple[Plan, date]:
    """Read a reference of the form "plan:2026-06-03"."""
    pk, _, day = reference.partition(":")
    plan = Plan.objects.select_related("donation__campaign").get(pk=pk)
    return plan, date.fromisoformat(day)
