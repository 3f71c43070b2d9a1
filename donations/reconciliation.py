"""Holds our ledger against Stripe's own: id by id, to the penny. It alarms, and mends nothing."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from django.core.cache import cache
from django.db import connection
from django.db.models import Min, QuerySet

from alliance.core.db import try_advisory_lock
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
# After a long silence one run need not read it all: each slice is remembered when it is read.
SLICE = timedelta(days=1)
CHUNK = 500
SHOWN = 200
# What the last comparison came to, for as long as the next may take.
COUNTED, COUNT_LIFE = "books.differences", 2 * 60 * 60
# How far about a movement its events are looked for.
AROUND = timedelta(minutes=5)
# What was there when the first reading began may stand in ours a little later.
MARGIN = timedelta(days=1)


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


# Each of Stripe's entries beside the entry of ours that it should be, found by one key: a million
# of them are compared in seconds. Ours are those whose
# payment, donation or monthly gift we know: others belong to another shop on the account.
_COMPARED = """
WITH intent AS (
    SELECT stripe_id AS payment_intent, id AS payment_id, stripe_id AS paid_as
    FROM donations_payment
    UNION ALL SELECT i.payment_intent, p.id, p.stripe_id
    FROM donations_invoiceintent i JOIN donations_payment p ON p.id = i.payment_id
), theirs AS (
    SELECT b.*, i.payment_id, i.paid_as,
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
    FROM theirs t LEFT JOIN donations_ledgerentry e ON e.kind = t.kind
        AND e.stripe_id = CASE t.kind
            WHEN 'gift' THEN t.paid_as
            WHEN 'refund' THEN t.source
            WHEN 'refund_failed' THEN t.source
            ELSE t.id
        END
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
    AND e.entered_at BETWEEN %(extra_since)s AND %(until)s
    AND NOT EXISTS (SELECT FROM compared c WHERE c.entry_id = e.id)
ORDER BY 8
LIMIT %(shown)s
"""
)

_IS_MISSING = _COMPARED + "SELECT FROM compared WHERE id = %(id)s AND entry_id IS NULL"

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
    found = differences(until=now - GRACE, now=now)
    cache.set(COUNTED, len(found), COUNT_LIFE)
    for difference in found:
        logger.error(
            "the books are not Stripe's: %s %s %s, ours %s, theirs %s",
            difference.what,
            difference.kind,
            difference.id,
            difference.ours,
            difference.theirs,
        )


def read_now(*, now: datetime) -> bool:
    """Read Stripe's ledger because a person asks; return False where the job is at it already."""
    with try_advisory_lock(JOB) as is_ours:
        if is_ours:
            read(now=now)
            cache.delete(COUNTED)
        return is_ours


def read(*, now: datetime) -> None:
    """Bring in what Stripe's ledger has that we have not seen, with the fees it names.

    The oldest first, slice by slice; the heartbeat tells how far it has come.
    """
    last = read_until()
    start = last - OVERLAP if last else now - FIRST_READ
    while start < now:
        end = start + SLICE if start + SLICE < now else None
        _read_slice(start, end)
        Heartbeat.objects.update_or_create(job=JOB, defaults={"beat_at": end or now})
        start = end or now


def read_until() -> datetime | None:
    """Return until when Stripe's ledger has been read; None where it never was."""
    return Heartbeat.objects.filter(job=JOB).values_list("beat_at", flat=True).first()


def count_differences(*, now: datetime) -> int:
    """Return in how many places the ledgers differ, as the hourly comparison has found.

    Comparing takes seconds where there are a million entries: no page waits for it but the first
    after something has changed.
    """
    known: int | None = cache.get(COUNTED)
    if known is None:
        last = read_until()
        known = len(differences(until=last - GRACE, now=now)) if last else 0
        cache.set(COUNTED, known, COUNT_LIFE)
    return known


def is_late(*, now: datetime) -> bool:
    """Say whether the ledgers have not been compared for too long, or never."""
    last = read_until()
    return last is None or last < now - LATE_AFTER


def differences(*, until: datetime, now: datetime) -> list[Difference]:
    """Return where the ledgers differ, the oldest first, up to a moment that has been read."""
    since = _since(now)
    with connection.cursor() as cursor:
        cursor.execute(
            _DIFFERENCES,
            {
                "since": since,
                "extra_since": since + MARGIN,
                "until": min(until, now),
                "shown": SHOWN,
            },
        )
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


def bring_in(entry: BalanceEntry, *, now: datetime) -> bool:
    """Fetch what our ledger lacks, and return whether it is there now.

    First the events about it; where they bring nothing, or are too old to be had, the thing
    itself. All of it goes through the inbox, so that the journal stays whole.
    """
    start, end = entry.created_at - AROUND, entry.created_at + AROUND
    inbox.fetch(start, end, now=now)
    _process_again(
        StripeEvent.objects.filter(
            # Of what was received before it happened nothing can be about it: that has an index.
            received_at__gte=start,
            created_at__range=(start, end),
            payload__contains=entry.payment_intent or entry.source,
        ),
        now=now,
    )
    if is_missing(entry):
        news = gateway.news_of(entry.source, entry.payment_intent)
        for event in news:
            inbox.receive(event, now=now)
        _process_again(StripeEvent.objects.filter(pk__in=[event.id for event in news]), now=now)
    _enter_fees(since=start)
    cache.delete(COUNTED)
    return not is_missing(entry)


def is_missing(entry: BalanceEntry) -> bool:
    """Say whether ours lacks a movement that is in Stripe's ledger."""
    with connection.cursor() as cursor:
        cursor.execute(_IS_MISSING, {"since": entry.created_at, "id": entry.pk})
        return cursor.fetchone() is not None


def _process_again(events: QuerySet[StripeEvent], *, now: datetime) -> None:
    """Let events that had no effect have it, and what waited for them."""
    unused = events.filter(type__in=sorted(inbox.READERS)).exclude(
        state=StripeEvent.State.PROCESSED
    )
    unused.update(
        state=StripeEvent.State.PENDING, attempts=0, waits_for="", next_try_at=now, error=""
    )
    inbox.process_due(now=now)
    while inbox.adopt(now=now):
        inbox.process_due(now=now)


def _since(now: datetime) -> datetime:
    """Return from when on Stripe's ledger is known here."""
    first: datetime | None = BalanceEntry.objects.aggregate(first=Min("created_at"))["first"]
    return min(first or now, now - FIRST_READ)


def _read_slice(start: datetime, end: datetime | None) -> None:
    for chunk in _chunks(gateway.balance_between(start, end)):
        BalanceEntry.objects.bulk_create(
            [BalanceEntry(**vars(entry)) for entry in chunk], ignore_conflicts=True
        )
    _enter_fees(since=start)


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
