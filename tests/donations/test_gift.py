"""The page of a gift: it tells the truth, and mends what a lost webhook left open."""

import re

import pytest
from django.test import Client

from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import facts, gateway, services
from donations.models import Donation, LedgerEntry, SessionRank, State
from tests import factories


def page(client: Client, donation: Donation, query: str = "") -> str:
    response = client.get(donation.get_absolute_url() + query)
    assert response.status_code == 200
    return response.content.decode()


def test_coming_back_from_paying_asks_stripe_and_says_thank_you(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))

    shown = page(client, donation)

    assert "£25.00" in shown
    assert donation.reference in shown
    assert Donation.objects.with_state().get().state == State.PAID
    assert LedgerEntry.objects.count() == 1


def test_looking_again_and_again_asks_stripe_once(
    client: Client, campaign: Campaign, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    donation = factories.start_donation(campaign)
    asked: list[str] = []
    ask = gateway.retrieve_session

    def counted(session_id: str) -> facts.Session:
        asked.append(session_id)
        return ask(session_id)

    monkeypatch.setattr(gateway, "retrieve_session", counted)

    for _ in range(5):
        assert "Not paid yet" in page(client, donation)
        assert client.get(donation.get_absolute_url() + "state/").json() == {"state": "open"}

    assert asked == [donation.session_id]


def test_before_the_news_every_way_to_ask_says_so_and_never_failed_or_unpaid(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    standin.faults.set("server_error", probability=1)

    shown = page(client, donation)

    assert "http-equiv" in shown
    found = re.search(r'data-status-url="([^"]+)"', shown)
    again = re.search(r'href="([^"]+)">Check again', shown)
    assert found
    assert again
    assert client.get(found[1]).json() == {"state": "confirming"}
    for text in (shown, client.get(again[1]).content.decode()):
        assert "fail" not in text.lower()
        assert "nothing has been charged" not in text.lower()
        assert "please don’t pay again" in text


def test_a_page_is_never_settled_by_its_address_alone(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    donation = factories.start_donation(campaign)

    page(client, donation, "?session=cs_made_up&paid=yes")

    assert Donation.objects.with_state().get().state == State.OPEN
    assert not LedgerEntry.objects.exists()


def test_an_open_gift_can_be_taken_up_again(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    donation = factories.start_donation(campaign)

    assert donation.session_url in page(client, donation)


def test_an_expired_gift_says_that_nothing_was_charged_and_how_to_give_anew(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    donation = factories.start_donation(campaign)
    standin.advance(3700)
    services.ask_stripe(donation, now=donation.created_at)

    shown = page(client, donation)

    assert Donation.objects.get().session_rank == SessionRank.EXPIRED
    assert f"/c/{campaign.slug}/give/?amount=2500" in shown


def test_a_slow_bank_is_waited_for_and_its_no_is_told(
    client: Client, campaign: Campaign, standin: StandIn, deliver: object
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id), method="DE89370400440532013000")
    page(client, donation)
    assert Donation.objects.with_state().get().state == State.CONFIRMING


def test_the_page_names_nobody_and_is_kept_out_of_caches_and_referrers(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    donation = factories.start_donation(campaign, name="Gail Guest")

    response = client.get(donation.get_absolute_url())

    shown = response.content.decode()
    assert "Gail" not in shown
    assert "gail@example.org" not in shown
    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "noindex" in response["X-Robots-Tag"]


@pytest.mark.parametrize("guess", ["1", "x" * 22, "..", "%00", "a" * 3000])
def test_a_guessed_address_opens_nothing(client: Client, db: None, guess: str) -> None:
    assert client.get(f"/g/{guess}/").status_code == 404
    assert client.get(f"/g/{guess}/state/").status_code == 404


def test_neither_page_takes_a_post(client: Client, campaign: Campaign, standin: StandIn) -> None:
    address = factories.start_donation(campaign).get_absolute_url()

    assert client.post(address).status_code == 405
    assert client.post(address + "state/").status_code == 405
