"""Our ledger against Stripe's own: what is missing, extra or different is found, and no more."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from alliance.core.logs import Masked
from alliance.core.models import Heartbeat
from alliance.core.money import Money
from alliance.local import populate
from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import books, facts, gateway, inbox, ledger, reconciliation, services, tasks
from donations.models import BalanceEntry, Donation, Kind, LedgerEntry, Payment, StripeEvent
from tests import factories


def pay(campaign: Campaign, standin: StandIn, **fields: Any) -> Donation:
    donation = factories.start_donation(campaign, **fields)
    standin.pay(str(donation.session_id))
    return donation


def settled(campaign: Campaign, standin: StandIn, **fields: Any) -> Payment:
    donation = pay(campaign, standin, **fields)
    services.ask_stripe(donation, now=timezone.now())
    return donation.payments.get()


def differences() -> list[tuple[str, str, str]]:
    now = timezone.now()
    return [(d.what, d.kind, d.id) for d in reconciliation.differences(until=now, now=now)]


def plant_extra(payment: Payment, **fields: Any) -> None:
    """Enter money that Stripe knows nothing of."""
    entry = {
        "kind": Kind.REFUND,
        "stripe_id": "re_made_up",
        "minor": -100,
        "at": timezone.now(),
        **fields,
    }
    ledger.enter([ledger.Entry(payment, **entry)])


def test_where_both_say_the_same_nothing_differs_and_the_fees_are_entered(
    campaign: Campaign, standin: StandIn
) -> None:
    payment = settled(campaign, standin)

    reconciliation.read(now=timezone.now())
    reconciliation.read(now=timezone.now())

    (fee,) = LedgerEntry.objects.filter(kind=Kind.FEE)
    (theirs,) = standin.objects("balance_transaction")
    assert (fee.payment, fee.amount_minor) == (payment, -theirs["fee"])
    assert differences() == []
    assert books.breaches() == {}


def test_a_missing_an_extra_and_a_different_movement_are_each_found(
    campaign: Campaign, standin: StandIn
) -> None:
    good = settled(campaign, standin, email="good@example.org")
    pay(campaign, standin, email="missing@example.org")
    settled(campaign, standin, email="different@example.org", amount=Money(4000))
    plant_extra(good)
    reconciliation.read(now=timezone.now())
    charges = standin.objects("balance_transaction")
    BalanceEntry.objects.filter(pk=charges[2]["id"]).update(amount_minor=3999)

    assert sorted(differences()) == [
        ("different", "gift", charges[2]["id"]),
        ("extra", "refund", "re_made_up"),
        ("missing", "gift", charges[1]["id"]),
    ]


@pytest.mark.parametrize("frequency", Donation.Frequency)
def test_a_missing_gift_is_brought_in_from_the_events_about_it(
    campaign: Campaign, standin: StandIn, frequency: Donation.Frequency
) -> None:
    pay(campaign, standin, frequency=frequency)
    inbox_is_empty = not StripeEvent.objects.exists()
    if frequency == Donation.Frequency.MONTHLY:
        # Of a plan's payment only the customer tells that it is ours.
        _hear(standin, "customer.subscription.created")
    reconciliation.read(now=timezone.now())
    ((what, kind, txn),) = differences()

    done = reconciliation.bring_in(BalanceEntry.objects.get(pk=txn), now=timezone.now())

    assert inbox_is_empty
    assert (what, kind, done) == ("missing", "gift", True)
    assert differences() == []
    assert set(LedgerEntry.objects.values_list("kind", flat=True)) == {"gift", "fee"}
    assert StripeEvent.objects.filter(state="processed").exists()


def _hear(standin: StandIn, kind: str) -> None:
    for event in standin.events(kind):
        told = next(
            e
            for e in gateway.events_between(
                datetime.fromtimestamp(event["created"], UTC),
                datetime.fromtimestamp(event["created"] + 1, UTC),
                [kind],
            )
        )
        inbox.receive(told, now=timezone.now())
    inbox.process_due(now=timezone.now())


@pytest.mark.parametrize("frequency", Donation.Frequency)
def test_one_whose_events_are_gone_is_brought_in_from_the_thing_itself(
    campaign: Campaign,
    standin: StandIn,
    frequency: Donation.Frequency,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pay(campaign, standin, frequency=frequency)
    if frequency == Donation.Frequency.MONTHLY:
        _hear(standin, "customer.subscription.created")
    reconciliation.read(now=timezone.now())
    entry = BalanceEntry.objects.get()
    monkeypatch.setattr(gateway, "events_between", lambda *_: iter(()))

    assert reconciliation.bring_in(entry, now=timezone.now())

    assert differences() == []
    assert LedgerEntry.objects.filter(kind="gift").count() == 1


@pytest.mark.parametrize("are_events_there", [True, False])
def test_refunds_their_failures_and_disputes_are_brought_in(
    campaign: Campaign,
    standin: StandIn,
    are_events_there: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failed, disputed = (
        settled(campaign, standin, email="a@example.org"),
        settled(campaign, standin, email="b@example.org"),
    )
    refund = standin.refund(payment_intent=failed.stripe_id, amount=500)
    if not are_events_there:
        monkeypatch.setattr(gateway, "events_between", lambda *_: iter(()))
    reconciliation.read(now=timezone.now())
    # The first answer says that it went well; the second, later, is other news.
    for txn in [txn for _, _, txn in differences()]:
        assert reconciliation.bring_in(BalanceEntry.objects.get(pk=txn), now=timezone.now())
    standin.fail_refund(refund["id"])
    standin.dispute(disputed.stripe_id)
    reconciliation.read(now=timezone.now())
    found = differences()

    done = [
        reconciliation.bring_in(BalanceEntry.objects.get(pk=txn), now=timezone.now())
        for _, _, txn in found
    ]

    assert {kind for _, kind, _ in found} == {"refund_failed", "dispute"}
    assert done == [True, True]
    assert differences() == []


def test_an_event_that_was_put_aside_or_died_has_its_effect_after_all(
    campaign: Campaign, standin: StandIn, deliver: Any
) -> None:
    pay(campaign, standin)
    deliver(*standin.events("payment_intent.succeeded"))
    StripeEvent.objects.update(state="dead", attempts=20)
    reconciliation.read(now=timezone.now())

    assert reconciliation.bring_in(BalanceEntry.objects.get(), now=timezone.now())

    assert StripeEvent.objects.get(type="payment_intent.succeeded").state == "processed"


def test_what_cannot_be_brought_in_is_said_to_be_missing_still(
    campaign: Campaign, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(campaign, standin)
    reconciliation.read(now=timezone.now())
    monkeypatch.setattr(gateway, "events_between", lambda *_: iter(()))
    monkeypatch.setattr(gateway, "news_of", lambda *_: [])

    assert not reconciliation.bring_in(BalanceEntry.objects.get(), now=timezone.now())
    assert LedgerEntry.objects.count() == 0


def test_another_shop_on_the_account_is_none_of_our_business(
    campaign: Campaign, standin: StandIn
) -> None:
    settled(campaign, standin)
    reconciliation.read(now=timezone.now())
    BalanceEntry.objects.create(
        id="txn_theirs",
        type="charge",
        source="ch_theirs",
        payment_intent="pi_theirs",
        customer_id="cus_theirs",
        amount_minor=900,
        fee_minor=30,
        currency="gbp",
        created_at=timezone.now(),
    )

    assert differences() == []


def test_gifts_by_hand_are_no_concern_of_stripes(campaign: Campaign, standin: StandIn) -> None:
    payment = settled(campaign, standin)
    plant_extra(payment, stripe_id="offline-1")
    reconciliation.read(now=timezone.now())

    assert differences() == []


def test_books_that_stripe_knows_nothing_of_are_found_even_if_its_ledger_is_empty(
    campaign: Campaign, standin: StandIn
) -> None:
    payment = Payment.objects.create(
        donation=factories.start_donation(campaign),
        stripe_id="pi_made_up",
        amount_minor=2500,
        currency="gbp",
        paid_at=timezone.now(),
    )
    factories.enter_gift(payment)
    reconciliation.read(now=timezone.now())

    assert differences() == [("extra", "gift", "pi_made_up")]


def test_many_thousands_are_compared_in_a_moment(campaign: Campaign) -> None:
    populate.add_gifts(campaign, count=20_000, amounts=[500])
    last = Payment.objects.latest("pk")
    BalanceEntry.objects.filter(payment_intent=last.stripe_id).delete()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE donations_balanceentry, donations_ledgerentry, donations_payment")
        # Each beside each would take minutes.
        cursor.execute("SET LOCAL statement_timeout = '10s'")

    assert differences() == [("extra", "gift", last.stripe_id)]


class Ledger:
    """Stripe's ledger as made-up entries, asked for slice by slice."""

    def __init__(self) -> None:
        self.asked: list[tuple[datetime, datetime | None]] = []
        self.fails_at = 0

    def __call__(self, start: datetime, end: datetime | None) -> Iterator[facts.BalanceEntry]:
        self.asked.append((start, end))
        if len(self.asked) == self.fails_at:
            raise gateway.Unavailable("not now")
        return iter(())


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch, db: None) -> Ledger:
    ledger = Ledger()
    monkeypatch.setattr(gateway, "balance_between", ledger)
    return ledger


def test_the_first_reading_goes_back_thirty_days_without_a_gap(theirs: Ledger) -> None:
    now = timezone.now()

    reconciliation.read(now=now)

    starts, ends = zip(*theirs.asked, strict=True)
    assert starts[0] == now - timedelta(days=30)
    assert list(starts[1:]) == list(ends[:-1])
    assert ends[-1] is None
    assert reconciliation.read_until() == now


def test_a_reading_that_fails_goes_on_where_it_was(theirs: Ledger) -> None:
    now = timezone.now()
    theirs.fails_at = 10
    with pytest.raises(gateway.Unavailable):
        reconciliation.read(now=now)
    came_to = theirs.asked[8][1]
    assert reconciliation.read_until() == came_to

    reconciliation.read(now=now)

    assert came_to is not None
    assert theirs.asked[10][0] == came_to - reconciliation.OVERLAP


def test_it_is_late_if_it_never_was_or_was_too_long_ago(theirs: Ledger) -> None:
    now = timezone.now()
    assert reconciliation.is_late(now=now)
    reconciliation.read(now=now)
    assert not reconciliation.is_late(now=now + timedelta(hours=1, minutes=59))
    assert reconciliation.is_late(now=now + timedelta(hours=2, minutes=1))


def test_the_job_shouts_without_anybodys_name_once_an_hour_has_passed(
    campaign: Campaign, standin: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    pay(campaign, standin)

    reconciliation.reconcile(now=timezone.now())
    assert [r for r in caplog.records if r.levelno >= logging.ERROR] == []
    reconciliation.reconcile(now=timezone.now() + timedelta(hours=2))

    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    said = Masked().format(record)
    assert "missing gift txn_" in said
    assert "£25" in said
    assert "@" not in said


def test_the_job_leaves_its_heartbeat_and_a_failure_leaves_none(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Iterator[facts.BalanceEntry]:
        raise gateway.Unavailable("not now")

    monkeypatch.setattr(gateway, "balance_between", fail)
    with pytest.raises(gateway.Unavailable):
        tasks.reconcile()
    assert not Heartbeat.objects.exists()

    monkeypatch.setattr(gateway, "balance_between", Ledger())
    tasks.reconcile()
    assert Heartbeat.objects.get().job == reconciliation.JOB
