"""Every list in Django admin costs the same for one row as for three."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.accounts import audit
from alliance.contacts.services import contact_for
from alliance.outbox import services as outbox
from campaigns.models import Application, Campaign, Edit, Invitation
from tests import factories

# Those about money have a test of their own, with their figures.
ROWS: dict[str, Callable[[Campaign, int], object]] = {
    "campaigns/campaign": lambda _campaign, _n: factories.make_campaign(),
    "campaigns/application": lambda _campaign, _n: Application.objects.create(
        by=factories.make_user(), name="n", purpose="p", people="w", recipient="r"
    ),
    "campaigns/membership": lambda campaign, _n: factories.make_member(campaign),
    "campaigns/invitation": lambda campaign, n: Invitation.objects.create(
        campaign=campaign,
        email=f"{n}@example.org",
        role="viewer",
        by=factories.make_user(),
        expires_at=timezone.now(),
    ),
    "campaigns/edit": lambda campaign, n: Edit.objects.create(
        campaign=campaign, version=n, by=factories.make_user(), at=timezone.now(), page={}
    ),
    "campaigns/endorsement": lambda campaign, _n: factories.make_endorsement(campaign),
    "events/event": lambda campaign, _n: factories.make_event(
        campaign, parent=factories.make_event(campaign)
    ),
    "updates/update": lambda campaign, n: factories.make_update(campaign, ago=timedelta(hours=n)),
    "accounts/user": lambda _campaign, _n: factories.make_admin(),
    "admin/logentry": lambda campaign, _n: audit.note(
        factories.make_admin(), [campaign], "Did something."
    ),
    "contacts/contact": lambda _campaign, n: contact_for(f"{n}@example.org"),
    "outbox/mail": lambda _campaign, n: outbox.queue(
        kind="receipt", reference=str(n), contact=contact_for("g@example.org"), now=timezone.now()
    ),
}
MONEY = {
    "donations/donation",
    "donations/ledgerentry",
    "donations/stripeevent",
    "donations/plan",
    "donations/refundrequest",
    "donations/dispute",
    "donations/balanceentry",
}


def test_every_list_is_here() -> None:
    registered = {
        f"{model._meta.app_label}/{model._meta.model_name}" for model in admin.site._registry
    }

    assert registered - {"auth/group"} == set(ROWS) | MONEY


@pytest.mark.parametrize("name", ROWS)
def test_a_list_costs_the_same_for_one_row_and_for_three(
    client: Client, campaign: Campaign, name: str
) -> None:
    factories.sign_in(client, factories.make_admin())
    costs = []
    for number in range(3):
        ROWS[name](campaign, number)
        client.get(f"/admin/{name}/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/admin/{name}/").status_code == 200
        costs.append(len(queries))

    assert costs == [costs[0]] * 3
    assert costs[0] <= 8
