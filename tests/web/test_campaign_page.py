"""The campaign's page: all it promises, from the cache, and right the moment money moves."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from alliance.core.money import Money
from alliance.local.standin import StandIn
from campaigns.models import Campaign, Goal, State
from donations import services
from donations.models import Donation
from events.models import Speaker
from tests import factories


def page(client: Client, campaign: Campaign) -> str:
    response = client.get(campaign.get_absolute_url())
    assert response.status_code == 200
    return response.content.decode()


def test_it_shows_what_the_campaign_is_and_where_the_money_goes(
    client: Client, campaign: Campaign
) -> None:
    Goal.objects.create(campaign=campaign, title="Hold five meetings", amount_minor=60_000)
    event = factories.make_event(campaign, title="The first meeting", when_text="5 July 2016")
    Speaker.objects.create(event=event, name="A. Speaker", role="A party")

    shown = page(client, campaign)

    for words in (
        campaign.title,
        "It <strong>began</strong> with a meeting.",
        "A rosette of patches.",
        "Drawing: this site",
        "8 August 2016",
        "£1,000",
        "If we hit our target we’ll be able to",
        "Hold five meetings",
        "£600",
        "The first meeting",
        "A. Speaker",
        campaign.recipient.replace("'", "&#x27;"),
        "No fees of ours.",
        campaign.imprint,
    ):
        assert words in shown
    assert f'action="/c/{campaign.slug}/give/"' in shown


def test_before_the_first_update_it_says_that_they_will_appear(
    client: Client, campaign: Campaign
) -> None:
    factories.make_update(campaign, published_at=None, title="A draft")
    factories.make_update(campaign, ago=timedelta(hours=-1), title="Not yet")

    before = page(client, campaign)
    assert "will appear here" in before
    assert "A draft" not in before
    assert "Not yet" not in before

    factories.make_update(campaign, title="The first news", body="It *works*.")
    after = page(client, campaign)
    assert "The first news" in after
    assert "It <em>works</em>." in after
    assert "will appear here" not in after


@pytest.mark.parametrize("is_demo", [True, False])
def test_made_up_figures_are_marked_and_real_ones_are_not(
    client: Client, campaign: Campaign, is_demo: bool
) -> None:
    campaign.is_demo = is_demo
    campaign.save()

    assert ("Demo figures" in page(client, campaign)) == is_demo


def test_the_bar_moves_the_moment_the_money_does(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    first = client.get(campaign.get_absolute_url())
    donation = factories.start_donation(campaign, amount=Money(71_600))
    standin.pay(str(donation.session_id))

    services.ask_stripe(donation, now=timezone.now())

    second = client.get(campaign.get_absolute_url())
    assert "£716" in second.content.decode()
    assert "quilt-71-60" in second.content.decode()
    assert first["ETag"] != second["ETag"]


def test_goals_are_reached_in_their_order(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    for position, (title, amount) in enumerate([("One", 2000), ("Two", 2000), ("Three", None)]):
        Goal.objects.create(campaign=campaign, position=position, title=title, amount_minor=amount)
    assert "Funded" not in page(client, campaign)
    donation = factories.start_donation(campaign, amount=Money(2500))
    standin.pay(str(donation.session_id))
    services.ask_stripe(donation, now=timezone.now())

    shown = page(client, campaign)

    assert shown.count("Funded") == 1
    assert shown.index("Funded") < shown.index("One") < shown.index("Two")


def test_only_those_who_asked_for_it_and_paid_are_named(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    displays = Donation.Display
    for name, display, is_paid in [
        ("Zoë Named", displays.NAME, True),
        ("Omar Both", displays.NAME_AND_AMOUNT, True),
        ("Gail Private", displays.PRIVATE, True),
        ("Ivy Unpaid", displays.NAME, False),
    ]:
        donation = factories.start_donation(
            campaign, name=name, display=display, amount=Money(1234)
        )
        if is_paid:
            standin.pay(str(donation.session_id))
            services.ask_stripe(donation, now=timezone.now())

    shown = page(client, campaign)

    assert "Zoë Named</strong></li>" in shown
    assert "Omar Both</strong> £12.34</li>" in shown
    assert "Gail" not in shown
    assert "Ivy" not in shown


def touch_goal(campaign: Campaign) -> None:
    Goal.objects.create(campaign=campaign, title="Another goal")


def touch_update(campaign: Campaign) -> None:
    factories.make_update(campaign, title="Another update")


def touch_event(campaign: Campaign) -> None:
    event = factories.make_event(campaign, title="Another meeting")
    Speaker.objects.create(event=event, name="Another speaker")


def touch_words(campaign: Campaign) -> None:
    campaign.lede = "Another opening."
    campaign.save()


@pytest.mark.parametrize("touch", [touch_goal, touch_update, touch_event, touch_words])
def test_every_part_of_it_changes_at_once(client: Client, campaign: Campaign, touch: Any) -> None:
    assert "Another" not in page(client, campaign)

    touch(campaign)

    assert "Another" in page(client, campaign)


@pytest.mark.parametrize("gifts", [1, 3])
def test_a_cached_page_costs_one_query_and_a_fresh_one_the_same_however_many_gave(
    client: Client,
    campaign: Campaign,
    standin: StandIn,
    gifts: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(gifts):
        donation = factories.start_donation(campaign, email=f"{number}@example.org")
        standin.pay(str(donation.session_id))
        services.ask_stripe(donation, now=timezone.now())
        event = factories.make_event(campaign)
        Speaker.objects.create(event=event, name="A speaker")
        goal = Goal.objects.create(campaign=campaign, title="A goal", amount_minor=100)
        factories.make_update(campaign).goals.add(goal)

    with django_assert_num_queries(12):
        client.get(campaign.get_absolute_url())
    with django_assert_num_queries(1):
        client.get(campaign.get_absolute_url())


def test_who_has_the_page_already_is_told_so(client: Client, campaign: Campaign) -> None:
    first = client.get(campaign.get_absolute_url())

    second = client.get(campaign.get_absolute_url(), headers={"If-None-Match": first["ETag"]})

    assert second.status_code == 304
    assert second.content == b""
    assert "no-cache" in first["Cache-Control"]


def test_it_sets_no_cookie_and_loads_nothing_from_elsewhere(
    client: Client, campaign: Campaign
) -> None:
    response = client.get(campaign.get_absolute_url())

    assert not response.cookies
    assert "Cookie" not in response.get("Vary", "")
    assert 'src="http' not in response.content.decode()
    assert 'href="//' not in response.content.decode()


def test_hostile_words_come_out_harmless(client: Client, campaign: Campaign) -> None:
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    for field in ("name", "lede", "story", "picture_alt", "recipient", "terms", "imprint"):
        setattr(campaign, field, hostile)
    campaign.picture_credit = campaign.title = hostile
    campaign.save()
    Goal.objects.create(campaign=campaign, title=hostile, detail=hostile)
    factories.make_update(campaign, title=hostile, body=hostile)
    event = factories.make_event(campaign, title=hostile, summary=hostile, when_text=hostile)
    Speaker.objects.create(event=event, name=hostile, role=hostile)

    for address in (campaign.get_absolute_url(), f"/c/{campaign.slug}/give/", "/"):
        shown = client.get(address).content.decode()
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown


@pytest.mark.parametrize(
    ("state", "status"),
    [(State.DRAFT, 404), (State.LIVE, 200), (State.PAUSED, 200), (State.ENDED, 200)],
)
def test_who_sees_what(client: Client, campaign: Campaign, state: State, status: int) -> None:
    campaign.state, campaign.closed_reason = state, "We pause for the summer."
    campaign.save()

    response = client.get(campaign.get_absolute_url())

    assert response.status_code == status
    assert ("We pause for the summer." in response.content.decode()) == (
        state in {State.PAUSED, State.ENDED}
    )
    assert (campaign.name in client.get("/").content.decode()) == (status == 200)


def test_home_costs_the_same_for_one_campaign_and_for_three(
    client: Client, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        factories.make_campaign()
        with django_assert_num_queries(2):
            client.get("/")


def test_home_without_a_campaign_says_so(client: Client, db: None) -> None:
    assert client.get("/").status_code == 200
