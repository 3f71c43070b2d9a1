"""Signed links: the way to a monthly gift without a login, and what a fresh mail of them lists."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.db.models import Q
from django.urls import reverse

from alliance.contacts.models import Contact
from donations.models import Donation, DonationQuerySet, Plan, PlanQuerySet

SALT = "donations.manage"
# Each monthly receipt brings a new one: two may go astray before the last stops working.
LIFE = timedelta(days=60)
# For how long what is over is still listed.
RECENT = timedelta(days=365)


class Lost(Exception):
    """The link is too old, or was damaged on its way."""


def token_for(plan: Plan) -> str:
    """Return what lets its holder manage this plan, and nothing else, for a while."""
    return _signer().sign(str(plan.pk))


def plan_of(token: str) -> Plan:
    """Return the plan a token was made for. Raises Lost."""
    try:
        pk = _signer().unsign(token, max_age=LIFE)
        return Plan.objects.select_related("donation__campaign", "donation__contact").get(pk=pk)
    except (signing.BadSignature, Plan.DoesNotExist) as error:
        raise Lost from error


def manage_url(plan: Plan) -> str:
    """Return the whole address of a plan's page, good from now on."""
    return settings.SITE_URL + reverse("donations:manage", args=[token_for(plan)])


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


def _signer() -> signing.TimestampSigner:
    # A full stop, since some mail programs end a link at a colon.
    return signing.TimestampSigner(salt=SALT, sep=".")
