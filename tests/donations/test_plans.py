"""A monthly gift and its pages: who has the link may change it, nobody else may, all is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alliance.core.money import Money
from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import gateway, mails, plans
from donations.models import Donation, LedgerEntry, MissedPayment, Plan, PlanChange
from tests import factories
from tests.donations.conftest import Tell, columns, manage, owed

DAY = 24 * 60 * 60
DECLINES = "4000000000000341"


def away(*_args: object, **_kwargs: object) -> None:
    raise gateway.Unavailable("no answer")


# -- giving every month ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "frequency", "mode"),
    [
        ({}, "once", "payment"),
        ({"frequency": "once"}, "once", "payment"),
        ({"frequency": "monthly"}, "monthly", "subscription"),
    ],
)
def test_who_says_so_gives_every_month_and_nobody_else(
    client: Client,
    campaign: Campaign,
    standin: StandIn,
    fields: dict[str, str],
    frequency: str,
    mode: str,
) -> None:
    client.post(f"/c/{campaign.slug}/give/", factories.form_data(campaign, **fields))

    assert Donation.objects.get().frequency == frequency
    assert [s["mode"] for s in standin.objects("checkout.session")] == [mode]


def test_another_frequency_there_is_none(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    data = factories.form_data(campaign, frequency="daily")

    assert client.post(f"/c/{campaign.slug}/give/", data).status_code == 422
    assert not Donation.objects.exists()


@pytest.mark.parametrize(("query", "initial"), [("monthly", "monthly"), ("daily", None)])
def test_a_link_may_propose_to_give_every_month(
    client: Client, campaign: Campaign, query: str, initial: str | None
) -> None:
    page = client.get(f"/c/{campaign.slug}/give/?frequency={query}")

    assert page.context["form"].initial.get("frequency") == initial
    assert page.context["form"].fields["frequency"].initial == "once"


def test_turning_back_from_stripe_keeps_that_it_was_to_be_monthly(
    campaign: Campaign, standin: StandIn
) -> None:
    factories.start_donation(campaign, frequency=Donation.Frequency.MONTHLY)

    (session,) = standin.objects("checkout.session")
    assert session["cancel_url"].endswith("/give/?amount=2500&frequency=monthly")


def test_the_gifts_page_says_monthly_and_leads_to_no_page_that_could_change_it(
    client: Client, plan: Plan
) -> None:
    page = client.get(plan.donation.get_absolute_url()).content.decode()

    assert "£25.00 every month" in page
    assert "/m/" not in page
    assert 'href="/me/"' in page


# -- the page of a monthly gift --------------------------------------------------------------


def test_its_page_says_what_comes_next_and_by_which_card(client: Client, plan: Plan) -> None:
    response = client.get(manage(plan))

    page = response.content.decode()
    assert plan.next_payment_at is not None
    assert f"{timezone.localtime(plan.next_payment_at):%-d %B %Y}" in page
    assert "Visa ending in 4242" in page
    assert "Runs every month" in page
    assert f"{plan.donation.get_absolute_url()}receipt/1/" in page
    assert "Gail" not in page
    assert "gail@example.org" not in page
    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "same-origin"
    assert "noindex" in response["X-Robots-Tag"]


def test_looking_changes_nothing_and_asks_stripe_only_where_news_is_awaited(
    client: Client, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = columns(plan)
    monkeypatch.setattr(gateway, "retrieve_subscription", away)

    assert client.get(manage(plan)).status_code == 200
    assert client.get(manage(plan) + "cancel/").status_code == 200
    assert columns(plan) == before

    Plan.objects.update(is_in_doubt=True)
    shown = client.get(manage(plan))
    assert shown.status_code == 200
    assert "Being confirmed" in shown.content.decode()
    assert Plan.objects.get().ask_again_at > timezone.now()


def test_another_amount_counts_from_the_next_payment_on(
    client: Client, plan: Plan, standin: StandIn, tell: Tell
) -> None:
    response = client.post(manage(plan) + "amount/", {"amount": "£12.50"}, follow=True)
    tell()

    assert "it’s £12.50 a month" in response.content.decode()
    assert Plan.objects.get().amount == Money(1250)
    change = PlanChange.objects.get()
    assert (change.what, change.origin) == (PlanChange.What.AMOUNT, PlanChange.Origin.DONOR)
    assert owed(mails.PLAN_CHANGE) == 1
    assert [entry.amount_minor for entry in LedgerEntry.objects.filter(kind="gift")] == [2500]
    standin.advance(31 * DAY)
    tell()
    assert LedgerEntry.objects.filter(kind="gift", amount_minor=1250).exists()
    assert owed(mails.RECEIPT) == 2


@pytest.mark.parametrize("amount", ["", "0", "-5", "NaN", "1e3", "0.001", "99999999999", "x" * 31])
def test_an_amount_that_is_none_changes_nothing_and_says_why(
    client: Client, plan: Plan, standin: StandIn, amount: str
) -> None:
    asked = len(standin.requests())

    response = client.post(manage(plan) + "amount/", {"amount": amount})

    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert "Nothing has changed." in response.content.decode()
    assert len(standin.requests()) == asked
    assert Plan.objects.get().amount == Money(2500)
    assert not PlanChange.objects.exists()


def test_a_pause_takes_nothing_and_ends_when_its_donor_says_so(
    client: Client, plan: Plan, standin: StandIn, tell: Tell
) -> None:
    paused = client.post(manage(plan) + "pause/", {"months": "2"}, follow=True)

    assert "Paused until" in paused.content.decode()
    assert Plan.objects.get().is_paused
    standin.advance(31 * DAY)
    tell()
    assert LedgerEntry.objects.filter(kind="gift").count() == 1

    resumed = client.post(manage(plan) + "resume/", follow=True)

    assert "goes on" in resumed.content.decode()
    assert not Plan.objects.get().is_paused
    assert [c.what for c in PlanChange.objects.order_by("pk")] == ["paused", "resumed"]
    assert owed(mails.PLAN_CHANGE) == 2


@pytest.mark.parametrize("months", ["", "0", "4", "-1", "1.5", "x"])
def test_a_pause_is_of_one_to_three_months(client: Client, plan: Plan, months: str) -> None:
    response = client.post(manage(plan) + "pause/", {"months": months})

    assert response.status_code == 422
    assert not Plan.objects.get().is_paused
    assert not PlanChange.objects.exists()


def test_it_is_stopped_after_one_question_and_then_for_good(
    client: Client, plan: Plan, standin: StandIn, tell: Tell
) -> None:
    asked = client.get(manage(plan) + "cancel/")
    assert "Stop giving £25" in asked.content.decode()
    assert not Plan.objects.get().is_over

    stopped = client.post(manage(plan) + "cancel/", follow=True)
    tell()

    assert "Nothing more will be taken" in stopped.content.decode()
    assert "Your monthly gift has ended" in stopped.content.decode()
    assert Plan.objects.get().is_over
    standin.advance(40 * DAY)
    tell()
    assert LedgerEntry.objects.filter(kind="gift").count() == 1
    assert owed(mails.PLAN_CHANGE) == 1

    # Whatever is asked for now finds it ended.
    for path, data in (
        ("amount/", {"amount": "5"}),
        ("pause/", {"months": "1"}),
        ("resume/", {}),
        ("card/", {}),
        ("cancel/", {}),
    ):
        late = client.post(manage(plan) + path, data, follow=True)
        assert "nothing to change" in late.content.decode(), path
    assert client.get(manage(plan) + "cancel/")["Location"] == manage(plan).rstrip()
    assert PlanChange.objects.count() == 1
    assert owed(mails.PLAN_CHANGE) == 1


def test_another_card_is_named_on_stripes_page_and_shown_once_stripe_says_so(
    client: Client, plan: Plan, standin: StandIn, tell: Tell
) -> None:
    response = client.post(manage(plan) + "card/")

    assert response.status_code == 303
    assert response["Location"].startswith(standin.base_url)
    back = client.get(manage(plan) + "?from=card").content.decode()
    assert "as soon as Stripe tells us" in back
    assert not PlanChange.objects.exists()

    # Of one second, an answer counts for more than an event.
    standin.advance(2)
    standin.change_card(plan.subscription_id, method="5555555555554444")
    tell()

    change = PlanChange.objects.get()
    assert (change.what, change.origin) == (PlanChange.What.CARD, PlanChange.Origin.DONOR)
    Plan.objects.update(ask_again_at=timezone.now())
    assert "Mastercard ending in 4444" in client.get(manage(plan)).content.decode()
    assert owed(mails.PLAN_CHANGE) == 1


def test_a_card_that_stripes_page_makes_the_customers_own_pays_the_plan_too(
    client: Client, plan: Plan, standin: StandIn, tell: Tell
) -> None:
    client.post(manage(plan) + "card/")
    standin.advance(2)

    # Whoever changes it there may close the window and never come back.
    standin.change_card(plan.customer_id, method="5555555555554444")
    tell()
    plans.sweep(now=timezone.now())
    tell()

    change = PlanChange.objects.get()
    assert (change.what, change.origin) == (PlanChange.What.CARD, PlanChange.Origin.DONOR)
    (theirs,) = standin.objects("customer", id=plan.customer_id)
    (subscription,) = standin.objects("subscription", id=plan.subscription_id)
    wanted = theirs["invoice_settings"]["default_payment_method"]
    assert subscription["default_payment_method"] == wanted
    plan.refresh_from_db()
    assert (plan.card_last4, plan.is_in_doubt, plan.wish) == ("4444", False, "")


def test_a_payment_that_failed_is_said_on_top_with_the_ways_to_mend_it(
    client: Client, plan: Plan, standin: StandIn, tell: Tell
) -> None:
    standin.change_card(plan.subscription_id, method=DECLINES)
    standin.advance(31 * DAY)
    tell()

    page = client.get(manage(plan)).content.decode()

    missed = MissedPayment.objects.get()
    assert "The last payment failed" in page
    assert f'href="{missed.pay_url}" rel="noreferrer"' in page
    assert "Name another card" in page
    assert owed(mails.MISSED_PAYMENT) == 1

    standin.pay_invoice(missed.invoice_id)
    tell()

    mended = client.get(manage(plan)).content.decode()
    assert "The last payment failed" not in mended
    assert missed.pay_url not in mended
    assert owed(mails.RECEIPT) == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": "past_due"}, "Payment failed"),
        ({"will_end": True}, "Ends on"),
        ({"is_paused": True}, "Paused until"),
        ({"is_paused": True, "will_end": True}, "Ends on"),
        ({"status": "canceled"}, "has ended"),
        ({"status": "incomplete"}, "Being confirmed"),
        ({"card_brand": ""}, "not known yet"),
        ({"card_brand": "none", "card_last4": ""}, "another way to pay"),
        ({"card_brand": "cartes_bancaires"}, "Cartes bancaires ending in 4242"),
        ({}, "Runs every month"),
    ],
)
def test_each_way_it_may_stand_has_its_words(
    client: Client, campaign: Campaign, fields: dict[str, Any], words: str
) -> None:
    plan = factories.make_plan(campaign, **fields)

    assert words in client.get(manage(plan)).content.decode()


def test_a_failure_told_before_the_plans_own_news_is_shown_at_once(
    client: Client, campaign: Campaign
) -> None:
    plan = factories.make_plan(campaign)
    MissedPayment.objects.create(
        plan=plan,
        invoice_id="in_missed",
        amount_minor=2500,
        currency="gbp",
        attempts=1,
        failed_at=plan.told_at + timedelta(seconds=1),
        pay_url="",
    )

    page = client.get(manage(plan)).content.decode()

    assert "The last payment failed" in page
    assert "No other try is planned" in page
    assert "pay this once by hand" not in page


# -- Stripe does not answer, or says no ------------------------------------------------------

WISHES = [
    ("amount/", {"amount": "12"}, "change_amount"),
    ("pause/", {"months": "1"}, "pause"),
    ("resume/", {}, "resume"),
    ("cancel/", {}, "cancel"),
]


@pytest.mark.parametrize(("path", "data", "call"), WISHES)
def test_without_an_answer_nothing_is_said_to_have_happened_or_failed(
    client: Client,
    plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    data: dict[str, str],
    call: str,
) -> None:
    monkeypatch.setattr(gateway, call, away)

    response = client.post(manage(plan) + path, data)

    page = response.content.decode()
    assert response.status_code == 503
    assert "had no answer yet" in page
    assert "Being confirmed" in page
    assert "fail" not in page.lower()
    assert Plan.objects.get().is_in_doubt
    assert Plan.objects.get().amount == Money(2500)
    assert not PlanChange.objects.exists()


@pytest.mark.parametrize(("path", "data", "call"), WISHES)
def test_a_refusal_is_said_and_leaves_all_as_it_was(
    client: Client,
    plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    data: dict[str, str],
    call: str,
) -> None:
    def refused(*_args: object) -> None:
        raise gateway.Declined("no")

    monkeypatch.setattr(gateway, call, refused)
    before = {**columns(plan), "wish": None}

    response = client.post(manage(plan) + path, data)

    assert response.status_code == 502
    assert "would not do this" in response.content.decode()
    assert {**columns(plan), "wish": None} == before
    assert not PlanChange.objects.exists()


@pytest.mark.parametrize(("error", "status"), [(gateway.Unavailable, 503), (gateway.Missing, 502)])
def test_without_its_page_no_card_is_changed_and_the_gifts_page_says_so(
    client: Client,
    plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
    status: int,
) -> None:
    def no_page(*_args: object) -> str:
        raise error

    monkeypatch.setattr(gateway, "card_page", no_page)
    before = columns(plan)

    assert client.post(manage(plan) + "card/").status_code == status
    assert columns(plan) == before


def test_two_words_of_one_second_that_contradict_each_other_are_asked_about_at_once(
    plan: Plan, standin: StandIn, tell: Tell
) -> None:
    # Somebody just asked: what is in doubt now does not wait for the next turn.
    Plan.objects.update(is_in_doubt=False, ask_again_at=timezone.now() + timedelta(minutes=1))
    standin.change_card(plan.subscription_id, method=DECLINES)
    standin.advance(31 * DAY)
    # A new month, and its payment failed, in one second: whichever comes last is no wiser.
    tell()

    assert list(Plan.objects.in_doubt(timezone.now())) == [plan]
    plans.sweep(now=timezone.now())

    plan.refresh_from_db()
    assert (plan.status, plan.is_in_doubt) == ("past_due", False)
