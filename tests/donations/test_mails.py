"""How each mail reads: true words, links that work, a text and an HTML part that agree."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags

from alliance.core.money import Money
from alliance.outbox import kinds
from alliance.outbox import services as outbox
from alliance.outbox.kinds import Message
from alliance.outbox.models import Mail, State
from campaigns.models import Campaign
from donations import links, mails, settling
from donations.models import Dispute, Donation, MissedPayment, Payment, Plan, PlanChange
from tests import factories, journal


@pytest.fixture
def plan(campaign: Campaign) -> Plan:
    return factories.make_plan(campaign)


@pytest.fixture
def paid(campaign: Campaign) -> Payment:
    return factories.make_payment(factories.make_donation(campaign), "pi_1")


def latest(kind: str) -> Message:
    """Render the mail of this kind that was owed last, as the outbox does."""
    mail = Mail.objects.filter(kind=kind).order_by("-pk")[0]
    return kinds.render(mail.kind, mail.reference)


def texts(message: Message) -> tuple[str, str]:
    """Both parts as they are read: HTML without its tags, and neither with its line breaks."""
    body = message.html.partition("<body>")[2]
    html = strip_tags(body).replace("&#x27;", "'").replace("’", "'")
    return " ".join(message.text.split()), " ".join(html.split())


def missed(plan: Plan, **fields: Any) -> MissedPayment:
    defaults: dict[str, Any] = {
        "invoice_id": "in_missed",
        "amount_minor": 2500,
        "currency": "gbp",
        "attempts": 1,
        "next_try_at": timezone.now() + timedelta(days=3),
        "pay_url": "https://invoice.example/i",
        "failed_at": timezone.now(),
    }
    return MissedPayment.objects.create(plan=plan, **{**defaults, **fields})


def changed(plan: Plan, what: str, origin: str = "donor", **fields: Any) -> Message:
    by = factories.make_admin() if origin == "staff" else None
    change = PlanChange.objects.create(
        plan=plan, what=what, origin=origin, by=by, amount_minor=900, at=timezone.now(), **fields
    )
    return mails.plan_change(str(change.pk))


def test_every_kind_of_mail_that_this_room_owes_has_its_words() -> None:
    named = {
        value for name, value in vars(mails).items() if name.isupper() and name != "RENDERERS"
    }

    assert set(mails.RENDERERS) == named
    assert set(mails.RENDERERS) <= set(kinds._renderers)


def every_mail(plan: Plan) -> dict[str, Message]:
    payment = plan.donation.payments.get()
    settling.enter_refund(payment, "re_1", Money(500), at=timezone.now(), has_failed=True)
    dispute = Dispute.objects.create(
        stripe_id="du_1",
        payment=payment,
        amount_minor=2500,
        currency="gbp",
        status="lost",
        reason="fraudulent",
        told_at=timezone.now(),
    )
    changes = {f"{what} by {origin}": changed(plan, what, origin) for what, origin in CHANGES}
    return {
        mails.RECEIPT: latest(mails.RECEIPT),
        mails.REFUND: latest(mails.REFUND),
        mails.REFUND_FAILED: latest(mails.REFUND_FAILED),
        mails.DISPUTE_LOST: mails.dispute_lost(str(dispute.pk)),
        mails.MISSED_PAYMENT: mails.missed_payment(str(missed(plan).pk)),
        mails.AMOUNT_AHEAD: mails.amount_ahead(f"{plan.pk}:2027-01-05"),
        mails.CARD_ENDS: mails.card_ends(f"{plan.pk}:2027-01-31"),
        mails.LINKS: mails.fresh_links(f"{plan.donation.contact_id}:1"),
        mails.CONFIRM: mails.confirm(f"{plan.donation_id}:1"),
        **changes,
    }


CHANGES = [
    *((what, "donor") for what in PlanChange.What.values),
    *((what, "stripe") for what in PlanChange.What.values),
    ("paused", "staff"),
]


def test_every_mail_says_the_same_in_both_parts_and_asks_for_nothing(
    client: Client, plan: Plan, settings: Any
) -> None:
    plan.donation.campaign.name = "Bread & Roses"
    plan.donation.campaign.save()

    for kind, mail in every_mail(plan).items():
        addresses = set(re.findall(rf"{settings.SITE_URL}\S+", mail.text))
        assert addresses, kind
        linked = set(re.findall(rf'href="({settings.SITE_URL}[^"]+)"', mail.html))
        # The signatures of one moment are the same; of two moments they need not be.
        assert {plain(a) for a in addresses} == {plain(a) for a in linked}, kind
        for address in addresses:
            path = address.removeprefix(settings.SITE_URL)
            assert client.get(path, follow=True).status_code == 200, (kind, path)
        for part in (mail.text, mail.html):
            assert "{" not in part.partition("</style>")[2 if "</style>" in part else 0], kind
            assert "None" not in part, kind
            assert "hello@example.org" in part, kind
            assert "unsubscribe" not in part.lower(), kind
            assert "give again" not in part.lower(), kind
        assert "&amp;" not in mail.text, kind
        assert "\n\n\n" not in mail.text.strip(), kind
        assert max(map(len, mail.text.splitlines())) < 200, kind
        assert "\n" not in mail.subject, kind


def plain(address: str) -> str:
    return re.sub(r"(/m/\d+)\.[^/]+", r"\1", address)


def test_a_receipt_of_one_gift_has_all_that_is_to_be_kept_and_no_way_to_change_it(
    paid: Payment, settings: Any
) -> None:
    mail = latest(mails.RECEIPT)

    page = settings.SITE_URL + paid.donation.get_absolute_url()
    assert mail.subject == f"Receipt: £25.00 for {paid.donation.campaign.name}"
    for part in texts(mail):
        for words in (
            "Thank you, Gail Guest.",
            "£25.00, one-off",
            paid.donation.reference,
            "The campaign's own account",
            "not a Gift Aid receipt",
        ):
            assert words in part, words
        assert "month" not in part
    for part in (mail.text, mail.html):
        assert f"{page}receipt/1/" in part
        assert "/m/" not in part


def test_a_monthly_receipt_says_so_and_brings_the_link_that_manages_the_gift(
    client: Client, plan: Plan
) -> None:
    factories.make_payment(plan.donation, "in_second")

    mail = latest(mails.RECEIPT)

    for part in texts(mail):
        assert "£25.00, every month until you stop it" in part
        assert f"{plan.donation.reference}-2" in part
        assert "Stop, pause or change your monthly gift" in part
    (token,) = set(re.findall(r"/m/([^/\s]+)/", mail.text))
    assert links.plan_of(token) == plan
    assert client.get(f"/m/{token}/").status_code == 200


def test_a_receipt_that_is_quicker_than_its_plan_has_a_link_that_leads_to_it_later(
    client: Client, campaign: Campaign
) -> None:
    donation = factories.make_donation(campaign, frequency=Donation.Frequency.MONTHLY)
    factories.make_payment(donation, "in_early")
    (address,) = set(re.findall(r"/m/\S+/", latest(mails.RECEIPT).text))

    early = client.get(address)
    assert early.status_code == 200
    assert "Being confirmed" in early.content.decode()
    assert client.post(f"{address}cancel/").status_code == 200
    assert not PlanChange.objects.exists()

    other = factories.make_plan(campaign)
    Plan.objects.filter(pk=other.pk).update(donation=donation)
    assert client.get(address).context["plan"] == other
    donation.plans.update(status="canceled", ended_at=timezone.now())
    running = factories.make_plan(campaign)
    Plan.objects.filter(pk=running.pk).update(donation=donation)
    assert client.get(address).context["plan"] == running


def test_after_the_end_no_mail_offers_to_manage_anything(plan: Plan) -> None:
    plan.status = "canceled"
    plan.save()

    for mail in (changed(plan, "cancelled"), changed(plan, "gave_up", "stripe")):
        assert "/m/" not in mail.text
        assert "/me/" not in mail.text
        assert "has ended" in mail.subject


@pytest.mark.parametrize(
    ("what", "fields", "words"),
    [
        ("cancelled", {}, "Nothing more is taken"),
        ("gave_up", {}, "could not be taken however often it was tried"),
        ("paused", {"until": timezone.now().replace(2027, 2, 3)}, "until 3 February 2027"),
        ("paused", {}, "until it is resumed"),
        ("resumed", {}, "goes on: £9.00 a month"),
        ("amount", {}, "is £9.00 a month"),
        ("card", {}, "another card from now on: Visa ending in 4242"),
    ],
)
def test_each_change_has_its_words(
    plan: Plan, what: str, fields: dict[str, Any], words: str
) -> None:
    for part in texts(changed(plan, what, **fields)):
        assert words in part


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ("donor", "You asked for this on our page"),
        ("staff", "Somebody who works for"),
        ("stripe", "it wasn't done on our pages"),
    ],
)
def test_a_change_says_whose_doing_it_was_and_no_name_of_staff(
    plan: Plan, origin: str, words: str
) -> None:
    mail = changed(plan, "paused", origin)

    for part in texts(mail):
        assert words in part
        assert "ada-" not in part


def test_a_payment_that_failed_says_when_it_is_tried_again(plan: Plan) -> None:
    when = timezone.now() + timedelta(days=3)
    mail = mails.missed_payment(str(missed(plan, next_try_at=when).pk))

    for part in texts(mail):
        assert f"try again on {timezone.localtime(when):%-d %B %Y}" in part
        assert "Visa ending in 4242" in part
    assert "/m/" in mail.text
    # Their page has it: a mail that is passed on shall not pay.
    assert "invoice.example" not in mail.text + mail.html


@pytest.mark.parametrize("next_try_at", [None, timezone.now() - timedelta(days=1)])
def test_a_payment_that_is_not_tried_again_says_so(plan: Plan, next_try_at: Any) -> None:
    for part in texts(mails.missed_payment(str(missed(plan, next_try_at=next_try_at).pk))):
        assert "No other try is planned" in part


def test_a_failure_that_is_mended_before_its_mail_leaves_is_told_as_mended(plan: Plan) -> None:
    row = missed(plan)
    factories.make_payment(plan.donation, row.invoice_id)

    for part in texts(mails.missed_payment(str(row.pk))):
        assert "It has come since" in part
        assert "try again" not in part


def test_a_refund_by_hand_speaks_of_no_card(campaign: Campaign) -> None:
    donation = factories.make_donation(campaign, method=Donation.Method.CASH)
    payment = factories.make_payment(donation, "offline-1")
    settling.enter_refund(payment, "offline-2", Money(500), at=timezone.now())

    for part in texts(latest(mails.REFUND)):
        assert "The campaign has given back £5.00" in part.replace("the campaign", "The campaign")
        assert "card" not in part


def test_links_list_what_runs_and_what_was_given_lately_and_nothing_of_anybody_else(
    campaign: Campaign, plan: Plan, paid: Payment
) -> None:
    stranger = factories.make_plan(campaign, email="other@example.org")
    ended = factories.make_plan(campaign, status="canceled", ended_at=timezone.now())
    long_ago = timezone.now() - timedelta(days=400)
    gone = factories.make_plan(campaign, status="canceled", ended_at=long_ago)
    never_begun = factories.make_plan(campaign, status="incomplete_expired")
    old = factories.make_donation(campaign)
    settling.settle({"pi_old": (old, Money(2500), long_ago)})
    unpaid = factories.make_donation(campaign)

    mail = mails.fresh_links(f"{plan.donation.contact_id}:1")

    tokens = re.findall(r"/m/([^/\s]+)/", mail.text)
    assert {links.plan_of(token) for token in tokens} == {plan, ended}
    for gift in (paid.donation, plan.donation, ended.donation):
        assert gift.get_absolute_url() in mail.text
    for gift in (stranger.donation, old, unpaid):
        assert gift.get_absolute_url() not in mail.text
        assert gift.reference not in mail.html
    assert {gone, never_begun}.isdisjoint({links.plan_of(token) for token in tokens})


def test_the_outbox_sends_what_happened(
    plan: Plan, mailbox: journal.MailServer, settings: Any
) -> None:
    payment = plan.donation.payments.get()
    settling.enter_refund(payment, "re_1", Money(500), at=timezone.now())
    contact = plan.donation.contact
    reference = f"{contact.pk}:1"
    outbox.queue(kind=mails.LINKS, reference=reference, contact=contact, now=timezone.now())

    outbox.deliver_due()

    assert set(Mail.objects.values_list("state", flat=True)) == {State.SENT}
    assert sorted(mail["Subject"].split(":")[0] for mail in mailbox.mails) == [
        "Receipt",
        "Refund",
        f"Your giving through {settings.PLATFORM_NAME}",
    ]
    for mail in mailbox.mails:
        assert mail["To"] == "gail@example.org"
        assert {part.get_content_type() for part in mail.walk()} >= {"text/plain", "text/html"}
