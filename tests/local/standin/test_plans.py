import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn, subscriptions

Json = dict[str, Any]
Start = Callable[..., stripe.Subscription]
DAY = 24 * 60 * 60
MONTH = 31 * DAY
BEGUN = [
    "payment_intent.created",
    "customer.created",
    "payment_method.attached",
    "customer.subscription.created",
    "invoice.created",
    "invoice.finalized",
    "charge.succeeded",
    "payment_intent.succeeded",
    "invoice.paid",
    "invoice.payment_succeeded",
    "invoice_payment.paid",
    "checkout.session.completed",
    "charge.updated",
]
RENEWED = ["invoice.created", "customer.subscription.updated", "invoice.finalized"]
RENEWED += ["payment_intent.created", *BEGUN[6:11], "charge.updated"]


def types(standin: StandIn, since: int = 0) -> list[str]:
    return [event["type"] for event in standin.events()[since:] if event["type"][:7] != "product"]


def at(*date: int) -> int:
    return int(dt.datetime(*date, tzinfo=dt.UTC).timestamp())  # type: ignore[arg-type, misc]


def test_a_plan_begins_with_its_first_payment(
    client: stripe.StripeClient, standin: StandIn, plan: Callable[..., Json]
) -> None:
    client.v1.products.create({"id": "campaign-1", "name": "Roof"})
    price = {"currency": "gbp", "unit_amount": 500, "product": "campaign-1"}
    price |= {"recurring": {"interval": "month"}}
    wanted = plan(line_items=[{"quantity": 1, "price_data": price}])

    session = client.v1.checkout.sessions.create(wanted)  # type: ignore[arg-type]
    standin.pay(session.id)

    done = client.v1.checkout.sessions.retrieve(session.id)
    subscription = client.v1.subscriptions.retrieve(str(done.subscription))
    (item,) = subscription["items"].data
    invoice = client.v1.invoices.retrieve(str(done.invoice))
    (payment,) = client.v1.invoice_payments.list({"invoice": invoice.id}).data
    intent = client.v1.payment_intents.retrieve(str(payment.payment.payment_intent))
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    card = client.v1.payment_methods.retrieve(str(subscription.default_payment_method)).card
    assert types(standin) == BEGUN
    assert (done.status, done.payment_status, done.payment_intent) == ("complete", "paid", None)
    assert (subscription.status, subscription.customer) == ("active", done.customer)
    assert subscription.metadata["donation"] == "donation-1"
    assert (item.price.product, item.price.unit_amount) == ("campaign-1", 500)
    assert 28 <= (item.current_period_end - item.current_period_start) / DAY <= 31
    assert (invoice.status, invoice.amount_paid, invoice.attempt_count) == ("paid", 500, 1)
    assert invoice.billing_reason == "subscription_create"
    assert invoice.status_transitions.paid_at
    assert invoice.parent
    assert invoice.parent.subscription_details
    assert invoice.parent.subscription_details.subscription == subscription.id
    snapshot = invoice.parent.subscription_details.metadata
    assert snapshot
    assert snapshot["donation"] == "donation-1"
    assert subscription.latest_invoice == invoice.id
    assert payment.amount_paid == 500
    assert intent.metadata.to_dict() == charge.metadata.to_dict() == {}
    assert charge.balance_transaction
    assert charge.payment_method_details
    assert charge.payment_method_details.card
    assert card
    assert (card.brand, card.last4) == ("visa", "4242")
    assert card.fingerprint == charge.payment_method_details.card.fingerprint
    by_intent: Any = {"payment": {"type": "payment_intent", "payment_intent": intent.id}}
    assert [p.id for p in client.v1.invoice_payments.list(by_intent).data] == [payment.id]
    found = client.v1.invoices.list({"subscription": subscription.id}).data
    assert [one.id for one in found] == [invoice.id]
    assert client.v1.charges.list({"payment_intent": intent.id}).data[0].id == charge.id


def test_a_declined_card_starts_no_plan_and_the_next_one_does(
    client: stripe.StripeClient, standin: StandIn, plan: Callable[..., Json]
) -> None:
    session = client.v1.checkout.sessions.create(plan())  # type: ignore[arg-type]

    declined = standin.pay(session.id, method="4000000000000002")
    before = standin.objects("subscription")
    standin.pay(session.id, method="4000002760003184")
    standin.authenticate(session.id, succeeded=False)
    standin.pay(session.id, method="4000002760003184")
    paid = standin.authenticate(session.id, succeeded=True)

    assert declined["last_payment_error"]["payment_method"]["card"]["fingerprint"]
    assert before == []
    assert paid["status"] == "succeeded"
    assert paid["id"] == declined["id"]
    assert len(standin.objects("subscription")) == len(standin.objects("customer")) == 1


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"customer_creation": "always"}, "customer_creation"),
        ({"payment_intent_data": {"description": "x"}}, "payment_intent_data"),
        ({"subscription_data": {"trial_period_days": 5}}, "trial_period_days"),
    ],
)
def test_what_a_plan_cannot_have_is_refused(
    client: stripe.StripeClient, plan: Callable[..., Json], changes: Json, param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.create(plan(**changes))  # type: ignore[arg-type]

    assert refusal.value.param == param


def test_a_bank_account_cannot_pay_a_plan(
    client: stripe.StripeClient, standin: StandIn, plan: Callable[..., Json]
) -> None:
    session = client.v1.checkout.sessions.create(plan())  # type: ignore[arg-type]

    with pytest.raises(Exception, match="Choose one of the test methods"):
        standin.pay(session.id, method="DE89370400440532013000")

    assert standin.objects("payment_intent") == []


def test_months_that_passed_are_billed_in_their_order_and_at_their_time(
    client: stripe.StripeClient, standin: StandIn, start: Start
) -> None:
    first, second = start(), start(amount=700)
    marker = len(standin.events())

    standin.advance(3 * MONTH)

    renewals = standin.events()[marker:]
    moments = [event["created"] for event in renewals]
    ends = [client.v1.subscriptions.retrieve(s.id)["items"].data[0] for s in (first, second)]
    assert types(standin, marker) == RENEWED * 6
    assert moments == sorted(moments)
    assert len(set(moments)) in (3, 6)
    assert moments[0] == first["items"].data[0].current_period_end
    assert all(item.current_period_end > standin.account.store.now() for item in ends)
    cycles = client.v1.invoices.list({"subscription": second.id, "limit": 3}).data
    assert [cycle.billing_reason for cycle in cycles] == ["subscription_cycle"] * 3
    assert sum(i["amount_paid"] for i in standin.objects("invoice")) == 4 * 500 + 4 * 700
    told = [e for e in renewals if e["type"] == "customer.subscription.updated"]
    assert set(told[0]["data"]["previous_attributes"]) == {"items", "latest_invoice"}


@pytest.mark.parametrize(
    ("anchor", "moment", "end"),
    [
        ((2026, 1, 31, 12), (2026, 1, 31, 12), (2026, 2, 28, 12)),
        ((2026, 1, 31, 12), (2026, 2, 28, 12), (2026, 3, 31, 12)),
        ((2026, 11, 30), (2026, 12, 30), (2027, 1, 30)),
        ((2028, 1, 30), (2028, 1, 30), (2028, 2, 29)),
    ],
)
def test_a_month_ends_on_the_day_it_began_or_the_last(
    anchor: tuple[int, ...], moment: tuple[int, ...], end: tuple[int, ...]
) -> None:
    assert subscriptions.next_month(at(*moment), at(*anchor)) == at(*end)


def test_a_new_amount_holds_from_the_next_month(
    client: stripe.StripeClient, standin: StandIn, start: Start
) -> None:
    plan = start()
    (item,) = plan["items"].data
    price: Any = {"currency": "gbp", "product": item.price.product, "unit_amount": 900}
    price["recurring"] = {"interval": "month"}
    new: Any = {"items": [{"id": item.id, "price_data": price}], "metadata": {"by": "ada"}}

    with pytest.raises(stripe.InvalidRequestError, match="proration_behavior"):
        client.v1.subscriptions.update(plan.id, new)
    changed = client.v1.subscriptions.update(plan.id, new | {"proration_behavior": "none"})
    standin.advance(MONTH)

    (told, _) = standin.events("customer.subscription.updated")
    assert changed["items"].data[0].price.unit_amount == 900
    assert changed.metadata.to_dict() == {"donation": "donation-1", "by": "ada"}
    assert set(told["data"]["previous_attributes"]) == {"items", "metadata"}
    assert [i["amount_paid"] for i in standin.objects("invoice")] == [500, 900]


@pytest.mark.parametrize("change", [{"unit_amount": 29}, {"currency": "eur"}, {"product": "no"}])
def test_an_amount_that_stripe_would_not_take_changes_nothing(
    client: stripe.StripeClient, start: Start, change: Json
) -> None:
    plan = start()
    (item,) = plan["items"].data
    price = {"currency": "gbp", "product": item.price.product, "unit_amount": 900} | change
    new: Any = {"items": [{"id": item.id, "price_data": price}], "proration_behavior": "none"}
    new["items"][0]["price_data"]["recurring"] = {"interval": "month"}

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.subscriptions.update(plan.id, new)

    assert client.v1.subscriptions.retrieve(plan.id)["items"].data[0].price.unit_amount == 500


def test_a_paused_plan_takes_nothing_until_the_pause_ends(
    client: stripe.StripeClient, standin: StandIn, start: Start
) -> None:
    plan = start()
    resumes_at = subscriptions.next_month(
        plan["items"].data[0].current_period_end, plan.billing_cycle_anchor
    )
    pause: Any = {"pause_collection": {"behavior": "void", "resumes_at": resumes_at}}

    client.v1.subscriptions.update(plan.id, pause)
    standin.advance(MONTH)
    paused = [invoice["status"] for invoice in standin.objects("invoice")]
    standin.advance(MONTH)

    assert paused == ["paid", "void"]
    assert len(standin.events("invoice.voided")) == 1
    # The month that begins as the pause ends is paid again.
    assert [i["status"] for i in standin.objects("invoice")] == ["paid", "void", "paid"]
    assert client.v1.subscriptions.retrieve(plan.id).pause_collection is None
    ended = standin.events("customer.subscription.updated")[-2]
    assert ended["created"] == resumes_at
    assert ended["data"]["previous_attributes"]["pause_collection"]["resumes_at"] == resumes_at


def test_a_pause_may_be_lifted_by_hand(
    client: stripe.StripeClient, standin: StandIn, start: Start
) -> None:
    plan = start()

    client.v1.subscriptions.update(plan.id, {"pause_collection": {"behavior": "void"}})
    lifted = client.v1.subscriptions.update(plan.id, {"pause_collection": ""})
    standin.advance(MONTH)

    assert lifted.pause_collection is None
    assert [i["status"] for i in standin.objects("invoice")] == ["paid", "paid"]


def test_a_cancelled_plan_is_over(
    client: stripe.StripeClient, standin: StandIn, start: Start
) -> None:
    plan, other = start(), start()

    cancelled = client.v1.subscriptions.cancel(plan.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription") as twice:
        client.v1.subscriptions.cancel(plan.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription") as changed:
        client.v1.subscriptions.update(plan.id, {"metadata": {"x": "y"}})
    for refusal in (twice.value, changed.value):
        assert (refusal.http_status, refusal.code) == (404, "resource_missing")
    standin.advance(MONTH)

    assert (cancelled.status, bool(cancelled.ended_at)) == ("canceled", True)
    (told,) = standin.events("customer.subscription.deleted")
    reason = told["data"]["object"]["cancellation_details"]["reason"]
    assert reason == "cancellation_requested"
    assert len(client.v1.invoices.list({"subscription": plan.id}).data) == 1
    listed = client.v1.subscriptions.list
    assert [s.id for s in listed().data] == [other.id]
    assert [s.id for s in listed({"status": "all"}).data] == [other.id, plan.id]
    assert [s.id for s in listed({"status": "canceled"}).data] == [plan.id]
    assert [s.id for s in listed({"customer": str(other.customer)}).data] == [other.id]


def test_a_plan_may_end_with_its_month(
    client: stripe.StripeClient, standin: StandIn, start: Start
) -> None:
    plan = start()

    client.v1.subscriptions.update(plan.id, {"cancel_at_period_end": True})
    client.v1.subscriptions.update(plan.id, {"cancel_at_period_end": False})
    asked = client.v1.subscriptions.update(plan.id, {"cancel_at_period_end": True})
    standin.advance(MONTH)

    ended = client.v1.subscriptions.retrieve(plan.id)
    assert asked.cancel_at == plan["items"].data[0].current_period_end == ended.ended_at
    assert ended.status == "canceled"
    assert len(standin.objects("invoice")) == 1
