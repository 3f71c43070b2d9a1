"""Attacks on giving that need two hands at once: what the review tried, and what held."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alliance.local.standin import StandIn
from alliance.local.standin.account import StripeError
from donations import books, gateway, inbox
from donations.models import Donation, LedgerEntry
from tests import factories
from tests.races.test_giving import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def hear_everything() -> None:
    inbox.pull(now=timezone.now())
    inbox.process_due(now=timezone.now())


@pytest.mark.parametrize("_again", range(6))
def test_who_pays_while_another_tab_changes_the_amount_pays_once_or_on_the_new_page(
    standin: StandIn, _again: int
) -> None:
    campaign = factories.make_campaign()
    data = factories.form_data(campaign)
    Client().post(f"/c/{campaign.slug}/give/", data)
    first = str(Donation.objects.get().session_id)

    def change() -> int:
        changed = {**data, "amount": "5000"}
        return Client().post(f"/c/{campaign.slug}/give/", changed).status_code

    def pay() -> bool:
        try:
            standin.pay(first)
        except StripeError:
            return False
        return True

    changed, is_paid, heard = at_once(change, pay, hear_everything)
    hear_everything()

    still_open = [s for s in standin.objects("checkout.session") if s["status"] == "open"]
    assert (changed, heard) == (303, None)
    assert is_paid in {True, False}
    assert LedgerEntry.objects.count() == is_paid
    assert len(still_open) == (not is_paid)
    assert books.breaches() == {}


def test_forty_gifts_of_one_person_settled_at_once_wait_for_each_other_and_never_deadlock(
    standin: StandIn,
) -> None:
    campaign = factories.make_campaign()
    settles: list[Callable[[], Any]] = []
    for _ in range(40):
        donation = factories.start_donation(campaign, email="one@example.org")
        standin.pay(str(donation.session_id))
        paid = gateway.retrieve_session(str(donation.session_id))
        settles.append(partial(factories.tell, paid))

    answers = at_once(*settles)

    assert answers == [True] * 40
    assert LedgerEntry.objects.count() == 40
    assert books.breaches() == {}
