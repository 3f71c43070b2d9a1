"""The ledger: the database itself refuses what must not be."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from alliance.contacts.services import contact_for
from alliance.core.money import Money
from campaigns.models import Campaign
from donations import books, facts, settling
from donations.models import Donation, LedgerEntry, Payment, TotalSlot
from tests import factories


def make_payment(campaign: Campaign, intent: str = "pi_1", minor: int = 2500) -> Payment:
    donation = Donation.objects.create(
        campaign=campaign,
        contact=contact_for("gail@example.org"),
        name="Gail",
        amount_minor=minor,
        currency="gbp",
        session_expires_at=timezone.now(),
    )
    return Payment.objects.create(
        donation=donation,
        stripe_id=intent,
        amount_minor=minor,
        currency="gbp",
        paid_at=timezone.now(),
    )


def move(kind: str, stripe_id: str, minor: int) -> str:
    """Return a statement that enters something behind the counting statement's back."""
    columns = "payment_id, campaign_id, kind, stripe_id, amount_minor, currency, entered_at"
    moved = f"payment_id, campaign_id, '{kind}', '{stripe_id}', {minor}, currency, entered_at"
    return (
        f"INSERT INTO donations_ledgerentry ({columns}) SELECT {moved} FROM donations_ledgerentry"  # noqa: S608 (made up here)
    )


def test_entering_a_gift_twice_counts_it_once(campaign: Campaign) -> None:
    payment = make_payment(campaign)

    assert factories.enter_gift(payment) is True
    assert factories.enter_gift(payment) is False

    assert LedgerEntry.objects.count() == 1
    slot = TotalSlot.objects.get()
    assert (slot.raised_minor, slot.gifts, slot.donors) == (2500, 1, 1)


def test_many_gifts_spread_over_the_slots_and_one_donor_stays_one(campaign: Campaign) -> None:
    for number in range(40):
        factories.enter_gift(make_payment(campaign, f"pi_{number}"))

    slots = list(TotalSlot.objects.all())
    assert len(slots) > 4
    assert sum(slot.raised_minor for slot in slots) == 40 * 2500
    assert sum(slot.donors for slot in slots) == 1
    assert books.INVARIANTS.keys() - books.breaches().keys() >= {
        "the shown total is the sum of the ledger",
        "the shown number of donors is the number of people whose money is there",
    }


def test_the_currency_stays_once_somebody_gave_in_it(campaign: Campaign) -> None:
    campaign.currency = "eur"
    campaign.save()
    make_payment(campaign)
    campaign.currency = "usd"

    with pytest.raises(DatabaseError, match="stays once somebody gave"), transaction.atomic():
        campaign.save()


def truncate() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("TRUNCATE donations_ledgerentry CASCADE")


@pytest.mark.parametrize(
    "change",
    [
        lambda: LedgerEntry.objects.update(amount_minor=1),
        lambda: LedgerEntry.objects.all().delete(),
        lambda: Payment.objects.update(amount_minor=1),
        truncate,
    ],
    ids=["update", "delete", "update payment", "truncate"],
)
def test_an_entry_can_be_neither_changed_nor_removed(
    campaign: Campaign, change: Callable[[], Any]
) -> None:
    factories.enter_gift(make_payment(campaign))

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        change()

    assert [entry.amount_minor for entry in LedgerEntry.objects.all()] == [2500]


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"kind": "gift", "stripe_id": "pi_2", "amount_minor": -1}, "entry_sign_is_its_kinds"),
        ({"kind": "gift", "stripe_id": "pi_2", "amount_minor": 0}, "entry_sign_is_its_kinds"),
        ({"kind": "bonus", "stripe_id": "x", "amount_minor": 5}, "entry_sign_is_its_kinds"),
        ({"kind": "gift", "stripe_id": "pi_2", "amount_minor": 5}, "entry_one_gift_a_payment"),
        ({"kind": "gift", "stripe_id": "pi_1", "amount_minor": 5}, "entry_once"),
    ],
)
def test_the_database_refuses_entries_that_cannot_be(
    campaign: Campaign, fields: dict[str, Any], constraint: str
) -> None:
    payment = make_payment(campaign)
    factories.enter_gift(payment)
    entered_at: datetime = timezone.now()
    # Against another payment where the rule is about the id alone.
    target = make_payment(campaign, "pi_9") if constraint == "entry_once" else payment

    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        LedgerEntry.objects.create(
            payment=target, campaign=campaign, currency="gbp", entered_at=entered_at, **fields
        )

    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (
            "UPDATE donations_totalslot SET raised_minor = raised_minor + 1",
            "the shown total is the sum of the ledger",
        ),
        ("DELETE FROM donations_totalslot", "the shown total is the sum of the ledger"),
        (
            "UPDATE donations_totalslot SET donors = donors + 1",
            "the shown number of donors is the number of people whose money is there",
        ),
        (
            "UPDATE donations_payment SET amount_minor = 1",
            "every payment is one gift in the ledger, of the same amount",
        ),
        (
            "UPDATE campaigns_campaign SET currency = 'eur'",
            "every entry is booked on its donation's campaign, in its currency",
        ),
        ("DELETE FROM outbox_mail", "every payment has its receipt in the outbox"),
        (
            "UPDATE outbox_mail SET created_at = now() - interval '25 hours'",
            "no receipt waits for more than a day, or is in doubt",
        ),
        (
            "UPDATE outbox_mail SET state = 'unknown'",
            "no receipt waits for more than a day, or is in doubt",
        ),
        (
            """INSERT INTO donations_stripeevent (id, type, created_at, received_at, payload,
                state, attempts, next_try_at, error, waits_for)
            VALUES ('evt', 't', now(), now() - interval '11 minutes', '',
                'pending', 0, now(), '', '')""",
            "no event is dead, or pending for more than ten minutes",
        ),
        (
            "UPDATE donations_donor SET given_minor = given_minor + 1",
            "what a donor gave is the sum of their entries",
        ),
        (move("refund", "re_1", -2501), "no more goes back than came"),
        (move("dispute", "txn_1", -2501), "no more goes back than came"),
        (move("dispute_won", "txn_1", 1), "no more goes back than came"),
        (move("refund", "re_1", -100), "every refund is told to its donor"),
        (
            move("refund_failed", "re_1", 100),
            "a refund that failed was a refund of the same amount",
        ),
        (
            """INSERT INTO donations_payment
                (donation_id, stripe_id, amount_minor, currency, paid_at)
            SELECT donation_id, 'pi_2', 100, 'gbp', now() FROM donations_payment;
            INSERT INTO donations_ledgerentry (payment_id, campaign_id, kind, stripe_id,
                amount_minor, currency, entered_at)
            SELECT p.id, e.campaign_id, 'gift', 'pi_2', 100, 'gbp', now()
            FROM donations_payment p, donations_ledgerentry e WHERE p.stripe_id = 'pi_2'""",
            "a gift that was to be made once was paid once, or what came twice went back",
        ),
        (
            """INSERT INTO donations_refundrequest
                (id, payment_id, amount_minor, reason, note, by_id, asked_at, refused, attempt)
            SELECT gen_random_uuid(), id, 5, 'fraudulent', '', 1,
                now() - interval '11 minutes', '', 1
            FROM donations_payment""",
            "no refund that was asked for is without an answer for more than ten minutes",
        ),
        (
            """INSERT INTO donations_plan (donation_id, subscription_id, customer_id, item_id,
                status, amount_minor, currency, is_paused, will_end, payment_method_id,
                card_brand, card_last4, told_at, told_by, is_in_doubt, ask_again_at, wish)
            SELECT id, 'sub_1', 'cus_1', 'si_1', 'active', 100, 'gbp', false, false, 'pm_1',
                '', '', now(), '', true, now() - interval '11 minutes', ''
            FROM donations_donation""",
            "no monthly gift is in doubt for more than ten minutes",
        ),
        (
            """INSERT INTO donations_balanceentry (id, type, source, payment_intent, public_id,
                customer_id, amount_minor, fee_minor, currency, created_at)
            VALUES ('txn_1', 'charge', 'ch_1', 'pi_1', '', '', 2600, 0, 'gbp',
                now() - interval '2 hours');
            INSERT INTO core_heartbeat (job, beat_at) VALUES ('reconcile', now())""",
            books.STRIPES,
        ),
    ],
)
def test_check_books_finds_each_breach_and_says_so(
    campaign: Campaign, broken: str, rule: str
) -> None:
    donation = make_payment(campaign).donation
    factories.tell(facts.Paid(donation.public_id, "pi_1", donation.amount))
    call_command("check_books")

    with connection.cursor() as cursor:
        # Past the triggers: what a bug in the database or a hand at its console could do.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(broken)
        cursor.execute("SET LOCAL session_replication_role = origin")

    assert rule in books.breaches()
    with pytest.raises(SystemExit) as exit_code:
        call_command("check_books")
    assert exit_code.value.code == 1


def test_a_payment_that_contradicts_what_is_known_is_refused(campaign: Campaign) -> None:
    donation = make_payment(campaign).donation

    for amount in (Money(2600), Money(2500, "usd")):
        with pytest.raises(settling.AmountMismatch):
            factories.tell(facts.Paid(donation.public_id, "pi_1", amount))
    with pytest.raises(settling.AmountMismatch):
        factories.tell(facts.Paid(donation.public_id, "pi_2", Money(2500, "usd")))

    assert not LedgerEntry.objects.exists()
    assert Payment.objects.count() == 1
