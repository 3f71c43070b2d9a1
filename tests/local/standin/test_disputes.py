from collections.abc import Callable
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn
from alliance.local.standin.account import StripeError

Open = Callable[..., Any]
DISPUTED_LATER = "4000000000000259"


def pay(standin: StandIn, open_session: Open) -> str:
    return str(standin.pay(open_session().id, method=DISPUTED_LATER)["id"])


def told(standin: StandIn) -> list[str]:
    return [e["type"].removeprefix("charge.dispute.") for e in standin.events("charge.dispute.*")]


def test_a_dispute_takes_the_money_and_winning_it_brings_it_back(
    client: stripe.StripeClient, standin: StandIn, open_session: Open
) -> None:
    intent = pay(standin, open_session)

    opened = client.v1.disputes.retrieve(standin.dispute(intent)["id"])
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": intent})
    with pytest.raises(StripeError, match="disputed already"):
        standin.dispute(intent)
    standin.update_dispute(opened.id)
    standin.close_dispute(opened.id, "won")
    won = client.v1.disputes.list({"payment_intent": intent}).data[0]
    with pytest.raises(StripeError, match="already closed"):
        standin.close_dispute(opened.id, "lost")

    assert (opened.status, opened.amount) == ("needs_response", 2500)
    assert opened.id.startswith("du_")
    assert opened.evidence_details.due_by
    (withdrawal,) = opened.balance_transactions
    assert (withdrawal.amount, withdrawal.fee, withdrawal.net) == (-2500, 2000, -4500)
    assert (withdrawal.type, withdrawal.reporting_category) == ("adjustment", "dispute")
    assert refusal.value.code == "charge_disputed"
    assert client.v1.charges.retrieve(opened.charge).disputed  # type: ignore[arg-type]  # never expanded
    assert won.status == "won"
    assert [entry.amount for entry in won.balance_transactions] == [-2500, 2500]
    assert told(standin) == [
        *("created", "funds_withdrawn", "updated", "funds_reinstated", "closed")
    ]
    (updated,) = standin.events("charge.dispute.updated")
    assert updated["data"]["previous_attributes"] == {"status": "needs_response"}
    client.v1.refunds.create({"payment_intent": intent})


def test_a_lost_dispute_over_a_part_keeps_that_part(
    client: stripe.StripeClient, standin: StandIn, open_session: Open
) -> None:
    intent = pay(standin, open_session)

    dispute = standin.dispute(intent, 1000)
    standin.close_dispute(dispute["id"], "lost")

    entries = client.v1.balance_transactions.list({"source": dispute["id"]}).data
    assert [(entry.amount, entry.fee) for entry in entries] == [(-1000, 2000)]
    assert told(standin) == ["created", "funds_withdrawn", "closed"]
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        client.v1.refunds.create({"payment_intent": intent})


def test_an_inquiry_moves_no_money_and_a_refund_is_still_possible(
    client: stripe.StripeClient, standin: StandIn, open_session: Open
) -> None:
    intent = pay(standin, open_session)

    inquiry = client.v1.disputes.retrieve(standin.dispute(intent, inquiry=True)["id"])
    client.v1.refunds.create({"payment_intent": intent, "amount": 500})
    standin.close_dispute(inquiry.id, "won")

    assert (inquiry.status, inquiry.balance_transactions) == ("warning_needs_response", [])
    assert inquiry.is_charge_refundable
    assert told(standin) == ["created", "closed"]
    assert client.v1.disputes.retrieve(inquiry.id).status == "warning_closed"


def test_an_inquiry_may_become_a_dispute(standin: StandIn, open_session: Open) -> None:
    inquiry = standin.dispute(pay(standin, open_session), inquiry=True)

    grown = standin.update_dispute(inquiry["id"], status="needs_response")
    with pytest.raises(StripeError, match="does not become"):
        standin.update_dispute(inquiry["id"], status="warning_under_review")

    assert not grown["is_charge_refundable"]
    assert [entry["net"] for entry in grown["balance_transactions"]] == [-4500]
    assert told(standin) == ["created", "updated", "funds_withdrawn"]


@pytest.mark.parametrize("amount", [0, 2501])
def test_no_more_is_disputed_than_was_paid(
    standin: StandIn, open_session: Open, amount: int
) -> None:
    with pytest.raises(StripeError, match="2500"):
        standin.dispute(pay(standin, open_session), amount)

    assert standin.objects("dispute") == []
