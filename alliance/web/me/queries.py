"""What the pages of somebody's own giving are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from django.core.paginator import Page, Paginator

from alliance.accounts.models import User
from alliance.contacts import services as contacts
from alliance.contacts.models import Consent, Contact
from alliance.contacts.personal import person_of
from alliance.core import personal
from alliance.core.personal import Person, Table
from campaigns.models import Campaign
from donations import supporters
from donations.models import Donor

GIFTS_A_PAGE = 20
CHOICES_A_PAGE = 20
# So many patches say "many"; the rest is said in words.
PATCHES = 24


@dataclass(frozen=True)
class Choice:
    """Mail that somebody may agree to, under one of their addresses; the campaign's, or ours."""

    address: str
    campaign: Campaign | None
    wording: str
    live: Consent | None


@dataclass(frozen=True)
class Choices:
    """What somebody may decide about the mail to one of their addresses."""

    address: str
    scopes: tuple[Choice, ...]


def unconfirmed(user: User) -> list[str]:
    """Return the addresses that somebody has yet to prove to be theirs."""
    theirs = EmailAddress.objects.filter(user=user, verified=False)
    return list(theirs.order_by("pk").values_list("email", flat=True))


def giving(user: User, *, page: str) -> dict[str, Any]:
    """Return the context of the page that shows what somebody gave."""
    person = person_of(user)
    summary = supporters.summary_of(person.contacts)
    gifts = Paginator(supporters.one_off_of(person.contacts), GIFTS_A_PAGE).get_page(page)
    return {
        "addresses": person.addresses,
        "unconfirmed": unconfirmed(user),
        "summary": summary,
        "patches": range(min(summary.payments, PATCHES)),
        "more_patches": max(summary.payments - PATCHES, 0),
        "monthly": supporters.monthly_of(person.contacts),
        "gifts": supporters.with_receipts(list(gifts)),
        "page": gifts,
    }


def mail_choices(person: Person) -> list[Choices]:
    """Return what somebody may agree to, or has, for each of their addresses."""
    known = {
        contact.email_key: contact for contact in Contact.objects.filter(pk__in=person.contacts)
    }
    given = _campaigns_of(person.contacts)
    live: dict[tuple[int, int | None], Consent] = {}
    for consent in Consent.objects.live().filter(contact__in=person.contacts).order_by("given_at"):
        live[consent.contact_id, consent.campaign_id] = consent
    return [
        Choices(
            address=address,
            scopes=tuple(
                Choice(
                    address=address,
                    campaign=campaign,
                    wording=contacts.wording_for(campaign),
                    live=live.get((known[address].pk, campaign.pk if campaign else None))
                    if address in known
                    else None,
                )
                for campaign in [*given.get(_key(known, address), []), None]
            ),
        )
        for address in person.addresses
    ]


def mail_history(person: Person, *, page: str) -> Page[Consent]:
    """Return what somebody agreed to, when and in which words, the latest first."""
    said = Consent.objects.filter(contact__in=person.contacts).select_related("campaign")
    return Paginator(said.order_by("-given_at", "-pk"), CHOICES_A_PAGE).get_page(page)


def fate_of(person: Person) -> dict[str, Any]:
    """Return what goes and what stays of what there is about somebody, with how much it is.

    What stays is put together by the reason for it.
    """
    counted = [(table, sum(1 for _ in table.rows(person))) for table in personal.tables()]
    reasons: dict[tuple[str, str], list[tuple[Table, int]]] = {}
    for table, count in counted:
        if count and table.fate.stays:
            reasons.setdefault((table.fate.why, table.fate.until), []).append((table, count))
    return {
        "going": [(table, count) for table, count in counted if count and table.fate.goes],
        "staying": [
            {"why": why, "until": until, "tables": tables}
            for (why, until), tables in reasons.items()
        ],
    }


def _key(known: dict[str | None, Contact], address: str) -> int | None:
    contact = known.get(address)
    return contact.pk if contact else None


def _campaigns_of(theirs: Sequence[int]) -> dict[int | None, list[Campaign]]:
    """Return the campaigns that each contact has to do with, those they gave to or hear from."""
    pairs = set(Donor.objects.filter(contact__in=theirs).values_list("contact", "campaign"))
    agreed = Consent.objects.filter(contact__in=theirs, campaign__isnull=False)
    pairs |= set(agreed.values_list("contact", "campaign"))
    campaigns = Campaign.objects.in_bulk({campaign for _, campaign in pairs})
    found: dict[int | None, list[Campaign]] = {}
    for contact, campaign in sorted(pairs, key=lambda pair: campaigns[pair[1]].name):
        found.setdefault(contact, []).append(campaigns[campaign])
    return found
