"""The real thing, as `manage.py demo` starts it, and a real Chromium in front of it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    expect,
    sync_playwright,
)

from alliance.local.environment import ADMIN, WITH_TELEPHONE
from alliance.local.testing import chromium_path

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / ".screenshots"
READY = re.compile(r"Ready after")
# What the suite itself was given: a demo finds its own.
OURS = ("DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SITE_URL", "SECRET_KEY", "STRIPE_", "ALLIANCE_")


def environment(**extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return {**kept, **extra}


def eventually(what: Callable[[], Any], timeout: float = 60) -> Any:
    """Return what is awaited as soon as it is there; fail after some seconds without it."""
    give_up_at = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < give_up_at, "it never came"
        time.sleep(0.1)  # between two looks at another process
    return found


@dataclass(frozen=True)
class Site:
    """A running demo: its addresses, and its data folder."""

    url: str
    mailbox: str
    standin: str
    data: Path

    @property
    def campaign(self) -> str:
        return f"{self.url}/c/progressive-alliance/"

    def mails(self) -> list[dict[str, Any]]:
        with urlopen(f"{self.mailbox}messages.json") as answer:  # noqa: S310 (our own address)
            mails: list[dict[str, Any]] = json.load(answer)
        return mails

    def manage(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "manage.py", *command],
            env=environment(ALLIANCE_DATA=str(self.data)),
            check=False,
            capture_output=True,
            text=True,
        )

    def pids(self, program: str) -> list[int]:
        """Find the demo's own processes by what they run."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    knows = line.encode() + (entry / "environ").read_bytes()
                except OSError:
                    continue
                if program in line and str(self.data).encode() in knows:
                    found.append(int(entry.name))
        return found


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("demo") / "data"
    log = data.parent / "demo.log"
    with log.open("w") as output:
        demo = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "demo", "--data", data],
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(lambda: READY.search(log.read_text()) or demo.poll() is not None, 120)
            said = log.read_text()
            assert READY.search(said), said
            found = dict(re.findall(r"^  (\S+(?: \S+)*?)\s{2,}(\S+)", said, re.MULTILINE))
            yield Site(
                url=found["Campaign"].split("/c/")[0],
                mailbox=found["Mailbox"],
                standin=found["Stand-in Stripe"],
                data=data,
            )
        finally:
            demo.send_signal(signal.SIGINT)
            assert demo.wait(30) == 0


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A Chromium: none is a failure, never a skip."""
    arguments = ["--disable-dev-shm-usage"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=arguments)
        yield browser
        browser.close()


def is_ours(url: str) -> bool:
    return url.startswith(("http://localhost:", "http://127.0.0.1:"))


def is_well(response: Response) -> bool:
    """A page may say no; what it is made of may not be missing."""
    return response.status < 400 or response.request.is_navigation_request()


def is_harmless(message: ConsoleMessage) -> bool:
    # A page that says no is noted by Chromium too.
    return message.type != "error" or message.text.startswith("Failed to load resource")


@pytest.fixture
def open_page(chromium: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Open a fresh visitor's page; anything it asks of another machine fails the test."""
    contexts: list[BrowserContext] = []
    strays: list[str] = []

    def note(what: str, *, is_fine: bool = False) -> None:
        if not is_fine:
            strays.append(what)

    def new(*, width: int = 360, height: int = 740, **options: Any) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: note(request.url, is_fine=is_ours(request.url)))
        page.on("response", lambda response: note(response.url, is_fine=is_well(response)))
        page.on("pageerror", lambda error: note(str(error)))
        page.on("console", lambda message: note(message.text, is_fine=is_harmless(message)))
        return page

    yield new
    for context in contexts:
        context.close()
    assert strays == []


# The cookies of who signed in once, and the codes that were used up for it.
_signed_in: dict[tuple[str, str], list[Any]] = {}
_used: set[tuple[str, str]] = set()


def sign_in(page: Page, site: Site) -> None:
    """Sign in to Django admin as the demo's superuser."""
    sign_in_as(page, site, ADMIN)
    page.goto(f"{site.url}/admin/")
    expect(page.locator("#user-tools")).to_be_visible()


def sign_in_as(page: Page, site: Site, who: str) -> None:
    """Sign in as one of the demo's people: `environment.ADMIN`, `.ORGANISER` or `.SUPPORTER`.

    A code counts once only, so their session is kept for all tests until somebody ends it.
    """
    page.context.add_cookies(_signed_in.get((site.url, who), []))
    page.goto(f"{site.url}/account/login/")
    if page.locator("[name=login]").count():
        password = json.loads((site.data / "secrets.json").read_text())["ALLIANCE_DEMO_PASSWORD"]
        page.locator("[name=login]").fill(who)
        page.locator("[name=password]").fill(password)
        page.locator("[name=password]").press("Enter")
        if who in WITH_TELEPHONE:
            page.locator("[name=code]").fill(eventually(lambda: fresh_code(site, who)))
            page.locator("[name=code]").press("Enter")
        expect(page.locator("[name=login], [name=code]")).to_have_count(0)
        _signed_in[site.url, who] = page.context.cookies()


def prove(page: Page, site: Site) -> None:
    """Give the demo's password where a page wants to know once more who one is."""
    if "reauthenticate" in page.url:
        secrets = json.loads((site.data / "secrets.json").read_text())
        page.locator("[name=password]").fill(secrets["ALLIANCE_DEMO_PASSWORD"])
        page.locator("[name=password]").press("Enter")
        expect(page.locator("[name=password]")).to_have_count(0)


def fresh_code(site: Site, who: str) -> str:
    """Return the code on the demo's telephone, once; nothing until there is a new one."""
    with urlopen(f"{site.mailbox}telephone.json") as answer:  # noqa: S310 (our own address)
        code: str = json.load(answer)[who]
    if (who, code) in _used:
        return ""
    _used.add((who, code))
    return code


def picture(page: Page, name: str) -> None:
    """Keep a picture of the whole page, for people to look at."""
    PICTURES.mkdir(exist_ok=True)
    page.evaluate("for (const i of document.images) i.loading = 'eager'")
    eventually(lambda: page.evaluate("[...document.images].every((image) => image.complete)"))
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
