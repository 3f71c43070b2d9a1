"""Links of a campaign: made at its desk, taken along by a gift, and what each brought."""

import xml.etree.ElementTree as ET
from io import BytesIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.cache import caches
from django.test import Client
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from alliance.local.standin import StandIn
from campaigns.models import Campaign, Link, Role
from donations import services
from donations.models import Donation
from tests import factories

CODES = [
    *("nothing", "POSTER", "poster ", "poster\x00", "'", "a" * 31, "-", "pöster", "poster/../x"),
    '"><script>alert(1)</script>',
]


@pytest.fixture
def poster(campaign: Campaign) -> Link:
    return Link.objects.create(campaign=campaign, code="poster", label="Poster in shops")


@pytest.fixture
def ed(client: Client, campaign: Campaign) -> Client:
    return factories.sign_in(client, factories.make_member(campaign, Role.EDITOR))


def desk(campaign: Campaign) -> str:
    return f"/organise/{campaign.slug}/links/"


# -- in public ------------------------------------------------------------------------------


def test_a_link_is_taken_from_the_page_to_the_gift_without_a_cookie(
    client: Client, campaign: Campaign, poster: Link, standin: StandIn
) -> None:
    page = client.get(f"{campaign.get_absolute_url()}?ref=poster")
    assert not page.cookies
    shown = page.content.decode()
    assert '<input type="hidden" name="ref" value="poster">' in shown
    assert f'href="/c/{campaign.slug}/give/?ref=poster"' in shown
    form = client.get(f"/c/{campaign.slug}/give/", {"amount": "2500", "ref": "poster"})
    assert 'name="ref" value="poster"' in form.content.decode()

    client.post(f"/c/{campaign.slug}/give/", factories.form_data(campaign, ref="poster"))

    donation = Donation.objects.get()
    assert donation.link == poster
    assert services.give_again_path(donation).endswith("&ref=poster")
    assert services.pledge_of(donation).link_id == poster.pk


def test_sent_twice_with_its_link_it_is_one_gift(
    client: Client, campaign: Campaign, poster: Link, standin: StandIn
) -> None:
    form = factories.form_data(campaign, ref="poster")

    answers = {client.post(f"/c/{campaign.slug}/give/", form)["Location"] for _ in range(2)}

    assert len(answers) == Donation.objects.count() == 1


def test_after_a_mistake_the_link_is_still_there(
    client: Client, campaign: Campaign, poster: Link
) -> None:
    form = factories.form_data(campaign, ref="poster", name="")

    page = client.post(f"/c/{campaign.slug}/give/", form)

    assert page.status_code == 422
    assert 'name="ref" value="poster"' in page.content.decode()


@pytest.mark.parametrize("code", CODES)
def test_a_code_that_is_no_link_changes_nothing_and_is_not_repeated(
    client: Client, campaign: Campaign, poster: Link, standin: StandIn, code: str
) -> None:
    plain = client.get(campaign.get_absolute_url())

    page = client.get(campaign.get_absolute_url(), {"ref": code})
    form = client.get(f"/c/{campaign.slug}/give/", {"ref": code})
    sent = client.post(f"/c/{campaign.slug}/give/", factories.form_data(campaign, ref=code))

    assert page.content == plain.content
    assert page["ETag"] == plain["ETag"]
    assert "<script>alert" not in form.content.decode()
    assert 'name="ref" value=' not in form.content.decode()
    # Spaces around it are nobody's fault; a gift is taken all the same, whatever the code.
    assert sent.status_code in {303, 422}
    assert {d.link_id for d in Donation.objects.all()} <= {None, poster.pk}
    assert "<script>alert" not in sent.content.decode()


def test_another_campaigns_code_is_none_here(
    client: Client, campaign: Campaign, poster: Link, standin: StandIn
) -> None:
    other = factories.make_campaign()

    page = client.get(f"{other.get_absolute_url()}?ref=poster")
    client.post(f"/c/{other.slug}/give/", factories.form_data(other, ref="poster"))

    assert "poster" not in page.content.decode()
    assert Donation.objects.get().link is None


def test_each_link_has_its_own_page_in_the_cache(
    client: Client,
    campaign: Campaign,
    poster: Link,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    address = campaign.get_absolute_url()
    first = client.get(f"{address}?ref=poster")
    with django_assert_num_queries(2):
        again = client.get(f"{address}?ref=poster")
    plain = client.get(address)

    assert again.content == first.content != plain.content
    assert plain["ETag"] != first["ETag"]
    # Made-up codes make no entries: nobody fills the cache with them.
    caches["pages"].clear()
    client.get(address)
    with django_assert_num_queries(2):
        client.get(f"{address}?ref=made-up")


# -- at the desk ----------------------------------------------------------------------------


def test_an_editor_makes_a_link_once_and_it_is_in_the_trail(
    ed: Client, campaign: Campaign
) -> None:
    said = {"label": "Poster in shops", "code": "Poster-1"}

    first = ed.post(f"{desk(campaign)}make/", said)
    second = ed.post(f"{desk(campaign)}make/", said)

    link = Link.objects.get()
    assert (link.campaign, link.code, link.label) == (campaign, "poster-1", "Poster in shops")
    assert (first.status_code, second.status_code) == (303, 422)
    assert "You have a link with this code already." in second.content.decode()
    assert LogEntry.objects.get().change_message == "Made the link poster-1."
    shown = ed.get(desk(campaign)).content.decode()
    assert f"{campaign.get_absolute_url()}?ref=poster-1" in shown
    assert "visits are not counted" in shown


@pytest.mark.parametrize(
    "said",
    [
        {"label": "", "code": "poster"},
        {"label": "Poster", "code": ""},
        {"label": "Poster", "code": "two words"},
        {"label": "Poster", "code": "päger"},
        {"label": "Poster", "code": "a" * 31},
        {"label": "x" * 101, "code": "poster"},
    ],
)
def test_what_is_no_link_is_refused_in_plain_words(
    ed: Client, campaign: Campaign, said: dict[str, str]
) -> None:
    page = ed.post(f"{desk(campaign)}make/", said)

    assert page.status_code == 422
    assert "No link was made." in page.content.decode()
    assert not Link.objects.exists()
    assert not LogEntry.objects.exists()


def test_nobody_makes_another_campaigns_link_by_naming_it_in_the_form(
    ed: Client, campaign: Campaign
) -> None:
    other = factories.make_campaign()

    ed.post(
        f"{desk(campaign)}make/",
        {"label": "P", "code": "p", "campaign": other.pk, "campaign_id": other.pk, "id": 99},
    )
    elsewhere = ed.post(f"{desk(other)}make/", {"label": "P", "code": "p"})

    assert elsewhere.status_code == 404
    link = Link.objects.get()
    assert link.campaign == campaign
    assert link.pk != 99


@pytest.mark.parametrize("role", [Role.VIEWER, Role.FINANCE])
def test_who_may_only_look_sees_links_and_makes_none(
    client: Client, campaign: Campaign, poster: Link, role: Role
) -> None:
    factories.sign_in(client, factories.make_member(campaign, role))

    shown = client.get(desk(campaign)).content.decode()
    refused = client.post(f"{desk(campaign)}make/", {"label": "P", "code": "p"})

    assert "Poster in shops" in shown
    assert "Make a link" not in shown
    assert refused.status_code == 403
    assert Link.objects.get() == poster


def test_a_qr_code_is_svg_and_png_of_the_whole_address(
    ed: Client, campaign: Campaign, poster: Link
) -> None:
    drawn = ed.get(f"{desk(campaign)}poster/qr.svg")
    photo = ed.get(f"{desk(campaign)}poster/qr.png?download")

    assert drawn["Content-Type"] == "image/svg+xml"
    assert ET.fromstring(drawn.content).tag.endswith("svg")  # noqa: S314 (drawn here)
    assert b"style" not in drawn.content
    assert photo["Content-Type"] == "image/png"
    assert photo["Content-Disposition"].endswith(f'"{campaign.slug}-poster.png"')
    assert Image.open(BytesIO(photo.content)).size[0] > 500
    assert ed.get(f"{desk(campaign)}nothing/qr.svg").status_code == 404
    assert ed.get(f"{desk(campaign)}poster/qr.gif").status_code == 404


def test_another_campaigns_codes_cannot_be_drawn(ed: Client, campaign: Campaign) -> None:
    other = factories.make_campaign()
    Link.objects.create(campaign=other, code="theirs", label="Theirs")

    assert ed.get(f"{desk(campaign)}theirs/qr.svg").status_code == 404
    assert ed.get(f"{desk(other)}theirs/qr.svg").status_code == 404


def test_what_each_brought_stands_beside_it_by_the_same_number_of_queries(
    ed: Client, campaign: Campaign, poster: Link, django_assert_num_queries: Any
) -> None:
    once = factories.make_donation(campaign, link=poster, amount_minor=1000)
    factories.make_payment(once, "pi_1")
    monthly = factories.make_donation(campaign, link=poster, frequency="monthly", amount_minor=700)
    factories.make_payment(monthly, "in_1")
    factories.make_payment(factories.make_donation(campaign, amount_minor=500), "pi_2")

    shown = ed.get(desk(campaign)).content.decode()

    assert "£17" in shown
    assert "£7" in shown
    assert "Without a link of yours came 1 gift: £5 raised." in shown
    assert "Gail" not in shown
    with django_assert_num_queries(8):
        ed.get(desk(campaign))
    for code in ("second", "third"):
        Link.objects.create(campaign=campaign, code=code, label=code)
    with django_assert_num_queries(8):
        assert "Nothing has come by it yet" in ed.get(desk(campaign)).content.decode()
