"""The guard against card testers: whom it asks for a proof, and what it keeps of people."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client, RequestFactory
from django.utils import timezone

from campaigns.models import Campaign
from donations import forms, guard, services, tasks
from donations.models import Attempt, Decline, Donation, SpentProof
from tests import factories
from tests.testers import HOME, decline, give, home, pay, rows, use_up

pytestmark = pytest.mark.usefixtures("little_work", "stripe")


# -- who comes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("203.0.113.7", "203.0.113.250", True),
        ("203.0.113.7", "203.0.114.7", False),
        ("::ffff:203.0.113.7", "203.0.113.9", True),
        ("2001:db8:1:2::3", "2001:db8:1:ffff::9", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
    ],
)
def test_a_network_is_what_one_household_or_server_is_given(
    one: str, other: str, is_same: bool
) -> None:
    visits = [
        guard.visit_of(RequestFactory().get("/", REMOTE_ADDR=address)) for address in (one, other)
    ]

    assert (visits[0].network == visits[1].network) == is_same
    assert all(len(visit.network) == 32 for visit in visits)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "", "unix:", "::ffff:127.0.0.1"])
def test_who_comes_from_this_machine_itself_comes_from_no_network(address: str) -> None:
    assert guard.visit_of(RequestFactory().get("/", REMOTE_ADDR=address)).network == ""


def test_only_a_trusted_proxy_is_believed_and_only_its_own_word(settings: Any) -> None:
    def network(claim: str) -> str:
        request = RequestFactory().get(
            "/", REMOTE_ADDR="198.51.100.1", headers={"X-Forwarded-For": claim}
        )
        return guard.visit_of(request).network

    direct = network("")
    assert network("203.0.113.7") == direct

    settings.TRUST_PROXY = True
    assert network("") == direct
    assert network("192.0.2.1, 203.0.113.7") == home()
    assert network("203.0.113.7, 192.0.2.1") != home()


def test_of_people_hashes_are_kept_and_nothing_else(campaign: Campaign) -> None:
    client = Client()
    client.cookies["csrf"] = "c" * 32

    give(campaign, client=client)

    attempt = Attempt.objects.get()
    assert attempt.network == home()
    assert len(attempt.visitor) == 32
    kept = json.dumps([str(value) for value in vars(attempt).values()])
    assert "203.0.113" not in kept
    assert "cccc" not in kept


def test_after_a_day_all_is_forgotten(campaign: Campaign) -> None:
    give(campaign)
    donation = Donation.objects.get()
    decline(donation)
    SpentProof.objects.create(challenge="x")

    guard.forget(now=timezone.now() + timedelta(hours=23))
    assert (Attempt.objects.count(), Decline.objects.count()) == (1, 1)
    guard.forget(now=timezone.now() + timedelta(hours=25))

    assert not Attempt.objects.exists()
    assert not Decline.objects.exists()
    assert not SpentProof.objects.exists()
    assert Donation.objects.get() == donation


def test_the_forgetting_is_a_job(campaign: Campaign) -> None:
    give(campaign)
    Attempt.objects.update(at=timezone.now() - timedelta(days=2))

    tasks.forget_attempts()

    assert not Attempt.objects.exists()


# -- whom it asks -----------------------------------------------------------------------------


def test_a_network_with_ten_unpaid_attempts_is_asked_and_others_are_not(
    campaign: Campaign, stripe: list[str]
) -> None:
    answers = [give(campaign).status_code for _ in range(10)]
    assert answers == [303] * 10
    before = rows()

    assert give(campaign).status_code == 429
    assert give(campaign, address="203.0.113.99").status_code == 429
    assert rows() == before
    assert len(stripe) == 10
    assert give(campaign, address="203.0.114.7").status_code == 303


def test_ten_minutes_later_the_network_is_free_again(campaign: Campaign) -> None:
    use_up(campaign)
    assert give(campaign).status_code == 429

    Attempt.objects.update(at=timezone.now() - timedelta(minutes=11))

    assert give(campaign).status_code == 303


def test_who_pays_gives_the_share_back_and_vouches_for_one_more(campaign: Campaign) -> None:
    use_up(campaign)
    pay(Donation.objects.all()[:2])

    answers = [give(campaign).status_code for _ in range(5)]

    # Eight unpaid, two paid: until there are twelve unpaid.
    assert answers == [303] * 4 + [429]


@pytest.mark.parametrize("who", ["contact", "visitor"])
def test_five_unpaid_attempts_of_one_person_in_an_hour_are_enough(
    campaign: Campaign, who: str
) -> None:
    client, email = Client(), {}
    if who == "contact":
        email = {"email": "Gail@example.org"}
    else:
        client.cookies["csrf"] = "c" * 32

    answers = [
        give(campaign, address=f"198.51.{n}.1", client=client, **email).status_code
        for n in range(6)
    ]

    assert answers == [303] * 5 + [429]
    assert Donation.objects.count() == 5


def test_clicks_on_one_button_are_one_attempt_and_lead_on_whatever_comes(
    campaign: Campaign, stripe: list[str]
) -> None:
    data = factories.form_data(campaign)
    pages = [
        Client().post(f"/c/{campaign.slug}/give/", data, REMOTE_ADDR=HOME).headers["Location"]
        for _ in range(12)
    ]
    use_up(campaign)

    again = Client().post(f"/c/{campaign.slug}/give/", data, REMOTE_ADDR=HOME)
    other_words = Client().post(
        f"/c/{campaign.slug}/give/", {**data, "amount": "500"}, REMOTE_ADDR=HOME
    )

    assert {again["Location"], *pages} == {Donation.objects.earliest("pk").session_url}
    assert other_words.status_code == 429
    assert Attempt.objects.count() == len(stripe) == 10


def test_a_form_that_is_sent_again_and_again_with_other_words_is_counted_each_time(
    campaign: Campaign, stripe: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "close_page", lambda *_: None)
    data = factories.form_data(campaign)

    answers = [
        Client()
        .post(f"/c/{campaign.slug}/give/", {**data, "amount": amount}, REMOTE_ADDR=HOME)
        .status_code
        for amount in ("500", "1000", "2500", "5000", "500", "1000")
    ]

    assert answers == [303] * 5 + [429]
    assert Attempt.objects.count() == 5


@pytest.mark.parametrize(("age", "status"), [(0.5, 429), (1.9, 429), (2.1, 303), (3600, 303)])
def test_a_form_sent_sooner_than_a_person_can_is_asked(
    campaign: Campaign, age: float, status: int
) -> None:
    made_at = timezone.now() - timedelta(seconds=age)

    answer = give(campaign, nonce=forms.new_nonce(campaign, made_at=made_at))

    assert answer.status_code == status
    assert Donation.objects.exists() == (status == 303)


def test_a_card_that_is_hawked_around_gives_its_bearers_away(campaign: Campaign) -> None:
    for n in range(5):
        give(campaign, address=HOME if n == 0 else f"198.51.{n}.1", email=f"{n}@example.org")
    *others, last = Donation.objects.all()
    for donation in others:
        decline(donation, "card")
    decline(others[0], "card")
    assert give(campaign, email="0@example.org").status_code == 303
    decline(last, "card")
    before = Donation.objects.count()

    answers = [
        give(campaign, address=address, email=email).status_code
        for address, email in [
            (HOME, "new@example.org"),
            ("198.51.4.200", "new@example.org"),
            ("192.0.2.1", "3@example.org"),
            ("192.0.2.1", "new@example.org"),
        ]
    ]

    assert answers == [429, 429, 429, 303]
    assert Donation.objects.count() == before + 1


# -- the alarm --------------------------------------------------------------------------------


def gifts(campaign: Campaign, number: int) -> list[Donation]:
    before = Donation.objects.count()
    for n in range(number):
        part = before + n
        give(campaign, address=f"10.{part // 200}.{part % 200}.1")
    return list(Donation.objects.order_by("pk")[before:])


def test_when_most_cards_are_declined_everybody_is_asked_and_staff_are_told_once(
    campaign: Campaign, caplog: pytest.LogCaptureFixture
) -> None:
    made = gifts(campaign, 24)
    pay(made[:14])
    for donation in made[14:23]:
        decline(donation)
    assert give(campaign).status_code == 303

    with caplog.at_level(logging.ERROR, "donations.guard"):
        decline(made[23])
        answers = [give(campaign, address=f"192.0.{n}.1").status_code for n in range(3)]
        caches["pages"].delete("guard.alarm")
        answers.append(give(campaign).status_code)

    assert answers == [429] * 4
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "10 donations" in caplog.text


@pytest.mark.parametrize(
    ("declined", "paid", "is_on"),
    [(9, 0, False), (10, 0, True), (10, 15, True), (10, 16, False), (40, 61, False)],
)
def test_the_alarm_goes_by_the_share_of_what_was_declined(
    campaign: Campaign, declined: int, paid: int, is_on: bool
) -> None:
    made = gifts(campaign, declined + paid)
    pay(made[declined:])
    for donation in made[:declined]:
        decline(donation)

    assert guard.alarm(now=timezone.now()).is_on == is_on


def test_the_alarm_ends_with_its_hour(campaign: Campaign) -> None:
    for donation in gifts(campaign, 12):
        decline(donation)
    assert guard.alarm(now=timezone.now()).is_on
    caches["pages"].delete("guard.alarm")

    assert not guard.alarm(now=timezone.now() + timedelta(minutes=61)).is_on


def test_who_pays_with_a_second_card_was_no_tester(campaign: Campaign) -> None:
    made = gifts(campaign, 12)
    for donation in made:
        decline(donation)
        decline(donation, "the same card again")
    pay(made[:3])
    caches["pages"].delete("guard.alarm")

    assert not guard.alarm(now=timezone.now()).is_on


def test_many_declines_of_one_donation_are_one(campaign: Campaign) -> None:
    (donation,) = gifts(campaign, 1)
    for _ in range(30):
        decline(donation)

    assert not guard.alarm(now=timezone.now()).is_on


def test_pages_left_alone_hide_no_tester(campaign: Campaign) -> None:
    made = gifts(campaign, 60)
    for donation in made[:10]:
        decline(donation)

    assert guard.alarm(now=timezone.now()).is_on
