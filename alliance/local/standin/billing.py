"""Billing: plans begin, renew, fail and recover; each renewal happens at its own moment."""

from alliance.local.standin import checkout, intents, invoices, methods, subscriptions
from alliance.local.standin.account import Account, CardError, StripeError, refuse_unknown
from alliance.local.standin.methods import Refusal
from alliance.local.standin.schemas import Json

DAY = 24 * 60 * 60
# How long after each failed attempt the next one follows; after the last the plan ends.
RETRY_AFTER_DAYS = (3, 5, 7)
FIRST, LATER = "Subscription creation", "Subscription update"


def start(account: Account, session: Json, intent: Json, method: Json) -> None:
    """Take the first payment of a session's plan, and complete the session."""
    payer = method["billing_details"]
    customer = account.new("customer", email=payer["email"], name=payer["name"])
    account.emit("customer.created", customer)
    methods.attach(account, method, customer["id"])
    subscription = subscriptions.create(
        account,
        customer=customer["id"],
        method=method["id"],
        price=checkout.price_of(account, session),
        wishes=account.store.request_of(session["id"]).get("subscription_data", {}),
    )
    invoice = invoices.create(account, subscription, reason="subscription_create")
    account.change(subscription, latest_invoice=invoice["id"])
    invoices.finalise(account, invoice)
    account.change(intent, customer=customer["id"])
    invoices.await_payment(account, invoice, intent)
    invoices.count_attempt(account, invoice)
    charge = intents.charge(account, intent, method, status="succeeded")
    intents.succeed(account, intent, charge)
    invoices.mark_paid(account, invoice)
    made = {"customer": customer["id"], "invoice": invoice["id"]}
    made["subscription"] = subscription["id"]
    checkout.complete(account, session, payment_status="paid", **made)
    intents.capture(account, charge)


def renew(account: Account, identifier: str) -> None:
    """Begin a plan's next month: bill it, skip it while paused, or end it where that is asked."""
    subscription = account.get("subscription", identifier)
    if subscription["cancel_at_period_end"]:
        subscriptions.end(account, subscription, reason="cancellation_requested")
        return
    items = subscriptions.moved_on(subscription)
    account.store.plan(identifier, "renew", items["data"][0]["current_period_end"])
    moved = subscription | {"items": items}
    invoice = invoices.create(account, moved, reason="subscription_cycle")
    subscriptions.change(account, subscription, items=items, latest_invoice=invoice["id"])
    invoices.finalise(account, invoice)
    if subscription["pause_collection"]:
        invoices.void(account, invoice)
        return
    intent = intents.create(
        account,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        kind="card",
        customer=invoice["customer"],
        description=LATER,
    )
    invoices.await_payment(account, invoice, intent)
    _collect(account, subscription, invoice)


def resume(account: Account, identifier: str) -> None:
    """End a plan's pause."""
    subscriptions.change(account, account.get("subscription", identifier), pause_collection=None)


def retry(account: Account, invoice_id: str) -> None:
    """Try once more to collect an invoice that was not paid."""
    invoice = account.get("invoice", invoice_id)
    _collect(account, invoices.subscription_of(account, invoice), invoice)


def pay_by_api(account: Account, invoice_id: str, request: Json) -> Json:
    """Try to collect an invoice now, without the payer. Raises CardError where a bank refuses."""
    refuse_unknown(request, {"off_session", "payment_method"})
    with account.store.transaction():
        invoice = _payable(account, invoice_id)
        subscription = invoices.subscription_of(account, invoice)
        method_id = request.get("payment_method") or subscription["default_payment_method"]
        method = account.get("payment_method", method_id, "payment_method")
        refusal = _attempt(account, subscription, invoice, method, off_session=True)
        if refusal:
            raise CardError(refusal.message, code=refusal.code)
        return invoice


def pay_on_page(account: Account, invoice_id: str, number: str) -> Refusal | None:
    """Pay an invoice on its page; a card that pays becomes the plan's own.

    Returns why the bank refused, if it did. Raises StripeError where there is nothing to pay.
    """
    with account.store.transaction():
        invoice = _payable(account, invoice_id)
        subscription = invoices.subscription_of(account, invoice)
        method = _card(account, number, account.get("customer", subscription["customer"]))
        refusal = _attempt(account, subscription, invoice, method, off_session=False)
        if not refusal and subscription["status"] in subscriptions.RUNNING:
            methods.attach(account, method, subscription["customer"])
            subscriptions.change(account, subscription, default_payment_method=method["id"])
        return refusal


def change_card(account: Account, owner: str, number: str) -> Refusal | None:
    """Give a customer another card or, of a subscription, that plan and its customer.

    A customer's own card does not become that of plans which have one: they are changed by whoever
    started them. Returns why the bank refused, if it did.
    """
    with account.store.transaction():
        is_plan = owner.startswith("sub_")
        customer_id = account.get("subscription", owner)["customer"] if is_plan else owner
        customer = account.get("customer", customer_id)
        method = _card(account, number, customer)
        if refusal := methods.refusal(account, method, off_session=False):
            return refusal
        methods.attach(account, method, customer["id"])
        previous = customer["invoice_settings"]
        account.change(customer, invoice_settings={"default_payment_method": method["id"]})
        account.emit("customer.updated", customer, invoice_settings=previous)
        if is_plan:
            subscription = account.get("subscription", owner)
            subscriptions.change(account, subscription, default_payment_method=method["id"])
        return None


def _card(account: Account, number: str, customer: Json) -> Json:
    if number not in methods.CARD_NUMBERS:
        raise StripeError("A plan is paid by card: choose one of them.", param="method")
    return methods.create(account, number, email=customer["email"], name=customer["name"])


def _payable(account: Account, invoice_id: str) -> Json:
    invoice = account.get("invoice", invoice_id)
    if invoice["status"] == "paid":
        raise StripeError("Invoice is already paid")
    if invoice["status"] not in invoices.PAYABLE:
        raise StripeError(f"An invoice that is {invoice['status']} cannot be paid.")
    return invoice


def _collect(account: Account, subscription: Json, invoice: Json) -> None:
    """Make the scheduled attempt to take an invoice's money, and arrange what follows."""
    method = account.get("payment_method", subscription["default_payment_method"])
    if not _attempt(account, subscription, invoice, method, off_session=True, is_scheduled=True):
        return
    if invoice["next_payment_attempt"] is None:
        subscriptions.end(account, subscription, reason="payment_failed")
        invoices.give_up(account, invoice)
    else:
        subscriptions.change(account, subscription, status="past_due")


def _attempt(
    account: Account,
    subscription: Json,
    invoice: Json,
    method: Json,
    *,
    off_session: bool,
    is_scheduled: bool = False,
) -> Refusal | None:
    """Try one method on an invoice, and say why it did not pay, if so."""
    intent = invoices.intent_of(account, invoice)
    invoices.count_attempt(account, invoice)
    refusal = methods.refusal(account, method, off_session=off_session)
    if refusal:
        intents.decline(account, intent, method, refusal)
        if is_scheduled:
            _schedule_retry(account, invoice)
        if refusal == methods.UNCONFIRMED:
            account.emit("invoice.payment_action_required", invoice)
        account.emit("invoice.payment_failed", invoice)
        return refusal
    charge = intents.charge(account, intent, method, status="succeeded")
    intents.succeed(account, intent, charge)
    invoices.mark_paid(account, invoice)
    still_owes = invoices.of(account, subscription, status="open")
    if subscription["status"] == "past_due" and not still_owes:
        subscriptions.change(account, subscription, status="active")
    intents.capture(account, charge)
    return None


def _schedule_retry(account: Account, invoice: Json) -> None:
    tried = account.store.request_of(invoice["id"]).get("retries", 0)
    is_last = tried == len(RETRY_AFTER_DAYS)
    due = None if is_last else account.store.now() + RETRY_AFTER_DAYS[tried] * DAY
    account.store.note(invoice["id"], retries=tried + 1)
    account.store.plan(invoice["id"], "retry", due)
    account.change(invoice, next_payment_attempt=due)
