"""What Stripe tells, as data classes of our own, and how its own forms of it are read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from alliance.core.money import Money
from donations.models import SessionRank

# What Stripe tells of those who give. None of it is needed here, so none of it is kept: an event
# outlives whoever asks to be erased.
_PEOPLE = re.compile(
    "email|name|phone|address|shipping|last4"
    "|^(billing_details|customer_details|collected_information|evidence|comment)$"
)


class NotAnEvent(Exception):
    """Signed, but not an event of the kind this site listens to."""


@dataclass(frozen=True)
class Session:
    """A Checkout session as Stripe tells it, by answer or by event.

    `paid_as` is the payment intent or, of a monthly gift, the invoice that it made.
    """

    id: str
    url: str
    rank: SessionRank
    is_paid: bool
    amount: Money
    paid_as: str | None
    public_id: str | None
    attempt: int | None


@dataclass(frozen=True)
class Failure:
    """A payment that had to be waited for did not come."""

    public_id: str | None
    attempt: int | None


@dataclass(frozen=True)
class Paid:
    """Money came, as a payment intent or as an invoice of a monthly gift."""

    public_id: str | None
    paid_as: str
    amount: Money


@dataclass(frozen=True)
class Decline:
    """A card was turned down; `card` is Stripe's fingerprint of it, where it says one."""

    public_id: str | None
    card: str


@dataclass(frozen=True)
class Subscription:
    """A monthly gift as Stripe has it; `amount` a month."""

    id: str
    public_id: str | None
    customer: str
    item: str
    status: str
    amount: Money
    next_payment_at: datetime | None
    is_paused: bool
    resumes_at: datetime | None
    will_end: bool
    ended_at: datetime | None
    gave_up: bool
    payment_method: str


@dataclass(frozen=True)
class Missed:
    """A monthly payment failed; `is_first` of a plan that never began."""

    public_id: str | None
    subscription: str
    invoice: str
    amount: Money
    attempts: int
    next_try_at: datetime | None
    pay_url: str
    is_first: bool


@dataclass(frozen=True)
class IntentOfInvoice:
    """Which payment intent paid an invoice."""

    invoice: str
    payment_intent: str | None


@dataclass(frozen=True)
class Refund:
    """Money to be given back.

    `is_made`: it has left; a pending one has not. `has_failed`: it never will or, having left,
    is here again.
    """

    id: str
    payment_intent: str | None
    amount: Money
    is_made: bool
    has_failed: bool
    request: UUID | None


@dataclass(frozen=True)
class Dispute:
    """A bank's question or claim. `movements`: id of the balance transaction, and its amount."""

    id: str
    payment_intent: str | None
    amount: Money
    status: str
    reason: str
    answer_by: datetime | None
    movements: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Customer:
    """Somebody who gives every month changed something about themselves: their card, perhaps."""

    id: str


@dataclass(frozen=True)
class PaidOut:
    """Stripe sent money to the campaign's bank: time to hold the books against its own."""

    id: str


@dataclass(frozen=True)
class Card:
    """What a donor may see of a card; it is good until the end of `expires`, (year, month)."""

    brand: str
    last4: str
    expires: tuple[int, int] | None


@dataclass(frozen=True)
class BalanceEntry:
    """A balance transaction with what it is about; amounts in minor units of its currency."""

    id: str
    type: str
    source: str
    payment_intent: str
    public_id: str
    customer_id: str
    amount_minor: int
    fee_minor: int
    currency: str
    created_at: datetime


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


def read_session(data: Mapping[str, Any]) -> Session:
    """Read Stripe's own form of a Checkout session."""
    return Session(
        id=data["id"],
        url=data.get("url") or "",
        rank=SessionRank[data["status"].upper()],
        is_paid=data["payment_status"] == "paid",
        amount=Money(data["amount_total"], data["currency"]),
        paid_as=data.get("payment_intent") or data.get("invoice"),
        public_id=data.get("client_reference_id"),
        attempt=_attempt(data),
    )


def read_failure(data: Mapping[str, Any]) -> Failure:
    """Read a Checkout session whose payment did not come."""
    return Failure(public_id=data.get("client_reference_id"), attempt=_attempt(data))


def read_paid_intent(data: Mapping[str, Any]) -> Paid:
    """Read a payment intent that succeeded."""
    return Paid(
        public_id=_donation(data),
        paid_as=data["id"],
        amount=Money(data["amount_received"], data["currency"]),
    )


def read_decline(data: Mapping[str, Any]) -> Decline:
    """Read a payment intent whose card was turned down."""
    method = (data.get("last_payment_error") or {}).get("payment_method") or {}
    card = (method.get("card") or {}).get("fingerprint") or ""
    return Decline(public_id=_donation(data), card=card)


def read_paid_invoice(data: Mapping[str, Any]) -> Paid:
    """Read an invoice of a monthly gift that was paid."""
    details = _subscription_details(data)
    return Paid(
        public_id=_donation(details),
        paid_as=data["id"],
        amount=Money(data["amount_paid"], data["currency"]),
    )


def read_missed(data: Mapping[str, Any]) -> Missed:
    """Read an invoice of a monthly gift whose payment failed."""
    details = _subscription_details(data)
    return Missed(
        public_id=_donation(details),
        subscription=str(details.get("subscription") or ""),
        invoice=data["id"],
        amount=Money(data["amount_due"], data["currency"]),
        attempts=data["attempt_count"],
        next_try_at=_moment(data.get("next_payment_attempt")),
        pay_url=data.get("hosted_invoice_url") or "",
        is_first=data.get("billing_reason") == "subscription_create",
    )


def read_subscription(data: Mapping[str, Any]) -> Subscription:
    """Read Stripe's own form of a monthly gift."""
    item = data["items"]["data"][0]
    pause = data.get("pause_collection") or {}
    details = data.get("cancellation_details") or {}
    return Subscription(
        id=data["id"],
        public_id=_donation(data),
        customer=data["customer"],
        item=item["id"],
        status=data["status"],
        amount=Money(item["price"]["unit_amount"] * item.get("quantity", 1), data["currency"]),
        next_payment_at=_moment(item.get("current_period_end")),
        is_paused=bool(pause),
        resumes_at=_moment(pause.get("resumes_at")),
        will_end=bool(data.get("cancel_at_period_end") or data.get("cancel_at")),
        ended_at=_moment(data.get("ended_at") or data.get("canceled_at")),
        gave_up=details.get("reason") == "payment_failed",
        payment_method=data.get("default_payment_method") or "",
    )


def read_intent_of_invoice(data: Mapping[str, Any]) -> IntentOfInvoice:
    """Read what Stripe calls an invoice payment."""
    return IntentOfInvoice(
        invoice=data["invoice"], payment_intent=data["payment"].get("payment_intent")
    )


def read_refund(data: Mapping[str, Any]) -> Refund:
    """Read a refund."""
    return Refund(
        id=data["id"],
        payment_intent=data.get("payment_intent"),
        amount=Money(data["amount"], data["currency"]),
        is_made=data["status"] == "succeeded" or bool(data.get("balance_transaction")),
        has_failed=data["status"] in {"failed", "canceled"},
        request=_uuid((data.get("metadata") or {}).get("request")),
    )


def read_dispute(data: Mapping[str, Any]) -> Dispute:
    """Read a dispute, and what it moved so far."""
    amount = Money(data["amount"], data["currency"])
    return Dispute(
        id=data["id"],
        payment_intent=data.get("payment_intent"),
        amount=amount,
        status=data["status"],
        reason=data["reason"],
        answer_by=_moment((data.get("evidence_details") or {}).get("due_by")),
        movements=tuple(
            # A balance in another currency moves by its own figures: the dispute's count.
            (
                entry["id"],
                entry["amount"]
                if entry["currency"] == amount.currency
                else amount.minor * (1 if entry["amount"] > 0 else -1),
            )
            for entry in data["balance_transactions"]
        ),
    )


def read_customer(data: Mapping[str, Any]) -> Customer:
    """Read a customer."""
    return Customer(id=data["id"])


def read_payout(data: Mapping[str, Any]) -> PaidOut:
    """Read a payout."""
    return PaidOut(id=data["id"])


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


def read_balance_entry(data: Mapping[str, Any]) -> BalanceEntry:
    """Read a balance transaction with what it is about beside it."""
    source = data.get("source") or {}
    return BalanceEntry(
        id=data["id"],
        type=data["type"],
        source=source.get("id", ""),
        payment_intent=source.get("payment_intent") or "",
        public_id=_donation(source) or "",
        customer_id=source.get("customer") or "",
        amount_minor=data["amount"],
        fee_minor=data["fee"],
        currency=data["currency"],
        created_at=datetime.fromtimestamp(data["created"], UTC),
    )


def without_people(event: Event) -> str:
    """Return the text of an event as it is kept: without what Stripe tells of who gives."""
    return json.dumps(_without_people(json.loads(event.payload)))


@lru_cache(maxsize=4096)
def _is_about_people(key: str) -> bool:
    return bool(_PEOPLE.search(key))


def _without_people(data: Any) -> Any:
    if isinstance(data, dict):
        return {k: _without_people(v) for k, v in data.items() if not _is_about_people(k)}
    return [_without_people(item) for item in data] if isinstance(data, list) else data


def _donation(data: Mapping[str, Any]) -> str | None:
    return (data.get("metadata") or {}).get("donation")


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text)
    except (TypeError, ValueError):
        # Somebody else's word: whoever has the dashboard may write there what they like.
        return None


def _attempt(session: Mapping[str, Any]) -> int | None:
    attempt = (session.get("metadata") or {}).get("attempt", "")
    return int(attempt) if attempt.isdecimal() else None


def _subscription_details(invoice: Mapping[str, Any]) -> Mapping[str, Any]:
    return (invoice.get("parent") or {}).get("subscription_details") or {}


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
