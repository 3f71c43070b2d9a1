"""What several tests of this room stand on: little work for the guard, a monthly gift."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from alliance.local.standin import StandIn
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from donations import facts, gateway, guard, inbox, links, plans
from donations.models import Donation, Plan
from tests import factories, testers

Tell = Callable[[], None]


@pytest.fixture
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "KEYS", 10)


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a session cost nothing; the references of those asked for."""
    asked: list[str] = []

    def create(order: gateway.Order) -> facts.Session:
        asked.append(order.public_id)
        return testers.made_up_session(order)

    monkeypatch.setattr(gateway, "create_session", create)
    return asked


@pytest.fixture
def tell(standin: StandIn, deliver: Callable[..., list[int]]) -> Tell:
    """Let the site hear all that happened at Stripe's since it last heard."""
    told: set[str] = set()

    def all_news() -> None:
        events = [event for event in standin.events() if event["id"] not in told]
        told.update(event["id"] for event in events)
        deliver(*events)
        inbox.process_due(now=timezone.now())

    return all_news


@pytest.fixture
def plan(campaign: Campaign, standin: StandIn, tell: Tell) -> Plan:
    """A monthly gift that began on Stripe's page; what card it is has been asked."""
    return begin(campaign, standin, tell)


def begin(campaign: Campaign, standin: StandIn, tell: Tell, **fields: Any) -> Plan:
    monthly = Donation.Frequency.MONTHLY
    donation = factories.start_donation(campaign, frequency=monthly, **fields)
    standin.pay(str(donation.session_id))
    tell()
    plan = donation.plans.get()
    plans.ask(plan)
    return plan


def manage(plan: Plan) -> str:
    return f"/m/{links.token_for(plan)}/"


def owed(kind: str) -> int:
    return Mail.objects.filter(kind=kind).count()


def columns(plan: Plan) -> dict[str, Any]:
    return dict(Plan.objects.filter(pk=plan.pk).values().get())
