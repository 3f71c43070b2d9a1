"""Money that goes back, and comes back: the total, the donor's word and the names follow it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from alliance.core.money import Money
from alliance.local.standin import StandIn
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from donations import books, inbox, queries, refunds
from donations.models import Dispute, Donation, LedgerEntry, Payment, RefundRequest, StripeEvent
from tests import factories

Tell = Callable[[], None]


@pytest.fixture
def tell(standin: StandIn, deliver: Callable[..., list[int]]) -> Tell:
    """Deliver what Stripe has to tell, the latest first, and process it."""

    def now() -> None:
        deliver(*reversed(standin.events()))
        inbox.process_due(now=timezone.now())
        while inbox.adopt(now=timezone.now()):
            inbox.process_due(now=timezone.now())

    return now


@pytest.fixture
def intent(campaign: Campaign, standin: StandIn, tell: Tell) -> str:
    """A gift of £25 by somebody who wants to be named, paid and told."""
    donation = factories.start_donation(
        campaign, display=Donation.Display.NAME_AND_AMOUNT, name="Gail Guest"
    )
    paid = standin.pay(str(donation.session_id))
    tell()
    return str(paid["id"])


def standing(campaign: Campaign) -> tuple[str, Money, int, list[Any]]:
    """The gift's state, the total, the donors and who is named with what."""
    progress = queries.progress_of(campaign)
    named = [(s["name"], s["amount"]) for s in queries.supporters_of(campaign)]
    state = Donation.objects.with_state().get().state
    return state, progress.raised, progress.donors, named


def mails() -> list[str]:
    return sorted(Mail.objects.values_list("kind", flat=True))


def test_refunds_of_parts_and_then_of_the_rest_made_in_stripes_dashboard(
    campaign: Campaign, standin: StandIn, intent: str, tell: Tell
) -> None:
    assert standing(campaign) == ("paid", Money(2500), 1, [("Gail Guest", Money(2500))])

    standin.refund(payment_intent=intent, amount=1000)
    standin.refund(payment_intent=intent, amount=500)
    tell()
    assert standing(campaign) == ("partly_refunded", Money(1000), 1, [("Gail Guest", Money(1000))])
    (last,) = [standin.refund(payment_intent=intent)]
    tell()
    assert standing(campaign) == ("refunded", Money(0), 0, [])
    assert mails() == ["receipt", "refund", "refund", "refund"]

    # The card could not take the last one: the money is here again, and so is its donor.
    standin.fail_refund(last["id"])
    tell()
    assert standing(campaign) == ("partly_refunded", Money(1000), 1, [("Gail Guest", Money(1000))])
    assert mails() == ["receipt", "refund", "refund", "refund", "refund_failed"]
    assert books.breaches() == {}


def test_a_refund_that_is_pending_moves_nothing_until_it_is_sent(
    campaign: Campaign, standin: StandIn, intent: str, tell: Tell
) -> None:
    standin.faults.set("pending_refund", next=2)
    payment = Payment.objects.get()
    admin = factories.make_admin()

    def ask(minor: int) -> RefundRequest:
        return refunds.refund(
            payment,
            amount=Money(minor),
            reason=RefundRequest.Reason.ASKED,
            note="",
            by=admin,
            key=uuid4(),
            seen=refunds.left_of(payment),
        )

    sent, never = ask(700), ask(300)
    tell()
    assert standing(campaign)[:2] == ("paid", Money(2500))
    # What is on its way can't be given back twice.
    assert refunds.left_of(payment) == Money(1500)

    standin.settle_refund(str(sent.refund_id))
    standin.fail_refund(str(never.refund_id))
    tell()

    assert standing(campaign)[:2] == ("partly_refunded", Money(1800))
    assert refunds.left_of(payment) == Money(1800)
    never.refresh_from_db()
    assert (never.refund_id, bool(never.refused)) == (None, True)
    assert mails() == ["receipt", "refund"]
    assert books.breaches() == {}


def test_a_dispute_is_shown_and_lost_for_good_or_won_back(
    campaign: Campaign, standin: StandIn, intent: str, tell: Tell
) -> None:
    dispute = standin.dispute(intent)["id"]
    tell()
    assert standing(campaign) == ("disputed", Money(0), 0, [])
    assert mails() == ["receipt"]

    standin.update_dispute(dispute)
    standin.close_dispute(dispute, outcome="won")
    tell()
    assert standing(campaign) == ("paid", Money(2500), 1, [("Gail Guest", Money(2500))])
    assert Dispute.objects.get().status == "won"
    assert books.breaches() == {}


def test_a_lost_dispute_is_told_and_the_money_is_gone(
    campaign: Campaign, standin: StandIn, intent: str, tell: Tell
) -> None:
    dispute = standin.dispute(intent)["id"]
    standin.close_dispute(dispute, outcome="lost")
    tell()
    tell()

    assert standing(campaign) == ("charged_back", Money(0), 0, [])
    assert mails() == ["dispute_lost", "receipt"]
    assert books.breaches() == {}


def test_an_inquiry_moves_no_money(
    campaign: Campaign, standin: StandIn, intent: str, tell: Tell
) -> None:
    inquiry = standin.dispute(intent, inquiry=True)["id"]
    tell()
    assert standing(campaign)[:2] == ("paid", Money(2500))

    standin.close_dispute(inquiry, outcome="won")
    tell()
    assert standing(campaign)[:2] == ("paid", Money(2500))
    assert LedgerEntry.objects.count() == 1


def test_what_another_shop_on_the_account_gives_back_is_not_ours(
    campaign: Campaign, standin: StandIn, intent: str, deliver: Callable[..., list[int]]
) -> None:
    standin.refund(payment_intent=intent, amount=100)
    theirs = standin.events("refund.created")[-1]
    theirs["data"]["object"]["payment_intent"] = "pi_of_another_shop"

    assert deliver(theirs) == [200]
    inbox.process_due(now=timezone.now())
    inbox.adopt(now=timezone.now())

    event = StripeEvent.objects.get(pk=theirs["id"])
    assert (event.state, event.waits_for) == ("ignored", "pi_of_another_shop")
    assert standing(campaign)[:2] == ("paid", Money(2500))
