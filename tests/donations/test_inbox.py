"""Events in every order and number: the books are the same."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alliance.contacts import services as contacts
from alliance.core.models import Heartbeat
from alliance.core.money import Money
from alliance.local.standin import StandIn
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from donations import books, gateway, inbox, queries, services, settling
from donations.models import (
    Donation,
    LedgerEntry,
    Payment,
    SessionRank,
    State,
    StripeEvent,
)
from tests import factories

DELAYED = "DE89370400440532013000"


def process_all() -> None:
    inbox.process_due(now=timezone.now())


def test_a_paid_gift_is_counted_once_whatever_is_told_and_how_often(
    campaign: Campaign, standin: StandIn, deliver: Callable[..., list[int]]
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))

    deliver(*standin.events(), *reversed(standin.events()))
    process_all()
    services.ask_stripe(donation, now=timezone.now())
    inbox.pull(now=timezone.now())
    process_all()

    assert [entry.amount for entry in LedgerEntry.objects.all()] == [Money(2500)]
    assert queries.progress_of(campaign).raised == Money(2500)
    assert queries.progress_of(campaign).donors == 1
    assert [mail.kind for mail in Mail.objects.all()] == ["receipt"]
    assert books.breaches() == {}


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_history_told_in_any_order_gives_the_same_books(
    data: st.DataObject,
    campaign: Campaign,
    standin: StandIn,
    deliver: Callable[..., list[int]],
) -> None:
    """Gifts that are paid, declined, delayed, left open; their events doubled, shuffled, lost."""
    with transaction.atomic():
        # Pulled a moment ago: a first pull would look three days back, hour by hour.
        Heartbeat.objects.create(job="pull_events", beat_at=timezone.now())
        tell_a_history(data, campaign, standin, deliver)
        transaction.set_rollback(True)


def tell_a_history(
    data: st.DataObject,
    campaign: Campaign,
    standin: StandIn,
    deliver: Callable[..., list[int]],
) -> None:
    before = queries.progress_of(campaign)
    marker = len(standin.events())
    expected, people = 0, set()
    histories = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from(["paid", "declined", "slow yes", "slow no", "left", "expired"]),
                st.integers(30, 500_000),
                st.sampled_from(["a", "b", "c"]),
            ),
            min_size=1,
            max_size=4,
        )
    )
    for number, (outcome, minor, person) in enumerate(histories):
        email = f"{person}{marker}-{number % 2}@example.org"
        donation = factories.start_donation(campaign, amount=Money(minor), email=email)
        session = str(donation.session_id)
        if outcome in {"paid", "slow yes"}:
            expected += minor
            people.add(email)
        if outcome == "paid":
            standin.pay(session)
        elif outcome == "declined":
            standin.pay(session, method="4000000000000002")
        elif outcome.startswith("slow"):
            standin.pay(session, method=DELAYED)
            standin.settle(session, succeeded=outcome == "slow yes")
        elif outcome == "expired":
            gateway.expire_session(session)

    events = [e for e in standin.events()[marker:] if e["type"] in inbox.READERS]
    told = data.draw(st.permutations(events * 2)) if events else []
    told = told[data.draw(st.integers(0, len(told))) :]
    for event in told:
        assert deliver(event) == [200]
        if data.draw(st.booleans()):
            process_all()
    # What was lost on the way is fetched in the end, and fetched twice.
    for _ in range(2):
        inbox.pull(now=timezone.now())
        process_all()

    after = queries.progress_of(campaign)
    assert after.raised.minor - before.raised.minor == expected
    assert after.donors - before.donors == len(people)
    assert books.breaches() == {}
    assert not StripeEvent.objects.filter(state=StripeEvent.State.PENDING).exists()
    assert Payment.objects.count() == LedgerEntry.objects.count() == Mail.objects.count()


def test_a_late_success_counts_after_a_failure(
    campaign: Campaign, standin: StandIn, deliver: Callable[..., list[int]]
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id), method=DELAYED)
    Donation.objects.filter(pk=donation.pk).update(failed_at=timezone.now())
    standin.settle(str(donation.session_id), succeeded=True)

    deliver(*standin.events())
    process_all()

    assert Donation.objects.with_state().get().state == State.PAID
    assert books.breaches() == {}


def test_an_old_answer_that_arrives_late_takes_nothing_back(
    campaign: Campaign, standin: StandIn
) -> None:
    donation = factories.start_donation(campaign)
    early = gateway.retrieve_session(str(donation.session_id))
    standin.pay(str(donation.session_id), method=DELAYED)
    late = gateway.retrieve_session(str(donation.session_id))

    for session in (late, early):
        factories.tell(session)

    assert Donation.objects.with_state().get().state == State.CONFIRMING


def test_the_no_of_a_slow_bank_is_remembered(
    campaign: Campaign, standin: StandIn, deliver: Callable[..., list[int]]
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id), method=DELAYED)
    standin.settle(str(donation.session_id), succeeded=False)

    deliver(*standin.events())
    process_all()

    assert Donation.objects.with_state().get().state == State.FAILED
    assert not LedgerEntry.objects.exists()


def test_the_events_of_an_abandoned_page_do_not_touch_the_one_that_followed(
    campaign: Campaign, standin: StandIn, deliver: Callable[..., list[int]]
) -> None:
    pledge = factories.make_pledge()
    services.start_checkout(campaign=campaign, pledge=pledge, now=timezone.now())
    again = factories.make_pledge(nonce=pledge.nonce, amount=Money(5000))
    services.start_checkout(campaign=campaign, pledge=again, now=timezone.now())

    deliver(*standin.events())
    process_all()

    donation = Donation.objects.with_state().get()
    assert donation.state == State.OPEN
    standin.pay(str(donation.session_id))
    deliver(*standin.events())
    process_all()
    assert Donation.objects.with_state().get().state == State.PAID


def test_a_crash_before_the_session_was_saved_is_mended_by_its_event(
    campaign: Campaign, standin: StandIn, deliver: Callable[..., list[int]]
) -> None:
    donation = factories.start_donation(campaign)
    session = str(donation.session_id)
    Donation.objects.update(session_id=None, session_url="", session_rank=0)
    standin.pay(session)

    deliver(*standin.events())
    process_all()

    donation = Donation.objects.with_state().get()
    assert (donation.session_id, donation.state) == (session, State.PAID)


def test_an_event_that_fails_keeps_its_traceback_waits_and_has_no_half_effect(
    campaign: Campaign,
    standin: StandIn,
    deliver: Callable[..., list[int]],
    monkeypatch: pytest.MonkeyPatch,
    later: Callable[[float], Any],
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    (event,) = standin.events("checkout.session.completed")
    deliver(event)

    def breaks(_said: object) -> None:
        raise RuntimeError("a bug on the way")

    with monkeypatch.context() as patch:
        patch.setattr(contacts, "record_consents", breaks)
        process_all()

    row = StripeEvent.objects.get()
    assert (row.state, row.attempts) == (StripeEvent.State.PENDING, 1)
    assert "a bug on the way" in row.error
    assert row.next_try_at > timezone.now()
    assert not Payment.objects.exists()
    assert not LedgerEntry.objects.exists()
    assert not Mail.objects.exists()

    inbox.process_due(now=later(1))

    row.refresh_from_db()
    assert (row.state, row.error) == (StripeEvent.State.PROCESSED, "")
    assert LedgerEntry.objects.count() == 1


def test_an_event_that_fails_for_ever_is_dead_shown_and_can_be_revived(
    admin_client: Any, campaign: Campaign, standin: StandIn, deliver: Any, later: Any
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    (event,) = standin.events("checkout.session.completed")
    broken = json.loads(json.dumps(event))
    broken["data"]["object"]["currency"] = "usd"
    deliver(broken)
    for attempt in range(inbox.MAX_ATTEMPTS):
        inbox.process_due(now=later(60 * 24 * attempt))
    row = StripeEvent.objects.get()
    assert row.state == StripeEvent.State.DEAD
    assert "AmountMismatch" in row.error
    assert "no event is dead, or pending for more than ten minutes" in books.breaches()

    row.payload = json.dumps(event)
    row.save()
    response = admin_client.post(
        "/admin/donations/stripeevent/",
        {"action": "process_again", "_selected_action": [row.pk]},
    )

    assert response.status_code == 302
    row.refresh_from_db()
    assert row.state == StripeEvent.State.PROCESSED
    assert LedgerEntry.objects.count() == 1


def test_the_sweep_settles_what_no_webhook_ever_told(
    campaign: Campaign, standin: StandIn, later: Callable[[float], Any]
) -> None:
    came_back = factories.start_donation(campaign, email="a@example.org")
    closed_the_tab = factories.start_donation(campaign, email="b@example.org")
    still_paying = factories.start_donation(campaign, email="c@example.org")
    services.ask_stripe(came_back, now=timezone.now())
    for donation in (came_back, closed_the_tab):
        standin.pay(str(donation.session_id))

    services.sweep_checkouts(now=later(2))
    assert LedgerEntry.objects.count() == 1
    services.sweep_checkouts(now=later(62))

    assert LedgerEntry.objects.count() == 2
    assert still_paying.pk in Donation.objects.unsettled().values_list("pk", flat=True)
    assert books.breaches() == {}


def test_a_sweep_reaches_everybody_whatever_comes_before_them(
    campaign: Campaign,
    standin: StandIn,
    later: Callable[[float], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(services, "SWEEP_BATCH", 2)
    for number in range(4):
        donation = factories.start_donation(campaign, email=f"{number}@example.org")
        Donation.objects.filter(pk=donation.pk).update(session_id=f"cs_gone_{number}")
    odd = factories.start_donation(campaign, email="odd@example.org")
    standin.pay(str(odd.session_id))
    payment = factories.start_donation(campaign, email="last@example.org")
    standin.pay(str(payment.session_id))
    settle = settling.settle

    def breaks_on_one(paid: Any) -> None:
        if odd in [donation for donation, *_ in paid.values()]:
            raise settling.AmountMismatch("made up")
        settle(paid)

    monkeypatch.setattr(settling, "settle", breaks_on_one)

    for minute in range(62, 66):
        services.sweep_checkouts(now=later(minute))

    assert [entry.payment.donation_id for entry in LedgerEntry.objects.all()] == [payment.pk]
    assert Donation.objects.filter(session_rank=SessionRank.EXPIRED).count() == 4


def test_a_long_silence_is_fetched_slice_by_slice_and_no_slice_twice(
    campaign: Campaign, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    spans: list[tuple[Any, Any]] = []
    ask = gateway.events_between

    def cut_off(start: Any, end: Any, types: list[str]) -> Any:
        spans.append((start, end))
        if len(spans) == 10:
            raise gateway.Unavailable("cut off")
        return ask(start, end, types)

    monkeypatch.setattr(gateway, "events_between", cut_off)
    now = timezone.now()
    with pytest.raises(gateway.Unavailable):
        inbox.pull(now=now)

    assert inbox.pull(now=now) == 2
    assert inbox.pull(now=now) == 0

    assert spans[0][0] == now - inbox.FIRST_PULL
    # The second run goes on where the first was cut off, an overlap before it.
    assert spans[10][0] == spans[9][0] - inbox.PULL_OVERLAP


def test_a_sweep_survives_one_donation_that_stripe_will_not_tell_about(
    campaign: Campaign, standin: StandIn, later: Callable[[float], Any]
) -> None:
    first = factories.start_donation(campaign, email="a@example.org")
    second = factories.start_donation(campaign, email="b@example.org")
    Donation.objects.filter(pk=first.pk).update(session_id="cs_that_never_was")
    standin.pay(str(second.session_id))

    services.sweep_checkouts(now=later(62))

    assert LedgerEntry.objects.count() == 1


def test_a_stripe_that_answers_nobody_is_asked_once_a_sweep(
    campaign: Campaign, standin: StandIn, later: Callable[[float], Any]
) -> None:
    for number in range(3):
        donation = factories.start_donation(campaign, email=f"{number}@example.org")
        standin.pay(str(donation.session_id))
    standin.faults.set("rate_limit", probability=1)
    asked = len(standin.requests("GET /v1/checkout/sessions"))

    services.sweep_checkouts(now=later(62))
    assert len(standin.requests("GET /v1/checkout/sessions")) == asked + 1
    standin.faults.clear()
    services.sweep_checkouts(now=later(64))

    assert LedgerEntry.objects.count() == 3
