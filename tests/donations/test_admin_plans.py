"""Monthly plans in Django admin: cancelled, paused and taken up again by staff."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from alliance.accounts.models import User
from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import inbox
from donations.models import Donation, Plan, PlanChange
from tests import factories


@pytest.fixture
def user(db: None) -> User:
    return factories.make_admin()


@pytest.fixture
def ada(client: Client, user: User) -> Client:
    factories.sign_in(client, user)
    return client


@pytest.fixture
def plan(campaign: Campaign, standin: StandIn, deliver: Any) -> Plan:
    donation = factories.start_donation(campaign, frequency=Donation.Frequency.MONTHLY)
    standin.pay(str(donation.session_id))
    deliver(*standin.events())
    inbox.process_due(now=timezone.now())
    return Plan.objects.get()


def address(plan: Plan, deed: str) -> str:
    return f"/admin/donations/plan/{plan.pk}/do/{deed}/"


def told(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def as_stripe_has_it(standin: StandIn) -> tuple[str, bool]:
    (subscription,) = standin.objects("subscription")
    return subscription["status"], bool(subscription["pause_collection"])


def nothing_happened(standin: StandIn) -> bool:
    return (
        as_stripe_has_it(standin) == ("active", False)
        and not PlanChange.objects.exists()
        and not LogEntry.objects.exists()
        and Plan.objects.get().wish == ""
    )


def test_looking_at_the_question_does_nothing(ada: Client, plan: Plan, standin: StandIn) -> None:
    for deed in ("cancel", "pause"):
        shown = ada.get(address(plan, deed)).content.decode()
        assert "Gail Guest, gail@example.org" in shown
        assert "£25.00" in shown

    assert nothing_happened(standin)


def test_staff_pause_resume_and_cancel_and_each_is_theirs(
    ada: Client, user: User, plan: Plan, standin: StandIn
) -> None:
    assert "is paused" in told(ada.post(address(plan, "pause"), {"months": "2"}, follow=True))
    assert as_stripe_has_it(standin) == ("active", True)
    assert "is resumed" in told(ada.post(address(plan, "resume"), follow=True))
    assert as_stripe_has_it(standin) == ("active", False)
    page = ada.post(address(plan, "cancel"), follow=True)
    assert "is cancelled" in told(page)
    assert as_stripe_has_it(standin) == ("canceled", False)

    changes = PlanChange.objects.order_by("pk")
    assert [(c.what, c.origin, c.by) for c in changes] == [
        ("paused", "staff", user),
        ("resumed", "staff", user),
        ("cancelled", "staff", user),
    ]
    trail = LogEntry.objects.order_by("pk")
    assert [entry.change_message for entry in trail] == [
        "Asked Stripe to pause this for 2 months: done.",
        "Asked Stripe to resume this: done.",
        "Asked Stripe to cancel this: done.",
    ]
    # What has ended offers nothing more to do.
    assert "/do/" not in page.content.decode()


@pytest.mark.parametrize("months", ["0", "4", "", "x"])
def test_other_pauses_are_refused(ada: Client, plan: Plan, standin: StandIn, months: str) -> None:
    assert ada.post(address(plan, "pause"), {"months": months}).status_code == 422
    assert nothing_happened(standin)


def test_what_is_not_paused_is_not_resumed(ada: Client, plan: Plan, standin: StandIn) -> None:
    response = ada.post(address(plan, "resume"), follow=True)

    assert "not paused" in told(response)
    assert nothing_happened(standin)


def test_what_has_ended_is_left_alone(ada: Client, plan: Plan, standin: StandIn) -> None:
    Plan.objects.update(status="canceled")

    for deed in ("cancel", "pause", "resume"):
        assert "has ended" in told(ada.post(address(plan, deed), {"months": "1"}, follow=True))

    assert nothing_happened(standin)


def test_no_answer_is_told_as_no_answer_and_the_sweep_finds_out(
    ada: Client, plan: Plan, standin: StandIn
) -> None:
    only = "DELETE /v1/subscriptions"
    standin.faults.set("hang_up_after", next=2, seconds=0, only=only)

    response = ada.post(address(plan, "cancel"), follow=True)

    assert "nobody knows yet whether this is cancelled" in told(response)
    assert Plan.objects.get().is_in_doubt
    assert "no answer yet" in LogEntry.objects.get().change_message


@pytest.mark.parametrize("may", [[], ["view_plan"], ["change_plan"]])
def test_who_may_not_changes_nothing(
    client: Client, plan: Plan, standin: StandIn, may: list[str]
) -> None:
    staff = factories.make_admin(is_superuser=False)
    staff.user_permissions.set(Permission.objects.filter(codename__in=may))
    factories.sign_in(client, staff)

    for deed in ("cancel", "pause", "resume"):
        assert client.get(address(plan, deed)).status_code == 403
        assert client.post(address(plan, deed), {"months": "1"}).status_code == 403

    if may == ["view_plan"]:
        page = client.get(f"/admin/donations/plan/{plan.pk}/change/").content.decode()
        assert "/do/" not in page
    assert nothing_happened(standin)


def test_there_is_nothing_else_to_do(ada: Client, plan: Plan, standin: StandIn) -> None:
    assert ada.post(address(plan, "delete")).status_code == 404
    assert nothing_happened(standin)


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("standing", ["", "running", "paused", "failing", "doubt", "over"])
def test_the_list_costs_the_same_for_one_and_for_three(
    ada: Client,
    campaign: Campaign,
    number: int,
    standing: str,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    state: dict[str, dict[str, Any]] = {
        "paused": {"is_paused": True},
        "failing": {"status": "past_due"},
        "doubt": {"is_in_doubt": True},
        "over": {"status": "canceled"},
    }
    for n in range(number):
        factories.make_plan(campaign, email=f"{n}@example.org", **state.get(standing, {}))

    # The first page of all writes down when somebody signed in.
    ada.get("/admin/")
    with django_assert_num_queries(5):
        response = ada.get("/admin/donations/plan/", {"standing": standing} if standing else {})

    assert response.context["cl"].result_count == number
