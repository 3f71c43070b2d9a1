"""What holds of every page: methods, headers, sound HTML. Who may see it: `access_table`."""

import re
from contextlib import closing
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from alliance.core import jobs, patchwork
from alliance.core.models import Heartbeat
from alliance.local.standin import StandIn
from alliance.web import queries
from tests.web.access_table import ACCESS
from tests.web.access_world import make_world

# Voids of HTML: they never close.
VOID = {"meta", "link", "img", "br", "hr", "input"}


@pytest.fixture
def addresses(db: None, standin: StandIn) -> dict[str, str]:
    """The address of every view, in a made-up site; who may use which: `access_table`."""
    return make_world().addresses | {"web:media": "/media/campaigns/nothing.webp"}


def test_each_takes_its_own_methods_and_no_other(
    client: Client, addresses: dict[str, str]
) -> None:
    for name, (_, methods) in ACCESS.items():
        is_allauths = name.startswith(("account_", "mfa_", "usersessions_"))
        asked = ["GET", "POST"] if not is_allauths else []
        for method in (*asked, "PUT", "PATCH", "DELETE"):
            status = client.generic(method, addresses[name]).status_code
            assert (status == 405) == (method not in methods), (name, method, status)


def test_every_answer_carries_the_headers_that_guard_it(
    client: Client, addresses: dict[str, str]
) -> None:
    for address in [*addresses.values(), "/nothing/", "/admin/", "/admin/login/"]:
        response = client.get(address)
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy.replace(f"form-action 'self' {standin_of(policy)}", "")
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Cross-Origin-Opener-Policy"] == "same-origin"
        assert response["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "camera=()" in response["Permissions-Policy"]
        assert response["Referrer-Policy"] in {
            "strict-origin-when-cross-origin",
            # Under "no-referrer" a browser sends no form that we would take.
            "same-origin",
            "no-referrer",
        }


def standin_of(policy: str) -> str:
    found = re.search(r"form-action 'self' (\S+)", policy)
    return found[1].rstrip(";") if found else "-"


class Strict(HTMLParser):
    """Fail on what browsers forgive: tags left open or crossed, ids given twice."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"href", "action"} or (name == "src" and value):
                self.links.append(value or "")
            if name == "style" or name.startswith("on"):
                self.inline.append(name)
        if tag == "style" or (tag == "script" and "src" not in dict(attrs)):
            self.inline.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"


def parsed(html: str) -> Strict:
    parser = Strict()
    parser.feed(html)
    assert parser.open == []
    return parser


def test_every_page_is_sound_html_without_inline_code_and_its_links_lead_somewhere(
    client: Client, addresses: dict[str, str]
) -> None:
    pages = [
        "web:home",
        "web:campaign",
        "web:privacy",
        "donations:give",
        "donations:gift",
        "donations:confirm",
        "donations:receipt",
        "me:home",
        "me:deleted",
        "donations:manage",
        "donations:cancel",
    ]
    for name in pages:
        html = client.get(addresses[name]).content.decode()
        page = parsed(html)
        assert page.inline == [], name
        assert len(page.ids) == len(set(page.ids)), name
        assert html.count("<h1") == html.count("<main") == 1, name
        for link in page.links:
            if link.startswith("#"):
                assert link[1:] in page.ids, (name, link)
            elif link.startswith("/") and not link.startswith("/static/"):
                # A form's own address may take no more than its form.
                answer = client.get(link)
                is_door = answer.headers.get("Location", "").startswith("/account/login/")
                assert answer.status_code in {200, 405} or is_door, (name, link)
    invalid = client.post(addresses["donations:give"], {})
    assert parsed(invalid.content.decode()).inline == []


def test_an_unknown_address_says_so_in_the_sites_own_look(client: Client, db: None) -> None:
    response = client.get("/nothing/here/")

    assert response.status_code == 404
    assert parsed(response.content.decode()).inline == []
    assert "<h1" in response.content.decode()


def test_a_crash_says_so_and_shows_nothing_of_itself(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash() -> None:
        raise RuntimeError("the reason")

    monkeypatch.setattr(queries, "cards", crash)

    response = Client(raise_request_exception=False).get("/")

    assert response.status_code == 500
    assert "the reason" not in response.content.decode()
    assert "<h1" in response.content.decode()


def test_without_its_database_the_site_says_so_and_when_to_come_back(
    client: Client, db: None
) -> None:
    def gone(*_args: object, **_kwargs: object) -> None:
        raise OperationalError("connection refused")

    with connection.execute_wrapper(gone):
        answers = [client.get(path) for path in ("/", "/c/any/", "/c/any/give/")]
        ready = client.get("/readyz")

    for answer in answers:
        assert answer.status_code == 503
        assert answer["Retry-After"] == "30"
        assert parsed(answer.content.decode()).inline == []
        assert "connection refused" not in answer.content.decode()
    assert (ready.status_code, ready.json()) == (503, {"database": False})


@pytest.mark.parametrize(
    "name",
    ["nothing", "hero-", "quilt-101-0", "quilt-1-100", "strip-999999999", "../x", "hero-%00"],
)
def test_drawings_that_are_none_are_not_drawn(client: Client, name: str) -> None:
    assert client.get(f"/art/{name}.svg").status_code == 404


def test_a_drawing_is_kept_for_ever_and_styled_by_its_own_hash(client: Client) -> None:
    response = client.get("/art/strip-11.svg")

    assert response["Content-Type"] == "image/svg+xml"
    assert "immutable" in response["Cache-Control"]
    assert patchwork.STYLE_SOURCE in response["Content-Security-Policy"]


def test_media_serves_what_is_there_and_nothing_above_it(
    client: Client, db: None, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "media" / "campaigns").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("no")
    (tmp_path / "media" / "campaigns" / "a.webp").write_bytes(b"picture")
    settings.MEDIA_ROOT = str(tmp_path / "media")

    with closing(client.get("/media/campaigns/a.webp")) as good:
        assert b"".join(good.streaming_content) == b"picture"  # type: ignore[attr-defined]
        assert "sandbox" in good["Content-Security-Policy"]
    for path in (
        "campaigns/" + "a" * 300 + ".webp",
        "campaigns/../../secret.txt",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "",
    ):
        assert client.get(f"/media/{path}").status_code in {400, 404}


def test_readyz_tells_of_database_broker_and_jobs_and_names_no_secret(
    client: Client, db: None
) -> None:
    told = client.get("/readyz").json()

    late = told.pop("late")
    assert told == {"database": True, "broker": True, "jobs": {}}
    # None ever ran, and the hourly one need not have yet.
    assert "reconcile" not in late
    assert "reconcile" in jobs.late(now=timezone.now() + timedelta(hours=3))


def test_readyz_names_the_jobs_that_are_late_and_answers_all_the_same(
    client: Client, db: None
) -> None:
    ages = {"reconcile": 121, "pull_events": 13, "sweep_refunds": 5, "check_books": 47 * 60}
    for job, minutes in ages.items():
        beat_at = timezone.now() - timedelta(minutes=minutes)
        Heartbeat.objects.create(job=job, beat_at=beat_at)

    response = client.get("/readyz")

    assert response.status_code == 200
    assert set(response.json()["late"]) & set(ages) == {"pull_events", "sweep_refunds"}
    assert set(response.json()["jobs"]) == set(ages)
