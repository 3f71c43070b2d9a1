"""The one place where money is counted."""

from datetime import datetime

from django.db import connection

from donations.models import Kind, Payment, TotalSlot

# The entry, the donor and the shown total move together or not at all, and only for an entry
# that is new: telling the ledger twice tells it once.
_COUNT = """
WITH entry AS (
    INSERT INTO donations_ledgerentry
        (payment_id, campaign_id, kind, stripe_id, amount_minor, currency, entered_at)
    VALUES (%(payment)s, %(campaign)s, %(kind)s, %(stripe_id)s, %(minor)s, %(currency)s, %(at)s)
    ON CONFLICT (kind, stripe_id) DO NOTHING
    RETURNING campaign_id, amount_minor
), donor AS (
    INSERT INTO donations_donor (campaign_id, contact_id, since)
    SELECT campaign_id, %(contact)s, %(at)s FROM entry
    ON CONFLICT (campaign_id, contact_id) DO NOTHING
    RETURNING 1
)
INSERT INTO donations_totalslot AS slot (campaign_id, slot, raised_minor, gifts, donors)
SELECT campaign_id, floor(random() * %(slots)s), amount_minor, 1, (SELECT count(*) FROM donor)
FROM entry
ON CONFLICT (campaign_id, slot) DO UPDATE SET
    raised_minor = slot.raised_minor + excluded.raised_minor,
    gifts = slot.gifts + excluded.gifts,
    donors = slot.donors + excluded.donors
"""


def enter_gift(payment: Payment, *, at: datetime) -> bool:
    """Enter a payment as a gift and move the shown total; return whether it was new."""
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "payment": payment.pk,
                "campaign": payment.donation.campaign_id,
                "contact": payment.donation.contact_id,
                "kind": Kind.GIFT,
                "stripe_id": payment.payment_intent,
                "minor": payment.amount_minor,
                "currency": payment.currency,
                "at": at,
                "slots": TotalSlot.SLOTS,
            },
        )
        return bool(cursor.rowcount)
