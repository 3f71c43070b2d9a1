"""Card testers come by the thousand; people who give get through all the same.

The suite sends some of them; `--attempts 20000` sends all.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone
from django.utils.crypto import get_random_string

from alliance.contacts.models import Contact
from alliance.core.money import Money
from alliance.local.standin import StandIn, methods
from alliance.outbox import services as outbox
from campaigns.models import Campaign
from donations import books, facts, gateway, guard, inbox, queries, settling
from donations.models import Attempt, Decline, Donation
from tests import factories, testers
from tests.journal import MailServer

# One in a thousand of twenty thousand: how many get on does not depend on how many come.
MAY_REACH_STRIPE = 20
OPENS_A_PAGE = "POST /v1/checkout/sessions"
# How many testers send in the time for which the site goes by what it saw last.
IN_ONE_LOOK = 10
# Of a hundred honest gifts the bank turns so many down, and half of these donors try again.
DECLINED_IN_A_HUNDRED = 6
# Donors who are at Stripe's page at one time; and one in so many sits in the same hall.
AT_STRIPE = 30
IN_THE_HALL = 4

_numbers = count(1)


@dataclass(frozen=True)
class Sender:
    """Somebody, or something, that sends the form: from where, with which cookie."""

    address: str
    cookie: str = ""

    def send(self, campaign: Campaign, **fields: str) -> Any:
        data = factories.form_data(campaign, **fields)
        return self.post(f"{campaign.get_absolute_url()}give/", data)

    def post(self, path: str, data: dict[str, str]) -> Any:
        return Client().post(
            path, data, REMOTE_ADDR=self.address, headers={"Cookie": f"csrf={self.cookie}"}
        )


def one_network() -> Iterator[Sender]:
    """A rented range of addresses, the cookie thrown away each time."""
    while True:
        yield Sender(f"203.0.113.{next(_numbers) % 256}", get_random_string(32))


def many_networks() -> Iterator[Sender]:
    """Other people's machines, each of them once."""
    while True:
        number = next(_numbers)
        yield Sender(f"10.{number >> 8 & 255}.{number & 255}.9", get_random_string(32))
        yield Sender(f"2001:db8:{number:x}::1", get_random_string(32))


@pytest.fixture
def tell(
    standin: StandIn, client: Client, deliver: Callable[..., list[int]]
) -> Callable[[], None]:
    """Bring what Stripe has to tell since it was last asked."""
    told: set[str] = set()

    def bring() -> None:
        news = [event for event in standin.events() if event["id"] not in told]
        told.update(event["id"] for event in news)
        assert set(deliver(*news)) <= {200}
        inbox.process_due(now=timezone.now())

    return bring


def attack(
    campaign: Campaign,
    senders: Iterable[Sender],
    standin: StandIn,
    tell: Callable[[], None],
    *,
    attempts: int,
) -> Counter[int]:
    """Try stolen cards: each page of Stripe's that opens is given one, and it is declined."""
    answers: Counter[int] = Counter()
    for number, sender in zip(range(attempts), senders, strict=False):
        email = f"{get_random_string(12)}@example.org"
        answer = sender.send(campaign, amount="other", other="1.00", email=email)
        answers[answer.status_code] += 1
        if answer.status_code == 303:
            donation = Donation.objects.latest("pk")
            standin.pay(str(donation.session_id), method=methods.DECLINES)
            tell()
        if number % IN_ONE_LOOK == 0:
            caches["pages"].delete("guard.alarm")
    return answers


def give_with_script(campaign: Campaign, sender: Sender, standin: StandIn) -> Donation:
    """Give a pound as a browser with JavaScript does."""
    data = factories.form_data(campaign, amount="other", other="1", email="gail@example.org")
    path = f"{campaign.get_absolute_url()}give/"
    asked = sender.post(path, data)
    assert asked.status_code == 429
    kept = dict(asked.context["kept"])

    answer = sender.post(path, {**kept, "proof": testers.solve(asked.context["challenge"])})

    return paid(answer, standin)


def give_by_mail(
    campaign: Campaign, sender: Sender, standin: StandIn, mailbox: MailServer
) -> Donation:
    """Give a pound as a browser without JavaScript does."""
    data = factories.form_data(campaign, amount="other", other="1", email="zoe@example.org")
    path = f"{campaign.get_absolute_url()}give/"
    asked = sender.post(path, data)
    assert asked.status_code == 429
    sender.post(path, {**dict(asked.context["kept"]), "mail": "1"})
    outbox.deliver_due()
    (mail,) = [mail for mail in mailbox.mails if mail["To"] == "zoe@example.org"]
    text = mail.get_body(("plain",))
    assert text
    link = next(line for line in text.get_content().splitlines() if "/confirm/" in line)
    assert Client().get(link).status_code == 200

    return paid(sender.post(link, {}), standin)


def paid(answer: Any, standin: StandIn) -> Donation:
    assert answer.status_code == 303
    donation = Donation.objects.get(session_url=answer["Location"])
    standin.pay(str(donation.session_id))
    return donation


@pytest.fixture(autouse=True)
def attempts(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> int:
    # Each refusal is a warning in the log: to keep them all would cost more than the refusals.
    caplog.set_level(logging.ERROR, "django.request")
    number: int = request.config.getoption("--attempts")
    return number


@pytest.mark.parametrize("shape", [one_network, many_networks])
def test_hardly_a_tester_reaches_stripe_and_an_honest_pound_does(
    campaign: Campaign,
    standin: StandIn,
    mailbox: MailServer,
    tell: Callable[[], None],
    shape: Callable[[], Iterator[Sender]],
    attempts: int,
) -> None:
    senders = shape()

    answers = attack(campaign, senders, standin, tell, attempts=attempts)

    assert sum(answers.values()) == attempts
    assert set(answers) == {303, 429}
    reached = len(standin.requests(OPENS_A_PAGE))
    assert reached == answers[303] < MAY_REACH_STRIPE
    # What is refused leaves nothing behind.
    assert Donation.objects.count() == Contact.objects.count() == reached
    assert Attempt.objects.count() == reached
    assert Decline.objects.count() == reached

    neighbour = next(senders)
    gifts = [
        give_with_script(campaign, neighbour, standin),
        give_by_mail(campaign, neighbour, standin, mailbox),
    ]
    tell()

    assert [donation.amount for donation in gifts] == [Money(100)] * 2
    assert queries.progress_of(campaign).raised == Money(200)
    assert len(standin.requests(OPENS_A_PAGE)) == reached + 2
    assert books.breaches() == {}


def test_a_television_moment_challenges_nobody(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    """Stripe itself would cost nothing but time here: its pages and news are made up."""
    monkeypatch.setattr(gateway, "create_session", testers.made_up_session)
    donors = attempts // 4

    for number in range(donors + AT_STRIPE):
        if number < donors:
            is_in_the_hall = number % IN_THE_HALL == 0
            address = "203.0.113.7" if is_in_the_hall else f"10.{number % 200}.{number % 250}.1"
            email = f"donor-{number}@example.org"
            answer = Sender(address, f"{number:032}").send(campaign, email=email)
            assert answer.status_code == 303, number
        if number >= AT_STRIPE:
            come_to_an_end(number - AT_STRIPE)
        if number % IN_ONE_LOOK == 0:
            caches["pages"].delete("guard.alarm")
            assert not guard.alarm(now=timezone.now()).is_on

    assert queries.progress_of(campaign).donors > donors * 0.95
    assert books.breaches() == {}


def come_to_an_end(number: int) -> None:
    """Let a donor's card be declined or charged, or one after the other."""
    donation = Donation.objects.get(contact__email=f"donor-{number}@example.org")
    turn = number % 100
    if turn < DECLINED_IN_A_HUNDRED:
        decline = facts.Decline(donation.public_id, f"card-{number}")
        settling.record_decline(settling.Told(decline, timezone.now(), f"evt_{number}"), decline)
        if turn % 2:
            return
    factories.tell(facts.Paid(donation.public_id, f"pi_{number}", donation.amount))
