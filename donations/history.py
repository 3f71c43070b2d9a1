"""A gift's history: what happened to it, when, and whose doing it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from alliance.accounts.models import User
from alliance.core.money import Money
from alliance.outbox.models import Mail
from alliance.outbox.models import State as MailState
from donations import mails
from donations.models import (
    Dispute,
    Donation,
    Kind,
    LedgerEntry,
    MissedPayment,
    Payment,
    Plan,
    PlanChange,
    RefundRequest,
    Thanks,
)

# A patch for each sort of event: sewn in, taken out, in part, or about words alone.
CAME, WENT, PART, SAID = "came", "went", "part", "said"

_MOVED = {
    Kind.GIFT: ("{amount} came", CAME),
    Kind.OFFLINE: ("{amount} came, by hand", CAME),
    Kind.REFUND: ("{amount} went back", WENT),
    Kind.REFUND_FAILED: ("A refund of {amount} failed: the money is here again", CAME),
    Kind.DISPUTE: ("The bank took back {amount}", WENT),
    Kind.DISPUTE_WON: ("The dispute is won: {amount} is here again", CAME),
}
_CHANGED = {
    PlanChange.What.CANCELLED: ("The monthly gift ended", WENT),
    PlanChange.What.GAVE_UP: ("The monthly gift ended: its payments failed", WENT),
    PlanChange.What.PAUSED: ("The monthly gift was paused", PART),
    PlanChange.What.RESUMED: ("The monthly gift goes on", CAME),
    PlanChange.What.AMOUNT: ("The monthly gift is {amount} from now on", SAID),
    PlanChange.What.CARD: ("The card was changed", SAID),
}
_MAILED = {
    mails.RECEIPT: "Receipt",
    mails.REFUND: "Mail about the refund",
    mails.REFUND_FAILED: "Mail about the refund that failed",
    mails.DISPUTE_LOST: "Mail about the dispute",
    mails.PLAN_CHANGE: "Mail about the change",
    mails.MISSED_PAYMENT: "Mail about the payment that failed",
    mails.AMOUNT_AHEAD: "Warning of another amount",
    mails.CARD_ENDS: "Warning that the card ends",
    mails.THANKS: "Your words of thanks",
}


@dataclass(frozen=True)
class Happening:
    """One line of a gift's history. `is_bad`: it needs a look."""

    at: datetime
    what: str
    sort: str
    more: str = ""
    is_bad: bool = False


@dataclass(frozen=True)
class Facts:
    """All rows about one gift."""

    donation: Donation
    payments: list[Payment]
    entries: list[LedgerEntry]
    requests: list[RefundRequest]
    disputes: list[Dispute]
    plans: list[Plan]
    changes: list[PlanChange]
    missed: list[MissedPayment]
    thanks: Thanks | None


def facts_of(donation: Donation) -> Facts:
    """Read all that is known of a gift, by one query for each kind of row."""
    payments = list(donation.payments.order_by("pk"))
    plans = list(donation.plans.order_by("pk"))
    return Facts(
        donation=donation,
        payments=payments,
        entries=list(LedgerEntry.objects.filter(payment__in=payments).order_by("pk")),
        requests=list(
            RefundRequest.objects.filter(payment__in=payments)
            .select_related("payment", "by")
            .order_by("asked_at")
        ),
        disputes=list(Dispute.objects.filter(payment__in=payments).order_by("pk")),
        plans=plans,
        changes=list(
            PlanChange.objects.filter(plan__in=plans).select_related("plan", "by").order_by("pk")
        ),
        missed=list(MissedPayment.objects.filter(plan__in=plans).order_by("pk")),
        thanks=Thanks.objects.filter(donation=donation).select_related("by").first(),
    )


def mails_about(facts: Facts) -> QuerySet[Mail]:
    """Return the mails to the donor about a gift; each kind refers to the row it tells of."""
    about: list[tuple[list[str], list[int]]] = [
        ([mails.RECEIPT], [p.pk for p in facts.payments]),
        ([mails.REFUND, mails.REFUND_FAILED], [e.pk for e in facts.entries]),
        ([mails.DISPUTE_LOST], [d.pk for d in facts.disputes]),
        ([mails.PLAN_CHANGE], [c.pk for c in facts.changes]),
        ([mails.MISSED_PAYMENT], [m.pk for m in facts.missed]),
        ([mails.THANKS], [facts.thanks.pk] if facts.thanks else []),
    ]
    wanted = Q(pk__in=[])
    for kinds, keys in about:
        wanted |= Q(kind__in=kinds, reference__in=[str(key) for key in keys])
    for plan in facts.plans:
        ahead = [mails.AMOUNT_AHEAD, mails.CARD_ENDS]
        wanted |= Q(kind__in=ahead, reference__startswith=f"{plan.pk}:")
    return Mail.objects.filter(wanted, contact=facts.donation.contact_id).order_by("pk")


def of(donation: Donation, *, team: set[int]) -> list[Happening]:
    """Return a gift's history, the latest first.

    `team`: keys of the campaign's own people. Of others who did something for it, such as our
    staff, no name is told.
    """
    facts = facts_of(donation)
    happened = [
        _begun(donation),
        *_moved(facts),
        *_asked(facts, team),
        *_disputed(facts),
        *_missed(facts),
        *_changed(facts, team),
        *_mailed(facts, team),
    ]
    # Of one moment what was told first happened first.
    return sorted(happened, key=lambda one: one.at)[::-1]


def _begun(donation: Donation) -> Happening:
    if donation.method != Donation.Method.STRIPE:
        return Happening(donation.created_at, "Written down by hand", SAID)
    monthly = ", every month" if donation.is_monthly else ""
    return Happening(
        donation.said_at, f"The form was sent: {donation.amount.exact}{monthly}", SAID
    )


def _moved(facts: Facts) -> Iterator[Happening]:
    for entry in facts.entries:
        if entry.kind == Kind.FEE:
            continue
        words, sort = _MOVED[Kind(entry.kind)]
        amount = Money(abs(entry.amount_minor), entry.currency).exact
        yield Happening(
            entry.entered_at,
            words.format(amount=amount),
            sort,
            is_bad=entry.kind == Kind.REFUND_FAILED,
        )


def _asked(facts: Facts, team: set[int]) -> Iterator[Happening]:
    for request in facts.requests:
        who = _who(request.by, team)
        yield Happening(
            request.asked_at,
            f"{request.amount.exact} was asked to be given back by {who}",
            SAID,
            f"Stripe said no: {request.refused}"
            if request.refused
            else f"Why: {request.get_reason_display()}. {request.note}".strip()
            if request.refund_id
            else "No answer yet: Stripe is asked again every minute.",
            is_bad=bool(request.refused),
        )


def _disputed(facts: Facts) -> Iterator[Happening]:
    for dispute in facts.disputes:
        is_open = dispute.status in Dispute.OPEN
        yield Happening(
            dispute.told_at,
            f"Dispute over {dispute.amount.exact}: {dispute.status.replace('_', ' ')}",
            PART,
            f"The bank’s reason: {dispute.reason.replace('_', ' ')}.",
            is_bad=is_open,
        )


def _missed(facts: Facts) -> Iterator[Happening]:
    for missed in facts.missed:
        tries = f"Tried {missed.attempts} time{'s' * (missed.attempts != 1)}."
        yield Happening(missed.failed_at, f"{missed.amount.exact} could not be taken", PART, tries)


def _changed(facts: Facts, team: set[int]) -> Iterator[Happening]:
    for change in facts.changes:
        words, sort = _CHANGED[PlanChange.What(change.what)]
        who = _who(change.by, team) if change.by else change.get_origin_display()
        yield Happening(change.at, words.format(amount=change.amount.exact), sort, f"By {who}.")


def _mailed(facts: Facts, team: set[int]) -> Iterator[Happening]:
    for mail in mails_about(facts):
        what = _MAILED[mail.kind]
        by = facts.thanks and mail.kind == mails.THANKS and _who(facts.thanks.by, team)
        yield Happening(
            mail.sent_at or mail.created_at,
            f"{what} {_HOW[MailState(mail.state)]}",
            SAID,
            f"By {by}." if by else "",
            is_bad=mail.state in {MailState.FAILED, MailState.UNKNOWN},
        )


_HOW = {
    MailState.QUEUED: "waits to be sent",
    MailState.CLAIMED: "waits to be sent",
    MailState.HANDING_OVER: "is on its way",
    MailState.SENT: "sent",
    MailState.FAILED: "could not be sent",
    MailState.UNKNOWN: "may or may not have been sent",
}


def _who(user: User, team: set[int]) -> str:
    return (user.name or user.email) if user.pk in team else "our staff"
