"""A campaign begins, and gets its people: applied for, approved, invited, within their roles."""

import json
import re
from collections.abc import Callable
from itertools import product

from playwright.sync_api import Page, expect

from alliance.local import environment
from tests.browser.conftest import Site, eventually, picture, sign_in_as
from tests.browser.test_accounts import (
    code_for,
    expect_heading,
    follow,
    press,
    prove_by_password,
    sign_up,
    with_authenticator,
)
from tests.browser.test_every_page import SCHEMES, SIZES, small_targets, violations

PASSWORD = "patches of many colours"


def look(page: Page, name: str) -> None:
    """Keep the page's pictures, and hold it to what every page is held to."""
    for (width, height), scheme in product(SIZES, SCHEMES):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        picture(page, f"team-{name}-{width}-{scheme}")
        assert violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        # Django admin's own links are as small as they are.
        if width == 360 and "/admin/" not in page.url:
            assert small_targets(page) == [], name


def link_in_mail(site: Site, to: str, start: str) -> str:
    """Return the first address in the newest mail to somebody that begins so."""

    def found() -> str:
        for mail in site.mails():
            match = re.search(rf"{re.escape(site.url)}{start}\S+", mail["text"])
            if mail["to"] == to and match:
                return match[0]
        return ""

    return str(eventually(found))


def add_a_passkey(page: Page) -> None:
    """Get the second factor that is asked for, and say who it is on the way."""
    expect(page).to_have_url(re.compile("/account/2fa/$"))
    follow(page, "Add a passkey")
    prove_by_password(page)
    press(page, "Add a passkey")
    expect_heading(page, "Recovery codes")


def test_a_campaign_is_applied_for_approved_and_opens_behind_a_second_factor(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = with_authenticator(open_page())
    sign_up(page, site, "wren@example.org")
    page.goto(f"{site.url}/organise/")
    look(page, "desk-empty")
    follow(page, "Apply")
    look(page, "apply")
    press(page, "Send application")
    expect(page.locator(".errors")).to_contain_text("Enter a name for the campaign.")
    look(page, "apply-errors")
    page.get_by_label("Name of the campaign").fill("Trains for All")
    page.get_by_label("What it is for").fill("A train to every town.")
    page.get_by_label("Who you are").fill("Five of us, in Leeds.")
    page.get_by_label("Who receives the money").fill("Trains for All, an association")
    page.get_by_label("How much you’d like to raise").fill("5,000")
    press(page, "Send application")
    expect_heading(page, "Your application waits for us")
    look(page, "apply-waiting")
    page.goto(f"{site.url}/organise/")
    look(page, "desk-waiting")

    staff = open_page(width=1280, height=800)
    sign_in_as(staff, site, environment.ADMIN)
    staff.goto(f"{site.url}/admin/")
    look(staff, "admin-front")
    staff.locator("#needs a", has_text="application").click()
    staff.get_by_role("link", name="Trains for All").click()
    staff.get_by_role("link", name="Approve").click()
    staff.get_by_role("button", name="Yes, let them start").click()
    expect(staff.locator(".messagelist")).to_contain_text("is a draft now")
    staff.goto(f"{site.url}/admin/admin/logentry/")
    expect(staff.locator("#result_list")).to_contain_text("waiting → approved")

    page.goto(link_in_mail(site, "wren@example.org", "/organise/"))
    add_a_passkey(page)
    page.goto(f"{site.url}/organise/")
    look(page, "desk-one")
    page.get_by_role("link", name="Trains for All").click()
    expect(page.locator(".desk-name")).to_have_text("Trains for All")
    # A draft is its own people's alone.
    visitor = open_page()
    answer = visitor.goto(f"{site.url}/c/trains-for-all/")
    assert answer is not None
    assert answer.status == 404


def test_somebody_invited_makes_an_account_accepts_and_sees_what_their_role_may(
    open_page: Callable[..., Page], site: Site
) -> None:
    owner = open_page(width=1280, height=800)
    sign_in_as(owner, site, environment.ORGANISER)
    team = f"{site.campaign.replace('/c/', '/organise/')}team/"
    owner.goto(team)
    owner.get_by_label("Their e-mail address").fill("vita@example.org")
    owner.get_by_label("Viewer").check()
    press(owner, "Send the invitation")
    if "/reauthenticate/" in owner.url:
        owner.get_by_label("Password", exact=True).fill(password_of(site))
        press(owner, "Go on")
    # What was sent before the question is not lost.
    expect(owner.get_by_role("heading", name="vita@example.org")).to_be_visible()
    look(owner, "team")

    page = with_authenticator(open_page())
    link = link_in_mail(site, "vita@example.org", "/organise/invitation/")
    page.goto(link)
    look(page, "invitation")
    follow(page, "Make an account")
    page.get_by_label("E-mail address").fill("vita@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Make the account")
    page.get_by_label("Code from the mail").fill(code_for(site, "vita@example.org"))
    press(page, "Confirm the address")
    # Back where they came from.
    expect_heading(page, "Will you help run Progressive Alliance?")
    look(page, "invitation-signed-in")
    press(page, "Accept")
    add_a_passkey(page)

    page.goto(team)
    expect(page.locator(".tabs")).to_contain_text("Overview")
    expect(page.locator(".tabs")).not_to_contain_text("Gifts")
    expect(page.locator("main")).not_to_contain_text(environment.ORGANISER)
    for rest in ("gifts/", "page/"):
        answer = page.goto(team.replace("team/", rest))
        assert answer is not None
        assert answer.status == 403
    page.goto(link)
    expect(page.locator("main")).to_contain_text("Accept")

    owner.reload()
    owner.get_by_role("link", name="Take out").last.click()
    look(owner, "remove")
    press(owner, "Yes, take them out")
    expect(owner.get_by_role("status")).to_contain_text("out of the team")
    page.goto(team)
    expect(page).to_have_url(re.compile("/account/login/"))


def password_of(site: Site) -> str:
    said: dict[str, str] = json.loads((site.data / "secrets.json").read_text())
    return said["ALLIANCE_DEMO_PASSWORD"]
