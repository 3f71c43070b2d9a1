"""Giving money back, and gifts that came by other ways than a card: what staff write down."""

import logging
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from alliance.accounts.models import User
from alliance.contacts import services as contacts
from alliance.core.money import Money
from campaigns.models import Campaign
from donations import gateway, settling
from donations.models import (
    Donation,
    InvoiceIntent,
    Kind,
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


def left_of(payment: Payment) -> Money:
    """Return what can still be given back: what is there, less what is on its way back."""
    entries = payment.entries.exclude(kind=Kind.FEE).aggregate(sum=Sum("amount_minor"))
    asked = payment.refund_requests.filter(refund_id__isnull=True, refused="")
    on_its_way = asked.aggregate(sum=Sum("amount_minor"))
    minor = (entries["sum"] or 0) - (on_its_way["sum"] or 0)
    return Money(max(minor, 0), payment.currency)


def refund(
    payment: Payment, *, amount: Money, reason: RefundRequest.Reason, note: str, by: User
) -> RefundRequest:
    """Give back a payment or a part of it; the donor is told once Stripe has done it.

    Raises TooMuch, and gateway.Declined where Stripe says no. A Stripe that does not answer is
    asked again, by the sweep, under the same key: the request comes back without its refund.
    """
    request = _write_down(payment, amount=amount, reason=reason, note=note, by=by)
    try:
        _carry_out(request, now=timezone.now())
    except gateway.Unavailable:
        logger.exception("refund %s: Stripe did not answer, asked again soon", request.pk)
    request.refresh_from_db()
    return request


def sweep_refunds(*, now: datetime) -> None:
    """Ask again for what nobody has answered yet."""
    unanswered = RefundRequest.objects.filter(
        refund_id__isnull=True, refused="", asked_at__lt=now - ASK_AGAIN_AFTER
    )
    for request in unanswered.select_related("payment__donation")[:SWEEP_BATCH]:
        try:
            _carry_out(request, now=now)
        except Exception:
            logger.exception("refund %s: no answer yet", request.pk)


@transaction.atomic
def record_offline(
    *,
    campaign: Campaign,
    amount: Money,
    method: Donation.Method,
    email: str,
    name: str,
    display: Donation.Display,
    received_at: datetime,
) -> Donation:
    """Count a gift of cash, by cheque or by bank transfer, and owe its receipt."""
    donation = Donation.objects.create(
        campaign=campaign,
        contact=contacts.contact_for(email),
        name=name,
        display=display,
        amount_minor=amount.minor,
        currency=amount.currency,
        method=method,
        session_expires_at=received_at,
    )
    settling.settle({f"offline-{uuid4()}": (donation, amount, received_at)})
    return donation


@transaction.atomic
def _write_down(
    payment: Payment, *, amount: Money, reason: RefundRequest.Reason, note: str, by: User
) -> RefundRequest:
    # Two who press at one time wait for each other here, and the second sees the first's.
    settling.lock_donation(payment.donation.public_id)
    if amount > left_of(payment):
        raise TooMuch
    return RefundRequest.objects.create(
        payment=payment, amount_minor=amount.minor, reason=reason, note=note, by=by
    )


def _carry_out(request: RefundRequest, *, now: datetime) -> None:
    if request.payment.donation.method != Donation.Method.STRIPE:
        _give_back_by_hand(request)
        return
    intent = _intent_of(request.payment)
    if now - request.asked_at > KEY_LIFE:
        for made in gateway.refunds_of(intent):
            if made.request == request.pk:
                _record(made)
                return
    try:
        made = gateway.create_refund(
            payment_intent=intent,
            amount=request.amount,
            reason=request.reason,
            request=str(request.pk),
        )
    except gateway.Declined as refusal:
        RefundRequest.objects.filter(pk=request.pk, refund_id__isnull=True).update(
            refused=str(refusal)[:500]
        )
        raise
    _record(made)


@transaction.atomic
def _record(made: gateway.Refund) -> None:
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
