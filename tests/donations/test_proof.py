"""What leads on whom the guard asks: a proof of work, or a mail."""

import json
from datetime import timedelta
from typing import Any

import altcha
import pytest
from django.test import Client
from django.utils import timezone

from alliance.core.money import Money
from alliance.outbox.models import Mail
from campaigns.models import Campaign, State
from donations import guard, mails, services
from donations.models import Donation
from tests import factories
from tests.testers import HOME, give, home, numbers, pay, rows, send, solve, use_up

pytestmark = pytest.mark.usefixtures("little_work", "stripe")


# -- the proof --------------------------------------------------------------------------------


@pytest.fixture
def challenged(campaign: Campaign) -> tuple[dict[str, str], str]:
    """A form that is asked for a proof, and the challenge."""
    use_up(campaign)
    data = factories.form_data(campaign)
    answer: Any = Client().post(f"/c/{campaign.slug}/give/", data, REMOTE_ADDR=HOME)
    assert answer.status_code == 429
    return data, answer.context["challenge"]


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
            now, pledge = timezone.now(), factories.make_pledge(email=f"{next(numbers)}@x.test")
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
