"""A guest makes an account, finds what they gave, decides about it, takes it along and goes."""

import csv
import json
import re
from collections.abc import Callable
from io import TextIOWrapper
from itertools import product
from zipfile import ZipFile

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, eventually, picture
from tests.browser.test_accounts import PASSWORD, expect_heading, follow, press, sign_up
from tests.browser.test_every_page import SCHEMES, SIZES, small_targets, violations
from tests.browser.test_giving import fill, pay, raised

EMAIL = "grace@example.org"
NAME = "Grace Giver"


def look(page: Page, name: str) -> None:
    """Keep the page's pictures, and hold it to what every page is held to."""
    for (width, height), scheme in product(SIZES, SCHEMES):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        picture(page, f"me-{name}-{width}-{scheme}")
        assert violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert width > 360 or small_targets(page) == [], name


def give(page: Page, site: Site, amount: int, *, monthly: bool = False) -> None:
    page.goto(f"{site.campaign}give/?amount={amount}")
    if monthly:
        page.get_by_label("Every month", exact=True).check()
    fill(page, EMAIL, NAME)
    page.get_by_role("button", name="Continue to payment").click()
    pay(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=15_000)


def prove_if_asked(page: Page) -> None:
    if "reauthenticate" in page.url:
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        press(page, "Go on")


def test_a_supporter_finds_what_they_gave_decides_about_it_takes_it_and_is_deleted(
    open_page: Callable[..., Page], site: Site
) -> None:
    guest = open_page()
    give(guest, site, 2500)
    give(guest, site, 1000, monthly=True)
    total = raised(guest, site)

    page = open_page(accept_downloads=True)
    page.goto(f"{site.url}/me/")
    expect_heading(page, "Your giving")
    sign_up(page, site, EMAIL)

    # What was given as a guest is there, since the address is verified.
    page.goto(f"{site.url}/me/")
    eventually(lambda: page.reload() and "Change or stop it" in page.content())
    expect_heading(page, "£35 sewn in")
    expect(page.locator(".my-gifts li")).to_have_count(1)
    look(page, "home")
    page.locator(".my-gifts .to-receipt").click()
    expect(page.get_by_text("£25.00").first).to_be_visible()
    page.go_back()

    page.locator(".my-gifts").get_by_role("link", name="Change how my name is shown").click()
    look(page, "name")
    page.get_by_label("Show my name", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your name is shown.")).to_be_visible()
    guest.goto(site.campaign)
    expect(guest.get_by_text(NAME)).to_be_visible()

    follow(page, "Change or stop it")
    expect(page.get_by_role("heading", level=1)).to_contain_text("£10")

    page.goto(f"{site.url}/me/mail/")
    page.get_by_role("button", name=re.compile("Yes, send me this.*Progressive")).click()
    expect(page.get_by_text("You agreed on")).to_be_visible()
    look(page, "mail")
    page.get_by_role("button", name=re.compile("Stop it.*Progressive")).click()
    expect(page.get_by_text("; stopped ")).to_be_visible()

    page.get_by_role("link", name="Your data", exact=True).click()
    look(page, "data")
    page.goto(f"{site.url}/me/delete/")
    prove_if_asked(page)
    look(page, "delete")
    page.get_by_role("link", name="take your data with you").click()
    with page.expect_download() as zipped:
        follow(page, "Tables (CSV, zipped)")
    with ZipFile(zipped.value.path()) as archive:
        gifts = TextIOWrapper(archive.open("gifts.csv"), encoding="utf-8-sig")
        assert {row["name"] for row in csv.DictReader(gifts)} == {NAME}
    with page.expect_download() as whole:
        follow(page, "One file (JSON)")
    tables = json.loads(whole.value.path().read_text())["tables"]
    assert [row["amount_minor"] for row in tables["payments"]["rows"]] == [2500, 1000]
    assert len(tables["mail_choices"]["rows"]) == 1

    # Gone, and told so.
    follow(page, "See what deleting means")
    prove_if_asked(page)
    page.get_by_role("button", name="Delete me for good").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick the box")
    page.get_by_label(re.compile("Yes, delete me")).check()
    page.get_by_role("button", name="Delete me for good").click()
    expect(page).to_have_url(f"{site.url}/me/deleted/")
    look(page, "deleted")
    eventually(lambda: any("deleted" in m["subject"] for m in site.mails() if m["to"] == EMAIL))

    page.goto(f"{site.url}/me/mail/")
    expect_heading(page, "Sign in")
    guest.goto(site.campaign)
    expect(guest.get_by_text(NAME)).to_have_count(0)
    assert raised(guest, site) == total
    checked = site.manage("check_books")
    assert checked.returncode == 0, checked.stdout + checked.stderr
