"""How fast gifts are settled and events taken in, and what a Stripe that stalls does to others."""

import collections
import http.client
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice, repeat
from statistics import median, quantiles
from urllib.parse import urlencode
from uuid import uuid4

from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from campaigns.models import Campaign
from donations import facts
from donations.models import Donation, Payment
from tests import factories
from tests.benchmarks import load
from tests.benchmarks.measure import Result, interleave, say
from tests.benchmarks.pages import PAGE, SMALLEST, SMALLEST_IS
from tests.benchmarks.site import Site, pledged

THREADS = 4
STALLED = 20
# Events a second that are signed before the clock runs; a faster server has the rest signed then.
SIGNED_BEFORE = 2000
WEBHOOK = "/stripe/webhook/"


def settle(site: Site) -> Iterator[Result]:
    """Settle a gift, from the payment's news to the commit, among a million others."""
    large, small = site.number(1_000_000), site.number(1_000)
    number = site.number(300)
    gifts = [pledged(site.campaign(size), number + 1) for size in (large, small)]

    def seconds(donations: Iterator[Donation]) -> float:
        donation = next(donations)
        began = time.perf_counter()
        _settle(donation)
        return time.perf_counter() - began

    for donations in gifts:
        seconds(donations)
    ours, other = interleave(lambda: seconds(gifts[0]), lambda: seconds(gifts[1]), rounds=number)
    yield Result(
        name="settle",
        ours=median(ours),
        other=median(other),
        other_is=f"the same with {small:,} gifts in the campaign instead of {large:,}",
        unit="s",
    )


def settle_hot(site: Site) -> Iterator[Result]:
    """Count many gifts at one time on the same campaign, each in a transaction of its own.

    The counting alone: the rest of settling keeps one Python so busy that no row gets hot.
    """
    one = [factories.make_campaign()] * THREADS
    several = [factories.make_campaign() for _ in range(THREADS)]
    each = site.number(500)
    _counted_a_second(several, number=1)
    ours, other = interleave(
        lambda: _counted_a_second(one, number=each),
        lambda: _counted_a_second(several, number=each),
        rounds=2 * site.rounds,
    )
    yield Result(
        name="settle-hot",
        ours=median(ours),
        other=median(other),
        other_is=f"{THREADS} threads on {THREADS} campaigns instead of all on one",
        unit="counted/s",
    )


def webhook_ingest(site: Site) -> Iterator[Result]:
    """Take in signed events; no worker runs, who would take his share of the cores from both."""
    seconds = site.seconds(3)
    events = _events(site)
    site.warm_up(SMALLEST)
    load.rate(site.port, events, seconds=seconds / 3)

    def ours() -> float:
        signed = list(islice(events, round(SIGNED_BEFORE * seconds)))
        return load.rate(site.port, chain(signed, events), seconds=seconds)

    rates, others = interleave(
        ours,
        lambda: load.rate(site.port, repeat(SMALLEST), seconds=seconds),
        rounds=site.rounds,
    )
    yield Result(
        name="webhook-ingest",
        ours=max(rates),
        other=max(others),
        other_is=SMALLEST_IS,
        unit="requests/s",
    )


def stalled_stripe(site: Site) -> Iterator[Result]:
    """View pages and take in events while twenty donors wait for a Stripe that stalls."""
    stall = max(3.0, site.seconds(8))
    seconds = stall / 3
    campaign = Campaign.objects.get(slug="progressive-alliance")
    events = _events(site)

    def visit() -> list[load.Stream]:
        streams = [
            load.Stream(repeat(load.get(PAGE)), connections=8, interval=0.1),
            load.Stream(events, connections=4, interval=0.1),
        ]
        load.run(site.port, *streams, seconds=seconds)
        return streams

    def visit_while_stalled() -> list[load.Stream]:
        site.standin.faults.set("stall", probability=1, seconds=stall)
        asked, began = len(site.standin.requests()), time.perf_counter()
        donors = [_give(site.port, campaign) for _ in range(STALLED)]
        while len(site.standin.requests()) < asked + STALLED:
            assert time.perf_counter() < began + stall - seconds, "some gifts never came to Stripe"
            time.sleep(0.01)
        streams = visit()
        site.standin.faults.clear()
        answers = collections.Counter(donor.getresponse().status for donor in donors)
        say(f"  the stalled gifts were answered {dict(answers)}")
        return streams

    site.warm_up(load.get(PAGE))
    visit()
    stalled, calm = interleave(visit_while_stalled, visit, rounds=2 * site.rounds - 1)
    for number, what in enumerate(("page", "webhook")):
        yield Result(
            name=f"stalled-stripe-{what}",
            ours=median(_p95(streams[number]) for streams in stalled),
            other=median(_p95(streams[number]) for streams in calm),
            other_is=f"95th percentile without {STALLED} gifts that wait for Stripe",
            unit="s",
        )


def _settle(donation: Donation) -> None:
    paid = facts.Paid(donation.public_id, f"pi_{donation.public_id}", donation.amount)
    assert factories.tell(paid)


def _counted_a_second(campaigns: Sequence[Campaign], *, number: int) -> float:
    """Count so many gifts in a thread for each campaign at one time, and return their rate."""
    now = timezone.now()
    gifts = [
        Payment.objects.bulk_create(
            Payment(
                donation=donation,
                stripe_id=f"pi_{donation.public_id}",
                amount_minor=donation.amount_minor,
                currency=donation.currency,
                paid_at=now,
            )
            for donation in pledged(campaign, number)
        )
        for campaign in campaigns
    ]
    gate = threading.Barrier(len(campaigns) + 1)

    def work(payments: list[Payment]) -> None:
        connection.ensure_connection()
        gate.wait()
        try:
            for payment in payments:
                with transaction.atomic():
                    factories.enter_gift(payment)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(campaigns)) as pool:
        done = [pool.submit(work, payments) for payments in gifts]
        gate.wait()
        began = time.perf_counter()
        for job in done:
            job.result()
        return number * len(campaigns) / (time.perf_counter() - began)


def _events(site: Site) -> Iterator[bytes]:
    """Sign event after event, each a paid Checkout session's under an identity of its own."""
    gift = factories.start_donation(Campaign.objects.get(slug="progressive-alliance"))
    site.standin.pay(str(gift.session_id))
    event = site.standin.events("checkout.session.completed")[-1]
    while True:
        body, signature = site.standin.signed({**event, "id": f"evt_{uuid4().hex}"})
        kind = "application/json"
        yield load.post(WEBHOOK, body, Content_Type=kind, Stripe_Signature=signature)


def _give(port: int, campaign: Campaign) -> http.client.HTTPConnection:
    """Send a new donor's form, and return the connection on which its answer will come."""
    token = get_random_string(32)
    form = factories.form_data(campaign, email=f"{token}@example.org", csrfmiddlewaretoken=token)
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrf={token}"}
    donor = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    donor.request("POST", f"{campaign.get_absolute_url()}give/", urlencode(form), headers)
    return donor


def _p95(stream: load.Stream) -> float:
    return quantiles(stream.latencies, n=20)[-1]
