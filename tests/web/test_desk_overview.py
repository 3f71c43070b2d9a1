"""The desk's first page: what it shows of the money, to whom, and what needs somebody."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.core.money import Money
from alliance.local import populate
from alliance.web.desk import charts
from campaigns.models import Campaign, Endorsement, Goal, Link, Role, State
from donations import figures, ledger, settling
from donations.models import Dispute, Donation, Kind, RefundRequest
from tests import factories


@pytest.fixture
def look(client: Client, campaign: Campaign) -> Callable[[Role], str]:
    """Open the overview as one of the team."""

    def shown(role: Role) -> str:
        factories.sign_in(client, factories.make_member(campaign, role))
        answer = client.get(f"/organise/{campaign.slug}/")
        assert answer.status_code == 200
        return answer.content.decode()

    return shown


def give(campaign: Campaign, stripe_id: str, *, days: int = 0, **fields: Any) -> Donation:
    at = timezone.now() - timedelta(days=days)
    donation = factories.make_donation(campaign, **fields)
    settling.settle({stripe_id: (donation, donation.amount, at)})
    return donation


def test_it_tells_how_the_campaign_stands(campaign: Campaign, look: Callable[[Role], str]) -> None:
    poster = Link.objects.create(campaign=campaign, code="poster", label="Poster in shops")
    give(campaign, "pi_1", days=2, amount_minor=4000, link=poster)
    back = give(campaign, "pi_2", amount_minor=1000)
    settling.enter_refund(back.payments.get(), "re_1", Money(300), at=timezone.now())
    factories.make_plan(campaign, email="mo@example.org")
    ledger.enter([ledger.Entry(back.payments.get(), Kind.FEE, "txn_1", -40, timezone.now())])

    shown = look(Role.OWNER)

    for words in (
        "£72",
        "7&nbsp;% of £1,000, £928 to go",
        "<dt>Mean gift</dt><dd>£25</dd>",
        "£25 a month promised",
        "<dt>Went back</dt><dd>£3</dd>",
        "Card fees so far: −£0.40. Left after them: <strong>£71.60</strong>",
        "3 gifts in the last seven days",
        "Poster in shops",
        "No update has been mailed yet",
        "One-off gifts brought £50, monthly ones £25.",
    ):
        assert words in shown, words


def test_nobody_who_gave_is_named_and_money_alone_sees_fees(
    campaign: Campaign, look: Callable[[Role], str]
) -> None:
    give(campaign, "pi_1", name="Gail Guest", display="name")

    for role in Role:
        shown = look(role)
        assert "Gail" not in shown
        assert "gail@" not in shown
        assert ("Card fees" in shown) == (role in {Role.OWNER, Role.FINANCE}), role


def test_the_target_met_the_quilt_shows_the_way_to_the_next(
    campaign: Campaign, look: Callable[[Role], str]
) -> None:
    campaign.stretch_minor = 400_000
    campaign.save()
    give(campaign, "pi_1", amount_minor=102_000)

    shown = look(Role.VIEWER)

    assert "25&nbsp;% of the stretch target, £4,000" in shown
    assert "quilt-25-50" in shown


def test_before_the_first_gift_it_says_so_with_nothing_broken(
    campaign: Campaign, look: Callable[[Role], str]
) -> None:
    shown = look(Role.OWNER)

    assert "No gift yet" in shown
    assert "<dt>Mean gift</dt><dd>–</dd>" in shown
    assert "Nothing waits for you." in shown
    assert "No meeting is to come." in shown
    assert "NaN" not in shown


def test_made_up_figures_are_marked(campaign: Campaign, look: Callable[[Role], str]) -> None:
    assert "Demo figures" not in look(Role.VIEWER)
    campaign.is_demo = True
    campaign.save()
    assert "Demo figures" in look(Role.VIEWER)


def test_the_picture_and_its_table_say_the_same(
    campaign: Campaign, look: Callable[[Role], str]
) -> None:
    give(campaign, "pi_1", days=3, amount_minor=12_300)
    give(campaign, "pi_2", days=1, amount_minor=4000)
    best = timezone.localdate(timezone.now() - timedelta(days=3))

    shown = look(Role.VIEWER)

    assert f"The most came on {best.day} {best:%B}: £123." in shown
    assert f"<title>{best.day} {best:%B}: £123, 1 gift</title>" in shown
    assert f"{best.day} {best:%b %Y}</th><td>1</td><td>£123</td>" in shown
    assert "One brick is £10." in shown
    assert 'style="' not in shown


def test_a_campaign_long_at_rest_shows_its_last_days(
    campaign: Campaign, look: Callable[[Role], str]
) -> None:
    give(campaign, "pi_1", days=200)

    shown = look(Role.VIEWER)

    last = timezone.localdate(timezone.now() - timedelta(days=200))
    assert f"The last gift came on {last.day} {last:%B %Y}." in shown
    assert "0 gifts in the last seven days" in shown


@pytest.mark.parametrize(
    ("most", "brick"),
    [(0, 100), (900, 100), (1_801, 200), (9_001, 1_000), (184_000, 20_000), (10**9, 10**8)],
)
def test_a_brick_is_a_round_sum_and_no_bar_is_a_stripe(most: int, brick: int) -> None:
    nothing = figures.Part(0, Money(0), Money(0))
    days = [
        figures.Day(timezone.localdate() - timedelta(days=n), nothing) for n in range(27, 0, -1)
    ]
    days.append(figures.Day(timezone.localdate(), figures.Part(1, Money(most), Money(0))))

    chart = charts.per_day(days, currency="gbp")

    assert chart.brick == Money(brick)
    assert chart.wide.count("<rect") == -(-most // brick) <= charts.BRICKS


# -- what needs somebody --------------------------------------------------------------------


@pytest.fixture
def troubles(campaign: Campaign) -> None:
    """One of each sort, for this campaign and for another one."""
    now = timezone.now()
    for one in (campaign, factories.make_campaign()):
        tag = f"{one.pk}"
        payment = give(one, f"pi_{tag}", name="Gail Guest").payments.get()
        RefundRequest.objects.create(
            payment=payment, amount_minor=100, reason="duplicate", by=factories.make_admin()
        )
        settling.enter_refund(payment, f"re_{tag}", Money(50), at=now, has_failed=True)
        Dispute.objects.create(
            stripe_id=f"dp_{tag}",
            payment=payment,
            amount_minor=2500,
            currency="gbp",
            status="needs_response",
            reason="fraudulent",
            answer_by=now + timedelta(days=5),
            told_at=now,
        )
        factories.make_donation(
            one,
            awaited_since=now - timedelta(hours=26),
            session_id=f"cs_{tag}",
            session_rank=3,
        )
        Goal.objects.create(campaign=one, title="A hall", state=Goal.State.UNDER_WAY)
        Endorsement.objects.create(
            campaign=one,
            name="Somebody",
            affiliation="A party",
            said_on=now.date(),
            source_url="https://example.org/",
        )


OF_MONEY = (
    "1 gift disputed by a bank",
    "1 gift being confirmed",
    "The oldest has waited for 1\xa0day.",
    "1 refund without an answer",
    "1 refund came back",
)
OF_THE_PAGE = ("1 goal without proof", "1 endorsement to be verified")


@pytest.mark.parametrize(
    ("role", "sees"),
    [
        (Role.OWNER, {*OF_MONEY, *OF_THE_PAGE}),
        (Role.EDITOR, {*OF_THE_PAGE}),
        (Role.FINANCE, {*OF_MONEY}),
        (Role.VIEWER, set()),
    ],
)
def test_what_waits_is_shown_to_those_who_may_see_to_it(
    troubles: None, look: Callable[[Role], str], role: Role, sees: set[str]
) -> None:
    shown = look(role)

    assert {words for words in (*OF_MONEY, *OF_THE_PAGE) if words in shown} == sees


def test_each_of_them_leads_to_a_page_that_shows_it(
    client: Client, campaign: Campaign, troubles: None, look: Callable[[Role], str]
) -> None:
    look(Role.OWNER)

    for show in ("disputed", "waiting", "refunded"):
        page = client.get(f"/organise/{campaign.slug}/gifts/?show={show}").content.decode()
        assert page.count('class="gift-who"') == 1, show


def test_a_draft_is_told_what_it_lacks(campaign: Campaign, look: Callable[[Role], str]) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(state=State.DRAFT, launched_on=None, imprint="")

    shown = look(Role.EDITOR)

    assert "Not ready to be published" in shown
    assert "the imprint" in shown


# -- speed ----------------------------------------------------------------------------------


def test_it_costs_the_same_however_many_gave(
    client: Client, campaign: Campaign, look: Callable[[Role], str]
) -> None:
    populate.add_links(campaign)
    costs = []
    look(Role.OWNER)
    for number in (1, 40):
        populate.add_gifts(campaign, count=number, amounts=[500, 1000], monthly=True)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/organise/{campaign.slug}/")
        costs.append(len(queries))

    assert costs[0] == costs[1] <= 26
