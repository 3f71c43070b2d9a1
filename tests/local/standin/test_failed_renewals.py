from collections.abc import Callable
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn

Start = Callable[..., stripe.Subscription]
DAY = 24 * 60 * 60
MONTH = 31 * DAY
LATER_DECLINED = "4000000000000341"
ASKS_3DS = "4000002760003184"
GOOD = "4242424242424242"
FAILED = ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"]


def past_due(standin: StandIn, start: Start, method: str = LATER_DECLINED) -> stripe.Subscription:
    """Begin a plan and go on to the moment of its first renewal, which fails."""
    plan = start(method)
    standin.advance(plan["items"].data[0].current_period_end - standin.account.store.now())
    return plan


def test_a_renewal_that_fails_is_tried_again_and_ends_the_plan_at_last(
    client: stripe.StripeClient, standin: StandIn, start: Start
) -> None:
    plan = past_due(standin, start)
    invoice = client.v1.invoices.list({"subscription": plan.id}).data[0]
    first = [event["type"] for event in standin.events()][-4:]
    marker = len(standin.events())

    attempts = []
    for days in (3, 5, 7):
        standin.advance(days * DAY)
        attempts.append(client.v1.invoices.retrieve(invoice.id).attempt_count)
    standin.advance(MONTH)

    assert first == [*FAILED, "customer.subscription.updated"]
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    assert invoice.next_payment_attempt == invoice.created + 3 * DAY
    assert attempts == [2, 3, 4]
    retries = standin.events()[marker:]
    ended = ["customer.subscription.deleted", "invoice.marked_uncollectible"]
    assert [event["type"] for event in retries] == FAILED * 3 + ended
    waits = [event["created"] - invoice.created for event in retries[::3][:3]]
    assert waits == [3 * DAY, 8 * DAY, 15 * DAY]
    over = client.v1.subscriptions.retrieve(plan.id)
    assert over.status == "canceled"
    assert over.cancellation_details
    assert over.cancellation_details.reason == "payment_failed"
    given_up = client.v1.invoices.retrieve(invoice.id)
    assert (given_up.status, given_up.next_payment_attempt) == ("uncollectible", None)
    assert len(standin.objects("balance_transaction")) == 1


def test_a_good_card_lets_the_next_attempt_pay_the_same_invoice(
    client: stripe.StripeClient, standin: StandIn, start: Start
) -> None:
    plan = past_due(standin, start)
    (update,) = standin.events("customer.subscription.updated")[-1:]
    unpaid = client.v1.invoices.list({"status": "open"}).data[0]

    assert standin.change_card(plan.id, method="4000000000000002") is not None
    assert standin.change_card(plan.id, method=GOOD) is None
    between = client.v1.subscriptions.retrieve(plan.id)
    standin.advance(3 * DAY)

    assert update["data"]["previous_attributes"]["status"] == "active"
    assert between.status == "past_due"
    assert client.v1.subscriptions.retrieve(plan.id).status == "active"
    assert client.v1.invoices.retrieve(unpaid.id).status == "paid"
    back = standin.events("customer.subscription.updated")[-1]
    assert back["data"]["previous_attributes"] == {"status": "past_due"}
    (payment,) = client.v1.invoice_payments.list({"invoice": unpaid.id}).data
    charges = client.v1.charges.list({"payment_intent": str(payment.payment.payment_intent)}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]
    card = charges[1].payment_method_details
    assert card
    assert card.card
    assert card.card.fingerprint
    assert card.card.last4 == "0341"


def test_the_api_pays_an_invoice_or_hears_why_not(
    client: stripe.StripeClient, standin: StandIn, start: Start
) -> None:
    plan = past_due(standin, start)
    unpaid = client.v1.invoices.list({"status": "open"}).data[0]
    marker = len(standin.events())

    with pytest.raises(stripe.CardError) as declined:
        client.v1.invoices.pay(unpaid.id)
    told = [event["type"] for event in standin.events()[marker:]]
    standin.change_card(plan.id)
    paid = client.v1.invoices.pay(unpaid.id)
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        client.v1.invoices.pay(unpaid.id)
    standin.advance(7 * DAY)

    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")
    assert told == FAILED
    assert (paid.status, paid.attempt_count, paid.next_payment_attempt) == ("paid", 3, None)
    assert len(standin.events("invoice.paid")) == 2


def test_a_card_that_wants_its_owner_asks_for_them_at_each_renewal(
    client: stripe.StripeClient, standin: StandIn, plan: Callable[..., Any]
) -> None:
    session = client.v1.checkout.sessions.create(plan())
    standin.pay(session.id, method=ASKS_3DS)
    standin.authenticate(session.id, succeeded=True)
    standin.advance(MONTH)
    (asked,) = standin.events("invoice.payment_action_required")

    paid = standin.pay_invoice(asked["data"]["object"]["id"], method=ASKS_3DS)

    assert paid["status"] == "paid"
    assert standin.objects("subscription")[0]["status"] == "active"


def test_a_card_runs_out_at_the_end_of_next_month_and_pays_no_longer(
    client: stripe.StripeClient, standin: StandIn, start: Start
) -> None:
    plan = start("5555555555554444")
    card = client.v1.payment_methods.retrieve(str(plan.default_payment_method)).card

    standin.advance(3 * MONTH)

    assert card
    assert card.brand == "mastercard"
    declined = standin.objects("charge", status="failed")
    assert {charge["failure_code"] for charge in declined} == {"expired_card"}
    paid = standin.objects("charge", status="succeeded")
    assert len(paid) in (2, 3)
    assert max(charge["created"] for charge in paid) < min(c["created"] for c in declined)
