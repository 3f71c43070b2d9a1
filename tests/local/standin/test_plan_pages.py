from collections.abc import Callable
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn

Start = Callable[..., stripe.Subscription]
MONTH = 31 * 24 * 60 * 60
LATER_DECLINED, ASKS_3DS = "4000000000000341", "4000002760003184"
GOOD, BAD = {"method": "4242424242424242"}, {"method": "4000000000000002"}
SITE = "http://127.0.0.1:8000/me/"


def open_portal(client: stripe.StripeClient, customer: str, *, is_flow: bool) -> str:
    wanted: Any = {"customer": customer, "return_url": SITE}
    if is_flow:
        after = {"type": "redirect", "redirect": {"return_url": f"{SITE}?card=1"}}
        wanted["flow_data"] = {"type": "payment_method_update", "after_completion": after}
    return client.v1.billing_portal.sessions.create(wanted).url


def test_a_plan_s_payment_page_says_that_it_is_monthly_and_takes_cards_alone(
    client: stripe.StripeClient, browse: Callable[..., Any], plan: Callable[..., Any]
) -> None:
    page = browse(client.v1.checkout.sessions.create(plan()).url)

    assert "Donate £5.00 a month" in page.text
    assert page.text.count('type="radio"') == 6


def test_an_unpaid_invoice_is_paid_on_its_page_by_a_card_that_stays(
    client: stripe.StripeClient, standin: StandIn, browse: Callable[..., Any], start: Start
) -> None:
    plan = start(LATER_DECLINED)
    standin.advance(MONTH)
    (owed,) = client.v1.invoices.list({"status": "open"}).data
    url = str(owed.hosted_invoice_url)

    asked = browse(url)
    unchosen = browse(url, {})
    declined = browse(url, BAD)
    question = browse(url, {"method": ASKS_3DS})
    not_you = browse(url, {"method": ASKS_3DS, "answer": "fail"})
    paid = browse(url, GOOD)
    after = browse(url)
    standin.advance(MONTH)

    assert "Pay £5.00" in asked.text
    assert 'role="alert">Choose a card.' in unchosen.text
    assert 'role="alert">Your card was declined.' in declined.text
    assert f'<input type="hidden" name="method" value="{ASKS_3DS}">' in question.text
    assert 'role="alert">We could not authenticate your card.' in not_you.text
    assert paid.status == 303
    assert "£5.00 is paid" in after.text
    assert client.v1.subscriptions.retrieve(plan.id).status == "active"
    assert [i["status"] for i in standin.objects("invoice")] == ["paid"] * 3
    assert browse(f"{standin.base_url}/i/in_0").status == 404


def test_a_void_invoice_is_not_for_sale(
    client: stripe.StripeClient, standin: StandIn, browse: Callable[..., Any], start: Start
) -> None:
    plan = start()
    client.v1.subscriptions.update(plan.id, {"pause_collection": {"behavior": "void"}})
    standin.advance(MONTH)
    (void,) = client.v1.invoices.list({"status": "void"}).data

    page = browse(void.hosted_invoice_url, GOOD)

    assert "There is nothing to pay" in page.text
    assert len(standin.objects("charge")) == 1


def test_the_portal_changes_the_card_and_leads_back(
    client: stripe.StripeClient, standin: StandIn, browse: Callable[..., Any], start: Start
) -> None:
    plan = start(LATER_DECLINED)
    url = open_portal(client, str(plan.customer), is_flow=True)

    asked = browse(url)
    declined = browse(url, BAD)
    question = browse(url, {"method": ASKS_3DS})
    changed = browse(url, GOOD)
    # The card is the customer's own now; the plan is moved to it by whoever started the plan.
    theirs = standin.objects("customer")[0]["invoice_settings"]["default_payment_method"]
    assert client.v1.subscriptions.retrieve(plan.id).default_payment_method != theirs
    client.v1.subscriptions.update(plan.id, {"default_payment_method": theirs})
    cancelled = browse(url, {"cancel": plan.id})
    standin.advance(MONTH)

    assert f'href="{SITE}"' in asked.text
    assert "Visa 0341" in asked.text
    assert "End this plan" not in asked.text
    assert 'role="alert">Your card was declined.' in declined.text
    assert "is it you?" in question.text
    assert (changed.status, changed.headers["Location"]) == (303, f"{SITE}?card=1")
    assert "form-action 'self' http://127.0.0.1:8000;" in asked.headers["Content-Security-Policy"]
    assert cancelled.status == 303
    assert client.v1.subscriptions.retrieve(plan.id).status == "active"
    updates = standin.events("customer.subscription.updated")
    assert list(updates[0]["data"]["previous_attributes"]) == ["default_payment_method"]
    assert len(standin.events("payment_method.attached")) == 2


def test_the_portal_ends_a_plan_of_its_customer_and_no_other(
    client: stripe.StripeClient, standin: StandIn, browse: Callable[..., Any], start: Start
) -> None:
    mine, other = start(), start()
    url = open_portal(client, str(mine.customer), is_flow=False)

    browse(url, {"cancel": other.id})
    ended = browse(url, {"cancel": mine.id})
    again = browse(url, {"cancel": mine.id})
    left = browse(url)

    assert ended.status == again.status == 303
    assert "No monthly plan is running." in left.text
    states = {s.id: s.status for s in client.v1.subscriptions.list({"status": "all"}).data}
    assert states == {mine.id: "canceled", other.id: "active"}
    assert browse(f"{standin.base_url}/p/session/bps_0").status == 410


def test_the_portal_is_for_customers_and_one_flow(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        open_portal(client, "cus_0", is_flow=False)
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        client.v1.billing_portal.configurations.list()
