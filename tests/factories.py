"""Made-up rows for tests, plain and typed: what a test does not say does not matter to it."""

from datetime import date, datetime, timedelta
from itertools import count
from time import time
from typing import Any
from uuid import uuid4

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.internal.userkit import user_id_to_str
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from alliance.accounts.models import User
from alliance.contacts.services import contact_for
from alliance.core.money import Money
from campaigns.models import Campaign, Endorsement, Membership, Role, State
from donations import forms, ledger, services, settling
from donations.models import Donation, Payment, Plan
from donations.services import Pledge
from events.models import Event
from updates.models import Update

_numbers = count(1)


def make_campaign(**fields: Any) -> Campaign:
    number = next(_numbers)
    defaults = {
        "slug": f"campaign-{number}",
        "name": f"Campaign {number}",
        "title": "Why you should support it",
        "lede": "A few opening words.",
        "story": "It **began** with a meeting.",
        "picture_alt": "A rosette of patches.",
        "picture_credit": "Drawing: this site",
        "drawing_will_do": True,
        "state": State.LIVE,
        "launched_on": date(2016, 8, 8),
        "target_minor": 100_000,
        "recipient": "The campaign's own account",
        "fees": "No fees of ours.",
        "refunds": "Write to us.",
        "terms": "Who may give.",
        "imprint": "Promoted by A on behalf of B, both at C.",
    }
    return Campaign.objects.create(**{**defaults, **fields})


def make_pledge(**fields: Any) -> Pledge:
    defaults: dict[str, Any] = {
        "nonce": uuid4(),
        "amount": Money(2500),
        "email": "gail@example.org",
        "name": "Gail Guest",
        "display": Donation.Display.PRIVATE,
    }
    return Pledge(**{**defaults, **fields})


def start_donation(campaign: Campaign, **fields: Any) -> Donation:
    """Go as far as Stripe's page: the donation is written down and has its session."""
    pledge = make_pledge(**fields)
    services.start_checkout(campaign=campaign, pledge=pledge, now=timezone.now())
    return Donation.objects.get(form_nonce=pledge.nonce)


def make_donation(campaign: Campaign, **fields: Any) -> Donation:
    """A donation that Stripe has not heard of."""
    defaults: dict[str, Any] = {
        "contact": contact_for("gail@example.org"),
        "name": "Gail Guest",
        "amount_minor": 2500,
        "currency": campaign.currency,
        "session_expires_at": timezone.now(),
    }
    return Donation.objects.create(campaign=campaign, **{**defaults, **fields})


def make_payment(donation: Donation, stripe_id: str, *, minor: int = 0) -> Payment:
    """Let money come for a donation, counted and with its receipt owed."""
    amount = Money(minor or donation.amount_minor, donation.currency)
    settling.settle({stripe_id: (donation, amount, timezone.now())})
    return Payment.objects.get(stripe_id=stripe_id)


def make_plan(campaign: Campaign, *, email: str = "gail@example.org", **fields: Any) -> Plan:
    """A monthly gift that runs, with its first payment."""
    number = next(_numbers)
    donation = make_donation(
        campaign, contact=contact_for(email), frequency=Donation.Frequency.MONTHLY
    )
    make_payment(donation, f"in_{number}")
    defaults: dict[str, Any] = {
        "subscription_id": f"sub_{number}",
        "customer_id": f"cus_{number}",
        "item_id": f"si_{number}",
        "status": "active",
        "amount_minor": 2500,
        "currency": campaign.currency,
        "next_payment_at": timezone.now() + timedelta(days=20),
        "payment_method_id": f"pm_{number}",
        "card_brand": "visa",
        "card_last4": "4242",
        "card_expires_on": date(2031, 3, 31),
        "told_at": timezone.now(),
    }
    return Plan.objects.create(donation=donation, **{**defaults, **fields})


def form_data(campaign: Campaign, **fields: str) -> dict[str, str]:
    """What a browser posts from the form to give."""
    defaults = {
        "amount": "2500",
        "other": "",
        "name": "Gail Guest",
        "email": "gail@example.org",
        "display": "private",
        # Open for as long as it takes to fill in.
        "nonce": forms.new_nonce(campaign, made_at=timezone.now() - timedelta(seconds=10)),
    }
    return {**defaults, **fields}


def make_admin(**fields: Any) -> User:
    number = next(_numbers)
    user = User.objects.create_superuser(f"ada-{number}@example.org", "a long pass phrase")
    for name, value in fields.items():
        setattr(user, name, value)
    user.save()
    return user


def make_user(**fields: Any) -> User:
    """Make somebody with an account and a verified address; no password."""
    number = next(_numbers)
    user = User.objects.create_user(**{"email": f"una-{number}@example.org", **fields})
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def make_member(campaign: Campaign, role: Role = Role.OWNER, **fields: Any) -> User:
    """Make one of the people who run a campaign."""
    user = make_user(**fields)
    Membership.objects.create(campaign=campaign, user=user, role=role)
    return user


def sign_in(client: Client, user: User, *, with_factor: bool = True) -> Client:
    """Sign somebody in, and say whether they proved it by a second factor, a moment ago."""
    if with_factor and not is_mfa_enabled(user):
        totp.TOTP.activate(user, totp.generate_totp_secret())
    client.force_login(user)
    record = {"method": "mfa" if with_factor else "password", "at": time()}
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{**record, "reauthenticated": True}]
    session["account_authentication_methods_user"] = user_id_to_str(user)
    session.save()
    return client


def permit(user: User, *codenames: str) -> User:
    """Let one of the staff do these things, and nothing else."""
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def make_endorsement(campaign: Campaign, **fields: Any) -> Endorsement:
    """Write down somebody's support; verified where `verified_by` says by whom."""
    defaults: dict[str, Any] = {
        "name": f"Edna {next(_numbers)}",
        "role": "MP for Anywhere",
        "affiliation": "A Party",
        "said_on": date(2016, 7, 5),
        "source_url": "https://example.org/speech",
    }
    if fields.get("verified_by"):
        defaults["verified_at"] = timezone.now()
    return Endorsement.objects.create(campaign=campaign, **{**defaults, **fields})


def make_event(campaign: Campaign, **fields: Any) -> Event:
    defaults: dict[str, Any] = {"title": f"Meeting {next(_numbers)}", "when_text": "Soon"}
    return Event.objects.create(campaign=campaign, **{**defaults, **fields})


def make_update(
    campaign: Campaign, *, ago: timedelta = timedelta(hours=1), **fields: Any
) -> Update:
    published_at: datetime = timezone.now() - ago
    defaults: dict[str, Any] = {
        "title": f"News {next(_numbers)}",
        "body": "What became of it.",
        "published_at": published_at,
    }
    return Update.objects.create(campaign=campaign, **{**defaults, **fields})


def webhook_secret() -> str:
    return settings.STRIPE_WEBHOOK_SECRETS[0]


def tell(fact: settling.Giving) -> bool:
    """Let the site hear one piece of news about a payment; return whether it was about ours."""
    return settling.record_giving([settling.Told(fact, at=timezone.now())])[0]


def enter_gift(payment: Payment) -> bool:
    """Count a payment as a gift; return whether it was new."""
    return bool(ledger.enter([ledger.gift(payment, at=timezone.now())]))
