"""Taking down a gift that came by hand, in Django admin."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from alliance.core.money import Money
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from donations.models import Donation, LedgerEntry
from tests import factories

ADDRESS = "/admin/donations/donation/offline/"


@pytest.fixture
def ada(client: Client, db: None) -> Client:
    factories.sign_in(client, factories.make_admin())
    return client


def filled(client: Client, campaign: Campaign, **fields: str) -> dict[str, str]:
    nonce = re.search(r'name="nonce" value="([^"]+)"', client.get(ADDRESS).content.decode())
    assert nonce
    defaults = {
        "campaign": str(campaign.pk),
        "amount": "£1,250.50",
        "method": "cheque",
        "received_on": (timezone.localdate() - timedelta(days=3)).isoformat(),
        "name": "Carl Cheque",
        "email": "Carl@Example.ORG",
        "display": "private",
        "nonce": nonce[1],
    }
    return {**defaults, **fields}


def nothing_happened() -> bool:
    return not (Donation.objects.exists() or LogEntry.objects.exists() or Mail.objects.exists())


def test_it_is_recorded_with_its_receipt_and_its_trail(ada: Client, campaign: Campaign) -> None:
    response = ada.post(ADDRESS, filled(ada, campaign), follow=True)

    gift = Donation.objects.with_state().get()
    assert (gift.state, gift.method, gift.amount) == ("paid", "cheque", Money(125_050))
    assert gift.contact.email == "Carl@example.org"
    assert response.redirect_chain == [(f"/admin/donations/donation/{gift.pk}/change/", 303)]
    assert gift.reference in " ".join(map(str, response.context["messages"]))
    entry = LedgerEntry.objects.get()
    assert timezone.localdate(entry.entered_at) == timezone.localdate() - timedelta(days=3)
    assert Mail.objects.get().kind == "receipt"
    assert "£1,250.50, received by cheque" in LogEntry.objects.get().change_message


def test_one_of_today_is_not_of_the_future(ada: Client, campaign: Campaign) -> None:
    ada.post(ADDRESS, filled(ada, campaign, received_on=timezone.localdate().isoformat()))

    assert LedgerEntry.objects.get().entered_at <= timezone.now()


def test_sent_twice_it_is_one_gift(ada: Client, campaign: Campaign) -> None:
    form = filled(ada, campaign)

    first, second = ada.post(ADDRESS, form), ada.post(ADDRESS, form)

    assert first["Location"] == second["Location"]
    assert Donation.objects.count() == LedgerEntry.objects.count() == LogEntry.objects.count() == 1


def test_sent_again_in_other_words_it_records_nothing_more(
    ada: Client, campaign: Campaign
) -> None:
    form = filled(ada, campaign)
    ada.post(ADDRESS, form)

    refused = ada.post(ADDRESS, {**form, "amount": "7"})

    assert refused.status_code == 422
    assert "nothing was recorded now" in " ".join(refused.content.decode().split())
    assert LedgerEntry.objects.get().amount == Money(125_050)


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"amount": "-5"},
        {"amount": "12.345"},
        {"amount": "1000000"},
        {"amount": "9" * 28},
        {"amount": ""},
        {"campaign": "999999"},
        {"method": "stripe"},
        {"received_on": "2999-01-01"},
        {"received_on": "soon"},
        {"name": ""},
        {"name": "a\u202eb"},
        {"email": "carl"},
        {"email": "cärl@example.org"},
        {"display": "loud"},
        {"nonce": "x"},
        {"nonce": ""},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_words(
    ada: Client, campaign: Campaign, wrong: dict[str, str]
) -> None:
    refused = ada.post(ADDRESS, {**filled(ada, campaign), **wrong})

    assert refused.status_code == 422
    assert "nothing has been done" in refused.content.decode()
    assert nothing_happened()


@pytest.mark.parametrize("may", [[], ["view_donation"], ["add_donation"], ["change_donation"]])
def test_who_may_not_records_nothing(client: Client, campaign: Campaign, may: list[str]) -> None:
    boss = Client()
    factories.sign_in(boss, factories.make_admin())
    form: dict[str, Any] = filled(boss, campaign)
    staff = factories.make_admin(is_superuser=False)
    staff.user_permissions.set(Permission.objects.filter(codename__in=may))
    factories.sign_in(client, staff)

    assert client.get(ADDRESS).status_code == client.post(ADDRESS, form).status_code == 403
    assert nothing_happened()


def test_who_may_look_and_add_records(client: Client, campaign: Campaign) -> None:
    staff = factories.make_admin(is_superuser=False)
    may = ["view_donation", "add_donation"]
    staff.user_permissions.set(Permission.objects.filter(codename__in=may))
    factories.sign_in(client, staff)

    assert "Record a gift" in client.get("/admin/donations/donation/").content.decode()
    client.post(ADDRESS, filled(client, campaign))

    assert LogEntry.objects.get().user == staff
    assert Donation.objects.count() == 1
