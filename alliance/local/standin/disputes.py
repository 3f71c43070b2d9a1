"""Disputes: a payer's bank takes the money back, or only asks about it."""

from typing import Any

from alliance.local.standin import balance
from alliance.local.standin.account import PREFIXES, Account, StripeError
from alliance.local.standin.schemas import Json

FEE = 20_00
DAYS_TO_ANSWER = 9
DAY = 24 * 60 * 60
INQUIRING = {"warning_needs_response", "warning_under_review"}
DISPUTING = {"needs_response", "under_review"}
OPEN = INQUIRING | DISPUTING
OUTCOMES = ("won", "lost")


def open_dispute(
    account: Account, payment: str, *, amount: int | None = None, is_inquiry: bool = False
) -> Json:
    """Dispute a payment intent or a charge, whole or in part; an inquiry moves no money yet."""
    with account.store.transaction():
        charge = _charge(account, payment)
        left = charge["amount"] - charge["amount_refunded"]
        disputed = left if amount is None else amount
        if not 0 < disputed <= left:
            raise StripeError(f"Only 1 to {left} of this charge can be disputed.", param="amount")
        if any(dispute["status"] in OPEN for dispute in of(account, charge)):
            raise StripeError(f"Charge {charge['id']} is disputed already.", param="charge")
        dispute = account.new(
            "dispute",
            amount=disputed,
            charge=charge["id"],
            currency=charge["currency"],
            is_charge_refundable=is_inquiry,
            payment_intent=charge["payment_intent"],
            reason="fraudulent",
            status="warning_needs_response" if is_inquiry else "needs_response",
        )
        due_by = account.store.now() + DAYS_TO_ANSWER * DAY
        details = dispute["evidence_details"] | {"due_by": due_by}
        entries = [] if is_inquiry else [_withdrawal(account, dispute)]
        account.change(dispute, evidence_details=details, balance_transactions=entries)
        account.change(charge, disputed=True)
        account.emit("charge.dispute.created", dispute)
        if not is_inquiry:
            account.emit("charge.dispute.funds_withdrawn", dispute)
        return dispute


def update(account: Account, dispute_id: str, *, status: str) -> Json:
    """Move an open dispute on; an inquiry that becomes a dispute takes the money."""
    with account.store.transaction():
        dispute = _open(account, dispute_id)
        was = dispute["status"]
        is_escalated = was in INQUIRING and status in DISPUTING
        if status not in OPEN or (was in DISPUTING and status in INQUIRING):
            raise StripeError(f"A dispute of {was} does not become {status}.", param="status")
        changes: dict[str, Any] = {"status": status}
        if is_escalated:
            entries = [_withdrawal(account, dispute)]
            changes |= {"is_charge_refundable": False, "balance_transactions": entries}
        account.change(dispute, **changes)
        account.emit("charge.dispute.updated", dispute, status=was)
        if is_escalated:
            account.emit("charge.dispute.funds_withdrawn", dispute)
        return dispute


def close(account: Account, dispute_id: str, *, outcome: str) -> Json:
    """End a dispute, `won` or `lost` as the account sees it; an inquiry just closes."""
    if outcome not in OUTCOMES:
        raise StripeError(f"A dispute is one of: {', '.join(OUTCOMES)}.", param="outcome")
    with account.store.transaction():
        dispute = _open(account, dispute_id)
        is_inquiry = dispute["status"] in INQUIRING
        account.change(dispute, status="warning_closed" if is_inquiry else outcome)
        if dispute["status"] == "won":
            entry = _entry(account, dispute, dispute["amount"], "dispute_reversal")
            entries = [*dispute["balance_transactions"], entry]
            account.change(dispute, balance_transactions=entries)
            account.emit("charge.dispute.funds_reinstated", dispute)
        account.emit("charge.dispute.closed", dispute)
        return dispute


def of(account: Account, charge: Json) -> list[Json]:
    """Return a charge's disputes, newest first."""
    return account.store.find("dispute", fields={"charge": charge["id"]})


def forbid_refunds(account: Account, charge: Json) -> bool:
    """Say whether a dispute, open or lost, stands in the way of a charge's refund."""
    standing = DISPUTING | {"lost"}
    return any(dispute["status"] in standing for dispute in of(account, charge))


def _charge(account: Account, payment: str) -> Json:
    if payment.startswith(PREFIXES["payment_intent"]):
        intent = account.get("payment_intent", payment, "payment_intent")
        payment = intent["latest_charge"] or ""
    charge = account.get("charge", payment, "charge")
    if charge["status"] != "succeeded":
        raise StripeError("Only a charge that succeeded can be disputed.", param="charge")
    return charge


def _open(account: Account, dispute_id: str) -> Json:
    dispute = account.get("dispute", dispute_id)
    if dispute["status"] not in OPEN:
        raise StripeError("This dispute is already closed.", param="dispute")
    return dispute


def _withdrawal(account: Account, dispute: Json) -> Json:
    return _entry(account, dispute, -dispute["amount"], "dispute", fee=FEE)


def _entry(account: Account, dispute: Json, amount: int, category: str, *, fee: int = 0) -> Json:
    return balance.book(account, "adjustment", dispute, amount=amount, fee=fee, category=category)
