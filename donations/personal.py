"""What giving leaves behind about people, and what becomes of it when they are erased."""

import logging
from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

from alliance.core import personal
from alliance.core.personal import Fate, NotNow, Person, Row, Table
from donations import gateway, plans, services
from donations.models import (
    Attempt,
    Decline,
    Dispute,
    Donation,
    DonationQuerySet,
    Donor,
    Ending,
    InvoiceIntent,
    LedgerEntry,
    MissedPayment,
    Payment,
    Plan,
    PlanChange,
    PlanQuerySet,
    RefundRequest,
    SessionRank,
    Thanks,
)

logger = logging.getLogger(__name__)

BOOKS = "accounts must be kept, and a campaign’s total is the sum of its gifts"
SIX_YEARS = (
    "at least six years after each gift, as the law asks; as bare figures for as long as the "
    "campaign’s total is shown"
)
AWAY = (
    "Stripe can’t be reached at the moment, so your monthly gifts could not be stopped, and "
    "nothing was deleted. Please try again in a few minutes."
)
STRANGE = (
    "Stripe would not stop one of your monthly gifts, so nothing was deleted. Please write to "
    "us: we’ll look into it."
)
BEING_CONFIRMED = (
    "A monthly gift of yours is just being confirmed by Stripe, so it can’t be stopped yet, and "
    "nothing was deleted. Please try again in a few minutes. If it lasts, write to us."
)


def gifts_of(person: Person) -> DonationQuerySet:
    """Return all that somebody ever meant to give."""
    return Donation.objects.filter(contact__in=person.contacts)


def plans_of(person: Person) -> PlanQuerySet:
    """Return somebody's monthly gifts, those that have ended, too."""
    return Plan.objects.filter(donation__contact__in=person.contacts)


def _stop_what_runs(person: Person) -> None:
    """Have Stripe close the pages where a monthly gift could begin, and stop those that run.

    That nothing runs any more, and nothing is about to, is looked at once all is locked.
    """
    monthly = gifts_of(person).filter(frequency=Donation.Frequency.MONTHLY)
    try:
        for donation in monthly.unsettled().filter(session_rank=SessionRank.OPEN):
            services.close_page(donation, timezone.now())
        for plan in plans_of(person).running().order_by("pk"):
            try:
                plans.cancel(plan, by=None)
            except plans.PlanIsOver:
                continue
    except gateway.Unavailable as error:
        logger.exception("nobody is erased: Stripe did not answer")
        raise NotNow(AWAY) from error
    except gateway.Declined as error:
        logger.exception("nobody is erased: Stripe refused")
        raise NotNow(STRANGE) from error


def _erase_gifts(person: Person, _now: datetime) -> None:
    """Let the books stand, and name nobody.

    Gifts are locked first, in one order, as wherever money is counted: what Stripe tells
    meanwhile waits, and then finds nobody to be named.
    """
    theirs = gifts_of(person)
    list(theirs.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    _refuse_what_runs(person)
    services.hide_names(theirs)
    theirs.update(name="", display=Donation.Display.PRIVATE, session_url="")


def _refuse_what_runs(person: Person) -> None:
    monthly = gifts_of(person).filter(frequency=Donation.Frequency.MONTHLY)
    begins = monthly.filter(plans__isnull=True)
    if begins.that_came().exists() or begins.unsettled().exists():
        raise NotNow(BEING_CONFIRMED)
    if plans_of(person).running().exists():
        raise NotNow(BEING_CONFIRMED)


def _erase_plans(person: Person, _now: datetime) -> None:
    plans_of(person).update(
        card_brand="", card_last4="", card_expires_on=None, is_in_doubt=False, wish=""
    )


def _erase_thanks(person: Person, _now: datetime) -> None:
    Thanks.objects.filter(donation__contact__in=person.contacts).update(words="")


def _erase_missed(person: Person, _now: datetime) -> None:
    # Stripe's page shows whose payment it is.
    MissedPayment.objects.filter(plan__donation__contact__in=person.contacts).update(pay_url="")


def _erase_notes(person: Person, _now: datetime) -> None:
    RefundRequest.objects.filter(payment__donation__contact__in=person.contacts).update(note="")


def _keep(_person: Person, _now: datetime) -> None:
    return None


def _card_checks(person: Person) -> Iterator[Row]:
    theirs = Attempt.objects.filter(contact__in=person.contacts).order_by("pk")
    for (at,) in theirs.values_list("at"):
        yield at, "somebody went on to pay"
    declined = Decline.objects.filter(donation__contact__in=person.contacts).order_by("pk")
    for (at,) in declined.values_list("at"):
        yield at, "a card was turned down"


def _work(person: Person) -> Iterator[Row]:
    """Tell what they did for others’ gifts, as one of a campaign’s people or of ours."""
    thanked = Thanks.objects.filter(by=person.user).order_by("pk")
    for at, reference in thanked.values_list("at", "donation__reference"):
        yield at, reference, "thanked for it"
    asked = RefundRequest.objects.filter(by=person.user).order_by("asked_at")
    for at, reference in asked.values_list("asked_at", "payment__donation__reference"):
        yield at, reference, "asked for a refund"
    ended = Ending.objects.filter(by=person.user).order_by("pk")
    for at, campaign in ended.values_list("at", "campaign__name"):
        yield at, "", f"ended {campaign}"
    changed = PlanChange.objects.filter(by=person.user).order_by("pk")
    for at, reference, what in changed.values_list("at", "plan__donation__reference", "what"):
        yield at, reference, f"monthly gift: {what}"


STAYS_WITHOUT_YOU = {"why": BOOKS, "until": SIX_YEARS}

personal.register(
    Table(
        name="gifts",
        title="Your gifts",
        models=(Donation,),
        columns=(
            *("reference", "page", "campaign", "name", "name_is_shown", "shown_since"),
            *("amount_minor", "currency", "frequency", "method", "link", "boxes_ticked"),
            *("written_down_at", "said_at", "stripe_session", "failed_at"),
        ),
        rows=lambda person: (
            gifts_of(person)
            .order_by("pk")
            .values_list(
                *("reference", "public_id", "campaign__name", "name", "display", "shown_at"),
                *("amount_minor", "currency", "frequency", "method", "link__code", "consents"),
                *("created_at", "said_at", "session_id", "failed_at"),
            )
            .iterator()
        ),
        fate=Fate(
            goes="Your name and address on them, on the campaign’s page and in its books",
            stays="Amount, time, campaign, reference and Stripe’s numbers",
            **STAYS_WITHOUT_YOU,
        ),
        prepare=_stop_what_runs,
        erase=_erase_gifts,
    ),
    Table(
        name="payments",
        title="Your payments",
        models=(Payment, InvoiceIntent),
        columns=("gift", "amount_minor", "currency", "paid_at", "stripe_id", "payment_intent"),
        rows=lambda person: (
            Payment.objects.filter(donation__contact__in=person.contacts)
            .order_by("pk")
            .values_list(
                *("donation__reference", "amount_minor", "currency", "paid_at", "stripe_id"),
                "intents__payment_intent",
            )
            .iterator()
        ),
        fate=Fate(stays="All of it: it names nobody", **STAYS_WITHOUT_YOU),
        erase=_keep,
    ),
    Table(
        name="ledger",
        title="What came, went back and was charged",
        models=(LedgerEntry,),
        columns=("gift", "kind", "amount_minor", "currency", "at", "stripe_id"),
        rows=lambda person: (
            LedgerEntry.objects.filter(payment__donation__contact__in=person.contacts)
            .order_by("pk")
            .values_list(
                *("payment__donation__reference", "kind", "amount_minor", "currency"),
                *("entered_at", "stripe_id"),
            )
            .iterator()
        ),
        fate=Fate(stays="All of it: it names nobody", **STAYS_WITHOUT_YOU),
        erase=_keep,
    ),
    Table(
        name="campaigns_given_to",
        title="What you gave to each campaign in all",
        models=(Donor,),
        columns=("campaign", "amount_minor", "since"),
        rows=lambda person: (
            Donor.objects.filter(contact__in=person.contacts)
            .order_by("pk")
            .values_list("campaign__name", "given_minor", "since")
        ),
        fate=Fate(stays="The sums, which count you as one of the donors", **STAYS_WITHOUT_YOU),
        erase=_keep,
    ),
    Table(
        name="refunds_asked_for",
        title="Refunds of your gifts",
        models=(RefundRequest,),
        columns=("gift", "amount_minor", "reason", "note", "asked_at", "stripe_id", "refused"),
        rows=lambda person: (
            RefundRequest.objects.filter(payment__donation__contact__in=person.contacts)
            .order_by("asked_at")
            .values_list(
                *("payment__donation__reference", "amount_minor", "reason", "note", "asked_at"),
                *("refund_id", "refused"),
            )
        ),
        fate=Fate(goes="Notes about them", stays="Amount, time and reason", **STAYS_WITHOUT_YOU),
        erase=_erase_notes,
    ),
    Table(
        name="disputes",
        title="Disputes about your gifts",
        models=(Dispute,),
        columns=("gift", "amount_minor", "currency", "status", "reason", "answer_by", "stripe_id"),
        rows=lambda person: (
            Dispute.objects.filter(payment__donation__contact__in=person.contacts)
            .order_by("pk")
            .values_list(
                *("payment__donation__reference", "amount_minor", "currency", "status", "reason"),
                *("answer_by", "stripe_id"),
            )
        ),
        fate=Fate(stays="All of it: it names nobody", **STAYS_WITHOUT_YOU),
        erase=_keep,
    ),
    Table(
        name="monthly_gifts",
        title="Your monthly gifts",
        models=(Plan,),
        columns=(
            *("gift", "amount_minor", "currency", "status", "next_payment_at", "is_paused"),
            *("resumes_at", "ended_at", "card", "last_four", "card_expires_on"),
            *("stripe_subscription", "stripe_customer", "stripe_payment_method"),
        ),
        rows=lambda person: (
            plans_of(person)
            .order_by("pk")
            .values_list(
                *("donation__reference", "amount_minor", "currency", "status", "next_payment_at"),
                *("is_paused", "resumes_at", "ended_at", "card_brand", "card_last4"),
                *("card_expires_on", "subscription_id", "customer_id", "payment_method_id"),
            )
        ),
        fate=Fate(
            goes="They are stopped, and what we know of your card is deleted",
            stays="Amount, dates and Stripe’s numbers",
            **STAYS_WITHOUT_YOU,
        ),
        erase=_erase_plans,
    ),
    Table(
        name="monthly_changes",
        title="What changed about your monthly gifts",
        models=(PlanChange,),
        columns=("gift", "what", "by", "amount_minor", "paused_until", "at"),
        rows=lambda person: (
            PlanChange.objects.filter(plan__donation__contact__in=person.contacts)
            .order_by("pk")
            .values_list(
                *("plan__donation__reference", "what", "origin", "amount_minor", "until", "at")
            )
        ),
        fate=Fate(stays="All of it: it names nobody", **STAYS_WITHOUT_YOU),
        erase=_keep,
    ),
    Table(
        name="missed_payments",
        title="Monthly payments that failed",
        models=(MissedPayment,),
        columns=("gift", "amount_minor", "currency", "failed_at", "tries", "next_try_at", "page"),
        rows=lambda person: (
            MissedPayment.objects.filter(plan__donation__contact__in=person.contacts)
            .order_by("pk")
            .values_list(
                *("plan__donation__reference", "amount_minor", "currency", "failed_at"),
                *("attempts", "next_try_at", "pay_url"),
            )
        ),
        fate=Fate(
            goes="The address of Stripe’s page to pay them on",
            stays="Amount and dates",
            **STAYS_WITHOUT_YOU,
        ),
        erase=_erase_missed,
    ),
    Table(
        name="thanks",
        title="Thanks that campaigns sent you",
        models=(Thanks,),
        columns=("gift", "words", "at"),
        rows=lambda person: (
            Thanks.objects.filter(donation__contact__in=person.contacts)
            .order_by("pk")
            .values_list("donation__reference", "words", "at")
        ),
        fate=Fate(goes="The words", stays="That a gift was thanked for", **STAYS_WITHOUT_YOU),
        erase=_erase_thanks,
    ),
    Table(
        name="checks_against_card_thieves",
        title="Checks against card thieves",
        models=(Attempt, Decline),
        columns=("at", "what"),
        rows=_card_checks,
        fate=Fate(
            stays="Scrambled marks that nobody can read an address or a card out of",
            why="they keep people with stolen cards out",
            until="a day after each attempt to pay",
        ),
        erase=_keep,
    ),
    Table(
        name="work_on_gifts",
        title="What you did about others’ gifts",
        models=(Ending,),
        columns=("at", "gift", "what"),
        rows=_work,
        fate=Fate(
            stays="Thanks, refunds and changes, under your number and without your name",
            why="whoever looks after money must be able to show who did what",
            until=SIX_YEARS,
        ),
        erase=_keep,
    ),
)
