"""A receipt to print: true to the penny whatever happened since, and naming nobody."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alliance.core.money import Money
from campaigns.models import Campaign
from donations import facts, receipts, settling
from donations.models import Donation, Payment
from tests import factories


@pytest.fixture
def paid(campaign: Campaign) -> Payment:
    return factories.make_payment(factories.make_donation(campaign), "pi_1")


def read(client: Client, donation: Donation, number: int = 1) -> str:
    response = client.get(f"{donation.get_absolute_url()}receipt/{number}/")
    assert response.status_code == 200
    return response.content.decode()


def dispute(payment: Payment, status: str, *movements: tuple[str, int]) -> None:
    fact = facts.Dispute(
        id="du_1",
        payment_intent=payment.stripe_id,
        amount=payment.amount,
        status=status,
        reason="fraudulent",
        answer_by=None,
        movements=movements,
    )
    settling.record_dispute(settling.Told(fact, timezone.now()), fact)


def test_it_says_how_much_when_for_what_and_to_whom_and_not_by_whom(
    client: Client, campaign: Campaign, paid: Payment
) -> None:
    response = client.get(f"{paid.donation.get_absolute_url()}receipt/1/")

    page = response.content.decode()
    for words in (
        "£25.00",
        f"{timezone.localtime(paid.paid_at):%-d %B %Y}",
        campaign.name,
        "The campaign’s own account".replace("’", "&#x27;"),
        f"<dd>{paid.donation.reference}</dd>",
        "By card",
        "not a Gift Aid receipt",
        "Promoted by A on behalf of B",
    ):
        assert words in page, words
    assert "Given back" not in page
    assert "Gail" not in page
    assert "gail@example.org" not in page
    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("number", [0, 2, 10**30])
def test_there_is_one_for_each_payment_and_no_other(
    client: Client, paid: Payment, number: int
) -> None:
    address = f"{paid.donation.get_absolute_url()}receipt/{number}/"

    assert client.get(address).status_code == 404


def test_before_the_money_came_there_is_none(client: Client, campaign: Campaign) -> None:
    unpaid = factories.make_donation(campaign)

    assert client.get(f"{unpaid.get_absolute_url()}receipt/1/").status_code == 404


def test_each_month_has_its_own_number_that_never_changes(
    client: Client, campaign: Campaign
) -> None:
    donation = factories.make_plan(campaign).donation
    factories.make_payment(donation, "in_second", minor=1000)
    first = f"{donation.reference}-1"

    assert first in read(client, donation, 1)
    assert "£10.00" in read(client, donation, 2)
    # Told late: it was paid before the others.
    early = timezone.now() - timedelta(days=90)
    settling.settle({"in_late": (donation, Money(300), early)})

    assert first in read(client, donation, 1)
    assert "£3.00" in read(client, donation, 3)
    assert [receipt.number for receipt in receipts.receipts_of(donation)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("method", "words"), [("cash", "In cash"), ("cheque", "By cheque"), ("bank", "By bank")]
)
def test_a_gift_by_hand_says_how_it_came(
    client: Client, campaign: Campaign, method: str, words: str
) -> None:
    donation = factories.make_donation(campaign, method=Donation.Method(method))
    factories.make_payment(donation, "offline-1")

    page = read(client, donation)

    assert words in page
    assert "By card" not in page


def test_what_went_back_is_on_it_and_on_the_gifts_page(client: Client, paid: Payment) -> None:
    settling.enter_refund(paid, "re_1", Money(400), at=timezone.now())
    settling.enter_refund(paid, "re_2", Money(600), at=timezone.now(), has_failed=True)

    page = read(client, paid.donation)
    gift = client.get(paid.donation.get_absolute_url()).content.decode()

    assert page.count("Given back") == 2
    assert "−£4.00" in page
    assert "Refund that came back" in page
    assert "<dd>£21.00</dd>" in page
    assert "Part of your gift went" in gift
    assert "£21 of what you gave" in gift


@pytest.mark.parametrize(
    ("happening", "heading", "on_the_receipt"),
    [
        (lambda _: None, "Your patch is sewn", "25.00"),
        (
            lambda paid: settling.enter_refund(paid, "re_1", Money(2500), at=timezone.now()),
            "Your gift was given",
            "<dd>£0.00</dd>",
        ),
        (lambda paid: dispute(paid, "under_review", ("txn_1", -2500)), "looking into", "disputed"),
        (lambda paid: dispute(paid, "warning_needs_response"), "Your patch is sewn", "25.00"),
        (lambda paid: dispute(paid, "lost", ("txn_1", -2500)), "took this", "Taken back by the"),
        (
            lambda paid: dispute(paid, "won", ("txn_1", -2500), ("txn_2", 2500)),
            "Your patch is sewn",
            "Returned by the bank",
        ),
    ],
    ids=["paid", "refunded", "disputed", "inquiry", "lost", "won"],
)
def test_the_gifts_page_has_true_words_for_each_state(
    client: Client, paid: Payment, happening: Any, heading: str, on_the_receipt: str
) -> None:
    happening(paid)

    gift = client.get(paid.donation.get_absolute_url()).content.decode()

    assert heading in gift
    assert "Payment failed" not in gift
    assert "Gail" not in gift
    assert f"{paid.donation.get_absolute_url()}receipt/1/" in gift
    assert on_the_receipt in read(client, paid.donation)


def test_receipts_cost_the_same_few_queries_however_many_there_are(
    campaign: Campaign, django_assert_num_queries: Any
) -> None:
    donation = factories.make_plan(campaign).donation

    with django_assert_num_queries(3):
        assert len(receipts.receipts_of(donation)) == 1
    for number in range(2):
        factories.make_payment(donation, f"in_more_{number}")
    with django_assert_num_queries(3):
        assert len(receipts.receipts_of(donation)) == 3
