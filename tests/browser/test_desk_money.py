"""The money at the desk: a link and what came by it, money given back, the file; for everybody."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from alliance.local.environment import ORGANISER
from tests.browser.conftest import Site, picture, prove, sign_in_as
from tests.browser.test_every_page import SCHEMES, SIZES, violations
from tests.browser.test_giving import fill, pay

DESK = "/organise/progressive-alliance/"


def go(page: Page, site: Site, path: str) -> None:
    """Open a page of the desk, and prove once more who one is where it asks."""
    page.goto(f"{site.url}{DESK}{path}")
    prove(page, site)


def test_a_link_is_made_a_gift_comes_by_it_a_part_goes_back_and_the_file_has_it(
    open_page: Callable[..., Page], site: Site, tmp_path: Path
) -> None:
    desk, donor = open_page(width=1280, height=900), open_page()
    sign_in_as(desk, site, ORGANISER)

    go(desk, site, "links/")
    desk.get_by_label("What it is on").fill("Poster in the library")
    desk.get_by_label("Code", exact=True).fill("library")
    desk.get_by_role("button", name="Make it").click()
    made = desk.locator("#link-library")
    expect(made).to_contain_text("Nothing has come by it yet")
    address = made.get_by_label("Address of Poster in the library").input_value()
    expect(made.get_by_alt_text(f"QR code that leads to {address}")).to_be_visible()

    donor.goto(address)
    donor.locator("form.quick").get_by_label("Other amount").fill("17")
    donor.locator("form.quick").get_by_role("button", name="Give").click()
    assert "ref=library" in donor.url
    fill(donor, "lina@example.org", "Lina Library")
    donor.get_by_role("button", name="Continue to payment").click()
    pay(donor)
    expect(donor.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=15_000)
    assert [c["name"] for c in donor.context.cookies() if "ref" in c["name"]] == []

    go(desk, site, "links/")
    expect(made).to_contain_text("£17")
    go(desk, site, "gifts/?q=lina@example.org")
    expect(desk.locator(".gift-rows li")).to_have_count(1)
    desk.get_by_role("link", name="Lina Library").click()
    expect(desk.get_by_text("has not asked for mail from your campaign")).to_be_visible()
    gift = desk.url
    desk.get_by_role("link", name=re.compile("^Give back")).click()
    assert "reauthenticate" in desk.url
    prove(desk, site)
    desk.get_by_label("Amount").fill("5")
    desk.get_by_label("The donor asked for it").check()
    desk.get_by_role("button", name=re.compile("Continue")).click()
    expect(desk.get_by_text("£12.00 of this payment")).to_be_visible()
    picture(desk, "desk-refund-confirm-1280")
    desk.get_by_role("button", name="Yes, give back £5.00").click()
    expect(desk.get_by_role("status")).to_contain_text("£5.00 has been given back")
    assert desk.url == gift
    expect(desk.locator(".timeline")).to_contain_text("£5.00 went back")
    picture(desk, "desk-gift-1280")

    go(desk, site, "gifts/export/?show=link:library")
    with desk.expect_download() as download:
        desk.get_by_role("button", name="Download the CSV file").click()
    download.value.save_as(tmp_path / "gifts.csv")
    text = (tmp_path / "gifts.csv").read_text(encoding="utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["name"], row["email"]) == ("Lina Library", "lina@example.org")
    assert (row["came"], row["went_back"], row["left"]) == ("17.00", "5.00", "12.00")
    assert download.value.suggested_filename.endswith(".csv")


def test_without_javascript_the_address_of_a_link_can_still_be_taken(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page(java_script_enabled=False)
    sign_in_as(page, site, ORGANISER)

    go(page, site, "links/")

    assert page.get_by_role("button", name=re.compile("^Copy")).count() == 0
    assert "?ref=" in page.locator(".copyable input").first.input_value()
    go(page, site, "")
    page.get_by_text("The same figures as a table").click()
    expect(page.get_by_role("table").first).to_contain_text("These")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
@pytest.mark.parametrize(
    "name", ["overview", "gifts", "gift", "donors", "donor", "links", "offline", "export"]
)
def test_no_barrier_is_found_and_nothing_overflows(
    open_page: Callable[..., Page], site: Site, name: str, size: tuple[int, int], scheme: str
) -> None:
    page = open_page(width=size[0], height=size[1], color_scheme=scheme)
    sign_in_as(page, site, ORGANISER)
    paths = {"overview": "", "donors": "gifts/donors/", "gift": "gifts/", "donor": "gifts/donors/"}
    forms = {"offline": "gifts/offline/", "export": "gifts/export/"}

    go(page, site, {**paths, **forms}.get(name, f"{name}/"))
    if name in {"gift", "donor"}:
        page.locator(".gift-who a").first.click()
        expect(page.locator(".gift-rows, .timeline").first).to_be_visible()
    if name == "overview":
        page.get_by_text("The same figures as a table").click()

    picture(page, f"desk-{name}-{size[0]}-{scheme}")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
