"""A campaign's own words of thanks: once, to those who want them, and no words in the trail."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from alliance.accounts.models import User
from alliance.contacts import services as contacts
from alliance.contacts.models import Consent
from alliance.core.money import Money
from alliance.outbox import services as outbox
from alliance.outbox.models import Mail
from campaigns.models import Campaign, Role
from donations import desk, mails, settling, thanks
from donations.models import Donation, Thanks
from tests import factories, journal

WORDS = "Dear Gail,\n\nthe hall in Frome is <b>paid</b>.\n\nAnn & all"


@pytest.fixture
def ann(campaign: Campaign) -> User:
    return factories.make_member(campaign, Role.FINANCE)


@pytest.fixture
def gift(campaign: Campaign) -> Donation:
    """A gift by somebody who wants the campaign's mail."""
    wording = contacts.CAMPAIGN_WORDING.format(campaign=campaign.name)
    donation = factories.make_donation(campaign, consents={"campaign": wording})
    factories.make_payment(donation, "pi_1")
    return desk.find(campaign, donation.reference)


def send(gift: Donation, by: User) -> Thanks:
    return thanks.send(gift, words=WORDS, by=by, now=timezone.now())


def nothing_was_sent() -> bool:
    is_silent = not Mail.objects.filter(kind=mails.THANKS).exists()
    return is_silent and not Thanks.objects.exists() and not LogEntry.objects.exists()


def test_the_donor_reads_the_words_whose_they_are_and_how_to_stop_them(
    gift: Donation, ann: User, mailbox: journal.MailServer
) -> None:
    gift.campaign.imprint = "Promoted by A on behalf of B, both at C."
    gift.campaign.save()

    send(gift, ann)
    outbox.deliver_due()

    mail = next(m for m in mailbox.mails if "Thank you, from" in str(m["Subject"]))
    parts = {part.get_content_type(): part.get_content() for part in mail.iter_parts()}
    text, html = parts["text/plain"], parts["text/html"]
    assert mail["To"] == "gail@example.org"
    assert "the hall in Frome is <b>paid</b>." in text
    assert "&lt;b&gt;paid&lt;/b&gt;" in html
    for part in (text, html):
        assert gift.campaign.name in part
        assert gift.reference in part
        assert "/me/" in part
        assert "Promoted by A" in part
        assert "<img" not in part
    # Nothing in it tells who opens it, or what they follow.
    assert "?" not in "".join(line for line in text.splitlines() if "http" in line)


def test_sent_twice_it_is_sent_once(gift: Donation, ann: User) -> None:
    send(gift, ann)

    with pytest.raises(thanks.NotWanted, match="done once"):
        send(gift, ann)

    assert Thanks.objects.count() == Mail.objects.filter(kind=mails.THANKS).count() == 1


def test_the_trail_keeps_that_it_was_done_and_not_what_was_said(gift: Donation, ann: User) -> None:
    send(gift, ann)

    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_repr) == (ann, gift.reference)
    assert "Thanked" in entry.change_message
    assert "Frome" not in entry.change_message
    assert "Gail" not in entry.change_message


def test_who_did_not_ask_for_mail_gets_none(campaign: Campaign, ann: User) -> None:
    donation = factories.make_donation(campaign)
    factories.make_payment(donation, "pi_1")
    # What they agreed to elsewhere is no leave for this campaign.
    for other in (factories.make_campaign(), None):
        contacts.record_consents(
            [
                contacts.Said(
                    contact_id=donation.contact_id,
                    campaign=other or campaign,
                    wordings={"platform" if other is None else "campaign": "News"},
                    source="form",
                    given_at=timezone.now(),
                )
            ]
        )
    gift = desk.find(campaign, donation.reference)

    with pytest.raises(thanks.NotWanted, match="has not asked for mail"):
        send(gift, ann)

    assert nothing_was_sent()


def test_who_wants_no_more_gets_none_even_at_the_last_moment(
    gift: Donation, ann: User, mailbox: journal.MailServer
) -> None:
    send(gift, ann)
    Consent.objects.update(withdrawn_at=timezone.now())

    outbox.deliver_due()

    mail = Mail.objects.get(kind=mails.THANKS)
    assert mail.state == "failed"
    assert "wants no more mail" in mail.error
    assert not [m for m in mailbox.mails if "Thank you, from" in str(m["Subject"])]


@pytest.mark.parametrize("what", ["withdrawn", "refunded", "unpaid", "erased"])
def test_where_it_makes_no_sense_it_is_refused_in_words(
    gift: Donation, ann: User, campaign: Campaign, what: str
) -> None:
    words: dict[str, Any] = {
        "withdrawn": "has not asked for mail",
        "refunded": "it went back",
        "unpaid": "not here yet",
        "erased": "were erased",
    }
    if what == "withdrawn":
        Consent.objects.update(withdrawn_at=timezone.now())
    elif what == "refunded":
        settling.enter_refund(
            gift.payments.get(), "re_1", Money(gift.amount_minor), at=timezone.now()
        )
    elif what == "unpaid":
        gift = factories.make_donation(campaign, session_id="cs_1", session_rank=3)
    else:
        type(gift.contact).objects.update(email=None, email_key=None, erased_at=timezone.now())
    gift = desk.find(campaign, gift.reference)

    assert words[what] in thanks.in_the_way(gift)
    with pytest.raises(thanks.NotWanted, match=words[what]):
        send(gift, ann)

    assert nothing_was_sent()
