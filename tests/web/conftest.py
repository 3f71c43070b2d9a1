"""Somebody who writes a campaign's page, somebody who looks after its money, and gifts."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from alliance.accounts.models import User
from alliance.local.standin import StandIn
from campaigns.models import Campaign, Role
from donations.models import Payment
from tests import factories
from tests.web import money


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


@pytest.fixture
def editor(client: Client, campaign: Campaign) -> User:
    user = factories.make_member(campaign, Role.EDITOR, name="Ed Editor")
    factories.sign_in(client, user)
    return user


@pytest.fixture
def other() -> Campaign:
    return factories.make_campaign()


@pytest.fixture
def fin(client: Client, campaign: Campaign) -> Client:
    """A browser of somebody who looks after the campaign's money."""
    return factories.sign_in(client, factories.make_member(campaign, Role.FINANCE))


@pytest.fixture
def payment(campaign: Campaign, standin: StandIn) -> Payment:
    """A gift of £25 that Stripe has, too."""
    return money.paid(campaign, standin)


@pytest.fixture
def everybody(campaign: Campaign, other: Campaign) -> None:
    """One gift of each sort; each has its like in another campaign."""
    money.one_of_each(campaign, other)
