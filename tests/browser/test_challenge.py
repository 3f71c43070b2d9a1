"""A giver whom the guard takes for a machine: the page that asks, with JavaScript and without."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import Site, eventually, picture
from tests.browser.test_every_page import SCHEMES, SIZES, violations
from tests.browser.test_giving import fill, pay

TRIED, TRIED_TOO = "tried@example.org", "tried-too@example.org"
# As many unpaid gifts as make the next one of these addresses suspicious.
TRY = f"""
from campaigns.models import Campaign
from donations import guard
from donations.models import Attempt
from tests import factories
campaign = Campaign.objects.get(slug="progressive-alliance")
for email in ["{TRIED}", "{TRIED_TOO}"] * guard.CONTACT.attempts:
    donation = factories.start_donation(campaign, email=email)
    Attempt.objects.create(donation=donation, contact=donation.contact)
"""
# The sum goes as far as a picture should show, and no further.
STOPS_HALFWAY = """
const derive = crypto.subtle.deriveBits.bind(crypto.subtle);
let left = 700;
crypto.subtle.deriveBits = (...given) => left-- > 0 ? derive(...given) : new Promise(() => {});
"""


@pytest.fixture(scope="module")
def tried(site: Site) -> None:
    done = site.manage("shell", "-c", TRY)
    assert done.returncode == 0, done.stderr


def send(page: Page, site: Site, email: str = TRIED) -> None:
    page.goto(f"{site.campaign}give/?amount=500")
    fill(page, email, name="Zoë O’Neil")
    page.get_by_role("button", name="Continue to payment").click()


def test_with_javascript_the_page_does_its_sum_and_goes_on_by_itself(
    open_page: Callable[..., Page], site: Site, tried: None
) -> None:
    page = open_page()
    statuses: list[int] = []

    def note(answer: Response) -> None:
        if answer.request.method == "POST":
            statuses.append(answer.status)

    page.on("response", note)

    send(page, site)

    expect(page).to_have_url(re.compile("/c/pay/cs_"), timeout=30_000)
    assert statuses[:2] == [429, 303]
    pay(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=15_000)
    assert site.manage("check_books").returncode == 0


def test_without_javascript_a_mail_leads_on(
    open_page: Callable[..., Page], site: Site, tried: None
) -> None:
    page = open_page(java_script_enabled=False)
    send(page, site, TRIED_TOO)
    expect(page.get_by_role("heading", level=1)).to_contain_text("A quick check")
    expect(page.get_by_text("Your browser is doing a sum")).to_be_hidden()

    page.get_by_role("button", name="Mail me the link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Look into your mailbox")
    page.goto(eventually(lambda: link(site, TRIED_TOO)))
    expect(page.get_by_role("heading", level=1)).to_contain_text("One press")
    page.get_by_role("button", name="Continue to payment").click()

    expect(page).to_have_url(re.compile("/c/pay/cs_"))
    pay(page)
    # Without JavaScript the page asks Stripe when it is loaded.
    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=15_000)


def link(site: Site, email: str = TRIED) -> Any:
    found = [
        re.search(r"http\S+/confirm/\S+/", str(mail))
        for mail in site.mails()
        if email in str(mail)
    ]
    return next((hit[0] for hit in found if hit), None)


def test_who_mistyped_goes_back_and_finds_every_word(
    open_page: Callable[..., Page], site: Site, tried: None
) -> None:
    page = open_page(java_script_enabled=False)
    send(page, site)

    page.get_by_role("button", name="Change what you typed").click()

    expect(page.get_by_label("Your name", exact=True)).to_have_value("Zoë O’Neil")
    expect(page.get_by_label("Your e-mail address")).to_have_value(TRIED)
    fill(page, "right@example.org")
    page.wait_for_timeout(2000)  # no person is quicker
    page.get_by_role("button", name="Continue to payment").click()
    expect(page).to_have_url(re.compile("/c/pay/cs_"))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
@pytest.mark.parametrize("name", ["challenge", "challenge-without", "confirm"])
def test_no_barrier_is_found_and_nothing_overflows(
    open_page: Callable[..., Page],
    site: Site,
    tried: None,
    name: str,
    size: tuple[int, int],
    scheme: str,
) -> None:
    page = open_page(width=size[0], height=size[1], color_scheme=scheme)
    if name == "challenge":
        page.add_init_script(STOPS_HALFWAY)
    else:
        page.route("**/js/proof*", lambda route: route.abort())
    send(page, site)
    expect(page.get_by_role("heading", level=1)).to_contain_text("A quick check")
    if name == "confirm":
        if not link(site):
            page.get_by_role("button", name="Mail me the link").click()
        page.goto(eventually(lambda: link(site)))
    if name == "challenge":
        expect(page.get_by_role("status")).to_have_text("Working …")
        eventually(lambda: page.locator("progress").evaluate("bar => bar.value > 5"))

    picture(page, f"{name}-{size[0]}-{scheme}")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
