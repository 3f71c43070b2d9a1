"""What is done about gifts at the desk: thanked for, given back, and written down by hand."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from alliance.core.money import Money
from alliance.local.standin import StandIn
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from donations import mails
from donations.models import Donation, LedgerEntry, Payment, RefundRequest, Thanks
from tests.web.money import gifts, give, paid, told

HIDDEN = re.compile(r'<input type="hidden" name="(amount|reason|note|key|seen)" value="([^"]*)">')


# -- thanks ------------------------------------------------------------------------------------


@pytest.fixture
def wanted(campaign: Campaign) -> Donation:
    """A gift whose donor wants the campaign's mail."""
    return give(campaign, "pi_w", consents={"campaign": "Yes, write to me."})


def test_thanks_are_read_over_and_sent_once(
    fin: Client, campaign: Campaign, wanted: Donation
) -> None:
    address = f"{gifts(campaign)}{wanted.reference}/thank/"
    words = "Thank <b>you</b>!"

    over = fin.post(address, {"words": words})
    assert "Thank &lt;b&gt;you&lt;/b&gt;!" in over.content.decode()
    assert "Subject: Thank you, from" in over.content.decode()
    assert not Thanks.objects.exists()
    changed = fin.post(address, {"words": words, "change": "yes"})
    assert "<textarea" in changed.content.decode()
    answers = [fin.post(address, {"words": words, "send": "yes"}, follow=True) for _ in range(2)]

    assert told(answers[0]) == "Your thanks are on the way."
    assert "done once" in told(answers[1])
    assert Thanks.objects.get().words == words
    assert Mail.objects.filter(kind=mails.THANKS).count() == 1


def test_thanks_of_no_words_or_too_many_are_not_sent(
    fin: Client, campaign: Campaign, wanted: Donation
) -> None:
    for words in ("", "  \n ", "x" * 2001, "a\x00b"):
        page = fin.post(
            f"{gifts(campaign)}{wanted.reference}/thank/", {"words": words, "send": "yes"}
        )
        assert page.status_code == 422, words

    assert not Thanks.objects.exists()


def test_who_does_not_want_mail_has_no_form_to_thank_them(
    fin: Client, campaign: Campaign, payment: Payment
) -> None:
    one = f"{gifts(campaign)}{payment.donation.reference}/"

    assert fin.get(f"{one}thank/")["Location"] == one
    sent = fin.post(f"{one}thank/", {"words": "x", "send": "yes"}, follow=True)

    assert "Nothing was sent." in told(sent)
    assert not Thanks.objects.exists()
    assert "/thank/" not in fin.get(one).content.decode()


# -- giving back --------------------------------------------------------------------------------


def read_over(client: Client, address: str, amount: str = "10") -> dict[str, str]:
    page = client.post(address, {"amount": amount, "reason": "duplicate", "note": "by telephone"})
    assert page.status_code == 200
    return dict(HIDDEN.findall(page.content.decode()))


def test_money_goes_back_once_it_was_confirmed_and_once_however_often_one_clicks(
    fin: Client, campaign: Campaign, payment: Payment, standin: StandIn
) -> None:
    address = f"{gifts(campaign)}{payment.donation.reference}/refund/{payment.pk}/"
    said = read_over(fin, address)
    assert standin.objects("refund") == []

    answers = [fin.post(address, said, follow=True) for _ in range(2)]

    assert [refund["amount"] for refund in standin.objects("refund")] == [1000]
    assert all("£10.00 has been given back" in told(answer) for answer in answers)
    assert answers[0].redirect_chain[0][0] == f"{gifts(campaign)}{payment.donation.reference}/"
    request = RefundRequest.objects.get()
    assert request.amount == Money(1000)
    trail = LogEntry.objects.get()
    assert trail.user == request.by
    assert "£10.00 of £25.00" in trail.change_message


@pytest.mark.parametrize("amount", ["0", "-1", "25.01", "1e3", "", "ten"])
def test_more_than_is_there_is_not_given_back(
    fin: Client, campaign: Campaign, payment: Payment, standin: StandIn, amount: str
) -> None:
    address = f"{gifts(campaign)}{payment.donation.reference}/refund/{payment.pk}/"

    page = fin.post(address, {"amount": amount, "reason": "duplicate", "note": ""})

    assert page.status_code == 422
    assert standin.objects("refund") == []
    assert not RefundRequest.objects.exists()


def test_posted_fields_of_others_change_nothing_about_a_refund(
    fin: Client, campaign: Campaign, other: Campaign, payment: Payment, standin: StandIn
) -> None:
    theirs = paid(other, standin, email="olaf@example.org")
    address = f"{gifts(campaign)}{payment.donation.reference}/refund/{payment.pk}/"
    said = read_over(fin, address)

    fin.post(address, {**said, "payment": theirs.pk, "donation": theirs.donation_id, "by": 1})

    assert RefundRequest.objects.get().payment == payment
    assert LedgerEntry.objects.filter(campaign=other, kind="refund").count() == 0


# -- by hand ------------------------------------------------------------------------------------


def by_hand(client: Client, here: Campaign, **fields: Any) -> dict[str, Any]:
    page = client.get(f"{gifts(here)}offline/").content.decode()
    nonce = re.search(r'name="nonce" value="([^"]+)"', page)
    assert nonce
    return {
        "amount": "£12.50",
        "method": "cash",
        "received_on": (timezone.localdate() - timedelta(days=3)).isoformat(),
        "name": "Carl Cash",
        "email": "carl@example.org",
        "display": "private",
        "nonce": nonce[1],
        **fields,
    }


def test_a_gift_by_hand_is_recorded_once_for_this_campaign(
    fin: Client, campaign: Campaign, other: Campaign
) -> None:
    said = by_hand(
        fin, campaign, campaign=other.pk, campaign_id=other.pk, contact=1, method="cash"
    )

    answers = [fin.post(f"{gifts(campaign)}offline/", said, follow=True) for _ in range(2)]

    gift = Donation.objects.get()
    assert (gift.campaign, gift.amount, gift.method) == (campaign, Money(1250), "cash")
    assert gift.reference in answers[0].redirect_chain[0][0]
    assert Mail.objects.filter(kind=mails.RECEIPT).count() == 1
    assert LogEntry.objects.count() == 1
    again = fin.post(f"{gifts(campaign)}offline/", {**said, "amount": "99"})
    assert again.status_code == 422
    assert "recorded a gift already" in again.content.decode()
    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"method": "stripe"},
        {"received_on": "2999-01-01"},
        {"email": "carl"},
        {"name": ""},
        {"nonce": "x"},
        {"display": "everywhere"},
    ],
)
def test_what_cannot_be_a_gift_is_not_recorded(
    fin: Client, campaign: Campaign, wrong: dict[str, str]
) -> None:
    page = fin.post(f"{gifts(campaign)}offline/", by_hand(fin, campaign, **wrong))

    assert page.status_code == 422
    assert not Donation.objects.exists()
    assert not LogEntry.objects.exists()
