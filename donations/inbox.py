"""The inbox of Stripe's events: kept first, understood later, in any order."""

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from alliance.core import jobs
from alliance.core.models import Heartbeat
from donations import facts, gateway, plans, settling
from donations.models import StripeEvent
from donations.settling import NotYet, Told

logger = logging.getLogger(__name__)

# Events a transaction: many, since most of a commit's cost is its own; few enough that a donor
# who looks at a gift never waits long for its row.
BATCH = 200
MAX_ATTEMPTS = 20
FIRST_RETRY = timedelta(seconds=5)
SLOWEST_RETRY = timedelta(hours=1)
# Stripe keeps events for 30 days; a first pull looks back as far as its own retries go.
FIRST_PULL = timedelta(days=3)
PULL_SLICE = timedelta(hours=1)
CLOCK_SKEW = timedelta(minutes=5)
# Events may become visible a little after their own time.
PULL_OVERLAP = timedelta(minutes=30)
# For how long an event about something unknown is looked at again.
WAIT = timedelta(days=7)
# Stripe's limit of types in one question.
TYPES_A_CALL = 20

_subscription = facts.read_subscription
_refund = facts.read_refund
_dispute = facts.read_dispute

# What each type of event tells. Facts only ever add rows under unique keys, so each may come
# twice, late, or before what came before it. Refunds are told one by one (`refund.*`);
# `charge.refunded` tells their sum alone, and adds nothing.
READERS: dict[str, Callable[[Mapping[str, Any]], object]] = {
    "checkout.session.completed": facts.read_session,
    "checkout.session.expired": facts.read_session,
    "checkout.session.async_payment_succeeded": facts.read_session,
    "checkout.session.async_payment_failed": facts.read_failure,
    "payment_intent.succeeded": facts.read_paid_intent,
    "payment_intent.payment_failed": facts.read_decline,
    "invoice.paid": facts.read_paid_invoice,
    "invoice.payment_failed": facts.read_missed,
    "invoice_payment.paid": facts.read_intent_of_invoice,
    "customer.updated": facts.read_customer,
    "customer.subscription.created": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.subscription.paused": _subscription,
    "customer.subscription.resumed": _subscription,
    "customer.subscription.deleted": _subscription,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.closed": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute,
    "payout.paid": facts.read_payout,
}

# News about a donation's payment, which is what most events are.
GIVING = [
    kind
    for kind, reader in READERS.items()
    if reader
    in {
        facts.read_session,
        facts.read_failure,
        facts.read_paid_intent,
        facts.read_paid_invoice,
    }
]

# What is done about a fact that is not news of a donation's payment: those go many at a time.
# Each says whether it was about something of ours, or raises NotYet.
RECORDERS: dict[type, Callable[[Told, Any], bool]] = {
    facts.Decline: settling.record_decline,
    facts.Missed: settling.record_missed,
    facts.IntentOfInvoice: settling.record_intent_of_invoice,
    facts.Subscription: plans.record_subscription,
    facts.Refund: settling.record_refund,
    facts.Dispute: settling.record_dispute,
    facts.Customer: plans.record_customer,
    facts.PaidOut: settling.record_payout,
}


@dataclass(frozen=True)
class Outcome:
    """What became of an event: ours or not, waiting for something, or failed."""

    is_ours: bool = False
    waits_for: str = ""
    error: str = ""


def receive(event: facts.Event, *, now: datetime) -> bool:
    """Keep an event whose origin is certain; return whether it was new."""
    row = StripeEvent(
        id=event.id,
        type=event.type,
        created_at=event.created_at,
        received_at=now,
        next_try_at=now,
        payload=facts.without_people(event),
        state=_first_state(event),
    )
    # One statement, which is its own transaction: an answer costs one commit and no more.
    is_new = row.keep()
    if is_new and row.state == StripeEvent.State.PENDING:
        jobs.wake_after_commit("donations.tasks.process_events")
    return is_new


def _first_state(event: facts.Event) -> StripeEvent.State:
    if event.is_live != settings.STRIPE_IS_LIVE:
        return StripeEvent.State.IGNORED
    if event.type not in READERS:
        return StripeEvent.State.UNHANDLED
    return StripeEvent.State.PENDING


def process_due(*, now: datetime) -> None:
    """Process all events that are due: the new, the retried, and what a dead worker left."""
    while _process(now, is_giving=True, most=BATCH):
        pass
    # One a transaction: what they lock is not known before, and so has no common order.
    while _process(now, is_giving=False, most=1):
        pass


@transaction.atomic
def _process(now: datetime, *, is_giving: bool, most: int) -> int:
    """Let some events have their effect, once: the marks and the effects are one transaction."""
    due = StripeEvent.objects.filter(state=StripeEvent.State.PENDING, next_try_at__lte=now)
    due = due.filter(type__in=GIVING) if is_giving else due.exclude(type__in=GIVING)
    rows = list(due.order_by("next_try_at").select_for_update(skip_locked=True)[:most])
    outcomes: dict[str, Outcome] = {}
    told: dict[str, Told] = {}
    for row in rows:
        try:
            told[row.pk] = _read(row)
        except Exception as error:  # noqa: BLE001 (kept, shown and tried again)
            outcomes[row.pk] = _failed(row, error)
    if is_giving:
        outcomes |= _record_giving(rows, told)
    else:
        outcomes |= {row.pk: _record(row, told[row.pk]) for row in rows if row.pk in told}
    _mark(rows, outcomes)
    return len(rows)


def _read(row: StripeEvent) -> Told:
    event = facts.read_event(row.payload)
    return Told(READERS[row.type](event.data), at=event.created_at, by=row.pk)


def _record_giving(rows: Sequence[StripeEvent], told: Mapping[str, Told]) -> dict[str, Outcome]:
    """Take in all news about payments together or, where one is wrong, each by itself."""
    if not told:
        return {}
    try:
        with transaction.atomic():
            ours = settling.record_giving(list(told.values()))
    except Exception as error:  # noqa: BLE001 (kept, shown and tried again)
        if len(told) == 1:
            return {row.pk: _failed(row, error) for row in rows if row.pk in told}
        outcomes: dict[str, Outcome] = {}
        for pk, one in told.items():
            outcomes |= _record_giving(rows, {pk: one})
        return outcomes
    return {pk: Outcome(is_ours=is_ours) for pk, is_ours in zip(told, ours, strict=True)}


def _record(row: StripeEvent, told: Told) -> Outcome:
    try:
        with transaction.atomic():
            return Outcome(is_ours=RECORDERS[type(told.fact)](told, told.fact))
    except NotYet as not_yet:
        return Outcome(waits_for=not_yet.waits_for)
    except Exception as error:  # noqa: BLE001 (kept, shown and tried again)
        return _failed(row, error)


def _failed(row: StripeEvent, error: Exception) -> Outcome:
    logger.error("event %s failed, attempt %d", row.pk, row.attempts + 1, exc_info=error)
    return Outcome(error="".join(traceback.format_exception(error))[-4000:])


_MARK = """
UPDATE donations_stripeevent e
SET state = n.state, waits_for = n.waits_for, error = n.error, next_try_at = n.next_try_at,
    attempts = n.attempts, processed_at = CASE n.state WHEN 'processed' THEN n.now END
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::int[],
    %s::timestamptz[]) AS n (id, state, waits_for, error, next_try_at, attempts, now)
WHERE e.id = n.id
"""


def _mark(rows: Sequence[StripeEvent], outcomes: Mapping[str, Outcome]) -> None:
    if not rows:
        return
    now = timezone.now()
    for row in rows:
        outcome = outcomes[row.pk]
        row.attempts += 1
        row.error, row.waits_for = outcome.error, outcome.waits_for
        if outcome.error:
            is_dead = row.attempts >= MAX_ATTEMPTS
            row.state = StripeEvent.State.DEAD if is_dead else StripeEvent.State.PENDING
            row.next_try_at = now + min(FIRST_RETRY * 2 ** (row.attempts - 1), SLOWEST_RETRY)
        else:
            is_ours = outcome.is_ours
            row.state = StripeEvent.State.PROCESSED if is_ours else StripeEvent.State.IGNORED
    columns = ("pk", "state", "waits_for", "error", "next_try_at", "attempts")
    with connection.cursor() as cursor:
        cursor.execute(
            _MARK,
            [
                *([getattr(row, name) for row in rows] for name in columns),
                [now] * len(rows),
            ],
        )


def pull(*, now: datetime) -> int:
    """Fetch the events that no webhook brought, and return how many there were.

    The oldest first, slice by slice, each remembered when it is done: after a long silence
    one run need not fetch it all.
    """
    last = Heartbeat.objects.filter(job="pull_events").first()
    start = last.beat_at - PULL_OVERLAP if last else now - FIRST_PULL
    fetched = 0
    while start < now:
        end = start + PULL_SLICE
        if end >= now:
            end = now + CLOCK_SKEW
        fetched += fetch(start, end, now=now)
        start = end
        Heartbeat.objects.update_or_create(job="pull_events", defaults={"beat_at": min(end, now)})
    return fetched


def fetch(start: datetime, end: datetime, *, now: datetime) -> int:
    """Fetch Stripe's events of a span of time, and return how many were new."""
    types = sorted(READERS)
    return sum(
        receive(event, now=now)
        for first in range(0, len(types), TYPES_A_CALL)
        for event in gateway.events_between(start, end, types[first : first + TYPES_A_CALL])
    )


# What an event may wait for: a payment, the intent behind one, or a monthly gift.
_KNOWN = """
UPDATE donations_stripeevent e SET state = 'pending', waits_for = ''
WHERE state = 'ignored' AND waits_for <> '' AND received_at > %s AND (
    EXISTS (SELECT FROM donations_payment WHERE stripe_id = e.waits_for)
    OR EXISTS (SELECT FROM donations_invoiceintent WHERE payment_intent = e.waits_for)
    OR EXISTS (SELECT FROM donations_plan WHERE subscription_id = e.waits_for))
"""


def adopt(*, now: datetime) -> int:
    """Take up kept events that this version, or what has come since, makes understandable.

    Those of types that an earlier version did not know, and those that waited for a payment or
    a plan which is known by now.
    """
    known = StripeEvent.objects.filter(
        state=StripeEvent.State.UNHANDLED, type__in=sorted(READERS)
    ).update(state=StripeEvent.State.PENDING)
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN, [now - WAIT])
        woken: int = cursor.rowcount
    return known + woken


def revive(event_ids: Sequence[str]) -> int:
    """Give events that failed another try now, and return how many."""
    states = [StripeEvent.State.DEAD, StripeEvent.State.PENDING]
    count = StripeEvent.objects.filter(pk__in=event_ids, state__in=states).update(
        state=StripeEvent.State.PENDING, attempts=0, next_try_at=timezone.now()
    )
    process_due(now=timezone.now())
    return count
