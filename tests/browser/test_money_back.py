"""Money that goes back: by staff, by a bank, and what Stripe's ledger has and ours has not."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, eventually, picture, sign_in
from tests.browser.test_giving import fill, pay, raised, receipts


def give(page: Page, site: Site, email: str, minor: int) -> str:
    """Give, and return the address of the gift's page."""
    page.goto(f"{site.campaign}give/?amount={minor}")
    fill(page, email)
    page.get_by_role("button", name="Continue to payment").click()
    pay(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=15_000)
    return page.url


def await_mail(site: Site, to: str, number: int, words: str) -> None:
    eventually(lambda: len(receipts(site, to)) >= number)
    assert words in receipts(site, to)[0]["text"]


def at_the_bank(page: Page, site: Site, email: str, press: str) -> None:
    """Press a button of the stand-in's front page beside what is about a person's payment."""
    page.goto(site.standin)
    row = page.locator("section[aria-labelledby=charges] li").filter(has_text=email).first
    row.get_by_role("button", name=re.compile(f"^{press}")).click()


def command(page: Page, site: Site, name: str, **given: Any) -> Any:
    answer = page.request.post(f"{site.standin}_standin/{name}", data=given)
    assert answer.ok, answer.text()
    return answer.json()


@contextmanager
def without_the_clock(site: Site) -> Iterator[None]:
    """Let no periodic job run inside: none may bring in what is to be found missing."""
    beats = site.pids("celery -A alliance beat")
    assert beats
    for pid in beats:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in beats:
            os.kill(pid, signal.SIGCONT)


def find_gift(page: Page, site: Site, email: str) -> None:
    page.goto(f"{site.url}/admin/donations/donation/?q={email}")
    page.locator("#result_list th a").first.click()


def test_staff_give_a_part_back_and_the_donor_is_told(
    open_page: Callable[..., Page], site: Site
) -> None:
    page, desk = open_page(), open_page(width=1280, height=900)
    gift = give(page, site, "rita@example.org", 4000)
    before = raised(page, site)
    sign_in(desk, site)

    find_gift(desk, site, "rita@example.org")
    picture(desk, "admin-gift-1280")
    desk.get_by_role("link", name=re.compile("Give back")).click()
    desk.get_by_label(re.compile("Amount")).fill("15")
    desk.get_by_label("the donor asked for it").check()
    desk.get_by_role("button", name=re.compile("Continue")).click()
    expect(desk.get_by_text("£25.00 of this payment")).to_be_visible()
    picture(desk, "admin-refund-confirm-1280")
    said = desk.locator("#content-main form").evaluate("f => Object.fromEntries(new FormData(f))")
    address = desk.url
    desk.get_by_role("button", name=re.compile("Yes, give back £15")).click()
    expect(desk.locator(".messagelist")).to_contain_text("£15.00")
    # The same form once more is the same refund.
    assert desk.request.post(address, form=said).ok

    assert raised(page, site) == before - 1500
    page.goto(gift)
    expect(page.get_by_text("£25 of what you gave")).to_be_visible()
    picture(page, "gift-partly-refunded-360")
    await_mail(site, "rita@example.org", 2, "£15.00")
    assert len(receipts(site, "rita@example.org")) == 2


def test_a_bank_takes_one_gift_back_for_good_and_another_for_a_while(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page()
    lost = give(page, site, "dora@example.org", 3000)
    won = give(page, site, "dirk@example.org", 2000)
    before = raised(page, site)
    for email in ("dora@example.org", "dirk@example.org"):
        at_the_bank(page, site, email, "Dispute")
    eventually(lambda: raised(page, site) == before - 5000)
    page.goto(lost)
    expect(page.get_by_role("main")).to_contain_text(re.compile("bank", re.IGNORECASE))
    picture(page, "gift-disputed-360")

    page.goto(site.standin)
    for amount, outcome in ((r"£30\.00", "Lose it"), (r"£20\.00", "Win it")):
        row = page.locator("li").filter(has_text=re.compile(rf"{amount}\s+dispute"))
        row.first.get_by_role("button", name=re.compile(outcome)).click()

    eventually(lambda: raised(page, site) == before - 3000)
    await_mail(site, "dora@example.org", 2, "£30.00")
    page.goto(lost)
    picture(page, "gift-charged-back-360")
    page.goto(won)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")
    assert len(receipts(site, "dirk@example.org")) == 1


def test_the_board_finds_what_is_missing_and_brings_it_in(
    open_page: Callable[..., Page], site: Site
) -> None:
    page, desk = open_page(), open_page(width=1280, height=900)
    give(page, site, "bo@example.org", 2000)
    before = raised(page, site)
    sign_in(desk, site)
    desk.goto(f"{site.url}/admin/donations/ledgerentry/board/")
    desk.get_by_role("button", name="Reconcile now").click()
    expect(desk.get_by_text("No differences")).to_be_visible()

    with without_the_clock(site):
        # Nothing tells the site of this refund.
        command(page, site, "faults", drop={"next": 20})
        at_the_bank(page, site, "bo@example.org", "Refund")
        command(page, site, "faults", drop={})
        assert raised(page, site) == before
        desk.get_by_role("button", name="Reconcile now").click()
        expect(desk.get_by_role("heading", name="1 difference")).to_be_visible()
        expect(desk.get_by_role("row").filter(has_text="missing")).to_contain_text("−£20.00")
        picture(desk, "admin-board-1280")
        desk.get_by_role("button", name=re.compile("Bring")).click()
        expect(desk.get_by_text("No differences")).to_be_visible()

    assert raised(page, site) == before - 2000
    checked = site.manage("check_books")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert urlsplit(desk.url).path.endswith("/board/")
