"""The books check themselves: each invariant is one query that must find nothing."""

import logging

from django.db import connection
from django.utils import timezone

from donations import reconciliation

logger = logging.getLogger(__name__)

# Each query returns the rows that break the rule it is named after.
INVARIANTS = {
    "the shown total is the sum of the ledger": """
        SELECT campaign_id, shown.sums, ledger.sums
        FROM (SELECT campaign_id, (sum(raised_minor), sum(fees_minor), sum(gifts))::text AS sums
              FROM donations_totalslot GROUP BY 1) shown
        FULL JOIN (SELECT campaign_id, (
                  coalesce(sum(amount_minor) FILTER (WHERE kind <> 'fee'), 0),
                  coalesce(sum(amount_minor) FILTER (WHERE kind = 'fee'), 0),
                  count(*) FILTER (WHERE kind IN ('gift', 'offline'))::numeric)::text AS sums
              FROM donations_ledgerentry GROUP BY 1) ledger USING (campaign_id)
        WHERE shown.sums IS DISTINCT FROM ledger.sums""",
    "what the days brought, by link, is the sum of the ledger": """
        SELECT campaign_id, day, link_id, is_monthly, told.sums, ledger.sums
        FROM (SELECT campaign_id, day, coalesce(link_id, 0) AS link_id, is_monthly,
                  (sum(raised_minor), sum(refunded_minor), sum(gifts))::text AS sums
              FROM donations_tally GROUP BY 1, 2, 3, 4) told
        FULL JOIN (SELECT e.campaign_id, (e.entered_at AT TIME ZONE 'Europe/London')::date AS day,
                  coalesce(d.link_id, 0) AS link_id, d.frequency = 'monthly' AS is_monthly, (
                  sum(e.amount_minor),
                  coalesce(-sum(e.amount_minor)
                      FILTER (WHERE e.kind NOT IN ('gift', 'offline')), 0),
                  count(*) FILTER (WHERE e.kind IN ('gift', 'offline'))::numeric)::text AS sums
              FROM donations_ledgerentry e
              JOIN donations_payment p ON p.id = e.payment_id
              JOIN donations_donation d ON d.id = p.donation_id
              WHERE e.kind <> 'fee' GROUP BY 1, 2, 3, 4) ledger
            USING (campaign_id, day, link_id, is_monthly)
        WHERE told.sums IS DISTINCT FROM ledger.sums""",
    "what is promised every month is the sum of the plans that will be paid": """
        SELECT campaign_id, told.sums, plans.sums
        FROM (SELECT campaign_id, (sum(plans), sum(promised_minor))::text AS sums
              FROM donations_plantally GROUP BY 1) told
        FULL JOIN (SELECT d.campaign_id, (
                  count(*) FILTER (WHERE donations_will_be_paid(p))::numeric,
                  coalesce(sum(p.amount_minor) FILTER (WHERE donations_will_be_paid(p)), 0)
                  )::text AS sums
              FROM donations_plan p JOIN donations_donation d ON d.id = p.donation_id
              GROUP BY 1) plans USING (campaign_id)
        WHERE coalesce(told.sums, '(0,0)') IS DISTINCT FROM coalesce(plans.sums, '(0,0)')""",
    "what a donor gave is the sum of their entries": """
        SELECT campaign_id, contact_id, d.given_minor, given.minor
        FROM donations_donor d
        FULL JOIN (SELECT e.campaign_id, g.contact_id, sum(e.amount_minor) AS minor
                   FROM donations_ledgerentry e
                   JOIN donations_payment p ON p.id = e.payment_id
                   JOIN donations_donation g ON g.id = p.donation_id
                   WHERE e.kind <> 'fee' GROUP BY 1, 2) given USING (campaign_id, contact_id)
        WHERE d.given_minor IS DISTINCT FROM given.minor""",
    "the shown number of donors is the number of people whose money is there": """
        SELECT campaign_id, shown.people, given.people
        FROM (SELECT campaign_id, sum(donors) AS people
              FROM donations_totalslot GROUP BY 1) shown
        FULL JOIN (SELECT campaign_id, count(*) FILTER (WHERE given_minor > 0) AS people
                   FROM donations_donor GROUP BY 1) given USING (campaign_id)
        WHERE shown.people IS DISTINCT FROM given.people""",
    "every payment is one gift in the ledger, of the same amount": """
        SELECT p.stripe_id, p.amount_minor, e.amount_minor
        FROM donations_payment p
        LEFT JOIN donations_ledgerentry e
            ON e.payment_id = p.id AND e.kind IN ('gift', 'offline')
        WHERE (p.amount_minor, p.currency, p.stripe_id)
            IS DISTINCT FROM (e.amount_minor, e.currency, e.stripe_id)""",
    "no more goes back than came": """
        SELECT payment_id, sum(amount_minor) FROM donations_ledgerentry
        WHERE kind IN ('gift', 'offline', 'refund', 'refund_failed')
        GROUP BY 1 HAVING sum(amount_minor) < 0
        UNION ALL
        SELECT payment_id, sum(amount_minor) FROM donations_ledgerentry
        WHERE kind IN ('gift', 'offline', 'dispute', 'dispute_won')
        GROUP BY 1 HAVING sum(amount_minor) < 0
            OR sum(amount_minor)
                > sum(amount_minor) FILTER (WHERE kind IN ('gift', 'offline'))""",
    "a refund that failed was a refund of the same amount": """
        SELECT f.stripe_id, f.amount_minor, r.amount_minor
        FROM donations_ledgerentry f
        LEFT JOIN donations_ledgerentry r ON r.kind = 'refund' AND r.stripe_id = f.stripe_id
        WHERE f.kind = 'refund_failed'
            AND (f.payment_id, -f.amount_minor) IS DISTINCT FROM (r.payment_id, r.amount_minor)""",
    "every entry is booked on its donation's campaign, in its currency": """
        SELECT e.id, e.campaign_id, d.campaign_id
        FROM donations_ledgerentry e
        JOIN donations_payment p ON p.id = e.payment_id
        JOIN donations_donation d ON d.id = p.donation_id
        JOIN campaigns_campaign c ON c.id = d.campaign_id
        WHERE (e.campaign_id, e.currency) IS DISTINCT FROM (d.campaign_id, c.currency)""",
    "a gift that was to be made once was paid once, or what came twice went back": """
        WITH twice AS (
            SELECT p.donation_id FROM donations_payment p
            JOIN donations_donation d ON d.id = p.donation_id AND d.frequency = 'once'
            GROUP BY 1 HAVING count(*) > 1)
        SELECT donation_id, count(*) FROM twice JOIN donations_payment p USING (donation_id)
        WHERE (SELECT sum(amount_minor) FROM donations_ledgerentry e
               WHERE e.payment_id = p.id AND e.kind <> 'fee') > 0
        GROUP BY 1 HAVING count(*) > 1""",
    "every payment has its receipt in the outbox": """
        SELECT p.stripe_id FROM donations_payment p
        WHERE NOT EXISTS (SELECT FROM outbox_mail m
                          WHERE m.kind = 'receipt' AND m.reference = p.id::text)""",
    "every refund is told to its donor": """
        SELECT e.id, e.stripe_id FROM donations_ledgerentry e
        WHERE e.kind IN ('refund', 'refund_failed')
            AND NOT EXISTS (SELECT FROM outbox_mail m
                            WHERE m.kind = e.kind AND m.reference = e.id::text)""",
    "no refund that was asked for is without an answer for more than ten minutes": """
        SELECT id, asked_at FROM donations_refundrequest
        WHERE refund_id IS NULL AND refused = '' AND asked_at < now() - interval '10 minutes'""",
    "no monthly gift is in doubt for more than ten minutes": """
        SELECT id, subscription_id FROM donations_plan
        WHERE is_in_doubt AND ask_again_at < now() - interval '10 minutes'""",
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


# The same of two ledgers, as far as Stripe's has been read.
STRIPES = "our ledger is Stripe's own, to the penny, but for the last hour"


def breaches() -> dict[str, list[tuple[object, ...]]]:
    """Return the first rows that break each broken invariant; nothing when all is well."""
    found = {}
    with connection.cursor() as cursor:
        for name, query in INVARIANTS.items():
            cursor.execute(f"{query} LIMIT 20")
            if rows := cursor.fetchall():
                found[name] = rows
    now, read_until = timezone.now(), reconciliation.read_until()
    if read_until:
        until = min(read_until, now - reconciliation.GRACE)
        if differences := reconciliation.differences(until=until, now=now):
            found[STRIPES] = [(d.what, d.kind, d.id, d.ours, d.theirs) for d in differences]
    return found


def shout() -> None:
    """Write each breach into the log as an error, which operators watch."""
    for name, rows in breaches().items():
        logger.error("the books are wrong: not true that %s: %s", name, rows)
