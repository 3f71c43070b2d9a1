"""How the mails of this room read."""

from django.conf import settings
from django.template.loader import render_to_string

from alliance.outbox.kinds import Message
from donations.models import Payment

RECEIPT = "receipt"
REFUND = "refund"
REFUND_FAILED = "refund_failed"
DISPUTE_LOST = "dispute_lost"
PLAN_CHANGE = "plan_change"
MISSED_PAYMENT = "missed_payment"
AMOUNT_AHEAD = "amount_ahead"
CARD_ENDS = "card_ends"
LINKS = "links"


def receipt(reference: str) -> Message:
    """Render the receipt of a payment. No appeal in it, and nothing to opt out of."""
    payment = Payment.objects.select_related("donation__campaign").get(pk=reference)
    donation = payment.donation
    context = {
        "platform_name": settings.PLATFORM_NAME,
        "contact_email": settings.CONTACT_EMAIL,
        "stripe_is_standin": settings.STRIPE_IS_STANDIN,
        "campaign": donation.campaign,
        "donation": donation,
        "payment": payment,
        "link": settings.SITE_URL + donation.get_absolute_url(),
    }
    return Message(
        subject=f"Receipt: {payment.amount.exact} for {donation.campaign.name}",
        text=render_to_string("emails/receipt.txt", context, using="text"),
        html=render_to_string("emails/receipt.html", context, using="django"),
    )
