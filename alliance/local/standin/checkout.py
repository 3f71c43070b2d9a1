"""Checkout Sessions: opened by the site, closed by time, by the site or by a payment."""

import re
import secrets
from typing import Any

from alliance.local.standin import methods
from alliance.local.standin.account import PREFIXES, Account, StripeError, refuse_unknown
from alliance.local.standin.schemas import Json

# What Stripe calls the least for a payment, in minor units.
# fmt: off
MINIMUM = {
    "aud": 50, "cad": 50, "chf": 50, "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400,
    "jpy": 50, "mxn": 1000, "nok": 300, "nzd": 50, "sek": 300, "sgd": 50, "usd": 50,
}
# fmt: on
MAXIMUM = 99_999_999
SHORTEST, LONGEST = 30 * 60, 24 * 60 * 60
SHOWN = {
    *("adaptive_pricing", "cancel_url", "client_reference_id", "customer_creation"),
    *("customer_email", "locale", "metadata", "mode", "submit_type", "success_url", "ui_mode"),
}
READ = {"expires_at", "line_items"}
# What Stripe takes in one mode alone.
ONLY_IN = {
    "payment": {"customer_creation", "payment_intent_data"},
    "subscription": {"subscription_data"},
}
SUBSCRIPTION_DATA = {"description", "metadata"}


def create(account: Account, request: Json) -> Json:
    """Open a session for one payment, or for a monthly plan and the first payment of it."""
    is_plan = request.get("mode") == "subscription"
    refuse_unknown(request, SHOWN | READ | ONLY_IN["payment"] | ONLY_IN["subscription"])
    refuse_unknown(request.get("subscription_data", {}), SUBSCRIPTION_DATA)
    now = account.store.now()
    # Asked for by the site's clock, which does not move on with this one.
    expires_at = request.get("expires_at", now - account.store.ahead() + LONGEST)
    expires_at += account.store.ahead()
    _check(request, expires_at - now)
    amount, currency = _price(account, request.get("line_items", []), is_plan=is_plan)
    identifier = PREFIXES["checkout.session"] + secrets.token_hex(20)
    shown: Json = {
        "customer_creation": None if is_plan else "if_required",
        "payment_method_collection": "always" if is_plan else "if_required",
        "ui_mode": "hosted_page",
        **{key: request[key] for key in request.keys() & SHOWN},
        "metadata": request.get("metadata") or {},
    }
    return account.new(
        "checkout.session",
        request,
        **shown,
        id=identifier,
        amount_subtotal=amount,
        amount_total=amount,
        currency=currency,
        expires_at=expires_at,
        payment_method_types=["card"] if is_plan else ["card", "sepa_debit"],
        payment_status="unpaid",
        status="open",
        url=_address(account, identifier),
    )


def complete(account: Account, session: Json, **changes: Any) -> None:
    """Close a session that is done, and tell of it."""
    account.change(session, status="complete", url=None, **changes)
    account.emit("checkout.session.completed", session)


def expire(account: Account, identifier: str) -> Json:
    """Close an open session. Raises StripeError where it is not open."""
    session = account.get("checkout.session", identifier)
    if session["status"] != "open":
        raise StripeError(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
    account.change(session, status="expired", url=None)
    account.emit("checkout.session.expired", session)
    return session


def expire_due(account: Account) -> None:
    """Close every open session whose time is over."""
    with account.store.transaction():
        for identifier in account.store.overdue_sessions():
            expire(account, identifier)


def move(account: Account) -> None:
    """Take the addresses of open pages along to where the stand-in listens now."""
    for session in account.store.find("checkout.session", fields={"status": "open"}):
        account.change(session, url=_address(account, session["id"]))


def numbers(session: Json) -> frozenset[str]:
    """Return the test methods that a session takes; a plan is paid by card alone."""
    return methods.CARD_NUMBERS if session["mode"] == "subscription" else methods.NUMBERS


def title(account: Account, session: Json) -> str:
    """Return what the payment is for: the name of its product."""
    price = price_of(account, session)
    if "product" in price:
        return str(account.get("product", price["product"])["name"])
    return str(price["product_data"]["name"])


def price_of(account: Account, session: Json) -> Json:
    """Return the `price_data` of a session's first item."""
    items = account.store.request_of(session["id"])["line_items"]
    return dict(items[0]["price_data"])


def check_amount(amount: int, currency: str, param: str = "line_items") -> None:
    """Raise StripeError where an amount, in minor units, is none that Stripe takes."""
    if currency not in MINIMUM:
        raise StripeError(f"Invalid currency: {currency}", param=param)
    if amount < MINIMUM[currency]:
        least = f"{MINIMUM[currency]} {currency} in minor units"
        message = f"The Checkout Session's total amount due must add up to at least {least}."
        raise StripeError(message, code="amount_too_small", param=param)
    if amount > MAXIMUM:
        message = f"The Checkout Session's total amount must be no more than {MAXIMUM}."
        raise StripeError(message, code="amount_too_large", param=param)


def check_monthly(price: Json, param: str = "line_items") -> None:
    """Raise StripeError where a price recurs in another rhythm than once a month."""
    recurring = price["recurring"]
    if recurring["interval"] != "month" or recurring.get("interval_count", 1) != 1:
        raise StripeError("The stand-in bills once a month only.", param=param)


def _address(account: Account, identifier: str) -> str:
    return f"{account.base_url}/c/pay/{identifier}"


def _check(request: Json, lifetime: int) -> None:
    mode = request.get("mode")
    if mode not in ONLY_IN:
        raise StripeError("You must provide `mode`: payment or subscription.", param="mode")
    for other in ONLY_IN.keys() - {mode}:
        for param in sorted(request.keys() & ONLY_IN[other]):
            raise StripeError(f"You can not pass `{param}` in `{mode}` mode.", param=param)
    if request.get("ui_mode", "hosted_page") != "hosted_page":
        raise StripeError("The stand-in has the hosted page only.", param="ui_mode")
    if "success_url" not in request:
        code = "parameter_missing"
        raise StripeError("Missing required param: success_url.", code=code, param="success_url")
    for param in ("success_url", "cancel_url"):
        if not re.match(r"https?://[^/]", request.get(param, "http://x")):
            raise StripeError("Not a valid URL", code="url_invalid", param=param)
    if not SHORTEST <= lifetime <= LONGEST:
        raise StripeError(
            "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from"
            " Checkout Session creation.",
            param="expires_at",
        )


def _price(account: Account, items: list[Json], *, is_plan: bool) -> tuple[int, str]:
    """Return what a session asks for, in minor units, and its currency."""
    if not items:
        code = "parameter_missing"
        raise StripeError("You must provide `line_items`.", code=code, param="line_items")
    amount = 0
    for item in items:
        price = item.get("price_data", {})
        if "unit_amount" not in price or not price.keys() & {"product", "product_data"}:
            message = "The stand-in needs `price_data` with `unit_amount` and a product."
            raise StripeError(message, param="line_items")
        _check_interval(price, is_plan=is_plan)
        if "product" in price:
            param = "line_items[0][price_data][product]"
            account.get("product", price["product"], param)
        amount += price["unit_amount"] * item.get("quantity", 1)
    currencies = {item["price_data"]["currency"].lower() for item in items}
    currency = str(currencies.pop())
    if currencies or (is_plan and (len(items), items[0].get("quantity", 1)) != (1, 1)):
        message = "All items need one currency, and a plan is one item at the stand-in."
        raise StripeError(message, param="line_items")
    check_amount(amount, currency)
    return amount, currency


def _check_interval(price: Json, *, is_plan: bool) -> None:
    if is_plan != ("recurring" in price):
        mode, kind = ("subscription", "recurring") if is_plan else ("payment", "one-time")
        message = f"You must provide {kind} prices in `{mode}` mode."
        raise StripeError(message, param="line_items")
    if is_plan:
        check_monthly(price)
