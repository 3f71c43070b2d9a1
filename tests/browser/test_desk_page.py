"""Writing a campaign's page in a real browser: seen as one types, published, usable by all."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from alliance.local.environment import ORGANISER
from tests.browser.conftest import Site, picture, prove, sign_in_as
from tests.browser.test_every_page import SCHEMES, SIZES, small_targets, violations

MAKE_DRAFT = """
from alliance.accounts.models import User
from campaigns.models import Campaign, Membership
draft, is_new = Campaign.objects.get_or_create(
    slug="{slug}", defaults=dict(name="Trees for all", target_minor=100, presets=[])
)
Membership.objects.get_or_create(
    campaign=draft, user=User.objects.get(email="{who}"), defaults=dict(role="owner")
)
"""


def make_draft(site: Site, slug: str) -> str:
    made = site.manage("shell", "-c", MAKE_DRAFT.format(slug=slug, who=ORGANISER))
    assert made.returncode == 0, made.stderr
    return f"{site.url}/organise/{slug}/page/"


def test_from_a_blank_draft_to_a_page_in_public(
    open_page: Callable[..., Page], site: Site
) -> None:
    desk = make_draft(site, "trees-for-all")
    page = open_page(width=1280, height=800)
    sign_in_as(page, site, ORGANISER)
    page.goto(desk)
    expect(page.locator(".gate summary")).to_contain_text("missing before you can publish")

    # The page beside the words is in step with them before anything is saved.
    page.get_by_label("Headline").fill("A tree for every street")
    shown = page.frame_locator(".beside iframe")
    expect(shown.get_by_role("heading", level=1)).to_have_text("A tree for every street")
    page.get_by_label("Opening lines").fill("Ten thousand streets have none.")
    page.get_by_label("Story", exact=True).fill("It *began* with one.\n\n## How\n\n- dig\n- plant")
    expect(shown.locator(".story h2", has_text="How")).to_be_visible()
    expect(shown.locator(".story li")).to_have_count(2)
    expect(shown.get_by_role("button", name=re.compile("Give"))).to_be_disabled()
    page.get_by_label("Target", exact=True).fill("£12,500")
    page.get_by_label("First amount").fill("5")
    for label in ("Who receives the money", "Fees", "Refunds", "Imprint"):
        page.get_by_label(label, exact=True).fill(f"{label}: said.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_have_text("Saved.")

    # What is still missing leads to where it is written.
    page.get_by_role("link", name="Open or closed").click()
    page.get_by_role("link", name=re.compile("A picture, or your word")).click()
    page.get_by_label("Show the drawing instead").check()
    page.get_by_label("The picture in words").first.fill("A rosette of patches.")
    page.get_by_label("Credit").first.fill("Drawing: this site")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Open or closed").click()
    page.get_by_role("link", name=re.compile("At least one goal")).click()
    page.get_by_label("What you’ll be able to do").fill("Plant the first hundred")
    page.get_by_label("What it costs").fill("1,250")
    page.get_by_role("button", name="Add it").click()

    # Others read the draft by its address alone.
    page.get_by_role("link", name="Open or closed").click()
    address = page.get_by_label("Address of the draft").input_value()
    visitor = open_page()
    answer = visitor.goto(f"{site.url}/c/trees-for-all/")
    assert answer
    assert answer.status == 404
    visitor.goto(address)
    expect(visitor.get_by_role("heading", level=1)).to_have_text("A tree for every street")
    expect(visitor.get_by_text("This is a draft.")).to_be_visible()

    page.get_by_role("link", name="Publish").click()
    page.get_by_role("button", name="Yes, publish it").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        "In public, and open for gifts"
    )
    visitor.goto(address)
    expect(visitor).to_have_url(f"{site.url}/c/trees-for-all/")
    expect(visitor.get_by_text("Plant the first hundred")).to_be_visible()
    expect(visitor.get_by_text("£1,250")).to_be_visible()
    expect(visitor.get_by_role("button", name=re.compile("Give"))).to_be_enabled()


def test_without_scripts_a_preview_opens_in_a_tab_of_its_own(
    open_page: Callable[..., Page], site: Site
) -> None:
    desk = make_draft(site, "hedges-for-all")
    page = open_page(java_script_enabled=False)
    sign_in_as(page, site, ORGANISER)
    page.goto(desk)
    page.get_by_label("Headline").fill("A hedge for every garden")

    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Preview").click()

    expect(opened.value.get_by_role("heading", level=1)).to_have_text("A hedge for every garden")
    expect(opened.value.get_by_text("nothing has been saved")).to_be_visible()
    expect(page.get_by_label("Headline")).to_have_value("A hedge for every garden")


def test_of_two_tabs_the_second_is_told_and_saves_what_it_wants_of_both(
    open_page: Callable[..., Page], site: Site
) -> None:
    desk = make_draft(site, "ponds-for-all")
    first, second = open_page(width=1280), open_page(width=360)
    for page in (first, second):
        sign_in_as(page, site, ORGANISER)
        page.goto(desk)
    first.get_by_label("Headline").fill("From the first tab")
    first.get_by_label("Opening lines").fill("The first one's opening.")
    first.get_by_role("button", name="Save").click()
    second.get_by_label("Headline").fill("From the second tab")

    second.get_by_role("button", name="Save").click()

    told = second.get_by_role("alert")
    expect(told).to_contain_text("Somebody else has saved the page meanwhile")
    expect(second.get_by_label("Headline")).to_have_value("From the second tab")
    picture(second, "desk-conflict-360-light")
    assert violations(second) == []
    second.get_by_role("button", name="Take over theirs for opening lines").click()
    expect(second.get_by_label("Opening lines")).to_have_value("The first one's opening.")
    second.get_by_role("button", name="Save on top").click()
    expect(second.get_by_role("status").first).to_have_text("Saved.")
    expect(second.get_by_label("Headline")).to_have_value("From the second tab")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES, ids=["phone", "desk"])
def test_each_of_its_pages_is_usable_by_everybody(
    open_page: Callable[..., Page], site: Site, size: tuple[int, int], scheme: str
) -> None:
    desk = f"{site.url}/organise/progressive-alliance/page/"
    page = open_page(width=size[0], height=size[1], color_scheme=scheme)
    sign_in_as(page, site, ORGANISER)
    found: dict[str, object] = {}
    for name, path in {
        "words": "",
        "pictures": "pictures/",
        "goals": "goals/",
        "goal": "goals/1/",
        "endorsements": "endorsements/",
        "history": "history/",
        "state": "state/",
        "end": "state/end/",
    }.items():
        page.goto(desk + path)
        prove(page, site)
        picture(page, f"desk-{name}-{size[0]}-{scheme}")
        is_wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
        if problems := [*violations(page), *small_targets(page), *["too wide"] * is_wide]:
            found[name] = problems
    assert found == {}
