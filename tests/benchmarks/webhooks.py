"""Stripe's webhooks from the signed body to the settled ledger, beside dj-stripe and a limit."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from uuid import uuid4

from django.utils import timezone

from alliance.core.money import Money
from alliance.wsgi import application
from campaigns.models import Campaign
from donations import inbox, queries
from donations.models import StripeEvent
from tests import factories
from tests.benchmarks import peers
from tests.benchmarks.measure import Result, interleave, say
from tests.benchmarks.posting import Signed, post
from tests.benchmarks.site import AMOUNT, Site, pledged

WEBHOOK = "/stripe/webhook/"
# Both come for every gift; either settles it.
TYPES = ("checkout.session.completed", "payment_intent.succeeded")
# Gifts before the clock runs, so that both sides have imported, connected and cached.
WARM_UP = 5
# Seconds within which 95 of 100 webhooks are to be answered.
LIMIT = 0.010


@dataclass(frozen=True)
class Busy:
    """A campaign, and the events of gifts to it that were all just paid."""

    campaign: Campaign
    gifts: int
    events: Sequence[str]


def webhook_settled(site: Site) -> Iterator[Result]:
    """Take signed events in until the ledger is settled, as dj-stripe takes in the same ones.

    Both in one process, one event after another, with commits as durable as the server's. What
    is quickest for dj-stripe: no middleware, no card or customer to copy, and what it asks Stripe
    is answered at once. It counts nothing; ours goes on until the campaign's total is exact.
    """
    one = _Paid(site)
    rounds = 2 * site.rounds - 1
    work = [one.busy(site.number(200)) for _ in range(rounds)]
    warm_up = [one.busy(WARM_UP) for _ in work]
    ours, theirs = zip(warm_up, work, strict=True), zip(warm_up, work, strict=True)

    def settled_a_second() -> float:
        before, busy = next(ours)
        _settle(site, before)
        return len(busy.events) / _settle(site, busy)

    def djstripe_a_second() -> float:
        before, busy = next(theirs)
        webhooks = _signed(site, [*before.events, *busy.events])
        return peers.djstripe_rate(webhooks, warm_up=len(before.events))

    rates, others = interleave(settled_a_second, djstripe_a_second, rounds=rounds)
    for whose, found in (("ours", rates), ("dj-stripe", others)):
        say(f"  {whose}: {min(found):.0f} to {max(found):.0f} events/s")
    yield Result(
        name="webhook-settled",
        ours=median(rates),
        other=median(others),
        other_is="dj-stripe taking in the same signed events, Stripe answering it at once",
        unit="events/s",
    )


def webhook_view(site: Site) -> Iterator[Result]:
    """Answer one webhook after another, in process."""
    one = _Paid(site)
    post(application, WEBHOOK, _signed(site, one.busy(WARM_UP).events))
    seconds = post(application, WEBHOOK, _signed(site, one.busy(site.number(500)).events))
    yield Result(
        name="webhook-view",
        ours=quantiles(seconds, n=20)[-1],
        other=LIMIT,
        other_is=f"95 of 100 webhooks are to be answered within {LIMIT * 1000:.0f} ms",
        unit="s",
    )


class _Paid:
    """The events of one gift that was really paid, retold as those of any number of gifts."""

    def __init__(self, site: Site) -> None:
        gift = factories.start_donation(factories.make_campaign(), amount=Money(AMOUNT))
        intent = site.standin.pay(str(gift.session_id))
        self._names = (str(gift.session_id), intent["id"], intent["latest_charge"])
        self._public_id = gift.public_id
        self._told = [site.standin.events(kind)[-1] for kind in TYPES]

    def busy(self, gifts: int) -> Busy:
        campaign = factories.make_campaign()
        events = [
            event
            for donation in pledged(campaign, gifts)
            for event in self._retold(donation.public_id)
        ]
        return Busy(campaign, gifts, events)

    def _retold(self, public_id: str) -> Iterator[str]:
        fresh = uuid4().hex
        for event in self._told:
            told = json.dumps({**event, "id": f"evt_{uuid4().hex}"})
            for name in self._names:
                told = told.replace(name, f"{name.rpartition('_')[0]}_{fresh}")
            yield told.replace(self._public_id, public_id)


def _settle(site: Site, busy: Busy) -> float:
    """Return the seconds from the first webhook until all of them are in the ledger."""
    webhooks = _signed(site, busy.events)
    began = perf_counter()
    post(application, WEBHOOK, webhooks)
    pending = StripeEvent.objects.filter(state=StripeEvent.State.PENDING)
    while waiting := pending.count():
        inbox.process_due(now=timezone.now())
        assert pending.count() < waiting, "events fail"
    seconds = perf_counter() - began
    ids = [json.loads(event)["id"] for event in busy.events]
    processed = StripeEvent.objects.filter(pk__in=ids, state=StripeEvent.State.PROCESSED)
    assert processed.count() == len(ids)
    assert queries.progress_of(busy.campaign).raised.minor == busy.gifts * AMOUNT
    return seconds


def _signed(site: Site, events: Sequence[str]) -> list[Signed]:
    """Sign just before they are posted: signatures older than five minutes are refused."""
    signed = (site.standin.signed(json.loads(event)) for event in events)
    return [Signed(signature, body.decode()) for body, signature in signed]
