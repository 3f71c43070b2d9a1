"""Somebody who writes a campaign's page."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from alliance.accounts.models import User
from campaigns.models import Campaign, Role
from tests import factories


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    return tmp_path


@pytest.fixture
def editor(client: Client, campaign: Campaign) -> User:
    user = factories.make_member(campaign, Role.EDITOR, name="Ed Editor")
    factories.sign_in(client, user)
    return user
