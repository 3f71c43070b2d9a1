"""Refunds: given at once or waiting, and failed or cancelled long after."""

import secrets

from alliance.local.standin import balance, disputes
from alliance.local.standin.account import PREFIXES, Account, StripeError, refuse_unknown
from alliance.local.standin.schemas import Json

PARAMETERS = {"amount", "charge", "metadata", "payment_intent", "reason"}


def create(account: Account, request: Json) -> Json:
    """Give back a payment, or the part of it that `amount` says (minor units).

    A pending refund waits for money in the balance, so nothing is booked for it yet.
    """
    refuse_unknown(request, PARAMETERS)
    with account.store.transaction():
        charge = _refundable(account, request)
        amount = _amount(charge, request)
        is_pending = account.faults.strikes("pending_refund", "POST /v1/refunds")
        is_card = charge["id"].startswith(PREFIXES["charge"])
        made = account.new(
            "refund",
            # Stripe gives refunds of other methods than cards another prefix.
            id=(PREFIXES["refund"] if is_card else "pyr_") + secrets.token_hex(12),
            amount=amount,
            charge=charge["id"],
            currency=charge["currency"],
            metadata=request.get("metadata") or {},
            payment_intent=charge["payment_intent"],
            pending_reason="insufficient_funds" if is_pending else None,
            reason=request.get("reason"),
            status="pending" if is_pending else "succeeded",
        )
        if not is_pending:
            _book(account, made)
        _count(account, made, amount)
        account.emit("refund.created", made)
        account.emit("charge.refunded", account.get("charge", made["charge"]))
        if not is_pending:
            account.emit("refund.updated", made)
        return made


def settle(account: Account, refund_id: str) -> Json:
    """Let a pending refund succeed."""
    with account.store.transaction():
        made = _in_state(account, refund_id, "pending")
        _book(account, made)
        account.change(made, status="succeeded", pending_reason=None)
        account.emit("refund.updated", made, status="pending")
        return made


def fail(account: Account, refund_id: str) -> Json:
    """Let a refund fail, though it has succeeded perhaps: what was booked for it comes back."""
    with account.store.transaction():
        made = _in_state(account, refund_id, "pending", "succeeded")
        was = made["status"]
        if made["balance_transaction"]:
            entry = balance.book(account, "refund_failure", made, amount=made["amount"])
            account.change(made, failure_balance_transaction=entry["id"])
        _count(account, made, -made["amount"])
        reason = "expired_or_canceled_card"
        account.change(made, status="failed", failure_reason=reason, pending_reason=None)
        account.emit("refund.failed", made)
        account.emit("refund.updated", made, status=was)
        return made


def cancel(account: Account, refund_id: str) -> Json:
    """Take a pending refund back. Raises StripeError where it is not pending."""
    with account.store.transaction():
        made = _in_state(account, refund_id, "pending")
        _count(account, made, -made["amount"])
        account.change(made, status="canceled", pending_reason=None)
        account.emit("refund.updated", made, status="pending")
        return made


def _refundable(account: Account, request: Json) -> Json:
    if "charge" in request:
        charge_id = request["charge"]
    else:
        intent_id = request.get("payment_intent", "")
        intent = account.get("payment_intent", intent_id, "payment_intent")
        charge_id = intent["latest_charge"] or ""
    charge = account.get("charge", charge_id, "charge")
    if charge["status"] != "succeeded":
        raise StripeError("This payment does not have a successful charge to refund.")
    if disputes.forbid_refunds(account, charge):
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise StripeError(message, code="charge_disputed")
    return charge


def _amount(charge: Json, request: Json) -> int:
    left = int(charge["amount"] - charge["amount_refunded"])
    amount = int(request.get("amount", left))
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise StripeError(message, code="charge_already_refunded")
    if not 0 < amount <= left:
        message = f"Refund amount ({amount}) must be from 1 to the unrefunded {left}."
        raise StripeError(message, param="amount")
    return amount


def _in_state(account: Account, refund_id: str, *states: str) -> Json:
    made = account.get("refund", refund_id)
    if made["status"] not in states:
        raise StripeError(f"Refund {refund_id} has a status of `{made['status']}`.")
    return made


def _book(account: Account, made: Json) -> None:
    kind = "payment_refund" if made["id"].startswith("pyr_") else "refund"
    entry = balance.book(account, kind, made, amount=-made["amount"])
    account.change(made, balance_transaction=entry["id"])


def _count(account: Account, made: Json, amount: int) -> None:
    """Move what a charge says of its refunds."""
    charge = account.get("charge", made["charge"])
    refunded = charge["amount_refunded"] + amount
    account.change(charge, amount_refunded=refunded, refunded=refunded == charge["amount"])
