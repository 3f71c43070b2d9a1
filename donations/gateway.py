"""Stripe: the only file that speaks to it. Our own data classes go in and come out."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import stripe
from django.conf import settings

from alliance.core.money import Money
from donations.models import SessionRank

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


class Declined(Exception):
    """Stripe understood and said no; asking the same again is no use."""


class Missing(Declined):
    """Stripe knows nothing of that name: made with another key, perhaps, or too long ago."""


class BadSignature(Exception):
    """Whoever sent this does not know the webhook's secret."""


class NotAnEvent(Exception):
    """Signed, but not an event of the kind this site listens to."""


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


@dataclass(frozen=True)
class Session:
    """A Checkout session as Stripe tells it, by answer or by event."""

    id: str
    url: str
    rank: SessionRank
    is_paid: bool
    amount: Money
    payment_intent: str | None
    public_id: str | None
    attempt: int | None


@dataclass(frozen=True)
class Event:
    """An event as Stripe tells it; `payload` is its text, `data` the object it is about."""

    id: str
    type: str
    created_at: datetime
    is_live: bool
    payload: str

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.payload)["data"]["object"]  # type: ignore[no-any-return]


def create_session(order: Order) -> Session:
    """Ask for the page where the donor pays. The same order asked twice is one session."""
    _ensure_product(order.campaign_slug, order.campaign_name)
    with _call() as client:
        session = client.v1.checkout.sessions.create(
            {
                "mode": "payment",
                "submit_type": "donate",
                "client_reference_id": order.public_id,
                "metadata": {"donation": order.public_id, "attempt": str(order.attempt)},
                "customer_email": order.email,
                "customer_creation": "if_required",
                "line_items": [
                    {
                        "quantity": 1,
                        "price_data": {
                            "currency": order.amount.currency,
                            "unit_amount": order.amount.minor,
                            "product": _product_id(order.campaign_slug),
                        },
                    }
                ],
                # The session's metadata does not reach the payment: it is told again.
                "payment_intent_data": {
                    "metadata": {"donation": order.public_id},
                    "description": f"{order.campaign_name}, gift {order.reference}",
                },
                "success_url": order.success_url,
                "cancel_url": order.cancel_url,
                "expires_at": int(order.expires_at.timestamp()),
                # One currency a gift, so that amounts stay what the donor chose.
                "adaptive_pricing": {"enabled": False},
            },
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
            yield read_event(json.dumps(event.to_dict()))


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


def read_session(data: Mapping[str, Any]) -> Session:
    """Read Stripe's own form of a Checkout session."""
    attempt = (data.get("metadata") or {}).get("attempt", "")
    return Session(
        id=data["id"],
        url=data.get("url") or "",
        rank=SessionRank[data["status"].upper()],
        is_paid=data["payment_status"] == "paid",
        amount=Money(data["amount_total"], data["currency"]),
        payment_intent=data.get("payment_intent"),
        public_id=data.get("client_reference_id"),
        attempt=int(attempt) if attempt.isdecimal() else None,
    )


def read_event(payload: str) -> Event:
    """Read an event from its text. Raises NotAnEvent."""
    try:
        data = json.loads(payload)
        if data["object"] != "event" or not isinstance(data["data"]["object"], dict):
            raise NotAnEvent
        return Event(
            id=data["id"],
            type=data["type"],
            created_at=datetime.fromtimestamp(data["created"], UTC),
            is_live=data["livemode"],
            payload=payload,
        )
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnEvent from error


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
