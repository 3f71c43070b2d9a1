"""What the days brought, by link and by how often: the ledger's own sums, whatever happens."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from alliance.core.money import Money
from alliance.local.standin import StandIn
from campaigns.models import Campaign, Link
from donations import books, ledger, refunds, replay, settling
from donations.models import Donation, Kind, Payment, Plan, PlanTally, Tally, TotalSlot
from tests import factories
from tests.donations.conftest import Tell
from tests.donations.test_offline import make_gift

RULE = "what the days brought, by link, is the sum of the ledger"
PROMISED = "what is promised every month is the sum of the plans that will be paid"

Sums = dict[tuple[date, str | None, bool], tuple[int, int, int]]


@pytest.fixture
def poster(campaign: Campaign) -> Link:
    return Link.objects.create(campaign=campaign, code="poster", label="Poster")


def tallies() -> Sums:
    """Return raised, gone back and gifts of each day, link and rhythm."""
    rows = Tally.objects.values("day", "link__code", "is_monthly").annotate(
        raised=Sum("raised_minor"), back=Sum("refunded_minor"), number=Sum("gifts")
    )
    return {
        (row["day"], row["link__code"], row["is_monthly"]): (
            row["raised"],
            row["back"],
            row["number"],
        )
        for row in rows
    }


def pay(donation: Donation, stripe_id: str, at: datetime) -> Payment:
    settling.settle({stripe_id: (donation, donation.amount, at)})
    return Payment.objects.select_related("donation__contact").get(stripe_id=stripe_id)


def is_right() -> bool:
    """Say whether no rule about tallies is broken; that rule is the ledger's own sum."""
    return not {RULE, PROMISED} & books.breaches().keys()


@pytest.mark.parametrize(
    ("at", "day"),
    [
        # Summer: London is an hour ahead of Greenwich.
        (datetime(2026, 7, 14, 22, 59, tzinfo=UTC), date(2026, 7, 14)),
        (datetime(2026, 7, 14, 23, 30, tzinfo=UTC), date(2026, 7, 15)),
        # Winter: it is not.
        (datetime(2026, 1, 14, 23, 30, tzinfo=UTC), date(2026, 1, 14)),
        # The night in which the clocks go forward, and the one in which they go back.
        (datetime(2026, 3, 29, 23, 30, tzinfo=UTC), date(2026, 3, 30)),
        (datetime(2026, 10, 25, 23, 30, tzinfo=UTC), date(2026, 10, 25)),
    ],
)
def test_a_gift_is_of_the_day_it_is_in_london(campaign: Campaign, at: datetime, day: date) -> None:
    pay(factories.make_donation(campaign), "pi_1", at)

    assert tallies() == {(day, None, False): (2500, 0, 1)}
    assert is_right()


def test_a_whole_history_is_told_by_day_link_and_rhythm(campaign: Campaign, poster: Link) -> None:
    monday, tuesday, friday = (datetime(2026, 6, day, 12, tzinfo=UTC) for day in (1, 2, 5))
    once = pay(factories.make_donation(campaign, link=poster), "pi_1", monday)
    pay(factories.make_donation(campaign), "pi_2", monday)
    monthly = factories.make_donation(campaign, link=poster, frequency="monthly")
    first, second = pay(monthly, "in_1", monday), pay(monthly, "in_2", tuesday)

    settling.enter_refund(once, "re_1", Money(1000), at=tuesday)
    settling.enter_refund(once, "re_2", Money(500), at=tuesday, has_failed=True)
    ledger.enter([ledger.Entry(first, Kind.DISPUTE, "txn_1", -2500, tuesday)])
    ledger.enter([ledger.Entry(first, Kind.DISPUTE_WON, "txn_2", 2500, friday)])
    # Fees are no part of what people gave.
    ledger.enter([ledger.Entry(second, Kind.FEE, "txn_3", -55, friday)])

    assert tallies() == {
        (monday.date(), "poster", False): (2500, 0, 1),
        (monday.date(), None, False): (2500, 0, 1),
        (monday.date(), "poster", True): (2500, 0, 1),
        (tuesday.date(), "poster", False): (-1000, 1000, 0),
        # The second month's payment, less the dispute of that day.
        (tuesday.date(), "poster", True): (0, 2500, 1),
        (friday.date(), "poster", True): (2500, -2500, 0),
    }
    assert is_right()


def test_a_gift_by_hand_is_of_the_day_it_was_received(campaign: Campaign) -> None:
    received_at = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)
    refunds.record_offline(make_gift(campaign, received_at=received_at), by=factories.make_admin())

    assert tallies() == {(date(2026, 6, 2), None, False): (5000, 0, 1)}
    assert is_right()


def test_told_twice_it_is_counted_once(
    campaign: Campaign, standin: StandIn, tell: Tell, deliver: Callable[..., list[int]]
) -> None:
    donation = factories.start_donation(campaign)
    intent = standin.pay(str(donation.session_id))
    standin.refund(payment_intent=intent["id"], amount=1000)
    tell()
    before = list(Tally.objects.order_by("pk").values())

    deliver(*standin.events(), *reversed(standin.events()))
    tell()
    call_command("replay_events")

    assert list(Tally.objects.order_by("pk").values()) == before
    assert sum(tally.raised_minor for tally in Tally.objects.all()) == 1500
    assert is_right()


def test_a_rebuild_beside_the_real_books_leaves_the_tallies_alone(
    campaign: Campaign, standin: StandIn, tell: Tell
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    tell()
    seen = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if "INSERT INTO donations_tally" in sql:
            with connection.connection.cursor() as cursor:
                cursor.execute("SELECT sum(raised_minor) FROM public.donations_tally")
                seen.append(cursor.fetchone()[0])
        return answer

    with connection.execute_wrapper(watch):
        assert replay.check(until=timezone.now()) == []

    # Not moved, and so not locked, in all the time that a rebuild takes.
    assert seen == [2500]


def test_a_busy_day_is_spread_over_slots(campaign: Campaign) -> None:
    at = timezone.now()
    for number in range(40):
        pay(factories.make_donation(campaign), f"pi_{number}", at)

    rows = list(Tally.objects.all())
    assert 4 < len(rows) <= TotalSlot.SLOTS
    assert sum(row.gifts for row in rows) == 40
    assert is_right()


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE donations_tally SET raised_minor = raised_minor + 1",
        "UPDATE donations_tally SET day = day + 1",
        "UPDATE donations_tally SET gifts = gifts + 1",
        "UPDATE donations_tally SET refunded_minor = 1",
        "UPDATE donations_tally SET link_id = NULL",
        "UPDATE donations_tally SET is_monthly = true",
        "DELETE FROM donations_tally",
    ],
)
def test_a_tally_that_somebody_tampered_with_is_found(
    campaign: Campaign, poster: Link, tampering: str
) -> None:
    pay(factories.make_donation(campaign, link=poster), "pi_1", timezone.now())
    assert is_right()

    with connection.cursor() as cursor:
        cursor.execute(tampering)

    assert RULE in books.breaches()


@pytest.fixture
def promised(campaign: Campaign) -> Callable[[], tuple[int, int]]:
    def sums() -> tuple[int, int]:
        found = PlanTally.objects.filter(campaign=campaign).aggregate(
            plans=Sum("plans"), minor=Sum("promised_minor")
        )
        return found["plans"] or 0, found["minor"] or 0

    return sums


def test_what_is_promised_every_month_follows_each_plan(
    campaign: Campaign, promised: Callable[[], tuple[int, int]]
) -> None:
    plan, other = factories.make_plan(campaign), factories.make_plan(campaign, amount_minor=700)
    factories.make_plan(factories.make_campaign())
    assert promised() == (2, 3200)

    steps: list[tuple[dict[str, Any], tuple[int, int]]] = [
        ({"amount_minor": 1000}, (2, 1700)),
        ({"is_paused": True}, (1, 700)),
        ({"is_paused": False, "status": "past_due"}, (2, 1700)),
        ({"will_end": True}, (1, 700)),
        ({"will_end": False, "status": "canceled"}, (1, 700)),
        ({"card_last4": "1881"}, (1, 700)),
    ]
    for fields, expected in steps:
        Plan.objects.filter(pk=plan.pk).update(**fields)
        assert promised() == expected, fields
        assert is_right()
    other.delete()
    assert promised() == (0, 0)
    assert is_right()


def test_a_wrong_promise_is_found(campaign: Campaign) -> None:
    factories.make_plan(campaign)

    PlanTally.objects.update(promised_minor=1)

    assert PROMISED in books.breaches()
