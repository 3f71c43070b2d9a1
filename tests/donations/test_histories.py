"""Whatever happens to gifts, and in whatever order it is told: the books are Stripe's own."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alliance.core.money import Money
from alliance.local.standin import StandIn
from alliance.local.standin.account import StripeError
from campaigns.models import Campaign
from donations import books, gateway, inbox, plans, queries, reconciliation, replay
from donations.models import Donation, LedgerEntry, Plan, StripeEvent
from tests import factories

DAY = 24 * 60 * 60
PAYS = "4242424242424242"
DECLINED_LATER = "4000000000000341"
AFTER_A_GIFT = [
    *("refund a part", "refund the rest", "pending refund", "it is sent", "refund fails"),
    *("dispute", "inquiry", "lost", "won"),
]
AFTER_A_PLAN = [
    *("a month", "a month", "three days", "another card", "bad card"),
    *("other amount", "pause", "resume", "cancel", "refund a part", "dispute", "lost", "won"),
]


@dataclass
class Plot:
    """What each person gives, what happens to whom and whether it is told, and the dice."""

    amounts: list[int]
    steps: list[tuple[int, str, bool]]
    chance: random.Random


@dataclass
class Story:
    """One gift or plan, and what happens to it at Stripe's."""

    standin: StandIn
    donation: Donation

    @property
    def charges(self) -> list[dict[str, Any]]:
        customer = self.subscription and self.subscription["customer"]
        return [
            charge
            for charge in self.standin.objects("charge", status="succeeded")
            if charge["metadata"].get("donation") == self.donation.public_id
            or (customer and charge["customer"] == customer)
        ]

    @property
    def subscription(self) -> dict[str, Any] | None:
        found = [
            subscription
            for subscription in self.standin.objects("subscription")
            if subscription["metadata"].get("donation") == self.donation.public_id
        ]
        return found[0] if found else None

    def happens(self, what: str) -> None:
        """Let it happen, as far as Stripe lets it."""
        try:
            self._at_the_payment(what)
            self._at_the_plan(what)
        except StripeError:
            # Stripe refuses it, as it would a refund of what was given back already.
            return

    def _at_the_payment(self, what: str) -> None:
        if not self.charges:
            return
        charge = self.charges[-1]
        intent = charge["payment_intent"]
        disputes = self.standin.objects("dispute", charge=charge["id"])
        refunds = self.standin.objects("refund", charge=charge["id"])
        match what:
            case "refund a part":
                self.standin.refund(payment_intent=intent, amount=10)
            case "refund the rest":
                self.standin.refund(payment_intent=intent)
            case "pending refund":
                self.standin.faults.set("pending_refund", next=1)
                self.standin.refund(payment_intent=intent, amount=20)
            case "it is sent" if refunds:
                self.standin.settle_refund(refunds[-1]["id"])
            case "refund fails" if refunds:
                self.standin.fail_refund(refunds[-1]["id"])
            case "dispute" | "inquiry" if not disputes:
                self.standin.dispute(intent, inquiry=what == "inquiry")
            case "lost" | "won" if disputes:
                self.standin.close_dispute(disputes[-1]["id"], outcome=what)

    def _at_the_plan(self, what: str) -> None:
        plan = self.subscription
        if plan is None:
            return
        match what:
            case "a month":
                self.standin.advance(31 * DAY)
            case "three days":
                self.standin.advance(3 * DAY)
            case "another card" | "bad card":
                method = PAYS if what == "another card" else DECLINED_LATER
                self.standin.change_card(plan["id"], method=method)
        ours = Plan.objects.filter(subscription_id=plan["id"]).first()
        if ours and not ours.is_over:
            self._by_us(ours, what)

    def _by_us(self, plan: Plan, what: str) -> None:
        try:
            match what:
                case "other amount":
                    plans.change_amount(plan, Money(1700), by=None)
                case "pause":
                    plans.pause(plan, months=1, by=None)
                case "resume":
                    plans.resume(plan, by=None)
                case "cancel":
                    plans.cancel(plan, by=None)
        except gateway.Declined:
            # It is over at Stripe's, and that has not been told yet.
            return


@st.composite
def plots(draw: st.DrawFn, kind: str) -> Plot:
    amounts = draw(st.lists(st.integers(100, 5000), min_size=1, max_size=2))
    happening = st.sampled_from(AFTER_A_GIFT if kind == "once" else AFTER_A_PLAN)
    step = st.tuples(st.integers(0, len(amounts) - 1), happening, st.booleans())
    steps = draw(st.lists(step, max_size=6))
    return Plot(amounts, steps, random.Random(draw(st.integers(0, 2**32))))  # noqa: S311 (repeats)


@pytest.mark.parametrize("kind", ["once", "monthly"])
@hypothesis_settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # A history takes a second: to look for a shorter one that fails would take many minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(data=st.data())
def test_any_history_in_any_order_gives_the_books_of_the_tidy_one(
    kind: str,
    data: st.DataObject,
    campaign: Campaign,
    standin: StandIn,
    deliver: Callable[..., list[int]],
) -> None:
    """Events shuffled, doubled, delayed and dropped, and later swept."""
    with transaction.atomic():
        _tell(kind, data.draw(plots(kind)), campaign, standin, deliver)
        transaction.set_rollback(True)
    # The next history shares the clock, and must not see these plans renew.
    for subscription in standin.objects("subscription"):
        if subscription["status"] != "canceled":
            gateway.cancel(subscription["id"])


def _tell(
    kind: str,
    plot: Plot,
    campaign: Campaign,
    standin: StandIn,
    deliver: Callable[..., list[int]],
) -> None:
    seen_events = len(standin.events())
    seen_balance = len(standin.objects("balance_transaction"))
    known: set[tuple[str, str]] = set()
    ended: set[str] = set()
    undelivered: list[dict[str, Any]] = []
    stories = []
    for person, amount in enumerate(plot.amounts):
        donation = factories.start_donation(
            campaign,
            email=f"{person}-{seen_events}@example.org",
            amount=Money(amount),
            frequency=Donation.Frequency(kind),
        )
        standin.pay(str(donation.session_id))
        stories.append(Story(standin, donation))

    for person, happening, is_told in plot.steps:
        stories[person].happens(happening)
        undelivered += standin.events()[seen_events:]
        seen_events = len(standin.events())
        if not is_told:
            continue
        # Some of what has happened is told, in whatever order, some of it twice.
        plot.chance.shuffle(undelivered)
        cut = plot.chance.randint(0, len(undelivered))
        told, undelivered = undelivered[:cut], undelivered[cut:]
        assert set(deliver(*told, *told[::2])) <= {200}
        _process(known, ended)

    # What was never told is fetched in the end, and fetched twice.
    began = datetime.fromtimestamp(0, UTC)
    end = datetime.fromtimestamp(standin.account.store.now(), UTC) + timedelta(days=1)
    for _ in range(2):
        inbox.fetch(began, end, now=timezone.now())
        _process(known, ended)
    plans.sweep(now=timezone.now() + timedelta(minutes=5))

    moved = standin.objects("balance_transaction")[seen_balance:]
    assert queries.progress_of(campaign).raised.minor == sum(entry["amount"] for entry in moved)
    reconciliation.read(now=timezone.now())
    assert reconciliation.differences(until=end, now=end) == []
    assert queries.progress_of(campaign).fees.minor == -sum(entry["fee"] for entry in moved)
    assert replay.check(until=end) == []
    assert books.breaches() == {}
    assert not StripeEvent.objects.filter(state__in=["pending", "dead"]).exists()
    for story in stories:
        _is_as_stripe_has_it(story)


def _process(known: set[tuple[str, str]], ended: set[str]) -> None:
    """Process what there is; nothing that was entered goes away, and no end is taken back."""
    inbox.process_due(now=timezone.now())
    while inbox.adopt(now=timezone.now()):
        inbox.process_due(now=timezone.now())
    now_known = set(LedgerEntry.objects.values_list("kind", "stripe_id"))
    now_ended = set(
        Plan.objects.filter(status="canceled").values_list("subscription_id", flat=True)
    )
    assert known <= now_known
    assert ended <= now_ended
    known |= now_known
    ended |= now_ended


def _is_as_stripe_has_it(story: Story) -> None:
    subscription = story.subscription
    if subscription is None:
        return
    plan = Plan.objects.get(subscription_id=subscription["id"])
    assert plan.status == subscription["status"]
    assert plan.amount_minor == subscription["items"]["data"][0]["price"]["unit_amount"]
    assert plan.is_paused == bool(subscription["pause_collection"])
