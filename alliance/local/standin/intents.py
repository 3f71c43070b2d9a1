"""Payment intents and their charges: what a bank takes or refuses."""

import secrets
from typing import Any

from alliance.local.standin import balance
from alliance.local.standin.account import PREFIXES, Account
from alliance.local.standin.methods import Refusal
from alliance.local.standin.schemas import Json


def create(account: Account, *, amount: int, currency: str, kind: str, **fields: Any) -> Json:
    """Make an intent to take an amount (minor units) by a kind of method, and tell of it."""
    intent = account.new(
        "payment_intent",
        amount=amount,
        capture_method="automatic_async",
        confirmation_method="automatic",
        currency=currency,
        payment_method_types=[kind],
        status="requires_payment_method",
        **fields,
    )
    account.emit("payment_intent.created", intent)
    return intent


def charge(
    account: Account, intent: Json, method: Json, *, status: str, refusal: Refusal | None = None
) -> Json:
    """Make one attempt to take an intent's money: a charge of one of Stripe's statuses."""
    is_taken = status != "failed"
    made = account.new(
        "charge",
        # Stripe calls charges of other methods than cards payments.
        id=(PREFIXES["charge"] if method["card"] else "py_") + secrets.token_hex(12),
        amount=intent["amount"],
        amount_captured=intent["amount"] if is_taken else 0,
        billing_details=method["billing_details"],
        captured=is_taken,
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        failure_code=refusal.code if refusal else None,
        failure_message=refusal.message if refusal else None,
        metadata=intent["metadata"],
        paid=status == "succeeded",
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={"type": method["type"], method["type"]: method[method["type"]]},
        status=status,
    )
    account.change(intent, latest_charge=made["id"], payment_method=method["id"])
    return made


def succeed(account: Account, intent: Json, made: Json) -> None:
    """Tell that the money is taken; `capture` follows."""
    received = intent["amount"]
    account.change(intent, status="succeeded", amount_received=received, last_payment_error=None)
    account.emit("charge.succeeded", made)
    account.emit("payment_intent.succeeded", intent)


def capture(account: Account, made: Json) -> None:
    """Book a charge: capture is asynchronous, the fee known only after the success is told."""
    kind = "charge" if made["id"].startswith(PREFIXES["charge"]) else "payment"
    fee = made["amount"] * 15 // 1000 + 20
    entry = balance.book(account, kind, made, amount=made["amount"], fee=fee)
    account.change(made, balance_transaction=entry["id"])
    account.emit("charge.updated", made, balance_transaction=None)


def decline(account: Account, intent: Json, method: Json, refusal: Refusal) -> None:
    """Let a bank refuse at once: a failed charge, and an intent that waits for another method."""
    made = charge(account, intent, method, status="failed", refusal=refusal)
    account.emit("charge.failed", made)
    fail(account, intent, method, refusal)


def fail(account: Account, intent: Json, method: Json, refusal: Refusal) -> None:
    """Let an intent wait for another method, and say what was wrong with this one."""
    code, message = refusal
    error: Json = {
        "type": "card_error",
        "code": code,
        "message": message,
        "payment_method": method,
    }
    if code == "card_declined":
        error["decline_code"] = "generic_decline"
    status = "requires_payment_method"
    account.change(intent, status=status, last_payment_error=error, payment_method=None)
    account.emit("payment_intent.payment_failed", intent)
