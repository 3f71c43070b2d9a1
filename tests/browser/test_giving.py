"""A supporter gives to the Progressive Alliance: the whole journey, in a real browser."""

import os
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Site, eventually, picture

CARD = {
    "pays": "A card that pays",
    "declines": "A card that is declined",
    "asks": "A card that asks for 3-D Secure",
}


def fill(page: Page, email: str, name: str = "Gail Guest") -> None:
    page.get_by_label("Your name", exact=True).fill(name)
    page.get_by_label("Your e-mail address").fill(email)


def pay(page: Page, how: str = "pays") -> None:
    page.locator("label.choice").filter(has_text=re.compile(f"^\\s*{CARD[how]}\\b")).first.click()
    page.get_by_role("button", name=re.compile("Pay|Donate")).click()


def raised(page: Page, site: Site) -> int:
    page.goto(site.campaign)
    shown = page.locator("aside .raised strong").inner_text()
    return round(float(shown.removeprefix("£").replace(",", "")) * 100)


def receipts(site: Site, to: str) -> list[dict[str, Any]]:
    return [mail for mail in site.mails() if mail["to"] == to]


def test_a_supporter_gives_25_pounds_on_a_phone_sees_the_bar_move_and_gets_the_receipt(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page(color_scheme="light")
    before = raised(page, site)
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Why you should support the Progressive Alliance"
    )

    # The amounts are there at once, without scrolling.
    amount = page.locator("label", has_text="£25").first
    expect(amount).to_be_in_viewport()
    amount.click()
    page.get_by_role("button", name="Give").first.click()

    expect(page.get_by_label("£25", exact=True)).to_be_checked()
    for name in ("mail_campaign", "mail_platform"):
        expect(page.locator(f"[name={name}]")).not_to_be_checked()
    expect(page.locator("[name=display][value=private]")).to_be_checked()
    fill(page, "gail-gives@example.org")
    picture(page, "give-filled-360-light")
    page.get_by_role("button", name="Continue to payment").click()

    expect(page).to_have_url(re.compile("/c/pay/cs_"))
    expect(page.get_by_text("£25.00").first).to_be_visible()
    picture(page, "checkout-360-light")
    pay(page)

    expect(page).to_have_url(re.compile(r"/g/[\w-]{22}/"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=15_000)
    expect(page.get_by_text("£25.00").first).to_be_visible()
    gift_page = page.url
    picture(page, "thanks-360-light")

    assert raised(page, site) == before + 2500
    picture(page, "campaign-after-360-light")
    (mail,) = eventually(lambda: receipts(site, "gail-gives@example.org"))
    assert mail["subject"] == "Receipt: £25.00 for Progressive Alliance"
    assert "£25.00" in mail["text"]
    assert gift_page.split("?")[0] in mail["text"]
    assert "£25.00" in mail["html"]

    # Stripe tells again, forged news arrives: nothing moves.
    page.goto(site.standin)
    picture(page, "standin-360-light")
    again = page.get_by_role("button", name=re.compile("again", re.IGNORECASE))
    again.first.click()
    forged = page.request.post(
        f"{site.url}/stripe/webhook/",
        data='{"id": "evt_forged", "object": "event"}',
        headers={"Stripe-Signature": "t=1,v1=00"},
    )
    assert forged.status == 400
    assert raised(page, site) == before + 2500
    checked = site.manage("check_books")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert len(receipts(site, "gail-gives@example.org")) == 1


def test_a_declined_card_then_3d_secure_then_thanks(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page(width=1280, height=800, color_scheme="dark")
    before = raised(page, site)
    page.goto(f"{site.campaign}give/?amount=1250")
    expect(page.get_by_label("Another amount").last).to_have_value("12.50")
    fill(page, "sam@example.org")
    page.get_by_role("button", name="Continue to payment").click()

    pay(page, "declines")
    expect(page.get_by_role("alert")).to_be_visible()
    assert raised(open_page(), site) == before

    pay(page, "asks")
    page.get_by_role("button", name="Fail").click()
    expect(page.get_by_role("alert")).to_be_visible()
    pay(page, "asks")
    page.get_by_role("button", name="Complete").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=15_000)
    picture(page, "thanks-1280-dark")
    assert raised(page, site) == before + 1250


def test_turning_back_at_the_till_charges_nothing_and_keeps_the_amount(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page()
    before = raised(page, site)
    page.goto(f"{site.campaign}give/?amount=5000")
    fill(page, "omar@example.org")
    page.get_by_role("button", name="Continue to payment").click()
    # By way of the guard: no person fills the form in as quickly.
    expect(page).to_have_url(re.compile("/c/pay/cs_"))

    page.get_by_role("link", name=re.compile("Back|Cancel")).first.click()

    expect(page).to_have_url(re.compile("/give/"))
    expect(page.get_by_label("£50", exact=True)).to_be_checked()
    assert raised(page, site) == before
    assert receipts(site, "omar@example.org") == []


def test_without_javascript_by_keyboard_alone_with_errors_on_the_way(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"{site.campaign}give/")
    submit = page.get_by_role("button", name="Continue to payment")
    submit.focus()
    page.keyboard.press("Enter")

    summary = page.get_by_role("alert")
    expect(summary).to_be_visible()
    assert summary.get_by_role("link").count() == 3
    expect(page.locator("[name=email]")).to_have_attribute("aria-invalid", "true")
    picture(page, "give-errors-360")

    page.locator("[name=amount]").first.focus()
    page.keyboard.press("Space")
    page.locator("[name=name]").focus()
    page.keyboard.type("Zoë O’Neil")
    page.keyboard.press("Tab")
    page.keyboard.type("zoe@example.org")
    page.wait_for_timeout(2000)  # who sends it sooner than a person can is asked for a proof
    submit.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/c/pay/cs_"))
    page.get_by_role("button", name=re.compile("Pay|Donate")).focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=15_000)
    assert eventually(lambda: receipts(site, "zoe@example.org"))


def test_typing_an_amount_chooses_it_and_choosing_one_clears_what_was_typed(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page()
    page.goto(f"{site.campaign}give/?amount=2500")
    other = page.locator("input[name=other]")

    other.fill("7")
    expect(page.locator("[name=amount][value=other]")).to_be_checked()
    page.locator("label", has_text="£50").click()
    expect(other).to_have_value("")


def test_while_the_broker_hangs_gifts_go_on_and_the_receipt_comes_later(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page()
    before = raised(page, site)
    page.goto(f"{site.campaign}give/?amount=500")
    fill(page, "late@example.org")
    (broker,) = site.pids("valkey-server")

    os.kill(broker, signal.SIGSTOP)
    try:
        page.get_by_role("button", name="Continue to payment").click()
        pay(page)
        expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=30_000)
        assert raised(page, site) == before + 500
    finally:
        os.kill(broker, signal.SIGCONT)

    assert eventually(lambda: receipts(site, "late@example.org"), 90)


def test_workers_and_a_broker_that_are_killed_come_back_and_nothing_is_lost(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page()
    before = raised(page, site)
    page.goto(f"{site.campaign}give/?amount=500")
    fill(page, "killed@example.org")
    page.get_by_role("button", name="Continue to payment").click()
    expect(page).to_have_url(re.compile("/c/pay/cs_"))

    victims = [*site.pids("valkey-server"), *site.pids("celery -A alliance")]
    assert len(victims) >= 4
    for victim in victims:
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    pay(page)

    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=30_000)
    assert raised(page, site) == before + 500
    assert eventually(lambda: receipts(site, "killed@example.org"), 90)
    assert site.manage("check_books").returncode == 0
