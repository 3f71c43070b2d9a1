"""The books check themselves: each invariant is one query that must find nothing."""

import logging

from django.db import connection

logger = logging.getLogger(__name__)

# Each query returns the rows that break the rule it is named after.
INVARIANTS = {
    "the shown total is the sum of the ledger": """
        SELECT campaign_id, shown.minor, ledger.minor
        FROM (SELECT campaign_id, sum(raised_minor) AS minor, sum(gifts) AS gifts
              FROM donations_totalslot GROUP BY 1) shown
        FULL JOIN (SELECT campaign_id, sum(amount_minor) AS minor, count(*) AS gifts
                   FROM donations_ledgerentry GROUP BY 1) ledger USING (campaign_id)
        WHERE (shown.minor, shown.gifts) IS DISTINCT FROM (ledger.minor, ledger.gifts)""",
    "the shown number of donors is the number of people who gave": """
        SELECT campaign_id, shown.people, given.people
        FROM (SELECT campaign_id, sum(donors) AS people
              FROM donations_totalslot GROUP BY 1) shown
        FULL JOIN (SELECT d.campaign_id, count(DISTINCT d.contact_id) AS people
                   FROM donations_payment p JOIN donations_donation d ON d.id = p.donation_id
                   GROUP BY 1) given USING (campaign_id)
        WHERE shown.people IS DISTINCT FROM given.people""",
    "every payment is one gift in the ledger, of the same amount": """
        SELECT p.payment_intent, p.amount_minor, e.amount_minor
        FROM donations_payment p
        LEFT JOIN donations_ledgerentry e ON e.payment_id = p.id AND e.kind = 'gift'
        WHERE (p.amount_minor, p.currency, p.payment_intent)
            IS DISTINCT FROM (e.amount_minor, e.currency, e.stripe_id)""",
    "every entry is booked on its donation's campaign, in its currency": """
        SELECT e.id, e.campaign_id, d.campaign_id
        FROM donations_ledgerentry e
        JOIN donations_payment p ON p.id = e.payment_id
        JOIN donations_donation d ON d.id = p.donation_id
        JOIN campaigns_campaign c ON c.id = d.campaign_id
        WHERE (e.campaign_id, e.currency) IS DISTINCT FROM (d.campaign_id, c.currency)""",
    "every payment has its receipt in the outbox": """
        SELECT p.payment_intent FROM donations_payment p
        WHERE NOT EXISTS (SELECT FROM outbox_mail m
                          WHERE m.kind = 'receipt' AND m.reference = p.id::text)""",
    "no receipt waits for more than a day, or is in doubt": """
        SELECT id, reference, state FROM outbox_mail
        WHERE state = 'unknown'
            OR state IN ('queued', 'claimed', 'handing_over')
            AND created_at < now() - interval '1 day'""",
    "no event is dead, or pending for more than ten minutes": """
        SELECT id, type, state FROM donations_stripeevent
        WHERE state = 'dead'
            OR state = 'pending' AND received_at < now() - interval '10 minutes'""",
}


def breaches() -> dict[str, list[tuple[object, ...]]]:
    """Return the first rows that break each broken invariant; nothing when all is well."""
    found = {}
    with connection.cursor() as cursor:
        for name, query in INVARIANTS.items():
            cursor.execute(f"{query} LIMIT 20")
            if rows := cursor.fetchall():
                found[name] = rows
    return found


def shout() -> None:
    """Write each breach into the log as an error, which operators watch."""
    for name, rows in breaches().items():
        logger.error("the books are wrong: not true that %s: %s", name, rows)
