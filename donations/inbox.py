"""The inbox of Stripe's events: kept first, understood later, in any order."""

import logging
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from alliance.core import jobs
from alliance.core.models import Heartbeat
from alliance.core.money import Money
from donations import gateway, services
from donations.models import StripeEvent

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 20
FIRST_RETRY = timedelta(seconds=5)
SLOWEST_RETRY = timedelta(hours=1)
# Stripe keeps events for 30 days; a first pull looks back as far as its own retries go.
FIRST_PULL = timedelta(days=3)
PULL_SLICE = timedelta(hours=1)
CLOCK_SKEW = timedelta(minutes=5)
# Events may become visible a little after their own time.
PULL_OVERLAP = timedelta(minutes=30)


def _session(event: gateway.Event) -> bool:
    return services.record_session(gateway.read_session(event.data), at=event.created_at)


def _session_failed(event: gateway.Event) -> bool:
    return services.record_failure(gateway.read_session(event.data), at=event.created_at)


def _intent_succeeded(event: gateway.Event) -> bool:
    intent = event.data
    return services.record_payment(
        public_id=(intent["metadata"] or {}).get("donation"),
        payment_intent=intent["id"],
        amount=Money(intent["amount_received"], intent["currency"]),
        at=event.created_at,
    )


# Each says whether the event was about something of ours. Each may run twice, late, before
# what came before it: they only ever add facts under unique keys.
HANDLERS: dict[str, Callable[[gateway.Event], bool]] = {
    "checkout.session.completed": _session,
    "checkout.session.expired": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.async_payment_failed": _session_failed,
    "payment_intent.succeeded": _intent_succeeded,
}


def receive(event: gateway.Event, *, now: datetime) -> bool:
    """Keep an event whose origin is certain; return whether it was new."""
    with transaction.atomic():
        _, is_new = StripeEvent.objects.get_or_create(
            id=event.id,
            defaults={
                "type": event.type,
                "created_at": event.created_at,
                "received_at": now,
                "next_try_at": now,
                "payload": event.payload,
                "state": _first_state(event),
            },
        )
        if is_new:
            jobs.wake_after_commit("donations.tasks.process_event", event.id)
    return is_new


def _first_state(event: gateway.Event) -> StripeEvent.State:
    if event.is_live != settings.STRIPE_IS_LIVE:
        return StripeEvent.State.IGNORED
    if event.type not in HANDLERS:
        return StripeEvent.State.UNHANDLED
    return StripeEvent.State.PENDING


def process(event_id: str) -> None:
    """Let an event have its effect, once: the mark and the effects are one transaction."""
    with transaction.atomic():
        row = (
            StripeEvent.objects.select_for_update(skip_locked=True)
            .filter(pk=event_id, state=StripeEvent.State.PENDING)
            .first()
        )
        if row is None:
            return
        row.attempts += 1
        try:
            with transaction.atomic():
                is_ours = HANDLERS[row.type](gateway.read_event(row.payload))
        except Exception:  # whatever it was must be kept, shown and tried again
            logger.exception("event %s failed, attempt %d", row.pk, row.attempts)
            row.error = traceback.format_exc()[-4000:]
            is_dead = row.attempts >= MAX_ATTEMPTS
            row.state = StripeEvent.State.DEAD if is_dead else StripeEvent.State.PENDING
            pause = min(FIRST_RETRY * 2 ** (row.attempts - 1), SLOWEST_RETRY)
            row.next_try_at = timezone.now() + pause
        else:
            row.error = ""
            row.state = StripeEvent.State.PROCESSED if is_ours else StripeEvent.State.IGNORED
            row.processed_at = timezone.now() if is_ours else None
        row.save(update_fields=["attempts", "error", "state", "next_try_at", "processed_at"])


def process_due(*, now: datetime) -> None:
    """Process what a lost broker or a dead worker left behind, and what is to be tried again."""
    due = StripeEvent.objects.filter(state=StripeEvent.State.PENDING, next_try_at__lte=now)
    for event_id in due.order_by("next_try_at").values_list("pk", flat=True)[:500]:
        process(event_id)


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
        for event in gateway.events_between(start, end, sorted(HANDLERS)):
            fetched += receive(event, now=now)
        start = end
        Heartbeat.objects.update_or_create(job="pull_events", defaults={"beat_at": min(end, now)})
    return fetched


def adopt() -> int:
    """Take up the kept events of types that this version, unlike an earlier one, knows."""
    known = StripeEvent.objects.filter(
        state=StripeEvent.State.UNHANDLED, type__in=sorted(HANDLERS)
    )
    return known.update(state=StripeEvent.State.PENDING)
