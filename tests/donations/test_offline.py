"""Gifts that came by hand: counted once, thanked for, and given back by hand."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.models import ADDITION, LogEntry
from django.utils import timezone

from alliance.accounts.models import User
from alliance.contacts.models import Contact
from alliance.core.money import Money
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from donations import books, queries, refunds
from donations.models import Donation, LedgerEntry, RefundRequest
from tests import factories

RECEIVED = timezone.now() - timedelta(days=2)


@pytest.fixture
def ada(db: None) -> User:
    return factories.make_admin()


def make_gift(campaign: Campaign, **fields: Any) -> refunds.OfflineGift:
    defaults: dict[str, Any] = {
        "nonce": uuid4(),
        "campaign": campaign,
        "amount": Money(5000),
        "method": Donation.Method.CASH,
        "email": "Carl@Example.org",
        "name": "Carl Cash",
        "display": Donation.Display.NAME,
        "received_at": RECEIVED,
    }
    return refunds.OfflineGift(**{**defaults, **fields})


def test_it_counts_and_is_thanked_for(campaign: Campaign, ada: User) -> None:
    donation = refunds.record_offline(make_gift(campaign), by=ada)

    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.amount, entry.entered_at) == ("offline", Money(5000), RECEIVED)
    assert queries.progress_of(campaign).raised == Money(5000)
    assert queries.progress_of(campaign).donors == 1
    assert Mail.objects.get().kind == "receipt"
    assert Donation.objects.with_state().get().state == "paid"
    assert queries.supporters_of(campaign) == [{"name": "Carl Cash", "amount": None}]
    assert books.breaches() == {}
    trail = LogEntry.objects.get()
    assert (trail.user, trail.object_id, trail.action_flag) == (ada, str(donation.pk), ADDITION)
    assert trail.change_message == "Recorded £50.00, received by cash."


def test_the_same_form_twice_is_one_gift(campaign: Campaign, ada: User) -> None:
    gift = make_gift(campaign)

    assert refunds.record_offline(gift, by=ada) == refunds.record_offline(gift, by=ada)

    assert Donation.objects.count() == LedgerEntry.objects.count() == 1
    assert Mail.objects.count() == LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    "other", [{"amount": Money(1)}, {"email": "other@example.org"}, {"name": "Else"}]
)
def test_the_same_form_with_other_words_changes_nothing(
    campaign: Campaign, ada: User, other: dict[str, Any]
) -> None:
    nonce: UUID = refunds.record_offline(make_gift(campaign), by=ada).form_nonce

    with pytest.raises(refunds.SaidOtherwise):
        refunds.record_offline(make_gift(campaign, nonce=nonce, **other), by=ada)

    assert Donation.objects.count() == LedgerEntry.objects.count() == Contact.objects.count() == 1


def test_it_is_given_back_by_hand_and_booked_once(campaign: Campaign, ada: User) -> None:
    payment = refunds.record_offline(make_gift(campaign), by=ada).payments.get()
    key = uuid4()
    wish: dict[str, Any] = {"reason": RefundRequest.Reason.ASKED, "note": "", "by": ada}

    for _ in range(2):
        request = refunds.refund(payment, amount=Money(2000), key=key, seen=Money(5000), **wish)

    assert request.refund_id == f"offline-{key}"
    assert LedgerEntry.objects.get(kind="refund").amount == Money(-2000)
    assert refunds.left_of(payment) == Money(3000)
    assert Mail.objects.filter(kind="refund").count() == 1
    assert books.breaches() == {}


def test_what_was_written_down_and_not_booked_is_booked_by_the_sweep(
    campaign: Campaign, ada: User
) -> None:
    payment = refunds.record_offline(make_gift(campaign), by=ada).payments.get()
    RefundRequest.objects.create(
        payment=payment,
        amount_minor=5000,
        reason="duplicate",
        by=ada,
        asked_at=timezone.now() - timedelta(minutes=5),
    )

    refunds.sweep_refunds(now=timezone.now())

    assert LedgerEntry.objects.get(kind="refund").amount == Money(-5000)
    assert books.breaches() == {}
