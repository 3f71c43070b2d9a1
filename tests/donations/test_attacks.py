"""Attacks on giving by one hand: what the review tried, and what held."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alliance.core.models import Heartbeat
from alliance.core.money import Money
from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import books, facts, gateway, inbox, services
from donations.models import Donation, LedgerEntry, StripeEvent
from tests import factories


class Killed(BaseException):
    """The process ends here: nothing after this line is run, and nothing may catch it."""


def signed_event(number: int, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"evt_odd_{number}",
        "object": "event",
        "type": kind,
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": data},
    }


@pytest.mark.parametrize("is_told", [False, True])
def test_a_web_process_killed_around_the_answer_of_stripe_leaves_one_page_and_one_gift(
    campaign: Campaign, standin: StandIn, monkeypatch: pytest.MonkeyPatch, is_told: bool
) -> None:
    pledge = factories.make_pledge()
    create = gateway.create_session

    def killed_after_asking(order: gateway.Order) -> facts.Session:
        create(order)
        raise Killed

    def killed_before_remembering(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if is_told:
            patch.setattr(services, "_remember", killed_before_remembering)
        else:
            patch.setattr(gateway, "create_session", killed_after_asking)
        with pytest.raises(Killed):
            services.start_checkout(campaign=campaign, pledge=pledge, now=timezone.now())

    page = services.start_checkout(campaign=campaign, pledge=pledge, now=timezone.now())

    assert [s["url"] for s in standin.objects("checkout.session")] == [page]
    standin.pay(str(Donation.objects.get().session_id))
    inbox.pull(now=timezone.now())
    inbox.process_due(now=timezone.now())
    assert LedgerEntry.objects.count() == 1
    assert books.breaches() == {}


def test_a_page_whose_closing_was_not_confirmed_is_closed_before_another_opens(
    campaign: Campaign, standin: StandIn
) -> None:
    pledge = factories.make_pledge()
    services.start_checkout(campaign=campaign, pledge=pledge, now=timezone.now())
    changed = factories.make_pledge(nonce=pledge.nonce, amount=Money(700))
    closing = "POST /v1/checkout/sessions/"
    standin.faults.set("hang_up_after", next=9, seconds=0, only=closing)

    with pytest.raises(gateway.Unavailable):
        services.start_checkout(campaign=campaign, pledge=changed, now=timezone.now())
    assert len(standin.objects("checkout.session")) == 1
    standin.faults.clear()
    services.start_checkout(campaign=campaign, pledge=changed, now=timezone.now())

    pages = [(s["status"], s["amount_total"]) for s in standin.objects("checkout.session")]
    assert pages == [("expired", 2500), ("open", 700)]


def test_after_four_days_without_a_worker_the_pull_looks_back_to_the_last_one_that_ended_well(
    campaign: Campaign, standin: StandIn
) -> None:
    Heartbeat.objects.create(job="pull_events", beat_at=timezone.now())
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    now = timezone.now() + timedelta(days=4)

    inbox.pull(now=now)
    inbox.process_due(now=now)

    assert LedgerEntry.objects.count() == 1


def test_odd_objects_of_another_shop_on_the_account_hold_up_no_gift(
    campaign: Campaign, standin: StandIn, deliver: Callable[..., list[int]]
) -> None:
    session: dict[str, Any] = {
        "object": "checkout.session",
        "id": "cs_odd",
        "status": "complete",
        "payment_status": "paid",
        "amount_total": 1,
        "currency": "gbp",
    }
    odd = [
        {**session, "status": None},
        {**session, "mode": "setup", "amount_total": None, "currency": None},
        {**session, "client_reference_id": "a\x00b", "metadata": {"attempt": "9" * 30}},
        {**session, "client_reference_id": "x" * 200, "metadata": None},
    ]
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    (paid,) = standin.events("checkout.session.completed")

    for number, data in enumerate(odd):
        assert deliver(signed_event(number, "checkout.session.completed", data)) == [200]
    assert deliver(paid) == [200]
    inbox.process_due(now=timezone.now())

    assert LedgerEntry.objects.count() == 1
    assert StripeEvent.objects.get(pk=paid["id"]).state == StripeEvent.State.PROCESSED
    odd_ones = StripeEvent.objects.filter(pk__startswith="evt_odd_")
    assert not odd_ones.filter(state=StripeEvent.State.PROCESSED).exists()


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"a=1&" * 2000, "application/x-www-form-urlencoded"),
        (b"a" * 600_000, "application/x-www-form-urlencoded"),
        (b"a=1", "application/x-www-form-urlencoded; charset=utf-7"),
        (
            b"name=%ED%A0%80&nonce=%FF&amount=2500%00&email=%00",
            "application/x-www-form-urlencoded",
        ),
        (b"a", "multipart/form-data"),
        (b"a", f"multipart/form-data; boundary={'x' * 300}"),
        (
            b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n!!!!\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
        (b"{}", "application/json"),
    ],
)
def test_a_body_that_no_browser_sends_is_refused_without_a_fault_of_ours(
    client: Client, campaign: Campaign, data: bytes, content_type: str
) -> None:
    client.raise_request_exception = False

    for address in (f"/c/{campaign.slug}/give/", "/stripe/webhook/"):
        answer = client.post(address, data=data, content_type=content_type)
        assert 400 <= answer.status_code < 500, address

    assert not Donation.objects.exists()
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "elsewhere.example"},
        {"Host": "a b"},
        {"Cookie": "csrf=\x01;session=\xff;messages=made-up"},
        {"If-None-Match": '"' * 9000},
        {"Stripe-Signature": f"t={'9' * 6000},v1=a"},
        {"Stripe-Signature": "t=1,v1=\xff"},
        {"Origin": "null", "Referer": "\xff"},
        {"X-Forwarded-Host": "elsewhere.example", "X-Forwarded-Proto": "https"},
    ],
)
def test_a_header_that_lies_is_no_fault_of_ours_and_reaches_no_page(
    client: Client, campaign: Campaign, headers: dict[str, str]
) -> None:
    client.raise_request_exception = False
    page, form = f"/c/{campaign.slug}/", f"/c/{campaign.slug}/give/"

    answers = [
        *(client.get(address, headers=headers) for address in ("/", page, form)),
        client.post("/stripe/webhook/", headers=headers),
    ]

    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []
    assert not any(b"elsewhere.example" in answer.content for answer in answers)
