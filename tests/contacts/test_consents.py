"""What people agreed to, and that it ends when they say so."""

from django.test import Client
from django.utils import timezone

from alliance.contacts import services
from alliance.contacts.models import Consent, Contact
from campaigns.models import Campaign


def said(contact: Contact, to: Campaign, /, **wordings: str) -> services.Said:
    return services.Said(contact.pk, to, wordings, source="gift 1", given_at=timezone.now())


def test_who_writes_that_it_shall_stop_agrees_to_nothing_more_and_the_proof_stays(
    admin_client: Client, campaign: Campaign
) -> None:
    gail, sam = (services.contact_for(f"{name}@example.org") for name in ("gail", "sam"))
    for contact in (gail, sam):
        services.record_consents(
            [said(contact, campaign, campaign="Updates, please.", platform="News, please.")]
        )

    admin_client.post(
        "/admin/contacts/contact/", {"action": "withdraw", "_selected_action": [gail.pk]}
    )
    # The same form told once more, as a repeated webhook does, brings nothing back.
    services.record_consents([said(gail, campaign, campaign="Updates, please.")])

    assert {consent.contact for consent in Consent.objects.live()} == {sam}
    assert Consent.objects.filter(contact=gail, wording="Updates, please.").count() == 1
