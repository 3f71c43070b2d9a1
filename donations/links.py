"""Signed links: the way to a monthly gift without a login, and what a fresh mail of them lists."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db.models import F, Q
from django.urls import reverse

from alliance.contacts.models import Contact
from donations.models import Donation, DonationQuerySet, Plan, PlanQuerySet

SALT = "donations.manage"
# What a token begins with that was made before its plan was known.
OF_DONATION = "d"
# Each monthly receipt brings a new one: two may go astray before the last stops working.
LIFE = timedelta(days=60)
# For how long what is over is still listed.
RECENT = timedelta(days=365)


class Lost(Exception):
    """The link is too old, or was damaged on its way."""


class Awaited(Exception):
    """The link is good, and Stripe has not told of the plan yet."""

    def __init__(self, donation: Donation) -> None:
        super().__init__(f"no plan yet for {donation.reference}")
        self.donation = donation


def token_for(plan: Plan) -> str:
    """Return what lets its holder manage this plan, and nothing else, for a while."""
    return _signer().sign(str(plan.pk))


def plan_of(token: str) -> Plan:
    """Return the plan a token was made for. Raises Lost, Awaited."""
    plans = Plan.objects.select_related("donation__campaign", "donation__contact")
    try:
        named = _signer().unsign(token, max_age=LIFE)
        if not named.startswith(OF_DONATION):
            return plans.get(pk=named)
        pk = named.removeprefix(OF_DONATION)
        donation = Donation.objects.select_related("campaign").get(pk=pk)
    except (signing.BadSignature, Plan.DoesNotExist, Donation.DoesNotExist) as error:
        raise Lost from error
    # One that runs, should there be two.
    plan = plans.filter(donation=donation).order_by(F("ended_at").desc(nulls_first=True)).first()
    if plan is None:
        raise Awaited(donation)
    return plan


def manage_urls(donation: Donation) -> list[str]:
    """Return the whole addresses of the pages of what runs, good from now on.

    A receipt may be quicker than the news of its plan: then the link names the donation.
    """
    plans = donation.plans.order_by("-pk")
    if donation.is_monthly and not plans:
        return [_url(_signer().sign(f"{OF_DONATION}{donation.pk}"))]
    return [manage_url(plan) for plan in plans if not plan.is_over]


def manage_url(plan: Plan) -> str:
    """Return the whole address of a plan's page, good from now on."""
    return _url(token_for(plan))


def plans_of(contact: Contact, *, now: datetime) -> PlanQuerySet:
    """Return somebody's monthly gifts that run, or ended not long ago."""
    recent = Q(ended_at__isnull=True) | Q(ended_at__gt=now - RECENT)
    begun = Plan.objects.filter(recent, donation__contact=contact).exclude(
        status__startswith="incomplete"
    )
    return begun.select_related("donation__campaign").order_by("-pk")


def has_any(contact: Contact, *, now: datetime) -> bool:
    """Say whether there is anything to send somebody links to."""
    return gifts_of(contact, now=now).exists() or plans_of(contact, now=now).exists()


def gifts_of(contact: Contact, *, now: datetime) -> DonationQuerySet:
    """Return somebody's gifts of the last year that arrived, monthly ones included."""
    return (
        Donation.objects.filter(contact=contact, payments__paid_at__gt=now - RECENT)
        .select_related("campaign")
        .distinct()
        .order_by("-pk")
    )


def _url(token: str) -> str:
    return settings.SITE_URL + reverse("donations:manage", args=[token])


def _signer() -> signing.TimestampSigner:
    # A full stop, since some mail programs end a link at a colon.
    return signing.TimestampSigner(salt=SALT, sep=".")
