"""The guard against card testers: whom it asks for a proof, what is one, and what is kept."""

import json
import logging
from collections.abc import Iterable
from datetime import timedelta
from itertools import count
from typing import Any

import altcha
import pytest
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.utils import timezone

from alliance.contacts.models import Contact
from alliance.core.money import Money
from alliance.outbox.models import Mail
from campaigns.models import Campaign, State
from donations import facts, forms, gateway, guard, mails, services, settling, tasks
from donations.models import Attempt, Decline, Donation, SessionRank, SpentProof
from tests import factories

HOME = "203.0.113.7"
_numbers = count(1)


@pytest.fixture(autouse=True)
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "KEYS", 10)


@pytest.fixture(autouse=True)
def stripe(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a session cost nothing; the references of those asked for."""
    asked: list[str] = []

    def create(order: gateway.Order) -> facts.Session:
        asked.append(order.public_id)
        return facts.Session(
            id=f"cs_{order.public_id}_{order.attempt}",
            url=f"https://pay.example/{order.public_id}/{order.attempt}",
            rank=SessionRank.OPEN,
            is_paid=False,
            amount=order.amount,
            paid_as=None,
            public_id=order.public_id,
            attempt=order.attempt,
        )

    monkeypatch.setattr(gateway, "create_session", create)
    return asked


def give(
    campaign: Campaign, *, address: str = HOME, client: Client | None = None, **fields: str
) -> Any:
    fields.setdefault("email", f"giver-{next(_numbers)}@example.org")
    data = factories.form_data(campaign, **fields)
    return (client or Client()).post(f"/c/{campaign.slug}/give/", data, REMOTE_ADDR=address)


def solve(challenge: str) -> str:
    """Do what the page's script does."""
    asked = altcha.Challenge.from_dict(json.loads(challenge))
    found = altcha.solve_challenge(asked)
    assert found
    return altcha.Payload(asked, found).to_base64()


def use_up(campaign: Campaign) -> None:
    """Let the network at home have as many unpaid attempts as are nobody's concern."""
    while Attempt.objects.count() < guard.NETWORK.attempts:
        give(campaign)


def home() -> str:
    return guard.visit_of(RequestFactory().get("/", REMOTE_ADDR=HOME)).network


def pay(donations: Iterable[Donation]) -> None:
    for donation in donations:
        factories.tell(facts.Paid(donation.public_id, f"pi_{donation.pk}", donation.amount))


def decline(donation: Donation, card: str = "") -> None:
    fact = facts.Decline(donation.public_id, card or f"card-{donation.pk}")
    told = settling.Told(fact, timezone.now(), f"evt_{next(_numbers)}")
    assert settling.record_decline(told, fact)
    cache.delete("guard.alarm")


def rows() -> list[int]:
    kept = [Donation, Contact, Attempt, Mail, SpentProof]
    return [model.objects.count() for model in kept]  # type: ignore[attr-defined]


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
    monkeypatch.setattr(services, "_close_page", lambda *_: None)
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
        cache.delete("guard.alarm")
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
    cache.delete("guard.alarm")

    assert not guard.alarm(now=timezone.now() + timedelta(minutes=61)).is_on


def test_who_pays_with_a_second_card_was_no_tester(campaign: Campaign) -> None:
    made = gifts(campaign, 12)
    for donation in made:
        decline(donation)
        decline(donation, "the same card again")
    pay(made[:3])
    cache.delete("guard.alarm")

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


# -- the proof --------------------------------------------------------------------------------


@pytest.fixture
def challenged(campaign: Campaign) -> tuple[dict[str, str], str]:
    """A form that is asked for a proof, and the challenge."""
    use_up(campaign)
    data = factories.form_data(campaign)
    answer: Any = Client().post(f"/c/{campaign.slug}/give/", data, REMOTE_ADDR=HOME)
    assert answer.status_code == 429
    return data, answer.context["challenge"]


def send(campaign: Campaign, data: dict[str, str], **more: str) -> Any:
    return Client().post(f"/c/{campaign.slug}/give/", {**data, **more}, REMOTE_ADDR=HOME)


def test_a_proof_leads_on_once(
    campaign: Campaign, challenged: tuple[dict[str, str], str], stripe: list[str]
) -> None:
    data, challenge = challenged
    proof = solve(challenge)

    answer = send(campaign, data, proof=proof)

    donation = Donation.objects.latest("pk")
    assert answer.status_code == 303
    assert answer["Location"] == donation.session_url
    assert donation.amount == Money(2500)
    assert len(stripe) == 11
    before = rows()
    # The same words lead to the same page; other words need work of their own.
    assert send(campaign, data, proof=proof)["Location"] == donation.session_url
    assert send(campaign, data, proof=proof, amount="500").status_code == 429
    assert send(campaign, data, proof=proof, email="b@example.org").status_code == 429
    assert (rows(), len(stripe)) == (before, 11)


def forged(challenge: str, **change: Any) -> str:
    asked = json.loads(challenge)
    asked["parameters"] |= change
    asked["parameters"]["data"]["most"] = 1
    return solve(json.dumps(asked))


@pytest.mark.parametrize(
    "proof",
    [
        "",
        "x",
        "e30=",
        "bnVsbA==",
        "W10=",
        "eyJjaGFsbGVuZ2UiOjEsInNvbHV0aW9uIjoxfQ==",
        "ÿ",
        "W" * 5000,
    ],
)
def test_what_is_no_proof_is_none_and_changes_nothing(
    campaign: Campaign, challenged: tuple[dict[str, str], str], proof: str, stripe: list[str]
) -> None:
    before = rows(), len(stripe)

    assert send(campaign, challenged[0], proof=proof).status_code == 429
    assert (rows(), len(stripe)) == before


def test_a_proof_is_good_for_its_own_form_and_unchanged(
    campaign: Campaign, challenged: tuple[dict[str, str], str], stripe: list[str]
) -> None:
    data, challenge = challenged
    before = rows(), len(stripe)
    another = factories.form_data(campaign)

    assert send(campaign, another, proof=solve(challenge)).status_code == 429
    assert send(campaign, data, proof=forged(challenge, cost=1, keyPrefix="")).status_code == 429
    unsolved = altcha.Payload(
        altcha.Challenge.from_dict(json.loads(challenge)), altcha.Solution(1, "00" * 32)
    )
    assert send(campaign, data, proof=unsolved.to_base64()).status_code == 429
    assert (rows(), len(stripe)) == before


def test_a_proof_that_took_too_long_is_asked_for_again(
    campaign: Campaign, challenged: tuple[dict[str, str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "PROOF_LIFE", timedelta(seconds=-1))
    data, _ = challenged
    late = send(campaign, data).context["challenge"]
    before = rows()

    assert send(campaign, data, proof=solve(late)).status_code == 429
    assert rows() == before


def test_who_goes_on_and_on_works_harder_but_never_without_end(campaign: Campaign) -> None:
    efforts = []
    for _ in range(10):
        for _ in range(guard.NETWORK.attempts):
            now, pledge = timezone.now(), factories.make_pledge(email=f"{next(_numbers)}@x.test")
            seen = guard.Visit(network=home(), is_confirmed=True)
            services.start_checkout(campaign=campaign, pledge=pledge, now=now, visit=seen)
        parameters = json.loads(give(campaign).context["challenge"])["parameters"]
        efforts.append(parameters["data"]["most"] // (2 * guard.KEYS))

    assert efforts == [1, 2, 3, 4, 5, 6, 7, 8, 8, 8]


def test_the_page_keeps_every_word_and_says_what_to_do(
    campaign: Campaign, challenged: tuple[dict[str, str], str]
) -> None:
    data, _ = challenged
    data |= {"name": 'Zoë "Z" <b>', "mail_campaign": "on"}

    answer = send(campaign, data)

    page = answer.content.decode()
    assert answer.context["kept"] == [(name, data[name]) for name in dict(answer.context["kept"])]
    assert {"amount", "name", "email", "display", "mail_campaign", "nonce"} <= set(
        dict(answer.context["kept"])
    )
    assert 'value="Zoë &quot;Z&quot; &lt;b&gt;"' in page
    assert "nothing has been charged" in page
    assert 'role="status"' in page
    back = send(campaign, data, change="1")
    assert back.status_code == 200
    assert 'value="Zoë &quot;Z&quot; &lt;b&gt;"' in back.content.decode()


# -- by mail ----------------------------------------------------------------------------------


def link(donation: Donation) -> str:
    mail = Mail.objects.get(kind=mails.CONFIRM, reference__startswith=f"{donation.pk}:")
    text = mails.confirm(mail.reference).text
    return next(line for line in text.splitlines() if "/confirm/" in line)


def test_a_link_by_mail_leads_on_by_a_press(
    campaign: Campaign, challenged: tuple[dict[str, str], str], stripe: list[str]
) -> None:
    data, _ = challenged
    answer = send(campaign, {**data, "name": "Zoë"}, mail="1")
    assert answer.status_code == 200
    assert "gail@example.org" in answer.content.decode()
    assert len(stripe) == 10

    donation = Donation.objects.latest("pk")
    address = link(donation)
    before = rows()
    page = Client().get(address, REMOTE_ADDR=HOME)
    assert page.status_code == 200
    assert "£25" in page.content.decode()
    assert "Zoë" not in page.content.decode()
    assert page["Referrer-Policy"] == "same-origin"
    assert "no-store" in page["Cache-Control"]
    assert (rows(), len(stripe)) == (before, 10)

    strict = Client(enforce_csrf_checks=True)
    assert strict.post(address).status_code == 403
    led = Client().post(address, REMOTE_ADDR=HOME)
    again = Client().post(address, REMOTE_ADDR=HOME)

    donation.refresh_from_db()
    assert led.status_code == again.status_code == 303
    assert led["Location"] == again["Location"] == donation.session_url
    assert (donation.name, donation.amount) == ("Zoë", Money(2500))
    assert len(stripe) == 11
    pay([donation])
    assert Client().get(address)["Location"] == donation.get_absolute_url()
    assert Client().post(address)["Location"] == donation.get_absolute_url()


@pytest.mark.parametrize("what", ["late", "damaged", "another gift's"])
def test_a_link_that_is_no_good_says_so_and_changes_nothing(
    campaign: Campaign,
    challenged: tuple[dict[str, str], str],
    stripe: list[str],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    send(campaign, challenged[0], mail="1")
    address = link(Donation.objects.latest("pk"))
    before = rows(), len(stripe)
    if what == "late":
        monkeypatch.setattr(guard, "LETTER_LIFE", timedelta(seconds=-1))
    elif what == "damaged":
        address = address[:-2] + ("aa/" if not address.endswith("aa/") else "bb/")
    else:
        other = Donation.objects.earliest("pk")
        address = address.replace(Donation.objects.latest("pk").public_id, other.public_id)

    answers = [Client().get(address), Client().post(address)]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert "no longer works" in answers[0].content.decode()
    assert (rows(), len(stripe)) == before


def test_a_campaign_that_closed_meanwhile_takes_nothing_by_mail(
    campaign: Campaign, challenged: tuple[dict[str, str], str], stripe: list[str]
) -> None:
    send(campaign, challenged[0], mail="1")
    address = link(Donation.objects.latest("pk"))
    campaign.state, campaign.closed_reason = State.ENDED, "We reached what we set out for."
    campaign.save()

    answer = Client().post(address)

    assert answer.status_code == 409
    assert "We reached what" in answer.content.decode()
    assert len(stripe) == 10


def test_one_press_is_one_mail_and_nobody_is_bombed(campaign: Campaign, stripe: list[str]) -> None:
    data = factories.form_data(campaign)
    for _ in range(3):
        assert send(campaign, data, mail="1").status_code == 200
    assert Mail.objects.count() == 1

    for _ in range(2):
        assert give(campaign, email="GAIL@example.org", mail="1").status_code == 200
    before = rows()
    answer = give(campaign, email="gail@example.org", address="192.0.2.1", mail="1")

    assert answer.status_code == 429
    assert "No more mails for now" in answer.content.decode()
    assert rows() == before
    assert Mail.objects.filter(kind=mails.CONFIRM).count() == guard.LETTERS_TO_ONE == 3
    assert stripe == []


@pytest.mark.parametrize("limit", ["LETTERS_FROM_NETWORK", "LETTERS_IN_ALL"])
def test_mails_from_one_network_and_in_all_have_their_end(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(guard, limit, 4)
    sent = [
        give(
            campaign, address=HOME if limit == "LETTERS_FROM_NETWORK" else f"10.0.{n}.1", mail="1"
        )
        for n in range(4)
    ]
    before = rows()

    refused = give(campaign, mail="1")
    elsewhere = give(campaign, address="192.0.2.1", mail="1")

    assert [answer.status_code for answer in sent] == [200] * 4
    assert refused.status_code == 429
    if limit == "LETTERS_IN_ALL":
        assert elsewhere.status_code == 429
        assert rows() == before
    else:
        assert elsewhere.status_code == 200


def test_an_hour_later_the_same_words_are_mailed_again(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    pledge, visit = factories.make_pledge(), guard.Visit()
    for hours in (0, 1.1):
        now = timezone.now() + timedelta(hours=hours)
        services.mail_link(campaign=campaign, pledge=pledge, visit=visit, now=now)

    assert Donation.objects.count() == 1
    assert Mail.objects.filter(kind=mails.CONFIRM).count() == 2


def test_the_mail_says_what_it_is_about_in_both_its_parts(campaign: Campaign) -> None:
    give(campaign, mail="1", name="Zoë <b>")
    mail = Mail.objects.get()

    message = mails.confirm(mail.reference)

    assert campaign.name in message.subject
    for part in (message.text, message.html):
        assert "£25.00" in part
        assert "/confirm/" in part
        assert "nothing will happen" in part
        assert "Zoë" not in part
    assert len(link(Donation.objects.get())) < 200
