from collections.abc import Callable
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn
from alliance.local.standin.account import StripeError

Open = Callable[..., Any]


def net(standin: StandIn) -> int:
    return sum(entry["amount"] for entry in standin.objects("balance_transaction"))


def test_a_refund_that_succeeded_may_fail_long_after(
    client: stripe.StripeClient, standin: StandIn, open_session: Open
) -> None:
    intent = standin.pay(open_session().id)["id"]
    refund = client.v1.refunds.create({"payment_intent": intent, "amount": 1000})
    marker = len(standin.events())

    standin.fail_refund(refund.id)
    with pytest.raises(StripeError, match="status of `failed`"):
        standin.fail_refund(refund.id)

    failed = client.v1.refunds.retrieve(refund.id)
    back = client.v1.balance_transactions.retrieve(str(failed.failure_balance_transaction))
    charge = client.v1.charges.list({"payment_intent": intent}).data[0]
    told = standin.events()[marker:]
    assert [event["type"] for event in told] == ["refund.failed", "refund.updated"]
    assert told[1]["data"]["previous_attributes"] == {"status": "succeeded"}
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert (back.type, back.amount, back.source) == ("refund_failure", 1000, refund.id)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert net(standin) == 2500


def test_a_pending_refund_moves_no_money_until_it_is_settled(
    client: stripe.StripeClient, standin: StandIn, open_session: Open
) -> None:
    intent = standin.pay(open_session().id)["id"]
    standin.faults.set("pending_refund", next=3)
    sizes = (1000, 900, 600)
    waiting = [
        client.v1.refunds.create({"payment_intent": intent, "amount": size}) for size in sizes
    ]
    before = net(standin)

    standin.settle_refund(waiting[0].id)
    standin.fail_refund(waiting[1].id)
    cancelled = client.v1.refunds.cancel(waiting[2].id)
    with pytest.raises(stripe.InvalidRequestError, match="status of `succeeded`"):
        client.v1.refunds.cancel(waiting[0].id)

    assert [(r.status, r.balance_transaction) for r in waiting] == [("pending", None)] * 3
    assert (before, net(standin)) == (2500, 1500)
    assert cancelled.status == "canceled"
    listed = client.v1.refunds.list({"payment_intent": intent}).data
    assert [refund.status for refund in listed] == ["canceled", "failed", "succeeded"]
    charge = standin.objects("charge")[0]
    assert charge["amount_refunded"] == 1000
    assert [r.id for r in client.v1.refunds.list({"charge": charge["id"]}).data] == [
        refund.id for refund in reversed(waiting)
    ]
    told = [(e["type"], e["data"]["object"]["status"]) for e in standin.events("refund.updated")]
    assert [status for _, status in told] == ["succeeded", "failed", "canceled"]


def test_a_month_of_a_plan_is_refunded_like_any_payment(
    client: stripe.StripeClient, standin: StandIn, start: Callable[..., stripe.Subscription]
) -> None:
    start()
    (charge,) = standin.objects("charge")

    refund = client.v1.refunds.create({"charge": charge["id"]})

    assert (refund.amount, refund.payment_intent) == (500, charge["payment_intent"])
    assert net(standin) == 0
