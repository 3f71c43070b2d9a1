"""Giving money back, and gifts that came by other ways than a card: what staff write down."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from alliance.accounts import audit
from alliance.accounts.models import User
from alliance.contacts import services as contacts
from alliance.core.money import Money
from campaigns.models import Campaign
from donations import facts, gateway, settling
from donations.models import (
    Donation,
    InvoiceIntent,
    Kind,
    LedgerEntry,
    Payment,
    RefundRequest,
)
from donations.settling import ANSWER, Told

logger = logging.getLogger(__name__)

ASK_AGAIN_AFTER = timedelta(minutes=1)
# Stripe may forget a key after a day: from then on it is looked up first what came of it.
KEY_LIFE = timedelta(hours=23)
SWEEP_BATCH = 100


class TooMuch(Exception):
    """More than is left of the payment, with what others have asked for already."""


class Changed(Exception):
    """What is left of the payment is no longer what the person saw."""


class SaidOtherwise(Exception):
    """The same form was sent before, with other words: what it said first holds."""


@dataclass(frozen=True)
class OfflineGift:
    """What staff write down of a gift that came by hand; `nonce`: one form is one gift."""

    nonce: UUID
    campaign: Campaign
    amount: Money
    method: Donation.Method
    email: str
    name: str
    display: Donation.Display
    received_at: datetime


def left_of(payment: Payment) -> Money:
    """Return what can still be given back: what is there, less what is on its way back."""
    return left_of_all([payment])[payment.pk]


def left_of_all(payments: Sequence[Payment]) -> dict[int, Money]:
    """Return what can still be given back of each payment, by its key, in two queries."""
    entries = LedgerEntry.objects.filter(payment__in=payments)
    asked = RefundRequest.objects.filter(payment__in=payments, refused="").exclude(
        refund_id__in=entries.filter(kind=Kind.REFUND).values("stripe_id")
    )
    is_there, is_leaving = (
        dict(
            rows.order_by()
            .values("payment")
            .annotate(sum=Sum("amount_minor"))
            .values_list("payment", "sum")
        )
        for rows in (entries.exclude(kind=Kind.FEE), asked)
    )
    return {
        p.pk: Money(max(is_there.get(p.pk, 0) - is_leaving.get(p.pk, 0), 0), p.currency)
        for p in payments
    }


def refund(
    payment: Payment,
    *,
    amount: Money,
    reason: RefundRequest.Reason,
    note: str,
    by: User,
    key: UUID,
    seen: Money,
) -> RefundRequest:
    """Give back a payment or a part of it; the donor is told once Stripe has done it.

    `key`: one form is one request, however often it is sent. `seen`: what the person saw was
    left. Raises TooMuch, Changed, SaidOtherwise, and gateway.Declined where Stripe says no. A
    Stripe that does not answer is asked again, by the sweep, under the same key: the request
    comes back without its refund.
    """
    wish = RefundRequest(
        pk=key, payment=payment, amount_minor=amount.minor, reason=reason, note=note, by=by
    )
    request = _write_down(wish, seen=seen)
    if request.refused:
        raise gateway.Declined(request.refused)
    if request.refund_id is None:
        try:
            _carry_out(request, now=timezone.now())
        except gateway.Unavailable:
            logger.exception("refund %s: Stripe did not answer, asked again soon", request.pk)
        request.refresh_from_db()
    return request


def has_come_back(request: RefundRequest) -> bool:
    """Say whether the money was sent and could not be taken: it is here again."""
    return request.payment.entries.filter(
        kind=Kind.REFUND_FAILED, stripe_id=request.refund_id or ""
    ).exists()


def sweep_refunds(*, now: datetime) -> None:
    """Ask again for what nobody has answered yet, while Stripe answers."""
    unanswered = RefundRequest.objects.filter(
        refund_id__isnull=True, refused="", asked_at__lt=now - ASK_AGAIN_AFTER
    )
    due = unanswered.select_related("payment__donation__contact").order_by("asked_at")
    for request in due[:SWEEP_BATCH]:
        try:
            _carry_out(request, now=now)
        except Exception as error:
            logger.exception("refund %s: no answer yet", request.pk)
            if gateway.is_away(error):
                return


@transaction.atomic
def record_offline(gift: OfflineGift, *, by: User) -> Donation:
    """Count a gift of cash, by cheque or by bank transfer, and owe its receipt.

    Raises SaidOtherwise.
    """
    said = {
        "campaign": gift.campaign,
        "contact": contacts.contact_for(gift.email),
        "name": gift.name,
        "display": gift.display,
        "amount_minor": gift.amount.minor,
        "currency": gift.amount.currency,
        "method": gift.method,
        "session_expires_at": gift.received_at,
    }
    donation, is_new = Donation.objects.get_or_create(form_nonce=gift.nonce, defaults=said)
    if any(getattr(donation, name) != value for name, value in said.items()):
        raise SaidOtherwise
    if is_new:
        settling.settle({f"offline-{gift.nonce}": (donation, gift.amount, gift.received_at)})
        what = f"Recorded {gift.amount.exact}, received by {donation.get_method_display()}."
        audit.note(by, [donation], what, is_new=True)
    return donation


@transaction.atomic
def _write_down(wish: RefundRequest, *, seen: Money) -> RefundRequest:
    # Two who press at one time wait for each other here, and the second sees the first's.
    donation = settling.lock_donation(wish.payment.donation.public_id)
    known = RefundRequest.objects.select_related("payment__donation").filter(pk=wish.pk).first()
    if known:
        if (known.payment_id, known.amount_minor) != (wish.payment_id, wish.amount_minor):
            raise SaidOtherwise
        return known
    left = left_of(wish.payment)
    if left != seen:
        raise Changed
    if wish.amount > left:
        raise TooMuch
    wish.save(force_insert=True)
    what = (
        f"Asked for {wish.amount.exact} of {wish.payment.amount.exact} to be given back "
        f"({wish.payment}): {wish.get_reason_display()}. {wish.note}"
    )
    audit.note(wish.by, [donation or wish.payment.donation], what.strip())
    return wish


def _carry_out(request: RefundRequest, *, now: datetime) -> None:
    if request.payment.donation.method != Donation.Method.STRIPE:
        _give_back_by_hand(request)
        return
    try:
        made = _ask_stripe(request, now=now)
    except gateway.Declined as refusal:
        RefundRequest.objects.filter(pk=request.pk, refund_id__isnull=True).update(
            refused=str(refusal)[:500]
        )
        raise
    _record(made)


def _ask_stripe(request: RefundRequest, *, now: datetime) -> facts.Refund:
    intent = _intent_of(request.payment)
    # Under a new key, or one that Stripe may have forgotten, it is not asked before looking.
    if request.attempt > 1 or now - request.asked_at > KEY_LIFE:
        for made in gateway.refunds_of(intent):
            if made.request == request.pk:
                return made
    try:
        return gateway.create_refund(
            payment_intent=intent,
            amount=request.amount,
            reason=request.reason,
            request=str(request.pk),
            attempt=request.attempt,
        )
    except gateway.Broken:
        RefundRequest.objects.filter(pk=request.pk, attempt=request.attempt).update(
            attempt=request.attempt + 1
        )
        raise


@transaction.atomic
def _record(made: facts.Refund) -> None:
    settling.record_refund(Told(made, timezone.now(), ANSWER), made)


@transaction.atomic
def _give_back_by_hand(request: RefundRequest) -> None:
    """Book that the campaign itself gave the money back; there is no card to return it to."""
    payment = request.payment
    settling.lock_donation(payment.donation.public_id)
    refund_id = f"offline-{request.pk}"
    settling.enter_refund(payment, refund_id, request.amount, at=timezone.now())
    RefundRequest.objects.filter(pk=request.pk).update(refund_id=refund_id)


def _intent_of(payment: Payment) -> str:
    """Return the payment intent behind a payment; of an invoice Stripe may have to tell it."""
    donation = payment.donation
    if not donation.is_monthly:
        return payment.stripe_id
    link = InvoiceIntent.objects.filter(payment=payment).first()
    if link:
        return link.payment_intent
    told = gateway.intent_of(payment.stripe_id)
    with transaction.atomic():
        settling.record_intent_of_invoice(Told(told, timezone.now(), ANSWER), told)
    return told.payment_intent or payment.stripe_id
