"""Monthly gifts: taking in how they stand, and what the donor or staff may do about them."""

import calendar
import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from alliance.accounts.models import User
from alliance.core import jobs
from alliance.core.money import Money
from alliance.outbox import services as outbox
from donations import facts, gateway, mails, settling
from donations.models import LastPlan, Plan, PlanChange
from donations.models.plans import OVER
from donations.settling import ANSWER, Told

logger = logging.getLogger(__name__)

What = PlanChange.What

MONTHS_OF_PAUSE = (1, 2, 3)
# After an answer that never came, and between two questions about the same plan.
ASK_AGAIN_AFTER = timedelta(minutes=1)
WARN_BEFORE = timedelta(days=7)
SWEEP_BATCH = 200
NO_CARD = "none"


class PlanIsOver(Exception):
    """Nothing can be changed about a plan that has ended."""


def record_subscription(told: Told, fact: facts.Subscription) -> bool:
    """Take in how a monthly gift stands; return whether it is one of ours.

    The latest word by Stripe's clock holds, and an end is final. Two words of the same second
    that contradict each other leave a doubt, and the sweep asks.
    """
    donation = settling.lock_donation(fact.public_id)
    if donation is None:
        return False
    plan = Plan.objects.select_for_update().filter(subscription_id=fact.id).first()
    news = _columns(fact)
    if plan is None:
        Plan.objects.create(
            donation=donation,
            subscription_id=fact.id,
            told_at=told.at,
            told_by=told.by,
            # What card it is takes a question.
            is_in_doubt=True,
            **news,
        )
        jobs.wake_after_commit("donations.tasks.sweep_plans")
        return True
    is_end = fact.status in OVER
    if plan.is_over and not is_end:
        return True
    before = {name: getattr(plan, name) for name in news}
    if before != news and told.at == plan.told_at and told.by != plan.told_by and not is_end:
        plan.is_in_doubt, plan.ask_again_at = True, timezone.now()
    if is_end or (told.at, told.by) >= (plan.told_at, plan.told_by):
        for name, value in news.items():
            setattr(plan, name, value)
        plan.told_at, plan.told_by = max(plan.told_at, told.at), told.by
        _note_changes(plan, before, gave_up=fact.gave_up, at=told.at)
    plan.save()
    if plan.is_in_doubt:
        jobs.wake_after_commit("donations.tasks.sweep_plans")
    return True


def record_customer(_told: Told, fact: facts.Customer) -> bool:
    """Look whether it is the card that somebody changed, who was sent to change it."""
    awaited = Plan.objects.running().filter(customer_id=fact.id, wish=What.CARD)
    if awaited.update(is_in_doubt=True, ask_again_at=timezone.now()):
        jobs.wake_after_commit("donations.tasks.sweep_plans")
    return Plan.objects.filter(customer_id=fact.id).exists()


def change_amount(plan: Plan, amount: Money, *, by: User | None) -> None:
    """Take another amount from the next payment on. `by`: staff; without, the donor.

    This and its siblings raise PlanIsOver, gateway.Unavailable (nobody knows yet whether it
    happened; the sweep finds out) and gateway.Declined.
    """
    slug = plan.donation.campaign.slug
    _ask_for(
        plan,
        What.AMOUNT,
        lambda: gateway.change_amount(plan.subscription_id, plan.item_id, amount, slug),
        by=by,
    )


def pause(plan: Plan, *, months: int, by: User | None) -> None:
    """Take nothing for some months; the payment after that comes of itself."""
    due = plan.next_payment_at or timezone.now()
    # A day before the payment that is the first to be taken again.
    until = _months_later(due, months) - timedelta(days=1)
    _ask_for(plan, What.PAUSED, lambda: gateway.pause(plan.subscription_id, until), by=by)


def resume(plan: Plan, *, by: User | None) -> None:
    """End a pause."""
    _ask_for(plan, What.RESUMED, lambda: gateway.resume(plan.subscription_id), by=by)


def cancel(plan: Plan, *, by: User | None) -> None:
    """Take nothing ever again."""
    _ask_for(plan, What.CANCELLED, lambda: gateway.cancel(plan.subscription_id), by=by)


def card_page(plan: Plan, *, return_url: str) -> str:
    """Return the address of Stripe's page where the donor names another card."""
    if plan.is_over:
        raise PlanIsOver
    address = gateway.card_page(plan.customer_id, return_url)
    Plan.objects.filter(pk=plan.pk).update(wish=What.CARD, wished_by=None)
    return address


def ask(plan: Plan) -> None:
    """Ask Stripe how a plan stands, and what card it is paid by. Raises as the gateway."""
    _take_in(plan, gateway.retrieve_subscription(plan.subscription_id))
    if plan.wish == What.CARD and not plan.is_over:
        # On Stripe's page a card becomes the customer's; the plan is to be paid by it, too.
        card = gateway.default_card(plan.customer_id)
        if card not in ("", plan.payment_method_id):
            _take_in(plan, gateway.use_card(plan.subscription_id, card))
    if plan.payment_method_id and (not plan.card_brand or _expires_too_soon(plan)):
        _look_at_card(plan)
    Plan.objects.filter(pk=plan.pk).update(is_in_doubt=False)


def ask_if_it_helps(plan: Plan, *, now: datetime) -> None:
    """Ask where news is awaited, unless somebody just did. Raises as the gateway."""
    if not (plan.is_in_doubt or plan.wish):
        return
    mine_to_ask = Plan.objects.filter(pk=plan.pk, ask_again_at__lte=now)
    if mine_to_ask.update(ask_again_at=now + ASK_AGAIN_AFTER):
        ask(plan)


def sweep(*, now: datetime) -> None:
    """Ask about plans in doubt, those first that wait for longest, while Stripe answers."""
    for plan in Plan.objects.in_doubt(now)[:SWEEP_BATCH]:
        Plan.objects.filter(pk=plan.pk).update(ask_again_at=now + ASK_AGAIN_AFTER)
        try:
            ask(plan)
        except Exception as error:
            logger.exception("plan %s: it is not known how it stands", plan.pk)
            if gateway.is_away(error):
                return


def look_ahead(*, now: datetime) -> None:
    """Warn donors whose next payment is near: of another amount, or by a card that ends first.

    Each once: the outbox keeps what it owes under the payment's date or the card's end.
    """
    near = Plan.objects.running().filter(
        next_payment_at__gt=now, next_payment_at__lte=now + WARN_BEFORE, is_paused=False
    )
    for plan in near.select_related("donation__contact").iterator():
        contact = plan.donation.contact
        last = plan.donation.payments.order_by("-pk").first()
        if last and last.amount != plan.amount:
            reference = f"{plan.pk}:{plan.next_payment_at:%Y-%m-%d}"
            outbox.queue(kind=mails.AMOUNT_AHEAD, reference=reference, contact=contact, now=now)
        if not _expires_too_soon(plan):
            continue
        try:
            # The bank may have sent Stripe a new date meanwhile.
            _look_at_card(plan)
        except gateway.Unavailable:
            continue
        if _expires_too_soon(plan):
            reference = f"{plan.pk}:{plan.card_expires_on}"
            outbox.queue(kind=mails.CARD_ENDS, reference=reference, contact=contact, now=now)


def _ask_for(
    plan: Plan,
    what: What,
    call: Callable[[], tuple[facts.Subscription, datetime]],
    *,
    by: User | None,
) -> None:
    if plan.is_over:
        raise PlanIsOver
    # Written down first: whoever brings the news of it knows then whose doing it was.
    Plan.objects.filter(pk=plan.pk).update(wish=what, wished_by=by)
    try:
        answer = call()
    except (gateway.Unavailable, gateway.Missing):
        Plan.objects.filter(pk=plan.pk).update(is_in_doubt=True, ask_again_at=timezone.now())
        raise
    _take_in(plan, answer)


def _take_in(plan: Plan, answer: tuple[facts.Subscription, datetime]) -> None:
    fact, at = answer
    with transaction.atomic():
        record_subscription(Told(fact, at, ANSWER), fact)
    plan.refresh_from_db()


def _columns(fact: facts.Subscription) -> dict[str, object]:
    return {
        "customer_id": fact.customer,
        "item_id": fact.item,
        "status": fact.status,
        "amount_minor": fact.amount.minor,
        "currency": fact.amount.currency,
        "next_payment_at": fact.next_payment_at,
        "is_paused": fact.is_paused,
        "resumes_at": fact.resumes_at,
        "will_end": fact.will_end,
        "ended_at": fact.ended_at,
        "payment_method_id": fact.payment_method,
    }


def _note_changes(plan: Plan, before: dict[str, object], *, gave_up: bool, at: datetime) -> None:
    """Keep what a person would notice, say whose doing it was, and owe the donor a mail."""
    now_over = plan.is_over and before["status"] not in OVER
    was_paused = (before["is_paused"], before["resumes_at"])
    changed = {
        What.GAVE_UP: now_over and gave_up,
        What.CANCELLED: now_over and not gave_up,
        What.PAUSED: plan.is_paused and was_paused != (True, plan.resumes_at),
        What.RESUMED: before["is_paused"] and not plan.is_paused and not plan.is_over,
        What.AMOUNT: before["amount_minor"] != plan.amount_minor,
        What.CARD: before["payment_method_id"] not in ("", plan.payment_method_id),
    }
    if before["payment_method_id"] != plan.payment_method_id:
        plan.card_brand = plan.card_last4 = ""
        plan.card_expires_on = None
        plan.is_in_doubt, plan.ask_again_at = True, timezone.now()
    for what in [what for what, has_changed in changed.items() if has_changed]:
        origin, by = PlanChange.Origin.STRIPE, None
        if plan.wish == what:
            by = plan.wished_by
            origin = PlanChange.Origin.STAFF if by else PlanChange.Origin.DONOR
            if (
                what == What.CANCELLED
                and not by
                and LastPlan.objects.to_be_stopped().filter(plan=plan)
            ):
                origin = PlanChange.Origin.ENDING
            plan.wish, plan.wished_by = "", None
        change = PlanChange.objects.create(
            plan=plan,
            what=what,
            origin=origin,
            by=by,
            amount_minor=plan.amount_minor,
            until=plan.resumes_at,
            at=at,
        )
        has_ended = origin == PlanChange.Origin.ENDING
        outbox.queue(
            kind=mails.CAMPAIGN_ENDED if has_ended else mails.PLAN_CHANGE,
            reference=str(plan.pk if has_ended else change.pk),
            contact=plan.donation.contact,
            now=timezone.now(),
        )


def _look_at_card(plan: Plan) -> None:
    card = gateway.retrieve_card(plan.payment_method_id)
    plan.card_brand = card.brand if card else NO_CARD
    plan.card_last4 = card.last4 if card else ""
    plan.card_expires_on = None
    if card and card.expires:
        year, month = card.expires
        plan.card_expires_on = date(year, month, calendar.monthrange(year, month)[1])
    Plan.objects.filter(pk=plan.pk, payment_method_id=plan.payment_method_id).update(
        card_brand=plan.card_brand,
        card_last4=plan.card_last4,
        card_expires_on=plan.card_expires_on,
    )


def _expires_too_soon(plan: Plan) -> bool:
    """Say whether the card, as far as it is known, ends before the next payment."""
    if plan.card_expires_on is None or plan.next_payment_at is None:
        return False
    return plan.card_expires_on < timezone.localdate(plan.next_payment_at)


def _months_later(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    last_day = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))
