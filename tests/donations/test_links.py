"""Links to a monthly gift: each opens its own, for a while, and a fresh one comes by mail."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from alliance.core.money import Money
from alliance.local.standin import StandIn
from campaigns.models import Campaign
from donations import links, mails
from donations.models import Plan, PlanChange
from tests import factories
from tests.donations.conftest import Tell, begin, columns, manage, owed

# What can be asked of a gift's page.
WISHES = [
    ("amount/", {"amount": "12"}),
    ("pause/", {"months": "1"}),
    ("resume/", {}),
    ("cancel/", {}),
    ("card/", {}),
]


def test_a_link_opens_its_own_gift_and_no_other(
    client: Client, campaign: Campaign, standin: StandIn, tell: Tell
) -> None:
    mine = begin(campaign, standin, tell, email="mine@example.org")
    other = begin(campaign, standin, tell, email="other@example.org", amount=Money(700))

    page = client.get(manage(mine)).content.decode()
    client.post(manage(mine) + "amount/", {"amount": "9", "plan": str(other.pk)})
    client.post(manage(mine) + "cancel/")

    assert other.donation.reference not in page
    assert other.donation.public_id not in page
    other.refresh_from_db()
    assert (other.status, other.amount) == ("active", Money(700))
    assert {change.plan_id for change in PlanChange.objects.all()} == {mine.pk}


def forged(plan: Plan) -> list[str]:
    """Links to a plan that somebody who has another link, or an old one, might try."""
    number, at, signature = links.token_for(plan).split(".")
    return [
        f"{plan.pk + 1}.{at}.{signature}",
        f"0{number}.{at}.{signature}",
        f"{number}.{at}.{signature[:-1]}",
        f"{number}.{at}.{signature[::-1]}",
        f"{number}.{at}",
        number,
        "x",
        "%00",
        signing.dumps(plan.pk, salt=links.SALT),
        signing.TimestampSigner(salt="donations.give", sep=".").sign(number),
        plan.donation.public_id,
    ]


def test_forged_and_damaged_links_open_and_change_nothing(client: Client, plan: Plan) -> None:
    factories.make_plan(plan.donation.campaign, email="other@example.org")
    before = columns(plan)

    for token in forged(plan):
        page = client.get(f"/m/{token}/")
        assert page.status_code == 404, token
        assert "Send me the links" in page.content.decode()
        assert plan.donation.reference not in page.content.decode()
        for path, data in WISHES:
            assert client.post(f"/m/{token}/{path}", data).status_code == 404

    assert columns(plan) == before
    assert not PlanChange.objects.exists()


def test_a_link_stops_working_after_two_months_and_offers_a_fresh_one(
    client: Client, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = manage(plan)
    monkeypatch.setattr(links, "LIFE", timedelta(seconds=-1))

    expired = client.get(address)

    assert expired.status_code == 404
    assert "Send me the links" in expired.content.decode()
    assert client.post(address + "cancel/").status_code == 404
    assert not Plan.objects.get().is_over


def test_a_link_outlives_the_sites_key_while_the_old_one_is_kept(
    client: Client, plan: Plan, settings: Any
) -> None:
    address = manage(plan)
    old, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 60

    settings.SECRET_KEY_FALLBACKS = [old]
    assert client.get(address).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get(address).status_code == 404


def test_without_its_cookie_no_form_changes_anything(plan: Plan) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.get(manage(plan))
    before = columns(plan)

    for path, data in WISHES:
        assert strict.post(manage(plan) + path, data).status_code == 403
    assert strict.post("/me/", {"email": "gail@example.org"}).status_code == 403

    assert columns(plan) == before
    assert owed(mails.LINKS) == 0


def test_a_form_sent_from_the_page_itself_is_taken(plan: Plan) -> None:
    strict = Client(enforce_csrf_checks=True)
    page = strict.get(manage(plan)).content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found

    response = strict.post(
        manage(plan) + "amount/", {"amount": "12", "csrfmiddlewaretoken": found[1]}
    )

    assert response.status_code == 303
    assert Plan.objects.get().amount == Money(1200)


# -- a fresh link by mail --------------------------------------------------------------------


@pytest.mark.parametrize(
    "email", ["gail@example.org", "GAIL@EXAMPLE.ORG", "nobody@example.org", "gail@exmaple.ogr"]
)
def test_whoever_asks_for_links_is_told_the_same(
    client: Client, campaign: Campaign, email: str
) -> None:
    factories.make_plan(campaign)

    response = client.post("/me/", {"email": email}, follow=True)

    page = response.content.decode()
    assert response.redirect_chain == [("/me/", 303)]
    assert "If anything was given from that address" in page
    assert email not in page
    assert owed(mails.LINKS) == int(email.casefold() == "gail@example.org")


@pytest.mark.parametrize("email", ["", "gail", "gäil@example.org", "a@b\nBcc: all@example.org"])
def test_what_is_no_address_is_said_and_nothing_is_sent(
    client: Client, campaign: Campaign, email: str
) -> None:
    factories.make_plan(campaign)

    response = client.post("/me/", {"email": email})

    assert response.status_code == 422
    assert "Nothing has been sent." in response.content.decode()
    assert owed(mails.LINKS) == 0


def test_however_often_links_are_asked_for_one_mail_goes_in_ten_minutes(
    client: Client, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.make_plan(campaign)
    moment = timezone.now().replace(minute=0, second=0)
    monkeypatch.setattr(timezone, "now", lambda: moment)

    for _ in range(3):
        client.post("/me/", {"email": "gail@example.org"})
    assert owed(mails.LINKS) == 1

    monkeypatch.setattr(timezone, "now", lambda: moment + timedelta(minutes=10))
    client.post("/me/", {"email": "gail@example.org"})
    assert owed(mails.LINKS) == 2


def test_who_gave_nothing_lately_gets_no_mail(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    factories.start_donation(campaign, email="gail@example.org")

    client.post("/me/", {"email": "gail@example.org"})

    assert owed(mails.LINKS) == 0
