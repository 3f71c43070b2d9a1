"""Mail is the supporter's own choice: agreed to in words that are kept, and stopped at once."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.contacts import services
from alliance.contacts.models import Consent
from alliance.contacts.services import contact_for
from campaigns.models import Campaign
from tests import factories
from tests.web.test_me import VICTIM, add_address, give, read

GAIL = "gail@example.org"


@pytest.fixture
def gail(client: Client, campaign: Campaign) -> Client:
    """Somebody who gave, and is signed in."""
    give(campaign, GAIL)
    return factories.sign_in(client, factories.make_user(email=GAIL))


def decide(client: Client, campaign: Campaign | None, wish: str, **fields: str) -> int:
    return post(
        client,
        address=fields.get("address", GAIL),
        campaign=campaign.slug if campaign else "",
        wish=wish,
        wording=services.wording_for(campaign),
    )


def post(client: Client, **fields: str) -> int:
    return client.post("/me/mail/change/", fields).status_code


def live() -> set[str]:
    return set(Consent.objects.live().values_list("wording", flat=True))


def test_somebody_agrees_stops_and_agrees_again_and_each_is_kept_as_it_was_said(
    gail: Client, campaign: Campaign
) -> None:
    words = services.wording_for(campaign)
    assert "You don’t get this." in read(gail, "/me/mail/")

    assert decide(gail, campaign, "agree") == 303
    assert live() == {words}
    consent = Consent.objects.get()
    assert (consent.contact, consent.campaign) == (contact_for(GAIL), campaign)
    assert consent.source.startswith("your giving ")

    assert decide(gail, campaign, "withdraw") == 303
    assert live() == set()
    assert decide(gail, campaign, "agree") == 303

    assert Consent.objects.filter(wording=words, withdrawn_at__isnull=False).count() == 1
    assert live() == {words}
    page = read(gail, "/me/mail/")
    assert page.count(f"“{words}”") == 2
    assert "; stopped " in page


def test_two_clicks_agree_once(gail: Client, campaign: Campaign) -> None:
    for _ in range(2):
        decide(gail, campaign, "agree")
        decide(gail, None, "agree")

    assert Consent.objects.count() == 2


def test_a_campaign_and_the_platform_are_two_choices(gail: Client, campaign: Campaign) -> None:
    decide(gail, campaign, "agree")
    decide(gail, None, "agree")

    decide(gail, campaign, "withdraw")
    assert live() == {services.wording_for(None)}

    decide(gail, campaign, "agree")
    decide(gail, None, "withdraw")
    assert live() == {services.wording_for(campaign)}


def test_what_was_ticked_with_a_gift_is_there_and_is_stopped_here(
    gail: Client, campaign: Campaign
) -> None:
    gift = give(campaign, GAIL, consents={"campaign": "Updates, please.", "platform": "News."})

    page = read(gail, "/me/mail/")
    gail.post("/me/mail/stop/")

    assert "“Updates, please.”" in page
    assert f"when you gave ({gift.reference})" in page
    assert live() == set()
    # The news of the payment, told once more, brings nothing back.
    factories.enter_gift(gift.payments.get())
    give(campaign, GAIL)
    assert live() == set()


@pytest.mark.parametrize(
    "fields",
    [
        {"address": VICTIM},
        {"address": ""},
        {"campaign": "nothing"},
        {"campaign": "another"},
        {"wish": "steal"},
        {"wish": ""},
        {"wording": "I agree to everything."},
        {"address": "gail@example.org\x00"},
    ],
)
def test_what_is_not_theirs_to_decide_changes_nothing(
    gail: Client, campaign: Campaign, fields: dict[str, str]
) -> None:
    other = factories.make_campaign(slug="another")
    give(other, VICTIM, consents={"campaign": "Updates, please."})
    before = list(Consent.objects.values())

    agreed = {"address": GAIL, "campaign": campaign.slug, "wish": "agree"}
    wording = {"wording": services.wording_for(campaign)}
    assert post(gail, **{**agreed, **wording, **fields}) == 422

    assert list(Consent.objects.values()) == before


def test_each_address_has_its_own_choices(client: Client, campaign: Campaign) -> None:
    user = factories.make_user(email=GAIL)
    add_address(user, "new@example.org")
    add_address(user, VICTIM, verified=False)
    give(campaign, GAIL)
    client = factories.sign_in(client, user)

    page = read(client, "/me/mail/")
    assert decide(client, None, "agree", address="new@example.org") == 303
    assert decide(client, campaign, "agree", address="new@example.org") == 422
    assert decide(client, None, "agree", address=VICTIM) == 422

    assert VICTIM in page
    assert page.count("Yes, send me this") == 3
    consent = Consent.objects.get()
    assert consent.contact.email == "new@example.org"


def test_the_history_is_paged_and_costs_the_same_however_long(
    gail: Client, campaign: Campaign
) -> None:
    costs = []
    for number in (1, 3, 50):
        for at in range(number):
            services.record_consents(
                [
                    services.Said(
                        contact_for(GAIL).pk,
                        campaign,
                        {"campaign": "Updates, please."},
                        source=f"gift {number} {at}",
                        given_at=timezone.now(),
                    )
                ]
            )
        read(gail, "/me/mail/")
        with CaptureQueriesContext(connection) as queries:
            page = read(gail, "/me/mail/")
        costs.append(len(queries))

    assert costs == [costs[0]] * 3
    assert costs[0] <= 15
    assert "Page 1 of 3" in page
    assert page.count("“Updates, please.”") == 20
