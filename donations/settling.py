"""Takes in what Stripe tells, whoever brings it: in any order, and any number of times.

Facts are only ever added, under unique keys; a donation's row is locked before anything about
it is written. What can't be placed yet says what it waits for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from alliance.contacts import services as contacts
from alliance.core import hashing, jobs
from alliance.core.money import Money
from alliance.outbox import services as outbox
from donations import facts, ledger, mails
from donations.models import (
    Decline,
    Dispute,
    Donation,
    InvoiceIntent,
    Kind,
    MissedPayment,
    Payment,
    Plan,
    RefundRequest,
    SessionRank,
)


class AmountMismatch(Exception):
    """Stripe reports a payment that can't belong to the donation it names."""


class NotYet(Exception):
    """This is about something that is not known: of another shop, or its news is under way."""

    def __init__(self, waits_for: str) -> None:
        super().__init__(f"waits for {waits_for}")
        self.waits_for = waits_for


# Who tells where no event does: our own question. It sorts after every event of its second.
ANSWER = "~answer"

# News about a donation's payment: what most events are, taken in many at a time.
Giving = facts.Session | facts.Paid | facts.Failure


@dataclass(frozen=True)
class Told:
    """A fact, when it was so by Stripe's clock, and the event that told it (none: an answer)."""

    fact: object
    at: datetime
    by: str = ""


@transaction.atomic
def record_giving(told: Sequence[Told]) -> list[bool]:
    """Take in news about payments; return of each whether it is about a donation of ours.

    Raises AmountMismatch, and then none of them is taken in.
    """
    news = [(one.fact, one.at) for one in told if isinstance(one.fact, Giving)]
    donations = _locked(fact.public_id for fact, _ in news)
    changed = set()
    paid: dict[str, tuple[Donation, Money, datetime]] = {}
    for fact, at in news:
        donation = donations.get(fact.public_id or "")
        if donation is None:
            continue
        if isinstance(fact, facts.Paid):
            _add(paid, fact.paid_as, donation, fact.amount, at)
            continue
        if fact.attempt == donation.attempt:
            _take_in(donation, fact, at)
            changed.add(donation.pk)
        if isinstance(fact, facts.Session) and fact.is_paid and fact.paid_as:
            _add(paid, fact.paid_as, donation, fact.amount, at)
    _save_sessions([d for d in donations.values() if d.pk in changed])
    settle(paid)
    return [(fact.public_id or "") in donations for fact, _ in news]


def settle(paid: Mapping[str, tuple[Donation, Money, datetime]]) -> None:
    """Make payments of what was paid, by Stripe's id; count them, and owe their receipts."""
    if not paid:
        return
    Payment.objects.bulk_create(
        [
            Payment(
                donation=donation,
                stripe_id=stripe_id,
                amount_minor=amount.minor,
                currency=amount.currency,
                paid_at=at,
            )
            for stripe_id, (donation, amount, at) in sorted(paid.items())
            if amount.minor > 0
        ],
        ignore_conflicts=True,
    )
    payments = list(Payment.objects.filter(stripe_id__in=paid))
    for payment in payments:
        donation, amount, _ = paid[payment.stripe_id]
        if payment.donation_id != donation.pk or payment.amount != amount:
            raise AmountMismatch(f"{payment.stripe_id} is known otherwise")
        if amount.currency != donation.campaign.currency:
            raise AmountMismatch(f"{payment.stripe_id} came in {amount.currency}")
        payment.donation = donation
    entered = ledger.enter(ledger.gift(p, at=paid[p.stripe_id][2]) for p in payments)
    ids = {stripe_id for _, stripe_id in entered}
    _thank([payment for payment in payments if payment.stripe_id in ids])


def record_decline(told: Told, fact: facts.Decline) -> bool:
    """Take in that a card was turned down: the defence against card testers counts them."""
    donation = Donation.objects.filter(public_id=fact.public_id).first()
    if donation is None:
        return False
    Decline.objects.bulk_create(
        [
            Decline(
                event_id=told.by,
                donation=donation,
                card=hashing.keyed("card", fact.card) if fact.card else "",
                at=told.at,
            )
        ],
        ignore_conflicts=True,
    )
    return True


def record_intent_of_invoice(_told: Told, fact: facts.IntentOfInvoice) -> bool:
    """Take in which payment intent paid an invoice. Raises NotYet."""
    if fact.payment_intent is None:
        return False
    payment = Payment.objects.filter(stripe_id=fact.invoice).first()
    if payment is None:
        raise NotYet(fact.invoice)
    InvoiceIntent.objects.bulk_create(
        [InvoiceIntent(payment_intent=fact.payment_intent, payment=payment)],
        ignore_conflicts=True,
    )
    return True


def record_refund(told: Told, fact: facts.Refund) -> bool:
    """Take in that money went back, or that it could not and is here again. Raises NotYet."""
    payment = _paid_by(fact.payment_intent)
    if fact.is_made:
        enter_refund(payment, fact.id, fact.amount, at=told.at, has_failed=fact.has_failed)
    if fact.request is None:
        return True
    request = RefundRequest.objects.filter(pk=fact.request, payment=payment)
    if fact.has_failed and not fact.is_made:
        request.update(
            refund_id=None, refused="Stripe could not send the money; it is still here."
        )
    else:
        # Told late, that it is pending takes nothing back.
        request.filter(refused="").update(refund_id=fact.id)
    return True


def enter_refund(
    payment: Payment, refund_id: str, amount: Money, *, at: datetime, has_failed: bool = False
) -> None:
    """Count what went back and, where that failed, what is here again; tell the donor once."""
    entries = [ledger.Entry(payment, Kind.REFUND, refund_id, -amount.minor, at)]
    if has_failed:
        entries.append(ledger.Entry(payment, Kind.REFUND_FAILED, refund_id, amount.minor, at))
    kinds = {str(Kind.REFUND): mails.REFUND, str(Kind.REFUND_FAILED): mails.REFUND_FAILED}
    for (kind, _), entry in ledger.enter(entries).items():
        outbox.queue(
            kind=kinds[kind],
            reference=str(entry),
            contact=payment.donation.contact,
            now=timezone.now(),
        )


def record_dispute(told: Told, fact: facts.Dispute) -> bool:
    """Take in how a dispute stands, and what it moved. Raises NotYet."""
    payment = _paid_by(fact.payment_intent)
    dispute, _ = Dispute.objects.select_for_update().get_or_create(
        stripe_id=fact.id,
        defaults={
            "payment": payment,
            "amount_minor": fact.amount.minor,
            "currency": fact.amount.currency,
            "status": fact.status,
            "reason": fact.reason,
            "told_at": told.at,
        },
    )
    rank = int(fact.status not in Dispute.OPEN)
    newness = (told.at, rank, told.by)
    if newness >= (dispute.told_at, dispute.told_rank, dispute.told_by):
        dispute.told_at, dispute.told_rank, dispute.told_by = newness
        dispute.status, dispute.answer_by = fact.status, fact.answer_by
        dispute.save()
    entries = [
        ledger.Entry(
            payment, Kind.DISPUTE if minor < 0 else Kind.DISPUTE_WON, stripe_id, minor, told.at
        )
        for stripe_id, minor in fact.movements
        if minor
    ]
    ledger.enter(entries)
    if fact.status == "lost":
        outbox.queue(
            kind=mails.DISPUTE_LOST,
            reference=str(dispute.pk),
            contact=payment.donation.contact,
            now=timezone.now(),
        )
    return True


def record_payout(_told: Told, _fact: facts.PaidOut) -> bool:
    """Hold the books against Stripe's own: what it paid out is final by now."""
    jobs.wake_after_commit("donations.tasks.reconcile")
    return True


def record_missed(told: Told, fact: facts.Missed) -> bool:
    """Take in that a monthly payment failed, and tell the donor once how to mend it.

    Raises NotYet where the plan itself is not known.
    """
    if lock_donation(fact.public_id) is None:
        return False
    if fact.is_first:
        # Stripe's page told the donor already; no plan began.
        return True
    plan = Plan.objects.filter(subscription_id=fact.subscription).first()
    if plan is None:
        raise NotYet(fact.subscription)
    missed, _ = MissedPayment.objects.get_or_create(
        invoice_id=fact.invoice,
        defaults={
            "plan": plan,
            "amount_minor": fact.amount.minor,
            "currency": fact.amount.currency,
            "attempts": fact.attempts,
            "next_try_at": fact.next_try_at,
            "pay_url": fact.pay_url,
            "failed_at": told.at,
        },
    )
    if fact.attempts > missed.attempts:
        missed.attempts, missed.next_try_at = fact.attempts, fact.next_try_at
    missed.failed_at = min(missed.failed_at, told.at)
    missed.save()
    if not Payment.objects.filter(stripe_id=fact.invoice).exists():
        outbox.queue(
            kind=mails.MISSED_PAYMENT,
            reference=str(missed.pk),
            contact=plan.donation.contact,
            now=timezone.now(),
        )
    return True


def lock_donation(public_id: str | None) -> Donation | None:
    """Lock one donation of ours, or return None."""
    return _locked([public_id]).get(public_id or "")


def _locked(public_ids: Iterable[str | None]) -> dict[str, Donation]:
    """Lock donations, in one order everywhere, and return them by their public id."""
    found = (
        Donation.objects.select_for_update(of=("self",))
        # One campaign may have hundreds of them in a batch.
        .prefetch_related("campaign")
        .filter(public_id__in={public_id for public_id in public_ids if public_id})
        .order_by("pk")
    )
    return {donation.public_id: donation for donation in found}


def _paid_by(payment_intent: str | None) -> Payment:
    """Return the payment behind an intent, its donation locked. Raises NotYet."""
    link = InvoiceIntent.objects.filter(payment_intent=payment_intent).first()
    payment = (
        (
            Payment.objects.filter(pk=link.payment_id)
            if link
            else Payment.objects.filter(stripe_id=payment_intent)
        )
        .select_related("donation")
        .first()
    )
    if payment is None:
        raise NotYet(payment_intent or "")
    payment.donation = _locked([payment.donation.public_id])[payment.donation.public_id]
    return payment


def _add(
    paid: dict[str, tuple[Donation, Money, datetime]],
    stripe_id: str,
    donation: Donation,
    amount: Money,
    at: datetime,
) -> None:
    known = paid.setdefault(stripe_id, (donation, amount, at))
    if known[:2] != (donation, amount):
        raise AmountMismatch(f"{stripe_id} is told in two ways")


def _take_in(donation: Donation, fact: facts.Session | facts.Failure, at: datetime) -> None:
    if isinstance(fact, facts.Failure):
        donation.failed_at = donation.failed_at or at
        return
    donation.session_id = donation.session_id or fact.id
    # Its rank only rises, whatever is told late.
    donation.session_rank = max(donation.session_rank, fact.rank)
    donation.told_at = max(donation.told_at or at, at)
    if fact.rank == SessionRank.COMPLETE and not fact.is_paid:
        donation.awaited_since = min(donation.awaited_since or at, at)


_SAVE_SESSIONS = """
UPDATE donations_donation d
SET session_id = n.session_id, session_rank = n.session_rank, told_at = n.told_at,
    failed_at = n.failed_at, awaited_since = n.awaited_since
FROM unnest(%s::bigint[], %s::text[], %s::smallint[], %s::timestamptz[], %s::timestamptz[],
        %s::timestamptz[])
    AS n (id, session_id, session_rank, told_at, failed_at, awaited_since)
WHERE d.id = n.id
"""


def _save_sessions(donations: Sequence[Donation]) -> None:
    if not donations:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _SAVE_SESSIONS,
            [
                [d.pk for d in donations],
                [d.session_id for d in donations],
                [d.session_rank for d in donations],
                [d.told_at for d in donations],
                [d.failed_at for d in donations],
                [d.awaited_since for d in donations],
            ],
        )


def _thank(payments: Sequence[Payment]) -> None:
    """Owe the receipts, keep the proofs of consent, and name who asked to be named."""
    now = timezone.now()
    outbox.queue_all(
        kind=mails.RECEIPT,
        owed=[(str(p.pk), p.donation.contact_id, now) for p in payments],
    )
    contacts.record_consents(
        [
            contacts.Said(
                contact_id=p.donation.contact_id,
                campaign=p.donation.campaign,
                wordings=p.donation.consents,
                source=f"gift {p.donation.reference}",
                given_at=p.donation.said_at,
            )
            for p in payments
            if p.donation.consents
        ]
    )
    for payment in payments:
        donation = payment.donation
        if donation.display == Donation.Display.PRIVATE or donation.shown_at:
            continue
        # Once: a name that was taken down stays down, whatever else is paid.
        if not donation.payments.exclude(pk=payment.pk).exists():
            donation.shown_at = payment.paid_at
            donation.save(update_fields=["shown_at"])
