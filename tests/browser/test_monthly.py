"""A supporter gives every month: renewed, failed, mended, changed, paused and stopped."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, eventually, picture
from tests.browser.test_giving import fill, raised

EMAIL = "molly-monthly@example.org"
MONTH = 31 * 24 * 60 * 60


def mails(site: Site, subject: str) -> list[dict[str, Any]]:
    return [m for m in site.mails() if m["to"] == EMAIL and re.search(subject, m["subject"])]


def await_mail(site: Site, subject: str, number: int = 1) -> dict[str, Any]:
    """Wait for so many mails of a subject, and return the latest."""
    eventually(lambda: len(mails(site, subject)) >= number)
    found = mails(site, subject)
    assert len(found) == number
    return found[0]


def choose(page: Page, card: str, press: str) -> None:
    page.locator("label.choice").filter(has_text=re.compile(f"^\\s*{card}\\b")).first.click()
    page.get_by_role("button", name=re.compile(press)).click()


def later(page: Page, site: Site, seconds: int) -> None:
    """Move Stripe's clock on; what falls due on the way happens."""
    answer = page.request.post(f"{site.standin}_standin/clock", data={"seconds": seconds})
    assert answer.ok


def test_a_monthly_gift_is_renewed_fails_is_mended_changed_paused_and_stopped(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page(color_scheme="light")
    before = raised(page, site)
    page.goto(f"{site.campaign}give/?amount=1000")
    page.get_by_label("Every month", exact=True).check()
    fill(page, EMAIL, "Molly Monthly")
    picture(page, "give-monthly-360-light")
    page.get_by_role("button", name="Continue to payment").click()
    choose(page, "A card that pays", "Donate|Pay|Subscribe")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=15_000)
    picture(page, "thanks-monthly-360-light")
    assert raised(page, site) == before + 1000

    # The link in the receipt manages this gift, and needs no account.
    receipt = await_mail(site, "Receipt")
    (manage,) = set(re.findall(r"http://\S+/m/\S+/", receipt["text"]))
    page.goto(manage)
    expect(page.get_by_role("heading", level=1)).to_contain_text("£10")
    eventually(lambda: page.reload() and "4242" in page.content())
    picture(page, "manage-360-light")

    later(page, site, MONTH)
    await_mail(site, "Receipt", 2)
    # A card that the bank will turn down: the next payment fails, and that is said at once.
    page.goto(manage)
    page.get_by_role("button", name="Name another card").click()
    choose(page, "A card that pays today", "card")
    expect(page).to_have_url(re.compile("/m/"))
    await_mail(site, "card")
    later(page, site, MONTH)
    told = await_mail(site, "fail|not be taken|could not")
    assert "£10.00" in told["text"]
    page.goto(manage)
    eventually(lambda: page.reload() and "The last payment failed" in page.content())
    picture(page, "manage-failing-360-light")

    # Another card, and Stripe's next try takes it.
    page.goto(manage)
    page.get_by_role("button", name="Name another card").click()
    choose(page, "A card that pays", "card")
    await_mail(site, "card", 2)
    later(page, site, 4 * 24 * 60 * 60)
    await_mail(site, "Receipt", 3)
    page.goto(manage)
    eventually(lambda: page.reload() and "The last payment failed" not in page.content())

    page.goto(manage)
    page.get_by_label("New amount a month").fill("15")
    page.get_by_role("button", name="Change the amount").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("£15")
    await_mail(site, "£15")

    page.get_by_label("2 months").check()
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_text("Paused until").first).to_be_visible()
    picture(page, "manage-paused-360-light")
    await_mail(site, "[Pp]ause")
    later(page, site, MONTH)

    page.goto(manage)
    page.get_by_role("link", name="Stop giving every month").click()
    picture(page, "manage-cancel-360-light")
    page.get_by_role("button", name="Yes, stop it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("has ended")
    picture(page, "manage-ended-360-light")
    await_mail(site, "[Ss]top|ended")
    later(page, site, 3 * MONTH)

    # Three times it was paid, and neither paused nor stopped once more.
    page.goto(manage)
    assert page.locator("section[aria-labelledby=payments] a").count() == 3
    assert len(mails(site, "Receipt")) == 3
    checked = site.manage("check_books")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    rebuilt = site.manage("replay_events", "--check")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
