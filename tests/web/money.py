"""Gifts of every sort for the tests of the desk's pages about money, and how these are read."""

import re
from typing import Any

from django.utils import timezone

from alliance.contacts import services as contacts
from alliance.core.money import Money
from alliance.local.standin import StandIn
from campaigns.models import Campaign, Link
from donations import refunds, services, settling
from donations.models import Dispute, Donation, Payment, Thanks
from tests import factories
from tests.donations.test_offline import make_gift

ALL = [
    *("Wilma Waits", "Tess Thanked", "Carl Cash", "Dora Disputed"),
    *("Rita Refunded", "Nora Named", "Mona Monthly", "Ola Once"),
]


def paid(campaign: Campaign, standin: StandIn, **fields: Any) -> Payment:
    donation = factories.start_donation(campaign, **fields)
    standin.pay(str(donation.session_id))
    services.ask_stripe(donation, now=timezone.now())
    return donation.payments.get()


def give(campaign: Campaign, stripe_id: str, **fields: Any) -> Donation:
    donation = factories.make_donation(campaign, **fields)
    factories.make_payment(donation, stripe_id)
    return donation


def gifts(campaign: Campaign) -> str:
    return f"/organise/{campaign.slug}/gifts/"


def named(page: Any) -> list[str]:
    """Return the names of the list's rows, in their order."""
    found = re.findall(r'class="gift-who">\s*<p><a [^>]*>([^<]+)</a>', page.content.decode())
    return [name.strip() for name in found]


def told(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def one_of_each(campaign: Campaign, other: Campaign) -> None:
    """Let one gift of each sort come; each has its like in another campaign."""
    for one in (campaign, other):
        tag = str(one.pk)
        theirs = "" if one == campaign else " (theirs)"

        def by(name: str, minor: int, *, tag: str = tag, here: Campaign = one, **more: Any) -> Any:
            email = f"{name.split(maxsplit=1)[0].lower()}@example.org"
            suffix = "" if here == campaign else " (theirs)"
            return give(
                here,
                f"pi_{tag}_{name}",
                name=f"{name}{suffix}",
                contact=contacts.contact_for(email),
                amount_minor=minor,
                **more,
            )

        link, _ = Link.objects.get_or_create(campaign=one, code="poster", label="Poster")
        by("Ola Once", 500, link=link)
        by("Mona Monthly", 700, frequency="monthly")
        by("Nora Named", 800, display="name")
        rita = by("Rita Refunded", 900).payments.get()
        settling.enter_refund(rita, f"re_{tag}", Money(100), at=timezone.now())
        dora = by("Dora Disputed", 1000).payments.get()
        Dispute.objects.create(
            stripe_id=f"dp_{tag}",
            payment=dora,
            amount_minor=1000,
            currency="gbp",
            status="under_review",
            reason="general",
            told_at=timezone.now(),
        )
        refunds.record_offline(
            make_gift(one, name=f"Carl Cash{theirs}"), by=factories.make_admin()
        )
        tess = by("Tess Thanked", 1100)
        Thanks.objects.create(
            donation=tess, by=factories.make_admin(), words="Thank you", at=timezone.now()
        )
        factories.make_donation(
            one,
            name=f"Wilma Waits{theirs}",
            session_id=f"cs_{tag}",
            session_rank=3,
            awaited_since=timezone.now(),
        )
        # Never paid: an intention is nobody's business but their own.
        factories.make_donation(one, name=f"Una Unpaid{theirs}")
        factories.make_donation(
            one,
            name="Fay Failed",
            session_id=f"cs_f{tag}",
            session_rank=3,
            failed_at=timezone.now(),
        )
