"""The account's balance: each movement of money, and what is paid out to the bank."""

from typing import Any

from alliance.local.standin.account import Account, StripeError
from alliance.local.standin.schemas import Json

FUNDS_AVAILABLE_AFTER = 2 * 24 * 60 * 60
# What Stripe's reports call the types.
CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "payment_refund": "refund",
    "payout": "payout",
    "refund": "refund",
    "refund_failure": "refund_failure",
}


def book(
    account: Account, kind: str, source: Json, *, amount: int, fee: int = 0, category: str = ""
) -> Json:
    """Enter a movement of money; minor units, `category` where the kind does not tell it."""
    details = {
        "amount": fee,
        "application": None,
        "currency": source["currency"],
        "description": "Stand-in dispute fee" if category else "Stand-in processing fees",
        "type": "stripe_fee",
    }
    return account.new(
        "balance_transaction",
        amount=amount,
        available_on=account.store.now() + FUNDS_AVAILABLE_AFTER,
        balance_type="payments",
        currency=source["currency"],
        fee=fee,
        fee_details=[details] if fee else [],
        net=amount - fee,
        reporting_category=category or CATEGORIES[kind],
        source=source["id"],
        status="pending",
        type=kind,
    )


def pay_out(account: Account, currency: str | None = None) -> Json:
    """Pay all that is in the balance to the bank, available yet or not, and return the payout.

    Without a `currency` it is that of the oldest entry. Raises StripeError where nothing is left.
    """
    with account.store.transaction():
        wanted = {"currency": currency} if currency else {}
        waiting = account.store.find("balance_transaction", fields=wanted, noted={"payout": None})
        entries = [entry for entry in waiting if entry["currency"] == waiting[-1]["currency"]]
        amount = sum(entry["net"] for entry in entries)
        if amount <= 0:
            raise StripeError("There is nothing in the balance to pay out.", param="currency")
        payout = _payout(account, amount, entries[-1]["currency"])
        entries.append(book(account, "payout", payout, amount=-amount))
        for entry in entries:
            account.change(entry, status="available")
            account.store.note(entry["id"], payout=payout["id"])
        account.change(payout, balance_transaction=entries[-1]["id"])
        account.emit("payout.created", payout)
        account.change(payout, status="paid")
        account.emit("payout.paid", payout)
        account.change(payout, reconciliation_status="completed")
        account.emit("payout.reconciliation_completed", payout)
        return payout


def _payout(account: Account, amount: int, currency: str) -> Json:
    shown: dict[str, Any] = {"method": "standard", "source_type": "card", "type": "bank_account"}
    return account.new(
        "payout",
        amount=amount,
        arrival_date=account.store.now(),
        automatic=True,
        currency=currency,
        description="STRIPE PAYOUT",
        reconciliation_status="in_progress",
        status="in_transit",
        **shown,
    )
