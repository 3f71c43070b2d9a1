"""Payments: what pressing Pay does, what banks answer later, and money going back."""

import secrets
from typing import Any

from alliance.local.standin.account import Account, StripeError, refuse_unknown
from alliance.local.standin.schemas import Json

PAYS = "4242424242424242"
DECLINES = "4000000000000002"
ASKS_3DS = "4000002760003184"
DISPUTED_LATER = "4000000000000259"
SETTLES_LATER = "DE89370400440532013000"
METHODS = (PAYS, DECLINES, ASKS_3DS, DISPUTED_LATER, SETTLES_LATER)
REFUND_PARAMETERS = {"amount", "charge", "metadata", "payment_intent", "reason"}


def pay(account: Account, session_id: str, *, method: str, email: str, name: str) -> Json:
    """Press Pay on a session's page and return its payment intent, which tells the outcome.

    A complete session stays as it is: a second press changes nothing. Raises StripeError
    where the session has expired or the method is none of METHODS.
    """
    if method not in METHODS:
        raise StripeError("Choose one of the test methods.", param="method")
    with account.store.transaction():
        session = _payable(account, session_id)
        if session["status"] == "complete":
            return account.get("payment_intent", session["payment_intent"])
        intent = _intent(account, session, method)
        _remember_payer(account, session, email=session["customer_email"] or email, name=name)
        if method == DECLINES:
            charge = _charge(account, session, intent, status="failed")
            account.emit("charge.failed", charge)
            _fail(account, intent, "card_declined", "Your card was declined.")
        elif method == ASKS_3DS:
            if intent["status"] != "requires_action":
                account.change(intent, status="requires_action")
                account.emit("payment_intent.requires_action", intent)
        elif method == SETTLES_LATER:
            account.change(intent, status="processing")
            account.emit("payment_intent.processing", intent)
            account.emit("charge.pending", _charge(account, session, intent, status="pending"))
            _complete(account, session, payment_status="unpaid")
        else:
            _succeed(account, intent, _charge(account, session, intent, status="succeeded"))
            _complete(account, session, payment_status="paid")
        return intent


def authenticate(account: Account, session_id: str, *, succeeded: bool) -> Json:
    """Answer a session's 3-D Secure question and return its payment intent."""
    with account.store.transaction():
        session = _payable(account, session_id)
        intent = account.get("payment_intent", session["payment_intent"] or "")
        if intent["status"] != "requires_action":
            return intent
        if succeeded:
            _succeed(account, intent, _charge(account, session, intent, status="succeeded"))
            _complete(account, session, payment_status="paid")
        else:
            code = "payment_intent_authentication_failure"
            message = "We could not authenticate your card. Choose another way to pay."
            _fail(account, intent, code, message)
        return intent


def settle(account: Account, session_id: str, *, succeeded: bool) -> Json:
    """Let the bank answer for a delayed payment and return the session."""
    with account.store.transaction():
        session = account.get("checkout.session", session_id)
        intent_id = session["payment_intent"] or ""
        intent = account.get("payment_intent", intent_id, "payment_intent")
        if intent["status"] != "processing":
            raise StripeError(f"{session_id} does not wait for a bank.")
        charge = account.get("charge", intent["latest_charge"])
        if succeeded:
            account.change(charge, status="succeeded", paid=True)
            _succeed(account, intent, charge)
            account.change(session, payment_status="paid")
            account.emit("checkout.session.async_payment_succeeded", session)
        else:
            account.change(charge, status="failed", amount_captured=0, captured=False)
            account.emit("charge.failed", charge)
            message = "The customer's bank returned the payment."
            _fail(account, intent, "payment_intent_payment_attempt_failed", message)
            account.emit("checkout.session.async_payment_failed", session)
        return session


def refund(account: Account, request: Json) -> Json:
    """Give back a payment, or the part of it that `amount` says (minor units)."""
    refuse_unknown(request, REFUND_PARAMETERS)
    with account.store.transaction():
        charge = _refundable(account, request)
        left = charge["amount"] - charge["amount_refunded"]
        amount = request.get("amount", left)
        if left == 0:
            message = f"Charge {charge['id']} has already been refunded."
            raise StripeError(message, code="charge_already_refunded")
        if not 0 < amount <= left:
            message = f"Refund amount ({amount}) must be from 1 to the unrefunded {left}."
            raise StripeError(message, param="amount")
        is_card = charge["id"].startswith("ch_")
        made = account.new(
            "refund",
            # Stripe gives refunds of other methods than cards another prefix.
            id=("re_" if is_card else "pyr_") + secrets.token_hex(12),
            amount=amount,
            charge=charge["id"],
            currency=charge["currency"],
            metadata=request.get("metadata") or {},
            payment_intent=charge["payment_intent"],
            reason=request.get("reason"),
            status="succeeded",
        )
        kind = "refund" if is_card else "payment_refund"
        account.change(made, balance_transaction=account.book(kind, made, -amount, 0))
        refunded = charge["amount_refunded"] + amount
        account.change(charge, amount_refunded=refunded, refunded=amount == left)
        account.emit("refund.created", made)
        account.emit("charge.refunded", charge)
        account.emit("refund.updated", made)
        return made


def _payable(account: Account, session_id: str) -> Json:
    session = account.get("checkout.session", session_id)
    if session["status"] == "expired":
        raise StripeError("This Checkout Session has expired.", param="session")
    return session


def _intent(account: Account, session: Json, method: str) -> Json:
    """Return the one payment intent of a session, made at the first attempt to pay."""
    kind = "sepa_debit" if method == SETTLES_LATER else "card"
    if session["payment_intent"]:
        intent = account.get("payment_intent", session["payment_intent"])
        account.change(intent, payment_method_types=[kind])
        return intent
    wishes: Json = account.store.request_of(session["id"]).get("payment_intent_data", {})
    intent = account.new(
        "payment_intent",
        amount=session["amount_total"],
        capture_method="automatic_async",
        confirmation_method="automatic",
        currency=session["currency"],
        description=wishes.get("description"),
        metadata=wishes.get("metadata") or {},
        payment_method_types=[kind],
        statement_descriptor_suffix=wishes.get("statement_descriptor_suffix"),
        status="requires_payment_method",
    )
    account.change(session, payment_intent=intent["id"])
    account.emit("payment_intent.created", intent)
    return intent


def _remember_payer(account: Account, session: Json, *, email: str, name: str) -> None:
    unasked = ("address", "business_name", "individual_name", "phone", "tax_ids")
    details: Json = {**dict.fromkeys(unasked), "email": email, "name": name or None}
    account.change(session, customer_details=details | {"tax_exempt": "none"})


def _charge(account: Account, session: Json, intent: Json, *, status: str) -> Json:
    details = session["customer_details"]
    prefix = "ch_" if intent["payment_method_types"] == ["card"] else "py_"
    is_taken = status != "failed"
    charge = account.new(
        "charge",
        id=prefix + secrets.token_hex(12),
        amount=intent["amount"],
        amount_captured=intent["amount"] if is_taken else 0,
        billing_details=dict.fromkeys(("address", "phone", "tax_id"))
        | {"email": details["email"], "name": details["name"]},
        captured=is_taken,
        currency=intent["currency"],
        description=intent["description"],
        metadata=intent["metadata"],
        paid=status == "succeeded",
        payment_intent=intent["id"],
        status=status,
    )
    account.change(intent, latest_charge=charge["id"])
    return charge


def _succeed(account: Account, intent: Json, charge: Json) -> None:
    received = intent["amount"]
    account.change(intent, status="succeeded", amount_received=received, last_payment_error=None)
    account.emit("charge.succeeded", charge)
    account.emit("payment_intent.succeeded", intent)
    # Capture is asynchronous: the fee is known only after the success has been told.
    kind = "charge" if charge["id"].startswith("ch_") else "payment"
    fee = charge["amount"] * 15 // 1000 + 20
    account.change(charge, balance_transaction=account.book(kind, charge, charge["amount"], fee))
    account.emit("charge.updated", charge, balance_transaction=None)


def _fail(account: Account, intent: Json, code: str, message: str) -> None:
    error: Json = {"type": "card_error", "code": code, "message": message}
    if code == "card_declined":
        error["decline_code"] = "generic_decline"
    account.change(intent, status="requires_payment_method", last_payment_error=error)
    account.emit("payment_intent.payment_failed", intent)


def _complete(account: Account, session: Json, *, payment_status: str) -> None:
    changes: dict[str, Any] = {"status": "complete", "payment_status": payment_status, "url": None}
    if session["customer_creation"] == "always":
        details = session["customer_details"]
        customer = account.new("customer", email=details["email"], name=details["name"])
        account.emit("customer.created", customer)
        changes["customer"] = customer["id"]
    account.change(session, **changes)
    account.emit("checkout.session.completed", session)


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
    return charge
