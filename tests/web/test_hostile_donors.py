"""Words that mean harm, from donors and in mails and files: names, thanks, links, imprints."""

import csv
import io

import pytest
from django.test import Client
from django.utils import timezone

from alliance.contacts import services as contacts
from alliance.outbox import kinds
from campaigns.models import Campaign, Link, Role
from donations import export, mails
from donations.models import Thanks
from tests import factories, hostile

WORDS = [*(words.replace("\x00", "") for words in hostile.CORPUS), "=cmd|' /C calc'!A0", "@SUM(1)"]


def gift_named(campaign: Campaign, words: str, number: int) -> tuple[str, str]:
    """Make a gift whose donor, link and thanks say this; return its reference and public id."""
    label = words[:100]
    gift = factories.make_donation(
        campaign,
        contact=contacts.contact_for(f"h{number}@example.org"),
        name=label,
        display="name_and_amount",
        shown_at=timezone.now(),
        link=Link.objects.create(campaign=campaign, code=f"l{number}", label=label),
    )
    factories.make_payment(gift, f"pi_{number}")
    contacts.agree(gift.contact, campaign, at=timezone.now())
    by = factories.make_user(name=words[:150])
    Thanks.objects.create(donation=gift, by=by, words=words, at=timezone.now())
    return gift.reference, gift.public_id


@pytest.mark.parametrize("start", range(0, len(WORDS), 12))
def test_what_a_donor_or_an_organiser_wrote_does_no_harm_where_others_read_it(
    client: Client, campaign: Campaign, start: int
) -> None:
    fin = factories.sign_in(client, factories.make_member(campaign, Role.OWNER))
    desk = f"/organise/{campaign.slug}/"
    plain = set(hostile.harm_in(mails.receipt(_plain(campaign)).html))

    for number, words in enumerate(WORDS[start : start + 12]):
        reference, public_id = gift_named(campaign, words, number)
        Campaign.objects.filter(pk=campaign.pk).update(imprint=words, recipient=words)
        pages = [desk, f"{desk}gifts/{reference}/", f"{desk}gifts/{reference}/thank/"]
        for page in (*pages, f"/g/{public_id}/", f"/g/{public_id}/receipt/1/"):
            assert hostile.harm_in(fin.get(page, follow=True).content.decode()) == [], (
                page,
                words,
            )
        payment = str(campaign.entries.latest("pk").payment_id)
        for kind, about in ((mails.RECEIPT, payment), (mails.THANKS, _thanks(campaign))):
            message = kinds.render(kind, about)
            assert set(hostile.harm_in(message.html)) <= plain, (kind, words)
            assert "\n" not in message.subject

    for page in (f"{desk}gifts/", f"{desk}gifts/donors/", f"{desk}links/", f"/c/{campaign.slug}/"):
        assert hostile.harm_in(fin.get(page).content.decode()) == [], page
    file = "".join(export.export(campaign, show="", by=factories.make_admin()))
    for row in csv.reader(io.StringIO(file.removeprefix(export.MARK))):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def _plain(campaign: Campaign) -> str:
    gift = factories.make_donation(campaign)
    return str(factories.make_payment(gift, "pi_plain").pk)


def _thanks(campaign: Campaign) -> str:
    return str(Thanks.objects.filter(donation__campaign=campaign).latest("pk").pk)
