"""Payments on a session's page: what pressing Pay does, and what banks answer later."""

from typing import Any

from alliance.local.standin import billing, checkout, intents, methods
from alliance.local.standin.account import Account, StripeError
from alliance.local.standin.methods import Refusal
from alliance.local.standin.schemas import Json

NOT_YOU = Refusal(
    "payment_intent_authentication_failure",
    "We could not authenticate your card. Choose another way to pay.",
)
RETURNED = Refusal(
    "payment_intent_payment_attempt_failed", "The customer's bank returned the payment."
)


def pay(account: Account, session_id: str, *, method: str, email: str, name: str) -> Json:
    """Press Pay on a session's page and return its payment intent, which tells the outcome.

    A complete session stays as it is: a second press changes nothing. Raises StripeError
    where the session has expired or does not take the method.
    """
    with account.store.transaction():
        session = _payable(account, session_id)
        if session["status"] == "complete":
            return intent_of(account, session)
        if method not in checkout.numbers(session):
            raise StripeError("Choose one of the test methods.", param="method")
        _remember_payer(account, session, email=session["customer_email"] or email, name=name)
        made = methods.create(account, method, **payer(session))
        intent = _intent(account, session, made)
        refusal = methods.refusal(account, made, off_session=False)
        if refusal:
            intents.decline(account, intent, made, refusal)
        elif method == methods.ASKS_3DS:
            _ask(account, intent, made)
        elif method == methods.SETTLES_LATER:
            account.change(intent, status="processing")
            account.emit("payment_intent.processing", intent)
            pending = intents.charge(account, intent, made, status="pending")
            account.emit("charge.pending", pending)
            _complete(account, session, payment_status="unpaid")
        else:
            _take(account, session, intent, made)
        return intent


def authenticate(account: Account, session_id: str, *, succeeded: bool) -> Json:
    """Answer a session's 3-D Secure question and return its payment intent."""
    with account.store.transaction():
        session = _payable(account, session_id)
        intent = intent_of(account, session)
        if intent["status"] != "requires_action":
            return intent
        method = account.get("payment_method", intent["payment_method"])
        if succeeded:
            _take(account, session, intent, method)
        else:
            intents.fail(account, intent, method, NOT_YOU)
        return intent


def settle(account: Account, session_id: str, *, succeeded: bool) -> Json:
    """Let the bank answer for a delayed payment and return the session."""
    with account.store.transaction():
        session = account.get("checkout.session", session_id)
        intent = intent_of(account, session)
        if intent["status"] != "processing":
            raise StripeError(f"{session_id} does not wait for a bank.")
        charge = account.get("charge", intent["latest_charge"])
        if succeeded:
            account.change(charge, status="succeeded", paid=True)
            intents.succeed(account, intent, charge)
            intents.capture(account, charge)
            account.change(session, payment_status="paid")
            account.emit("checkout.session.async_payment_succeeded", session)
        else:
            account.change(charge, status="failed", amount_captured=0, captured=False)
            account.emit("charge.failed", charge)
            method = account.get("payment_method", charge["payment_method"])
            intents.fail(account, intent, method, RETURNED)
            account.emit("checkout.session.async_payment_failed", session)
        return session


def intent_of(account: Account, session: Json) -> Json:
    """Return a session's payment intent. Raises StripeError where nobody tried to pay yet."""
    noted = account.store.request_of(session["id"])
    # A session of an earlier version shows its intent, and has no note of it.
    intent_id = noted.get("intent") or session["payment_intent"] or ""
    return account.get("payment_intent", intent_id, "payment_intent")


def payer(session: Json) -> Json:
    """Return who pays: the e-mail address and name given on the page."""
    details = session["customer_details"]
    return {"email": details["email"], "name": details["name"]}


def _payable(account: Account, session_id: str) -> Json:
    session = account.get("checkout.session", session_id)
    if session["status"] == "expired":
        raise StripeError("This Checkout Session has expired.", param="session")
    return session


def _intent(account: Account, session: Json, method: Json) -> Json:
    """Return the one payment intent of a session, made at the first attempt to pay.

    A plan's intent belongs to its invoice: the session does not show it, and as at Stripe it
    carries no metadata.
    """
    noted = account.store.request_of(session["id"])
    if "intent" in noted or session["payment_intent"]:
        intent = intent_of(account, session)
        account.change(intent, payment_method_types=[method["type"]])
        return intent
    wishes: Json = noted.get("payment_intent_data", {})
    is_plan = session["mode"] == "subscription"
    intent = intents.create(
        account,
        amount=session["amount_total"],
        currency=session["currency"],
        kind=method["type"],
        description=billing.FIRST if is_plan else wishes.get("description"),
        metadata=wishes.get("metadata") or {},
        statement_descriptor_suffix=wishes.get("statement_descriptor_suffix"),
    )
    account.store.note(session["id"], intent=intent["id"])
    if not is_plan:
        account.change(session, payment_intent=intent["id"])
    return intent


def _remember_payer(account: Account, session: Json, *, email: str, name: str) -> None:
    unasked = ("address", "business_name", "individual_name", "phone", "tax_ids")
    details: Json = {**dict.fromkeys(unasked), "email": email, "name": name or None}
    account.change(session, customer_details=details | {"tax_exempt": "none"})


def _ask(account: Account, intent: Json, method: Json) -> None:
    """Put the 3-D Secure question, and tell of it once."""
    is_asked = intent["status"] == "requires_action"
    account.change(intent, status="requires_action", payment_method=method["id"])
    if not is_asked:
        account.emit("payment_intent.requires_action", intent)


def _take(account: Account, session: Json, intent: Json, method: Json) -> None:
    """Take the money of an intent and complete its session."""
    if session["mode"] == "subscription":
        billing.start(account, session, intent, method)
        return
    charge = intents.charge(account, intent, method, status="succeeded")
    intents.succeed(account, intent, charge)
    intents.capture(account, charge)
    _complete(account, session, payment_status="paid")


def _complete(account: Account, session: Json, *, payment_status: str) -> None:
    changes: dict[str, Any] = {"payment_status": payment_status}
    if session["customer_creation"] == "always":
        customer = account.new("customer", **payer(session))
        account.emit("customer.created", customer)
        changes["customer"] = customer["id"]
    checkout.complete(account, session, **changes)
