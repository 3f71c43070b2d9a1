"""The board of differences: what it shows, when it warns, and what is brought in from it."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from alliance.core.db import try_advisory_lock
from alliance.core.logs import Masked
from alliance.core.models import Heartbeat
from alliance.core.money import Money
from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import facts, gateway, reconciliation
from donations.models import BalanceEntry, LedgerEntry
from tests import factories
from tests.donations.test_reconciliation import Ledger, pay, plant_extra, settled

BOARD = "/admin/donations/ledgerentry/board/"
READ, BRING_IN = f"{BOARD}read/", f"{BOARD}bring-in/"


@pytest.fixture
def ada(client: Client, db: None) -> Client:
    factories.sign_in(client, factories.make_admin())
    return client


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def beat(**ago: float) -> None:
    beat_at = timezone.now() - timedelta(**ago)
    Heartbeat.objects.update_or_create(job="reconcile", defaults={"beat_at": beat_at})


def test_a_missing_an_extra_and_a_different_movement_are_seen_and_the_missing_brought_in(
    ada: Client, campaign: Campaign, standin: StandIn
) -> None:
    good = settled(campaign, standin, email="good@example.org")
    pay(campaign, standin, email="missing@example.org", amount=Money(1700))
    settled(campaign, standin, email="different@example.org", amount=Money(4000))
    plant_extra(good)

    board = ada.post(READ, follow=True)
    _, missing, different = standin.objects("balance_transaction")
    BalanceEntry.objects.filter(pk=different["id"]).update(amount_minor=3999)
    board = ada.get(BOARD)

    assert "3 differences" in text(board)
    rows = re.findall(
        r"<td><strong>(.*?)</strong>.*?<td class=\"money-id\" id=\".*?\">(.*?)</td>"
        r"<td>(.*?)</td><td>(.*?)</td>",
        text(board),
    )
    assert sorted(rows) == [
        ("different gift", different["id"], "£40.00", "£39.99"),
        ("extra refund", "re_made_up", "−£1.00", "–"),
        ("missing gift", missing["id"], "–", "£17.00"),
    ]
    assert text(board).count("Bring it in") == 1
    assert text(board).count("may be on its way") == 3

    done = ada.post(BRING_IN, {"id": missing["id"]}, follow=True)

    assert [str(m) for m in done.context["messages"]] == [
        f"{missing['id']} is resolved: it is in our ledger now."
    ]
    assert "2 differences" in text(done)
    assert LedgerEntry.objects.filter(kind="gift", amount_minor=1700).count() == 1
    assert [entry.change_message for entry in LogEntry.objects.order_by("pk")] == [
        "Read Stripe’s ledger.",
        "Had it brought into our ledger: it is there now.",
    ]
    again = ada.post(BRING_IN, {"id": missing["id"]}, follow=True)
    assert "somebody was quicker" in text(again)
    assert LogEntry.objects.count() == 2


def test_what_stays_missing_is_said_to(
    ada: Client, campaign: Campaign, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(campaign, standin)
    ada.post(READ)
    monkeypatch.setattr(gateway, "events_between", lambda *_: iter(()))
    monkeypatch.setattr(gateway, "news_of", lambda *_: [])

    shown = ada.post(BRING_IN, {"id": BalanceEntry.objects.get().pk}, follow=True)

    assert "is still missing" in text(shown)
    assert LedgerEntry.objects.count() == 0
    assert (
        "still missing" in LogEntry.objects.get(content_type__model="balanceentry").change_message
    )


def test_looking_changes_nothing(ada: Client, campaign: Campaign, standin: StandIn) -> None:
    pay(campaign, standin)
    beat(minutes=5)

    ada.get(BOARD)

    assert ada.get(READ).status_code == ada.get(BRING_IN).status_code == 405
    assert not BalanceEntry.objects.exists()
    assert not LedgerEntry.objects.exists()


def test_never_and_late_are_red_and_plain_on_the_board_and_on_the_first_page(
    ada: Client,
) -> None:
    assert "Never compared" in text(ada.get(BOARD))
    assert "never yet" in text(ada.get("/admin/"))

    beat(hours=2, minutes=5)
    assert "<strong>Late.</strong>" in text(ada.get(BOARD))
    assert "are not compared with Stripe’s" in text(ada.get("/admin/"))

    beat(hours=1)
    assert "errornote" not in text(ada.get(BOARD))
    assert "No differences" in text(ada.get(BOARD))
    assert "errornote" not in text(ada.get("/admin/"))
    assert BOARD in text(ada.get("/admin/"))
    assert BOARD in text(ada.get("/admin/donations/ledgerentry/"))


def test_what_is_younger_than_the_last_reading_is_not_called_extra(
    ada: Client, campaign: Campaign
) -> None:
    factories.make_plan(campaign)
    beat(minutes=30)

    assert "No differences" in text(ada.get(BOARD))


def test_a_reading_that_fails_says_so_logs_it_and_leaves_the_date(
    ada: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> Iterator[facts.BalanceEntry]:
        raise gateway.Unavailable("no line to gail@example.org")

    beat(hours=3)
    before = Heartbeat.objects.get().beat_at
    monkeypatch.setattr(gateway, "balance_between", fail)

    shown = ada.post(READ, follow=True)

    assert "could not be read" in text(shown)
    assert "<strong>Late.</strong>" in text(shown)
    assert Heartbeat.objects.get().beat_at == before
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert "gail" not in Masked().format(record)
    assert not LogEntry.objects.exists()


def test_a_failure_while_bringing_in_says_so(
    ada: Client, campaign: Campaign, standin: StandIn, caplog: pytest.LogCaptureFixture
) -> None:
    pay(campaign, standin)
    ada.post(READ)
    standin.faults.set("server_error", probability=1)

    shown = ada.post(BRING_IN, {"id": BalanceEntry.objects.get().pk}, follow=True)

    assert "is still missing" in text(shown)
    assert LedgerEntry.objects.count() == 0
    assert any(r.levelno >= logging.ERROR for r in caplog.records)
    assert "did not answer" in LogEntry.objects.order_by("-pk")[0].change_message


@pytest.mark.django_db(transaction=True)
def test_while_the_job_reads_nobody_reads_beside_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger()
    monkeypatch.setattr(gateway, "balance_between", ledger)
    monkeypatch.setattr(reconciliation, "try_advisory_lock", _taken)
    factories.sign_in(client, factories.make_admin())

    assert "being read just now" in text(client.post(READ, follow=True))

    assert ledger.asked == []
    assert not Heartbeat.objects.exists()


def _taken(name: str) -> Any:
    """Answer as the lock does to a second one: this connection would be let in again."""

    @contextmanager
    def lock() -> Iterator[bool]:
        with try_advisory_lock(name):
            yield False

    return lock()


def test_an_unknown_movement_is_not_found(ada: Client) -> None:
    assert ada.post(BRING_IN, {"id": "txn_none"}).status_code == 404
    assert ada.post(BRING_IN).status_code == 404


@pytest.mark.parametrize(
    ("may", "statuses"),
    [
        ([], (403, 403, 403)),
        (["view_donation", "add_ledgerentry"], (403, 403, 403)),
        (["view_ledgerentry", "change_ledgerentry"], (200, 403, 403)),
        (["view_ledgerentry", "add_ledgerentry"], (200, 303, 303)),
    ],
)
def test_who_may_look_and_who_may_bring_in(
    client: Client,
    campaign: Campaign,
    standin: StandIn,
    may: list[str],
    statuses: tuple[int, int, int],
) -> None:
    pay(campaign, standin)
    reconciliation.read(now=timezone.now())
    entry = BalanceEntry.objects.get()
    staff = factories.make_admin(is_superuser=False)
    staff.user_permissions.set(Permission.objects.filter(codename__in=may))
    factories.sign_in(client, staff)

    board = client.get(BOARD)
    answers = (board, client.post(READ), client.post(BRING_IN, {"id": entry.pk}))

    assert tuple(answer.status_code for answer in answers) == statuses
    assert ("Bring it in" in text(board)) == (statuses[1] == 303)
    assert LedgerEntry.objects.filter(kind="gift").exists() == (statuses[1] == 303)
    assert LogEntry.objects.exists() == (statuses[1] == 303)
    assert (BOARD in text(client.get("/admin/"))) == ("view_ledgerentry" in may)


def test_what_came_stands_beside_its_fees_and_what_is_left(
    ada: Client, campaign: Campaign, standin: StandIn
) -> None:
    settled(campaign, standin, email="gail@example.org", amount=Money(2500))
    (movement,) = standin.objects("balance_transaction")

    before = text(ada.get(BOARD))
    after = text(ada.post(READ, follow=True))

    fee, net = Money(-movement["fee"]), Money(movement["net"])
    assert "<td>£25.00</td><td>£0.00</td><td>£25.00</td>" in before
    assert f"<td>£25.00</td><td>{fee.exact}</td><td>{net.exact}</td>" in after
