"""The journal of events tells the whole ledger again, and finds what is not in it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from alliance.core.money import Money
from alliance.local.standin import StandIn
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from donations import books, inbox, ledger, queries, replay
from donations.models import Donation, Kind, LedgerEntry, Payment, StripeEvent
from tests import factories

SOON = timedelta(minutes=5)


@pytest.fixture
def gift(campaign: Campaign, standin: StandIn, deliver: Callable[..., list[int]]) -> Donation:
    """A gift of £25, of which £10 went back; told backwards."""
    donation = factories.start_donation(campaign)
    intent = standin.pay(str(donation.session_id))
    standin.refund(payment_intent=intent["id"], amount=1000)
    deliver(*reversed(standin.events()))
    inbox.process_due(now=timezone.now())
    inbox.adopt(now=timezone.now())
    inbox.process_due(now=timezone.now())
    return donation


def check() -> list[Any]:
    return replay.check(until=timezone.now() + SOON)


def state_of_all() -> list[Any]:
    """Everything that a rebuild might disturb."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (Donation, Payment, LedgerEntry, StripeEvent, Mail)
    ]


def test_a_refund_that_comes_before_its_gift_is_counted_when_the_gift_is(
    gift: Donation, campaign: Campaign
) -> None:
    assert [e.amount for e in LedgerEntry.objects.order_by("pk")] == [Money(2500), Money(-1000)]
    assert queries.progress_of(campaign).raised == Money(1500)
    assert Donation.objects.with_state().get().state == "partly_refunded"
    assert sorted(mail.kind for mail in Mail.objects.all()) == ["receipt", "refund"]
    assert books.breaches() == {}


def test_the_ledger_rebuilt_beside_the_real_one_is_the_same_and_disturbs_nothing(
    gift: Donation,
) -> None:
    before = state_of_all()

    assert check() == []
    call_command("replay_events", "--check")

    assert state_of_all() == before
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert "replay" not in cursor.fetchone()[0]


def test_a_rebuild_finds_what_is_missing_extra_and_different(
    gift: Donation, campaign: Campaign
) -> None:
    payment = Payment.objects.get()
    # By a hand at the database's console, past the triggers.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM donations_ledgerentry WHERE kind = 'refund'")
        cursor.execute("UPDATE donations_ledgerentry SET amount_minor = 2600")
        cursor.execute("SET LOCAL session_replication_role = origin")
    ledger.enter([ledger.Entry(payment, Kind.REFUND, "re_none", -5, timezone.now())])

    found = check()

    refund = StripeEvent.objects.filter(type="refund.created").get()
    assert {(kind, ours, rebuilt) for kind, _, ours, rebuilt in found} == {
        ("gift", 2600, 2500),
        ("refund", None, -1000),
        ("refund", -5, None),
    }
    assert any(stripe_id in refund.payload for _, stripe_id, ours, _ in found if ours is None)


def test_the_command_says_so_and_exits_with_1_where_they_differ(
    gift: Donation, capsys: pytest.CaptureFixture[str]
) -> None:
    StripeEvent.objects.update(created_at=timezone.now() - timedelta(hours=2))
    StripeEvent.objects.filter(type__startswith="refund").update(payload="{}")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE donations_ledgerentry SET entered_at = now() - interval '1 hour'")
        cursor.execute("SET LOCAL session_replication_role = origin")

    with pytest.raises(SystemExit) as exit_code:
        call_command("replay_events", "--check")

    assert exit_code.value.code == 1
    assert "in the books -1000, by the events None" in capsys.readouterr().out


def test_to_replay_adds_what_is_missing_and_counts_nothing_twice(
    gift: Donation, campaign: Campaign
) -> None:
    # As after a restore to the moment before the refund: its event was fetched again.
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM donations_ledgerentry WHERE kind = 'refund'")
        cursor.execute(
            "UPDATE donations_totalslot SET raised_minor = raised_minor + 1000"
            " WHERE id = (SELECT max(id) FROM donations_totalslot)"
        )
        cursor.execute("UPDATE donations_donor SET given_minor = 2500")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert queries.progress_of(campaign).raised == Money(2500)

    call_command("replay_events")

    assert queries.progress_of(campaign).raised == Money(1500)
    assert LedgerEntry.objects.count() == 2
    assert check() == []
