"""Test methods: which number does what, and the card or account behind it."""

import calendar
import datetime as dt
import hashlib
from typing import NamedTuple

from alliance.local.standin.account import Account, StripeError
from alliance.local.standin.schemas import Json

PAYS = "4242424242424242"
DECLINES = "4000000000000002"
ASKS_3DS = "4000002760003184"
DISPUTED_LATER = "4000000000000259"
DECLINES_RENEWALS = "4000000000000341"
EXPIRES_SOON = "5555555555554444"
SETTLES_LATER = "DE89370400440532013000"


class Shown(NamedTuple):
    """A method as people see it on a page."""

    number: str
    figures: str
    outcome: str


CARDS = (
    Shown(PAYS, "4242 4242 4242 4242", "A card that pays"),
    Shown(DECLINES, "4000 0000 0000 0002", "A card that is declined"),
    Shown(ASKS_3DS, "4000 0027 6000 3184", "A card that asks for 3-D Secure"),
    Shown(DISPUTED_LATER, "4000 0000 0000 0259", "A card that pays, to be disputed later"),
    Shown(
        DECLINES_RENEWALS,
        "4000 0000 0000 0341",
        "A card that pays today, declined at renewals",
    ),
    Shown(
        EXPIRES_SOON,
        "5555 5555 5555 4444",
        "A card that pays, expires at the end of next month",
    ),
)
ACCOUNT = Shown(SETTLES_LATER, "DE89 3704 0044 0532 0130 00", "A bank account that settles later")
ALL = (*CARDS, ACCOUNT)
CARD_NUMBERS = frozenset(shown.number for shown in CARDS)
NUMBERS = CARD_NUMBERS | {SETTLES_LATER}
YEARS_VALID = 3


class Refusal(NamedTuple):
    """Why a bank does not pay, in Stripe's codes and in words."""

    code: str
    message: str


DECLINED = Refusal("card_declined", "Your card was declined.")
EXPIRED = Refusal("expired_card", "Your card has expired.")
UNCONFIRMED = Refusal(
    "authentication_required", "Your card was declined. This transaction requires authentication."
)


def create(account: Account, number: str, *, email: str | None, name: str | None) -> Json:
    """Make a payment method of a test number. Raises StripeError where it is none of NUMBERS."""
    if number not in NUMBERS:
        raise StripeError("Choose one of the test methods.", param="method")
    kind = "card" if number in CARD_NUMBERS else "sepa_debit"
    details = _card(number, account.store.now()) if kind == "card" else _bank_account(number)
    payer = {**dict.fromkeys(("address", "phone", "tax_id")), "email": email, "name": name or None}
    return account.new(
        "payment_method",
        {"number": number},
        billing_details=payer,
        type=kind,
        **{kind: details},
    )


def attach(account: Account, method: Json, customer: str) -> None:
    """Make a payment method one of a customer's."""
    account.change(method, customer=customer)
    account.emit("payment_method.attached", method)


def number_of(account: Account, method: Json) -> str:
    """Return the test number behind a payment method."""
    return str(account.store.request_of(method["id"])["number"])


def refusal(account: Account, method: Json, *, off_session: bool) -> Refusal | None:
    """Say why a method does not pay; `off_session` is without the payer, as at a renewal."""
    number, card = number_of(account, method), method["card"]
    if card and account.store.now() > _end_of_month(card["exp_year"], card["exp_month"]):
        return EXPIRED
    if number == DECLINES or (off_session and number == DECLINES_RENEWALS):
        return DECLINED
    return UNCONFIRMED if off_session and number == ASKS_3DS else None


def _card(number: str, now: int) -> Json:
    today = dt.datetime.fromtimestamp(now, dt.UTC)
    year, month = today.year + YEARS_VALID, 12
    if number == EXPIRES_SOON:
        year, month = today.year + today.month // 12, today.month % 12 + 1
    return {
        "brand": "visa" if number.startswith("4") else "mastercard",
        "country": "GB",
        "exp_month": month,
        "exp_year": year,
        "fingerprint": _fingerprint(number),
        "funding": "credit",
        "last4": number[-4:],
    }


def _bank_account(number: str) -> Json:
    return {"country": number[:2], "fingerprint": _fingerprint(number), "last4": number[-4:]}


def _fingerprint(number: str) -> str:
    """Return what is the same for each use of a number, as at Stripe, and tells nothing of it."""
    return hashlib.sha256(number.encode()).hexdigest()[:16]


def _end_of_month(year: int, month: int) -> int:
    last = calendar.monthrange(year, month)[1]
    return int(dt.datetime(year, month, last, 23, 59, 59, tzinfo=dt.UTC).timestamp())
