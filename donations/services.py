"""Writes about giving: starting a checkout, and settling it whoever brings the news."""

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from alliance.contacts import services as contacts
from alliance.contacts.models import Contact, normalise
from alliance.core import jobs
from alliance.core.money import Money
from alliance.outbox import services as outbox
from campaigns.models import Campaign
from donations import facts, gateway, guard, links, mails, settling
from donations.models import Donation, DonationQuerySet, SessionRank

logger = logging.getLogger(__name__)

# How long the page where one pays stays open. Stripe allows half an hour to a day.
SESSION_LIFE = timedelta(minutes=60)
# Stripe opens no session for less than half an hour, so an older order can't be asked again.
SHORTEST_SESSION = timedelta(minutes=31)
# Two looks at the same session within this time would be one too many.
ASK_AGAIN_AFTER = timedelta(seconds=10)
# A donor who came back, and nothing heard since; a session that should have closed by itself.
OVERDUE_AFTER = timedelta(minutes=1)
SWEEP_BATCH = 200
# One mail of links to an address within this time, whoever asks.
ONE_MAIL_IN = timedelta(minutes=10)

# Columns of a donation, as the form fills them.
Said = dict[str, object]


class CampaignIsClosed(Exception):
    """The campaign takes no gifts at present."""


@dataclass(frozen=True)
class Pledge:
    """What somebody said on the form."""

    nonce: UUID
    amount: Money
    email: str
    name: str
    display: Donation.Display
    frequency: Donation.Frequency = Donation.Frequency.ONCE
    # The words beside each box that was ticked, by scope ("campaign", "platform").
    consents: dict[str, str] = field(default_factory=dict)
    # The campaign's link that it came by.
    link_id: int | None = None


def start_checkout(
    *, campaign: Campaign, pledge: Pledge, now: datetime, visit: guard.Visit | None = None
) -> str:
    """Write the donation down, ask Stripe for a page to pay it on, and return its address.

    One form makes one donation: sent twice it leads to the same page, sent again with other
    words the first page is closed before there is a second, and once paid it leads to the
    donation's own page. Raises CampaignIsClosed, gateway.Unavailable, gateway.Declined and, of a
    `visit` that is watched, guard.ProofWanted.
    """
    if visit:
        known = _known_page(pledge, now)
        if known:
            return known
        # Before anything is written: testers shall not fill the database either.
        guard.check(visit, email=pledge.email, form=pledge.nonce, now=now)
    said = _said(pledge)
    donation = _write_down(campaign=campaign, nonce=pledge.nonce, said=said, now=now)
    if not donation.is_under_way and _is_outdated(donation, said, now):
        close_page(donation, now)
        donation = _write_again(donation, said=said, now=now)
    if donation.is_under_way:
        return donation.get_absolute_url()
    if donation.session_url:
        return donation.session_url
    if visit:
        guard.admit(visit, donation, now=now)
    try:
        session = gateway.create_session(_order(donation))
    except (gateway.Declined, gateway.Broken):
        # Stripe keeps such an answer under its key; the next try needs another one.
        Donation.objects.filter(pk=donation.pk, attempt=donation.attempt).update(
            attempt=donation.attempt + 1
        )
        raise
    if not _remember(donation, session):
        # Another tab sent other words meanwhile: there is to be one page to pay on, and it
        # is not this one.
        gateway.expire_session(session.id)
        return donation.get_absolute_url()
    return session.url


@transaction.atomic
def mail_link(*, campaign: Campaign, pledge: Pledge, visit: guard.Visit, now: datetime) -> None:
    """Write the donation down and owe a mail with the link that leads on to paying it.

    Once an hour for the same words. Raises CampaignIsClosed, guard.TooManyLetters.
    """
    # Other words are another donation: one that is being paid elsewhere is left alone.
    nonce = uuid5(pledge.nonce, repr(replace(pledge, email=pledge.email.casefold())))
    already = Donation.objects.filter(form_nonce=nonce, said_at__gt=now - guard.LETTER_WINDOW)
    if already.exists():
        return
    guard.allow_letter(visit, email=pledge.email, now=now)
    donation = _write_down(campaign=campaign, nonce=nonce, said=_said(pledge), now=now)
    guard.remember_letter(visit, donation, now=now)
    outbox.queue(
        kind=mails.CONFIRM,
        reference=f"{donation.pk}:{now:%Y-%m-%dT%H}",
        contact=donation.contact,
        now=now,
    )


def pledge_of(donation: Donation) -> Pledge:
    """Return what was said when a donation was written down."""
    return Pledge(
        nonce=donation.form_nonce,
        amount=donation.amount,
        email=donation.contact.email or "",
        name=donation.name,
        display=Donation.Display(donation.display),
        frequency=Donation.Frequency(donation.frequency),
        consents=donation.consents,
        link_id=donation.link_id,
    )


def ask_stripe(donation: Donation, *, now: datetime) -> None:
    """Ask how an unsettled donation stands, unless somebody just did. Raises as the gateway."""
    is_ours_to_ask = (
        Donation.objects.unsettled()
        .filter(Q(asked_at__isnull=True) | Q(asked_at__lt=now - ASK_AGAIN_AFTER), pk=donation.pk)
        .update(asked_at=now)
    )
    if not is_ours_to_ask:
        return
    try:
        session = gateway.retrieve_session(str(donation.session_id))
    except gateway.Missing:
        # Nobody can pay there any more. Should money have come all the same, its event counts.
        _mark_expired(donation)
    else:
        _record(session, now)


def sweep_checkouts(*, now: datetime) -> None:
    """Ask about donations whose news is overdue: the donor came back, or the time was up.

    Those not asked about for the longest come first, so that none holds up the others. Where
    Stripe does not answer, or not now, the rest waits for the next time.
    """
    overdue = Q(asked_at__lt=now - OVERDUE_AFTER) | Q(session_expires_at__lt=now - OVERDUE_AFTER)
    due = Donation.objects.unsettled().filter(overdue, session_rank=SessionRank.OPEN)
    for donation in due.order_by(F("asked_at").asc(nulls_first=True))[:SWEEP_BATCH]:
        try:
            ask_stripe(donation, now=now)
        except Exception as error:
            logger.exception("gift %s: it is not known how it stands", donation.reference)
            if gateway.is_away(error):
                return


def hide_names(donations: DonationQuerySet) -> int:
    """Stop naming the donors of these gifts in public, and return how many were named."""
    with transaction.atomic():
        campaigns = list(donations.to_be_shown().values_list("campaign", flat=True))
        Campaign.objects.filter(pk__in=campaigns).update(changed_at=timezone.now())
        return donations.to_be_shown().order_by().update(shown_at=None)


def mail_links(email: str, *, now: datetime) -> None:
    """Owe the links to what was given from an address, if there is any: the asker learns nothing.

    Raises ValueError for what is no address.
    """
    contact = Contact.objects.filter(email_key=normalise(email).casefold()).first()
    if contact and links.has_any(contact, now=now):
        turn = int(now.timestamp() // ONE_MAIL_IN.total_seconds())
        reference = f"{contact.pk}:{turn}"
        outbox.queue(kind=mails.LINKS, reference=reference, contact=contact, now=now)
    else:
        # Most of the time that owing a mail takes: the clock is not to tell strangers either.
        jobs.wake_after_commit("alliance.outbox.tasks.deliver_due")


def give_again_path(donation: Donation) -> str:
    """Return the address of the form, filled in with what the gift was to be."""
    give = reverse("donations:give", args=[donation.campaign.slug])
    monthly = "&frequency=monthly" if donation.is_monthly else ""
    ref = f"&ref={donation.link.code}" if donation.link else ""
    return f"{give}?amount={donation.amount_minor}{monthly}{ref}"


def _record(session: facts.Session, now: datetime) -> None:
    settling.record_giving([settling.Told(session, now, settling.ANSWER)])


def _known_page(pledge: Pledge, now: datetime) -> str:
    """Return where this form, with these words, leads to already, or nothing."""
    # Cheap for the many who come for the first time, and for testers.
    if not Donation.objects.filter(form_nonce=pledge.nonce).exists():
        return ""
    donation = Donation.objects.select_related("contact").get(form_nonce=pledge.nonce)
    if donation.contact.email_key != pledge.email.casefold():
        return ""
    if donation.is_under_way:
        return donation.get_absolute_url()
    said = {**_words(pledge), "contact": donation.contact}
    return "" if _is_outdated(donation, said, now) else donation.session_url


def close_page(donation: Donation, now: datetime) -> None:
    """See to it that nobody can pay on the page that a new one is to follow."""
    if not donation.session_id:
        return
    try:
        _record(gateway.expire_session(donation.session_id), now)
    except gateway.Missing:
        _mark_expired(donation)


def _mark_expired(donation: Donation) -> None:
    Donation.objects.filter(
        pk=donation.pk, attempt=donation.attempt, session_rank__lt=SessionRank.EXPIRED
    ).update(session_rank=SessionRank.EXPIRED)


@transaction.atomic
def _write_down(*, campaign: Campaign, nonce: UUID, said: Said, now: datetime) -> Donation:
    # Asked anew: it may have closed since the form was shown, or since the view looked.
    if not Campaign.objects.open_for_gifts().filter(pk=campaign.pk).exists():
        raise CampaignIsClosed
    donation, _ = Donation.objects.get_or_create(
        form_nonce=nonce,
        defaults={
            "campaign": campaign,
            "created_at": now,
            "said_at": now,
            "session_expires_at": now + SESSION_LIFE,
            **said,
        },
    )
    return donation


@transaction.atomic
def _write_again(donation: Donation, *, said: Said, now: datetime) -> Donation:
    """Take the form's new words, under a new attempt, unless another click has already."""
    fresh = Donation.objects.select_for_update().get(pk=donation.pk)
    if fresh.attempt != donation.attempt or fresh.is_under_way:
        return fresh
    for name, value in said.items():
        setattr(fresh, name, value)
    fresh.attempt += 1
    fresh.session_id, fresh.session_url, fresh.session_rank = None, "", SessionRank.NONE
    fresh.asked_at = fresh.told_at = fresh.failed_at = fresh.awaited_since = None
    fresh.said_at = now
    fresh.session_expires_at = now + SESSION_LIFE
    fresh.save()
    return fresh


def _said(pledge: Pledge) -> Said:
    return {**_words(pledge), "contact": contacts.contact_for(pledge.email)}


def _words(pledge: Pledge) -> Said:
    return {
        "name": pledge.name,
        "display": pledge.display,
        "frequency": pledge.frequency,
        "amount_minor": pledge.amount.minor,
        "currency": pledge.amount.currency,
        "consents": pledge.consents,
        "link_id": pledge.link_id,
    }


def _is_outdated(donation: Donation, said: Said, now: datetime) -> bool:
    is_over = (
        donation.session_rank == SessionRank.EXPIRED
        or donation.failed_at is not None
        or donation.session_expires_at <= now + SHORTEST_SESSION
    )
    return is_over or any(getattr(donation, name) != value for name, value in said.items())


def _order(donation: Donation) -> gateway.Order:
    page = settings.SITE_URL + donation.get_absolute_url()
    return gateway.Order(
        public_id=donation.public_id,
        reference=donation.reference,
        campaign_slug=donation.campaign.slug,
        campaign_name=donation.campaign.name,
        amount=donation.amount,
        email=donation.contact.email or "",
        success_url=page,
        cancel_url=settings.SITE_URL + give_again_path(donation),
        expires_at=donation.session_expires_at,
        attempt=donation.attempt,
        idempotency_key=donation.idempotency_key,
        is_monthly=donation.is_monthly,
    )


def _remember(donation: Donation, session: facts.Session) -> bool:
    """Keep the session's address, and return whether it is still the one that is wanted."""
    ours = Donation.objects.filter(pk=donation.pk, attempt=donation.attempt)
    is_wanted = ours.update(session_id=session.id, session_url=session.url)
    # Its webhook may have been quicker, so the rank only rises.
    ours.filter(session_rank__lt=session.rank).update(session_rank=session.rank)
    return bool(is_wanted)
