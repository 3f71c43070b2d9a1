"""My giving: all under somebody's verified addresses is theirs to see, and nothing else is."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.accounts.models import User
from alliance.contacts import services as contacts
from alliance.contacts.services import contact_for
from alliance.outbox.models import Mail
from campaigns.models import Campaign
from donations import ledger, links, services, supporters
from donations.models import Donation, Kind, SessionRank
from tests import factories

VICTIM = "victoria@example.org"


def give(campaign: Campaign, email: str = VICTIM, **fields: Any) -> Donation:
    donation = factories.make_donation(campaign, contact=contact_for(email), **fields)
    factories.make_payment(donation, f"pi_{donation.pk}")
    return donation


def add_address(user: User, email: str, *, verified: bool = True) -> EmailAddress:
    return EmailAddress.objects.create(user=user, email=email, verified=verified)


def read(client: Client, address: str = "/me/") -> str:
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


# -- who is not signed in --------------------------------------------------------------------


def test_who_is_not_signed_in_may_have_links_mailed_or_sign_in(
    client: Client, campaign: Campaign
) -> None:
    give(campaign)

    page = read(client)
    sent = client.post("/me/", {"email": VICTIM}, follow=True)

    assert "Send me the links" in page
    assert 'href="/account/login/?next=/me/"' in page
    assert sent.redirect_chain == [("/me/", 303)]
    assert Mail.objects.filter(kind="links").count() == 1


@pytest.mark.parametrize("path", ["mail/", "data/", "data/all.json", "data/all.zip", "delete/"])
def test_the_other_pages_want_somebody_signed_in(client: Client, db: None, path: str) -> None:
    response = client.get(f"/me/{path}")

    assert (response.status_code, response["Location"]) == (
        302,
        f"/account/login/?next=/me/{path}",
    )


# -- what is theirs --------------------------------------------------------------------------


def test_what_was_given_as_a_guest_is_there_once_the_address_is_verified(
    client: Client, campaign: Campaign
) -> None:
    gift = give(campaign, "Gail@EXAMPLE.org", name="Gail Guest")
    plan = factories.make_plan(campaign, email="gail@example.org", amount_minor=700)
    other = give(campaign, "other@example.org", name="Olive Other")
    factories.sign_in(client, factories.make_user(email="gail@example.org"))

    page = read(client)

    assert "£50&nbsp;sewn&nbsp;in" in page
    assert gift.reference in page
    assert f"{gift.get_absolute_url()}receipt/1/" in page
    assert "£7 a month" in page
    assert other.reference not in page
    assert other.public_id not in page
    # The link to the monthly gift is fresh, and works without a mail.
    (manage,) = set(re.findall(r'href="(?:http://[^"/]+)?(/m/[^"]+)"', page))
    assert links.plan_of(manage.split("/")[2]) == plan
    assert client.get(manage).status_code == 200
    assert not Mail.objects.filter(kind="links").exists()


def test_all_their_verified_addresses_count_and_each_spelling_of_them(
    client: Client, campaign: Campaign
) -> None:
    user = factories.make_user(email="gail@example.org")
    add_address(user, "gail@bücher.example")
    first = give(campaign, "gail@example.org")
    second = give(campaign, "GAIL@xn--bcher-kva.example")

    page = read(factories.sign_in(client, user))

    assert first.reference in page
    assert second.reference in page


def test_how_a_gift_stands_is_said_and_what_never_came_is_not_shown(
    client: Client, campaign: Campaign
) -> None:
    refunded, unpaid, waiting = (
        give(campaign),
        *(factories.make_donation(campaign, contact=contact_for(VICTIM)) for _ in range(2)),
    )
    payment = refunded.payments.get()
    ledger.enter([ledger.Entry(payment, Kind.REFUND, "re_1", -2500, timezone.now())])
    Donation.objects.filter(pk=waiting.pk).update(
        session_id="cs_1", session_rank=SessionRank.COMPLETE
    )

    page = read(factories.sign_in(client, factories.make_user(email=VICTIM)))

    assert "given back" in page
    assert "being confirmed by your bank" in page
    assert unpaid.reference not in page
    assert waiting.get_absolute_url() in page


def test_who_gave_nothing_reads_so_and_how_to_find_more(client: Client, db: None) -> None:
    user = factories.make_user()
    page = read(factories.sign_in(client, user))

    assert "Nothing sewn in yet" in page
    assert user.email in page
    assert 'href="/account/email/"' in page


def test_the_page_costs_the_same_for_one_gift_and_for_a_thousand(
    client: Client, campaign: Campaign
) -> None:
    factories.sign_in(client, factories.make_user(email=VICTIM))
    costs = []
    for gifts in (1, 2, 40):
        for _ in range(gifts):
            give(campaign)
        factories.make_plan(factories.make_campaign(), email=VICTIM)
        read(client)
        with CaptureQueriesContext(connection) as queries:
            page = read(client)
        costs.append(len(queries))

    assert costs == [costs[0]] * 3
    assert costs[0] <= 20
    assert "Page 1 of 3" in page
    last = read(client, "/me/?page=3")
    assert "Page 3 of 3" in last
    assert read(client, "/me/?page=x") == read(client, "/me/?page=1")


def test_nobody_keeps_a_copy_of_these_pages(client: Client, campaign: Campaign) -> None:
    gift = give(campaign)
    factories.sign_in(client, factories.make_user(email=VICTIM))

    for path in ("", f"gifts/{gift.public_id}/name/", "mail/", "data/", "delete/", "deleted/"):
        response = client.get(f"/me/{path}")
        assert response.status_code == 200, path
        assert response["Cache-Control"] == "private, no-store"
        assert "noindex" in response["X-Robots-Tag"]


# -- what is not -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "email",
    [
        "victoria@example.org",
        "Victoria@Example.org",
        "victoria+x@example.org",
        "vict.oria@example.org",
        "victorіa@example.org",  # noqa: RUF001 (a Cyrillic i, on purpose)
        "ｖictoria@example.org",  # noqa: RUF001 (full-width, on purpose)
        "victoria@exаmple.org",  # noqa: RUF001 (a Cyrillic a, on purpose)
        "victoria@example.org.example.net",
        " victoria@example.org",
        "victoria@example.org\x00",
    ],
)
def test_typing_somebodys_address_shows_attaches_and_reveals_nothing(
    client: Client, campaign: Campaign, email: str
) -> None:
    gift, plan = (
        give(campaign, name="Victoria Victim"),
        factories.make_plan(campaign, email=VICTIM),
    )
    contacts.agree(contact_for(VICTIM), campaign, at=timezone.now())
    attacker = factories.make_user()
    if "\x00" not in email:
        # Unverified in whatever spelling; verified in all but the victim's own.
        is_own = email.strip().casefold() == VICTIM
        add_address(attacker, email, verified=not is_own)
    factories.sign_in(client, attacker)
    before = dict(Donation.objects.filter(pk=gift.pk).values().get())

    pages = [client.get(f"/me/{path}") for path in ("", "mail/", "data/", "data/all.json")]
    pages.append(client.get(f"/me/gifts/{gift.public_id}/name/"))
    pages.append(client.post(f"/me/gifts/{gift.public_id}/name/", {"display": "name"}))
    pages.append(
        client.post(
            "/me/mail/change/",
            {"address": email, "campaign": campaign.slug, "wish": "withdraw", "wording": ""},
        )
    )
    pages.append(client.post("/me/mail/stop/"))

    assert [page.status_code for page in pages] == [200, 200, 200, 200, 404, 404, 422, 303]
    for page in pages[:5]:
        shown = page.getvalue().decode()
        for secret in (gift.reference, gift.public_id, "Victim", plan.subscription_id):
            assert secret not in shown
        if "data" not in page.request["PATH_INFO"]:
            assert "£25" not in shown
    assert dict(Donation.objects.filter(pk=gift.pk).values().get()) == before
    assert contact_for(VICTIM).consents.live().count() == 1


def test_an_unverified_address_shows_nothing_and_says_how_to_verify_it(
    client: Client, campaign: Campaign
) -> None:
    gift = give(campaign)
    user = factories.make_user()
    add_address(user, VICTIM, verified=False)
    factories.sign_in(client, user)

    with_gift = read(client)
    Donation.objects.filter(pk=gift.pk).update(contact=contact_for("someone@example.org"))

    assert "isn’t confirmed yet" in with_gift
    assert VICTIM in with_gift
    # Nor does the page say whether there would be anything.
    assert read(client) == with_gift


def test_what_was_under_an_address_goes_from_the_page_with_it(
    client: Client, campaign: Campaign
) -> None:
    gift = give(campaign)
    user = factories.make_user()
    address = add_address(user, VICTIM)
    factories.sign_in(client, user)
    assert gift.reference in read(client)

    address.remove()

    assert gift.reference not in read(client)
    assert client.get(f"/me/gifts/{gift.public_id}/name/").status_code == 404


def test_the_address_one_signs_in_with_counts_only_once_it_is_verified(
    client: Client, campaign: Campaign
) -> None:
    gift = give(campaign)
    user = factories.make_user(email=VICTIM)
    EmailAddress.objects.filter(user=user).update(verified=False)

    assert gift.reference not in read(factories.sign_in(client, user))


# -- how a gift names its donor --------------------------------------------------------------


def choose(client: Client, gift: Donation, display: str) -> int:
    return client.post(f"/me/gifts/{gift.public_id}/name/", {"display": display}).status_code


def test_a_donor_is_named_and_hidden_as_they_choose_and_the_campaigns_page_follows(
    client: Client, campaign: Campaign
) -> None:
    gift = give(campaign, name="Victoria Victim")
    factories.sign_in(client, factories.make_user(email=VICTIM))
    visitor, page = Client(), campaign.get_absolute_url()
    assert "Victoria Victim" not in read(visitor, page)

    assert choose(client, gift, "name_and_amount") == 303
    gift.refresh_from_db()
    assert gift.shown_at == gift.payments.get().paid_at
    assert "Victoria Victim" in read(visitor, page)

    assert choose(client, gift, "private") == 303
    gift.refresh_from_db()
    assert gift.display == "private"
    assert not gift.shown_at
    assert "Victoria Victim" not in read(visitor, page)


def test_changing_it_brings_nobody_to_the_top(client: Client, campaign: Campaign) -> None:
    early = give(campaign, name="Early Bird")
    later = give(campaign, "late@example.org", name="Late Owl", display="name")
    settled = later.payments.get()
    factories.sign_in(client, factories.make_user(email=VICTIM))

    choose(client, early, "name")
    choose(client, early, "private")
    choose(client, early, "name")

    early.refresh_from_db()
    assert early.shown_at is not None
    assert early.shown_at < settled.paid_at


def test_a_gift_that_has_not_come_names_its_donor_when_it_does(
    client: Client, campaign: Campaign
) -> None:
    gift = factories.make_donation(
        campaign,
        contact=contact_for(VICTIM),
        session_id="cs_1",
        session_rank=SessionRank.COMPLETE,
    )
    factories.sign_in(client, factories.make_user(email=VICTIM))

    choose(client, gift, "name")
    gift.refresh_from_db()
    assert gift.display == "name"
    assert not gift.shown_at

    payment = factories.make_payment(gift, "pi_1")
    gift.refresh_from_db()
    assert gift.shown_at == payment.paid_at


def test_what_staff_took_down_its_donor_does_not_put_back(
    client: Client, campaign: Campaign
) -> None:
    gift = give(campaign, name="Something Rude", display="name")
    services.hide_names(Donation.objects.all())
    factories.sign_in(client, factories.make_user(email=VICTIM))

    page = read(client, f"/me/gifts/{gift.public_id}/name/")
    for display in ("private", "name", "name_and_amount"):
        choose(client, gift, display)
    with pytest.raises(supporters.TakenDown):
        supporters.choose_display(gift, Donation.Display.NAME)

    assert "We took this name off the page" in page
    gift.refresh_from_db()
    assert gift.display == "name"
    assert not gift.shown_at


@pytest.mark.parametrize("display", ["", "public", "name\x00"])
def test_another_choice_there_is_none(client: Client, campaign: Campaign, display: str) -> None:
    gift = give(campaign)
    factories.sign_in(client, factories.make_user(email=VICTIM))

    assert choose(client, gift, display) == 422

    gift.refresh_from_db()
    assert (gift.display, gift.shown_at) == ("private", None)


def test_a_name_that_runs_code_elsewhere_is_only_words_here(
    client: Client, campaign: Campaign
) -> None:
    gift = give(campaign, name="<script>alert(1)</script>")
    factories.sign_in(client, factories.make_user(email=VICTIM))

    assert "<script>alert" not in read(client, f"/me/gifts/{gift.public_id}/name/")
