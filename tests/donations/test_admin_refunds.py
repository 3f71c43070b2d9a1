"""Giving back in Django admin: read over, confirmed once, and told as it is."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from alliance.core.money import Money
from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import refunds, services
from donations.models import Donation, LedgerEntry, Payment, RefundRequest
from tests import factories
from tests.donations.test_offline import make_gift

HIDDEN = re.compile(r'<input type="hidden" name="(amount|reason|note|key|seen)" value="([^"]*)">')


@pytest.fixture
def ada(client: Client, db: None) -> Client:
    factories.sign_in(client, factories.make_admin())
    return client


@pytest.fixture
def payment(campaign: Campaign, standin: StandIn) -> Payment:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    services.ask_stripe(donation, now=timezone.now())
    return donation.payments.get()


def address(payment: Payment) -> str:
    return f"/admin/donations/donation/{payment.donation_id}/refund/{payment.pk}/"


def read_over(client: Client, payment: Payment, amount: str = "10") -> dict[str, str]:
    """Send the first form, and return what the page to confirm would send."""
    page = client.post(
        address(payment), {"amount": amount, "reason": "duplicate", "note": "by telephone"}
    )
    assert page.status_code == 200
    return dict(HIDDEN.findall(page.content.decode()))


def told(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def nothing_happened(standin: StandIn) -> bool:
    return (
        standin.objects("refund") == []
        and not RefundRequest.objects.exists()
        and not LogEntry.objects.exists()
        and LedgerEntry.objects.count() == 1
    )


def test_before_it_happens_one_reads_how_much_to_whom_from_what_and_what_stays(
    ada: Client, payment: Payment, standin: StandIn
) -> None:
    first = ada.get(address(payment)).content.decode()
    page = ada.post(address(payment), {"amount": "£10", "reason": "duplicate", "note": ""})

    shown = page.content.decode()
    for words in ["£10.00", "Gail Guest, gail@example.org", str(payment.donation.campaign)]:
        assert words in shown
    assert "£15.00 of this payment" in shown
    assert 'value="25.00"' in first
    assert nothing_happened(standin)


def test_confirmed_it_is_done_and_stands_in_the_gifts_history(
    ada: Client, payment: Payment, standin: StandIn
) -> None:
    response = ada.post(address(payment), read_over(ada, payment), follow=True)

    assert "£10.00 has been given back" in told(response)
    assert response.redirect_chain[0][1] == 303
    (made,) = standin.objects("refund")
    assert (made["amount"], made["reason"]) == (1000, "duplicate")
    history = ada.get(f"/admin/donations/donation/{payment.donation_id}/history/")
    assert "£10.00 of £25.00" in history.content.decode()
    assert "by telephone" in history.content.decode()
    trail = ada.get("/admin/admin/logentry/").content.decode()
    assert "Audit trail" in trail
    assert "by telephone" in trail


def test_pressed_twice_it_is_one_refund_though_the_whole_went_back(
    ada: Client, payment: Payment, standin: StandIn
) -> None:
    confirmed = read_over(ada, payment, "25")

    for _ in range(2):
        response = ada.post(address(payment), confirmed, follow=True)
        assert "has been given back" in told(response)

    assert len(standin.objects("refund")) == 1
    assert LogEntry.objects.count() == 1


def test_two_of_us_at_a_time_make_one_refund_and_the_second_is_told_what_is_left(
    ada: Client, payment: Payment, standin: StandIn
) -> None:
    other = Client()
    factories.sign_in(other, factories.make_admin())
    mine, theirs = read_over(ada, payment), read_over(other, payment)
    ada.post(address(payment), mine)

    refused = other.post(address(payment), theirs)

    assert refused.status_code == 422
    assert "£15.00 is left of this payment" in refused.content.decode()
    assert 'name="key"' not in refused.content.decode()
    assert len(standin.objects("refund")) == RefundRequest.objects.count() == 1
    # Read over once more it goes through.
    other.post(address(payment), read_over(other, payment))
    assert len(standin.objects("refund")) == 2


def test_the_same_confirmation_with_another_amount_gives_back_nothing_more(
    ada: Client, payment: Payment, standin: StandIn
) -> None:
    confirmed = read_over(ada, payment)
    ada.post(address(payment), confirmed)

    refused = ada.post(address(payment), {**confirmed, "amount": "5"})

    assert refused.status_code == 422
    assert "sent before" in refused.content.decode()
    assert len(standin.objects("refund")) == RefundRequest.objects.count() == 1


@pytest.mark.parametrize("amount", ["25.01", "0", "-1", "ten", "", "1.001", "9" * 25])
def test_an_amount_that_cannot_be_is_refused_in_words(
    ada: Client, payment: Payment, standin: StandIn, amount: str
) -> None:
    refused = ada.post(address(payment), {"amount": amount, "reason": "duplicate"})

    assert refused.status_code == 422
    assert "errorlist" in refused.content.decode()
    assert nothing_happened(standin)


@pytest.mark.parametrize("broken", [{"key": "x"}, {"seen": "x"}, {"reason": "x"}, {"key": ""}])
def test_a_confirmation_that_was_tampered_with_does_nothing(
    ada: Client, payment: Payment, standin: StandIn, broken: dict[str, str]
) -> None:
    ada.post(address(payment), {**read_over(ada, payment), **broken})

    assert nothing_happened(standin)


def test_pence_can_go_back_that_no_card_could_be_charged_with(
    ada: Client, payment: Payment, standin: StandIn
) -> None:
    ada.post(address(payment), read_over(ada, payment, "0.05"))

    assert standin.objects("refund")[0]["amount"] == 5


def test_stripes_no_is_told_with_its_reason(
    ada: Client, payment: Payment, standin: StandIn
) -> None:
    confirmed = read_over(ada, payment)
    standin.dispute(payment.stripe_id)

    response = ada.post(address(payment), confirmed, follow=True)

    assert "Stripe said no, and nothing was given back" in told(response)
    assert RefundRequest.objects.get().refused in told(response)
    assert LedgerEntry.objects.count() == 1
    assert standin.objects("refund") == []


def test_no_answer_is_told_as_no_answer(ada: Client, payment: Payment, standin: StandIn) -> None:
    standin.faults.set("hang_up_before", next=2, seconds=0, only="POST /v1/refunds")

    response = ada.post(address(payment), read_over(ada, payment), follow=True)

    assert "has not answered" in told(response)
    assert "no answer yet" in response.content.decode()
    assert LedgerEntry.objects.count() == 1


def test_a_gift_by_hand_is_given_back_by_hand(ada: Client, campaign: Campaign) -> None:
    user = factories.make_admin()
    payment = refunds.record_offline(make_gift(campaign), by=user).payments.get()

    page = ada.post(address(payment), {"amount": "50", "reason": "duplicate"}).content.decode()
    response = ada.post(address(payment), dict(HIDDEN.findall(page)), follow=True)

    assert "by your own hand" in page
    assert "£50.00 has been given back" in told(response)
    assert LedgerEntry.objects.get(kind="refund").amount == Money(-5000)
    nothing_left = ada.get(address(payment)).content.decode()
    assert "Nothing is left" in nothing_left
    assert "<form method" not in nothing_left.split("content-main")[1]


@pytest.mark.parametrize(
    "may", [[], ["view_donation"], ["add_refundrequest"], ["view_refundrequest"]]
)
def test_who_may_not_gives_nothing_back(
    client: Client, payment: Payment, standin: StandIn, may: list[str]
) -> None:
    boss = Client()
    factories.sign_in(boss, factories.make_admin())
    confirmed = read_over(boss, payment)
    staff = factories.make_admin(is_superuser=False)
    staff.user_permissions.set(Permission.objects.filter(codename__in=may))
    factories.sign_in(client, staff)

    assert client.get(address(payment)).status_code == 403
    assert client.post(address(payment), confirmed).status_code == 403
    if may == ["view_donation"]:
        shown = client.get(f"/admin/donations/donation/{payment.donation_id}/change/")
        assert "Give back" not in shown.content.decode()
    assert nothing_happened(standin)


def test_who_may_look_and_give_back_does(
    client: Client, payment: Payment, standin: StandIn
) -> None:
    staff = factories.make_admin(is_superuser=False)
    may = Permission.objects.filter(codename__in=["view_donation", "add_refundrequest"])
    staff.user_permissions.set(may)
    factories.sign_in(client, staff)

    client.post(address(payment), read_over(client, payment))

    assert len(standin.objects("refund")) == 1
    assert RefundRequest.objects.get().by == staff


def test_a_payment_of_another_gift_is_not_found(
    ada: Client, payment: Payment, campaign: Campaign, standin: StandIn
) -> None:
    other = factories.start_donation(campaign, email="b@example.org")

    wrong = f"/admin/donations/donation/{other.pk}/refund/{payment.pk}/"

    assert ada.get(wrong).status_code == ada.post(wrong, {}).status_code == 404
    assert Donation.objects.count() == 2
    assert nothing_happened(standin)
