"""Subscriptions: monthly plans, changed and ended by the site or by those who pay."""

import calendar
import datetime as dt
import secrets
from typing import Any

from alliance.local.standin import checkout, contract, invoices
from alliance.local.standin.account import Account, StripeError, refuse_unknown
from alliance.local.standin.schemas import Json

UPDATABLE = {
    *("cancel_at_period_end", "cancellation_details", "default_payment_method", "description"),
    *("items", "metadata", "pause_collection", "proration_behavior"),
}
RUNNING = ("active", "past_due")


def create(account: Account, *, customer: str, method: str, price: Json, wishes: Json) -> Json:
    """Start a plan of one item; `price` is a request's `price_data`, `wishes` the rest of it."""
    now = account.store.now()
    subscription = account.new(
        "subscription",
        billing_cycle_anchor=now,
        currency=price["currency"].lower(),
        customer=customer,
        default_payment_method=method,
        description=wishes.get("description"),
        metadata=wishes.get("metadata") or {},
        start_date=now,
        status="active",
    )
    item = contract.skeleton("subscription_item") | {
        "id": f"si_{secrets.token_hex(7)}",
        "created": now,
        "current_period_start": now,
        "current_period_end": next_month(now, now),
        "quantity": 1,
        "subscription": subscription["id"],
        **_priced(account, price),
    }
    url = f"/v1/subscription_items?subscription={subscription['id']}"
    items = {"object": "list", "data": [item], "has_more": False, "url": url}
    account.change(subscription, items=items)
    account.store.plan(subscription["id"], "renew", item["current_period_end"])
    account.emit("customer.subscription.created", subscription)
    return subscription


def update(account: Account, identifier: str, request: Json) -> Json:
    """Change a plan that has not ended; a new price holds from the next month on."""
    refuse_unknown(request, UPDATABLE)
    with account.store.transaction():
        subscription = running(account, identifier)
        change(account, subscription, **_changes(account, subscription, request))
        if "pause_collection" in request:
            pause = subscription["pause_collection"] or {}
            account.store.plan(identifier, "resume", pause.get("resumes_at"))
        return subscription


def cancel(account: Account, identifier: str, request: Json) -> Json:
    """End a plan at once. Raises StripeError (404) where it has ended already."""
    refuse_unknown(request, {"cancellation_details", "invoice_now", "prorate"})
    if request.get("invoice_now") or request.get("prorate"):
        raise StripeError("The stand-in prorates nothing when a plan ends.", param="prorate")
    with account.store.transaction():
        subscription = running(account, identifier)
        told = request.get("cancellation_details", {})
        end(account, subscription, reason="cancellation_requested", **told)
        return subscription


def end(account: Account, subscription: Json, *, reason: str, **told: str) -> None:
    """Cancel a plan for Stripe's `reason`; nothing more of it is collected."""
    now = account.store.now()
    account.store.forget(subscription["id"])
    details = {"comment": None, "feedback": None} | (subscription["cancellation_details"] or {})
    account.change(
        subscription,
        canceled_at=subscription["canceled_at"] or now,
        cancellation_details={**details, **told, "reason": reason},
        ended_at=now,
        status="canceled",
    )
    invoices.stop_collecting(account, subscription)
    account.emit("customer.subscription.deleted", subscription)


def change(account: Account, subscription: Json, **changes: Any) -> None:
    """Change a plan and tell what was before; what stays the same is not told."""
    previous = {
        name: subscription[name] for name, value in changes.items() if subscription[name] != value
    }
    if previous:
        account.change(subscription, **changes)
        account.emit("customer.subscription.updated", subscription, **previous)


def running(account: Account, identifier: str) -> Json:
    """Return a plan that has not ended. Raises StripeError (404) for others, as Stripe does."""
    subscription = account.get("subscription", identifier)
    if subscription["status"] not in RUNNING:
        message, code = f"No such subscription: '{identifier}'", "resource_missing"
        raise StripeError(message, status=404, code=code, param="id")
    return subscription


def of(account: Account, customer: str) -> list[Json]:
    """Return a customer's plans that have not ended, newest first."""
    fields = {"customer": customer, "status": list(RUNNING)}
    return account.store.find("subscription", fields=fields)


def moved_on(subscription: Json) -> Json:
    """Return a plan's items with the period after the current one."""
    (item,) = subscription["items"]["data"]
    start = item["current_period_end"]
    period = {
        "current_period_start": start,
        "current_period_end": next_month(start, subscription["billing_cycle_anchor"]),
    }
    return {**subscription["items"], "data": [item | period]}


def next_month(moment: int, anchor: int) -> int:
    """Return when a period that begins at `moment` ends: the anchor's day, or the month's last.

    So a plan begun on 31 January renews on 28 February and on 31 March.
    """
    begun = dt.datetime.fromtimestamp(anchor, dt.UTC)
    now = dt.datetime.fromtimestamp(moment, dt.UTC)
    year, month = now.year + now.month // 12, now.month % 12 + 1
    day = min(begun.day, calendar.monthrange(year, month)[1])
    return int(begun.replace(year=year, month=month, day=day).timestamp())


def _changes(account: Account, subscription: Json, request: Json) -> Json:
    """Return the fields that an update asks to change."""
    changes: Json = {}
    if "items" in request:
        if request.get("proration_behavior") != "none":
            message = "The stand-in prorates nothing: say proration_behavior=none."
            raise StripeError(message, param="proration_behavior")
        changes["items"] = _repriced(account, subscription, request["items"])
    if "pause_collection" in request:
        changes["pause_collection"] = _pause(account, request["pause_collection"])
    if "cancel_at_period_end" in request:
        changes |= _ending(account, subscription, is_ending=request["cancel_at_period_end"])
    if method := request.get("default_payment_method"):
        changes["default_payment_method"] = _own_method(account, subscription, method)
    if "metadata" in request:
        merged = subscription["metadata"] | (request["metadata"] or {})
        kept = {key: value for key, value in merged.items() if value}
        changes["metadata"] = kept if request["metadata"] else {}
    if "description" in request:
        changes["description"] = request["description"] or None
    if "cancellation_details" in request:
        details = subscription["cancellation_details"] or {}
        changes["cancellation_details"] = details | request["cancellation_details"]
    return changes


def _priced(account: Account, price_data: Json) -> Json:
    """Return the price of an item, and the same once more in its older shape, the plan."""
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    product = price_data.get("product")
    if product is None:
        product = account.create_product(price_data["product_data"])["id"]
    price = account.new(
        "price",
        active=True,
        billing_scheme="per_unit",
        currency=price_data["currency"].lower(),
        product=product,
        recurring=recurring,
        type="recurring",
        unit_amount=price_data["unit_amount"],
        unit_amount_decimal=str(price_data["unit_amount"]),
    )
    shared = ("active", "billing_scheme", "created", "currency", "id", "livemode", "product")
    plan = contract.skeleton("plan") | {key: price[key] for key in shared} | recurring
    return {"price": price, "plan": plan | {"amount": price["unit_amount"]}}


def _repriced(account: Account, subscription: Json, requested: list[Json]) -> Json:
    (item,) = subscription["items"]["data"]
    if len(requested) != 1 or requested[0].get("id") != item["id"]:
        raise StripeError(f"Name the one item by its id: {item['id']}.", param="items")
    refuse_unknown(requested[0], {"id", "price_data", "quantity"})
    if requested[0].get("quantity", 1) != 1 or "price_data" not in requested[0]:
        raise StripeError("The stand-in changes `price_data` alone.", param="items")
    price, param = requested[0]["price_data"], "items[0][price_data]"
    currency = price["currency"].lower()
    if "unit_amount" not in price or currency != subscription["currency"]:
        message = f"This plan needs `unit_amount` in {subscription['currency']}."
        raise StripeError(message, param=param)
    account.get("product", price["product"], f"{param}[product]")
    checkout.check_monthly(price, param)
    checkout.check_amount(price["unit_amount"], currency, param)
    return {**subscription["items"], "data": [item | _priced(account, price)]}


def _pause(account: Account, wanted: Json | str) -> Json | None:
    if not isinstance(wanted, dict):
        return None
    if wanted["behavior"] != "void":
        raise StripeError("The stand-in pauses with behavior=void only.", param="pause_collection")
    resumes_at = wanted.get("resumes_at")
    if resumes_at is not None and resumes_at <= account.store.now():
        message = "`resumes_at` must be in the future."
        raise StripeError(message, param="pause_collection[resumes_at]")
    return {"behavior": "void", "resumes_at": resumes_at}


def _ending(account: Account, subscription: Json, *, is_ending: bool) -> Json:
    (item,) = subscription["items"]["data"]
    return {
        "cancel_at": item["current_period_end"] if is_ending else None,
        "cancel_at_period_end": is_ending,
        "canceled_at": account.store.now() if is_ending else None,
    }


def _own_method(account: Account, subscription: Json, identifier: str) -> str:
    method = account.get("payment_method", identifier, "default_payment_method")
    if method["customer"] != subscription["customer"]:
        message = "The customer does not have a payment method with this ID."
        raise StripeError(message, param="default_payment_method")
    return identifier
