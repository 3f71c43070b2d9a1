"""A campaign ends: its monthly gifts go on or are stopped, and each donor is told once."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alliance.accounts.models import User
from alliance.core import jobs
from alliance.local.standin import StandIn
from alliance.outbox import kinds
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from campaigns.services import NoWay
from donations import ending, gateway
from donations.models import Ending, LastPlan, Plan, PlanChange
from tests import factories
from tests.donations.conftest import Tell, begin, owed

REASON = "We reached what we set out for."


@pytest.fixture
def owner(campaign: Campaign) -> User:
    return factories.make_member(campaign)


@pytest.fixture
def three(campaign: Campaign, standin: StandIn, tell: Tell) -> list[Plan]:
    """Three monthly gifts that run at Stripe's."""
    return [begin(campaign, standin, tell, email=f"{n}@example.org") for n in range(3)]


def end(campaign: Campaign, by: User, *, stops: bool) -> Ending:
    return ending.end(campaign, by=by, reason=REASON, stops_plans=stops, now=timezone.now())


def statuses(plans: list[Plan]) -> list[str]:
    return [Plan.objects.get(pk=plan.pk).status for plan in plans]


def letters() -> list[kinds.Message]:
    mails = Mail.objects.filter(kind="campaign_ended").order_by("pk")
    return [kinds.render(mail.kind, mail.reference) for mail in mails]


def later(minutes: int) -> Any:
    return timezone.now() + timedelta(minutes=minutes)


def test_where_they_go_on_each_donor_is_told_so_and_how_to_stop(
    campaign: Campaign, owner: User, three: list[Plan]
) -> None:
    end(campaign, owner, stops=False)
    for _ in range(2):
        ending.sweep(now=later(10))

    campaign.refresh_from_db()
    assert (campaign.state, campaign.closed_reason) == ("ended", REASON)
    assert statuses(three) == ["active"] * 3
    assert ending.progress(campaign) is None
    assert owed("campaign_ended") == 3
    assert owed("plan_change") == 0
    for letter in letters():
        assert "goes on" in letter.text
        assert REASON in letter.text
        assert "/m/" in letter.text
        assert "Give" not in letter.text


def test_where_they_are_stopped_each_is_and_its_donor_is_told_once_it_is_true(
    campaign: Campaign, owner: User, three: list[Plan], standin: StandIn, tell: Tell
) -> None:
    end(campaign, owner, stops=True)
    assert statuses(three) == ["active"] * 3
    assert owed("campaign_ended") == 0
    assert ending.progress(campaign) == ending.Progress(total=3, left=3, refused=0)

    ending.sweep(now=timezone.now())
    tell()
    ending.sweep(now=later(10))

    assert statuses(three) == ["canceled"] * 3
    assert {one["status"] for one in standin.objects("subscription")} == {"canceled"}
    assert ending.progress(campaign) == ending.Progress(total=3, left=0, refused=0)
    assert owed("campaign_ended") == 3
    # One mail for each, and not a second one that says the same in other words.
    assert owed("plan_change") == 0
    assert {change.origin for change in PlanChange.objects.all()} == {"ending"}
    for letter in letters():
        assert "has been stopped with it" in letter.text
        assert "goes on" not in letter.text
        assert "/m/" not in letter.text


def test_a_donor_who_stopped_before_hears_nothing_of_the_end(
    campaign: Campaign, owner: User, three: list[Plan], standin: StandIn
) -> None:
    Plan.objects.filter(pk=three[0].pk).update(status="canceled")

    end(campaign, owner, stops=False)

    told = set(Mail.objects.filter(kind="campaign_ended").values_list("reference", flat=True))
    assert told == {str(plan.pk) for plan in three[1:]}


def test_another_campaigns_monthly_gifts_are_left_alone(
    campaign: Campaign, owner: User, three: list[Plan], standin: StandIn, tell: Tell
) -> None:
    other = begin(factories.make_campaign(), standin, tell, email="other@example.org")

    end(campaign, owner, stops=True)
    ending.sweep(now=timezone.now())

    assert statuses([other]) == ["active"]
    assert not LastPlan.objects.filter(plan=other).exists()


@pytest.mark.parametrize(
    "fault", ["server_error", "rate_limit", "hang_up_before", "hang_up_after", "garble"]
)
def test_a_stripe_that_does_not_answer_is_asked_again(
    campaign: Campaign,
    owner: User,
    three: list[Plan],
    standin: StandIn,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    end(campaign, owner, stops=True)
    standin.faults.set(fault, probability=1, seconds=0, only="DELETE /v1/subscriptions")
    caplog.set_level(logging.CRITICAL)
    ending.sweep(now=timezone.now())
    assert ending.progress(campaign) == ending.Progress(total=3, left=3, refused=0)
    assert owed("campaign_ended") == 0

    standin.faults.clear()
    # Not at once: one that was asked about is left alone for some minutes.
    ending.sweep(now=timezone.now())
    assert "active" in statuses(three)
    ending.sweep(now=later(3))

    assert statuses(three) == ["canceled"] * 3
    assert owed("campaign_ended") == 3


def test_a_worker_that_dies_in_between_has_lost_nothing(
    campaign: Campaign,
    owner: User,
    three: list[Plan],
    standin: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stripe did it, and the worker did not live to hear so."""
    end(campaign, owner, stops=True)
    cancel = gateway.cancel

    def die(subscription: str) -> Any:
        cancel(subscription)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "cancel", die)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                ending.sweep(now=timezone.now())

    assert statuses(three) == ["active"] * 3
    ending.sweep(now=later(5))

    assert statuses(three) == ["canceled"] * 3
    assert owed("campaign_ended") == 3
    assert owed("plan_change") == 0


def test_what_stripe_will_not_stop_is_said_and_holds_up_no_other(
    campaign: Campaign,
    owner: User,
    three: list[Plan],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    end(campaign, owner, stops=True)
    cancel = gateway.cancel
    caplog.set_level(logging.CRITICAL)

    def refuse(subscription: str) -> Any:
        if subscription == three[0].subscription_id:
            raise gateway.Missing("No such subscription")
        return cancel(subscription)

    monkeypatch.setattr(gateway, "cancel", refuse)
    ending.sweep(now=timezone.now())

    assert ending.progress(campaign) == ending.Progress(total=3, left=0, refused=1)
    assert statuses(three) == ["active", "canceled", "canceled"]


def test_a_gift_that_began_on_stripes_page_before_the_end_is_found_after_it(
    campaign: Campaign, owner: User, standin: StandIn, tell: Tell
) -> None:
    donation = factories.start_donation(campaign, frequency="monthly")
    standin.pay(str(donation.session_id))
    end(campaign, owner, stops=True)

    tell()
    ending.sweep(now=timezone.now())

    assert statuses(list(donation.plans.all())) == ["canceled"]
    assert owed("campaign_ended") == 1


def test_more_than_a_batch_is_stopped_in_several_turns(
    campaign: Campaign, owner: User, three: list[Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr(ending, "BATCH", 2)
    monkeypatch.setattr(jobs, "wake_after_commit", woken.append)
    end(campaign, owner, stops=True)

    now = timezone.now()
    ending.sweep(now=now)
    assert ending.progress(campaign) == ending.Progress(total=3, left=1, refused=0)
    ending.sweep(now=now)

    assert statuses(three) == ["canceled"] * 3
    # At the end, and after the turn that was full.
    assert woken.count("donations.tasks.sweep_endings") == 2


def test_what_has_ended_cannot_end_again(
    campaign: Campaign, owner: User, three: list[Plan]
) -> None:
    end(campaign, owner, stops=False)

    with pytest.raises(NoWay):
        end(campaign, owner, stops=True)

    assert Ending.objects.get().stops_plans is False
    assert statuses(three) == ["active"] * 3


@pytest.mark.parametrize("stops", [True, False])
def test_ending_costs_the_same_for_one_monthly_gift_and_for_three(
    campaign: Campaign, owner: User, stops: bool, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for n in range(3):
        factories.make_plan(campaign, email=f"{n}@example.org")

    with django_assert_max_num_queries(16):
        end(campaign, owner, stops=stops)
