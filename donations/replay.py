"""Rebuilds the ledger from the journal of Stripe's events, beside the real one, and compares."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from donations import inbox
from donations.models import StripeEvent

# What events write. While a rebuild runs these names lead to empty copies.
WRITTEN = (
    "donations_donation",
    "donations_payment",
    "donations_invoiceintent",
    "donations_ledgerentry",
    "donations_donor",
    "donations_totalslot",
    "donations_tally",
    "donations_dispute",
    "donations_plan",
    "donations_planchange",
    "donations_missedpayment",
    "donations_decline",
    "donations_refundrequest",
    "donations_stripeevent",
    "contacts_consent",
    "outbox_mail",
)
# Fees come from Stripe's own ledger, offline gifts from staff: no event tells of either.
_DIFFERENCES = """
SELECT coalesce(r.kind, l.kind), coalesce(r.stripe_id, l.stripe_id), l.amount_minor, r.amount_minor
FROM (SELECT * FROM {real}.donations_ledgerentry
      WHERE kind NOT IN ('fee', 'offline') AND stripe_id NOT LIKE 'offline-%%'
     ) l
FULL JOIN replay.donations_ledgerentry r USING (kind, stripe_id)
WHERE (l.amount_minor, l.currency, l.campaign_id)
    IS DISTINCT FROM (r.amount_minor, r.currency, r.campaign_id)
    AND coalesce(l.entered_at, r.entered_at) BETWEEN %s AND %s
ORDER BY 1, 2 LIMIT 100
"""
# The donations without what events told of them, and all events as if they had just come.
_FILL = """
INSERT INTO donations_donation SELECT * FROM {real}.donations_donation;
UPDATE donations_donation SET failed_at = NULL, told_at = NULL, shown_at = NULL,
    awaited_since = NULL, session_rank = least(session_rank, 1);
INSERT INTO donations_stripeevent SELECT * FROM {real}.donations_stripeevent
WHERE type = ANY(%s);
UPDATE donations_stripeevent SET state = 'pending', processed_at = NULL, attempts = 0,
    waits_for = '', next_try_at = now()
"""


def check(*, until: datetime) -> list[tuple[str, str, int | None, int | None]]:
    """Rebuild the ledger from nothing and return where it differs from the real one.

    Each: kind, Stripe's id, the real ledger's minor units, the rebuilt one's. Nothing is kept,
    nobody is mailed, and others go on working meanwhile. What is younger than `until` is left
    out: Stripe's answers may be in the books before their events come. So is what is older than
    the journal.
    """
    with _beside() as real:
        inbox.process_due(now=timezone.now())
        # What waited for something has it by now.
        while inbox.adopt(now=timezone.now()):
            inbox.process_due(now=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(_DIFFERENCES.format(real=real), [began() or until, until])
            found: list[tuple[str, str, int | None, int | None]] = cursor.fetchall()
    return found


def began() -> datetime | None:
    """Return when the first event of the journal happened; None while there is none."""
    first: datetime | None = StripeEvent.objects.aggregate(first=Min("created_at"))["first"]
    return first


def run() -> int:
    """Let every kept event have its effect once more, and return how many there are.

    What is in the books already stays as it is; what is missing is added.
    """
    again = StripeEvent.objects.exclude(state=StripeEvent.State.UNHANDLED)
    count = again.update(
        state=StripeEvent.State.PENDING,
        processed_at=None,
        attempts=0,
        waits_for="",
        next_try_at=timezone.now(),
    )
    inbox.process_due(now=timezone.now())
    return count


@contextmanager
def _beside() -> Iterator[str]:
    """Let what events write go to copies that are thrown away; yield the real schema's name."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        real = str(cursor.fetchone()[0])
        cursor.execute("CREATE SCHEMA replay")
        for table in WRITTEN:
            cursor.execute(f"CREATE TABLE replay.{table} (LIKE {real}.{table} INCLUDING ALL)")
        cursor.execute(f"SET LOCAL search_path TO replay, {real}")
        cursor.execute(_FILL.format(real=real), [sorted(inbox.READERS)])
        try:
            yield real
        finally:
            transaction.set_rollback(True)
