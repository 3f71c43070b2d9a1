"""The one place where money is counted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from donations.models import Kind, Payment, TotalSlot


@dataclass(frozen=True)
class Entry:
    """One movement of money to be entered; minor units, with the sign of its kind."""

    payment: Payment
    kind: Kind
    stripe_id: str
    minor: int
    at: datetime


# The entries, the donors and the shown totals move together or not at all, and only for entries
# that are new: telling the ledger twice tells it once. A donor counts while any of their money
# is there. Rows are taken in one order everywhere, so that no two batches wait for each other.
_COUNT = """
WITH told AS (
    SELECT * FROM unnest(%(payment)s::bigint[], %(campaign)s::bigint[], %(contact)s::bigint[],
        %(kind)s::text[], %(stripe_id)s::text[], %(minor)s::bigint[], %(currency)s::text[],
        %(at)s::timestamptz[], %(link)s::bigint[], %(is_monthly)s::bool[])
    AS told (payment_id, campaign_id, contact_id, kind, stripe_id, minor, currency, at,
        link_id, is_monthly)
), entry AS (
    INSERT INTO donations_ledgerentry
        (payment_id, campaign_id, kind, stripe_id, amount_minor, currency, entered_at)
    SELECT payment_id, campaign_id, kind, stripe_id, minor, currency, at
    FROM told ORDER BY kind, stripe_id
    ON CONFLICT (kind, stripe_id) DO NOTHING
    RETURNING id, kind, stripe_id
), counted AS (
    SELECT told.*, kind = 'fee' AS is_fee FROM told JOIN entry USING (kind, stripe_id)
), given AS (
    SELECT campaign_id, contact_id, sum(minor) AS minor, min(at) AS at
    FROM counted WHERE NOT is_fee GROUP BY 1, 2
), donor AS (
    INSERT INTO donations_donor AS donor (campaign_id, contact_id, given_minor, since)
    SELECT campaign_id, contact_id, minor, at FROM given ORDER BY 1, 2
    ON CONFLICT (campaign_id, contact_id) DO UPDATE
        SET given_minor = donor.given_minor + excluded.given_minor
    RETURNING campaign_id, contact_id, given_minor
), people AS (
    SELECT campaign_id,
        sum((given_minor > 0)::int - (given_minor - given.minor > 0)::int) AS more
    FROM donor JOIN given USING (campaign_id, contact_id) GROUP BY 1
), slot AS (
    INSERT INTO donations_totalslot AS slot
        (campaign_id, slot, raised_minor, fees_minor, gifts, donors)
    SELECT campaign_id, floor(random() * %(slots)s),
        coalesce(sum(minor) FILTER (WHERE NOT is_fee), 0),
        coalesce(sum(minor) FILTER (WHERE is_fee), 0),
        count(*) FILTER (WHERE kind IN ('gift', 'offline')),
        coalesce(max(more), 0)
    FROM counted LEFT JOIN people USING (campaign_id)
    GROUP BY campaign_id ORDER BY campaign_id
    ON CONFLICT (campaign_id, slot) DO UPDATE SET
        raised_minor = slot.raised_minor + excluded.raised_minor,
        fees_minor = slot.fees_minor + excluded.fees_minor,
        gifts = slot.gifts + excluded.gifts,
        donors = slot.donors + excluded.donors
), tally AS (
    INSERT INTO donations_tally AS tally
        (campaign_id, day, link_id, is_monthly, slot, raised_minor, refunded_minor, gifts)
    SELECT campaign_id, (at AT TIME ZONE 'Europe/London')::date, link_id, is_monthly,
        floor(random() * %(slots)s),
        sum(minor),
        coalesce(-sum(minor) FILTER (WHERE kind NOT IN ('gift', 'offline')), 0),
        count(*) FILTER (WHERE kind IN ('gift', 'offline'))
    FROM counted WHERE NOT is_fee
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (campaign_id, day, link_id, is_monthly, slot) DO UPDATE SET
        raised_minor = tally.raised_minor + excluded.raised_minor,
        refunded_minor = tally.refunded_minor + excluded.refunded_minor,
        gifts = tally.gifts + excluded.gifts
)
SELECT kind, stripe_id, id FROM entry
"""


def enter(entries: Iterable[Entry]) -> dict[tuple[str, str], int]:
    """Enter movements and move the shown totals.

    Returns the keys of the rows that were new, by kind and Stripe's id. The payments' donations
    must be loaded, and locked by the caller.
    """
    # Twice in one batch is once, too.
    rows: Sequence[Entry] = list({(e.kind, e.stripe_id): e for e in entries}.values())
    if not rows:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "payment": [e.payment.pk for e in rows],
                "campaign": [e.payment.donation.campaign_id for e in rows],
                "contact": [e.payment.donation.contact_id for e in rows],
                "kind": [str(e.kind) for e in rows],
                "stripe_id": [e.stripe_id for e in rows],
                "minor": [e.minor for e in rows],
                "currency": [e.payment.currency for e in rows],
                "at": [e.at for e in rows],
                "link": [e.payment.donation.link_id for e in rows],
                "is_monthly": [e.payment.donation.is_monthly for e in rows],
                "slots": TotalSlot.SLOTS,
            },
        )
        return {(kind, stripe_id): pk for kind, stripe_id, pk in cursor.fetchall()}


def gift(payment: Payment, *, at: datetime) -> Entry:
    """Return the entry that makes a payment a gift."""
    is_offline = payment.donation.method != payment.donation.Method.STRIPE
    return Entry(
        payment=payment,
        kind=Kind.OFFLINE if is_offline else Kind.GIFT,
        stripe_id=payment.stripe_id,
        minor=payment.amount_minor,
        at=at,
    )
