"""Somebody is deleted: what goes is gone everywhere, what stays names nobody, the books hold."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from alliance.accounts.models import User
from alliance.contacts.models import Consent, Contact
from alliance.contacts.services import contact_for
from alliance.core import personal
from alliance.outbox import services as outbox
from campaigns.models import Campaign, Invitation, Membership, Role
from donations import books, plans
from donations.models import Donation, LedgerEntry, Plan
from tests import factories
from tests.donations.conftest import tell as tell  # noqa: PLC0414 (a fixture)
from tests.journal import MailServer
from tests.web.test_me import VICTIM, give, read
from tests.web.test_me_data import fill

GAIL = "gail@example.org"
SURE = {"sure": "on"}


@pytest.fixture
def user(db: None) -> User:
    return factories.make_user(email=GAIL, name="Gail Guest")


@pytest.fixture
def gail(client: Client, user: User) -> Client:
    return factories.sign_in(client, user)


def everything() -> str:
    """All that the database says, in one text."""
    said = []
    for model in apps.get_models(include_auto_created=True):
        said += [str(row) for row in model._base_manager.values()]
    return "\n".join(said).casefold()


def state_of(user: User) -> dict[str, Any]:
    """All rows that deleting somebody could touch."""
    models = {model for table in personal.tables() for model in table.models} - {Session}
    return {m.__name__: list(m._base_manager.order_by("pk").values()) for m in models}


def row(model: type[Any], pk: Any) -> dict[str, Any]:
    found: dict[str, Any] = model.objects.filter(pk=pk).values().get()
    return found


# -- the page --------------------------------------------------------------------------------


def test_the_page_says_of_all_that_is_there_what_goes_what_stays_why_and_until_when(
    client: Client, campaign: Campaign
) -> None:
    page = read(factories.sign_in(client, fill(campaign, GAIL)), "/me/delete/")

    going, staying = page.split('id="staying"')
    for table in personal.tables():
        title, fate = f"<dt>{table.title} ", table.fate
        assert (title in going) == bool(fate.goes)
        assert (title in staying) == bool(fate.stays)
        for words in (fate.goes, fate.stays, fate.why, fate.until):
            assert words in page


def test_the_page_is_silent_about_what_is_not_there(gail: Client) -> None:
    page = read(gail, "/me/delete/")

    assert "<dt>Your account " in page
    assert "<dt>Your gifts " not in page
    assert "<dt>Campaigns you help to run " not in page


def test_looking_changes_nothing_and_nor_does_a_click_without_the_tick(
    gail: Client, user: User, campaign: Campaign
) -> None:
    give(campaign, GAIL)
    before = state_of(user)

    read(gail, "/me/delete/")
    unsure = gail.post("/me/delete/", {})

    assert unsure.status_code == 422
    assert "Tick the box if you mean it" in unsure.content.decode()
    assert state_of(user) == before


def test_only_who_has_just_proven_who_they_are_is_deleted(client: Client, user: User) -> None:
    user.set_password("a long pass phrase")
    user.save()
    client.force_login(user)
    before = state_of(user)

    for answer in (client.get("/me/delete/"), client.post("/me/delete/", SURE)):
        assert answer.status_code == 302
        assert answer["Location"].startswith("/account/reauthenticate/")

    assert state_of(user) == before


def test_without_its_cookie_the_form_deletes_nobody(user: User) -> None:
    strict = factories.sign_in(Client(enforce_csrf_checks=True), user)
    before = state_of(user)

    assert strict.post("/me/delete/", SURE).status_code == 403

    assert state_of(user) == before


# -- the whole of it -------------------------------------------------------------------------


def test_somebody_with_something_in_every_table_is_gone_from_all_of_them(
    client: Client, campaign: Campaign, mailbox: MailServer
) -> None:
    user = fill(campaign, GAIL)
    fill(campaign, VICTIM)
    for plan in Plan.objects.filter(donation__contact=contact_for(GAIL)):
        Plan.objects.filter(pk=plan.pk).update(status="canceled", ended_at=timezone.now())
    money = list(LedgerEntry.objects.values())
    others = row(Contact, contact_for(VICTIM).pk)
    assert GAIL in everything()

    response = factories.sign_in(client, user).post("/me/delete/", SURE, follow=True)

    assert response.redirect_chain == [("/me/deleted/", 303)]
    assert "You’re not here any more" in response.content.decode()
    assert GAIL not in everything()
    assert f"name of {GAIL}" not in everything()
    # The owner of the other address has all that was theirs.
    assert row(Contact, contact_for(VICTIM).pk) == others
    assert VICTIM in everything()
    # The books are as they were, to the penny.
    assert list(LedgerEntry.objects.values()) == money
    assert books.breaches() == {}
    # A husk is left, as whom nobody can sign in.
    husk = User.objects.get(pk=user.pk)
    assert (husk.email, husk.name, husk.is_active) == (
        f"erased-{user.pk}@erased.invalid",
        "",
        False,
    )
    assert not husk.has_usable_password()
    for model in (EmailAddress, Authenticator, UserSession, Membership):
        assert not model.objects.filter(user=husk).exists()
    # A last letter says so.
    outbox.deliver_due()
    assert sorted(mail["Subject"] for mail in mailbox.mails if mail["To"] == GAIL) == [
        "You have been deleted from Alliance",
        f"Your part in {campaign.name} has changed",
    ]


def test_they_are_signed_out_everywhere_and_not_let_in_again(gail: Client, user: User) -> None:
    elsewhere = factories.sign_in(Client(), user)
    user.set_password("a long pass phrase")
    user.save()
    factories.sign_in(gail, user)
    factories.sign_in(elsewhere, user)
    read(elsewhere, "/me/mail/")

    gail.post("/me/delete/", SURE)

    for browser in (gail, elsewhere):
        assert browser.get("/me/mail/").status_code == 302
    login = {"login": GAIL, "password": "a long pass phrase"}
    Client().post("/account/login/", login)
    assert not Client().login(email=GAIL, password="a long pass phrase")


def test_a_gift_names_nobody_any_more_and_is_still_one_of_the_campaigns(
    gail: Client, campaign: Campaign, admin_client: Client
) -> None:
    gift = give(campaign, GAIL, name="Gail Guest", display="name", consents={"campaign": "Mail."})
    visitor, page = Client(), campaign.get_absolute_url()
    assert "Gail Guest" in read(visitor, page)
    kept = ("reference", "amount_minor", "campaign_id", "created_at", "public_id", "consents")
    before = row(Donation, gift.pk)
    browser = factories.sign_in(Client(), User.objects.get(email=GAIL))

    browser.post("/me/delete/", SURE)

    after = row(Donation, gift.pk)
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert (after["name"], after["display"], after["shown_at"]) == ("", "private", None)
    assert "Gail Guest" not in read(visitor, page)
    assert "£25" in read(visitor, page)
    consent = Consent.objects.get()
    assert consent.withdrawn_at
    # Its page, its receipt and Django admin's pages read on, without anybody.
    for path in (gift.get_absolute_url(), f"{gift.get_absolute_url()}receipt/1/"):
        assert GAIL not in read(visitor, path)
    payment = gift.payments.get()
    for path in (
        f"/admin/donations/donation/{gift.pk}/change/",
        f"/admin/donations/donation/{gift.pk}/refund/{payment.pk}/",
        "/admin/donations/donation/",
        f"/admin/contacts/contact/{gift.contact_id}/change/",
        "/admin/contacts/contact/",
        "/admin/outbox/mail/",
    ):
        shown = read(admin_client, path)
        assert "gail" not in shown.casefold(), path


def test_who_gives_again_is_somebody_new(gail: Client, campaign: Campaign) -> None:
    old = give(campaign, GAIL)
    gail.post("/me/delete/", SURE)

    new = give(campaign, GAIL)

    assert new.contact_id != old.contact_id
    assert Contact.objects.get(pk=old.contact_id).erased_at
    again = factories.sign_in(Client(), factories.make_user(email=GAIL))
    page = read(again)
    assert new.reference in page
    assert old.reference not in page


# -- who has to wait -------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}])
def test_who_looks_after_the_site_is_not_deleted_here(
    client: Client, db: None, fields: dict[str, bool]
) -> None:
    user = factories.make_user(email=GAIL, **fields)
    before = state_of(user)

    refused = factories.sign_in(client, user).post("/me/delete/", SURE)

    assert refused.status_code == 409
    assert "You look after this site" in refused.content.decode()
    assert state_of(user)["EmailAddress"] == before["EmailAddress"]
    assert User.objects.get(pk=user.pk).is_active


def test_the_only_owner_of_a_campaign_hands_it_over_first(
    client: Client, campaign: Campaign
) -> None:
    user = factories.make_member(campaign, email=GAIL)
    factories.sign_in(client, user)

    refused = client.post("/me/delete/", SURE)
    assert refused.status_code == 409
    assert f"You are the only owner of {campaign.name}" in refused.content.decode()
    assert Membership.objects.get().user == user

    heir = factories.make_member(campaign)
    assert client.post("/me/delete/", SURE).status_code == 303
    assert [member.user for member in Membership.objects.all()] == [heir]


def test_an_invitation_to_them_is_good_for_nothing_any_more(
    gail: Client, campaign: Campaign
) -> None:
    Invitation.objects.create(
        campaign=campaign,
        email="Gail@Example.org",
        role=Role.OWNER,
        by=factories.make_user(),
        expires_at=timezone.now() + plans.WARN_BEFORE,
    )

    gail.post("/me/delete/", SURE)

    invitation = Invitation.objects.get()
    assert invitation.withdrawn_at
    assert invitation.email.endswith("@erased.invalid")
