"""Somebody is deleted who gives every month: Stripe stops first, and tells on; no mail leaves."""

import pytest
from django.test import Client
from django.utils import timezone

from alliance.accounts.models import User
from alliance.contacts.models import Consent, Contact
from alliance.contacts.services import contact_for
from alliance.local.standin import StandIn
from alliance.outbox import services as outbox
from alliance.outbox import transport
from alliance.outbox.models import Mail, State
from campaigns.models import Campaign
from donations import books, gateway
from donations.models import Donation, LedgerEntry, SessionRank
from tests import factories
from tests.donations.conftest import Tell, begin
from tests.donations.conftest import tell as tell  # noqa: PLC0414 (a fixture)
from tests.journal import MailServer
from tests.web.test_me import give
from tests.web.test_me_delete import GAIL, SURE, everything
from tests.web.test_me_delete import gail as gail  # noqa: PLC0414 (a fixture)
from tests.web.test_me_delete import user as user  # noqa: PLC0414 (a fixture)

MONTH = 31 * 24 * 60 * 60


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
