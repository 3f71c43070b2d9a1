"""Invoices of a plan, one a month, and the payment that each waits for."""

from typing import Any

from alliance.local.standin import contract
from alliance.local.standin.account import Account
from alliance.local.standin.schemas import Json

PAYABLE = ("open", "uncollectible")


def create(account: Account, subscription: Json, *, reason: str) -> Json:
    """Make the draft of a subscription's invoice for its current period."""
    (item,) = subscription["items"]["data"]
    amount = item["price"]["unit_amount"]
    customer = account.get("customer", subscription["customer"])
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    invoice = account.new(
        "invoice",
        amount_due=amount,
        amount_remaining=amount,
        auto_advance=True,
        billing_reason=reason,
        currency=subscription["currency"],
        customer=customer["id"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        description=subscription["description"],
        parent={"type": "subscription_details", "subscription_details": details},
        period_end=item["current_period_start"],
        period_start=item["current_period_start"],
        status="draft",
        subtotal=amount,
        total=amount,
    )
    lines = {
        "object": "list",
        "data": [_line(invoice, subscription, item)],
        "has_more": False,
        "url": f"/v1/invoices/{invoice['id']}/lines",
    }
    account.change(invoice, lines=lines)
    account.emit("invoice.created", invoice)
    return invoice


def finalise(account: Account, invoice: Json) -> None:
    """Open a draft for payment."""
    now = account.store.now()
    account.change(
        invoice,
        effective_at=now,
        hosted_invoice_url=_address(account, invoice["id"]),
        number=f"STANDIN-{invoice['id'][-8:].upper()}",
        status="open",
        status_transitions=invoice["status_transitions"] | {"finalized_at": now},
    )
    account.emit("invoice.finalized", invoice)


def await_payment(account: Account, invoice: Json, intent: Json) -> None:
    """Tie an open invoice to the payment intent that is to pay it."""
    account.new(
        "invoice_payment",
        amount_requested=invoice["amount_due"],
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=True,
        payment={"type": "payment_intent", "payment_intent": intent["id"]},
        status="open",
    )


def intent_of(account: Account, invoice: Json) -> Json:
    """Return the payment intent of a finalised invoice."""
    return account.get("payment_intent", _payment(account, invoice)["payment"]["payment_intent"])


def count_attempt(account: Account, invoice: Json) -> None:
    """Note that one more attempt to pay is made."""
    account.change(invoice, attempt_count=invoice["attempt_count"] + 1, attempted=True)


def mark_paid(account: Account, invoice: Json) -> None:
    """Write down that an invoice's payment arrived, and tell of it."""
    now, amount = account.store.now(), invoice["amount_due"]
    _close(account, invoice, "paid_at", status="paid", amount_paid=amount, amount_remaining=0)
    account.emit("invoice.paid", invoice)
    account.emit("invoice.payment_succeeded", invoice)
    payment = _payment(account, invoice)
    transitions = payment["status_transitions"] | {"paid_at": now}
    account.change(payment, amount_paid=amount, status="paid", status_transitions=transitions)
    account.emit("invoice_payment.paid", payment)


def void(account: Account, invoice: Json) -> None:
    """Close an invoice that nobody is to pay."""
    _close(account, invoice, "voided_at", status="void")
    account.emit("invoice.voided", invoice)


def give_up(account: Account, invoice: Json) -> None:
    """Close an invoice that nobody paid."""
    _close(account, invoice, "marked_uncollectible_at", status="uncollectible")
    account.emit("invoice.marked_uncollectible", invoice)


def stop_collecting(account: Account, subscription: Json) -> None:
    """Try no further to collect what a cancelled subscription still owes."""
    for invoice in of(account, subscription, status="open"):
        account.store.forget(invoice["id"])
        account.change(invoice, auto_advance=False, next_payment_attempt=None)


def of(account: Account, subscription: Json, **fields: Any) -> list[Json]:
    """Return a subscription's invoices, newest first."""
    path = "parent.subscription_details.subscription"
    return account.store.find("invoice", fields={path: subscription["id"], **fields})


def subscription_of(account: Account, invoice: Json) -> Json:
    """Return the subscription that an invoice bills."""
    details = invoice["parent"]["subscription_details"]
    return account.get("subscription", details["subscription"])


def move(account: Account) -> None:
    """Take the addresses of payable invoices along to where the stand-in listens now."""
    for invoice in account.store.find("invoice", fields={"status": list(PAYABLE)}):
        account.change(invoice, hosted_invoice_url=_address(account, invoice["id"]))


def _address(account: Account, identifier: str) -> str:
    return f"{account.base_url}/i/{identifier}"


def _close(account: Account, invoice: Json, transition: str, **changes: Any) -> None:
    account.store.forget(invoice["id"])
    transitions = invoice["status_transitions"] | {transition: account.store.now()}
    account.change(
        invoice,
        auto_advance=False,
        next_payment_attempt=None,
        status_transitions=transitions,
        **changes,
    )


def _payment(account: Account, invoice: Json) -> Json:
    return account.store.find("invoice_payment", fields={"invoice": invoice["id"]})[0]


def _line(invoice: Json, subscription: Json, item: Json) -> Json:
    details = {
        "proration": False,
        "subscription": subscription["id"],
        "subscription_item": item["id"],
    }
    price = {"price": item["price"]["id"], "product": item["price"]["product"]}
    return contract.skeleton("line_item") | {
        "id": f"il_{invoice['id'].removeprefix('in_')}",
        "amount": invoice["amount_due"],
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "metadata": subscription["metadata"],
        "parent": {"type": "subscription_item_details", "subscription_item_details": details},
        "period": {"start": item["current_period_start"], "end": item["current_period_end"]},
        "pricing": {"type": "price_details", "price_details": price},
        "quantity": 1,
        "subscription": subscription["id"],
        "subtotal": invoice["amount_due"],
    }
