"""Giving money back: once, by the penny, and told as it is."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from alliance.accounts.models import User
from alliance.core.money import Money
from alliance.local.standin import StandIn
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from donations import books, gateway, inbox, queries, refunds, services
from donations.models import Donation, LedgerEntry, Payment, RefundRequest
from tests import factories

Reason = RefundRequest.Reason


@pytest.fixture
def ada(db: None) -> User:
    return factories.make_admin()


@pytest.fixture
def payment(campaign: Campaign, standin: StandIn) -> Payment:
    return paid(campaign, standin)


def paid(campaign: Campaign, standin: StandIn, **fields: Any) -> Payment:
    donation = factories.start_donation(campaign, **fields)
    standin.pay(str(donation.session_id))
    services.ask_stripe(donation, now=timezone.now())
    return donation.payments.get()


def give_back(payment: Payment, by: User, minor: int = 2500, **fields: Any) -> RefundRequest:
    defaults: dict[str, Any] = {
        "reason": Reason.ASKED,
        "note": "wrote to us",
        "key": uuid4(),
        "seen": refunds.left_of(payment),
    }
    return refunds.refund(payment, amount=Money(minor), by=by, **{**defaults, **fields})


def test_a_part_and_then_the_rest_go_back_and_the_donor_is_told_of_each(
    payment: Payment, ada: User, standin: StandIn
) -> None:
    first = give_back(payment, ada, 1000)
    assert refunds.left_of(payment) == Money(1500)
    rest = give_back(payment, ada, 1500, reason=Reason.DUPLICATE)

    made = standin.objects("refund")
    assert [(r["amount"], r["reason"]) for r in made] == [
        (1000, "requested_by_customer"),
        (1500, "duplicate"),
    ]
    assert [first.refund_id, rest.refund_id] == [r["id"] for r in made]
    assert refunds.left_of(payment) == Money(0)
    assert queries.progress_of(payment.donation.campaign).raised == Money(0)
    assert Mail.objects.filter(kind="refund").count() == 2
    assert books.breaches() == {}


def test_the_trail_says_who_asked_for_how_much_and_why(payment: Payment, ada: User) -> None:
    give_back(payment, ada, 1000)

    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (ada, str(payment.donation_id))
    assert "£10.00 of £25.00" in entry.change_message
    assert "the donor asked for it. wrote to us" in entry.change_message


def test_the_same_form_sent_twice_is_one_refund(
    payment: Payment, ada: User, standin: StandIn
) -> None:
    key = uuid4()
    first = give_back(payment, ada, 1000, key=key, seen=Money(2500))
    again = give_back(payment, ada, 1000, key=key, seen=Money(2500))

    assert first == again
    assert len(standin.objects("refund")) == 1
    assert RefundRequest.objects.count() == LogEntry.objects.count() == 1


def test_the_same_form_with_other_words_changes_nothing(
    payment: Payment, ada: User, standin: StandIn
) -> None:
    key = uuid4()
    give_back(payment, ada, 1000, key=key)

    with pytest.raises(refunds.SaidOtherwise):
        give_back(payment, ada, 500, key=key)

    assert len(standin.objects("refund")) == RefundRequest.objects.count() == 1


def test_who_saw_something_else_left_is_asked_to_look_again(
    payment: Payment, ada: User, standin: StandIn
) -> None:
    seen = refunds.left_of(payment)
    give_back(payment, ada, 1000)

    with pytest.raises(refunds.Changed):
        give_back(payment, factories.make_admin(), 1000, seen=seen)

    assert len(standin.objects("refund")) == RefundRequest.objects.count() == 1
    assert LogEntry.objects.count() == 1


def test_more_than_is_left_is_refused(payment: Payment, ada: User, standin: StandIn) -> None:
    with pytest.raises(refunds.TooMuch):
        give_back(payment, ada, 2501)

    assert standin.objects("refund") == []
    assert RefundRequest.objects.count() == LogEntry.objects.count() == 0


def test_stripes_no_is_kept_and_leaves_the_money_free_to_be_asked_for_again(
    payment: Payment, ada: User, standin: StandIn
) -> None:
    standin.dispute(payment.stripe_id)
    key = uuid4()

    for _ in range(2):
        with pytest.raises(gateway.Declined):
            give_back(payment, ada, key=key)

    request = RefundRequest.objects.get()
    assert request.refused
    assert request.refund_id is None
    assert refunds.left_of(payment) == Money(2500)
    assert LedgerEntry.objects.count() == 1
    assert standin.objects("refund") == []


# Where the line is cut, the client itself tries a second time.
@pytest.mark.parametrize(
    ("fault", "times"), [("hang_up_before", 2), ("hang_up_after", 2), ("garble", 1)]
)
def test_without_an_answer_it_is_asked_again_and_made_once(
    payment: Payment, ada: User, standin: StandIn, fault: str, times: int
) -> None:
    standin.faults.set(fault, next=times, seconds=0, only="POST /v1/refunds")
    request = give_back(payment, ada)
    assert (request.refund_id, request.refused) == (None, "")
    assert refunds.left_of(payment) == Money(0)
    with pytest.raises(refunds.TooMuch):
        give_back(payment, ada, 100)

    refunds.sweep_refunds(now=timezone.now())
    assert RefundRequest.objects.get().refund_id is None  # too soon
    refunds.sweep_refunds(now=timezone.now() + timedelta(minutes=2))

    assert [r["id"] for r in standin.objects("refund")] == [RefundRequest.objects.get().refund_id]
    assert LedgerEntry.objects.get(kind="refund").amount == Money(-2500)
    assert books.breaches() == {}


def test_after_a_day_it_is_looked_up_first(payment: Payment, ada: User, standin: StandIn) -> None:
    standin.faults.set("hang_up_after", next=2, seconds=0, only="POST /v1/refunds")
    request = give_back(payment, ada, 1000)
    RefundRequest.objects.update(asked_at=timezone.now() - timedelta(days=2))
    standin.faults.set("server_error", probability=1, only="POST /v1/refunds")

    refunds.sweep_refunds(now=timezone.now())

    request.refresh_from_db()
    assert [r["id"] for r in standin.objects("refund")] == [request.refund_id]


def test_a_webhook_that_is_quicker_than_the_answer_names_the_request(
    payment: Payment, ada: User, standin: StandIn, deliver: Any
) -> None:
    standin.faults.set("hang_up_after", next=2, seconds=0, only="POST /v1/refunds")
    give_back(payment, ada)

    deliver(*standin.events("refund.*"))
    inbox.process_due(now=timezone.now())

    assert RefundRequest.objects.get().refund_id == standin.objects("refund")[0]["id"]
    assert Mail.objects.filter(kind="refund").count() == 1


def test_a_refund_that_comes_back_can_be_made_again(
    payment: Payment, ada: User, standin: StandIn, deliver: Any
) -> None:
    request = give_back(payment, ada)
    assert not refunds.has_come_back(request)
    standin.fail_refund(str(request.refund_id))
    deliver(*standin.events("refund.failed"))
    inbox.process_due(now=timezone.now())

    assert refunds.has_come_back(request)
    assert refunds.left_of(payment) == Money(2500)
    assert give_back(payment, ada).refund_id != request.refund_id
    assert books.breaches() == {}


def test_a_monthly_payment_goes_back_by_the_intent_behind_its_invoice(
    campaign: Campaign, ada: User, standin: StandIn
) -> None:
    payment = paid(campaign, standin, frequency=Donation.Frequency.MONTHLY)
    assert payment.stripe_id.startswith("in_")

    request = give_back(payment, ada)

    (made,) = standin.objects("refund")
    assert request.refund_id == made["id"]
    assert payment.intents.get().payment_intent == made["payment_intent"]
    assert LedgerEntry.objects.get(kind="refund").payment == payment


def test_an_invoice_that_stripe_does_not_know_is_a_no_and_not_asked_for_ever(
    campaign: Campaign, ada: User, standin: StandIn
) -> None:
    payment = paid(campaign, standin, frequency=Donation.Frequency.MONTHLY)
    donation = payment.donation
    strange = Payment.objects.create(
        donation=donation,
        stripe_id="in_unknown",
        amount_minor=2500,
        currency="gbp",
        paid_at=timezone.now(),
    )
    assert factories.enter_gift(strange)

    with pytest.raises(gateway.Declined):
        give_back(strange, ada)

    assert RefundRequest.objects.get().refused
    assert standin.objects("refund") == []


def test_one_that_fails_does_not_hold_up_the_next(
    campaign: Campaign, ada: User, standin: StandIn
) -> None:
    first, second = paid(campaign, standin), paid(campaign, standin, email="b@example.org")
    for payment in (first, second):
        standin.faults.set("server_error", next=1, only="POST /v1/refunds")
        give_back(payment, ada)

    standin.faults.set("server_error", next=1, only="POST /v1/refunds")
    refunds.sweep_refunds(now=timezone.now() + timedelta(minutes=2))

    requests = RefundRequest.objects.order_by("asked_at")
    assert [bool(request.refund_id) for request in requests] == [False, True]


def test_an_error_of_stripes_own_is_asked_anew_under_another_key_and_is_one_refund(
    campaign: Campaign, ada: User, standin: StandIn
) -> None:
    payment = paid(campaign, standin)
    # Such an answer is kept under its key, and would come again for a day.
    standin.faults.set("server_error", next=1, only="POST /v1/refunds")
    give_back(payment, ada)

    for minutes in (2, 4):
        refunds.sweep_refunds(now=timezone.now() + timedelta(minutes=minutes))

    (made,) = standin.objects("refund")
    assert RefundRequest.objects.get().refund_id == made["id"]
    assert payment.entries.filter(kind="refund").count() == 1


def test_before_another_key_is_used_it_is_looked_whether_the_refund_was_made_after_all(
    campaign: Campaign, ada: User, standin: StandIn
) -> None:
    payment = paid(campaign, standin)
    standin.faults.set("server_error", next=1, only="POST /v1/refunds")
    request = give_back(payment, ada)
    late = standin.refund(
        payment_intent=payment.stripe_id,
        amount=request.amount_minor,
        metadata={"request": str(request.pk)},
    )

    refunds.sweep_refunds(now=timezone.now() + timedelta(minutes=2))

    assert [refund["id"] for refund in standin.objects("refund")] == [late["id"]]
    assert RefundRequest.objects.get().refund_id == late["id"]
