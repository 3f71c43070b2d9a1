"""Every page, on a phone and on a desk, by day and by night: usable by everybody, and seen."""

import re
from collections.abc import Callable
from io import BytesIO

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ROOT, Site, eventually, picture, sign_in

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = [(360, 740), (1280, 800)]
SCHEMES = ["light", "dark"]


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{v['id']}: {node['html'][:160]}" for v in found for node in v["nodes"]]


def small_targets(page: Page) -> list[str]:
    """What a thumb might miss."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('a, button, label:has(input), input')]
            .filter((e) => !e.closest('.prose, .skip, p:not(.btn-row), dd'))
            .map((e) => e.matches('label > input') ? e.parentElement : e)
            .map((e) => [e.outerHTML.slice(0, 90), e.getBoundingClientRect()])
            .filter(([, box]) => box.height > 0 && box.height < 44)
            .map(([html]) => html)"""
    )
    return found


def visit(page: Page, site: Site, name: str) -> None:
    addresses = {
        "home": site.url,
        "campaign": site.campaign,
        "give": f"{site.campaign}give/?amount=2500",
        "privacy": f"{site.url}/privacy/",
        "missing": f"{site.url}/nothing/",
        "mailbox": site.mailbox,
        "checkout": f"{site.campaign}give/?amount=2500",
        "thanks": f"{site.campaign}give/?amount=2500",
        "confirming": f"{site.campaign}give/?amount=2500",
        "errors": f"{site.campaign}give/",
    }
    page.goto(addresses[name])
    if name == "errors":
        page.get_by_role("button", name="Continue to payment").click()
    if name in {"checkout", "thanks", "confirming"}:
        page.get_by_label("Your name", exact=True).fill("Gail Guest")
        page.get_by_label("Your e-mail address").fill("gail@example.org")
        page.get_by_role("button", name="Continue to payment").click()
        expect(page).to_have_url(re.compile("/c/pay/cs_"))
    if name in {"thanks", "confirming"}:
        how = "A card that pays" if name == "thanks" else "A bank account that settles later"
        page.locator("label.choice", has_text=how).first.click()
        page.get_by_role("button", name="Donate").click()
        said = "sewn" if name == "thanks" else "waiting"
        expect(page.get_by_role("heading", level=1)).to_contain_text(said, timeout=15_000)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
@pytest.mark.parametrize(
    "name",
    [
        "home",
        "campaign",
        "give",
        "errors",
        "privacy",
        "missing",
        "checkout",
        "thanks",
        "confirming",
        "mailbox",
    ],
)
def test_no_barrier_is_found_and_nothing_overflows(
    open_page: Callable[..., Page], site: Site, name: str, size: tuple[int, int], scheme: str
) -> None:
    page = open_page(width=size[0], height=size[1], color_scheme=scheme)

    visit(page, site, name)

    picture(page, f"{name}-{size[0]}-{scheme}")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.fixture(scope="module")
def monthly(chromium: Browser, site: Site) -> dict[str, str]:
    """The addresses around a monthly gift, made once on Stripe's page."""
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{site.campaign}give/?amount=2500&frequency=monthly")
        page.get_by_label("Your name", exact=True).fill("Gail Guest")
        page.get_by_label("Your e-mail address").fill("gail-monthly@example.org")
        page.get_by_role("button", name="Continue to payment").click()
        page.locator("label.choice", has_text="A card that pays").first.click()
        page.get_by_role("button", name=re.compile("Pay|Donate|Subscribe")).click()
        thanks = page.get_by_role("heading", level=1)
        expect(thanks).to_contain_text("sewn", timeout=15_000)
        gift = page.url.partition("?")[0]
        # The receipt may be quicker than the plan's own news: a fresh mail of links is not.
        eventually(lambda: page.goto(gift) and page.locator(".lines a").count())
        link = re.compile(r"http://\S+/m/\S+/")
        page.goto(f"{site.url}/me/")
        page.get_by_label("Your e-mail address").fill("gail-monthly@example.org")
        page.get_by_role("button", name="Send me the links").click()
        found = eventually(
            lambda: [
                link.search(mail["text"])
                for mail in site.mails()
                if mail["to"] == "gail-monthly@example.org" and link.search(mail["text"])
            ]
        )
    manage = found[0][0]
    return {
        "manage": manage,
        "stop": f"{manage}cancel/",
        "gift-monthly": gift,
        "slip": f"{gift}receipt/1/",
        "giving": f"{site.url}/me/",
        "lost": f"{site.url}/m/1.lost.link/",
    }


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
@pytest.mark.parametrize(
    "name", ["manage", "manage-error", "stop", "gift-monthly", "slip", "giving", "lost"]
)
def test_the_pages_of_a_monthly_gift_have_no_barrier_either(
    open_page: Callable[..., Page],
    monthly: dict[str, str],
    name: str,
    size: tuple[int, int],
    scheme: str,
) -> None:
    page = open_page(width=size[0], height=size[1], color_scheme=scheme)

    page.goto(monthly[name.removesuffix("-error")])
    if name == "manage-error":
        page.get_by_role("button", name="Change the amount").click()
        expect(page.get_by_role("alert")).to_be_visible()

    picture(page, f"{name}-{size[0]}-{scheme}")
    assert violations(page) == []
    assert small_targets(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_receipt_is_one_page_of_paper(
    open_page: Callable[..., Page], monthly: dict[str, str]
) -> None:
    page = open_page(color_scheme="dark")
    page.goto(monthly["slip"])

    paper = page.pdf(format="A4")

    assert paper.count(b"/Type /Page\n") == 1
    page.emulate_media(media="print")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.slip')).color") == "rgb(0, 0, 0)"
    )
    for selector in ("header", "footer", "nav", ".eyebrow", ".screen"):
        for element in page.locator(selector).all():
            expect(element).to_be_hidden()


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "dark")])
def test_the_readmes_pictures_are_of_the_real_page(
    open_page: Callable[..., Page],
    site: Site,
    request: pytest.FixtureRequest,
    width: int,
    scheme: str,
) -> None:
    page = open_page(width=width, height=width * 5 // 4, color_scheme=scheme)
    page.goto(site.campaign)
    expect(page.locator(".hero")).to_have_js_property("complete", value=True)

    shot = Image.open(BytesIO(page.screenshot()))

    kept = ROOT / ".pictures" / f"campaign-{width}-{scheme}.webp"
    if request.config.getoption("--pictures"):
        kept.parent.mkdir(exist_ok=True)
        shot.save(kept, quality=80)
    with Image.open(kept) as known:
        assert known.size == shot.size


def test_targets_are_large_enough_for_a_thumb(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    for name in ("campaign", "give"):
        visit(page, site, name)
        assert small_targets(page) == []


def test_the_first_tab_leads_past_the_masthead(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(width=1280, height=800)
    page.goto(site.campaign)

    page.keyboard.press("Tab")

    expect(page.locator(":focus")).to_have_text("Skip to the content")
    expect(page.locator(":focus")).to_be_in_viewport()


def test_text_at_twice_its_size_still_fits(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page(width=640, height=800)
    for name in ("campaign", "give"):
        visit(page, site, name)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_receipt_reads_well_in_a_browser(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    visit(page, site, "checkout")
    page.get_by_role("button", name=re.compile("Pay|Donate")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you", timeout=15_000)
    eventually(site.mails)
    for scheme in SCHEMES:
        reader = open_page(color_scheme=scheme)
        reader.goto(site.mailbox)
        reader.get_by_role("link", name=re.compile("Receipt")).first.click()
        picture(reader, f"receipt-360-{scheme}")
        frame = reader.locator("iframe").content_frame
        expect(frame.get_by_role("heading", level=1)).to_contain_text("Thank you")


def test_an_admin_signs_in_and_finds_campaign_gifts_and_ledger(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page(width=1280, height=800)
    sign_in(page, site)

    for path in (
        "campaigns/campaign",
        "donations/donation",
        "donations/ledgerentry",
        "donations/stripeevent",
        "outbox/mail",
        "contacts/contact",
        "events/event",
        "updates/update",
        "accounts/user",
    ):
        page.goto(f"{site.url}/admin/{path}/")
        expect(page.locator("#changelist")).to_be_visible()
        if page.locator("#result_list tbody th a").count():
            page.locator("#result_list tbody th a").first.click()
            expect(page.locator("#content h1").first).to_be_visible()
    picture(page, "admin-1280-light")
