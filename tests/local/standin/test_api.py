import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn

Json = dict[str, Any]
Connect = Callable[..., stripe.StripeClient]


def test_a_gift_goes_from_session_to_refund_through_the_sdk_alone(
    client: stripe.StripeClient, standin: StandIn, gift: Callable[..., Json]
) -> None:
    client.v1.products.create({"id": "campaign-1", "name": "Roof"})
    price = {"currency": "gbp", "unit_amount": 2500, "product": "campaign-1"}
    wanted = gift(line_items=[{"quantity": 2, "price_data": price}], customer_creation="always")

    session = client.v1.checkout.sessions.create(wanted)  # type: ignore[arg-type]
    standin.pay(session.id, email="ada@example.org", name="Ada")
    paid = client.v1.checkout.sessions.retrieve(session.id)
    intent = client.v1.payment_intents.retrieve(str(paid.payment_intent))
    charge = client.v1.charges.retrieve(str(intent.latest_charge))
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 1000})

    assert (session.status, session.payment_status, session.amount_total) == (
        "open",
        "unpaid",
        5000,
    )
    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert paid.customer_details
    assert (paid.customer_details.email, paid.customer_details.name) == ("ada@example.org", "Ada")
    assert client.v1.customers.retrieve(str(paid.customer)).email == "ada@example.org"
    assert (intent.status, intent.metadata["donation"]) == ("succeeded", "donation-1")
    balance = client.v1.balance_transactions.list({"source": charge.id}).data
    assert [(entry.amount, entry.fee, entry.net) for entry in balance] == [(5000, 95, 4905)]
    assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    assert client.v1.charges.retrieve(charge.id).amount_refunded == 1000


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"paymnt": 1}, "paymnt"),
        ({"payment_method_types": ["card"]}, "payment_method_types"),
        ({"submit_type": "gift"}, "submit_type"),
        ({"ui_mode": "hosted"}, "ui_mode"),
        ({"line_items": [{"price_data": {"unit_amount": 500}}]}, "currency"),
        ({"expires_at": 12.5}, "expires_at"),
        ({"metadata": "donation-1"}, "metadata"),
    ],
)
def test_a_request_outside_the_sdk_s_types_is_refused_and_makes_nothing(
    open_session: Callable[..., Any], standin: StandIn, changes: Json, word: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=word):
        open_session(**changes)

    assert standin.objects("checkout.session") == []


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"amount": 29}, "amount_too_small", "line_items"),
        ({"amount": 100_000_000}, "amount_too_large", "line_items"),
        ({"expires_in": 1700}, None, "expires_at"),
        ({"expires_in": 86_500}, None, "expires_at"),
        ({"success_url": "/g/1/"}, "url_invalid", "success_url"),
        ({"mode": "subscription"}, None, "customer_creation"),
        ({"allow_promotion_codes": True}, None, "allow_promotion_codes"),
    ],
)
def test_what_stripe_would_not_sell_is_refused_as_stripe_does(
    open_session: Callable[..., Any], standin: StandIn, changes: Json, code: str, param: str
) -> None:
    if "expires_in" in changes:
        changes = {"expires_at": int(time.time()) + changes["expires_in"]}

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        open_session(**changes)

    assert (refusal.value.http_status, refusal.value.code, refusal.value.param) == (
        400,
        code,
        param,
    )
    assert standin.objects("checkout.session") == []


def test_the_smallest_and_largest_gifts_are_taken(open_session: Callable[..., Any]) -> None:
    taken = [open_session(amount=amount).amount_total for amount in (30, 99_999_999)]

    assert taken == [30, 99_999_999]


def test_a_session_expires_once_by_hand_or_by_its_time(
    client: stripe.StripeClient, standin: StandIn, open_session: Callable[..., Any]
) -> None:
    by_hand, by_time = open_session().id, open_session().id

    client.v1.checkout.sessions.expire(by_hand)
    standin.advance(3601)

    for session_id in (by_hand, by_time):
        session = client.v1.checkout.sessions.retrieve(session_id)
        assert (session.status, session.url) == ("expired", None)
        with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
            client.v1.checkout.sessions.expire(session_id)
    expired = [e["data"]["object"]["id"] for e in standin.events("checkout.session.expired")]
    assert expired == [by_hand, by_time]


def test_what_does_not_exist_is_named_in_the_refusal(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such charge: 'ch_0'") as missing:
        client.v1.charges.retrieve("ch_0")
    with pytest.raises(stripe.InvalidRequestError, match=re.escape("GET: /v1/topups")) as unknown:
        client.v1.topups.list()

    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    assert unknown.value.http_status == 404


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", "sk_test_1", "sk_test_standin_live_1"])
def test_a_key_that_is_not_the_stand_in_s_own_opens_nothing(
    standin: StandIn, connect: Connect, gift: Callable[..., Json], key: str
) -> None:
    with pytest.raises(stripe.AuthenticationError):
        connect(standin, api_key=key).v1.checkout.sessions.create(gift())  # type: ignore[arg-type]

    assert standin.objects("checkout.session") == []


def test_a_second_product_of_the_same_id_is_refused(client: stripe.StripeClient) -> None:
    client.v1.products.create({"id": "campaign-1", "name": "Roof"})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.products.create({"id": "campaign-1", "name": "Other"})

    assert refusal.value.code == "resource_already_exists"
    assert client.v1.products.retrieve("campaign-1").name == "Roof"


def test_a_payment_is_refunded_to_its_last_penny_and_no_further(
    client: stripe.StripeClient, standin: StandIn, open_session: Callable[..., Any]
) -> None:
    intent = standin.pay(open_session().id)["id"]

    client.v1.refunds.create({"payment_intent": intent, "amount": 2000})
    with pytest.raises(stripe.InvalidRequestError, match="501"):
        client.v1.refunds.create({"payment_intent": intent, "amount": 501})
    client.v1.refunds.create({"payment_intent": intent})
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": intent})

    assert refusal.value.code == "charge_already_refunded"
    assert [r.amount for r in client.v1.refunds.list({"payment_intent": intent}).data] == [
        500,
        2000,
    ]
    assert sum(entry["amount"] for entry in standin.objects("balance_transaction")) == 0


def test_events_come_in_stripe_s_order_and_are_listed_by_type_time_and_page(
    client: stripe.StripeClient, standin: StandIn, open_session: Callable[..., Any]
) -> None:
    standin.pay(open_session().id, method="4000000000000002")
    standin.advance(100)
    standin.pay(open_session().id)

    types = [event["type"] for event in standin.events()]
    late = client.v1.events.list({"created": {"gte": int(time.time()) + 90}, "limit": 2})
    failures = client.v1.events.list({"types": ["charge.failed", "payment_intent.payment_failed"]})

    paid = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    paid += ["charge.updated", "checkout.session.completed"]
    declined = ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    assert types == declined + paid
    assert [event.type for event in late.auto_paging_iter()] == paid[::-1]
    assert late.has_more
    assert [event.type for event in failures.data] == declined[:0:-1]
    newest = client.v1.events.list({"limit": 1}).data[0].id
    older = client.v1.events.list({"starting_after": newest, "limit": 1}).data[0].id
    assert client.v1.events.list({"ending_before": older}).data[0].id == newest
    assert client.v1.events.retrieve(newest).type == "checkout.session.completed"


def test_the_fee_is_known_only_after_the_success_is_told(
    standin: StandIn, open_session: Callable[..., Any]
) -> None:
    standin.pay(open_session().id)

    (succeeded,) = standin.events("charge.succeeded")
    (updated,) = standin.events("charge.updated")

    assert succeeded["data"]["object"]["balance_transaction"] is None
    assert updated["data"]["object"]["balance_transaction"].startswith("txn_")


@pytest.mark.parametrize(("succeeded", "paid"), [(True, "paid"), (False, "unpaid")])
def test_a_bank_account_completes_unpaid_and_answers_when_told_to(
    standin: StandIn, open_session: Callable[..., Any], succeeded: bool, paid: str
) -> None:
    session = open_session().id

    standin.pay(session, method="DE89370400440532013000")
    before = standin.get("checkout.session", session)
    standin.settle(session, succeeded=succeeded)

    (completed,) = standin.events("checkout.session.completed")
    word = "succeeded" if succeeded else "failed"
    (answered,) = standin.events(f"checkout.session.async_payment_{word}")
    assert (before["status"], before["payment_status"]) == ("complete", "unpaid")
    assert completed["data"]["object"]["payment_status"] == "unpaid"
    assert answered["data"]["object"]["payment_status"] == paid
    assert len(standin.objects("balance_transaction")) == int(succeeded)


def test_a_garbled_answer_is_no_json_though_the_work_is_done(
    client: stripe.StripeClient, standin: StandIn, gift: Callable[..., Json]
) -> None:
    standin.faults.set("garble", next=1, only="POST /v1/checkout/sessions")
    keyed: Any = {"idempotency_key": "d:1:s:1"}
    wanted: Any = gift()

    with pytest.raises(stripe.APIError):
        client.v1.checkout.sessions.create(wanted, keyed)
    again = client.v1.checkout.sessions.create(wanted, keyed)

    (made,) = standin.objects("checkout.session")
    assert again.id == made["id"]


def test_a_decline_says_which_card_it_was(
    client: stripe.StripeClient, standin: StandIn, open_session: Callable[..., Any]
) -> None:
    prints = []

    for method in ("4000000000000002", "4000000000000002", "4242424242424242"):
        intent = standin.pay(open_session().id, method=method)
        (charge,) = client.v1.charges.list({"payment_intent": intent["id"]}).data
        assert charge.payment_method_details
        assert charge.payment_method_details.card
        prints.append(charge.payment_method_details.card.fingerprint)
        if error := intent["last_payment_error"]:
            assert error["payment_method"]["card"]["fingerprint"] == prints[-1]

    assert prints[0] == prints[1] != prints[2]
    assert len(client.v1.payment_intents.list().data) == 3
