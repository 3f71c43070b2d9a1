"""Money in Django admin: found, shown, and out of everybody's reach."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import services
from donations.models import Donation, LedgerEntry, StripeEvent
from tests import factories

MONEY = ["donation", "ledgerentry", "stripeevent"]


@pytest.fixture
def ada(client: Client, db: None) -> Client:
    client.force_login(factories.make_admin())
    return client


@pytest.fixture
def paid(campaign: Campaign, standin: StandIn, deliver: Any) -> Donation:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    deliver(*standin.events("checkout.session.completed"))
    services.ask_stripe(donation, now=timezone.now())
    return donation


def rows() -> Iterator[tuple[str, object]]:
    yield "donation", Donation.objects.get().pk
    yield "ledgerentry", LedgerEntry.objects.get().pk
    yield "stripeevent", StripeEvent.objects.get().pk


@pytest.mark.parametrize("query", ["gail@example.org", "GAIL@", "reference", "payment"])
def test_a_gift_is_found_by_address_reference_and_stripes_id(
    ada: Client, paid: Donation, query: str
) -> None:
    payment = paid.payments.get()
    words = {"reference": paid.reference, "payment": payment.stripe_id}.get(query, query)

    found = ada.get("/admin/donations/donation/", {"q": words}).content.decode()
    missed = ada.get("/admin/donations/donation/", {"q": "nobody@"}).content.decode()

    assert paid.reference in found
    assert "£25" in found
    assert paid.reference not in missed


def test_no_row_of_money_can_be_added_changed_or_deleted(ada: Client, paid: Donation) -> None:
    for model, pk in rows():
        base = f"/admin/donations/{model}"
        assert ada.get(f"{base}/{pk}/change/").status_code == 200
        assert ada.post(f"{base}/{pk}/change/", {"amount_minor": "1"}).status_code == 403
        assert ada.post(f"{base}/{pk}/delete/", {"post": "yes"}).status_code == 403
        assert ada.get(f"{base}/add/").status_code == 403
        ada.post(
            f"{base}/", {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
        )

    assert Donation.objects.get().amount_minor == 2500
    assert LedgerEntry.objects.count() == StripeEvent.objects.count() == 1


def test_the_page_of_a_gift_is_not_handed_to_everybody_who_may_look(
    ada: Client, paid: Donation
) -> None:
    shown = ada.get(f"/admin/donations/donation/{paid.pk}/change/").content.decode()

    assert paid.public_id not in shown


@pytest.mark.parametrize("model", MONEY)
@pytest.mark.parametrize("number", [1, 3])
def test_lists_cost_the_same_for_one_row_and_for_three(
    ada: Client,
    campaign: Campaign,
    standin: StandIn,
    deliver: Any,
    model: str,
    number: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for n in range(number):
        donation = factories.start_donation(campaign, email=f"{n}@example.org")
        standin.pay(str(donation.session_id))
        services.ask_stripe(donation, now=timezone.now())
    deliver(*standin.events("checkout.session.completed"))
    queries = {"donation": 5, "ledgerentry": 5, "stripeevent": 4}[model]

    with django_assert_num_queries(queries):
        response = ada.get(f"/admin/donations/{model}/")

    assert response.context["cl"].result_count == number


def test_a_name_is_taken_off_the_page_at_once(
    ada: Client, campaign: Campaign, standin: StandIn
) -> None:
    donation = factories.start_donation(
        campaign, name="Zoë Named", display=Donation.Display.NAME_AND_AMOUNT
    )
    standin.pay(str(donation.session_id))
    services.ask_stripe(donation, now=timezone.now())
    assert "Zoë Named</strong> £25" in ada.get(campaign.get_absolute_url()).content.decode()

    ada.post(
        "/admin/donations/donation/",
        {"action": "hide_name", "_selected_action": [donation.pk]},
    )

    assert "Zoë" not in ada.get(campaign.get_absolute_url()).content.decode()


def test_staff_who_may_look_see_no_address_in_events_and_set_nothing_going(
    client: Client, paid: Donation
) -> None:
    looker = factories.make_admin(is_superuser=False)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(looker)
    event = StripeEvent.objects.get()
    StripeEvent.objects.update(state="dead", processed_at=None)

    shown = client.get(f"/admin/donations/stripeevent/{event.pk}/change/").content.decode()
    client.post(
        "/admin/donations/stripeevent/",
        {"action": "process_again", "_selected_action": [event.pk]},
    )

    assert event.type in shown
    assert "gail@example.org" not in shown
    assert paid.public_id not in shown
    assert StripeEvent.objects.get().state == "dead"


def test_others_do_not_get_in(client: Client, paid: Donation) -> None:
    supporter = factories.make_admin(is_staff=False, is_superuser=False)

    for model, pk in rows():
        for who in (None, supporter):
            client.logout()
            if who:
                client.force_login(who)
            assert client.get(f"/admin/donations/{model}/{pk}/change/").status_code == 302


def test_an_admin_signs_in_with_the_address_in_any_case(client: Client, db: None) -> None:
    admin = factories.make_admin()

    client.post(
        "/admin/login/", {"username": admin.email.upper(), "password": "a long pass phrase"}
    )

    assert client.get("/admin/").status_code == 200
