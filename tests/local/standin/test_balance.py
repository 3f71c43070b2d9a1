from collections.abc import Callable
from typing import Any

import pytest
import stripe

from alliance.local.standin import StandIn, contract
from alliance.local.standin.account import StripeError

Open = Callable[..., Any]
EXPANDED: Any = {"expand": ["data.source"]}


def test_each_entry_of_the_balance_can_bring_its_source_along(
    client: stripe.StripeClient, standin: StandIn, open_session: Open
) -> None:
    began = standin.account.store.now()
    intent = standin.pay(open_session().id)["id"]
    standin.refund(payment_intent=intent, amount=500)
    standin.dispute(intent)
    standin.dispute(standin.pay(open_session(amount=9000).id)["id"], 100)
    payout = standin.payout()

    entries = client.v1.balance_transactions.list(EXPANDED | {"created": {"gte": began}}).data
    plain = client.v1.balance_transactions.list({"type": "adjustment"}).data

    sources: list[Any] = [entry.source for entry in entries]
    kinds = ["payout", "dispute", "charge", "dispute", "refund", "charge"]
    assert [source.object for source in sources] == kinds
    assert sources[0].id == payout["id"]
    assert sources[-1].payment_intent == intent
    assert sources[-2].payment_intent == intent
    assert [type(entry.source) for entry in plain] == [str, str]
    assert client.v1.balance_transactions.list({"created": {"lt": began}}).data == []


@pytest.mark.parametrize("expand", [["data.charge"], ["data.source", "data.source"], ["source"]])
def test_no_other_expansion_is_done(client: stripe.StripeClient, expand: list[str]) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        client.v1.balance_transactions.list({"expand": expand})
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        client.v1.charges.list({"expand": expand})


def test_an_expansion_is_held_to_the_sdk_s_types() -> None:
    entry = contract.skeleton("balance_transaction")

    for kind in ("charge", "refund", "dispute", "payout"):
        contract.expanded(entry, "source", contract.skeleton(kind))

    with pytest.raises(contract.DriftError, match="never a customer"):
        contract.expanded(entry, "source", contract.skeleton("customer"))
    with pytest.raises(contract.DriftError, match="charge"):
        contract.expanded(entry, "source", contract.skeleton("charge") | {"colour": "red"})


def test_a_payout_takes_what_is_there_and_is_reconciled(
    client: stripe.StripeClient, standin: StandIn, open_session: Open
) -> None:
    standin.pay(open_session().id)
    marker = len(standin.events())

    first = client.v1.payouts.retrieve(standin.payout()["id"])
    with pytest.raises(StripeError, match="nothing in the balance"):
        standin.payout()
    standin.pay(open_session(amount=1000).id)
    second = standin.payout("gbp")

    told = [event["type"] for event in standin.events()[marker : marker + 3]]
    assert told == ["payout.created", "payout.paid", "payout.reconciliation_completed"]
    assert (first.status, first.amount, first.automatic) == ("paid", 2500 - 57, True)
    assert first.reconciliation_status == "completed"
    of_first = client.v1.balance_transactions.list({"payout": first.id}).data
    assert [(entry.type, entry.net) for entry in of_first] == [("payout", -2443), ("charge", 2443)]
    assert {entry.status for entry in of_first} == {"available"}
    assert second["amount"] == 1000 - 35
    assert [payout.id for payout in client.v1.payouts.list().data] == [second["id"], first.id]
    assert sum(entry["net"] for entry in standin.objects("balance_transaction")) == 0
