"""Holds our ledger against Stripe's own: id by id, to the penny. It alarms, and mends nothing."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from django.db import connection
from django.db.models import Min

from alliance.core.models import Heartbeat
from alliance.core.money import Money
from donations import gateway, inbox, ledger
from donations.models import BalanceEntry, Kind, Payment, StripeEvent

logger = logging.getLogger(__name__)

T = TypeVar("T")

JOB = "reconcile"
FIRST_READ = timedelta(days=30)
# What is read again each time: entries may appear a little after their own time.
OVERLAP = timedelta(hours=6)
# What is younger than this may be on its way: no alarm yet.
GRACE = timedelta(hours=1)
LATE_AFTER = timedelta(hours=2)
CHUNK = 500
SHOWN = 200
# How far about a movement its events are looked for.
AROUND = timedelta(hours=1)


@dataclass(frozen=True)
class Difference:
    """Where the two ledgers differ about one movement of money.

    `what`: "missing" from ours, "extra" in ours, or "different" amounts. `id` is Stripe's of the
    balance entry or, of what is extra, of what our own entry names.
    """

    what: str
    kind: str
    id: str
    ours: Money | None
    theirs: Money | None
    at: datetime


# Each of Stripe's entries beside the entry of ours that it should be. Ours are those whose
# payment, donation or monthly gift we know: others belong to another shop on the account.
_COMPARED = """
WITH intent AS (
    SELECT stripe_id AS payment_intent, id AS payment_id FROM donations_payment
    UNION ALL SELECT payment_intent, payment_id FROM donations_invoiceintent
), theirs AS (
    SELECT b.*, i.payment_id,
        CASE
            WHEN b.type IN ('charge', 'payment') THEN 'gift'
            WHEN b.type IN ('refund', 'payment_refund') THEN 'refund'
            WHEN b.type IN ('refund_failure', 'payment_failure_refund') THEN 'refund_failed'
            WHEN b.source LIKE 'du\\_%%' AND b.amount_minor < 0 THEN 'dispute'
            WHEN b.source LIKE 'du\\_%%' THEN 'dispute_won'
        END AS kind
    FROM donations_balanceentry b LEFT JOIN intent i USING (payment_intent)
    WHERE b.created_at >= %(since)s AND (
        i.payment_id IS NOT NULL
        OR EXISTS (SELECT FROM donations_donation d WHERE d.public_id = b.public_id)
        OR b.customer_id <> '' AND EXISTS (
            SELECT FROM donations_plan p WHERE p.customer_id = b.customer_id))
), compared AS (
    SELECT t.id, t.kind, t.payment_id, t.amount_minor AS theirs, t.currency AS their_currency,
        t.fee_minor, t.created_at, e.id AS entry_id, e.amount_minor AS ours,
        e.currency AS our_currency
    FROM theirs t LEFT JOIN donations_ledgerentry e ON e.kind = t.kind AND (
        t.kind = 'gift' AND e.payment_id = t.payment_id
        OR t.kind IN ('refund', 'refund_failed') AND e.stripe_id = t.source
        OR t.kind IN ('dispute', 'dispute_won') AND e.stripe_id = t.id)
    WHERE t.kind IS NOT NULL
)
"""

_DIFFERENCES = (
    _COMPARED
    + """
SELECT CASE WHEN entry_id IS NULL THEN 'missing' ELSE 'different' END, kind, id,
    ours, our_currency, theirs, their_currency, created_at
FROM compared
WHERE created_at <= %(until)s AND (entry_id IS NULL
    OR their_currency = our_currency AND theirs <> ours)
UNION ALL
SELECT 'extra', e.kind, e.stripe_id, e.amount_minor, e.currency, NULL, NULL, e.entered_at
FROM donations_ledgerentry e
WHERE e.kind IN ('gift', 'refund', 'refund_failed', 'dispute', 'dispute_won')
    AND e.stripe_id NOT LIKE 'offline-%%'
    AND e.entered_at BETWEEN %(since)s AND %(until)s
    AND NOT EXISTS (SELECT FROM compared c WHERE c.entry_id = e.id)
ORDER BY 8
LIMIT %(shown)s
"""
)

_FEES = (
    _COMPARED
    + """
SELECT c.id, c.payment_id, c.fee_minor, c.created_at
FROM compared c
WHERE c.fee_minor > 0 AND c.payment_id IS NOT NULL AND c.their_currency = c.our_currency
    AND NOT EXISTS (SELECT FROM donations_ledgerentry f
                    WHERE f.kind = 'fee' AND f.stripe_id = c.id)
"""
)


def reconcile(*, now: datetime) -> None:
    """Read Stripe's ledger, enter its fees in ours, and shout where the two differ."""
    read(now=now)
    for difference in differences(until=now - GRACE, now=now):
        logger.error(
            "the books are not Stripe's: %s %s %s, ours %s, theirs %s",
            difference.what,
            difference.kind,
            difference.id,
            difference.ours,
            difference.theirs,
        )


def read(*, now: datetime) -> None:
    """Bring in what Stripe's ledger has that we have not seen, with the fees it names."""
    last = Heartbeat.objects.filter(job=JOB).first()
    start = last.beat_at - OVERLAP if last else now - FIRST_READ
    for chunk in _chunks(gateway.balance_since(start)):
        BalanceEntry.objects.bulk_create(
            [BalanceEntry(**vars(entry)) for entry in chunk], ignore_conflicts=True
        )
    _enter_fees(since=start)


def differences(*, until: datetime, now: datetime) -> list[Difference]:
    """Return where the ledgers differ, the oldest first, as far as Stripe's has been read."""
    since = _since()
    if since is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES, {"since": since, "until": min(until, now), "shown": SHOWN})
        return [
            Difference(
                what=what,
                kind=kind,
                id=stripe_id,
                ours=None if ours is None else Money(ours, our_currency),
                theirs=None if theirs is None else Money(theirs, their_currency),
                at=at,
            )
            for what, kind, stripe_id, ours, our_currency, theirs, their_currency, at in (
                cursor.fetchall()
            )
        ]


def bring_in(entry: BalanceEntry, *, now: datetime) -> None:
    """Fetch what our ledger lacks: the events about it or, where there are none, the thing itself.

    All of it goes through the inbox, so that the journal stays whole.
    """
    inbox.fetch(entry.created_at - AROUND, entry.created_at + AROUND, now=now)
    about = StripeEvent.objects.filter(
        created_at__range=(entry.created_at - AROUND, entry.created_at + AROUND),
        payload__contains=entry.payment_intent or entry.source,
        type__in=inbox.READERS,
    ).exclude(state=StripeEvent.State.PROCESSED)
    about.update(state=StripeEvent.State.PENDING, attempts=0, waits_for="", next_try_at=now)
    inbox.process_due(now=now)
    if any(d.id == entry.pk for d in differences(until=now, now=now)):
        for event in gateway.news_of(entry.source, entry.payment_intent):
            inbox.receive(event, now=now)
        inbox.adopt(now=now)
        inbox.process_due(now=now)
    _enter_fees(since=entry.created_at - AROUND)


def _since() -> datetime | None:
    """Return from when on Stripe's ledger is known here."""
    first: datetime | None = BalanceEntry.objects.aggregate(first=Min("created_at"))["first"]
    return first


def _enter_fees(*, since: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FEES, {"since": since})
        fees = cursor.fetchall()
    for chunk in _chunks(fees):
        payments = Payment.objects.select_related("donation").in_bulk([fee[1] for fee in chunk])
        ledger.enter(
            ledger.Entry(payments[payment], Kind.FEE, stripe_id, -fee, at)
            for stripe_id, payment, fee, at in chunk
        )


def _chunks(rows: Iterable[T]) -> Iterator[list[T]]:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
