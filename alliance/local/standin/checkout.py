"""Checkout Sessions: opened by the site, closed by time, by the site or by a payment."""

import re
import secrets

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
READ = {"expires_at", "line_items", "payment_intent_data"}


def create(account: Account, request: Json) -> Json:
    """Open a session for one payment."""
    if request.get("mode") == "subscription":
        raise StripeError("The stand-in does not do mode=subscription yet.", param="mode")
    refuse_unknown(request, SHOWN | READ)
    now = account.store.now()
    expires_at = request.get("expires_at", now + LONGEST)
    _check(request, expires_at - now)
    amount, currency = _price(account, request.get("line_items", []))
    identifier = PREFIXES["checkout.session"] + secrets.token_hex(20)
    shown: Json = {
        "customer_creation": "if_required",
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
        payment_method_types=["card", "sepa_debit"],
        payment_status="unpaid",
        status="open",
        url=_address(account, identifier),
    )


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


def listen_at(account: Account, base_url: str) -> None:
    """Set the address of the hosted pages, of sessions opened in an earlier run too."""
    account.base_url = base_url
    with account.store.transaction():
        for session in account.store.find("checkout.session", fields={"status": "open"}):
            account.change(session, url=_address(account, session["id"]))


def title(account: Account, session: Json) -> str:
    """Return what the payment is for: the name of its product."""
    price = account.store.request_of(session["id"])["line_items"][0]["price_data"]
    if "product" in price:
        return str(account.get("product", price["product"])["name"])
    return str(price["product_data"]["name"])


def _address(account: Account, identifier: str) -> str:
    return f"{account.base_url}/c/pay/{identifier}"


def _check(request: Json, lifetime: int) -> None:
    if request.get("mode") != "payment":
        raise StripeError("You must provide `mode`: payment.", param="mode")
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


def _price(account: Account, items: list[Json]) -> tuple[int, str]:
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
        if "recurring" in price:
            message = "You must provide one-time prices in `payment` mode."
            raise StripeError(message, param="line_items")
        if "product" in price:
            param = "line_items[0][price_data][product]"
            account.get("product", price["product"], param)
        amount += price["unit_amount"] * item.get("quantity", 1)
    currencies = {item["price_data"]["currency"].lower() for item in items}
    currency = str(currencies.pop())
    if currencies or currency not in MINIMUM:
        raise StripeError(f"Invalid currency: {currency}", param="line_items")
    if amount < MINIMUM[currency]:
        least = f"{MINIMUM[currency]} {currency} in minor units"
        message = f"The Checkout Session's total amount due must add up to at least {least}."
        raise StripeError(message, code="amount_too_small", param="line_items")
    if amount > MAXIMUM:
        message = f"The Checkout Session's total amount must be no more than {MAXIMUM}."
        raise StripeError(message, code="amount_too_large", param="line_items")
    return amount, currency
