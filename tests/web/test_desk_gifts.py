"""Gifts and donors at the desk: found, thanked, given back, written down and taken away."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alliance.contacts import services as contacts
from alliance.core.money import Money
from alliance.local import populate
from alliance.local.standin import StandIn
from alliance.outbox.models import Mail
from campaigns.models import Campaign, Link, Role
from donations import desk as giving
from donations import export, mails, refunds, services, settling
from donations.models import (
    Dispute,
    Donation,
    Donor,
    LedgerEntry,
    Payment,
    RefundRequest,
    Thanks,
)
from tests import factories
from tests.donations.test_offline import make_gift
from tests.web.test_every_page import parsed

HIDDEN = re.compile(r'<input type="hidden" name="(amount|reason|note|key|seen)" value="([^"]*)">')
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\uff1d1+1", '=HYPERLINK("http://x")']


@pytest.fixture
def other() -> Campaign:
    return factories.make_campaign()


@pytest.fixture
def fin(client: Client, campaign: Campaign) -> Client:
    """A browser of somebody who looks after the campaign's money."""
    return factories.sign_in(client, factories.make_member(campaign, Role.FINANCE))


@pytest.fixture
def payment(campaign: Campaign, standin: StandIn) -> Payment:
    """A gift of £25 that Stripe has, too."""
    return paid(campaign, standin)


def paid(campaign: Campaign, standin: StandIn, **fields: Any) -> Payment:
    donation = factories.start_donation(campaign, **fields)
    standin.pay(str(donation.session_id))
    services.ask_stripe(donation, now=timezone.now())
    return donation.payments.get()


def give(campaign: Campaign, stripe_id: str, **fields: Any) -> Donation:
    donation = factories.make_donation(campaign, **fields)
    factories.make_payment(donation, stripe_id)
    return donation


def gifts(campaign: Campaign) -> str:
    return f"/organise/{campaign.slug}/gifts/"


def named(page: Any) -> list[str]:
    """Return the names of the list's rows, in their order."""
    found = re.findall(r'class="gift-who">\s*<p><a [^>]*>([^<]+)</a>', page.content.decode())
    return [name.strip() for name in found]


def told(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


# -- who may ---------------------------------------------------------------------------------


def addresses(campaign: Campaign, payment: Payment) -> list[str]:
    """Every page about money, of one gift."""
    here, one = gifts(campaign), f"{gifts(campaign)}{payment.donation.reference}/"
    donor = Donor.objects.filter(campaign=campaign).earliest("pk")
    own = ["", "donors/", f"donors/{donor.pk}/", "offline/", "export/"]
    return [
        *(f"{here}{name}" for name in own),
        one,
        f"{one}thank/",
        f"{one}refund/{payment.pk}/",
    ]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_who_may_not_see_money_sees_none_of_it_and_moves_none(
    client: Client, campaign: Campaign, payment: Payment, role: Role
) -> None:
    factories.sign_in(client, factories.make_member(campaign, role))

    for address in addresses(campaign, payment):
        for answer in (client.get(address), client.post(address, {"send": "yes", "words": "x"})):
            # A page that is only looked at takes no form at all.
            assert answer.status_code in {403, 405}, address
            assert "gail" not in answer.content.decode().lower(), address

    assert not RefundRequest.objects.exists()
    assert not Thanks.objects.exists()
    assert not LogEntry.objects.exists()


def test_of_another_campaign_there_is_nothing_to_be_found(
    client: Client, campaign: Campaign, other: Campaign, payment: Payment, standin: StandIn
) -> None:
    theirs = paid(other, standin, email="olaf@example.org", name="Olaf Other")
    factories.sign_in(client, factories.make_member(campaign, Role.OWNER))
    donor = Donor.objects.get(campaign=other)
    here, mine = gifts(campaign), payment.donation.reference
    said = {"amount": "10", "reason": "duplicate", "note": "", "words": "x", "send": "yes"}

    for address in [
        *addresses(other, theirs),
        f"{here}{theirs.donation.reference}/",
        f"{here}{theirs.donation.reference}/thank/",
        f"{here}{theirs.donation.reference}/refund/{theirs.pk}/",
        # One's own gift, and the payment of somebody else's.
        f"{here}{mine}/refund/{theirs.pk}/",
        f"{here}donors/{donor.pk}/",
    ]:
        assert client.get(address).status_code == 404, address
        assert client.post(address, said).status_code in {404, 405}, address

    assert standin.objects("refund") == []
    assert not RefundRequest.objects.exists()
    assert not Thanks.objects.exists()


def test_what_moves_money_or_takes_it_away_asks_again_who_one_is(
    client: Client, campaign: Campaign, payment: Payment, standin: StandIn
) -> None:
    factories.sign_in(client, factories.make_member(campaign, Role.FINANCE))
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": 1}]
    session.save()
    one = f"{gifts(campaign)}{payment.donation.reference}/"

    for address in (f"{gifts(campaign)}offline/", f"{gifts(campaign)}export/"):
        assert "/reauthenticate/" in client.get(address)["Location"]
        assert "/reauthenticate/" in client.post(address)["Location"]
    refund = f"{one}refund/{payment.pk}/"
    assert "/reauthenticate/" in client.get(refund)["Location"]
    sent = client.post(refund, {"amount": "10", "reason": "duplicate"})
    assert "/reauthenticate/" in sent["Location"]

    assert client.get(one).status_code == 200
    assert standin.objects("refund") == []
    assert not LogEntry.objects.exists()


def test_every_page_is_sound_html_and_its_links_lead_somewhere(
    client: Client, campaign: Campaign, payment: Payment
) -> None:
    wanted = give(
        campaign, "pi_w", contact=contacts.contact_for("w@example.org"), consents={"campaign": "Y"}
    )
    Link.objects.create(campaign=campaign, code="poster", label="Poster")
    factories.sign_in(client, factories.make_member(campaign, Role.OWNER))
    desk, thank = f"/organise/{campaign.slug}/", f"{gifts(campaign)}{wanted.reference}/thank/"
    refund = f"{gifts(campaign)}{payment.donation.reference}/refund/{payment.pk}/"
    pages = [
        client.get(desk),
        client.get(f"{desk}links/"),
        *(client.get(page) for page in addresses(campaign, payment) if "/thank/" not in page),
        client.get(f"{gifts(campaign)}?q=nobody"),
        client.get(thank),
        client.post(thank, {"words": "x"}),
        client.post(refund, {"amount": "10", "reason": "duplicate"}),
        client.post(refund, {}),
        client.post(f"{gifts(campaign)}offline/", {}),
        client.post(f"{desk}links/make/", {}),
    ]
    for answer in pages:
        html = answer.content.decode()
        page = parsed(html)
        assert page.inline == []
        assert len(page.ids) == len(set(page.ids))
        assert html.count("<h1") == html.count("<main") == 1
        for link in page.links:
            if link.startswith("#"):
                assert link[1:] in page.ids, link
            elif link.startswith("/") and not link.startswith("/static/"):
                assert client.get(link).status_code in {200, 405}, link


# -- finding -------------------------------------------------------------------------------


@pytest.fixture
def everybody(campaign: Campaign, other: Campaign) -> None:
    """One gift of each sort; each has its like in another campaign."""
    for one in (campaign, other):
        tag = str(one.pk)
        theirs = "" if one == campaign else " (theirs)"

        def by(name: str, minor: int, *, tag: str = tag, here: Campaign = one, **more: Any) -> Any:
            email = f"{name.split(maxsplit=1)[0].lower()}@example.org"
            suffix = "" if here == campaign else " (theirs)"
            return give(
                here,
                f"pi_{tag}_{name}",
                name=f"{name}{suffix}",
                contact=contacts.contact_for(email),
                amount_minor=minor,
                **more,
            )

        link, _ = Link.objects.get_or_create(campaign=one, code="poster", label="Poster")
        by("Ola Once", 500, link=link)
        by("Mona Monthly", 700, frequency="monthly")
        by("Nora Named", 800, display="name")
        rita = by("Rita Refunded", 900).payments.get()
        settling.enter_refund(rita, f"re_{tag}", Money(100), at=timezone.now())
        dora = by("Dora Disputed", 1000).payments.get()
        Dispute.objects.create(
            stripe_id=f"dp_{tag}",
            payment=dora,
            amount_minor=1000,
            currency="gbp",
            status="under_review",
            reason="general",
            told_at=timezone.now(),
        )
        refunds.record_offline(
            make_gift(one, name=f"Carl Cash{theirs}"), by=factories.make_admin()
        )
        tess = by("Tess Thanked", 1100)
        Thanks.objects.create(
            donation=tess, by=factories.make_admin(), words="Thank you", at=timezone.now()
        )
        factories.make_donation(
            one,
            name=f"Wilma Waits{theirs}",
            session_id=f"cs_{tag}",
            session_rank=3,
            awaited_since=timezone.now(),
        )
        # Never paid: an intention is nobody's business but their own.
        factories.make_donation(one, name=f"Una Unpaid{theirs}")
        factories.make_donation(
            one,
            name="Fay Failed",
            session_id=f"cs_f{tag}",
            session_rank=3,
            failed_at=timezone.now(),
        )


ALL = [
    *("Wilma Waits", "Tess Thanked", "Carl Cash", "Dora Disputed"),
    *("Rita Refunded", "Nora Named", "Mona Monthly", "Ola Once"),
]


@pytest.mark.parametrize(
    ("show", "found"),
    [
        ("", ALL),
        ("nonsense", ALL),
        ("once", [name for name in ALL if name != "Mona Monthly"]),
        ("monthly", ["Mona Monthly"]),
        ("named", ["Carl Cash", "Nora Named"]),
        ("private", [name for name in ALL if name not in {"Carl Cash", "Nora Named"}]),
        ("offline", ["Carl Cash"]),
        ("waiting", ["Wilma Waits"]),
        ("refunded", ["Rita Refunded"]),
        ("disputed", ["Dora Disputed"]),
        ("thanked", ["Tess Thanked"]),
        ("unthanked", [name for name in ALL if name != "Tess Thanked"]),
        ("link:poster", ["Ola Once"]),
        ("link:none", []),
        ("link:'--", []),
    ],
)
def test_the_list_shows_what_is_asked_for_the_newest_first(
    fin: Client, campaign: Campaign, everybody: None, show: str, found: list[str]
) -> None:
    page = fin.get(gifts(campaign), {"show": show})

    assert named(page) == found
    file = giving.gifts_of(campaign, show=show, is_whole=True)
    assert [gift.name for gift in file] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ola@example.org", ["Ola Once"]),
        ("OLA@EXAMPLE.org", ["Ola Once"]),
        # An address is found whole or not at all: nobody fishes for them.
        ("ola@example", []),
        ("@example.org", []),
        ("@", []),
        ("ola", ["Ola Once"]),
        ("on ol", ["Ola Once"]),
        ("rit refund", ["Rita Refunded"]),
        ("theirs", []),
        ("Unpaid", []),
        ("nobody", []),
        ("' & !|<->:*", []),
        ("%", []),
        ("\x00", []),
        ("   ", ALL),
    ],
)
def test_a_search_finds_this_campaigns_people_alone(
    fin: Client, campaign: Campaign, everybody: None, text: str, found: list[str]
) -> None:
    page = fin.get(gifts(campaign), {"q": text})

    assert page.status_code == 200
    assert named(page) == found


def test_a_reference_is_found_however_it_is_read_out(
    fin: Client, campaign: Campaign, other: Campaign, everybody: None
) -> None:
    reference = campaign.donations.get(name="Ola Once").reference
    theirs = other.donations.get(name="Ola Once (theirs)").reference

    for spelt in (reference, reference.lower(), f" {reference[:5]}-{reference[5:]} "):
        assert named(fin.get(gifts(campaign), {"q": spelt})) == ["Ola Once"], spelt
    assert named(fin.get(gifts(campaign), {"q": theirs})) == []


def test_what_is_searched_for_comes_back_as_words(fin: Client, campaign: Campaign) -> None:
    page = fin.get(gifts(campaign), {"q": '"><script>alert(1)</script>', "show": '"><b>'})

    assert "<script>alert" not in page.content.decode()
    assert "<b>" not in page.content.decode()


def test_pages_are_turned_and_end_somewhere(fin: Client, campaign: Campaign) -> None:
    populate.add_gifts(campaign, count=120, amounts=[500])

    first = fin.get(gifts(campaign))
    third = fin.get(gifts(campaign), {"page": "3", "show": "once"})

    assert len(named(first)) == giving.PER_PAGE
    assert 'href="?page=2"' in first.content.decode()
    assert len(named(third)) == 20
    assert 'href="?show=once&amp;page=2"' in third.content.decode()
    assert "page=4" not in third.content.decode()
    for odd in ("0", "-1", "x", "٣", "999999999999", "4"):
        assert fin.get(gifts(campaign), {"page": odd}).status_code == 200


def test_lists_cost_the_same_however_many_gifts_there_are(fin: Client, campaign: Campaign) -> None:
    populate.add_links(campaign)
    looks = [
        *({"show": show} for show in [*giving.SHOWS, "link:poster"]),
        *({"q": text} for text in ("demo-1@campaign.example.org", "ada", "2345678923")),
    ]
    costs: list[list[int]] = []
    fin.get(gifts(campaign))
    for number in (20, 60):
        populate.add_gifts(campaign, count=number, amounts=[500], monthly=True)
        costs.append([])
        for look in [*looks, None]:
            address = f"{gifts(campaign)}donors/" if look is None else gifts(campaign)
            with CaptureQueriesContext(connection) as queries:
                fin.get(address, look)
            costs[-1].append(len(queries))

    assert costs[0] == costs[1]
    assert max(costs[0]) <= 15


# -- one gift, one donor -----------------------------------------------------------------------


def test_a_gift_tells_its_whole_history(fin: Client, campaign: Campaign, payment: Payment) -> None:
    user = factories.make_member(campaign, Role.OWNER, name="Ann Owner")
    stranger = factories.make_admin(name="Stan Staff")
    for by, minor in ((user, 1000), (stranger, 500)):
        refunds.refund(
            payment,
            amount=Money(minor),
            reason=RefundRequest.Reason.ASKED,
            note="by telephone",
            by=by,
            key=factories.make_pledge().nonce,
            seen=refunds.left_of(payment),
        )

    page = fin.get(f"{gifts(campaign)}{payment.donation.reference}/").content.decode()

    for words in (
        "£25.00 came",
        "£10.00 was asked to be given back by Ann Owner",
        # Who of the platform's people did something is not the campaign's to know.
        "£5.00 was asked to be given back by our staff",
        "£10.00 went back",
        "The form was sent: £25.00",
        "Receipt waits to be sent",
        "£10.00, before card fees",
        "gail@example.org",
        "Private: not named",
        "has not asked for mail from your campaign",
    ):
        assert words in page, words
    assert "Stan Staff" not in page


def test_a_gift_costs_the_same_for_one_payment_and_for_three(
    fin: Client, campaign: Campaign
) -> None:
    plan = factories.make_plan(campaign)
    address = f"{gifts(campaign)}{plan.donation.reference}/"
    costs = []
    fin.get(address)
    for number in range(3):
        factories.make_payment(plan.donation, f"in_more_{number}")
        with CaptureQueriesContext(connection) as queries:
            page = fin.get(address).content.decode()
        assert page.count(">Give back<") == number + 2
        costs.append(len(queries))

    assert costs == [costs[0]] * 3
    assert costs[0] <= 26


def test_a_donors_page_shows_what_they_gave_here_and_nowhere_else(
    fin: Client, campaign: Campaign, other: Campaign
) -> None:
    give(campaign, "pi_1", amount_minor=1000)
    give(campaign, "pi_2", amount_minor=200, name="Gail G. Guest")
    give(other, "pi_3", amount_minor=77_700, name="Gail Elsewhere")
    donor = Donor.objects.get(campaign=campaign)

    page = fin.get(f"{gifts(campaign)}donors/{donor.pk}/").content.decode()
    listed = fin.get(f"{gifts(campaign)}donors/").content.decode()

    assert "£12.00" in page
    assert "2 gifts" in page
    for shown in (page, listed):
        assert "Gail G. Guest" in shown
        assert "Elsewhere" not in shown
        assert "777" not in shown
        assert other.name not in shown


def test_who_was_erased_is_a_gift_without_a_name(fin: Client, campaign: Campaign) -> None:
    donation = give(campaign, "pi_1", name="")
    contact = donation.contact
    contact.email = contact.email_key = None
    contact.erased_at = timezone.now()
    contact.save()
    donor = Donor.objects.get()

    for address in (
        gifts(campaign),
        f"{gifts(campaign)}{donation.reference}/",
        f"{gifts(campaign)}donors/",
        f"{gifts(campaign)}donors/{donor.pk}/",
    ):
        page = fin.get(address)
        assert page.status_code == 200
        assert "Name erased" in page.content.decode(), address
    assert rows(fin, campaign)[0]["email"] == rows(fin, campaign)[0]["name"] == ""


# -- thanks ------------------------------------------------------------------------------------


@pytest.fixture
def wanted(campaign: Campaign) -> Donation:
    """A gift whose donor wants the campaign's mail."""
    return give(campaign, "pi_w", consents={"campaign": "Yes, write to me."})


def test_thanks_are_read_over_and_sent_once(
    fin: Client, campaign: Campaign, wanted: Donation
) -> None:
    address = f"{gifts(campaign)}{wanted.reference}/thank/"
    words = "Thank <b>you</b>!"

    over = fin.post(address, {"words": words})
    assert "Thank &lt;b&gt;you&lt;/b&gt;!" in over.content.decode()
    assert "Subject: Thank you, from" in over.content.decode()
    assert not Thanks.objects.exists()
    changed = fin.post(address, {"words": words, "change": "yes"})
    assert "<textarea" in changed.content.decode()
    answers = [fin.post(address, {"words": words, "send": "yes"}, follow=True) for _ in range(2)]

    assert told(answers[0]) == "Your thanks are on the way."
    assert "done once" in told(answers[1])
    assert Thanks.objects.get().words == words
    assert Mail.objects.filter(kind=mails.THANKS).count() == 1


def test_thanks_of_no_words_or_too_many_are_not_sent(
    fin: Client, campaign: Campaign, wanted: Donation
) -> None:
    for words in ("", "  \n ", "x" * 2001, "a\x00b"):
        page = fin.post(
            f"{gifts(campaign)}{wanted.reference}/thank/", {"words": words, "send": "yes"}
        )
        assert page.status_code == 422, words

    assert not Thanks.objects.exists()


def test_who_does_not_want_mail_has_no_form_to_thank_them(
    fin: Client, campaign: Campaign, payment: Payment
) -> None:
    one = f"{gifts(campaign)}{payment.donation.reference}/"

    assert fin.get(f"{one}thank/")["Location"] == one
    sent = fin.post(f"{one}thank/", {"words": "x", "send": "yes"}, follow=True)

    assert "Nothing was sent." in told(sent)
    assert not Thanks.objects.exists()
    assert "/thank/" not in fin.get(one).content.decode()


# -- giving back --------------------------------------------------------------------------------


def read_over(client: Client, address: str, amount: str = "10") -> dict[str, str]:
    page = client.post(address, {"amount": amount, "reason": "duplicate", "note": "by telephone"})
    assert page.status_code == 200
    return dict(HIDDEN.findall(page.content.decode()))


def test_money_goes_back_once_it_was_confirmed_and_once_however_often_one_clicks(
    fin: Client, campaign: Campaign, payment: Payment, standin: StandIn
) -> None:
    address = f"{gifts(campaign)}{payment.donation.reference}/refund/{payment.pk}/"
    said = read_over(fin, address)
    assert standin.objects("refund") == []

    answers = [fin.post(address, said, follow=True) for _ in range(2)]

    assert [refund["amount"] for refund in standin.objects("refund")] == [1000]
    assert all("£10.00 has been given back" in told(answer) for answer in answers)
    assert answers[0].redirect_chain[0][0] == f"{gifts(campaign)}{payment.donation.reference}/"
    request = RefundRequest.objects.get()
    assert request.amount == Money(1000)
    trail = LogEntry.objects.get()
    assert trail.user == request.by
    assert "£10.00 of £25.00" in trail.change_message


@pytest.mark.parametrize("amount", ["0", "-1", "25.01", "1e3", "", "ten"])
def test_more_than_is_there_is_not_given_back(
    fin: Client, campaign: Campaign, payment: Payment, standin: StandIn, amount: str
) -> None:
    address = f"{gifts(campaign)}{payment.donation.reference}/refund/{payment.pk}/"

    page = fin.post(address, {"amount": amount, "reason": "duplicate", "note": ""})

    assert page.status_code == 422
    assert standin.objects("refund") == []
    assert not RefundRequest.objects.exists()


def test_posted_fields_of_others_change_nothing_about_a_refund(
    fin: Client, campaign: Campaign, other: Campaign, payment: Payment, standin: StandIn
) -> None:
    theirs = paid(other, standin, email="olaf@example.org")
    address = f"{gifts(campaign)}{payment.donation.reference}/refund/{payment.pk}/"
    said = read_over(fin, address)

    fin.post(address, {**said, "payment": theirs.pk, "donation": theirs.donation_id, "by": 1})

    assert RefundRequest.objects.get().payment == payment
    assert LedgerEntry.objects.filter(campaign=other, kind="refund").count() == 0


# -- by hand ------------------------------------------------------------------------------------


def by_hand(client: Client, here: Campaign, **fields: Any) -> dict[str, Any]:
    page = client.get(f"{gifts(here)}offline/").content.decode()
    nonce = re.search(r'name="nonce" value="([^"]+)"', page)
    assert nonce
    return {
        "amount": "£12.50",
        "method": "cash",
        "received_on": (timezone.localdate() - timedelta(days=3)).isoformat(),
        "name": "Carl Cash",
        "email": "carl@example.org",
        "display": "private",
        "nonce": nonce[1],
        **fields,
    }


def test_a_gift_by_hand_is_recorded_once_for_this_campaign(
    fin: Client, campaign: Campaign, other: Campaign
) -> None:
    said = by_hand(
        fin, campaign, campaign=other.pk, campaign_id=other.pk, contact=1, method="cash"
    )

    answers = [fin.post(f"{gifts(campaign)}offline/", said, follow=True) for _ in range(2)]

    gift = Donation.objects.get()
    assert (gift.campaign, gift.amount, gift.method) == (campaign, Money(1250), "cash")
    assert gift.reference in answers[0].redirect_chain[0][0]
    assert Mail.objects.filter(kind=mails.RECEIPT).count() == 1
    assert LogEntry.objects.count() == 1
    again = fin.post(f"{gifts(campaign)}offline/", {**said, "amount": "99"})
    assert again.status_code == 422
    assert "recorded a gift already" in again.content.decode()
    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": "0"},
        {"method": "stripe"},
        {"received_on": "2999-01-01"},
        {"email": "carl"},
        {"name": ""},
        {"nonce": "x"},
        {"display": "everywhere"},
    ],
)
def test_what_cannot_be_a_gift_is_not_recorded(
    fin: Client, campaign: Campaign, wrong: dict[str, str]
) -> None:
    page = fin.post(f"{gifts(campaign)}offline/", by_hand(fin, campaign, **wrong))

    assert page.status_code == 422
    assert not Donation.objects.exists()
    assert not LogEntry.objects.exists()


# -- the file -----------------------------------------------------------------------------------


def download(client: Client, campaign: Campaign, **said: str) -> str:
    answer = client.post(f"{gifts(campaign)}export/", said)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    assert answer["Cache-Control"] == "private, no-store"
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def rows(client: Client, campaign: Campaign, **said: str) -> list[dict[str, str]]:
    text = download(client, campaign, **said)
    assert text.startswith(export.MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(export.MARK))))


def test_the_file_holds_what_is_known_of_each_gift_and_the_trail_who_took_it(
    fin: Client, campaign: Campaign, everybody: None
) -> None:
    before = LogEntry.objects.count()

    found = rows(fin, campaign)

    assert [row["name"] for row in found] == ALL
    assert list(found[0]) == list(export.COLUMNS)
    rita = next(row for row in found if row["name"] == "Rita Refunded")
    assert (rita["came"], rita["went_back"], rita["left"]) == ("9.00", "1.00", "8.00")
    assert (rita["state"], rita["may_be_mailed"]) == ("partly_refunded", "no")
    ola = next(row for row in found if row["name"] == "Ola Once")
    assert (ola["link"], ola["email"], ola["currency"]) == ("poster", "ola@example.org", "GBP")
    told = [entry.change_message for entry in LogEntry.objects.order_by("pk")[before:]]
    assert told == ["Began to export gifts (all gifts).", "Exported 8 gifts (all gifts)."]
    assert {entry.object_repr for entry in LogEntry.objects.order_by("pk")[before:]} == {
        campaign.name
    }


def test_a_part_of_it_is_taken_and_said_so(
    fin: Client, campaign: Campaign, everybody: None
) -> None:
    assert [row["name"] for row in rows(fin, campaign, show="monthly")] == ["Mona Monthly"]
    assert [row["name"] for row in rows(fin, campaign, show="link:poster")] == ["Ola Once"]
    # What is no part is all of it, and is not written into the trail.
    assert len(rows(fin, campaign, show="<script>")) == 8

    told = " ".join(LogEntry.objects.values_list("change_message", flat=True))
    assert "Exported 1 gifts (given every month)." in told
    assert "Exported 1 gifts (came by link:poster)." in told
    assert "script" not in told


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_is_a_formula(fin: Client, campaign: Campaign, name: str) -> None:
    give(campaign, "pi_1", name=name)

    assert rows(fin, campaign)[0]["name"] == f"'{name}"


def test_names_with_commas_quotes_and_lines_stay_one_cell(fin: Client, campaign: Campaign) -> None:
    give(campaign, "pi_1", name='Gail "G", Guest\nof Frome; £')

    assert [row["name"] for row in rows(fin, campaign)] == ['Gail "G", Guest\nof Frome; £']


def test_a_long_file_comes_in_pieces_by_ever_the_same_queries(
    fin: Client, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "CHUNK", 10)
    populate.add_gifts(campaign, count=95, amounts=[500])
    answer: Any = fin.post(f"{gifts(campaign)}export/")
    pieces: list[bytes] = []
    costs = []
    stream = iter(answer.streaming_content)
    while True:
        with CaptureQueriesContext(connection) as queries:
            piece = next(stream, None)
        if piece is None:
            break
        pieces.append(piece)
        costs.append(len(queries))

    assert len(pieces) == 11
    assert costs == [0, *[4] * 10]
    found = list(csv.DictReader(io.StringIO(b"".join(pieces).decode("utf-8-sig"))))
    assert len({row["reference"] for row in found}) == 95


def test_who_gives_up_half_way_has_taken_what_they_took(
    fin: Client, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "CHUNK", 10)
    populate.add_gifts(campaign, count=30, amounts=[500])
    answer: Any = fin.post(f"{gifts(campaign)}export/")
    stream = iter(answer.streaming_content)
    for _ in range(3):
        next(stream)

    answer._iterator.close()

    last = LogEntry.objects.latest("pk").change_message
    assert last == "Exported 20 gifts (all gifts); it broke off."


def test_looking_at_the_page_takes_nothing(fin: Client, campaign: Campaign) -> None:
    give(campaign, "pi_1")

    page = fin.get(f"{gifts(campaign)}export/", {"show": "monthly"})

    assert page.status_code == 200
    assert "gail" not in page.content.decode().lower()
    assert '<option value="monthly" selected>' in page.content.decode()
    assert not LogEntry.objects.exists()
