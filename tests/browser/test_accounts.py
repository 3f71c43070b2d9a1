"""Accounts: made, proven and opened in a real browser, with a virtual authenticator in it."""

import re
import time
from collections.abc import Callable
from itertools import product

import pytest
from playwright.sync_api import Page, expect

from alliance.local import telephone
from tests.browser.conftest import Site, eventually, picture
from tests.browser.test_every_page import SCHEMES, SIZES, small_targets, violations

PASSWORD = "patches of many colours"
CODE = re.compile(r"\b[B-Z]{4}-[B-Z]{4}\b")


def look(page: Page, name: str) -> None:
    """Keep the page's pictures, and hold it to what every page is held to."""
    for (width, height), scheme in product(SIZES, SCHEMES):
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        picture(page, f"account-{name}-{width}-{scheme}")
        assert violations(page) == [], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        assert width > 360 or small_targets(page) == [], name


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


def follow(page: Page, words: str) -> None:
    page.get_by_role("link", name=words).click()


def expect_heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def code_for(site: Site, to: str, number: int = 1) -> str:
    """Return the newest code mailed to an address, once so many mails with codes came."""

    def found() -> str:
        codes = [CODE.search(mail["text"]) for mail in site.mails() if mail["to"] == to]
        codes = [code for code in codes if code]
        return codes[0][0] if len(codes) >= number and codes[0] else ""

    return str(eventually(found))


def sign_up(page: Page, site: Site, email: str) -> None:
    page.goto(f"{site.url}/account/signup/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Make the account")
    page.get_by_label("Code from the mail").fill(code_for(site, email))
    press(page, "Confirm the address")
    page.goto(f"{site.url}/account/")
    expect_heading(page, "Your account")


def prove_by_password(page: Page) -> None:
    """Show once more who is there, where it is asked."""
    expect_heading(page, "Is it still you?")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Go on")


def with_authenticator(page: Page) -> Page:
    """Plug an authenticator of Chromium's own into the page: one with a finger on it."""
    wires = page.context.new_cdp_session(page)
    wires.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    wires.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return page


def test_a_passkey_is_added_and_opens_the_account_alone(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = with_authenticator(open_page())
    sign_up(page, site, "pia@example.org")
    look(page, "home")

    page.goto(f"{site.url}/account/2fa/")
    look(page, "factor")
    follow(page, "Add a passkey")
    prove_by_password(page)
    look(page, "passkey-add")
    press(page, "Add a passkey")

    expect_heading(page, "Recovery codes")
    expect(page.locator(".codes li")).to_have_count(10)
    page.goto(f"{site.url}/account/2fa/webauthn/")
    look(page, "passkeys")
    mails = [mail["subject"] for mail in site.mails() if mail["to"] == "pia@example.org"]
    assert mails[0].endswith("a passkey was added")

    page.goto(f"{site.url}/account/logout/")
    look(page, "logout")
    press(page, "Sign out")
    expect_heading(page, "Sign in")
    press(page, "Use a passkey")
    expect(page).to_have_url(re.compile("/me/"))

    page.goto(f"{site.url}/account/2fa/webauthn/")
    follow(page, "Rename Passkey")
    # Who signed in by the passkey a moment ago still shows who they are before a change.
    follow(page, "Use a passkey")
    press(page, "Use a passkey")
    page.get_by_label("A name for this passkey").fill("My telephone")
    look(page, "passkey-rename")
    press(page, "Save")
    follow(page, "Remove My telephone")
    look(page, "passkey-remove")
    press(page, "Yes, remove it")
    expect(page.locator(".empty")).to_be_visible()


def test_an_app_is_added_and_a_recovery_code_opens_what_it_locked(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page()
    sign_up(page, site, "tom@example.org")
    page.goto(f"{site.url}/account/2fa/totp/activate/")
    look(page, "again")
    prove_by_password(page)
    look(page, "app-add")
    secret = page.locator(".secret").inner_text()
    page.get_by_label("Code that the app shows").fill("000 000")
    press(page, "Add the app")
    expect(page.locator(".errors")).to_contain_text("That code isn’t right")
    look(page, "app-error")
    page.get_by_label("Code that the app shows").fill(telephone.code_of(secret, time.time()))
    press(page, "Add the app")

    expect_heading(page, "Recovery codes")
    look(page, "codes")
    codes = page.locator(".codes code").all_inner_texts()
    with page.expect_download() as download:
        follow(page, "Save as a file")
    assert download.value.path().read_text().split() == codes
    page.reload()
    expect(page.locator(".codes")).to_have_count(0)
    look(page, "codes-again")
    follow(page, "Make new ones")
    look(page, "codes-new")

    page.goto(f"{site.url}/account/logout/")
    press(page, "Sign out")
    page.get_by_label("E-mail address").fill("tom@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Sign in")
    expect_heading(page, "Your second factor")
    look(page, "second-factor")
    page.get_by_label(re.compile("Code from your authenticator app")).fill(codes[0])
    press(page, "Sign in")
    expect(page).to_have_url(re.compile("/me/"))
    page.goto(f"{site.url}/account/2fa/totp/deactivate/")
    prove_by_password(page)
    look(page, "app-remove")


def test_a_mailed_code_signs_in_and_more_addresses_are_added(
    open_page: Callable[..., Page], site: Site
) -> None:
    page = open_page()
    page.goto(f"{site.url}/account/signup/")
    look(page, "signup")
    press(page, "Make the account")
    expect(page.locator(".errors")).to_contain_text("Choose a password.")
    look(page, "signup-errors")
    sign_up(page, site, "ada@example.org")
    page.goto(f"{site.url}/account/logout/")
    press(page, "Sign out")
    look(page, "login")
    follow(page, "Have a code mailed")
    look(page, "code-ask")
    page.get_by_label("E-mail address").fill("ada@example.org")
    press(page, "Mail me a code")
    look(page, "code")
    # Pasted as it stands in the mail, or typed without its dash: both will do.
    code = code_for(site, "ada@example.org", 2).lower().replace("-", " ")
    page.get_by_label("Code from the mail").fill(code)
    press(page, "Sign in")
    expect(page).to_have_url(re.compile("/me/"))

    page.goto(f"{site.url}/account/email/")
    page.get_by_label("E-mail address").fill("ada-work@example.org")
    press(page, "Add it")
    prove_by_password(page)
    page.get_by_label("Code from the mail").fill(code_for(site, "ada-work@example.org"))
    look(page, "address-code")
    press(page, "Confirm the address")
    page.goto(f"{site.url}/account/email/")
    look(page, "addresses")
    page.get_by_role("button", name=re.compile("Make main .*ada-work")).click()
    expect(page.get_by_text("That is your main address now.")).to_be_visible()
    for path, name in (
        ("sessions/", "sessions"),
        ("password/change/", "password"),
        ("inactive/", "closed"),
    ):
        page.goto(f"{site.url}/account/{path}")
        look(page, name)
    mails = [mail for mail in site.mails() if mail["to"] == "ada@example.org"]
    for mail in mails[:2]:
        page.goto(f"{site.mailbox}{mail['id']}/html")
        picture(page, f"account-mail-{mail['subject'].split(': ')[1].replace(' ', '-')}")


def test_a_forgotten_password_is_chosen_anew(open_page: Callable[..., Page], site: Site) -> None:
    page = open_page()
    sign_up(page, site, "rosa@example.org")
    page.goto(f"{site.url}/account/logout/")
    press(page, "Sign out")
    follow(page, "Forgotten your password?")
    look(page, "reset")
    page.get_by_label("E-mail address").fill("rosa@example.org")
    press(page, "Mail me a code")
    page.get_by_label("Code from the mail").fill(code_for(site, "rosa@example.org", 2))
    press(page, "Go on")
    look(page, "reset-new")
    page.get_by_label("New password").fill("another long pass phrase")
    press(page, "Save it")
    look(page, "reset-done")
    follow(page, "Sign in")
    page.get_by_label("E-mail address").fill("rosa@example.org")
    page.get_by_label("Password", exact=True).fill("another long pass phrase")
    press(page, "Sign in")
    expect(page).to_have_url(re.compile("/me/"))


@pytest.mark.parametrize("path", ["2fa/webauthn/add/", "login/"])
def test_without_scripts_each_page_has_another_way(
    open_page: Callable[..., Page], site: Site, path: str
) -> None:
    page = open_page(java_script_enabled=False)
    page.goto(f"{site.url}/account/{path}")

    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    follow(page, "Have a code mailed")
    expect_heading(page, "Sign in with a code")
