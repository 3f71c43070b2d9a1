"""Writes about people: find or make a contact, record what they agreed to."""

from collections.abc import Mapping
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


def record_consents(
    *,
    contact: Contact,
    campaign: Campaign,
    wordings: Mapping[str, str],
    source: str,
    given_at: datetime,
) -> None:
    """Keep the proof of each box that was ticked; again from the same source changes nothing.

    `wordings`: the words beside each ticked box, under "campaign" or "platform".
    """
    Consent.objects.bulk_create(
        [
            Consent(
                contact=contact,
                campaign=campaign if scope == "campaign" else None,
                wording=wording,
                source=source,
                given_at=given_at,
            )
            for scope, wording in wordings.items()
        ],
        ignore_conflicts=True,
    )
