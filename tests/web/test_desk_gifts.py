"""Gifts and donors at the desk: who may see them, how they are found, and what is told of each."""

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
from campaigns.models import Campaign, Link, Role
from donations import desk as giving
from donations import refunds
from donations.models import Donor, Payment, RefundRequest, Thanks
from tests import factories
from tests.web.money import ALL, gifts, give, named, paid
from tests.web.test_desk_export import rows
from tests.web.test_every_page import parsed

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
