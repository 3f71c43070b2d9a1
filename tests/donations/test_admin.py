"""Money in Django admin: found, shown, and out of everybody's reach."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import facts, inbox, services
from donations.models import (
    BalanceEntry,
    Dispute,
    Donation,
    InvoiceIntent,
    LedgerEntry,
    MissedPayment,
    Plan,
    PlanChange,
    RefundRequest,
    StripeEvent,
)
from tests import factories

MONEY = ["donation", "ledgerentry", "stripeevent"]
# Every row about money. Some have no page of their own: they stand on a gift's or a plan's.
NO_PAGE = {"payment", "planchange", "missedpayment", "invoiceintent"}
ALL_MONEY = [*MONEY, "refundrequest", "dispute", "plan", "balanceentry", *sorted(NO_PAGE)]


@pytest.fixture
def ada(client: Client, db: None) -> Client:
    factories.sign_in(client, factories.make_admin())
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


@pytest.fixture
def one_of_each(campaign: Campaign) -> dict[str, Model]:
    """A row of every kind, about one monthly gift."""
    user, now = factories.make_admin(), timezone.now()
    plan = factories.make_plan(campaign, email="mona@example.org")
    payment = plan.donation.payments.get()
    about: dict[str, Any] = {"amount_minor": 100, "currency": "gbp"}
    event = facts.Event("evt_1", "payout.paid", now, False, "{}")
    inbox.receive(event, now=now)
    return {
        "donation": plan.donation,
        "payment": payment,
        "ledgerentry": payment.entries.get(),
        "stripeevent": StripeEvent.objects.get(),
        "plan": plan,
        "refundrequest": RefundRequest.objects.create(
            payment=payment, amount_minor=100, reason="duplicate", by=user, refund_id="re_1"
        ),
        "dispute": Dispute.objects.create(
            payment=payment, stripe_id="du_1", status="won", reason="fraud", told_at=now, **about
        ),
        "planchange": PlanChange.objects.create(
            plan=plan, what="paused", origin="staff", by=user, amount_minor=100, at=now
        ),
        "missedpayment": MissedPayment.objects.create(
            plan=plan, invoice_id="in_missed", attempts=1, failed_at=now, **about
        ),
        "invoiceintent": InvoiceIntent.objects.create(payment=payment, payment_intent="pi_1"),
        "balanceentry": BalanceEntry.objects.create(
            id="txn_1",
            type="charge",
            source="ch_1",
            payment_intent="pi_1",
            fee_minor=5,
            created_at=now,
            **about,
        ),
    }


def as_they_are(rows: dict[str, Model]) -> list[dict[str, object]]:
    return [type(row)._default_manager.filter(pk=row.pk).values().get() for row in rows.values()]


@pytest.mark.parametrize("model", ALL_MONEY)
def test_no_row_of_money_can_be_added_changed_or_deleted_by_anybody(
    ada: Client, one_of_each: dict[str, Model], model: str
) -> None:
    base, pk = f"/admin/donations/{model}", one_of_each[model].pk
    before = as_they_are(one_of_each)
    refused = 404 if model in NO_PAGE else 403

    assert ada.get(f"{base}/{pk}/change/").status_code == (404 if model in NO_PAGE else 200)
    assert ada.get(f"{base}/add/").status_code == refused
    assert ada.post(f"{base}/add/", {"amount_minor": "1"}).status_code == refused
    assert ada.post(f"{base}/{pk}/change/", {"amount_minor": "1"}).status_code == refused
    assert ada.post(f"{base}/{pk}/delete/", {"post": "yes"}).status_code == refused
    ada.post(f"{base}/", {"action": "delete_selected", "_selected_action": [pk], "post": "yes"})

    assert as_they_are(one_of_each) == before
    assert type(one_of_each[model])._default_manager.count() == 1


def test_every_model_of_this_room_is_accounted_for() -> None:
    # What is left counts or guards, and has no page either.
    others = {
        "donor",
        "totalslot",
        "tally",
        "plantally",
        "thanks",
        "ending",
        "lastplan",
        "attempt",
        "decline",
        "spentproof",
    }
    names = {model._meta.model_name for model in apps.get_app_config("donations").get_models()}

    assert names == set(ALL_MONEY) | others
    for model in admin.site._registry:
        if model._meta.app_label == "donations":
            assert model._meta.model_name in set(ALL_MONEY) - NO_PAGE


@pytest.mark.parametrize(
    "query",
    [
        "mona@example.org",
        "MONA@exam",
        "mona",
        "reference",
        "guest",
        "gail gue",
        "Guest, Gail",
        "in_1",
        "pi_1",
        "ch_1",
        "re_1",
        "du_1",
        "sub",
        "cus",
        "in_missed",
    ],
)
@pytest.mark.parametrize("model", ["donation", "plan", "ledgerentry", "refundrequest", "dispute"])
def test_a_gift_and_all_about_it_is_found_by_whatever_is_at_hand(
    ada: Client, one_of_each: dict[str, Model], query: str, model: str
) -> None:
    plan = one_of_each["plan"]
    assert isinstance(plan, Plan)
    words = {
        "reference": f"{plan.donation.reference[:5].lower()} {plan.donation.reference[5:]}",
        "in_1": one_of_each["payment"].stripe_id,  # type: ignore[attr-defined]
        "sub": plan.subscription_id,
        "cus": plan.customer_id,
    }.get(query, query)

    found = ada.get(f"/admin/donations/{model}/", {"q": words}).context["cl"]

    assert [row.pk for row in found.result_list] == [one_of_each[model].pk]


@pytest.mark.parametrize(
    "query", ["nobody@", "in_2", "ai", "mona_", "mona%", "'", "\\", "& | !", "a" * 500]
)
def test_what_names_nobody_finds_nobody_and_breaks_nothing(
    ada: Client, one_of_each: dict[str, Model], query: str
) -> None:
    response = ada.get("/admin/donations/donation/", {"q": query})

    assert response.status_code == 200
    assert list(response.context["cl"].result_list) == []


def test_a_gifts_page_shows_all_that_is_known_of_it(
    ada: Client, one_of_each: dict[str, Model], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    gift = one_of_each["donation"]
    address = f"/admin/donations/donation/{gift.pk}/change/"
    ada.get(address)

    with django_assert_num_queries(15):
        shown = ada.get(address).content.decode()

    for words in [
        "given twice by mistake",
        "re_1",
        "du_1",
        "in_missed",
        "paused",
        "receipt",
        "mona@example.org",
        "Give back",
        one_of_each["plan"].subscription_id,  # type: ignore[attr-defined]
        one_of_each["payment"].stripe_id,  # type: ignore[attr-defined]
    ]:
        assert words in shown


def test_a_gifts_page_costs_the_same_for_one_row_of_each_and_for_three(
    ada: Client, one_of_each: dict[str, Model], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    gift = one_of_each["donation"]
    assert isinstance(gift, Donation)
    for n in range(2):
        payment = factories.make_payment(gift, f"in_more_{n}")
        for model in (Dispute, RefundRequest, MissedPayment, PlanChange):
            row = one_of_each[model._meta.model_name or ""]
            fields = {
                f.attname: getattr(row, f.attname)
                for f in row._meta.concrete_fields
                if not (f.primary_key or f.unique)
            }
            if "payment_id" in fields:
                fields["payment_id"] = payment.pk
            unique = {
                f.attname: f"more_{n}"
                for f in row._meta.concrete_fields
                if f.unique and not f.primary_key
            }
            model._default_manager.create(**fields, **unique)
    address = f"/admin/donations/donation/{gift.pk}/change/"
    ada.get(address)

    with django_assert_num_queries(15):
        ada.get(address)


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
    queries = {"donation": 6, "ledgerentry": 6, "stripeevent": 5}[model]

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
    assert LogEntry.objects.get().object_id == str(donation.pk)


def test_staff_who_may_look_see_no_address_in_events_and_set_nothing_going(
    client: Client, paid: Donation
) -> None:
    looker = factories.make_admin(is_superuser=False)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    factories.sign_in(client, looker)
    event = StripeEvent.objects.get()
    StripeEvent.objects.update(state="dead", processed_at=None)

    # Quoted as admin's own links are: "_24" in an id would else be read as "$".
    shown = client.get(f"/admin/donations/stripeevent/{quote(event.pk)}/change/").content.decode()
    client.post(
        "/admin/donations/stripeevent/",
        {"action": "process_again", "_selected_action": [event.pk]},
    )

    assert event.type in shown
    assert "gail@example.org" not in shown
    assert paid.public_id not in shown
    assert StripeEvent.objects.get().state == "dead"


def test_events_that_need_a_person_have_a_filter_and_another_try_is_in_the_trail(
    ada: Client, paid: Donation
) -> None:
    StripeEvent.objects.update(state="dead", processed_at=None)
    event = StripeEvent.objects.get()

    dead = ada.get("/admin/donations/stripeevent/?state=dead").context["cl"]
    pending = ada.get("/admin/donations/stripeevent/?state=pending").context["cl"]
    index = ada.get("/admin/").content.decode()
    ada.post(
        "/admin/donations/stripeevent/",
        {"action": "process_again", "_selected_action": [event.pk]},
    )

    assert [row.pk for row in dead.result_list] == [event.pk]
    assert list(pending.result_list) == []
    assert "event of Stripe’s failed too often" in index
    assert StripeEvent.objects.get().state == "processed"
    assert LogEntry.objects.get().object_id == event.pk


def test_others_do_not_get_in(client: Client, paid: Donation) -> None:
    supporter = factories.make_admin(is_staff=False, is_superuser=False)

    for model, pk in rows():
        for who in (None, supporter):
            client.logout()
            if who:
                factories.sign_in(client, who)
            assert client.get(f"/admin/donations/{model}/{pk}/change/").status_code == 302


def test_admin_leads_nobody_to_a_donors_own_page(admin_client: Client, campaign: Campaign) -> None:
    kind = ContentType.objects.get_for_model(Donation)
    gift = factories.make_plan(campaign).donation

    answer = admin_client.get(f"/admin/r/{kind.pk}/{gift.pk}/")

    assert answer.status_code == 404
    assert "Location" not in answer
