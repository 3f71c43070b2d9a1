"""Writes about people: find or make a contact, record what they agreed to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import models, transaction

from alliance.contacts.models import Consent, Contact, normalise
from campaigns.models import Campaign

CAMPAIGN_WORDING = (
    "Updates from this campaign: e-mails from {campaign} about what your gift is doing."
)
PLATFORM_WORDING = "News from {platform}: now and then, other campaigns you might care about."
# Where somebody agreed who did so on the page about their mail.
ON_THE_PAGE = "your giving"


def contact_for(email: str) -> Contact:
    """Return the one contact of an address, whatever its spelling; make it if it is new."""
    email = normalise(email)
    contact, _ = Contact.objects.get_or_create(
        email_key=email.casefold(), defaults={"email": email}
    )
    return contact


def withdraw_consents(contacts: models.QuerySet[Contact], *, at: datetime) -> int:
    """Note that these people agree to nothing any more; the proof that they did stays."""
    return Consent.objects.live().filter(contact__in=contacts).update(withdrawn_at=at)


def wording_for(campaign: Campaign | None) -> str:
    """Return the words somebody agrees to: mail from a campaign or (None) from the platform."""
    if campaign is None:
        return PLATFORM_WORDING.format(platform=settings.PLATFORM_NAME)
    return CAMPAIGN_WORDING.format(campaign=campaign.name)


@transaction.atomic
def agree(contact: Contact, campaign: Campaign | None, *, at: datetime) -> None:
    """Keep the proof that somebody agreed on the page about their mail; twice is once.

    Raises Contact.DoesNotExist where they have been erased meanwhile.
    """
    Contact.objects.select_for_update(no_key=True).get(pk=contact.pk, email__isnull=False)
    if Consent.objects.live().about(contact, campaign).exists():
        return
    Consent.objects.create(
        contact=contact,
        campaign=campaign,
        wording=wording_for(campaign),
        source=f"{ON_THE_PAGE} {at.isoformat()}",
        given_at=at,
    )


def withdraw(contact: Contact, campaign: Campaign | None, *, at: datetime) -> int:
    """Note that somebody wants no more mail from a campaign, or (None) from the platform."""
    return Consent.objects.live().about(contact, campaign).update(withdrawn_at=at)


@dataclass(frozen=True)
class Said:
    """What somebody agreed to on a form.

    `wordings`: the words beside each ticked box, under "campaign" or "platform".
    """

    contact_id: int
    campaign: Campaign
    wordings: Mapping[str, str]
    source: str
    given_at: datetime


def record_consents(said: Iterable[Said]) -> None:
    """Keep the proof of each box that was ticked; again from the same source changes nothing.

    Who has been erased since agrees to nothing.
    """
    said = list(said)
    if not said:
        return
    there = Contact.objects.filter(pk__in={one.contact_id for one in said}, email__isnull=False)
    known = set(there.values_list("pk", flat=True))
    Consent.objects.bulk_create(
        [
            Consent(
                contact_id=one.contact_id,
                campaign=one.campaign if scope == "campaign" else None,
                wording=wording,
                source=one.source,
                given_at=one.given_at,
            )
            for one in said
            if one.contact_id in known
            for scope, wording in one.wordings.items()
        ],
        ignore_conflicts=True,
    )
