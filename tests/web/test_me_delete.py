"""Somebody is deleted: what goes is gone everywhere, what stays names nobody, the books hold."""

import re
from collections.abc import Callable
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.accounts.models import User
from alliance.contacts.models import Consent, Contact
from alliance.contacts.services import contact_for
from alliance.core import personal
from alliance.local.standin import StandIn
from alliance.outbox import services as outbox
from alliance.outbox import transport
from alliance.outbox.models import Mail, State
from alliance.web.me import deleting
from campaigns.models import Campaign, Invitation, Membership, Role
from donations import books, facts, gateway, plans, settling
from donations.models import Donation, LedgerEntry, Plan, SessionRank
from tests import factories
from tests.browser.conftest import eventually
from tests.donations.conftest import Tell, begin
from tests.donations.conftest import tell as tell  # noqa: PLC0414 (a fixture)
from tests.journal import MailServer
from tests.web.test_me import VICTIM, give, read
from tests.web.test_me_data import fill

GAIL = "gail@example.org"
MONTH = 31 * 24 * 60 * 60
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


# -- monthly gifts and Stripe ----------------------------------------------------------------


def test_monthly_gifts_are_stopped_first_and_what_stripe_tells_later_still_counts(
    client: Client,
    campaign: Campaign,
    standin: StandIn,
    tell: Tell,
    mailbox: MailServer,
) -> None:
    plan = begin(campaign, standin, tell, email=GAIL, name="Gail Guest")
    once = factories.start_donation(campaign, email=GAIL, name="Gail Guest")
    standin.pay(str(once.session_id))
    tell()
    outbox.deliver_due()
    mailbox.mails.clear()
    # A renewal that Stripe has taken and not told of yet.
    standin.advance(MONTH)
    user = factories.make_user(email=GAIL)

    response = factories.sign_in(client, user).post("/me/delete/", SURE)

    assert response.status_code == 303
    plan.refresh_from_db()
    assert plan.is_over
    assert (plan.card_brand, plan.card_last4, plan.card_expires_on) == ("", "", None)
    assert [s["status"] for s in standin.objects("subscription")] == ["canceled"]
    tell()
    standin.advance(3 * MONTH)
    tell()
    # Twice monthly, once by itself.
    assert LedgerEntry.objects.filter(kind="gift").count() == 3
    intent = str(once.payments.get().stripe_id)
    standin.refund(payment_intent=intent)
    tell()
    assert LedgerEntry.objects.filter(kind="refund").count() == 1
    assert books.breaches() == {}
    # Nobody is named, and nobody is written to, whatever was owed.
    assert GAIL not in everything()
    assert "gail guest" not in everything()
    plan.refresh_from_db()
    assert plan.card_brand == ""
    outbox.deliver_due()
    assert [mail["Subject"] for mail in mailbox.mails if mail["To"] == GAIL] == [
        "You have been deleted from Alliance"
    ]
    late = Mail.objects.filter(contact=plan.donation.contact, state=State.FAILED)
    assert {mail.error for mail in late} == {outbox.ERASED}
    assert not Mail.objects.filter(state=State.QUEUED).exists()


def test_a_dispute_after_they_are_gone_counts_too(
    client: Client, campaign: Campaign, standin: StandIn, tell: Tell, user: User
) -> None:
    gift = factories.start_donation(campaign, email=GAIL)
    standin.pay(str(gift.session_id))
    tell()
    factories.sign_in(client, user).post("/me/delete/", SURE)

    standin.dispute(str(gift.payments.get().stripe_id))
    tell()

    assert LedgerEntry.objects.filter(kind="dispute").count() == 1
    assert books.breaches() == {}


def test_while_stripe_is_away_nothing_is_deleted_and_it_can_be_tried_again(
    client: Client,
    campaign: Campaign,
    standin: StandIn,
    tell: Tell,
    user: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = begin(campaign, standin, tell, email=GAIL)
    factories.sign_in(client, user)

    def away(*_: object) -> None:
        raise gateway.Unavailable("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "cancel", away)
        refused = client.post("/me/delete/", SURE)

    assert refused.status_code == 409
    assert "Stripe can’t be reached" in refused.content.decode()
    assert "Nothing has been deleted" in refused.content.decode()
    plan.refresh_from_db()
    assert not plan.is_over
    assert User.objects.get(pk=user.pk).is_active
    assert contact_for(GAIL) == plan.donation.contact
    assert client.post("/me/delete/", SURE).status_code == 303
    assert Contact.objects.get(pk=plan.donation.contact_id).erased_at


def test_a_plan_that_stripe_ended_already_is_in_nobodys_way(
    client: Client, campaign: Campaign, standin: StandIn, tell: Tell, user: User
) -> None:
    plan = begin(campaign, standin, tell, email=GAIL)
    # In Stripe's dashboard; its news is still under way.
    gateway.cancel(plan.subscription_id)

    assert factories.sign_in(client, user).post("/me/delete/", SURE).status_code == 303

    plan.refresh_from_db()
    assert plan.is_over
    tell()
    assert GAIL not in everything()


def test_a_plan_that_stripe_will_not_stop_is_said_and_nothing_is_deleted(
    gail: Client, user: User, campaign: Campaign, standin: StandIn
) -> None:
    factories.make_plan(campaign, email=GAIL)  # which Stripe has never heard of
    refused = gail.post("/me/delete/", SURE)

    assert refused.status_code == 409
    assert "Please write to us" in refused.content.decode()
    assert User.objects.get(pk=user.pk).is_active
    assert Contact.objects.filter(email=GAIL).exists()


def test_a_monthly_gift_that_is_just_beginning_is_waited_for(
    client: Client, campaign: Campaign, standin: StandIn, tell: Tell, user: User
) -> None:
    monthly = Donation.Frequency.MONTHLY
    gift = factories.start_donation(campaign, email=GAIL, frequency=monthly)
    standin.pay(str(gift.session_id))
    factories.sign_in(client, user)

    # Paid at Stripe's, and nothing of it is known here.
    refused = client.post("/me/delete/", SURE)
    assert refused.status_code == 409
    assert "just being confirmed" in refused.content.decode()
    assert User.objects.get(pk=user.pk).is_active

    tell()
    assert client.post("/me/delete/", SURE).status_code == 303
    assert [s["status"] for s in standin.objects("subscription")] == ["canceled"]


def test_a_page_where_a_monthly_gift_could_begin_is_closed(
    client: Client, campaign: Campaign, standin: StandIn, user: User
) -> None:
    monthly = Donation.Frequency.MONTHLY
    gift = factories.start_donation(campaign, email=GAIL, frequency=monthly)

    assert factories.sign_in(client, user).post("/me/delete/", SURE).status_code == 303

    (session,) = standin.objects("checkout.session")
    assert session["status"] == "expired"
    gift.refresh_from_db()
    assert gift.session_rank == SessionRank.EXPIRED


def test_what_is_paid_afterwards_counts_names_nobody_and_agrees_to_nothing(
    client: Client, campaign: Campaign, standin: StandIn, tell: Tell, user: User
) -> None:
    gift = factories.start_donation(
        campaign,
        email=GAIL,
        name="Gail Guest",
        display=Donation.Display.NAME,
        consents={"campaign": "Updates, please."},
    )
    factories.sign_in(client, user).post("/me/delete/", SURE)

    standin.pay(str(gift.session_id))
    tell()

    assert LedgerEntry.objects.filter(kind="gift").count() == 1
    gift.refresh_from_db()
    assert (gift.name, gift.shown_at) == ("", None)
    assert not Consent.objects.exists()
    assert books.breaches() == {}


# -- mails on their way ----------------------------------------------------------------------


def test_what_is_owed_to_them_is_not_sent_even_by_a_worker_that_has_it_in_hand(
    gail: Client, user: User, campaign: Campaign, mailbox: MailServer
) -> None:
    give(campaign, GAIL)
    in_hand = outbox._claim(timezone.now())
    assert [mail.kind for mail in in_hand] == ["receipt"]

    gail.post("/me/delete/", SURE)
    with transport.connection() as link:
        for mail in in_hand:
            outbox._deliver(mail, link)
    outbox.deliver_due()

    assert [mail["Subject"] for mail in mailbox.mails] == ["You have been deleted from Alliance"]
    mail = Mail.objects.get(kind="receipt")
    assert (mail.state, mail.error) == (State.FAILED, outbox.ERASED)
    # Asked to be sent again, it finds nobody either.
    outbox.send_again(Mail.objects.all())
    outbox.deliver_due()
    assert Mail.objects.get(kind="receipt").error == outbox.ERASED
    assert len(mailbox.mails) == 1


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


# -- twice, at once, and a thousand ----------------------------------------------------------


def carefully(act: Callable[[], object], trouble: list[Exception]) -> None:
    """Do something in a thread, and keep what went wrong for the test to show."""
    try:
        act()
    except Exception as error:  # noqa: BLE001 (whatever it is)
        trouble.append(error)
    finally:
        connections.close_all()


def somebody_waits() -> bool:
    """Say whether one connection waits for what another has locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_two_clicks_are_one_and_the_second_is_told_that_it_is_done(
    gail: Client, user: User, mailbox: MailServer
) -> None:
    page = read(gail, "/me/delete/")
    found = re.search(r'name="mark" value="([^"]+)"', page)
    assert found
    form = {**SURE, "mark": found[1]}

    answers = [gail.post("/me/delete/", form) for _ in range(2)]

    assert {answer["Location"] for answer in answers} == {"/me/deleted/"}
    outbox.deliver_due()
    assert len(mailbox.mails) == 1
    # Somebody else's click, or a made-up one, is told nothing.
    for mark in ("", "1", f"{user.pk}:x:y", deleting.mark_for(factories.make_user())):
        answer = Client().post("/me/delete/", {**SURE, "mark": mark})
        assert answer["Location"].startswith("/account/login/")


@pytest.mark.django_db(transaction=True)
def test_two_clicks_in_one_moment_are_one() -> None:
    campaign = factories.make_campaign()
    user = factories.make_user(email=GAIL)
    gift = give(campaign, GAIL)
    start = Barrier(2)
    trouble: list[Exception] = []

    def click() -> None:
        start.wait()
        deleting.delete(user, now=timezone.now())

    threads = [Thread(target=carefully, args=(click, trouble)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert trouble == []
    assert Mail.objects.filter(kind="letter").count() == 1
    assert Contact.objects.get(pk=gift.contact_id).erased_at


@pytest.mark.django_db(transaction=True)
def test_money_that_is_being_counted_in_that_moment_counts_and_names_nobody() -> None:
    campaign = factories.make_campaign()
    user = factories.make_user(email=GAIL)
    gifts = [
        factories.make_donation(campaign, contact=contact_for(GAIL), name="Gail", display="name")
        for _ in range(6)
    ]
    counted, go_on = Event(), Event()
    trouble: list[Exception] = []

    def pay() -> None:
        told = [facts.Paid(gift.public_id, f"pi_{gift.pk}", gift.amount) for gift in gifts]
        with transaction.atomic():
            settling.record_giving([settling.Told(fact, timezone.now()) for fact in told])
            counted.set()
            go_on.wait(10)

    def delete() -> None:
        counted.wait(10)
        deleting.delete(user, now=timezone.now())

    threads = [Thread(target=carefully, args=(act, trouble)) for act in (pay, delete)]
    for thread in threads:
        thread.start()
    eventually(somebody_waits)
    go_on.set()
    for thread in threads:
        thread.join()

    assert trouble == []
    assert LedgerEntry.objects.filter(kind="gift").count() == 6
    assert not Donation.objects.exclude(name="", display="private", shown_at=None).exists()
    assert books.breaches() == {}


def test_a_thousand_gifts_take_no_more_questions_than_one(campaign: Campaign) -> None:
    costs = []
    for number, email in ((1, "one@example.org"), (60, "many@example.org")):
        user = factories.make_user(email=email)
        for _ in range(number):
            give(campaign, email, name="Many", display="name")
        with CaptureQueriesContext(connection) as queries:
            deleting.delete(user, now=timezone.now())
        costs.append(len(queries))

    assert costs[0] == costs[1]
    assert costs[0] < 90
    assert not Donation.objects.exclude(name="").exists()
