"""Writes about people: find or make a contact, record what they agreed to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import models

from alliance.contacts.models import Consent, Contact, normalise
from campaigns.models import Campaign

CAMPAIGN_WORDING = (
    "Updates from this campaign: e-mails from {campaign} about what your gift is doing."
)
PLATFORM_WORDING = "News from {platform}: now and then, other campaigns you might care about."


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
    """Keep the proof of each box that was ticked; again from the same source changes nothing."""
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
            for scope, wording in one.wordings.items()
        ],
        ignore_conflicts=True,
    )
