"""Stripe: the only file that speaks to it. Our own data classes go in and come out."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from hashlib import sha256
from typing import Any

import stripe
from django.conf import settings

from alliance.core.money import Money
from donations.facts import (
    BalanceEntry,
    Card,
    Event,
    IntentOfInvoice,
    Refund,
    Session,
    Subscription,
    read_balance_entry,
    read_event,
    read_intent_of_invoice,
    read_refund,
    read_session,
    read_subscription,
)

# Seconds to connect and to wait for an answer. The SDK's own default, 80, would hold a web
# thread for longer than anybody waits.
TIMEOUT = (3.05, 8)
RETRIES = 1
# Calls to Stripe at one time in this process. The web server has more threads than this, so
# that however slow Stripe is, some are left for pages and webhooks.
MAX_CALLS = 20
TOLERANCE = 300
stripe.enable_telemetry = False
_slots = threading.BoundedSemaphore(MAX_CALLS)


class Unavailable(Exception):
    """Stripe did not answer, or not now. What was asked may or may not have happened."""


class Broken(Unavailable):
    """Stripe answered with an error of its own, and keeps that answer under the key it got."""


def is_away(error: Exception) -> bool:
    """Say whether Stripe answers nobody at present: it would be no use to ask it other things."""
    return isinstance(error, Unavailable) and not isinstance(error, Broken)


class Declined(Exception):
    """Stripe understood and said no; asking the same again is no use."""


class Missing(Declined):
    """Stripe knows nothing of that name: made with another key, perhaps, or too long ago."""


class BadSignature(Exception):
    """Whoever sent this does not know the webhook's secret."""


@dataclass(frozen=True)
class Order:
    """What a Checkout session is asked for. Everything in it comes from stored columns."""

    public_id: str
    reference: str
    campaign_slug: str
    campaign_name: str
    amount: Money
    email: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    attempt: int
    idempotency_key: str
    is_monthly: bool = False


def create_session(order: Order) -> Session:
    """Ask for the page where the donor pays. The same order asked twice is one session."""
    _ensure_product(order.campaign_slug, order.campaign_name)
    description = f"{order.campaign_name}, gift {order.reference}"
    # The session's metadata does not reach the payment or the plan: it is told again.
    told_again: Any = {"metadata": {"donation": order.public_id}, "description": description}
    kind: Any = (
        {"mode": "subscription", "subscription_data": told_again}
        if order.is_monthly
        else {
            "mode": "payment",
            "customer_creation": "if_required",
            "payment_intent_data": told_again,
        }
    )
    wish: Any = {
        **kind,
        "submit_type": "donate",
        "client_reference_id": order.public_id,
        "metadata": {"donation": order.public_id, "attempt": str(order.attempt)},
        "customer_email": order.email,
        "line_items": [
            {
                "quantity": 1,
                "price_data": _price(
                    order.amount, order.campaign_slug, is_monthly=order.is_monthly
                ),
            }
        ],
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "expires_at": int(order.expires_at.timestamp()),
        # One currency a gift, so that amounts stay what the donor chose.
        "adaptive_pricing": {"enabled": False},
    }
    with _call() as client:
        session = client.v1.checkout.sessions.create(
            wish,
            {"idempotency_key": order.idempotency_key},
        )
    return read_session(session.to_dict())


def retrieve_session(session_id: str) -> Session:
    """Ask how a session stands."""
    with _call() as client:
        return read_session(client.v1.checkout.sessions.retrieve(session_id).to_dict())


def expire_session(session_id: str) -> Session:
    """Close a session so that nobody can pay in it, and return how it then stands.

    A session that was paid in the meantime stays paid.
    """
    try:
        with _call() as client:
            return read_session(client.v1.checkout.sessions.expire(session_id).to_dict())
    except Missing:
        raise
    except Declined:
        return retrieve_session(session_id)


def retrieve_subscription(subscription_id: str) -> tuple[Subscription, datetime]:
    """Ask how a monthly gift stands; this and its siblings tell when, by Stripe's clock."""
    with _call() as client:
        return _as_of(client.v1.subscriptions.retrieve(subscription_id))


def change_amount(
    subscription_id: str, item: str, amount: Money, slug: str
) -> tuple[Subscription, datetime]:
    """Take another amount from the next payment on; this month's is not touched."""
    change: Any = {
        "items": [{"id": item, "price_data": _price(amount, slug, is_monthly=True)}],
        "proration_behavior": "none",
    }
    return _change(subscription_id, change)


def pause(subscription_id: str, until: datetime) -> tuple[Subscription, datetime]:
    """Take nothing until then; what would fall due is void, not owed."""
    until_s = int(until.timestamp())
    return _change(
        subscription_id, {"pause_collection": {"behavior": "void", "resumes_at": until_s}}
    )


def resume(subscription_id: str) -> tuple[Subscription, datetime]:
    """End a pause."""
    return _change(subscription_id, {"pause_collection": ""})


def cancel(subscription_id: str) -> tuple[Subscription, datetime]:
    """Take nothing ever again. One that is cancelled already is told as it stands."""
    try:
        with _call() as client:
            return _as_of(client.v1.subscriptions.cancel(subscription_id))
    except Declined:
        return retrieve_subscription(subscription_id)


def card_page(customer: str, return_url: str) -> str:
    """Return the address of Stripe's page for another card; it is good for a few minutes."""
    with _call() as client:
        session = client.v1.billing_portal.sessions.create(
            {
                "customer": customer,
                "return_url": return_url,
                "flow_data": {
                    "type": "payment_method_update",
                    "after_completion": {
                        "type": "redirect",
                        "redirect": {"return_url": return_url},
                    },
                },
            }
        )
    return session.url


def default_card(customer: str) -> str:
    """Ask which payment method a customer wants to pay by; "" where they named none."""
    with _call() as client:
        found = client.v1.customers.retrieve(customer).to_dict()
    return (found.get("invoice_settings") or {}).get("default_payment_method") or ""


def use_card(subscription_id: str, payment_method: str) -> tuple[Subscription, datetime]:
    """Pay a monthly gift by another payment method of its customer's from now on."""
    return _change(subscription_id, {"default_payment_method": payment_method})


def retrieve_card(payment_method: str) -> Card | None:
    """Ask what card this is; None where it is no card."""
    with _call() as client:
        method = client.v1.payment_methods.retrieve(payment_method).to_dict()
    card = method.get("card")
    if card is None:
        return None
    expires = (card["exp_year"], card["exp_month"]) if card.get("exp_year") else None
    return Card(brand=card["brand"], last4=card["last4"], expires=expires)


def create_refund(
    *, payment_intent: str, amount: Money, reason: str, request: str, attempt: int
) -> Refund:
    """Give money back. The same attempt of a request asked twice is one refund."""
    wish: Any = {
        "payment_intent": payment_intent,
        "amount": amount.minor,
        "reason": reason,
        "metadata": {"request": request},
    }
    with _call() as client:
        made = client.v1.refunds.create(wish, {"idempotency_key": f"r:{request}:{attempt}"})
    return read_refund(made.to_dict())


def refunds_of(payment_intent: str) -> list[Refund]:
    """Ask for all refunds of a payment."""
    with _call() as client:
        found = client.v1.refunds.list({"payment_intent": payment_intent, "limit": 100})
        return [read_refund(refund.to_dict()) for refund in found.auto_paging_iter()]


def intent_of(invoice: str) -> IntentOfInvoice:
    """Ask which payment intent paid an invoice."""
    with _call() as client:
        found = client.v1.invoice_payments.list({"invoice": invoice, "status": "paid"})
        paid = [read_intent_of_invoice(payment.to_dict()) for payment in found.data]
    return paid[0] if paid else IntentOfInvoice(invoice=invoice, payment_intent=None)


def balance_between(start: datetime, end: datetime | None) -> Iterator[BalanceEntry]:
    """Ask for Stripe's own ledger from a moment on, before another if there is one."""
    created: Any = {"gte": int(start.timestamp())}
    if end:
        created["lt"] = int(end.timestamp())
    with _call() as client:
        entries = client.v1.balance_transactions.list(
            {
                "created": created,
                "limit": 100,
                "expand": ["data.source"],
            }
        )
        for entry in entries.auto_paging_iter():
            yield read_balance_entry(entry.to_dict())


def news_of(source: str, payment_intent: str) -> list[Event]:
    """Ask for what a balance entry is about, as the events would have told it.

    For what is older than the 30 days for which Stripe keeps events. Their names say that they
    are answers.
    """
    with _call() as client:
        v1 = client.v1
        found: list[tuple[str, stripe.StripeObject]] = []
        if source.startswith(("re_", "pyr_")):
            found.append(("refund.updated", v1.refunds.retrieve(source)))
        elif source.startswith("du_"):
            found.append(("charge.dispute.updated", v1.disputes.retrieve(source)))
        else:
            intent = v1.payment_intents.retrieve(payment_intent)
            paid = v1.invoice_payments.list(
                {"payment": {"type": "payment_intent", "payment_intent": payment_intent}}
            )
            found.append(("payment_intent.succeeded", intent))
            for payment in paid.data:
                found.append(("invoice.paid", v1.invoices.retrieve(str(payment.invoice))))
                found.append(("invoice_payment.paid", payment))
    return [_as_event(kind, thing) for kind, thing in found]


def events_between(start: datetime, end: datetime, types: list[str]) -> Iterator[Event]:
    """Ask for all events of these types from a moment on, before another; 30 days back at most.

    At most 20 types.
    """
    with _call() as client:
        events = client.v1.events.list(
            {
                "created": {"gte": int(start.timestamp()), "lt": int(end.timestamp())},
                "types": types,
                "limit": 100,
            }
        )
        for event in events.auto_paging_iter():
            yield read_event(_json(event))


def verify_event(body: bytes, signature: str) -> Event:
    """Return the event in a webhook's body, once its signature is right.

    Raises BadSignature, NotAnEvent.
    """
    for secret in settings.STRIPE_WEBHOOK_SECRETS:
        try:
            stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE)
        # ValueError and TypeError: bodies that are no UTF-8, headers that are no ASCII.
        except (stripe.SignatureVerificationError, ValueError, TypeError):
            continue
        return read_event(body.decode())
    raise BadSignature


def _as_event(kind: str, thing: stripe.StripeObject) -> Event:
    data = json.loads(_json(thing))
    # Another answer about the same thing is other news.
    said = sha256(_json(thing).encode()).hexdigest()[:16]
    event = {
        "id": f"answer_{kind}_{data['id']}_{said}",
        "object": "event",
        "type": kind,
        "created": data["created"],
        # Not everything says so itself: a refund does not.
        "livemode": settings.STRIPE_IS_LIVE,
        "data": {"object": data},
    }
    return read_event(json.dumps(event))


def _json(thing: stripe.StripeObject) -> str:
    """Write what Stripe said as it said it: the SDK made numbers of some of its texts."""
    return json.dumps(thing.to_dict(), default=str, sort_keys=True)


def _price(amount: Money, campaign_slug: str, *, is_monthly: bool) -> Any:
    price: dict[str, Any] = {
        "currency": amount.currency,
        "unit_amount": amount.minor,
        "product": _product_id(campaign_slug),
    }
    return {**price, "recurring": {"interval": "month"}} if is_monthly else price


def _change(subscription_id: str, change: Any) -> tuple[Subscription, datetime]:
    with _call() as client:
        return _as_of(client.v1.subscriptions.update(subscription_id, change))


def _as_of(answer: stripe.Subscription) -> tuple[Subscription, datetime]:
    headers = answer.last_response.headers if answer.last_response else {}
    # To the second, as the events of the same change are dated.
    date = parsedate_to_datetime(headers["Date"])
    return read_subscription(answer.to_dict()), date


def _product_id(slug: str) -> str:
    return f"campaign-{slug}"


@cache
def _ensure_product(slug: str, name: str) -> None:
    """One product a campaign, under our own id; a second one of the id is refused, harmlessly."""
    with _call() as client:
        try:
            client.v1.products.create({"id": _product_id(slug), "name": name})
        except stripe.InvalidRequestError as error:
            if error.code != "resource_already_exists":
                raise


@cache
def _client() -> stripe.StripeClient:
    address: Any = {"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else {}
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses=address,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
        max_network_retries=RETRIES,
    )


@contextmanager
def _call() -> Iterator[stripe.StripeClient]:
    """Lend the client, and turn Stripe's errors into ours. Raises Unavailable, Declined."""
    if not _slots.acquire(timeout=1):
        raise Unavailable("too many calls are waiting for Stripe")
    try:
        yield _client()
    except stripe.StripeError as error:
        status = error.http_status or 0
        # 409: our own first call with this key is still under way.
        if 400 <= status < 500 and status not in {401, 403, 409, 429}:  # noqa: PLR2004 (HTTP)
            raise (Missing if status == 404 else Declined)(str(error)) from error  # noqa: PLR2004
        raise (Broken if status >= 500 else Unavailable)(str(error)) from error  # noqa: PLR2004
    finally:
        _slots.release()
